"""Sounds that the kit makes for a listening test: anchors of known badness, and tones to be counted.

Letters: T samples.
"""

from __future__ import annotations

import math

import numpy as np
import torch
from torch import Tensor

from gsv_lab.errors import AudioError

LOW_PASS_HZ, LOW_PASS_STOP_HZ = 3500.0, 4000.0
"""BS.1534-3 asks of the low anchor: within 0.1 dB up to 3.5 kHz, 25 dB down at 4 kHz, 50 dB down at 4.5 kHz."""
MNRU_DB = 10.0
"""Ratio Q of speech to modulated noise; listeners put it between bad and poor."""
TONE_HZ, TONE_SECONDS, GAP_SECONDS, PAUSE_SECONDS = 1000.0, 0.2, 0.3, 0.5
_STOP_DB = 70.0


def low_pass(samples: Tensor, sample_rate: int, edge: float, stop: float) -> Tensor:
    """Low pass without delay, (T,) -> (T,): flat within 0.01 dB up to `edge` Hz, 70 dB down from `stop` Hz on."""
    from scipy.signal import fftconvolve

    taps = filter_taps(sample_rate, edge, stop)
    out = fftconvolve(samples.double().numpy(), taps, mode="full")[len(taps) // 2 :][: samples.numel()]
    return torch.from_numpy(np.ascontiguousarray(out)).to(samples.dtype)


def filter_taps(sample_rate: int, edge: float, stop: float) -> np.ndarray:
    """The coefficients of `low_pass`: a sinc behind a Kaiser window, odd in number."""
    from scipy.signal import firwin, kaiserord

    half = sample_rate / 2
    count, beta = kaiserord(_STOP_DB, (stop - edge) / half)
    return np.asarray(firwin(count | 1, (edge + stop) / 2, window=("kaiser", beta), fs=sample_rate))


def low_anchor(samples: Tensor, sample_rate: int, band: float) -> Tensor:
    """The low anchor of BS.1534-3, (T,) -> (T,).

    Args:
        samples: (T,).
        sample_rate: Hz.
        band: highest frequency of the clips, Hz.

    Raises:
        AudioError: `LISTEN_BANDWIDTH`, the sound could not be told from its anchor.
    """
    if min(band, sample_rate / 2) <= LOW_PASS_STOP_HZ:
        problem = f"The clips reach {band:.0f} Hz, where a low pass of {LOW_PASS_HZ:g} Hz changes nothing"
        expected = f"clips that reach above {LOW_PASS_STOP_HZ:g} Hz"
        raise AudioError("LISTEN_BANDWIDTH", problem, expected, "Leave the anchor lp35 out")
    return low_pass(samples, sample_rate, LOW_PASS_HZ, LOW_PASS_STOP_HZ)


def noisy_anchor(samples: Tensor, seed: int) -> Tensor:
    """The modulated noise reference unit, (T,) -> (T,): x (1 + 10^(-Q/20) n) with white normal noise n.

    It is the second anchor because a low pass takes nothing away that is peculiar to speech that was made: noise that
    follows the speech is nearer to what vocoders do wrong, and in any band.

    Source: ITU-T P.810 (1996), equation 1, with Q = `MNRU_DB`.
    """
    noise = torch.randn(samples.numel(), generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return (samples.double() * (1 + 10 ** (-MNRU_DB / 20) * noise)).to(samples.dtype)


def with_tones(samples: Tensor, sample_rate: int, count: int) -> Tensor:
    """The first half of a clip, then `count` tones as loud as all of it: (T,) -> (T',)."""
    level = float(samples.double().square().mean().sqrt()) * math.sqrt(2)
    length, ramp = round(TONE_SECONDS * sample_rate), round(0.01 * sample_rate)
    times = torch.arange(length, dtype=torch.float64) / sample_rate
    tone = level * torch.sin(2 * math.pi * TONE_HZ * times)
    tone = faded(tone, ramp, ramp).to(samples.dtype)
    silence = torch.zeros(round(GAP_SECONDS * sample_rate), dtype=samples.dtype)
    half = faded(samples[: samples.numel() // 2], 0, ramp)
    pause = torch.zeros(round(PAUSE_SECONDS * sample_rate), dtype=samples.dtype)
    return torch.cat([half, pause, *[part for _ in range(count) for part in (tone, silence)]])


def faded(samples: Tensor, begin: int, end: int) -> Tensor:
    """Both ends brought to zero over some samples by half a cosine, (T,) -> (T,)."""
    out = samples.clone()
    begin, end = (min(count, out.numel()) for count in (begin, end))
    if begin:
        out[:begin] *= _rise(begin, out.dtype)
    if end:
        out[-end:] *= _rise(end, out.dtype).flip(0)
    return out


def _rise(count: int, dtype: torch.dtype) -> Tensor:
    steps = (torch.arange(count, dtype=torch.float64) + 0.5) / count
    return (0.5 - 0.5 * torch.cos(math.pi * steps)).to(dtype)
