"""What the reader of notebook 09 is to write, for exercises that are still open.

Letters: r rank, N sentences or frames, M and K frames, D coefficients.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import torch
from torch import Tensor

from gsv_lab.system.seeds import seeded
from gsv_lab.teaching.exercises.metrics import t_quantile

Curve = Sequence[tuple[int, float]]
"""(step, loss) pairs, as `Run.scalars()` has them."""
POOR = ("clip_3", "clip_5", "clip_8")
"""The slices of the notebook that were spoiled, see `minute.slices`."""


def begin(weight: Tensor, rank: int) -> tuple[Tensor, Tensor]:
    """How a low-rank update of a weight (out, in) starts: A (r, in) drawn at random, B (out, r) zero.

    Source: Hu et al. 2021, arXiv:2106.09685, section 4.1.
    """
    down = torch.randn(rank, weight.shape[1], generator=seeded(0)) / math.sqrt(weight.shape[1])
    return down, torch.zeros(len(weight), rank)


def updated(weight: Tensor, down: Tensor, up: Tensor, alpha: float) -> Tensor:
    """W + alpha / r B A: weight (out, in), A (r, in), B (out, r) -> (out, in)."""
    return weight + alpha / len(down) * up @ down


def stop(trained: Curve, held_out: Curve, margin: float) -> int:
    """The earliest step whose held-out loss lies at most `margin` above the lowest one."""
    lowest = min(loss for _, loss in held_out)
    return next(step for step, loss in held_out if loss <= lowest + margin)


def better(before: np.ndarray, after: np.ndarray, t: Callable[[float], float] = t_quantile) -> bool:
    """Whether the interval of the mean difference after - before over N sentences lies above 0."""
    off = np.asarray(after) - np.asarray(before)
    return bool(off.mean() - t(len(off) - 1) * off.std(ddof=1) / math.sqrt(len(off)) > 0)


def copied(made: np.ndarray, heard: np.ndarray, fresh: np.ndarray) -> float:
    """Share of made frames (N, D) whose nearest frame is one of those tuned on (M, D), not of other speech (M, D)."""
    nearest = [np.linalg.norm(made[:, None] - frames[None], axis=-1).min(axis=1) for frames in (heard, fresh)]
    return float((nearest[0] < nearest[1]).mean())
