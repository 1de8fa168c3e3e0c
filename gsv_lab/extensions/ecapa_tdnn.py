"""ECAPA-TDNN as speaker encoder: convolutions of several reaches, and an attention that every channel has for itself.

It is trained here with the rest of SoVITS; no verification weights are loaded.
Letters: B batch, C channels, F frames at 50 Hz, G speaker width. Masks are (B, 1, F) in the type of what they mask.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.speaker_verifier import weighted_statistics
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.interfaces import Features, SpeakerEncoder
from gsv_lab.nn.ops import full_mask
from gsv_lab.nn.transformer import BLOCKED, ChannelNorm
from gsv_lab.system.ranges import PositiveInt


class TDNNLayer(nn.Module):
    """Convolution over time, rectifier, layer norm: (B, C_in, F), mask -> (B, C_out, F).

    Args:
        before, after: C_in and C_out.
        kernel: frames seen, odd.
        dilation: distance between them.
    """

    def __init__(self, before: int, after: int, kernel: int = 1, dilation: int = 1) -> None:
        super().__init__()
        self.conv = nn.Conv1d(before, after, kernel, dilation=dilation, padding=dilation * (kernel // 2))
        self.norm = ChannelNorm(after)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """See the class; what is masked counts as zero, as what lies beyond the ends of a recording does."""
        return self.norm(self.conv(x * mask).relu())


class Res2Convolution(nn.Module):
    """Groups of channels with growing reach: (B, C, F), mask -> (B, C, F).

    The first group stays as it is, the second is convolved, every later one together with the result of the group
    before it: group i of 0, 1 ... sees i * `dilation` frames to each side.

    Source: Gao et al. 2019, arXiv:1904.01169, 3.1.

    Args:
        width: C, a multiple of `scale`.
        scale: groups, two at least.
        dilation: distance between the three frames that a convolution sees.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, `width` cannot be split in `scale` groups, or there is one group only.
    """

    def __init__(self, width: int, scale: int, dilation: int) -> None:
        super().__init__()
        if width % scale or scale < 2:
            problem = f"width is {width} and scale is {scale}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "a scale from 2 on, and a width that is a multiple of it")
        self.scale = scale
        self.layers = nn.ModuleList()
        for _ in range(scale - 1):
            self.layers.append(TDNNLayer(width // scale, width // scale, 3, dilation))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """See the class."""
        first, *groups = x.chunk(self.scale, dim=1)
        made = [first]
        for number, (group, layer) in enumerate(zip(groups, self.layers, strict=True)):
            made.append(layer(group + made[-1] if number else group, mask))
        return torch.cat(made, dim=1)


class SERes2Block(Component):
    """Res2 convolution between two layers of single frames, channels weighted by the whole recording, residual.

    (B, C, F), mask -> (B, C, F)

    Source: Desplanques et al. 2020, arXiv:2005.07143, 3.2; squeeze and excitation: Hu et al. 2017, arXiv:1709.01507.

    Args:
        width: C.
        scale, dilation: see `Res2Convolution`.
        bottleneck: channels between squeeze and excitation.
    """

    gate = Tap("batch dim one", meaning="how much of each channel the recording lets pass, 0 to 1")

    def __init__(self, width: int, scale: int, dilation: int, bottleneck: int) -> None:
        super().__init__()
        self.in_proj = TDNNLayer(width, width)
        self.res2 = Res2Convolution(width, scale, dilation)
        self.out_proj = TDNNLayer(width, width)
        self.squeeze = nn.Conv1d(width, bottleneck, 1)
        self.excite = nn.Conv1d(bottleneck, width, 1)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """See the class."""
        inner = self.out_proj(self.res2(self.in_proj(x, mask), mask), mask)
        mean = (inner * even_weights(mask)).sum(-1, keepdim=True)
        gate = self.excite(self.squeeze(mean).relu()).sigmoid()
        return x + inner * self.gate(gate)


class AttentiveStatisticsPooling(Component):
    """Mean and standard deviation over frames, which each channel weighs for itself: (B, C, F), mask -> (B, 2 C).

    The scores see the frame and, as its context, mean and standard deviation of the whole recording.

    Source: Desplanques et al. 2020, arXiv:2005.07143, 3.1. Differs from the paper: the scores have no bias for each
    channel, which the softmax over frames would take away again.

    Args:
        width: C.
        bottleneck: channels between the two layers of the scores.
    """

    attention = Tap("batch dim frame", rate=50.0, meaning="weight of each frame in each channel's statistics")

    def __init__(self, width: int, bottleneck: int) -> None:
        super().__init__()
        self.hidden = nn.Conv1d(3 * width, bottleneck, 1)
        self.score = nn.Conv1d(bottleneck, width, 1, bias=False)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """See the class."""
        context = weighted_statistics(x, even_weights(mask))[..., None].expand(-1, -1, x.shape[-1])
        scores = self.score(self.hidden(torch.cat((x, context), dim=1)).tanh())
        weights = (scores + (1 - mask) * BLOCKED).softmax(-1)
        return weighted_statistics(x, self.attention(weights))


class ECAPATDNN(SpeakerEncoder):
    """Three blocks over frames, the outputs of all of them pooled with attention, one linear layer.

    features.spec (B, C, F), mask (B, 1, F) -> (B, G, 1); masked frames change nothing

    Source: Desplanques et al. 2020, arXiv:2005.07143; summed residual connections as in 3.3.
    Differs from the paper: layer norm over the channels of each frame, and over the pooled statistics, where the paper
    has batch norm, so that a batch of one trains, padding enters no statistics, and training and synthesis calculate
    the same; no norm behind the last layer, since the vector's level is the synthesizer's affair; log-mels in
    place of MFCCs whose mean is taken off; smaller sizes.

    Args:
        spec_channels: channels that are read; if the spectrogram has more, the first ones.
        speaker_dim: G.
        width: channels of the blocks; 512 or 1,024 in the paper.
        scale: groups of a block's channels, from 2 on; 8 in the paper.
        dilations: of the three blocks.
        bottleneck: inner channels of squeeze and excitation and of the attention; 128 in the paper.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, `width` is not a multiple of `scale`.
    """

    frames = Tap("batch dim frame", rate=50.0, meaning="outputs of all blocks joined, before pooling")
    speaker = Tap("batch dim one", meaning="speaker vector")

    def __init__(
        self,
        spec_channels: PositiveInt,
        speaker_dim: PositiveInt,
        width: PositiveInt = 128,
        scale: PositiveInt = 4,
        dilations: tuple[PositiveInt, PositiveInt, PositiveInt] = (2, 3, 4),
        bottleneck: PositiveInt = 32,
    ) -> None:
        super().__init__()
        self.spec_channels = spec_channels
        self.speaker_dim = speaker_dim
        self.in_proj = TDNNLayer(spec_channels, width, 5)
        self.blocks = nn.ModuleList()
        for dilation in dilations:
            self.blocks.append(SERes2Block(width, scale, dilation, bottleneck))
        joined = len(dilations) * width
        self.join = nn.Conv1d(joined, joined, 1)
        self.pooling = AttentiveStatisticsPooling(joined, bottleneck)
        self.norm = nn.LayerNorm(2 * joined)
        self.out_proj = nn.Linear(2 * joined, speaker_dim)

    def forward(self, features: Features, mask: Tensor | None = None, verification: Tensor | None = None) -> Tensor:
        """See the class; `verification` is not used."""
        spec = features.spec[:, : self.spec_channels]
        mask = full_mask(spec) if mask is None else mask.to(spec.dtype)
        x = self.in_proj(spec, mask)
        outputs = []
        for block in self.blocks:
            outputs.append(block(x, mask))
            x = x + outputs[-1]
        joined = self.join(torch.cat(outputs, dim=1)).relu()
        pooled = self.pooling(self.frames(joined), mask)
        return self.speaker(self.out_proj(self.norm(pooled))[..., None])


def even_weights(mask: Tensor) -> Tensor:
    """The same weight for every valid frame: (B, 1, F) -> (B, 1, F) with the sum one."""
    return mask / mask.sum(-1, keepdim=True).clamp(min=1)
