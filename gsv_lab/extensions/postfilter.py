"""Postfilters: they give predicted speech back what it lacks, quick movement and high formants. Nothing is trained.

A network that is trained on a squared or absolute error predicts a mean of what may come, and a mean moves less than
each of its members and has flatter formants. Both filters multiply what lies off a local mean.
Letters: B batch, C latent width, F frames, K bins.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.functional import avg_pool1d, avg_pool2d

from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.system.ranges import NonNegativeFloat, PositiveInt


class LatentPostfilter(Component):
    """Makes quick movement of an expected latent larger.

    latent (B, C, F) -> latent (B, C, F)

    Source: the modulation spectrum's postfilter, Takamichi et al. 2014 (ICASSP), with one gain for whatever is quicker
    than a window in place of one for every modulation frequency.

    Args:
        gain: factor on what lies off the mean of the neighbours; 1 changes nothing.
        reach: frames to either side in that mean.
    """

    slow = Tap("batch dim frame", rate=50.0, meaning="mean of the neighbouring frames, which stays as it is")
    sharpened = Tap("batch dim frame", rate=50.0, meaning="latent with its quick movement made larger")

    def __init__(self, gain: NonNegativeFloat = 1.3, reach: PositiveInt = 3) -> None:
        super().__init__()
        self.gain = gain
        self.reach = reach

    def forward(self, z: Tensor) -> Tensor:
        """See the class."""
        mean = avg_pool1d(
            z,
            2 * self.reach + 1,
            stride=1,
            padding=self.reach,
            count_include_pad=False,
        )
        return self.sharpened(torch.lerp(self.slow(mean), z, self.gain))


class FormantPostfilter(Component):
    """Makes peaks of log-envelopes higher and valleys deeper, without more power in any frame.

    log-envelopes (B, E, K, F) -> the same; taps have the E envelopes one after the other, (B, E * K, F)

    Source: formant enhancement for HMM-based synthesis, compared by Raitio et al. 2010 (Speech Synthesis Workshop 7).

    Args:
        gain: factor on what lies off the mean of the neighbours; 1 changes nothing.
        reach: bins to either side in that mean.
    """

    smooth = Tap("batch bin frame", unit="nat", meaning="mean of the neighbouring bins, which stays as it is")
    contrast = Tap("batch bin frame", unit="nat", meaning="what is added before the power is put right")

    def __init__(self, gain: NonNegativeFloat = 1.2, reach: PositiveInt = 16) -> None:
        super().__init__()
        self.gain = gain
        self.reach = reach

    def forward(self, envelopes: Tensor) -> Tensor:
        """See the class."""
        mean = avg_pool2d(
            envelopes,
            (2 * self.reach + 1, 1),
            stride=1,
            padding=(self.reach, 0),
            count_include_pad=False,
        )
        smooth = self.smooth(mean.flatten(1, 2))
        above = envelopes.flatten(1, 2) - smooth
        added = self.contrast((self.gain - 1) * above)
        sharper = envelopes + added.unflatten(1, envelopes.shape[1:3])
        return sharper + (_log_power(envelopes) - _log_power(sharper)) / 2


def _log_power(envelopes: Tensor) -> Tensor:
    """Log-envelopes (B, E, K, F) -> logarithm of the power in each frame (B, E, 1, F)."""
    return torch.logsumexp(2 * envelopes, 2, keepdim=True)
