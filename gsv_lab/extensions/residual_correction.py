"""What a recording shows beyond its speaker vector: how its frames differ from those that the prior expected.

What is learnt of a voice is learnt in one step, without gradients.
Letters: B batch, H width of the prior's hidden frames, C latent width, F frames at 50 Hz, N frames of the reference.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import normalize

from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.system.ranges import NonNegativeFloat, PositiveFloat, PositiveInt


class Residuals(NamedTuple):
    """The reference of a voice as a Gaussian process knows it.

    `hidden` (1, H, N), the prior's frames; `weights` (1, C, N), what likeness to each of them adds to the expected
    latent.
    """

    hidden: Tensor
    weights: Tensor


class ResidualCorrection(Component):
    """Corrects an expected latent by what was wrong where the reference said something like it.

    hidden (B, H, F), Residuals -> correction (B, C, F)

    Why: one vector for a whole voice cannot say how it makes each sound, and a network that has met a few hundred
    people guesses badly how one more does. The reference shows it for the sounds that it holds.
    Source: to look frames up by their content, kNN-VC, Baas et al. 2023, arXiv:2305.18975, 3.2; here not frames are
    averaged, but a Gaussian process is conditioned on errors: Rasmussen and Williams 2006, Gaussian Processes for
    Machine Learning, eq. 2.25. Its covariance, the squared exponential of eq. 2.31 and a constant, compares directions.

    Args:
        sharpness: one over the squared length scale; nat by which a cosine of 1 less lowers the covariance.
        noise: variance of what cannot be learnt of a frame, in units of what can.
        common: variance of an error that all frames share, in the same units.
        max_frames: frames of the reference that are used; of a longer one, evenly spaced ones. Learning costs their
            cube.
    """

    covariance = Tap("batch frame key", rate=50.0, meaning="covariance of each frame with each frame of the reference")
    correction = Tap("batch dim frame", rate=50.0, meaning="what is added to the expected latent")

    def __init__(
        self,
        sharpness: NonNegativeFloat = 6.0,
        noise: PositiveFloat = 4.0,
        common: NonNegativeFloat = 0.3,
        max_frames: PositiveInt = 4000,
    ) -> None:
        super().__init__()
        self.sharpness = sharpness
        self.noise = noise
        self.common = common
        self.max_frames = max_frames

    def settings(self) -> str:
        """What the weights of `Residuals` depend on, in words."""
        return f"sharpness {self.sharpness:g}, noise {self.noise:g}, common {self.common:g}"

    def learn(self, hidden: Tensor, residual: Tensor) -> Residuals:
        """From frames (1, H, N), and how far the latents were from the expected ones (1, C, N)."""
        if hidden.shape[-1] > self.max_frames:
            kept = torch.linspace(0, hidden.shape[-1] - 1, self.max_frames).long()
            hidden, residual = hidden[..., kept], residual[..., kept]
        count = hidden.shape[-1]
        noisy = self.likeness(hidden, hidden)[0] + self.noise * torch.eye(count, device=hidden.device)
        factor = torch.linalg.cholesky(noisy)
        weights = torch.cholesky_solve(residual[0].T, factor)
        return Residuals(hidden, weights.T[None])

    def likeness(self, hidden: Tensor, known: Tensor) -> Tensor:
        """(B, H, F), (1, H, N) -> (B, F, N). What all frames of the reference share, such as the voice, is left out."""
        shared = known.mean(-1, keepdim=True)
        one = normalize(hidden - shared, dim=1)
        other = normalize(known - shared, dim=1)
        cosine = one.transpose(1, 2) @ other
        return (self.sharpness * (cosine - 1)).exp() + self.common

    def forward(self, hidden: Tensor, residuals: Residuals) -> Tensor:
        """See the class."""
        covariance = self.covariance(self.likeness(hidden, residuals.hidden))
        return self.correction(residuals.weights @ covariance.transpose(1, 2))
