"""What a recording tells beyond its speaker vector: how its frames differ from those that the prior expected.

Letters: B batch, H width of the prior's hidden frames, C latent width, F frames at 50 Hz, M remembered frames.
It does not know waves, codes or phones, and has nothing to learn.
"""

from __future__ import annotations

from typing import NamedTuple

from torch import Tensor
from torch.nn.functional import normalize

from gsv_lab.hooks.tap import Component, Tap


class Memory(NamedTuple):
    """A recording of a voice: the prior's `hidden` frames (1, H, M), and how far the posterior's mean latents were from
    the expected ones, `surprise` (1, C, M).
    """

    hidden: Tensor
    surprise: Tensor


class ReferenceMemory(Component):
    """Corrects an expected latent by what was wrong where the reference said something like it.

    hidden (B, H, F), Memory -> correction (B, C, F)

    Why: one vector for a whole voice cannot say how it makes each sound, and a network that has heard a few hundred
    people guesses badly how one more does. The reference shows it for the sounds that it holds.
    Source: to look frames up by their content, kNN-VC, Baas et al. 2023, arXiv:2305.18975, 3.2; to average them by
    likeness, Nadaraya 1964, Theory of Probability 9(1), eq. 2. Differs from both: not frames are averaged but errors,
    and one remembered frame that is always alike and without error keeps corrections small where nothing is.

    Args:
        sharpness: nat by which a frame counts less for a cosine of 1 less.
    """

    pattern = Tap("batch frame key", rate=50.0, meaning="share of each remembered frame in the correction")
    recalled = Tap("batch dim frame", rate=50.0, meaning="what is added to the expected latent")

    def __init__(self, sharpness: float = 10.0) -> None:
        super().__init__()
        self.sharpness = sharpness

    def forward(self, hidden: Tensor, memory: Memory) -> Tensor:
        """See the class. What all remembered frames share, such as the voice, does not count as likeness."""
        shared = memory.hidden.mean(-1, keepdim=True)
        wanted, known = (normalize(x - shared, dim=1) for x in (hidden, memory.hidden))
        weight = (self.sharpness * (wanted.transpose(1, 2) @ known - 1)).exp()
        share = self.pattern(weight / (1 + weight.sum(-1, keepdim=True)))
        return self.recalled(memory.surprise @ share.transpose(1, 2))
