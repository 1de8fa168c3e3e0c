"""A sub-discriminator that looks at spectrograms of one resolution; several side by side see several.

Letters: B batch, T samples.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from gsv_lab.nn.discriminators import SubDiscriminator
from gsv_lab.system.ranges import PositiveInt


class ResolutionDiscriminator(SubDiscriminator):
    """Two-dimensional convolutions over a complex spectrogram of one resolution.

    Source: Jang et al. 2021, arXiv:2106.07889, 2.2; real and imaginary part as two channels: Zeghidour et al. 2021,
    arXiv:2107.03312, III-D.

    Args:
        n_fft: points of the transform and of its Hann window.
        channels: channels of the layers.
        layers: number of layers; all but the last halve the bins.
        phase: look at real and imaginary part; else at the log-magnitude alone, for vocoders whose phase is given: what
            they cannot change only distracts, and blurred formants are seen within a few hundred batches.
    """

    window: Tensor

    def __init__(
        self,
        n_fft: PositiveInt,
        channels: PositiveInt = 32,
        layers: PositiveInt = 5,
        phase: bool = True,
    ) -> None:
        super().__init__()
        self.n_fft = n_fft
        self.phase = phase
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.layers = nn.ModuleList()
        steps = [2] * (layers - 1) + [1]
        width = 2 if phase else 1
        for step in steps:
            layer = nn.Conv2d(width, channels, (5, 3), (step, 1), (2, 1))
            self.layers.append(weight_norm(layer))
            width = channels
        self.last = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def view(self, wave: Tensor) -> Tensor:
        """(B, 1, T) -> (B, 2, bins, frames), magnitudes pressed to their 0.3rd power; or (B, 1, bins, frames)."""
        with torch.autocast(wave.device.type, enabled=False):
            z = torch.stft(
                wave[:, 0].float(),
                self.n_fft,
                self.n_fft // 4,
                window=self.window,
                return_complex=True,
            )
            parts = torch.stack((z.real, z.imag), dim=1)
            power = parts.square().sum(1, keepdim=True)
            magnitude = (power + 1e-8).sqrt()
            if self.phase:
                return parts * magnitude**-0.7
            return (magnitude.log() + 2) / 3
