"""The first sentences of a recording with everything that SemanticGPT could know of them, and three ways to run it.

    part = excerpt(lab, recording)
    logits = teacher_forced(lab, part.phones, part.codes, part.phone_index)    # the true codes before each step
    run = decode(lab, part.phones, seed=0)                                     # its own codes before each step
    scores = NextCode(lab, part.phones); scores([]); scores([17])              # the same for a loop of the reader's
    spoken(lab, part.phones, run.codes, voice.speaker, run.phone_index)        # any codes as speech

Letters: T samples, P phones, N codes at 25 Hz, V classes (codes and stop).
"""

from __future__ import annotations

import itertools
import math
import operator
from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsv_lab.audio import Mark
from gsv_lab.extensions.monotonic_alignment import monotonic_path
from gsv_lab.hooks.record import Records
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.nn.decoding import Inputs, counts, steps
from gsv_lab.system.seeds import seeded
from gsv_lab.teaching.exercises.material import FoundSpeech, shipped_sample
from gsv_lab.teaching.exercises.voices import recordings_beside
from gsv_lab.text import Phones, phonemize
from gsv_lab.text.split import split_sentences

MARGIN = 0.2
"""Seconds of silence kept around an excerpt."""


class Excerpt(NamedTuple):
    """A stretch of speech whose text is known.

    `wave` (T,) at the lab's rate; `phones` as the lab's networks read them, with places for pauses where they know
    them, and their `start` and `end` (P,) in seconds; `codes` (N,) from the quantizer; `phone_index` (N,), which phone
    each code speaks; `source`, one sentence on where it comes from.
    """

    wave: Tensor
    phones: Phones
    start: NDArray[np.float64]
    end: NDArray[np.float64]
    codes: Tensor
    phone_index: Tensor
    source: str


class Run(NamedTuple):
    """A free run.

    `codes` (N,); the `logits` (N, V) that each was drawn from; `phone_index` (N,), which phone each code speaks, None
    for networks without monotonic alignment; the `reason` for its end.
    """

    codes: Tensor
    logits: Tensor
    phone_index: Tensor | None
    reason: str


def excerpt(lab: Lab, recording: FoundSpeech, least: float = 2.5, most: float = 8.0) -> Excerpt:
    """The first whole sentences of a recording, at least `least` seconds of them if there are so many.

    A recording without a text, with too long a first sentence, or of which only a part is known, gives way to the
    shipped sample; `source` says so.

    Args:
        lab: gives the codes and the times.
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
    why = "is too long for a notebook" if recording.text else "has no text beside it"
    sample = shipped_sample()
    return _Sentences(lab, sample).first(least)._replace(source=f"{recording.path.name} {why}. {sample.source}")


def excerpts(lab: Lab, recording: FoundSpeech, most: int = 5) -> list[Excerpt]:
    """The sentences of a recording, each on its own, then those of the others in `GSV_LAB_SPEECH` that have a text;
    those of the shipped sample where there are fewer than two.

    Args:
        lab: gives the codes and the times.
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
        self.lab = lab
        self.wave = recording.wave
        self.source = recording.source
        texts = split_sentences(recording.text, recording.language)
        self.phones = [lab.family.phones(phonemize(text, recording.language)) for text in texts]
        self.times = lab.recordings.align(self.wave, reduce(operator.add, self.phones))
        self.edges = np.cumsum([0, *map(len, self.phones)])

    def first(self, least: float) -> Excerpt:
        """As many sentences as it takes to reach `least` seconds."""
        for count, edge in enumerate(self.edges[1:], 1):
            if self.times.end[edge - 1] >= least:
                return self.cut(0, count)
        return self.cut(0, len(self.phones))

    def cut(self, first: int, last: int) -> Excerpt:
        """Sentences `first` to `last` - 1, a moment of silence kept at either end."""
        rows = slice(self.edges[first], self.edges[last])
        start, end = self.times.start[rows], self.times.end[rows]
        sounds = self.times.ids[rows] >= 0
        begin = max(0, math.floor((start[sounds][0] - MARGIN) * 25)) if first else 0
        after = math.ceil(min(end[sounds][-1] + MARGIN, self.times.duration) * 25 - 1e-6)
        hop = self.lab.sample_rate // 25
        wave = self.wave[begin * hop : after * hop]
        codes = self.lab.family.synthesizer.encode(wave)[0]
        phones = reduce(operator.add, self.phones[first:last])
        length = (after - begin) / 25
        return Excerpt(
            wave,
            phones,
            (start - begin / 25).clip(0, length),
            (end - begin / 25).clip(0, length),
            codes,
            self._phone_index(begin, len(codes), self.edges[first], len(phones)),
            self.source,
        )

    def _phone_index(self, begin: int, n_codes: int, first: int, n_phones: int) -> Tensor:
        """Which phone, counted from `first`, each of the codes from `begin` on speaks: (N,), never falling."""
        whole = self.times.positions(round(self.times.duration * 25), 25.0)
        spoken = whole[begin : begin + n_codes]
        missing = n_codes - len(spoken)
        spoken = np.pad(spoken, (0, max(0, missing)), constant_values=-1) - first
        return torch.from_numpy(np.maximum.accumulate(spoken.clip(0, n_phones - 1)))


