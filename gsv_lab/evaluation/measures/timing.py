"""How long phones last and how much is silence, against the natural recording of the same text.

Both waves are aligned with the text by an evaluation recogniser, which is sharp to one of its frames (30 ms); what a
copy of the recording differs from it is therefore the measure's own error.
Letters: T samples at 16 kHz, P phones.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from gsv_lab.audio.alignment import Alignment, align, frame_level
from gsv_lab.errors import LabError
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import Job, Row, is_silent
from gsv_lab.evaluation.measures.recognisers import PhoneTranscriber
from gsv_lab.evaluation.measures.text import folded_words

CODE_RATE = 25.0
"""Durations are told in codes of this rate in Hz, whatever the family's own."""


class Timing:
    """Durations of phones in codes against the natural ones, and the share of a clip in which nobody speaks.

    Args:
        recognisers: language -> evaluation recogniser.
        identity: which these are.
        pronounce: (text, language) -> the expected phone names, word by word, in the recogniser's own alphabet.
    """

    name = "timing"

    def __init__(
        self,
        recognisers: Mapping[str, PhoneTranscriber],
        identity: str,
        pronounce: Callable[[str, str], Sequence[Sequence[str]]] = folded_words,
    ) -> None:
        self.recognisers = recognisers
        self.identity = f"forced alignment by {identity}"
        self.pronounce = pronounce

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        """Values of one clip; None for silence, where the text does not fit, and for other languages.

        `silence` is a share of all frames; `duration_error` the mean difference of a phone's duration in codes and
        `duration_correlation` that of the logarithms, both only where a natural recording says the text.
        """
        recogniser = self.recognisers.get(job.language)
        if recogniser is None or is_silent(wave):
            return None
        phones = [phone for word in self.pronounce(job.text, job.language) for phone in word]
        made = _aligned(wave, phones, recogniser)
        if made is None:
            return None
        row: Row = {"silence": float(np.mean(made.positions() < 0))}
        natural = None if job.natural is None else _aligned(job.natural, phones, recogniser)
        if natural is not None:
            first, second = natural.durations, made.durations
            row["duration_error"] = float(np.abs(first - second).mean() * CODE_RATE)
            logs = np.log(np.maximum([first, second], 1 / recogniser.recogniser.frame_rate))
            if logs.std(1).min() > 0:
                row["duration_correlation"] = float(np.corrcoef(logs)[0, 1])
        return row


def _aligned(wave: np.ndarray, phones: Sequence[str], recogniser: PhoneTranscriber) -> Alignment | None:
    """When the phones are spoken in a wave (T,); None where they cannot be."""
    network = recogniser.recogniser
    scores = recogniser.scores(wave)
    numbers = {name: number for number, name in enumerate(network.phone_names, start=1)}
    level = frame_level(wave, SAMPLE_RATE, network.frame_rate, len(scores))
    try:
        return align(scores, [numbers[name] for name in phones], network.frame_rate, level=level)
    except LabError:
        return None
