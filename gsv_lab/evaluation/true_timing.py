"""Predicted codes along the timing of a recording: what SemanticGPT's own timing costs is the difference to zero-shot.

A network that plans durations is given the recording's; one that decides at every code how far to go on in the text is
given the recording's advances.
Letters: T samples, P phones of the text, F25 codes, G speaker width.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from gsv_lab.hooks import Edit, probe, swap
from gsv_lab.hooks.catalogue import points
from gsv_lab.inference.batching import predict_codes
from gsv_lab.inference.prompting import prompted_text
from gsv_lab.inference.voice import Voice
from gsv_lab.text import Phones

PLAN = "semantic_gpt.duration_predictor"
ADVANCE = "semantic_gpt.monotonic_alignment.advance"
SURE = 30.0
"""Nat or logits by which the recording's timing is likelier than any other."""


def has_timing(lab: Any) -> bool:
    """Whether a lab's SemanticGPT knows where in the text a code stands."""
    return lab.family.synthesizer.semantic_gpt.max_advance > 0


@torch.no_grad()
def speak_with_true_timing(lab: Any, wave: Tensor, phones: Phones, voice: Voice, seed: int) -> Tensor:
    """A text with the timing of a recording of it, one candidate.

    Args:
        lab: a `Lab` for which `has_timing`.
        wave: (T,) the recording at the lab's rate.
        phones: what it says.
        voice: who speaks.
        seed: of the sampling.

    Returns:
        (T,) as long as the recording, to a code.
    """
    family, synthesizer = lab.family, lab.synthesizer_for(voice)
    phones = family.phones(phones)
    n_codes = synthesizer.encode(wave).shape[-1]
    path = lab.recordings.phone_index(wave, phones, n_codes)
    row = prompted_text(synthesizer, phones, voice.prompt)
    if f"{PLAN}.log_codes" in points(lab):
        edits = _planned(path, len(phones), row.phone_index, row.before)
    else:
        edits = _advancing(path, row.before, synthesizer.semantic_gpt.max_advance)
    sampling = replace(family.sampling, min_new=n_codes, max_new=n_codes, codes_per_phone=None)
    generator = torch.Generator().manual_seed(seed)
    with probe(lab, edits=edits):
        predicted = predict_codes(
            synthesizer, [phones], voice.prompt, sampling, generator, speaker=voice.speaker, bounded=False
        )[0]
    return synthesizer.speak(
        predicted.codes,
        phones,
        voice.speaker,
        family.noise_scale,
        1.0,
        generator,
        predicted.phone_index,
        voice.residuals,
    )


def _planned(path: Tensor, n_phones: int, prompt_path: Tensor | None, before: int) -> list[Edit]:
    """The durations of a recording, behind those of the prompt, in place of the expected ones.

    With the prompt's true durations its tempo is the expected one, so that the text keeps its own.
    """
    counts = torch.bincount(path, minlength=n_phones)
    if prompt_path is not None:
        counts = torch.cat([torch.bincount(prompt_path, minlength=before), counts])
    there = torch.where(counts > 0, SURE, -SURE)
    return [
        swap(f"{PLAN}.log_codes", counts.clamp(min=1).float().log()[None]),
        swap(f"{PLAN}.there", there[None]),
    ]


def _advancing(path: Tensor, before: int, max_advance: int) -> list[Edit]:
    """The advances of a recording's path, one edit for each code."""
    # The decode stands at the last phone of the prompt, or without a prompt at the first of the text.
    start = path.new_tensor([-1 if before else 0])
    steps = torch.diff(torch.cat([start, path])).clamp(0, max_advance)
    edits = []
    for step, advance in enumerate(steps.tolist()):
        scores = torch.full((1, 1, max_advance + 1), -SURE)
        scores[..., advance] = SURE
        edits.append(swap(ADVANCE, scores, step=step))
    return edits
