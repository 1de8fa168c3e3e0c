"""Mel-cepstral distortion: how far the spectral envelopes of a clip and of the natural recording lie apart.

There are as many definitions as programs, and their values cannot be compared. This one is

    16 kHz, Hann windows of 1024 samples every 160 (10 ms), magnitudes in B = 80 mel bands from 0 to 8 kHz, natural
    logarithm, at least 9 nat below the loudest band of the clip;
    c_n = 2 / B * sum_b log(m_b) cos(pi n (b + 1/2) / B), so that log(m_b) = c_0 / 2 + sum_n c_n cos(...);
    d = 10 sqrt(2) / ln(10) * sqrt(sum over n = 1 ... 13 of the squared difference of c_n), in dB;

the mean of d over the path of dynamic time warping that has the smallest sum of it, quiet edges left out. d is the root
mean square, over the mel scale, of the difference of the two envelopes in dB; c_0, which is level, does not count.
Letters: T samples at 16 kHz, F frames, N coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Collection

import numpy as np
import torch
from scipy.fft import dct

from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import Found, Job
from gsv_lab.evaluation.measures.prosody import LONGEST, dtw, frame_costs, spoken_span
from gsv_lab.nn.spectral import LogMel

WINDOW, HOP = 1024, 160
"""Samples."""
BANDS, COEFFICIENTS = 80, 13
_DYNAMIC_RANGE = 9.0  # nat
_TO_DB = 10 * math.sqrt(2) / math.log(10)


def cepstrum(log_mel: np.ndarray) -> np.ndarray:
    """Log-mel frames (F, B) -> (F, 13): the cosine coefficients 1 to 13 as the file's text defines them."""
    bands = log_mel.shape[1]
    orthonormal = dct(log_mel, type=2, norm="ortho", axis=1)
    return math.sqrt(2 / bands) * orthonormal[:, 1 : COEFFICIENTS + 1]


def mel_cepstra(wave: np.ndarray) -> np.ndarray:
    """(T,) -> (F, 13)."""
    log_mel = LogMel(SAMPLE_RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS)
    samples = torch.from_numpy(np.array(wave))
    with torch.inference_mode():
        frames = log_mel(samples[None])[0].numpy().T.astype(np.float64)
    return cepstrum(np.maximum(frames, frames.max() - _DYNAMIC_RANGE))


def distortion(natural: np.ndarray, made: np.ndarray) -> float:
    """Mel-cepstral distortion in dB of two cepstra (A, N) and (B, N) along the cheapest path between them."""
    path = dtw(frame_costs(natural, made))
    apart = np.linalg.norm(natural[path[:, 0]] - made[path[:, 1]], axis=1)
    return _TO_DB * float(apart.mean())


class CepstralDistortion:
    """Mel-cepstral distortion in dB (`mcd`) against the natural recording of the same text.

    Source: Kubichek 1993, "Mel-cepstral distance measure for objective speech quality assessment", eq. 1 for d. Differs
    from it: the cepstrum comes from mel bands, and frames are paired by time warping.
    """

    name = "mcd"
    evaluator = "signal"
    needs: Collection[str] = ("natural",)

    def __init__(self) -> None:
        frames = f"Hann {WINDOW} every {HOP}, {BANDS} mel bands"
        self.identity = f"mel-cepstral distortion 1, {frames}, coefficients 1 to {COEFFICIENTS}, DTW"

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; None where one of the two is silent or shorter than a window, and beyond `LONGEST`."""
        if job.natural is None:
            return None
        natural, made = (some[slice(*spoken_span(some))] for some in (job.natural, wave))
        if min(natural.size, made.size) < WINDOW or natural.size * made.size > LONGEST**2:
            return None
        return {self.name: distortion(mel_cepstra(natural), mel_cepstra(made))}
