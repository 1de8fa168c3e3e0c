"""The first sentences of a recording with everything that SemanticGPT could know of them, and two ways to run it.

    part = excerpt(lab, recording)
    logits = told(lab, part.phones, part.codes, part.places)      # teacher forcing: the true codes before each step
    run = decode(lab, part.phones, seed=0)                        # free running: its own codes before each step

Letters: T samples, P phones, N codes at 25 Hz, V classes (codes and stop). The file knows no notebook.
"""

from __future__ import annotations

import math
import operator
from dataclasses import replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsv_lab.extensions.monotonic_alignment import steady
from gsv_lab.hooks.record import Records
from gsv_lab.inference.lab import Lab
from gsv_lab.nn.decoding import steps
from gsv_lab.teaching.exercises.material import FoundSpeech, shipped_sample
from gsv_lab.teaching.exercises.voices import recordings_beside
from gsv_lab.text import Phones, phonemize
from gsv_lab.text.split import split_sentences

MARGIN = 0.2
"""Seconds of silence kept around an excerpt."""


class Excerpt(NamedTuple):
    """A stretch of speech whose text is known.

    `wave` (T,) at the lab's rate; `phones` with `start` and `end` (P,) in seconds; `codes` (N,) as the quantizer hears
    them; `places` (N,), which phone each code speaks; `source`, one sentence on where it comes from.
    """

    wave: Tensor
    phones: Phones
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    codes: Tensor
    places: Tensor
    source: str


class Run(NamedTuple):
    """A free run: `codes` (N,), the `logits` (N, V) that each was drawn from, `places` (N,) where the network has a
    pointer into the text, else None, and the `reason` for its end.
    """

    codes: Tensor
    logits: Tensor
    places: Tensor | None
    reason: str


def excerpt(lab: Lab, recording: FoundSpeech, least: float = 2.5, most: float = 8.0) -> Excerpt:
    """The first whole sentences of a recording, at least `least` seconds of them if there are so many.

    A recording without a text, with too long a first sentence, or of which only a part is known, gives way to the
    shipped sample; `source` says so.

    Args:
        lab: hears the codes and finds the times.
        recording: whose beginning is wanted.
        least: seconds.
        most: seconds.

    Raises:
        DataError, TextError: the text cannot belong to the recording, or cannot be read.
    """
    if recording.text and recording.is_whole:
        found = _Sentences(lab, recording).first(least)
        if found.end[-1] <= most:
            return found
    why = "is too long for a lesson" if recording.text else "has no text beside it"
    sample = shipped_sample()
    return _Sentences(lab, sample).first(least)._replace(source=f"{recording.path.name} {why}. {sample.source}")


def excerpts(lab: Lab, recording: FoundSpeech, most: int = 5) -> list[Excerpt]:
    """The sentences of a recording, each on its own, then those of the others in `GSV_LAB_SPEECH` that have a text;
    those of the shipped sample where there are fewer than two.

    Args:
        lab: hears the codes and finds the times.
        recording: with its text.
        most: sentences.

    Raises:
        DataError, TextError: a text cannot belong to its recording, or cannot be read.
    """
    found: list[Excerpt] = []
    for speech in (recording, *recordings_beside(recording)):
        if speech.text and speech.is_whole and len(found) < most:
            known = _Sentences(lab, speech)
            found += [known.cut(number, number + 1) for number in range(len(known.phones))]
    if len(found) >= min(2, most):
        return found[:most]
    sample = shipped_sample()
    known = _Sentences(lab, sample)
    if recording.path != sample.path:
        known.source = f"{recording.path.name} has not enough sentences with their text. {known.source}"
    return [known.cut(number, number + 1) for number in range(min(most, len(known.phones)))]


