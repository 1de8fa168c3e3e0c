"""How far raters agree: intraclass correlations, Krippendorff's alpha, ranks of systems by halves of the panel.

Letters: n targets, k raters, N votes, U units (what is rated), V distinct values, S systems.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.stats import rankdata

from gsv_lab.evaluation.statistics.votes import Floats, Ints, Votes, rater_means
from gsv_lab.system.seeds import check_seed

METRICS = ("nominal", "ordinal", "interval", "ratio")
LARGEST = 4000
"""Most distinct values of the ratio metric, whose work grows with their square."""


class Icc(NamedTuple):
    """Intraclass correlations: one-way, two-way random and two-way mixed; of one rater, and of the mean of k."""

    icc1: float
    icc2: float
    icc3: float
    icc1k: float
    icc2k: float
    icc3k: float


def icc(ratings: Floats) -> Icc:
    """The six forms of a table (n, k) without gaps, rows are targets; NaN where nothing varies.

    icc1: each target has other raters. icc2: the raters are drawn from many, and strict ones count as disagreement.
    icc3: these raters and no others; strictness does not matter. With k: reliability of the mean of k raters.

    Source: Shrout and Fleiss 1979, Psychological Bulletin 86, table 4 and the formulas below it.

    Raises:
        ValueError: fewer than two targets or raters, or a value is missing.
    """
    table = np.asarray(ratings, dtype=np.float64)
    if table.ndim != 2 or min(table.shape) < 2 or not np.isfinite(table).all():
        raise ValueError(f"got a table of shape {table.shape}, expected two targets, two raters and no missing value")
    n, k = table.shape
    left = table - table.mean()
    of_targets = k * float((left.mean(axis=1) ** 2).sum())
    of_raters = n * float((left.mean(axis=0) ** 2).sum())
    total = float((left**2).sum())
    bms, jms = of_targets / (n - 1), of_raters / (k - 1)
    wms = (total - of_targets) / (n * (k - 1))
    ems = (total - of_targets - of_raters) / ((n - 1) * (k - 1))
    return Icc(
        _share(bms - wms, bms + (k - 1) * wms),
        _share(bms - ems, bms + (k - 1) * ems + k * (jms - ems) / n),
        _share(bms - ems, bms + (k - 1) * ems),
        _share(bms - wms, bms),
        _share(bms - ems, bms + (jms - ems) / n),
        _share(bms - ems, bms),
    )


def _share(part: float, whole: float) -> float:
    return part / whole if abs(whole) > 1e-12 else float("nan")


def krippendorff_alpha(values: Floats, units: Ints, metric: str = "ordinal") -> float:
    """Krippendorff's alpha: 1 is full agreement, 0 is chance; NaN where all values are the same.

    Any vote may be missing; units with a single vote say nothing and are left out. alpha = 1 - D_o / D_e, the mean
    squared distance within units over that of all values. Distances: nominal 0 or 1; interval the difference; ordinal
    the difference of mean ranks; ratio (a - b) / (a + b), for values that are not negative (0 and 0 are the same).

    Source: Krippendorff 2011, Computing Krippendorff's alpha-reliability.

    Args:
        values: (N,) votes.
        units: (N,) which unit each vote is about.
        metric: one of `METRICS`.

    Raises:
        ValueError: another metric, no unit with two votes, or for ratio a negative value or more than `LARGEST` values.
    """
    if metric not in METRICS:
        raise ValueError(f"metric is {metric!r}, expected one of {', '.join(METRICS)}")
    counts = np.bincount(units)
    pairable = counts[units] > 1
    if not pairable.any():
        raise ValueError("no unit has two votes")
    values, units = values[pairable], np.unique(units[pairable], return_inverse=True)[1].astype(np.int64)
    if metric == "interval":
        observed, expected = _squared(values, units)
    elif metric == "ordinal":
        observed, expected = _squared(rankdata(values), units)
    else:
        observed, expected = _by_value(values, units, metric)
    return 1 - observed / expected if expected > 1e-12 else float("nan")


def _squared(values: Floats, units: Ints) -> tuple[float, float]:
    """Mean squared difference within units and of all values, by sums of squares; times half their number."""
    x, m = values - values.mean(), np.bincount(units)
    within = m * np.bincount(units, x * x) - np.bincount(units, x) ** 2
    n = len(x)
    return float((within / (m - 1)).sum()), float(n * (x @ x) - x.sum() ** 2) / (n - 1)


def _by_value(values: Floats, units: Ints, metric: str) -> tuple[float, float]:
    """The same from how often each pair of distinct values meets in a unit."""
    levels, level = np.unique(values, return_inverse=True)
    if metric == "ratio" and (levels[0] < 0 or len(levels) > LARGEST):
        raise ValueError(f"the ratio metric takes at most {LARGEST} distinct values, none of them negative")
    frequency = np.bincount(level).astype(np.float64)
    n = len(values)
    if metric == "nominal":
        cell, times = np.unique(units * len(levels) + level, return_counts=True)
        m = np.bincount(units)[cell // len(levels)]
        same = float((times * (times - 1) / (m - 1)).sum())
        return n - same, (n * n - float((frequency**2).sum())) / (n - 1)
    observed = 0.0
    order = np.argsort(units, kind="stable")
    for members in np.split(values[order], np.flatnonzero(np.diff(units[order])) + 1):
        observed += float(_ratio(members, members).sum()) / (len(members) - 1)
    expected = sum(float(times * (_ratio(levels[i], levels) @ frequency)) for i, times in enumerate(frequency))
    return observed, expected / (n - 1)


def _ratio(a: Floats, b: Floats) -> Floats:
    """Squared ratio distances of all pairs (A, B), or (B,) for a single a."""
    total = np.add.outer(a, b)
    return np.divide(np.subtract.outer(a, b), total, out=np.zeros_like(total), where=total > 0) ** 2


def split_half(votes: Votes, halves: int = 100, seed: int = 0) -> float:
    """Mean Spearman correlation of the systems' means by two random halves of the raters; NaN if it cannot be had.

    Systems that a half did not judge are left out of that pair of halves.
    """
    means = rater_means(votes)
    raters, systems = means.shape
    if raters < 4 or systems < 3:
        return float("nan")
    rng = np.random.default_rng(check_seed(seed))
    found = []
    known = np.isfinite(means)
    filled = np.where(known, means, 0.0)
    for _ in range(halves):
        first = rng.permutation(raters) < raters // 2
        counts = np.stack([known[half].sum(axis=0) for half in (first, ~first)])
        both = (counts > 0).all(axis=0)
        if both.sum() < 3:
            continue
        pair = [filled[half][:, both].sum(axis=0) / known[half][:, both].sum(axis=0) for half in (first, ~first)]
        ranks = rankdata(pair, axis=1) - (both.sum() + 1) / 2
        scale = float(np.sqrt((ranks[0] @ ranks[0]) * (ranks[1] @ ranks[1])))
        if scale:
            found.append(float(ranks[0] @ ranks[1]) / scale)
    return float(np.mean(found)) if found else float("nan")
