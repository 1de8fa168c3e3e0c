"""Posterior: the latent of a recording, the training target of the prior and the input of copy synthesis.

It reads any spectrogram: linear for the released models, stacked log-mels with pitch for nano.
Letters: B batch, C latent width, F frames at 50 Hz, G speaker width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsv_lab.hooks.tap import Tap
from gsv_lab.nn.interfaces import Conditioning, Features, Posterior, Sampled
from gsv_lab.nn.ops import full_mask, standard_normal
from gsv_lab.nn.wavenet import WaveNet
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeInt, PositiveInt


class WaveNetPosterior(Posterior):
    """A gated convolution stack over the spectrogram that gives mean and deviation of the latent, and a draw from it.

    features.spec (B, spec_channels, F), conditioning -> Sampled(z, mean, log_scale (B, C, F), mask)

    Source: posterior encoder of VITS, Kim et al. 2021, arXiv:2106.06103, 2.1.3 and 2.5.1; draw: Kingma and Welling
    2013, arXiv:1312.6114, eq. 10.

    Args:
        spec_channels: channels that are read; if the input has more, the first ones.
        latent_dim: C.
        speaker_dim: G.
        width: channels of the stack.
        layers: layers of the stack.
        kernel: frames seen by a layer, odd.
        dropout: share dropped in training.
    """

    mean = Tap("batch dim frame", rate=50.0, meaning="mean of the posterior's latent")
    scale = Tap(
        "batch dim frame", rate=50.0, unit="nat", meaning="logarithm of the posterior latent's standard deviation"
    )
    z = Tap("batch dim frame", rate=50.0, meaning="latent drawn from the posterior")

    def __init__(
        self,
        spec_channels: PositiveInt,
        latent_dim: PositiveInt,
        speaker_dim: NonNegativeInt,
        width: PositiveInt = 192,
        layers: PositiveInt = 16,
        kernel: PositiveInt = 5,
        dropout: ClosedUnitInterval = 0.0,
    ) -> None:
        super().__init__()
        self.spec_channels = spec_channels
        self.latent_dim = latent_dim
        self.speaker_dim = speaker_dim
        self.in_proj = nn.Conv1d(spec_channels, width, 1)
        self.stack = WaveNet(width, layers, kernel, speaker_dim, dropout=dropout)
        self.out_proj = nn.Conv1d(width, 2 * latent_dim, 1)

    def forward(
        self,
        features: Features,
        mask: Tensor | None,
        conditioning: Conditioning,
        noise: Tensor | None = None,
        generator: torch.Generator | None = None,
    ) -> Sampled:
        """See the class."""
        spec = features.spec[:, : self.spec_channels]
        mask = full_mask(spec) if mask is None else mask
        x = self.stack(self.in_proj(spec) * mask, mask, conditioning.speaker)
        mean, log_scale = (self.out_proj(x) * mask).chunk(2, dim=1)
        mean, log_scale = self.mean(mean), self.scale(log_scale)
        if noise is None:
            noise = standard_normal(mean, generator)
        z = (mean + noise * log_scale.exp()) * mask
        return Sampled(self.z(z), mean, log_scale, mask)
