"""Does more than one person speak in some clips? Vectors of the clips, split into the two groups furthest apart.

Single clips are a poor witness: a few seconds of one voice differ as much as two voices may. The means of two groups
differ less the more clips they hold, unless there are two people, or two microphones.
Letters: N clips, D width of a vector.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

FEWEST = 4
"""Clips that can be split: two in each group."""
SEVERAL = 5.5
"""Distance above which two people are suspected, of `gsv_lab.inference.recordings.Recordings.person` with nano-6: of 5
to 12 clips of one of eleven development speakers that suspected two people in 2 of 100 draws, and found 94 of 100
mixtures of two of them, in halves and of one language."""
BEGINNINGS = 6
"""Pairs of clips, those furthest apart, from which groups are grown."""


class Parted(NamedTuple):
    """The two groups furthest apart.

    `distance` is the squared distance of their means, less what clips of one person add to it by chance: about 0 for
    one voice. `second` (N,) is true for the clips of the smaller group.
    """

    distance: float
    second: Tensor


def parted(vectors: Tensor) -> Parted:
    """Split clips by who speaks: vectors (N, D) -> `Parted`; distance 0 where no two groups of two can be made.

    Each of the pairs furthest apart begins two groups, which 2-means completes; the best split counts.
    """
    best = Parted(0.0, torch.zeros(len(vectors), dtype=torch.bool))
    if len(vectors) < FEWEST:
        return best
    distances = torch.cdist(vectors, vectors)
    pairs = torch.triu_indices(len(vectors), len(vectors), 1)
    order = distances[pairs[0], pairs[1]].argsort(descending=True)
    for first, second in pairs[:, order[:BEGINNINGS]].T.tolist():
        inside = _grown(vectors, distances[first] < distances[second])
        if min(int(inside.sum()), int((~inside).sum())) >= FEWEST // 2:
            distance = _apart(vectors[inside], vectors[~inside])
            if distance > best.distance:
                best = Parted(distance, inside if 2 * int(inside.sum()) <= len(inside) else ~inside)
    return best


def _grown(vectors: Tensor, inside: Tensor) -> Tensor:
    """2-means from a first split."""
    for _ in range(20):
        means = torch.stack([vectors[inside].mean(0), vectors[~inside].mean(0)])
        nearer = torch.cdist(vectors, means)
        moved = nearer[:, 0] < nearer[:, 1]
        if moved.all() or not moved.any() or torch.equal(moved, inside):
            break
        inside = moved
    return inside


def _apart(one: Tensor, other: Tensor) -> float:
    """Squared distance of two means, each drawn from its group, without the share that is the draw's."""
    chance = one.var(0).sum() / len(one) + other.var(0).sum() / len(other)
    return float((one.mean(0) - other.mean(0)).square().sum() - chance)
