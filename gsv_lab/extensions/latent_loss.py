"""A loss on latents: how far what the prior expects is from what the posterior found.

Letters: B batch, C channels, F frames.
"""

from __future__ import annotations

from torch import Tensor

SMALLEST_DEVIATION = 1e-3


def latent_loss(expected: Tensor, recorded: Tensor, mask: Tensor) -> Tensor:
    """Half the absolute and half the squared distance of two latents, in deviations of the recorded one's channels.

    All (B, C, F), mask (B, 1, F); the mean over channels and valid frames.

    Why: the KL divergence weighs each channel by the variance that the prior expects there; what is spoken without
    noise is the mean, and this says directly how far it is off.
    """
    expected, recorded, mask = expected.float(), recorded.detach().float(), mask.float()
    count = mask.sum()
    mean = (recorded * mask).sum((0, 2), keepdim=True) / count
    variance = ((recorded - mean).square() * mask).sum((0, 2), keepdim=True) / count
    error = (expected - recorded) / variance.sqrt().clamp(min=SMALLEST_DEVIATION) * mask
    return (error.abs() + error.square()).sum() / (2 * count * expected.shape[1])
