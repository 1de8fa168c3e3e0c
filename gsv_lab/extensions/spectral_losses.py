"""Losses on log-mels that nano adds to the published ones.

Every function takes pairs of log-mels (B, M, F), natural and made, one pair for each resolution, and gives one number.
Letters: B batch, M mel bands, F frames.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

Pairs = Sequence[tuple[Tensor, Tensor]]


def level_and_shape_loss(pairs: Pairs) -> Tensor:
    """Mean absolute difference of the level of each frame, its mean over bands, and of what is left; their sum.

    Why: codes do not tell how loud a phone was said. Together, that error would drown the one in the spectrum's shape.
    """
    terms = []
    for real, made in pairs:
        off = made - real
        level = off.mean(1, keepdim=True)
        terms.append((off - level).abs().mean() + level.abs().mean())
    return torch.stack(terms).mean()


def convergence_loss(pairs: Pairs) -> Tensor:
    """Spectral convergence on mel magnitudes, mean over clips and resolutions.

    Why: a difference of logarithms counts a whisper as much as a shout; this one counts what is loud.
    Source: Yamamoto et al. 2020, arXiv:1910.11480, eq. 5; there of linear spectra.
    """
    terms = []
    for real, made in pairs:
        real, made = real.exp().flatten(1), made.exp().flatten(1)
        distance = (real - made).norm(dim=1) / real.norm(dim=1)
        terms.append(distance.mean())
    return torch.stack(terms).mean()
