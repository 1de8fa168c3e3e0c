"""Measures that compare a clip with the natural recording sample by sample: STOI, PESQ, SI-SNR.

They take for granted that both are the same utterance at the same time. Speech that says the same text anew is as good
with other timing, and they would call it noise: a perfect copy 100 ms late loses most of its STOI. So they are given
for copy synthesis only (`Job.aligned`). Where lengths differ, the longer one is cut at its end.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import math
import warnings
from abc import ABC, abstractmethod
from collections.abc import Collection

import numpy as np

from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import Found, Job, is_silent
from gsv_lab.system.extras import check_installed, require, version

MOST_DB = 100.0
"""SI-SNR of a perfect copy, which would be infinite."""
_SHORTEST = SAMPLE_RATE // 2  # STOI looks at 30 frames of 12.8 ms at a time, PESQ at a quarter of a second


class _Aligned(ABC):
    """What the measures of this file have in common: they apply to copies only, and only where both can be heard."""

    name: str
    evaluator = "signal"
    needs: Collection[str] = ("natural",)

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; None where the wave is no copy, silent, or shorter than half a second."""
        if job.natural is None or not job.aligned:
            return None
        length = min(len(wave), len(job.natural))
        natural, copy = job.natural[:length], wave[:length]
        if length < _SHORTEST or is_silent(natural) or is_silent(copy):
            return None
        value = self.compare(natural, copy)
        return {self.name: value} if value is not None else None

    @abstractmethod
    def compare(self, natural: np.ndarray, copy: np.ndarray) -> float | None:
        """Two waves (T,) -> the value, or None where there is none."""


class Stoi(_Aligned):
    """Short-time objective intelligibility by pystoi (`stoi`), 0 to 1.

    Source: Taal et al. 2011, "An algorithm for intelligibility prediction of time-frequency weighted noisy speech".

    Raises:
        LabError: `EXTRA_MISSING`, pystoi is not installed.
    """

    name = "stoi"

    def __init__(self) -> None:
        check_installed("pystoi")
        self.identity = f"STOI, pystoi {version('pystoi')}"

    def compare(self, natural: np.ndarray, copy: np.ndarray) -> float | None:
        """None where less than 0.4 s of the natural recording is speech."""
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            value = float(require("pystoi").stoi(natural, copy, SAMPLE_RATE, extended=False))
        too_short = any("Not enough STFT frames" in str(warning.message) for warning in caught)
        return None if too_short else value


class Pesq(_Aligned):
    """Wide-band PESQ by pesq (`pesq`), 1 to 4.64.

    Source: ITU-T recommendation P.862.2.

    Raises:
        LabError: `EXTRA_MISSING`, pesq is not installed.
    """

    name = "pesq"

    def __init__(self) -> None:
        check_installed("pesq", extra="pesq")
        self.identity = f"PESQ wide band, pesq {version('pesq')}"

    def compare(self, natural: np.ndarray, copy: np.ndarray) -> float | None:
        """None where PESQ finds no utterance."""
        package = require("pesq", "pesq")
        try:
            return float(package.pesq(SAMPLE_RATE, natural, copy, "wb"))
        except package.PesqError:
            return None


class SiSnr(_Aligned):
    """Scale-invariant signal-to-noise ratio in dB (`si_snr`), at most 100.

    Source: Le Roux et al. 2019, "SDR - half-baked or well done?", arXiv:1811.02508, eq. 5, of waves without their mean.
    """

    name = "si_snr"
    identity = "SI-SNR 1"

    def compare(self, natural: np.ndarray, copy: np.ndarray) -> float:
        """The copy's part along the natural recording over the rest."""
        return si_snr(natural, copy)


def si_snr(natural: np.ndarray, copy: np.ndarray) -> float:
    """Scale-invariant signal-to-noise ratio of a copy in dB, between -100 and 100: two waves (T,) -> ().

    >>> tone = np.sin(np.arange(1000) * 0.1)
    >>> si_snr(tone, 0.5 * tone)
    100.0
    """
    target, estimate = (wave - np.mean(wave) for wave in (natural.astype(np.float64), copy.astype(np.float64)))
    energy = float(target @ target)
    along = float(estimate @ target) ** 2 / energy if energy else 0.0
    noise = float(estimate @ estimate) - along
    if along <= 0:
        return -MOST_DB
    ratio = 10 * math.log10(along / max(noise, along * 10 ** (-MOST_DB / 10)))
    return max(-MOST_DB, ratio)
