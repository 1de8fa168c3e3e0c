"""Waves to spectrograms: linear, mel, log-mel, and the stacked log-mels that nano reads at 50 Hz. Torch only.

Letters: B batch, T samples, F frames, M mel bands. All are computed in single precision, whatever autocast says.
This file does not know files, resampling or loudness.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError


def mel_filters(sample_rate: int, n_fft: int, n_mels: int, f_min: float = 0.0, f_max: float | None = None) -> Tensor:
    """Triangles on Slaney's mel scale, each of area one: (n_mels, n_fft // 2 + 1).

    The scale is linear up to 1 kHz (3 mel for 200 Hz) and logarithmic above (27 mel for a factor of 6.4).
    Source: M. Slaney, Auditory Toolbox, technical report 1998-010. Agrees with librosa's default.

    Args:
        sample_rate: Hz.
        n_fft: points of the Fourier transform.
        n_mels: number of bands.
        f_min: lower edge of the first band, Hz.
        f_max: upper edge of the last band, Hz; half the sample rate if None.
    """
    knee, step = 1000.0, 200.0 / 3
    log_step = torch.log(torch.tensor(6.4, dtype=torch.float64)) / 27

    def to_mel(hz: Tensor) -> Tensor:
        return torch.where(hz < knee, hz / step, knee / step + (hz.clamp(min=knee) / knee).log() / log_step)

    def to_hz(mel: Tensor) -> Tensor:
        return torch.where(mel < knee / step, mel * step, knee * ((mel - knee / step) * log_step).exp())

    limits = to_mel(torch.tensor([f_min, sample_rate / 2 if f_max is None else f_max], dtype=torch.float64))
    edges = to_hz(limits[0] + (limits[1] - limits[0]) * torch.linspace(0, 1, n_mels + 2, dtype=torch.float64))
    bins = torch.linspace(0, sample_rate / 2, n_fft // 2 + 1, dtype=torch.float64)
    low, centre, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    rising, falling = (bins - low) / (centre - low), (high - bins) / (high - centre)
    return (torch.minimum(rising, falling).clamp(min=0) * 2 / (high - low)).float()


def mel_positions(sample_rate: int, n_fft: int, n_mels: int) -> Tensor:
    """Where each bin of a transform lies on the axis of mel bands, 0 at its foot and 1 at its end: (bins,)."""
    filters = mel_filters(sample_rate, n_fft, n_mels)
    centres = (torch.arange(n_mels) + 0.5) / n_mels
    # Bins outside every band keep the place of their neighbour.
    return ((centres @ filters) / filters.sum(0).clamp(min=1e-9)).cummax(0).values


def smooth_curves(positions: Tensor, count: int) -> Tensor:
    """Half-period cosines 1 .. `count` over an axis from 0 to 1: (N,) -> (count, N). Their sums are smooth curves."""
    return torch.cos(torch.pi * torch.arange(1, count + 1)[:, None] * positions)


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
    """

    window: Tensor

    def __init__(self, n_fft: int, hop_length: int, win_length: int | None = None, floor: float = 1e-8) -> None:
        super().__init__()
        if hop_length > n_fft:
            problem = f"hop_length is {hop_length} and n_fft is {n_fft}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "a hop that is not longer than a frame")
        self.n_fft, self.hop_length, self.floor = n_fft, hop_length, floor
        self.win_length = win_length or n_fft
        self.register_buffer("window", torch.hann_window(self.win_length), persistent=False)

    def pad(self, wave: Tensor) -> Tensor:
        """(B, T) with mirrored ends."""
        total = self.n_fft - self.hop_length
        return functional.pad(wave[:, None], (total // 2, total - total // 2), mode="reflect")[:, 0]

    def forward(self, wave: Tensor) -> Tensor:
        """See the class."""
        wave = wave[:, 0] if wave.dim() == 3 else wave
        with torch.autocast(wave.device.type, enabled=False):
            z = torch.stft(
                self.pad(wave.float()), self.n_fft, self.hop_length, self.win_length, self.window, center=False,
                return_complex=True,
            )  # fmt: skip
            return (z.real.square() + z.imag.square() + self.floor).sqrt()


class MelSpectrogram(nn.Module):
    """Linear magnitudes summed in mel bands: (B, T) or (B, 1, T) -> (B, n_mels, T // hop_length).

    Args:
        sample_rate: Hz.
        n_fft, hop_length, win_length, floor: see `LinearSpectrogram`.
        n_mels: number of bands.
        f_min, f_max: edges of the range in Hz; `f_max` None is half the sample rate.
    """

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
        self.sample_rate, self.hop_length, self.n_mels = sample_rate, hop_length, n_mels
        self.register_buffer("filters", mel_filters(sample_rate, n_fft, n_mels, f_min, f_max), persistent=False)

    def from_spec(self, spec: Tensor) -> Tensor:
        """Linear magnitudes (B, n_fft // 2 + 1, F) -> mel magnitudes (B, n_mels, F)."""
        with torch.autocast(spec.device.type, enabled=False):
            return self.filters @ spec.float()

    def forward(self, wave: Tensor) -> Tensor:
        """See the class."""
        return self.from_spec(self.spectrogram(wave))


class LogMel(MelSpectrogram):
    """Natural logarithm of mel magnitudes, at least log(1e-5): (B, T) or (B, 1, T) -> (B, n_mels, T // hop_length)."""

    def from_spec(self, spec: Tensor) -> Tensor:
        """Linear magnitudes (B, n_fft // 2 + 1, F) -> log-mels (B, n_mels, F)."""
        return super().from_spec(spec).clamp(min=1e-5).log()


class StackedLogMel(nn.Module):
    """Log-mels at 100 Hz, the two frames of each 20 ms stacked: what nano's posterior and speaker encoder read.

    (B, T) or (B, 1, T) -> (B, 2 * n_mels, T // (2 * hop_length)); the first half of the channels is the earlier frame.

    Frame k of the mel is centred on the middle of its hop, at (k + 1/2) * hop_length samples; its neighbours overlap
    with it.

    Args:
        sample_rate: Hz.
        n_fft: points of the transform.
        hop_length: samples of a mel frame; an output frame covers `stack` of them.
        n_mels: number of bands.
        stack: mel frames put on top of each other.
    """

    def __init__(
        self, sample_rate: int = 16000, n_fft: int = 1024, hop_length: int = 160, n_mels: int = 80, stack: int = 2
    ) -> None:
        super().__init__()
        self.log_mel = LogMel(sample_rate, n_fft, hop_length, n_mels)
        self.stack = stack
        self.channels = n_mels * stack
        self.frame_rate = sample_rate / (hop_length * stack)

    def forward(self, wave: Tensor) -> Tensor:
        """See the class."""
        return self.stacked(self.log_mel(wave))

    def stacked(self, mel: Tensor) -> Tensor:
        """(B, M, stack * F) -> (B, stack * M, F); left-over frames at the end are dropped."""
        n_frames = mel.shape[-1] // self.stack
        parts = mel[..., : n_frames * self.stack].reshape(*mel.shape[:2], n_frames, self.stack)
        return parts.permute(0, 3, 1, 2).reshape(mel.shape[0], self.channels, n_frames)
