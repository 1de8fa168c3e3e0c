"""Discriminators: networks that learn to tell natural from made waves, and so teach the vocoder.

Letters: B batch, T samples, N scores. Each looks at the wave in one way: as it is, folded by a period, or as a
spectrogram.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.interfaces import Discriminator, Judged

SLOPE = 0.1


class Judge(Component):
    """A stack of convolutions with leaky rectifiers, and a last one that scores.

    wave (B, 1, T) -> scores (B, N), features: the outputs of all layers, the last one included
    """

    features = Tap("batch channel place", meaning="what the last layer found, places one after the other")
    scores = Tap("batch score", meaning="one score for each place, 1 for natural")

    layers: nn.ModuleList
    last: nn.Module

    def view(self, wave: Tensor) -> Tensor:
        """How this judge looks at the wave: (B, 1, T) -> (B, C, T) or (B, C, H, W)."""
        return wave

    def forward(self, wave: Tensor) -> tuple[Tensor, list[Tensor]]:
        """See the class."""
        x, features = self.view(wave), []
        for layer in self.layers:
            x = functional.leaky_relu(layer(x), SLOPE)
            features.append(x)
        x = features[-1] = self.features(x.flatten(2)).reshape(x.shape)
        x = self.last(x)
        return self.scores(x.flatten(1)), [*features, x]


class ScaleJudge(Judge):
    """Grouped convolutions on the wave as it is.

    Source: Kumar et al. 2019, arXiv:1910.06711, 2.2.

    Args:
        channels: output channels of each layer.
        groups: groups of each layer.
        kernels: samples seen by each layer.
        strides: step of each layer.
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 64, 256, 1024, 1024, 1024),
        groups: Sequence[int] = (1, 4, 16, 64, 256, 1),
        kernels: Sequence[int] = (15, 41, 41, 41, 41, 5),
        strides: Sequence[int] = (1, 4, 4, 4, 4, 1),
    ) -> None:
        super().__init__()
        if len({len(channels), len(groups), len(kernels), len(strides)}) > 1:
            problem = f"channels has {len(channels)} entries and groups {len(groups)}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "one entry a layer in all four lists")
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv1d(i, o, k, s, padding=k // 2, groups=g))
            for i, o, k, s, g in zip((1, *channels), channels, kernels, strides, groups, strict=False)
        )
        self.last = weight_norm(nn.Conv1d(channels[-1], 1, 3, padding=1))


class PeriodJudge(Judge):
    """Convolutions over every p-th sample: the wave folded to rows of one period.

    Source: Kong et al. 2020, arXiv:2010.05646, 2.3.

    Args:
        period: samples of a row.
        channels: output channels of each layer; all but the last one step by `stride`.
        kernel: rows seen by a layer.
        stride: step of the layers.
    """

    def __init__(
        self, period: int, channels: Sequence[int] = (32, 128, 512, 1024, 1024), kernel: int = 5, stride: int = 3
    ) -> None:
        super().__init__()
        self.period = period
        self.layers = nn.ModuleList(
            weight_norm(
                nn.Conv2d(i, o, (kernel, 1), (stride if n < len(channels) - 1 else 1, 1), padding=(kernel // 2, 0))
            )
            for n, (i, o) in enumerate(zip((1, *channels), channels, strict=False))
        )
        self.last = weight_norm(nn.Conv2d(channels[-1], 1, (3, 1), padding=(1, 0)))

    def view(self, wave: Tensor) -> Tensor:
        """(B, 1, T) -> (B, 1, T / period, period); the end is mirrored to fill the last row."""
        missing = -wave.shape[-1] % self.period
        return functional.pad(wave, (0, missing), mode="reflect").unflatten(-1, (-1, self.period))


class SpectrumJudge(Judge):
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

    def __init__(self, n_fft: int, channels: int = 32, layers: int = 5, phase: bool = True) -> None:
        super().__init__()
        self.n_fft, self.phase = n_fft, phase
        self.register_buffer("window", torch.hann_window(n_fft), persistent=False)
        self.layers = nn.ModuleList(
            weight_norm(nn.Conv2d(n_in, channels, (5, 3), (1 if i == layers - 1 else 2, 1), padding=(2, 1)))
            for i, n_in in enumerate([2 if phase else 1, *[channels] * (layers - 1)])
        )
        self.last = weight_norm(nn.Conv2d(channels, 1, 3, padding=1))

    def view(self, wave: Tensor) -> Tensor:
        """(B, 1, T) -> (B, 2, bins, frames), magnitudes pressed to their 0.3rd power; or (B, 1, bins, frames)."""
        with torch.autocast(wave.device.type, enabled=False):
            z = torch.stft(wave[:, 0].float(), self.n_fft, self.n_fft // 4, window=self.window, return_complex=True)
            parts = torch.stack((z.real, z.imag), dim=1)
            magnitude = (parts.square().sum(1, keepdim=True) + 1e-8).sqrt()
            return parts * magnitude**-0.7 if self.phase else (magnitude.log() + 2) / 3


class Discriminators(Discriminator):
    """Several judges side by side: wave (B, 1, T) -> Judged, one entry for each judge.

    Args:
        judges: the judges, for example one `ScaleJudge` and five `PeriodJudge`s.
    """

    def __init__(self, judges: list[Judge]) -> None:
        super().__init__()
        self.judges = nn.ModuleList(judges)

    def forward(self, wave: Tensor) -> Judged:
        """See the class."""
        found = [judge(wave) for judge in self.judges]
        return Judged([scores for scores, _ in found], [features for _, features in found])


class ReleasedDiscriminators(Discriminators):
    """One `ScaleJudge` and a `PeriodJudge` for each period, in the released sizes.

    Args:
        periods: samples of a row of each period judge; (2, 3, 5, 7, 11), for v2Pro also 17 and 23.
    """

    def __init__(self, periods: Sequence[int] = (2, 3, 5, 7, 11)) -> None:
        super().__init__([ScaleJudge(), *(PeriodJudge(p) for p in periods)])
