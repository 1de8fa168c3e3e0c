"""Latents side by side: how far what the prior expects is from what the posterior found.

Letters: B batch, C latent width, F frames at 50 Hz, G speaker width.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor

SMALLEST_DEVIATION = 1e-3


class Latents(NamedTuple):
    """What the prior expects to be spoken, and the mean of what was `recorded`, both (B, C, F), their `mask` (B, 1, F),
    and the voice's `speaker` vector (B, G, 1).
    """

    expected: Tensor
    recorded: Tensor
    mask: Tensor
    speaker: Tensor


def scaled(expected: Tensor, recorded: Tensor, mask: Tensor) -> tuple[Tensor, Tensor]:
    """Both latents such that the recorded one has mean 0 and deviation 1 in each channel; zero in padding.

    (B, C, F), (B, C, F), (B, 1, F) -> (B, C, F), (B, C, F); only the expected one passes gradients
    """
    expected, recorded, mask = expected.float(), recorded.detach().float(), mask.float()
    count = mask.sum()
    mean = (recorded * mask).sum((0, 2), keepdim=True) / count
    variance = ((recorded - mean).square() * mask).sum((0, 2), keepdim=True) / count
    scale = mask / variance.sqrt().clamp(min=SMALLEST_DEVIATION)
    return (expected - mean) * scale, (recorded - mean) * scale


def latent_loss(expected: Tensor, recorded: Tensor, mask: Tensor) -> Tensor:
    """Half the absolute and half the squared distance of two latents, in deviations of the recorded one's channels.

    All (B, C, F), mask (B, 1, F); the mean over channels and valid frames.

    Why: the KL divergence weighs each channel by the variance that the prior expects there; what is spoken without
    noise is the mean, and this says directly how far it is off.
    """
    one, other = scaled(expected, recorded, mask)
    error = one - other
    return (error.abs() + error.square()).sum() / (2 * mask.sum() * expected.shape[1])
