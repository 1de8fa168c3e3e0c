"""Does more than one person speak in a recording? Vectors of its slices, split into the two groups furthest apart.

Single slices are a poor witness: a few seconds of one voice differ as much as two voices may. The means of two groups
differ less the more slices they hold, unless there are two people. Letters: N slices, D width of a vector.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

FEWEST = 4
"""Slices from which a recording can be measured: two in each group."""
SEVERAL = 0.5
"""Likeness under which two people are suspected. With the verifier of nano-1, on slices of 21 people who were not
in its training, that suspected one person alone in 5 of 100 recordings and found 44 of 100 recordings of two."""


def likeness(vectors: Tensor) -> float:
    """Cosine of the means of two groups of slices: (N, D) unit vectors -> about 1 for one voice, less for two.

    The groups are found by spherical 2-means from the two slices that are least alike. 1 where there are fewer than
    `FEWEST` slices, or where a group has but one.
    """
    if len(vectors) < FEWEST:
        return 1.0
    cosines = vectors @ vectors.T
    first, second = divmod(int(cosines.argmin()), len(vectors))
    inside = cosines[first] > cosines[second]
    for _ in range(20):
        means = functional.normalize(torch.stack([vectors[inside].mean(0), vectors[~inside].mean(0)]), dim=1)
        moved = vectors @ means[0] > vectors @ means[1]
        if moved.all() or not moved.any() or torch.equal(moved, inside):
            break
        inside = moved
    if min(int(inside.sum()), int((~inside).sum())) < FEWEST // 2:
        return 1.0
    return float(means[0] @ means[1])
