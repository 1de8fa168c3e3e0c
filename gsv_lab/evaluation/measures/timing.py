"""How long phones last and how much is silence, by forced alignment of a clip with its text.

An evaluation recogniser aligns, which is sharp to one of its frames (30 ms); what a copy of the natural recording
differs from it is therefore the measure's own error.
Letters: T samples at 16 kHz, P phones.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from gsv_lab.audio.alignment import Alignment, align, frame_level
from gsv_lab.errors import LabError
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import Found, Job, is_silent
from gsv_lab.evaluation.measures.recognisers import PhoneTranscriber
from gsv_lab.evaluation.measures.text import Pronounce, folded_words, spoken_phones

CODE_RATE = 25.0
"""Durations are told in codes of this rate in Hz, whatever the family's own."""


class SilenceShare:
    """Share of a clip's frames in which nobody speaks (`silence_share`), pauses and edges alike.

    Args:
        language: which clips are measured.
        recogniser: what aligns them with their texts.
        pronounce: (text, language) -> the expected phone names, word by word, in the recogniser's own alphabet.
    """

    name = "silence_share"
    needs: Collection[str] = ("text",)

    def __init__(self, language: str, recogniser: PhoneTranscriber, pronounce: Pronounce = folded_words) -> None:
        self.language = language
        self.recogniser = recogniser
        self.evaluator = recogniser.name
        self.identity = f"forced alignment by {recogniser.identity}"
        self.pronounce = pronounce

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; None for silence, for other languages, and where the text cannot be read or does not fit."""
        made = self._aligned(wave, job)
        return None if made is None else {self.name: float(np.mean(made.positions() < 0))}

    def _aligned(self, wave: np.ndarray, job: Job) -> Alignment | None:
        """When the phones of the text are spoken in a wave (T,); None where they cannot be."""
        if job.language != self.language or is_silent(wave):
            return None
        phones = spoken_phones(self.pronounce, job.text, job.language)
        return _aligned(wave, phones, self.recogniser) if phones else None


class Durations(SilenceShare):
    """Durations of phones against the natural recording of the same text.

    Values: `duration_error`, the mean difference of a phone's duration in codes of 40 ms, and `duration_correlation`,
    Pearson's of the logarithms, absent where all phones of one of the two last alike. Arguments of `SilenceShare`.
    """

    name = "duration_error"
    needs = ("text", "natural")

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; None as for `SilenceShare`, and where the text does not fit into the natural recording."""
        made = self._aligned(wave, job)
        if made is None or job.natural is None:
            return None
        natural = self._aligned(job.natural, job)
        if natural is None:
            return None
        first = natural.durations
        second = made.durations
        found = {"duration_error": float(np.abs(first - second).mean() * CODE_RATE)}
        logs = np.log(np.maximum([first, second], 1 / self.recogniser.recogniser.frame_rate))
        if logs.std(1).min() > 0:
            found["duration_correlation"] = float(np.corrcoef(logs)[0, 1])
        return found


def _aligned(wave: np.ndarray, phones: Sequence[str], recogniser: PhoneTranscriber) -> Alignment | None:
    """When phones are spoken in a wave (T,); None where they cannot be."""
    network = recogniser.recogniser
    numbers = {name: number for number, name in enumerate(network.phone_names, start=1)}
    if not numbers.keys() >= set(phones):
        return None  # words of another language
    scores = recogniser.scores(wave)
    level = frame_level(wave, SAMPLE_RATE, network.frame_rate, len(scores))
    try:
        return align(scores, [numbers[name] for name in phones], network.frame_rate, level=level)
    except LabError:
        return None