class _Sentences:
    """A recording with its text, cut into sentences whose times are known."""

    def __init__(self, lab: Lab, recording: FoundSpeech) -> None:
        self.lab, self.wave, self.source = lab, recording.wave, recording.source
        texts = split_sentences(recording.text, recording.language)
        self.phones = [phonemize(text, recording.language) for text in texts]
        self.times = lab.align(self.wave, reduce(operator.add, self.phones))
        self.edges = np.cumsum([0, *map(len, self.phones)])

    def first(self, least: float) -> Excerpt:
        """As many sentences as it takes to reach `least` seconds."""
        long_enough = [n for n in range(1, len(self.edges)) if self.times.end[self.edges[n] - 1] >= least]
        return self.cut(0, long_enough[0] if long_enough else len(self.phones))

    def cut(self, first: int, last: int) -> Excerpt:
        """Sentences `first` to `last` - 1, a moment of silence kept at either end."""
        rows = slice(self.edges[first], self.edges[last])
        start, end = self.times.start[rows], self.times.end[rows]
        sounds = self.times.ids[rows] >= 0
        begin = max(0, math.floor((start[sounds][0] - MARGIN) * 25)) if first else 0
        after = math.ceil(min(end[sounds][-1] + MARGIN, self.times.duration) * 25 - 1e-6)
        wave = self.wave[begin * self.lab.sample_rate // 25 : after * self.lab.sample_rate // 25]
        codes = self.lab.family.synthesizer.hear(wave)[0]
        phones = reduce(operator.add, self.phones[first:last])
        spoken = self.times.positions(round(self.times.duration * 25), 25.0)[begin : begin + len(codes)]
        spoken = np.pad(spoken, (0, max(0, len(codes) - len(spoken))), constant_values=-1) - self.edges[first]
        places = np.maximum.accumulate(spoken.clip(0, len(phones) - 1))
        start, end = ((times - begin / 25).clip(0, (after - begin) / 25) for times in (start, end))
        return Excerpt(wave, phones, start, end, codes, torch.from_numpy(places), self.source)


@torch.no_grad()
def told(lab: Lab, phones: Phones, codes: Tensor, places: Tensor | None = None) -> Tensor:
    """Teacher forcing in one pass: phones (P,) and codes (N,) -> logits (N + 1, V); row n has seen the codes before n.

    Args:
        lab: whose SemanticGPT is asked.
        phones: the text.
        codes: taken for true.
        places: (N,) which phone each code speaks; only a network with a pointer into the text asks for them.
    """
    gpt, ids, context = _asked(lab, phones)
    pointer = getattr(gpt, "pointer", None)
    more: dict[str, Any] = {}
    if pointer is not None and places is not None:
        more = {"places": steady(places[None], pointer.moves)}
    return gpt(ids, context, codes[None], **more)[0]


@torch.no_grad()
def decode(lab: Lab, phones: Phones, seed: int = 0, **options: Any) -> Run:
    """Free running with a cache, one code after another, without a voice's prompt.

    Args:
        lab: whose SemanticGPT writes.
        phones: the text.
        seed: of the draws.
        options: fields of `gsv_lab.nn.sampling.Sampling` that differ from the lab's.

    Raises:
        ConfigError: PARAM_RANGE, an option outside its range.
    """
    gpt, ids, context = _asked(lab, phones)
    longest = round(len(phones) * lab.family.codes_per_phone) + 15
    sampling = replace(lab.family.sampling, **{"max_new": longest, "min_new": 1, **options})
    generator = torch.Generator().manual_seed(seed)
    taken, reason = [], "max_new"
    for step in steps(gpt, ids, context, sampling=sampling, generator=generator):
        reason = step.ended[0] or reason
        if step.ended[0] in (None, "max_new"):
            taken.append(step)
    codes = torch.tensor([int(step.codes[0]) for step in taken], dtype=torch.int64)
    logits = torch.cat([step.logits for step in taken]) if taken else torch.zeros(0, gpt.eos + 1)
    found = [step.places for step in taken if step.places is not None]
    places = torch.cat(found) if found else None
    return Run(codes, logits, places, reason)


def _asked(lab: Lab, phones: Phones) -> tuple[Any, Tensor, Tensor]:
    synthesizer = lab.family.synthesizer
    return synthesizer.semantic_gpt, torch.tensor([phones.ids]), synthesizer.context_encoder(phones)[None]


def most_diagonal(heard: Records, n_phones: int) -> tuple[str, int, float]:
    """The head that follows the phones best: name of its tap, number of the head, diagonality (0 to 1).

    Args:
        heard: of a decode, with `*.attention.pattern` watched.
        n_phones: how many of the keys are phones; the first ones.
    """
    from gsv_lab.figures import diagonality

    best = ("", 0, -1.0)
    for name, record in heard.items():
        if not name.endswith("attention.pattern"):
            continue
        weights = record.stacked().value[:, 0, :, :n_phones]
        for head in range(weights.shape[1]):
            best = max(best, (name, head, diagonality(weights[:, head])), key=lambda found: found[2])
    return best


@torch.no_grad()
def content_likeness(lab: Lab, one: Tensor, other: Tensor) -> float:
    """How alike two waves (T,) are in what is said: mean cosine of their content, its mean over time taken off.

    1 is the same; different speech is near 0. The judge is the content encoder, which also made the codes.
    """
    first, second = (lab.family.synthesizer.recognise(wave).content[0] for wave in (one, other))
    frames = min(first.shape[-1], second.shape[-1])
    first, second = (content[:, :frames] for content in (first, second))
    first, second = (content - content.mean(-1, keepdim=True) for content in (first, second))
    return float(torch.cosine_similarity(first, second, dim=0).mean())


def mel_distance(lab: Lab, one: Tensor, other: Tensor) -> float:
    """Mean absolute difference of two waves' log-mels (T,) over the shorter one, in nats."""
    with torch.no_grad():
        first, second = (lab.components()["content_encoder"].log_mel(wave[None])[0] for wave in (one, other))
    frames = min(first.shape[-1], second.shape[-1])
    return float((first[..., :frames] - second[..., :frames]).abs().mean())
