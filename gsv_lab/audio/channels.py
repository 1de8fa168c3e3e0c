"""Two channels of one recording: do they cancel, and is one of them clearly the better?

Speech is loud and soft by turns, hiss and hum are not. The channels are compared by how far their loud moments rise
above their quiet ones, in levels of 20 ms. Letters: T samples, F frames.
"""

from __future__ import annotations

import torch
from torch import Tensor

CLEARER_DB = 6.0
"""How much further than in the mean of both a channel's speech must rise above its noise to be taken alone."""
_LOUD, _QUIET = 0.8, 0.1  # quantiles of the frames; a few clicks do not reach the first
_SILENCE = 1e-10  # power under which there is no signal to compare (-100 dBFS)


class Stereo:
    """Levels of the left and right channel and of their mean, gathered block by block.

    Args:
        sample_rate: Hz.
    """

    def __init__(self, sample_rate: int) -> None:
        self.size = max(1, round(0.02 * sample_rate))
        self.power: list[Tensor] = []  # each (F, 3): left, right, mean

    def add(self, block: Tensor) -> None:
        """The next samples, (T, 2); an incomplete last frame is not counted."""
        three = torch.cat((block, block.mean(dim=1, keepdim=True)), dim=1)
        whole = len(three) // self.size * self.size
        if whole:
            frames = three[:whole].view(-1, self.size, 3)
            self.power.append((frames - frames.mean(dim=1, keepdim=True)).square().mean(dim=1))

    @property
    def cancels(self) -> bool:
        """Whether almost nothing is left of both channels in their mean."""
        if not self.power:
            return False
        left, right, mean = torch.cat(self.power).double().mean(dim=0).tolist()
        both = (left + right) / 2
        # Equal loud channels with correlation r leave (1 + r) / 2 of the power: 5 % is r = -0.9.
        return both > _SILENCE and mean < 0.05 * both

    @property
    def better(self) -> int | None:
        """0 for the left, 1 for the right channel if it is clearly better alone than their mean; None otherwise."""
        if not self.power:
            return None
        left, right, mean = (_rise(power) for power in torch.cat(self.power).T)
        if max(left, right) < mean + CLEARER_DB:
            return None
        return int(right > left)


def _rise(power: Tensor) -> float:
    """How far the loud frames of (F,) lie above the quiet ones, dB; digital silence says nothing about the noise."""
    power = power[power > 1e-14].sort().values
    if power.numel() < 10:
        return 0.0
    loud, quiet = (power[int(share * (power.numel() - 1))] for share in (_LOUD, _QUIET))
    return float(10 * torch.log10(loud / quiet))