@torch.no_grad()
def teacher_forced(lab: Lab, phones: Phones, codes: Tensor, phone_index: Tensor | None = None) -> Tensor:
    """All steps in one pass: phones (P,) and codes (N,) -> logits (N + 1, V); row n has seen the codes before n.

    Args:
        lab: whose SemanticGPT is asked.
        phones: the text, see `Family.phones`.
        codes: taken for true.
        phone_index: (N,) which phone each code speaks; needed by networks with `max_advance`, ignored by others.
    """
    gpt = lab.family.synthesizer.semantic_gpt
    ids, context = _inputs(lab, phones)
    path = None
    if gpt.max_advance and phone_index is not None:
        path = monotonic_path(phone_index[None], gpt.max_advance)
    logits: Tensor = gpt(ids, context, codes[None], phone_index=path)
    return logits[0]


@torch.no_grad()
def decode(lab: Lab, phones: Phones, seed: int = 0, **options: Any) -> Run:
    """Free running with a cache, one code after another, without a voice's prompt.

    Args:
        lab: whose SemanticGPT writes.
        phones: the text, see `Family.phones`.
        seed: of the draws.
        options: fields of `gsv_lab.nn.sampling.Sampling` that differ from the lab's.

    Raises:
        ConfigError: PARAM_RANGE, an option outside its range.
    """
    gpt = lab.family.synthesizer.semantic_gpt
    longest = round(len(phones) * lab.family.max_codes_per_phone) + 15
    sampling = replace(lab.family.sampling, **{"max_new": longest, "min_new": 1, **options})
    generator = seeded(seed)
    kept = []
    reason = "max_new"
    for step in steps(gpt, Inputs(*_inputs(lab, phones)), sampling, generator):
        reason = step.ended[0] or reason
        if counts(step.ended[0], sampling):
            kept.append(step)
    codes = torch.tensor([int(step.codes[0]) for step in kept], dtype=torch.int64)
    logits = torch.cat([step.logits for step in kept]) if kept else torch.zeros(0, gpt.eos + 1)
    found = [step.phone_index for step in kept if step.phone_index is not None]
    return Run(codes, logits, torch.cat(found) if found else None, reason)


