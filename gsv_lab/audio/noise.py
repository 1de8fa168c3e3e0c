"""Taking steady noise (fans, hum, hiss) out of a recording by spectral subtraction.

Letters: T samples, F frames, N frequency bins.

Idea: in each frequency bin the quiet moments show the noise; what rises above it is kept, the rest is turned down, not
off, because holes in the spectrum sound worse than a faint even noise. Music, other voices and echoes are not steady
and stay.
"""

from __future__ import annotations

import torch
from torch import Tensor

OVER = 2.0
"""How many times the estimated noise power is subtracted."""
FLOOR_DB = -15.0
"""Gain of what is noise only, dB."""
QUIET = 0.15
"""Quantile of a bin's power that stands for its noise, in (0, 1)."""


def denoise(samples: Tensor, sample_rate: int) -> Tensor:
    """Spectral subtraction with a floor, (T,) -> (T,).

    Source: Boll 1979, "Suppression of Acoustic Noise in Speech Using Spectral Subtraction", IEEE ASSP 27(2), with the
    over-subtraction and spectral floor of Berouti et al. 1979 (ICASSP). Differs: the noise is not taken from marked
    pauses but from a low quantile of every bin over time, and gains are averaged over neighbouring frames and bins
    against musical tones.

    Args:
        samples: (T,).
        sample_rate: Hz.
    """
    if samples.numel() < round(0.5 * sample_rate):
        return samples
    size = 2 ** round(torch.tensor(0.032 * sample_rate).log2().item())
    window = torch.hann_window(size, dtype=samples.dtype)
    spec = torch.stft(samples, size, size // 4, window=window, return_complex=True)  # (N, F)
    power = spec.abs().square()
    # The power of a Gaussian noise bin is exponential: its q-quantile is -ln(1 - q) times its mean.
    noise = _quantile(power, QUIET) / -torch.tensor(1 - QUIET).log()
    kept = (1 - OVER * noise[:, None] / power.clamp(min=1e-20)).clamp(min=0).sqrt()
    kept = torch.nn.functional.avg_pool2d(kept[None, None], (3, 5), 1, (1, 2), count_include_pad=False)[0, 0]
    gain = kept.clamp(min=10 ** (FLOOR_DB / 20))
    return torch.istft(spec * gain, size, size // 4, window=window, length=samples.numel())


def _quantile(power: Tensor, share: float) -> Tensor:
    # Digital silence says nothing about the noise; torch.quantile has a size limit, sorting has none.
    loud = power[:, power.sum(dim=0) > 1e-9]
    if loud.shape[1] == 0:
        return torch.zeros(power.shape[0], dtype=power.dtype)
    return loud.sort(dim=1).values[:, int(share * (loud.shape[1] - 1))]
