"""Speaker verification: recordings as points on a sphere, near to each other for one voice, far apart for two.

wave (B, 1, T) -> embedding (B, D), of length one

It takes no part in the synthesis and is never a loss. It helps to choose among tuned voices
(`gsv_lab.training.verdict`); where it helped to choose, another one has to judge.
Letters: B batch, T samples, M mel bands, F frames, D embedding width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.extensions.convnext import ConvNeXtBlock
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.spectral import LogMel
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt


class SpeakerVerifier(Component):
    """Convolution blocks over log-mels, attentive statistics pooling, one linear layer.

    wave (B, 1, T) -> embedding (B, D)

    Source: pooling: Okabe et al. 2018, arXiv:1803.10963, eqs. 3-6; blocks: arXiv:2201.03545.

    Args:
        width: channels of the blocks.
        layers: number of blocks.
        dim: embedding width D.
        sample_rate: Hz.
        n_mels: mel bands M.
    """

    frames = Tap("batch dim frame", rate=50.0, meaning="voice of each frame, before pooling")
    attention = Tap("batch one frame", rate=50.0, meaning="weight of each frame in the pooling")
    embedding = Tap("batch dim", meaning="point on the unit sphere")

    def __init__(
        self,
        width: PositiveInt = 128,
        layers: NonNegativeInt = 4,
        dim: PositiveInt = 128,
        sample_rate: PositiveInt = 16000,
        n_mels: PositiveInt = 64,
    ) -> None:
        super().__init__()
        self.dim = dim
        self.sample_rate = sample_rate
        self.log_mel = LogMel(sample_rate, sample_rate // 25, sample_rate // 100, n_mels)
        self.in_proj = nn.Conv1d(n_mels, width, 5, stride=2, padding=2)
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            self.blocks.append(ConvNeXtBlock(width, 7, 3))
        self.score = nn.Sequential(
            nn.Conv1d(width, width // 2, 1),
            nn.Tanh(),
            nn.Conv1d(width // 2, 1, 1),
        )
        self.out_proj = nn.Sequential(
            nn.LayerNorm(2 * width),
            nn.Linear(2 * width, dim),
        )

    def forward(self, wave: Tensor) -> Tensor:
        """See the class."""
        mel = self.log_mel(wave)
        # The mean over time is the microphone as much as the voice.
        x = self.in_proj(mel - mel.mean(dim=(1, 2), keepdim=True))
        for block in self.blocks:
            x = block(x)
        x = self.frames(x)
        weight = self.score(x).softmax(-1)
        pooled = weighted_statistics(x, self.attention(weight))
        embedding = functional.normalize(self.out_proj(pooled), dim=1)
        return self.embedding(embedding)


def weighted_statistics(x: Tensor, weight: Tensor) -> Tensor:
    """Mean and standard deviation over frames: x (B, C, F), weight (B, 1 or C, F) with the sum one -> (B, 2 C)."""
    mean = (x * weight).sum(-1)
    mean_square = (x.square() * weight).sum(-1)
    variance = mean_square - mean.square()
    deviation = variance.clamp(min=1e-6).sqrt()
    return torch.cat([mean, deviation], dim=1)
