"""A discriminator of latents: it tells the posterior's from those that a prior expects.

A prior that is only asked for the nearest latent gives a blurred one. Latents have 64 channels and 50 frames a second,
so telling them apart costs a tenth of what it costs on waves, and no vocoder takes part.
Letters: B batch, C latent width, F frames at 50 Hz, G speaker width.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.parametrizations import weight_norm

from gsv_lab.extensions.latent_loss import Latents, scaled
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn import losses
from gsv_lab.nn.interfaces import Discriminated
from gsv_lab.system.ranges import PositiveInt
from gsv_lab.system.registry import Configurable

SLOPE = 0.1
"""Of the leaky rectifiers."""


class LatentDiscriminator(Component):
    """Latents (B, C, F) of a voice (B, G, 1) -> Discriminated, one score a frame and the outputs of all layers.

    Source: adversarial training on acoustic features, Yang et al. 2021, "GANSpeech", arXiv:2106.15153, 2.2, here on
    latents; least squares as in Mao et al. 2016, arXiv:1611.04076.

    Args:
        latent_dim: C.
        speaker_dim: G; the voice is added after the first layer, so that latents of another voice are told apart.
        width: channels of the layers.
        dilations: of the layers after the first, one each.
    """

    features = Tap("batch channel frame", rate=50.0, meaning="output of the last layer but one")
    scores = Tap("batch frame", rate=50.0, meaning="one score for each frame, 1 for recorded")

    def __init__(
        self,
        latent_dim: PositiveInt,
        speaker_dim: PositiveInt,
        width: PositiveInt = 128,
        dilations: tuple[PositiveInt, ...] = (1, 2, 4),
    ) -> None:
        super().__init__()
        self.in_proj = weight_norm(nn.Conv1d(latent_dim, width, 5, padding=2))
        self.speaker_in = nn.Conv1d(speaker_dim, width, 1)
        self.layers = nn.ModuleList()
        for dilation in dilations:
            layer = nn.Conv1d(width, width, 5, padding=2 * dilation, dilation=dilation)
            self.layers.append(weight_norm(layer))
        self.last = weight_norm(nn.Conv1d(width, 1, 3, padding=1))

    def forward(self, latent: Tensor, speaker: Tensor) -> Discriminated:
        """See the class."""
        x = self.in_proj(latent) + self.speaker_in(speaker)
        features: list[Tensor] = []
        for layer in self.layers:
            x = layer(functional.leaky_relu(x, SLOPE))
            features.append(x)
        features[-1] = x = self.features(x)
        x = self.last(functional.leaky_relu(x, SLOPE))
        features.append(x)
        return Discriminated([self.scores(x[:, 0])], [features])

    def loss(self, latents: Latents) -> Tensor:
        """What it should do better itself; the expected latent is detached."""
        expected, recorded = scaled(*latents[:3])
        speaker = latents.speaker.detach()
        natural, made = self(recorded, speaker), self(expected.detach(), speaker)
        return losses.discriminator_loss(natural.scores, made.scores)

    def terms(self, latents: Latents) -> dict[str, Tensor]:
        """What it teaches the prior: `latent_adversarial` and `latent_features`."""
        expected, recorded = scaled(*latents[:3])
        speaker = latents.speaker.detach()
        natural, made = self(recorded, speaker), self(expected, speaker)
        return {
            "latent_adversarial": losses.adversarial_loss(made.scores),
            "latent_features": losses.feature_loss(natural.features, made.features),
        }


class LatentTraining(Configurable):
    """How a prior is trained on the latents of a SoVITS that has learnt already.

    Args:
        frozen: names of the parts that stay as they are.
        discriminator: teaches the prior; it learns from the first batch. None to train without.
    """

    def __init__(
        self,
        frozen: Sequence[str] = ("speaker_encoder", "posterior", "flow", "vocoder"),
        discriminator: LatentDiscriminator | None = None,
    ) -> None:
        self.frozen = tuple(frozen)
        self.discriminator = discriminator
