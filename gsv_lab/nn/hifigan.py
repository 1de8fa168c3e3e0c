"""HiFi-GAN: latents to a wave by transposed convolutions and residual blocks of several receptive fields.

Letters: B batch, C latent width, F frames at 50 Hz, G speaker width, T samples.
The vocoder of the released models; slow on a CPU. See `vocoder_source` for the one nano uses.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.interfaces import Vocoded, Vocoder

SLOPE = 0.1
"""Of all leaky rectifiers but the last."""


def _normal(layer: nn.Conv1d | nn.ConvTranspose1d) -> nn.Module:
    nn.init.normal_(layer.weight, 0.0, 0.01)
    return weight_norm(layer)


class DilatedBlock(nn.Module):
    """Pairs of a dilated and a plain convolution, each pair with a residual: (B, C, T) -> (B, C, T).

    Source: Kong et al. 2020, arXiv:2010.05646, figure 1 and table 5.

    Args:
        width: channels.
        kernel: samples seen by a convolution, odd.
        dilations: of the first convolution of each pair.
    """

    def __init__(self, width: int, kernel: int, dilations: tuple[int, ...]) -> None:
        super().__init__()
        self.dilated = nn.ModuleList(
            _normal(nn.Conv1d(width, width, kernel, dilation=d, padding=d * (kernel // 2))) for d in dilations
        )
        self.plain = nn.ModuleList(_normal(nn.Conv1d(width, width, kernel, padding=kernel // 2)) for _ in dilations)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        for dilated, plain in zip(self.dilated, self.plain, strict=True):
            inner = dilated(functional.leaky_relu(x, SLOPE))
            x = x + plain(functional.leaky_relu(inner, SLOPE))
        return x


class Stage(Component):
    """Upsample, then the mean of several `DilatedBlock`s: (B, C, T) -> (B, C / 2, rate * T)."""

    output = Tap("batch dim sample", meaning="signal after this stage")

    def __init__(
        self, width: int, rate: int, kernel: int, block_kernels: tuple[int, ...], dilations: tuple[int, ...]
    ) -> None:
        super().__init__()
        if kernel < rate or (kernel - rate) % 2:
            problem = f"an upsampling kernel is {kernel} for the rate {rate}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "a kernel longer than the rate by an even number")
        self.up = _normal(nn.ConvTranspose1d(width, width // 2, kernel, rate, padding=(kernel - rate) // 2))
        self.blocks = nn.ModuleList(DilatedBlock(width // 2, k, dilations) for k in block_kernels)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = self.up(functional.leaky_relu(x, SLOPE))
        return self.output(sum(block(x) for block in self.blocks) / len(self.blocks))


class HiFiGAN(Vocoder):
    """z (B, C, F), speaker (B, G, 1) -> Vocoded(wave (B, 1, F * prod(upsample_rates))).

    Source: Kong et al. 2020, arXiv:2010.05646, 2.2.

    Args:
        latent_dim: C.
        speaker_dim: G; 0 for no condition.
        width: channels before the first stage; every stage halves them.
        upsample_rates: factor of each stage; their product is the hop length.
        upsample_kernels: kernel of each stage's transposed convolution.
        block_kernels: kernels of the residual blocks.
        dilations: dilations in every residual block.
        final_slope: slope of the last leaky rectifier; the released weights expect 0.01.
        final_bias: whether the last convolution has a bias; the released weights have none.
    """

    wave = Tap("batch channel sample", rate="sample_rate", meaning="wave in [-1, 1]")

    def __init__(
        self,
        latent_dim: int,
        speaker_dim: int,
        width: int = 512,
        upsample_rates: tuple[int, ...] = (10, 8, 2, 2, 2),
        upsample_kernels: tuple[int, ...] = (16, 16, 8, 2, 2),
        block_kernels: tuple[int, ...] = (3, 7, 11),
        dilations: tuple[int, ...] = (1, 3, 5),
        final_slope: float = SLOPE,
        final_bias: bool = False,
    ) -> None:
        super().__init__()
        if len(upsample_rates) != len(upsample_kernels):
            problem = f"there are {len(upsample_rates)} upsample_rates and {len(upsample_kernels)} upsample_kernels"
            raise ConfigError("CONFIG_INCONSISTENT", problem)
        self.latent_dim, self.speaker_dim, self.final_slope = latent_dim, speaker_dim, final_slope
        self.hop_length = math.prod(upsample_rates)
        self.sample_rate = 50.0 * self.hop_length
        self.enter = nn.Conv1d(latent_dim, width, 7, padding=3)
        self.condition = nn.Conv1d(speaker_dim, width, 1) if speaker_dim else None
        self.stages = nn.ModuleList(
            Stage(width >> i, rate, kernel, tuple(block_kernels), tuple(dilations))
            for i, (rate, kernel) in enumerate(zip(upsample_rates, upsample_kernels, strict=True))
        )
        self.leave = nn.Conv1d(width >> len(self.stages), 1, 7, padding=3, bias=final_bias)

    def forward(
        self,
        z: Tensor,
        speaker: Tensor | None = None,
        log_f0: Tensor | None = None,
        voicing: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Vocoded:
        """See the class; pitch and generator are not used."""
        x = self.enter(z)
        if speaker is not None and self.condition is not None:
            x = x + self.condition(speaker)
        for stage in self.stages:
            x = stage(x)
        return Vocoded(self.wave(torch.tanh(self.leave(functional.leaky_relu(x, self.final_slope)))))
