"""Does a voice say again what it was tuned on? Stretches of made speech against all stretches of the training clips.

A voice that repeats its recordings gives back stretches of them in place of its text. Stretches are compared by
content, which holds what is said and how fast, and little of the voice: a voice may sound like its recordings.
Letters: F25 frames at 25 Hz, D content width, W stretches, L frames of a stretch.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional

STRETCH = 20
"""Frames: 0.8 s, two or three words. Shorter ones are alike by chance."""
NATURAL = 0.01
"""Share of the stretches of natural held-out speech that counts as copied: it sets how near is too near."""


class Known:
    """The training clips as stretches.

    Args:
        training: content (F25, D) of each training clip.
        held_out: of clips of the same person that were not trained on; without any nothing is near.
    """

    def __init__(self, training: Sequence[Tensor], held_out: Sequence[Tensor]) -> None:
        self.mean = torch.cat([*training]).mean(0)
        self.known = torch.cat([self.stretches(clip) for clip in training])
        distances = torch.cat([self.distances(clip) for clip in held_out] or [torch.zeros(0)])
        self.near = float(distances.quantile(NATURAL)) if len(distances) else -1.0

    def stretches(self, content: Tensor) -> Tensor:
        """Every stretch of a clip (F25, D) as a point on the unit sphere: (W, L D), none of a clip that is shorter."""
        if len(content) < STRETCH:
            return torch.zeros(0, STRETCH * content.shape[1])
        windows = (content - self.mean).unfold(0, STRETCH, 1)
        return functional.normalize(windows.flatten(1), dim=1)

    def distances(self, content: Tensor) -> Tensor:
        """How far each stretch of a clip is from the nearest one of the training clips: (W,), 1 less the cosine."""
        made = self.stretches(content)
        if not len(made) or not len(self.known):
            return torch.zeros(0)
        return 1 - (made @ self.known.T).amax(1)

    def copied(self, content: Tensor) -> float:
        """Share of the stretches of a clip that are nearer to the training clips than natural speech is."""
        distances = self.distances(content)
        return float((distances < self.near).float().mean()) if len(distances) else 0.0
