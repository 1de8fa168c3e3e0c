"""Where in the text a model was at each moment of a clip: the trace by which a skip or a loop can be seen.

A family whose prior is given a monotonic alignment shows that alignment. Others show the attention of SemanticGPT over
the phones, in the head that follows the text best. The clip is spoken once more under a probe, and then each sentence
is drawn once; where the kept clip was another draw, its forced alignment stands in.
Letters: F frames, P phones of all sentences.
"""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch

from gsv_lab.audio import read
from gsv_lab.errors import HookError, LabError
from gsv_lab.evaluation.hard.clips import Clip, codes_identity
from gsv_lab.evaluation.hard.guards import Guard
from gsv_lab.evaluation.hard.texts import sentences
from gsv_lab.hooks import Record, Records, probe
from gsv_lab.hooks.catalogue import points
from gsv_lab.inference.prompting import prompted_text
from gsv_lab.inference.voice import Voice
from gsv_lab.text import Phones

ALIGNMENT = "prior.phone_alignment"
ATTENTION = "semantic_gpt.layers.*.attention.pattern"
MOST_MB = 1024.0
"""Memory that a record may take; a longer clip has no attention to show."""


class Trace(NamedTuple):
    """Weights (F, P) of the phones in each frame, frames a second, and what they are."""

    weights: np.ndarray
    rate: float
    source: str


def trace(lab: Any, clip: Clip, voice: Voice, guard: Guard, folder: Path) -> Trace | None:
    """Where in its text a model was as it spoke a clip, which lies below a folder; None where nothing can say so."""
    texts = sentences(lab, clip.text, voice)
    try:
        found, same = _probed(lab, clip, voice, guard, texts)
    except HookError:  # more than the memory that a record may take
        found, same = None, False
    if found is not None and same:
        return found
    try:
        return _forced(lab, clip, texts, folder) or found
    except LabError:
        return found


def _probed(lab: Any, clip: Clip, voice: Voice, guard: Guard, texts: Sequence[Phones]) -> tuple[Trace | None, bool]:
    """What a second run shows, and whether it spoke the same codes."""
    network = lab.synthesizer_for(voice)
    aligned = ALIGNMENT in points(network)
    options = {name: value for name, value in guard.options.items() if name != "candidates"}
    watched = ALIGNMENT if aligned else ATTENTION
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with probe(network, watched, edits=guard.edits, limit_mb=MOST_MB, dtype=torch.float16) as records:
            speech = lab.speak(clip.text.text, voice, language=clip.text.language, seed=clip.seed, **options)
    same = codes_identity(speech.codes) == clip.codes
    if aligned:
        record = records[ALIGNMENT]
        parts = [step[0].float().numpy() for step in record.steps]
        rate, source = float(record.rate or 0), "monotonic alignment, as the prior was given it"
    else:
        before = [prompted_text(network, phones, voice.prompt).before for phones in texts]
        parts, source = _attention(records, before, [len(phones) for phones in texts])
        rate = network.semantic_gpt.frame_rate
    if [part.shape[1] for part in parts] != [len(phones) for phones in texts]:
        return None, same
    if not same:
        source += " (another draw of the same seed)"
    return Trace(_one_after_the_other(parts, round(lab.family.pause * rate)), rate, source), same


def _attention(records: Records, before: Sequence[int], sizes: Sequence[int]) -> tuple[list[np.ndarray], str]:
    """Attention of each sentence over its phones, in the head that follows the text best, and which head that is."""
    best: tuple[float, list[np.ndarray], str] = (-1.0, [], "")
    for layer, record in enumerate(records.values()):
        decodes = [decode.stacked().value[:, 0].float().numpy() for decode in _decodes(record)]
        if len(decodes) != len(sizes):
            return [], ""
        for head in range(decodes[0].shape[1]):
            pairs = zip(decodes, before, sizes, strict=True)
            parts = [np.nan_to_num(decode[:, head, first : first + size]) for decode, first, size in pairs]
            score = float(np.mean([_follows(part) for part in parts]))
            if score > best[0]:
                best = (score, parts, f"attention of SemanticGPT, layer {layer}, head {head}")
    return best[1], best[2]


def _decodes(record: Record) -> list[Record]:
    """A record of several decodes as one each; a decode begins with a call for all its phones."""
    query = record.axes.index("query")
    begins = [call for call, step in enumerate(record.steps) if step.shape[query] > 1]
    return [record[first:last] for first, last in zip(begins, [*begins[1:], len(record)], strict=True)]


def _follows(weights: np.ndarray) -> float:
    """How well an attention (F, P) follows the text: its diagonality; 0 where all weights are."""
    from gsv_lab.figures import diagonality

    return diagonality(weights) if weights.sum() > 0 else 0.0


def _forced(lab: Any, clip: Clip, texts: Sequence[Phones], folder: Path) -> Trace | None:
    """The forced alignment of the kept clip by the family's own aligner; None where it has none."""
    if not lab.family.synthesizer.content_encoder.n_phones:
        return None
    wave = read(folder / clip.path, sample_rate=lab.sample_rate).samples
    phones = texts[0]
    for more in texts[1:]:
        phones = phones + more
    rate = lab.family.synthesizer.semantic_gpt.frame_rate
    positions = lab.recordings.align(wave, phones).positions(round(clip.seconds * rate), rate)
    weights = (positions[:, None] == np.arange(len(phones))).astype(np.float64)
    return Trace(weights, rate, "forced alignment of the clip")


def _one_after_the_other(parts: Sequence[np.ndarray], pause: int) -> np.ndarray:
    """Patterns (F_i, P_i) of sentences with pauses of so many frames between them -> one (F, P)."""
    frames = sum(len(part) for part in parts) + pause * (len(parts) - 1)
    whole = np.zeros((frames, sum(part.shape[1] for part in parts)))
    frame = phone = 0
    for part in parts:
        whole[frame : frame + len(part), phone : phone + part.shape[1]] = part
        frame += len(part) + pause
        phone += part.shape[1]
    return whole
