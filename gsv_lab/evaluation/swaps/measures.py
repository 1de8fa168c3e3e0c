"""Pitch of a voice and length of its vocal tract, measured in a wave, so that two waves can be compared.

Pitch is the median of log-F0 over voiced frames. The tract is compared, not measured alone: a tract longer by a factor
moves every resonance down by that factor, so on a logarithmic frequency axis the envelope of one phone is that of the
same phone by the other voice, shifted. The shift at which the envelopes of all phones fit best is the difference of the
logarithms of length.
Letters: T samples, F frames at 100 Hz, K points on the frequency axis.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.evaluation.probes.material import SpokenClip
from gsv_lab.evaluation.statistics.resampling import Values
from gsv_lab.extensions.f0 import track_pitch

FRAME_RATE = 100
LOWEST_HZ = 450.0
"""Below lies F0 itself."""
HIGHEST_HZ = 6500.0
"""Above is what a recording at 16 kHz shows badly."""
STEP = 0.01
"""Step of the frequency axis in natural logarithms: 1 %."""
FARTHEST = 0.4
"""Largest difference of tract length looked for, in natural logarithms: a factor of 1.5."""
_FEWEST_FRAMES = 5  # of a phone whose envelope counts
_SMOOTHING_HZ = 300  # harmonics of high voices lie farther apart than resonances are wide
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
    hop = sample_rate // FRAME_RATE
    n_frames = len(wave) // hop
    padded = functional.pad(wave.float()[None, None], (n_fft // 2, n_fft // 2), mode="reflect")
    frames = padded[0, 0].unfold(0, n_fft, hop)[:n_frames]
    spectrum = torch.fft.rfft(frames * torch.hann_window(n_fft), 2 * n_fft)
    power = spectrum.abs().square().numpy()
    smooth = _smoothed(power, sample_rate, n_fft)
    log_power = np.log(smooth + 1e-10 * smooth.max() + 1e-12)
    hertz = np.arange(smooth.shape[1]) * sample_rate / (2 * n_fft)
    return _without_level_and_harmonics(_warped(log_power, hertz))


def _smoothed(power: np.ndarray, sample_rate: int, n_fft: int) -> np.ndarray:
    """Power (F, bins) smoothed along frequency, before the logarithm."""
    bins = round(_SMOOTHING_HZ * 2 * n_fft / sample_rate)
    width = max(3, bins) | 1
    window = np.hanning(width + 2)[1:-1]
    window = window / window.sum()
    return np.stack([np.convolve(frame, window, mode="same") for frame in power])


def _warped(curves: np.ndarray, hertz: np.ndarray) -> np.ndarray:
    """Curves (F, bins) at `hertz` (bins,), read at `frequencies` by straight lines: (F, K)."""
    return np.stack([np.interp(frequencies(), hertz, curve) for curve in curves])


def _without_level_and_harmonics(curves: np.ndarray) -> np.ndarray:
    """Curves (F, K) made of some of their cosines only (DCT-II)."""
    count = curves.shape[1]
    position = (np.arange(count) + 0.5) * np.pi / count
    cosines = np.cos(np.outer(np.arange(*_KEEP), position)) * np.sqrt(2 / count)
    return (curves @ cosines.T) @ cosines


def voiceprint(pieces: Iterable[tuple[Tensor, SpokenClip]]) -> Voiceprint:
    """What the voice of one or more waves is like, each saying a clip's phones at the clip's times.

    Voiced frames only, because the noise of a fricative shows little of the tract.
    """
    pitches: list[np.ndarray] = []
    curves: dict[str, list[np.ndarray]] = {}
    for wave, clip in pieces:
        hop = clip.sample_rate // FRAME_RATE
        log_f0, voicing = (values[0].numpy() for values in track_pitch(wave[None].float(), clip.sample_rate, hop))
        found = envelopes(wave, clip.sample_rate)
        n_frames = min(len(found), len(voicing))
        voiced = voicing[:n_frames] > 0
        pitches.append(log_f0[:n_frames][voiced])
        names = clip.names((np.arange(n_frames) + 0.5) / FRAME_RATE)
        for name in np.unique(names[voiced]):
            if name:
                curves.setdefault(name, []).append(found[:n_frames][voiced & (names == name)])
    every = np.concatenate(pitches) if pitches else np.zeros(0)
    median = float(np.median(every)) if len(every) else float("nan")
    joined = {name: np.concatenate(parts) for name, parts in curves.items()}
    means = {name: rows.mean(0) for name, rows in joined.items()}
    return Voiceprint(median, means, {name: len(rows) for name, rows in joined.items()})


def pitch_shift(a: Voiceprint, b: Voiceprint) -> float:
    """How much higher b speaks than a, in natural logarithms of Hz."""
    return b.log_f0 - a.log_f0


def tract_shift(a: Voiceprint, b: Voiceprint) -> float:
    """How much longer b's vocal tract is than a's, in natural logarithms of length; NaN without a phone in common.

    The shift of the logarithmic frequency axis at which the envelopes of b, phone by phone, correlate best with those
    of a; a parabola through the best three gives less than a step.
    Source: the idea of warping frequencies to make voices alike, Eide and Gish 1996 (ICASSP), with the warp searched.
    """
    common = _common_phones(a, b)
    if not common:
        return float("nan")
    weight = np.array([min(a.frames[name], b.frames[name]) for name in common], float)
    first = np.stack([a.envelopes[name] for name in common])
    second = np.stack([b.envelopes[name] for name in common])
    reach = round(FARTHEST / STEP)
    shifts = list(range(-reach, reach + 1))
    fits = [_fit(first, second, shift, weight) for shift in shifts]
    best = int(np.clip(np.argmax(fits), 1, len(fits) - 2))
    return (shifts[best] + _peak(fits[best - 1 : best + 2])) * STEP


def _common_phones(a: Voiceprint, b: Voiceprint) -> list[str]:
    common = []
    for name in a.envelopes:
        if name in b.envelopes and min(a.frames[name], b.frames[name]) >= _FEWEST_FRAMES:
            common.append(name)
    return common


def _peak(fits: Sequence[float]) -> float:
    """Where between -1 and 1 the parabola through three values has its peak; 0 for a straight line."""
    left, middle, right = fits
    bend = left - 2 * middle + right
    if abs(bend) <= 1e-12:
        return 0.0
    return float(0.5 * (left - right) / bend)


def _fit(a: np.ndarray, b: np.ndarray, shift: int, weight: np.ndarray) -> float:
    """Mean correlation of the curves (P, K) of a and b, b moved by `shift`, phones weighted with (P,)."""
    # A longer tract: b's curve at index i is a's at i + shift.
    if shift < 0:
        return _fit(b, a, -shift, weight)
    x = a[:, shift:]
    y = b[:, : b.shape[1] - shift]
    x = x - x.mean(1, keepdims=True)
    y = y - y.mean(1, keepdims=True)
    power = (x**2).sum(1) * (y**2).sum(1)
    alike = (x * y).sum(1) / np.sqrt(power + 1e-12)
    return float((alike * weight).sum() / weight.sum())


def share_of_way(moved: Values, whole: Values) -> tuple[np.ndarray, np.ndarray]:
    """Numerator and denominator of the share of the way, pair by pair: the slope of `moved` on `whole` through zero.

    Their sums divided give the slope, in which pairs that differ much count much and pairs that hardly differ, whose
    own ratio would be noise, hardly count. A pair without a measure (a whisper has no pitch) counts nothing.
    """
    x = np.asarray(whole, float)
    y = np.asarray(moved, float)
    known = np.isfinite(x * y)
    return np.where(known, x * y, 0.0), np.where(known, x * x, 0.0)
