"""Claims that name a measure: what SI-SNR and SSIM say of perfect copies, and how noisy recordings are.

A perfect copy that begins a little later is the same speech to every listener. A measure that refuses it is no gate
and no likeness of voices. Letters: T samples at 16 kHz, M mel bands, F frames.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from gsv_lab.audio.measures import signal_to_noise
from gsv_lab.evaluation.claims.measured import Measured, measure
from gsv_lab.evaluation.items import SAMPLE_RATE
from gsv_lab.evaluation.measures.cepstral import BANDS, HOP, WINDOW
from gsv_lab.evaluation.measures.signal import si_snr
from gsv_lab.evaluation.statistics.intervals import interval
from gsv_lab.nn.spectral import LogMel

if TYPE_CHECKING:
    from gsv_lab.evaluation.claims.material import Material

LATE_SAMPLES = 8
"""Samples that the copy for SI-SNR begins later: 0.5 ms."""
LATE_FRAMES = 10
"""Frames of 10 ms that the copy for SSIM begins later: 100 ms."""
RANGE = 9.0
"""Nat of a picture between its loudest band, white, and black."""


@measure("si_snr_of_late_copy")
def si_snr_of_late_copy(material: Material) -> Measured:
    """DB of a copy that begins 0.5 ms later; beside it that of two sentences of one voice."""
    waves = material.waves()
    late = [si_snr(wave[:-LATE_SAMPLES], wave[LATE_SAMPLES:]) for wave in waves]
    sentences = [si_snr(*_as_long(one, other)) for one, other in _pairs(waves)]
    return _mean(material, late, {"two sentences of one voice (dB)": sentences})


@measure("ssim_of_late_copy")
def ssim_of_late_copy(material: Material) -> Measured:
    """SSIM of log-mels of a copy that begins 100 ms later; beside it that of two sentences of one voice."""
    pictures = [picture(wave) for wave in material.waves()]
    late = [ssim(one[:, :-LATE_FRAMES], one[:, LATE_FRAMES:]) for one in pictures]
    sentences = [ssim(*_as_long(one, other)) for one, other in _pairs(pictures)]
    return _mean(material, late, {"two sentences of one voice": sentences})


@measure("recording_snr")
def recording_snr(material: Material) -> Measured:
    """DB between speech and noise of the recordings, by the estimate that `prepare` makes."""
    estimates = [signal_to_noise(torch.from_numpy(wave), SAMPLE_RATE) for wave in material.waves()]
    beside = {"least (dB)": [min(estimates)], "most (dB)": [max(estimates)]}
    return replace(_mean(material, estimates, beside), instead=material.waves_show)


def picture(wave: np.ndarray) -> np.ndarray:
    """(T,) -> log-mels (M, F) from 0 to 1, the loudest band 1 and what is 9 nat below it 0."""
    log_mel = LogMel(SAMPLE_RATE, n_fft=WINDOW, hop_length=HOP, n_mels=BANDS)
    with torch.inference_mode():
        frames = log_mel(torch.from_numpy(np.array(wave))[None])[0].numpy().astype(np.float64)
    return np.clip((frames - frames.max()) / RANGE + 1, 0, 1)


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Structural similarity of two pictures (M, F) with values from 0 to 1, by torchmetrics with its defaults.

    Source: Wang et al. 2004, "Image quality assessment: from error visibility to structural similarity", eq. 13.
    """
    from torchmetrics.functional.image import structural_similarity_index_measure

    first, second = (torch.from_numpy(np.ascontiguousarray(part))[None, None] for part in (one, other))
    found: Any = structural_similarity_index_measure(first, second, data_range=1.0)
    return float(found)


def _pairs(things: Sequence[np.ndarray]) -> list[tuple[np.ndarray, np.ndarray]]:
    """Each with the next one; nothing where there is one only."""
    return list(zip(things, things[1:], strict=False))


def _as_long(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The beginnings of two waves or pictures, of equal length in time."""
    length = min(one.shape[-1], other.shape[-1])
    return one[..., :length], other[..., :length]


def _mean(material: Material, values: Sequence[float], beside: dict[str, list[float]]) -> Measured:
    """The mean with its t interval over clips, of any voices: the measure is judged here, and no speaker."""
    made = interval(values, [""] * len(values))
    low, high = (made.low, made.high) if made.clips > 1 else (None, None)
    details = {name: float(np.mean(found)) for name, found in beside.items() if found}
    return Measured(made.value, low, high, made.clips, "clips", material.waves_are, details=details)
