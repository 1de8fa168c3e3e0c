"""Discriminators: networks that learn to tell natural from made waves, and so train the vocoder.

Each sub-discriminator looks at the wave in one way: as it is, or folded by a period.
Letters: B batch, T samples, N scores.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.interfaces import Discriminated, Discriminator
from gsv_lab.system.ranges import PositiveInt

SLOPE = 0.1
"""Of the leaky rectifiers."""


class SubDiscriminator(Component):
    """A stack of convolutions with leaky rectifiers, and a last one that scores.

    wave (B, 1, T) -> scores (B, N), features: the outputs of all layers, the last one included
    """

    features = Tap(
        "batch channel position",
        meaning="output of the last layer but one, its positions flattened",
    )
    scores = Tap("batch score", meaning="one score for each position, 1 for natural")

    layers: nn.ModuleList
    last: nn.Module

    def view(self, wave: Tensor) -> Tensor:
        """What the layers see of the wave: (B, 1, T) -> (B, C, T) or (B, C, H, W)."""
        return wave

    def forward(self, wave: Tensor) -> tuple[Tensor, list[Tensor]]:
        """See the class."""
        x = self.view(wave)
        features: list[Tensor] = []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), SLOPE)
            features.append(x)
        x = self.features(x.flatten(2)).reshape(x.shape)
        features[-1] = x
        x = self.last(x)
        features.append(x)
        return self.scores(x.flatten(1)), features


class ScaleDiscriminator(SubDiscriminator):
    """Grouped convolutions on the wave as it is.

    Source: Kumar et al. 2019, arXiv:1910.06711, 2.2.

    Args:
        channels: output channels of each layer.
        groups: groups of each layer.
        kernels: samples seen by each layer.
        strides: step of each layer.

    Raises:
        ConfigError: the lists have different lengths.
    """

    def __init__(
        self,
        channels: Sequence[PositiveInt] = (16, 64, 256, 1024, 1024, 1024),
        groups: Sequence[PositiveInt] = (1, 4, 16, 64, 256, 1),
        kernels: Sequence[PositiveInt] = (15, 41, 41, 41, 41, 5),
        strides: Sequence[PositiveInt] = (1, 4, 4, 4, 4, 1),
    ) -> None:
        super().__init__()
        lengths = [len(sizes) for sizes in (channels, groups, kernels, strides)]
        if len(set(lengths)) > 1:
            problem = f"channels, groups, kernels and strides have {lengths} entries"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "one entry a layer in all four lists")
        self.layers = nn.ModuleList()
        width = 1
        for out, group, kernel, stride in zip(channels, groups, kernels, strides, strict=True):
            layer = nn.Conv1d(width, out, kernel, stride, kernel // 2, groups=group)
            self.layers.append(weight_norm(layer))
            width = out
        self.last = weight_norm(nn.Conv1d(width, 1, 3, padding=1))


class PeriodDiscriminator(SubDiscriminator):
    """Convolutions over every p-th sample: the wave folded to rows of one period.

    Source: Kong et al. 2020, arXiv:2010.05646, 2.3.

    Args:
        period: samples of a row.
        channels: output channels of each layer; all but the last one step by `stride`.
        kernel: rows seen by a layer.
        stride: step of the layers.
    """

    def __init__(
        self,
        period: PositiveInt,
        channels: Sequence[PositiveInt] = (32, 128, 512, 1024, 1024),
        kernel: PositiveInt = 5,
        stride: PositiveInt = 3,
    ) -> None:
        super().__init__()
        self.period = period
        self.layers = nn.ModuleList()
        steps = [stride] * (len(channels) - 1) + [1]
        width = 1
        for out, step in zip(channels, steps, strict=True):
            layer = nn.Conv2d(width, out, (kernel, 1), (step, 1), (kernel // 2, 0))
            self.layers.append(weight_norm(layer))
            width = out
        self.last = weight_norm(nn.Conv2d(width, 1, (3, 1), padding=(1, 0)))

    def view(self, wave: Tensor) -> Tensor:
        """(B, 1, T) -> (B, 1, T / period, period); the end is mirrored to fill the last row."""
        missing = -wave.shape[-1] % self.period
        padded = functional.pad(wave, (0, missing), mode="reflect")
        return padded.unflatten(-1, (-1, self.period))


class CombinedDiscriminator(Discriminator):
    """Several sub-discriminators side by side: wave (B, 1, T) -> Discriminated, one entry for each.

    Args:
        discriminators: for example one `ScaleDiscriminator` and five `PeriodDiscriminator`s.
    """

    def __init__(self, discriminators: list[SubDiscriminator]) -> None:
        super().__init__()
        self.discriminators = nn.ModuleList(discriminators)

    def forward(self, wave: Tensor) -> Discriminated:
        """See the class."""
        found = Discriminated([], [])
        for discriminator in self.discriminators:
            scores, features = discriminator(wave)
            found.scores.append(scores)
            found.features.append(features)
        return found


class MultiPeriodDiscriminator(CombinedDiscriminator):
    """One `ScaleDiscriminator` and a `PeriodDiscriminator` for each period, in the released sizes.

    Args:
        periods: samples of a row of each period discriminator; (2, 3, 5, 7, 11), for v2Pro also 17 and 23.
    """

    def __init__(self, periods: Sequence[PositiveInt] = (2, 3, 5, 7, 11)) -> None:
        parts: list[SubDiscriminator] = [ScaleDiscriminator()]
        for period in periods:
            parts.append(PeriodDiscriminator(period))
        super().__init__(parts)
