"""ERes2NetV2: the speaker-verification network whose last feature map the Pro models read beside their own encoder.

wave (T,) at 16 kHz -> filter bank (B, 80, F100) -> fused map (B, C, 10, F100 / 8) -> vector (B, 10 C)

Parts carry the names that the released weight file gives them, so that its tensors load as they are.
Letters: B batch, T samples, F frames, M mel bands, C channels.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.system.ranges import PositiveInt

LOUDEST = 20.0
"""Where the network's rectifiers saturate."""


def filter_bank(wave: Tensor, sample_rate: int = 16000, n_mels: int = 80) -> Tensor:
    """Kaldi's log-mel filter bank: 25 ms Povey windows every 10 ms, pre-emphasis, no dither.

    (T,) -> (1, M, F100); at least 25 ms of sound are needed.
    """
    from torchaudio.compliance.kaldi import fbank  # slow to import, and only the Pro models need it

    frames = fbank(
        wave[None].float(),
        num_mel_bins=n_mels,
        sample_frequency=sample_rate,
        dither=0.0,
    )
    return frames.t()[None]


def _conv(
    before: int,
    after: int,
    kernel: int = 1,
    stride: int = 1,
    bias: bool = False,
) -> nn.Conv2d:
    return nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=bias)


def _rectified(x: Tensor) -> Tensor:
    return x.clamp(0, LOUDEST)


