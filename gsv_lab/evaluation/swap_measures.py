"""How high a voice is and how long its vocal tract, measured in a wave, so that two waves can be compared.

Pitch is the median of log-F0 over voiced frames. The tract is compared, not measured alone: a tract longer by a factor
moves every resonance down by that factor, so on a logarithmic frequency axis the envelope of one phone is that of the
same phone by the other voice, shifted. The shift at which the envelopes of all phones fit best is the difference of the
logarithms of length.
Letters: T samples, F frames at 100 Hz, K points on the frequency axis. The file does not know who made a wave.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gsv_lab.evaluation.probes_material import SpokenClip
from gsv_lab.evaluation.statistics import Values
from gsv_lab.extensions.f0 import track_pitch

LOWEST_HZ, HIGHEST_HZ = 450.0, 6500.0
"""Below lies F0 itself, above is what a recording at 16 kHz shows badly."""
STEP = 0.01
"""Step of the frequency axis in natural logarithms: 1 %."""
FARTHEST = 0.4
"""Largest difference of tract length looked for, in natural logarithms: a factor of 1.5."""
_KEEP = (2, 26)  # cosines of the envelope that are kept: neither level and tilt nor harmonics


class Voiceprint(NamedTuple):
    """What is measured of a voice: `log_f0`, median in ln Hz (NaN without voice), `envelopes`, for each phone the mean
    log-envelope (K,), and `frames`, how many it rests on.
    """

    log_f0: float
    envelopes: dict[str, np.ndarray]
    frames: dict[str, int]


def frequencies() -> np.ndarray:
    """The logarithmic frequency axis in Hz: (K,)."""
    return np.exp(np.arange(np.log(LOWEST_HZ), np.log(HIGHEST_HZ), STEP))


def envelopes(wave: Tensor, sample_rate: int, n_fft: int = 512) -> np.ndarray:
    """Log-envelopes on the logarithmic axis at 100 Hz, without level, tilt and harmonics: (T,) -> (F, K)."""
    hop = sample_rate // 100
    padded = torch.nn.functional.pad(wave.float()[None, None], (n_fft // 2, n_fft // 2), mode="reflect")[0, 0]
    frames = padded.unfold(0, n_fft, hop)[: len(wave) // hop] * torch.hann_window(n_fft)
    power = torch.fft.rfft(frames, 2 * n_fft).abs().square().numpy()
    # Harmonics of high voices lie farther apart than resonances are wide: smoothed over 300 Hz before the logarithm.
    width = max(3, round(300 * 2 * n_fft / sample_rate)) | 1
    window = np.hanning(width + 2)[1:-1]
    smooth = np.apply_along_axis(np.convolve, 1, power, window / window.sum(), mode="same")
    axis = np.arange(smooth.shape[1]) * sample_rate / (2 * n_fft)
    log = np.log(smooth + 1e-10 * smooth.max() + 1e-12)
    where = frequencies()
    at = np.clip(np.searchsorted(axis, where) - 1, 0, len(axis) - 2)
    share = (where - axis[at]) / (axis[at + 1] - axis[at])
    warped = log[:, at] * (1 - share) + log[:, at + 1] * share
    return _kept(warped)


def _kept(curves: np.ndarray) -> np.ndarray:
    count = curves.shape[1]
    place = (np.arange(count) + 0.5) * np.pi / count
    cosines = np.cos(np.outer(np.arange(*_KEEP), place)) * np.sqrt(2 / count)
    return (curves @ cosines.T) @ cosines


def voiceprint(pieces: Iterable[tuple[Tensor, SpokenClip]]) -> Voiceprint:
    """What the voice of one or more waves is like, each said to be a clip's phones at the clip's times.

    Voiced frames only, because the noise of a fricative hardly tells the tract.
    """
    pitches: list[np.ndarray] = []
    sums: dict[str, np.ndarray] = {}
    counts: dict[str, int] = {}
    for wave, clip in pieces:
        log_f0, voicing = (v[0].numpy() for v in track_pitch(wave[None].float(), clip.sample_rate))
        curves = envelopes(wave, clip.sample_rate)
        frames = min(len(curves), len(voicing))
        names = clip.names((np.arange(frames) + 0.5) / 100)
        voiced = (voicing[:frames] > 0) & (names != "")
        pitches.append(log_f0[:frames][voicing[:frames] > 0])
        for name in np.unique(names[voiced]):
            rows = curves[:frames][voiced & (names == name)]
            sums[name] = sums.get(name, 0.0) + rows.sum(0)
            counts[name] = counts.get(name, 0) + len(rows)
    every = np.concatenate(pitches) if pitches else np.zeros(0)
    middle = float(np.median(every)) if len(every) else float("nan")
    return Voiceprint(middle, {name: sums[name] / counts[name] for name in sums}, counts)


def pitch_shift(a: Voiceprint, b: Voiceprint) -> float:
    """How much higher b speaks than a, in natural logarithms of Hz."""
    return b.log_f0 - a.log_f0


def tract_shift(a: Voiceprint, b: Voiceprint) -> float:
    """How much longer b's vocal tract is than a's, in natural logarithms of length; NaN without a phone in common.

    The shift of the logarithmic frequency axis at which the envelopes of b, phone by phone, correlate best with those
    of a; a parabola through the best three gives less than a step.
    Source: the idea of warping frequencies to make voices alike, Eide and Gish 1996 (ICASSP), with the warp searched.
    """
    common = [name for name in a.envelopes if name in b.envelopes and min(a.frames[name], b.frames[name]) >= 5]
    if not common:
        return float("nan")
    weight = np.array([min(a.frames[name], b.frames[name]) for name in common], float)
    first, second = (np.stack([side.envelopes[name] for name in common]) for side in (a, b))
    reach = round(FARTHEST / STEP)
    shifts = np.arange(-reach, reach + 1)
    fits = np.array([_fit(first, second, int(shift), weight) for shift in shifts])
    best = int(np.clip(fits.argmax(), 1, len(fits) - 2))
    left, middle, right = fits[best - 1 : best + 2]
    bend = left - 2 * middle + right
    return float((shifts[best] + (0.5 * (left - right) / bend if abs(bend) > 1e-12 else 0.0)) * STEP)


def _fit(a: np.ndarray, b: np.ndarray, shift: int, weight: np.ndarray) -> float:
    # A longer tract: b's curve at index i is a's at i + shift.
    size = a.shape[1]
    x, y = (a[:, shift:], b[:, : size - shift]) if shift >= 0 else (a[:, :shift], b[:, -shift:])
    x, y = x - x.mean(1, keepdims=True), y - y.mean(1, keepdims=True)
    alike = (x * y).sum(1) / np.sqrt((x**2).sum(1) * (y**2).sum(1) + 1e-12)
    return float((alike * weight).sum() / weight.sum())


def share_of_way(moved: Values, whole: Values) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator of the share of the way, pair by pair: the slope of `moved` on `whole` through zero.

    Their sums divided give the slope, in which pairs that differ much count much and pairs that hardly differ, whose
    own ratio would be noise, hardly count. A pair without a measure (a whisper has no pitch) counts nothing.
    """
    x, y = np.asarray(whole, float), np.asarray(moved, float)
    known = np.isfinite(x * y)
    return np.where(known, x * y, 0.0), np.where(known, x * x, 0.0)
