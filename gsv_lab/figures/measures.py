"""The numbers that stand in the titles of pictures, computed without any plotting library.

Letters: A and B values of two discrete variables, S steps, K keys. Arrays in, floats out.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


def entropy(weights: Any) -> float:
    """Entropy in nats of counts or shares (A,), which need not sum to 1."""
    share = np.asarray(weights, dtype=np.float64).reshape(-1)
    share = share[share > 0] / max(share.sum(), 1e-300)
    return float(-(share * np.log(share)).sum())


def perplexity(weights: Any) -> float:
    """exp(entropy): how many values a uniform variable of the same entropy would have."""
    return float(np.exp(entropy(weights)))


def uncertainty(counts: Any) -> float:
    """Uncertainty coefficient U(row | column) of joint counts (A, B), from 0 (independent) to 1.

    U = I(A; B) / H(A), Theil 1970; 1 where the column determines the row. Chance is above 0 for small samples:
    compare with shuffled labels.
    """
    table = np.asarray(counts, dtype=np.float64)
    whole = entropy(table.sum(axis=1))
    shared = whole + entropy(table.sum(axis=0)) - entropy(table)
    return float(np.clip(shared / whole, 0.0, 1.0)) if whole > 0 else 0.0


def monotone_path(pattern: Any) -> NDArray[np.int64]:
    """The key of each step on the best path that never goes back and never jumps over a key.

    (S, K) weights, rows in time -> (S,) keys; the path may begin and end anywhere (dynamic programming on the sum).
    """
    weights = np.nan_to_num(np.asarray(pattern, dtype=np.float64))
    steps, keys = weights.shape
    total = weights[0].copy()
    moved = np.zeros((steps, keys), dtype=np.int64)
    for step in range(1, steps):
        before = np.append(-np.inf, total[:-1])
        moved[step] = before > total
        total = np.maximum(total, before) + weights[step]
    path = np.empty(steps, dtype=np.int64)
    path[-1] = int(total.argmax())
    for step in range(steps - 1, 0, -1):
        path[step - 1] = path[step] - moved[step, path[step]]
    return path


def diagonality(pattern: Any, reach: int = 1) -> float:
    """How much of an alignment (S, K) lies within `reach` keys of its best monotone path, from 0 to 1.

    1: each step looks at one key and moves on in order. Even weights give (2 reach + 1) / K. A pattern that rests on
    one key for ever would pass too, so the share is multiplied by the share of keys that the path visits.
    """
    weights = np.nan_to_num(np.asarray(pattern, dtype=np.float64))
    path = monotone_path(weights)
    near = np.abs(np.arange(weights.shape[1]) - path[:, None]) <= reach
    mass = (weights * near).sum() / max(weights.sum(), 1e-12)
    visited = (path.max() - path.min() + 1) / weights.shape[1]
    return float(mass * min(1.0, visited))


def principal(vectors: Any, count: int = 2) -> tuple[Floats, Floats]:
    """(N, D) -> coordinates on the first principal axes (N, count) and the share of variance of each (count,).

    The sign of each axis is fixed so that its largest coordinate is positive: pictures do not flip between runs.
    """
    points = np.asarray(vectors, dtype=np.float64)
    centred = points - points.mean(axis=0)
    left, spread, _ = np.linalg.svd(centred, full_matrices=False)
    coordinates = left[:, :count] * spread[:count]
    if coordinates.shape[1] < count:
        coordinates = np.pad(coordinates, ((0, 0), (0, count - coordinates.shape[1])))
    largest = coordinates[np.abs(coordinates).argmax(axis=0), np.arange(count)]
    share = np.zeros(count)
    share[: min(count, len(spread))] = spread[:count] ** 2 / max(float((spread**2).sum()), 1e-12)
    return coordinates * np.where(largest < 0, -1.0, 1.0), share