class NextCode:
    """Scores of the next code, for a loop that somebody else writes; a cache saves what was computed before.

    Args:
        lab: whose SemanticGPT is asked, without a voice's prompt.
        phones: the text, see `Family.phones`.

    Attributes:
        stop: the class that ends the codes.
        most: codes that the text may take.
    """

    def __init__(self, lab: Lab, phones: Phones) -> None:
        self._lab, self._phones = lab, phones
        self.stop = lab.family.synthesizer.semantic_gpt.eos
        self.most = round(len(phones) * lab.family.max_codes_per_phone) + 15
        self._begin()

    @torch.no_grad()
    def _begin(self) -> None:
        gpt = self._lab.family.synthesizer.semantic_gpt
        self._cache = gpt.new_cache()
        ids, context = _inputs(self._lab, self._phones)
        self._seen: list[int] = []
        self._path: list[int] = []
        self._scores = self._allowed(gpt(ids, context, ids.new_zeros(1, 0), cache=self._cache)[:, -1])

    def _allowed(self, logits: Tensor) -> Tensor:
        """(1, V) -> (V,), the stop at -inf where it may not come; notes the phone of the next code."""
        if self._cache.columns is not None:
            self._path.append(int(self._cache.columns[0]))
        if self._cache.may_stop is not None and not bool(self._cache.may_stop[0]):
            logits = logits.clone()
            logits[:, self.stop] = -torch.inf
        return logits[0]

    @torch.no_grad()
    def __call__(self, codes: Sequence[int] | Tensor) -> Tensor:
        """The codes so far (N,) -> logits (V,) of the next one; begins anew where others came before."""
        codes = [int(code) for code in codes]
        if codes[: len(self._seen)] != self._seen:
            self._begin()
        for code in codes[len(self._seen) :]:
            step = self._lab.family.synthesizer.semantic_gpt.step(torch.tensor([code]), self._cache)
            self._seen.append(code)
            self._scores = self._allowed(step)
        return self._scores

    @property
    def phone_index(self) -> Tensor | None:
        """(N,) which phone each of the codes so far speaks; None for networks without monotonic alignment."""
        return torch.tensor(self._path[: len(self._seen)]) if self._cache.columns is not None else None


def spoken(
    lab: Lab, phones: Phones, codes: Tensor | Sequence[int], speaker: Tensor, phone_index: Tensor | None = None
) -> Speech:
    """Codes as speech, without chance: prior, flow and vocoder at a noise scale of 0.

    Args:
        lab: whose networks speak.
        phones: the text, see `Family.phones`.
        codes: (N,), at least one.
        speaker: (1, G, 1).
        phone_index: (N,) which phone each code speaks; needed by networks with `max_advance`, ignored by others.
    """
    chosen = torch.as_tensor(codes, dtype=torch.int64)
    index = phone_index if lab.family.synthesizer.semantic_gpt.max_advance else None
    wave = lab.family.synthesizer.speak(
        chosen[None], phones, speaker, 0.0, generator=seeded(0), phone_index=None if index is None else index[None]
    )
    mark = Mark(lab.version, "codes of a lesson")
    return Speech(wave, lab.sample_rate, chosen, phones, mark, {}, lab.recordings.align)


def longest_run(codes: Tensor | Sequence[int]) -> int:
    """How often one code comes in a row at most; 0 of no codes."""
    return max((len(list(group)) for _, group in itertools.groupby(int(code) for code in codes)), default=0)


def _inputs(lab: Lab, phones: Phones) -> tuple[Tensor, Tensor]:
    """Ids (1, P) and context (1, C, P) of a text."""
    return torch.tensor([phones.ids]), lab.family.synthesizer.context_encoder(phones)[None]


def most_diagonal(records: Records, n_phones: int) -> tuple[str, int, float]:
    """The head that follows the phones best: name of its tap, number of the head, diagonality (0 to 1).

    Args:
        records: of a decode, `*.attention.pattern` among them.
        n_phones: how many of the keys are phones; the first ones.
    """
    from gsv_lab.figures import diagonality

    best = ("", 0, -1.0)
    for name, record in records.items():
        if not name.endswith("attention.pattern"):
            continue
        weights = record.stacked().value[:, 0, :, :n_phones]
        for head in range(weights.shape[1]):
            best = max(best, (name, head, diagonality(weights[:, head])), key=lambda found: found[2])
    return best
