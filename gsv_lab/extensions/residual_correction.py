"""What a recording tells beyond its speaker vector: how its frames differ from those that the prior expected.

Letters: B batch, H width of the prior's hidden frames, C latent width, F frames at 50 Hz, M remembered frames.
It does not know waves, codes or phones; what it learns of a voice, it learns in one step, without gradients.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gsv_lab.hooks.tap import Component, Tap


class Memory(NamedTuple):
    """A recording of a voice: the prior's `hidden` frames (1, H, M), and what likeness to each of them adds to the
    expected latent, `lesson` (1, C, M).
    """

    hidden: Tensor
    lesson: Tensor


class ReferenceMemory(Component):
    """Corrects an expected latent by what was wrong where the reference said something like it.

    hidden (B, H, F), Memory -> correction (B, C, F)

    Why: one vector for a whole voice cannot say how it makes each sound, and a network that has heard a few hundred
    people guesses badly how one more does. The reference shows it for the sounds that it holds.
    Source: to look frames up by their content, kNN-VC, Baas et al. 2023, arXiv:2305.18975, 3.2; here not frames are
    averaged, but a Gaussian process is conditioned on errors: Rasmussen and Williams 2006, Gaussian Processes for
    Machine Learning, eq. 2.25. Its covariance, the squared exponential of eq. 2.31 and a constant, compares directions.

    Args:
        sharpness: one over the squared length scale; nat by which a cosine of 1 less lowers the covariance.
        noise: variance of what cannot be learnt of a frame, in units of what can.
        common: variance of an error that all frames share, in the same units.
        most: frames that are remembered; of a longer recording, evenly spaced ones. Learning costs their cube.
    """

    pattern = Tap("batch frame key", rate=50.0, meaning="likeness of each frame to each remembered one")
    recalled = Tap("batch dim frame", rate=50.0, meaning="what is added to the expected latent")

    def __init__(self, sharpness: float = 6.0, noise: float = 4.0, common: float = 0.3, most: int = 4000) -> None:
        super().__init__()
        self.sharpness, self.noise, self.common, self.most = sharpness, noise, common, most

    def learn(self, hidden: Tensor, surprise: Tensor) -> Memory:
        """From frames (1, H, M), and how far the latents were from the expected ones (1, C, M)."""
        count = hidden.shape[-1]
        if count > self.most:
            kept = torch.linspace(0, count - 1, self.most).long()
            hidden, surprise, count = hidden[..., kept], surprise[..., kept], self.most
        noisy = self.likeness(hidden, hidden)[0] + self.noise * torch.eye(count, device=hidden.device)
        return Memory(hidden, torch.cholesky_solve(surprise[0].T, torch.linalg.cholesky(noisy)).T[None])

    def likeness(self, hidden: Tensor, known: Tensor) -> Tensor:
        """(B, H, F), (1, H, M) -> (B, F, M). What all remembered frames share, such as the voice, does not count."""
        shared = known.mean(-1, keepdim=True)
        one, other = (normalize(x - shared, dim=1) for x in (hidden, known))
        return (self.sharpness * (one.transpose(1, 2) @ other - 1)).exp() + self.common

    def forward(self, hidden: Tensor, memory: Memory) -> Tensor:
        """See the class."""
        pattern = self.pattern(self.likeness(hidden, memory.hidden))
        return self.recalled(memory.lesson @ pattern.transpose(1, 2))
