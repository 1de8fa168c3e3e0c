"""HiFi-GAN: latents to a wave by transposed convolutions and residual blocks of several receptive fields.

It is the vocoder of the published models, and slow on a CPU.
Letters: B batch, C latent width, F frames at 50 Hz, G speaker width, T samples.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.interfaces import Conditioning, Vocoded, Vocoder
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveInt

SLOPE = 0.1
"""Of all leaky rectifiers but the last."""


def _weight_normed(layer: nn.Conv1d | nn.ConvTranspose1d) -> nn.Module:
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

    def __init__(self, width: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.dilated = nn.ModuleList()
        self.plain = nn.ModuleList()
        for dilation in dilations:
            self.dilated.append(self._convolution(width, kernel, dilation))
        for _ in dilations:
            self.plain.append(self._convolution(width, kernel, 1))

    @staticmethod
    def _convolution(width: int, kernel: int, dilation: int) -> nn.Module:
        padding = dilation * (kernel // 2)
        return _weight_normed(nn.Conv1d(width, width, kernel, padding=padding, dilation=dilation))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        for dilated, plain in zip(self.dilated, self.plain, strict=True):
            inner = dilated(functional.leaky_relu(x, SLOPE))
            x = x + plain(functional.leaky_relu(inner, SLOPE))
        return x


class Stage(Component):
    """Upsample, then the mean of several `DilatedBlock`s: (B, C, T) -> (B, C / 2, rate * T).

    Args:
        width: channels C.
        rate, kernel: of the transposed convolution.
        block_kernels: kernel of each block.
        block_dilations: dilations of each block.
    """

    output = Tap("batch dim sample", meaning="signal after this stage")

    def __init__(
        self,
        width: int,
        rate: int,
        kernel: int,
        block_kernels: Sequence[int],
        block_dilations: Sequence[Sequence[int]],
    ) -> None:
        super().__init__()
        if kernel < rate or (kernel - rate) % 2:
            problem = f"an upsampling kernel is {kernel} for the rate {rate}"
            raise ConfigError(
                "CONFIG_INCONSISTENT",
                problem,
                "a kernel longer than the rate by an even number",
            )
        padding = (kernel - rate) // 2
        self.up = _weight_normed(nn.ConvTranspose1d(width, width // 2, kernel, rate, padding))
        self.blocks = nn.ModuleList()
        for block_kernel, dilations in zip(block_kernels, block_dilations, strict=True):
            self.blocks.append(DilatedBlock(width // 2, block_kernel, dilations))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        x = self.up(functional.leaky_relu(x, SLOPE))
        total = sum(block(x) for block in self.blocks)
        return self.output(total / len(self.blocks))


class HiFiGAN(Vocoder):
    """z (B, C, F), conditioning -> Vocoded(wave (B, 1, F * prod(upsample_rates))).

    Source: Kong et al. 2020, arXiv:2010.05646, 2.2.

    Args:
        latent_dim: C.
        speaker_dim: G; 0 for no condition.
        width: channels before the first stage; every stage halves them.
        upsample_rates: factor of each stage; their product is the hop length.
        upsample_kernels: kernel of each stage's transposed convolution.
        block_kernels: kernels of the residual blocks.
        dilations: dilations in every residual block, or a list for each kernel.
        final_slope: slope of the last leaky rectifier; the released weights expect 0.01.
        final_bias: whether the last convolution has a bias; the released weights have none.

    Raises:
        ConfigError: lists of different lengths, or a kernel that does not fit its rate.
    """

    wave = Tap("batch channel sample", rate="sample_rate", meaning="wave in [-1, 1]")

    def __init__(
        self,
        latent_dim: PositiveInt,
        speaker_dim: NonNegativeInt,
        width: PositiveInt = 512,
        upsample_rates: tuple[PositiveInt, ...] = (10, 8, 2, 2, 2),
        upsample_kernels: tuple[PositiveInt, ...] = (16, 16, 8, 2, 2),
        block_kernels: tuple[PositiveInt, ...] = (3, 7, 11),
        dilations: tuple[PositiveInt, ...] | tuple[tuple[PositiveInt, ...], ...] = (1, 3, 5),
        final_slope: NonNegativeFloat = SLOPE,
        final_bias: bool = False,
    ) -> None:
        super().__init__()
        if len(upsample_rates) != len(upsample_kernels):
            problem = f"there are {len(upsample_rates)} upsample_rates and {len(upsample_kernels)} upsample_kernels"
            raise ConfigError("CONFIG_INCONSISTENT", problem)
        block_dilations = _for_each_block(dilations, len(block_kernels))
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim
        self.final_slope = final_slope
        self.hop_length = math.prod(upsample_rates)
        self.sample_rate = 50.0 * self.hop_length
        self.in_proj = nn.Conv1d(latent_dim, width, 7, padding=3)
        self.condition = nn.Conv1d(speaker_dim, width, 1) if speaker_dim else None
        self.stages = nn.ModuleList()
        for rate, kernel in zip(upsample_rates, upsample_kernels, strict=True):
            self.stages.append(Stage(width, rate, kernel, block_kernels, block_dilations))
            width //= 2
        self.out_proj = nn.Conv1d(width, 1, 7, padding=3, bias=final_bias)

    def forward(
        self,
        z: Tensor,
        conditioning: Conditioning,
        generator: torch.Generator | None = None,
    ) -> Vocoded:
        """See the class; `speaker` is read, the generator is not used."""
        x = self.in_proj(z)
        if conditioning.speaker is not None and self.condition is not None:
            x = x + self.condition(conditioning.speaker)
        for stage in self.stages:
            x = stage(x)
        x = self.out_proj(functional.leaky_relu(x, self.final_slope))
        return Vocoded(self.wave(torch.tanh(x)))


def _for_each_block(dilations: Sequence[Any], n_blocks: int) -> Sequence[Sequence[int]]:
    """One list of dilations for each residual block of a stage."""
    lists = [item for item in dilations if isinstance(item, Sequence)]
    if not lists:
        return [dilations] * n_blocks
    if not len(lists) == len(dilations) == n_blocks:
        problem = f"there are {len(lists)} lists of dilations and {n_blocks} block_kernels"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "one list for each kernel, or one for all")
    return lists
