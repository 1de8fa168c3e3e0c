"""Vocoders that end in an inverse short-time Fourier transform: the shared back transform, and the plain head.

All convolutions run at the frame rate, which makes them fast on a CPU.
Letters: B batch, C latent width, F frames at 50 Hz, K bins, G speaker width, T samples.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.convnext import ConvNeXtStack
from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Conditioning, Vocoded, Vocoder
from gsv_lab.nn.spectral import LinearSpectrogram
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt


class ShortTimeFourier(LinearSpectrogram):
    """The complex transform on the frames of `LinearSpectrogram`, and its inverse.

    (B, T) -> (B, n_fft // 2 + 1, T // hop_length) complex; `inverse` gives F * hop_length samples
    """

    def forward(self, wave: Tensor) -> Tensor:
        """See the class."""
        return self.transform(wave)

    def inverse(self, spectrum: Tensor) -> Tensor:
        """Overlap-add of windowed frames over the sum of squared windows: (B, K, F) complex -> (B, F * hop_length).

        Source: Griffin and Lim 1984, IEEE TASSP 32(2), eq. 6. The mirrored margins of `forward` are cut off.
        """
        frames = torch.fft.irfft(spectrum, self.n_fft, dim=1) * self.window[:, None]
        n_frames = frames.shape[-1]
        weights = self.window.square()[None, :, None].expand(1, -1, n_frames)
        length = (n_frames - 1) * self.hop_length + self.n_fft
        added = functional.fold(
            torch.cat((frames, weights)),
            output_size=(1, length),
            kernel_size=(1, self.n_fft),
            stride=(1, self.hop_length),
        )[:, 0, 0]
        margin = (self.n_fft - self.hop_length) // 2
        wave = added[:-1] / added[-1:].clamp(min=1e-8)
        return wave[:, margin : margin + n_frames * self.hop_length]


def frames_per_latent(hop_length: int, frame_hop: int) -> int:
    """Spectral frames for one latent frame; raises `ConfigError` unless it is a whole number."""
    if hop_length % frame_hop:
        problem = f"hop_length is {hop_length} and frame_hop is {frame_hop}"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "a hop_length that is a multiple of it")
    return hop_length // frame_hop


class InverseSTFTVocoder(Vocoder):
    """Magnitude and phase of every bin from ConvNeXt blocks: z (B, C, F), conditioning -> Vocoded(wave (B, 1, T)).

    Why: the simplest fast vocoder; but it must learn periodicity from nothing, and whispers for long.
    Source: Siuzdak 2023, arXiv:2306.00814, eqs. 1-3.

    Args:
        latent_dim: C.
        speaker_dim: G.
        hop_length: samples for one latent frame.
        width, layers, kernel, expansion: of the blocks.
        n_fft: points of the transform.
        frame_hop: samples from spectral frame to spectral frame.
    """

    magnitude = Tap("batch bin frame", rate="spectral_rate", unit="nat", meaning="log-magnitude of every bin")
    wave = Tap("batch channel sample", rate="sample_rate", meaning="wave, about in [-1, 1]")

    def __init__(
        self,
        latent_dim: PositiveInt,
        speaker_dim: NonNegativeInt,
        hop_length: PositiveInt = 320,
        width: PositiveInt = 192,
        layers: NonNegativeInt = 6,
        kernel: PositiveInt = 7,
        expansion: PositiveInt = 3,
        n_fft: PositiveInt = 512,
        frame_hop: PositiveInt = 160,
    ) -> None:
        super().__init__()
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim
        self.hop_length = hop_length
        self.sample_rate = 50.0 * hop_length
        rate = frames_per_latent(hop_length, frame_hop)
        self.spectral_rate = 50.0 * rate
        self.net = ConvNeXtStack(latent_dim, speaker_dim, width, layers, kernel, expansion, rate)
        self.head = nn.Conv1d(width, 2 * (n_fft // 2 + 1), 1)
        self.fourier = ShortTimeFourier(n_fft, frame_hop)

    def forward(self, z: Tensor, conditioning: Conditioning, generator: torch.Generator | None = None) -> Vocoded:
        """See the class; `speaker` is read, the generator is not used."""
        x = self.net(z, conditioning.speaker)
        magnitude, phase = self.head(x).float().chunk(2, dim=1)
        magnitude = self.magnitude(magnitude.clamp(max=5.0))
        wave = self.fourier.inverse(torch.polar(magnitude.exp(), phase))
        return Vocoded(self.wave(wave[:, None]))
