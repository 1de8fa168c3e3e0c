"""Waves to spectrograms: linear and log-mel.

Everything is computed in single precision, whatever autocast says.
Letters: B batch, T samples, F frames, M mel bands.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torchaudio.functional import melscale_fbanks

from gsv_lab.errors import ConfigError


def mel_filters(
    sample_rate: int,
    n_fft: int,
    n_mels: int,
    f_min: float = 0.0,
    f_max: float | None = None,
) -> Tensor:
    """Triangles on Slaney's mel scale, each of area one: (n_mels, n_fft // 2 + 1).

    The scale is linear up to 1 kHz and logarithmic above.
    Source: M. Slaney, Auditory Toolbox, technical report 1998-010; computed by torchaudio.

    Args:
        sample_rate: Hz.
        n_fft: points of the Fourier transform.
        n_mels: number of bands.
        f_min: lower edge of the first band, Hz.
        f_max: upper edge of the last band, Hz; half the sample rate if None.
    """
    n_bins = n_fft // 2 + 1
    if torch.get_default_device().type == "meta":  # torchaudio looks at values, which there are none of
        return torch.empty(n_mels, n_bins)
    with _DoublePrecision():
        filters = melscale_fbanks(
            n_bins,
            f_min,
            sample_rate / 2 if f_max is None else f_max,
            n_mels,
            sample_rate,
            norm="slaney",
            mel_scale="slaney",
        )
    return filters.T.contiguous().float()


class _DoublePrecision(TorchFunctionMode):
    """Points of torchaudio's filters in double precision, in single they are off by 2e-7; for this thread alone."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        precise = {"dtype": torch.float64} if func in (torch.linspace, torch.zeros) else {}
        return func(*args, **(kwargs or {}), **precise)


class LinearSpectrogram(nn.Module):
    """Magnitude of the short-time Fourier transform, `T // hop_length` frames.

    (B, T) or (B, 1, T) -> (B, n_fft // 2 + 1, T // hop_length)

    The wave is mirrored by (n_fft - hop_length) / 2 on both sides, so frame k is centred on the middle of hop k.
    Mirroring needs more than that many samples.

    Args:
        n_fft: points of the transform, and the length of the periodic Hann window unless `win_length` is given.
        hop_length: samples from frame to frame.
        win_length: samples of the window; `n_fft` if None.
        floor: added to the squared magnitude, so that the root has a gradient in silence.

    Raises:
        ConfigError: `hop_length` is longer than a frame.
    """

    window: Tensor

    def __init__(
        self,
        n_fft: int,
        hop_length: int,
        win_length: int | None = None,
        floor: float = 1e-8,
    ) -> None:
        super().__init__()
        if hop_length > n_fft:
            problem = f"hop_length is {hop_length} and n_fft is {n_fft}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "a hop that is not longer than a frame")
        self.n_fft = n_fft
        self.hop_length = hop_length
        self.win_length = win_length or n_fft
        self.floor = floor
        self.register_buffer("window", torch.hann_window(self.win_length), persistent=False)

    def pad(self, wave: Tensor) -> Tensor:
        """(B, T) with mirrored ends."""
        total = self.n_fft - self.hop_length
        left = total // 2
        padded = functional.pad(wave[:, None], (left, total - left), mode="reflect")
        return padded[:, 0]

    def transform(self, wave: Tensor) -> Tensor:
        """(B, T) or (B, 1, T) -> (B, n_fft // 2 + 1, T // hop_length) complex."""
        if wave.dim() == 3:
            wave = wave[:, 0]
        with torch.autocast(wave.device.type, enabled=False):
            return torch.stft(
                self.pad(wave.float()),
                self.n_fft,
                self.hop_length,
                self.win_length,
                self.window,
                center=False,
                return_complex=True,
            )

    def forward(self, wave: Tensor) -> Tensor:
        """See the class."""
        z = self.transform(wave)
        power = z.real.square() + z.imag.square()
        return (power + self.floor).sqrt()


class LogMel(nn.Module):
    """Natural logarithm of mel magnitudes, at least log(1e-5): (B, T) or (B, 1, T) -> (B, n_mels, T // hop_length).

    Args:
        sample_rate: Hz.
        n_fft, hop_length, win_length, floor: see `LinearSpectrogram`.
        n_mels: number of bands.
        f_min, f_max: edges of the range in Hz; `f_max` None is half the sample rate.
    """

    filters: Tensor

    def __init__(
        self,
        sample_rate: int,
        n_fft: int,
        hop_length: int,
        n_mels: int,
        win_length: int | None = None,
        f_min: float = 0.0,
        f_max: float | None = None,
        floor: float = 1e-8,
    ) -> None:
        super().__init__()
        self.spectrogram = LinearSpectrogram(n_fft, hop_length, win_length, floor)
        filters = mel_filters(sample_rate, n_fft, n_mels, f_min, f_max)
        self.register_buffer("filters", filters, persistent=False)

    def from_spec(self, spec: Tensor) -> Tensor:
        """Linear magnitudes (B, n_fft // 2 + 1, F) -> log-mels (B, n_mels, F)."""
        with torch.autocast(spec.device.type, enabled=False):
            mel = self.filters @ spec.float()
        return mel.clamp(min=1e-5).log()

    def forward(self, wave: Tensor) -> Tensor:
        """See the class."""
        return self.from_spec(self.spectrogram(wave))