class AttentiveFusion(nn.Module):
    """Two maps joined by weights that look at both: (B, C, M, F), (B, C, M, F) -> (B, C, M, F).

    Source: arXiv:2406.02167, section 2.2, after Dai et al. 2020, arXiv:2009.14082; here with tanh, so that a weight w
    and its counterpart 2 - w add up to two.

    Args:
        channels: C.
        squeeze: factor by which the inner layer is narrower.
    """

    def __init__(self, channels: int, squeeze: int = 4) -> None:
        super().__init__()
        inner = max(1, channels // squeeze)
        self.local_att = nn.Sequential(
            _conv(2 * channels, inner, bias=True),
            nn.BatchNorm2d(inner),
            nn.SiLU(),
            _conv(inner, channels, bias=True),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        """See the class."""
        both = torch.cat((x, y), dim=1)
        tilt = torch.tanh(self.local_att(both))
        return x * (1 + tilt) + y * (1 - tilt)


class SplitBlock(nn.Module):
    """A residual block whose channels are split in groups, each group taking in the result of the one before.

    (B, C, M, F) -> (B, expansion * planes, M / stride, F / stride)

    Source: Res2Net, Gao et al. 2019, arXiv:1904.01169, 3.1; fused variant: arXiv:2406.02167, section 2.2.

    Args:
        channels: C.
        planes: nominal width.
        stride: of both axes.
        width: channels of a group.
        scale: groups.
        expansion: factor from `planes` to the channels that leave.
        fused: join a group with the result before by `AttentiveFusion` instead of a sum.
    """

    def __init__(
        self,
        channels: int,
        planes: int,
        stride: int,
        width: int,
        scale: int,
        expansion: int,
        fused: bool,
    ) -> None:
        super().__init__()
        self.scale = scale
        leaving = planes * expansion
        self.conv1 = _conv(channels, width * scale, 1, stride)
        self.bn1 = nn.BatchNorm2d(width * scale)
        self.convs = nn.ModuleList()
        self.bns = nn.ModuleList()
        self.fuse_models = nn.ModuleList()
        for number in range(scale):
            self.convs.append(_conv(width, width, 3))
            self.bns.append(nn.BatchNorm2d(width))
            if fused and number:
                self.fuse_models.append(AttentiveFusion(width))
        self.conv3 = _conv(width * scale, leaving)
        self.bn3 = nn.BatchNorm2d(leaving)
        self.shortcut = nn.Sequential()
        if stride > 1 or channels != leaving:
            self.shortcut.append(_conv(channels, leaving, 1, stride))
            self.shortcut.append(nn.BatchNorm2d(leaving))

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        entered = _rectified(self.bn1(self.conv1(x)))
        made: list[Tensor] = []
        for number, group in enumerate(entered.chunk(self.scale, dim=1)):
            if made:
                group = self._joined(number, made[-1], group)
            inner = self.bns[number](self.convs[number](group))
            made.append(_rectified(inner))
        joined = self.conv3(torch.cat(made, dim=1))
        return _rectified(self.bn3(joined) + self.shortcut(x))

    def _joined(self, number: int, before: Tensor, group: Tensor) -> Tensor:
        if self.fuse_models:
            return self.fuse_models[number - 1](before, group)
        return before + group


class ERes2NetV2(Component):
    """Residual network over a filter bank, with its two last stages fused.

    filter bank (B, M, F) -> fused map (B, 8 * planes * expansion, M / 8, F / 8)

    Source: Chen et al. 2024, arXiv:2406.02167; sizes and layout of the 3D-Speaker toolkit (Apache 2.0).
    Unproved: layout and arithmetic follow the description; no released weights were at hand to compare numbers.

    Args:
        planes: channels after the first layer; each stage doubles them.
        blocks: blocks of the four stages.
        base_width: width of a group for 64 planes.
        scale: groups of a block.
        expansion: factor from a block's planes to the channels that leave it.
        n_mels: bands M, a multiple of eight.
        dim: embedding width of the network's own head, which is kept for its place in the file and not used here.
    """

    fused = Tap("batch dim band frame", rate=12.5, meaning="last feature map, the two last stages joined")
    vector = Tap("batch dim", meaning="last feature map averaged over time: what the Pro models read")

    def __init__(
        self,
        planes: PositiveInt = 64,
        blocks: tuple[PositiveInt, PositiveInt, PositiveInt, PositiveInt] = (3, 4, 6, 3),
        base_width: PositiveInt = 24,
        scale: PositiveInt = 4,
        expansion: PositiveInt = 4,
        n_mels: PositiveInt = 80,
        dim: PositiveInt = 192,
    ) -> None:
        super().__init__()
        if n_mels % 8:
            raise ValueError(f"n_mels is {n_mels}, expected a multiple of 8")
        self.n_mels = n_mels
        self.dim = dim
        self.sample_rate = 16000
        self.conv1 = _conv(1, planes, 3)
        self.bn1 = nn.BatchNorm2d(planes)
        stages = []
        channels = planes
        for number, count in enumerate(blocks):
            wide = planes << number
            width = wide * base_width // 64
            stage = nn.Sequential()
            for index in range(count):
                stride = 2 if number and not index else 1
                is_fused = number > 1
                stage.append(SplitBlock(channels, wide, stride, width, scale, expansion, is_fused))
                channels = wide * expansion
            stages.append(stage)
        self.layer1, self.layer2, self.layer3, self.layer4 = stages
        self.layer3_ds = _conv(channels // 2, channels, 3, 2)
        self.fuse34 = AttentiveFusion(channels)
        self.vector_dim = channels * (n_mels // 8)
        self.seg_1 = nn.Linear(2 * self.vector_dim, dim)

    def forward(self, bank: Tensor) -> Tensor:
        """See the class."""
        x = torch.relu(self.bn1(self.conv1(bank[:, None])))
        second = self.layer2(self.layer1(x))
        third = self.layer3(second)
        fourth = self.layer4(third)
        return self.fused(self.fuse34(fourth, self.layer3_ds(third)))

    @torch.no_grad()
    def embed(self, wave: Tensor) -> Tensor:
        """The vector that the Pro models read: a wave (T,) at 16 kHz -> (1, vector_dim)."""
        bank = filter_bank(wave, self.sample_rate, self.n_mels)
        frames = self(bank).flatten(1, 2)
        return self.vector(frames.mean(-1))
