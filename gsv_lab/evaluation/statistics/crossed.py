"""Intervals of mean opinion scores when raters and items are crossed.

A rater who is strict is strict in all of their votes, and a sentence that turned out well gets good votes from all. So
votes are no independent draws, and the interval that takes them for such is too narrow by a factor of about 1.8. With
w the share that each vote moves a statistic by (for a mean, w = (y - mean) / N):

    SE_rater^2 = R / (R - 1) * sum over raters of (sum of w of that rater)^2       (items alike)
    SE_plain^2 = sum of w^2
    SE_twoway^2 = SE_rater^2 + SE_item^2 - SE_plain^2

Where the two-way variance falls below the larger of the two single ones, which chance can bring about, the interval
takes the larger one. t has min(R, I) - 1 degrees.

Source: Cameron, Gelbach and Miller 2011, Robust inference with multiway clustering, J. Business & Economic Statistics
29 (two-way variance); Owen 2007, The pigeonhole bootstrap, Annals of Applied Statistics 1.
Letters: N votes, R raters, I items, B draws.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from gsv_lab.evaluation.statistics.votes import Floats, Ints, Votes, sums
from gsv_lab.system.seeds import check_seed

_CELLS = 4_000_000  # weights of votes that are held at once
Z = 1.96
"""Of the intervals in published tables, which take the normal deviate for the t of any size."""


class Errors(NamedTuple):
    """Standard errors of one statistic; NaN where there are fewer than two clusters.

    `twoway` is NaN where the variance is negative. `primary` is the two-way one, or the larger single one, and `floor`
    says which single one ("rater", "item") or is empty.
    """

    rater: float
    item: float
    twoway: float
    primary: float
    floor: str


class Interval(NamedTuple):
    """An interval: its ends, standard error and degrees of freedom, half of its width by t and by 1.96; NaN if none."""

    low: float
    high: float
    se: float
    df: float
    half: float
    half_196: float


_NONE = Interval(*[float("nan")] * 6)


class Opinion(NamedTuple):
    """The mean opinion of a system.

    `intervals` has `t`, `rater`, `item`, `twoway` and, if it was asked for, `pigeonhole`. `floor` as in `Errors`.
    """

    n: int
    raters: int
    items: int
    mean: float
    sd: float
    intervals: dict[str, Interval]
    floor: str


def clustered(moves: Floats, rater: Ints, item: Ints, cell: Ints | None = None) -> Errors:
    """Standard errors of a statistic from how much each vote moves it.

    Args:
        moves: (N,) see the head of this file.
        rater: (N,) of each vote.
        item: (N,) of each vote.
        cell: (N,) votes that belong together beyond rater and item, such as those on two systems that are compared;
            each vote by itself if None.
    """
    by_rater, by_item = _variance(moves, rater), _variance(moves, item)
    own = moves if cell is None else sums(moves, cell)
    both = by_rater + by_item - float(own @ own)
    larger, floor = (by_rater, "rater") if by_rater >= by_item else (by_item, "item")
    if np.isnan(both):
        primary, floor = np.nan, ""
    else:
        primary, floor = (both, "") if both >= larger else (larger, floor)
    return Errors(_root(by_rater), _root(by_item), _root(both), _root(primary), floor)


def _root(variance: float) -> float:
    return float(np.sqrt(variance)) if variance >= 0 else float("nan")


def _variance(moves: Floats, cluster: Ints) -> float:
    _, place = np.unique(cluster, return_inverse=True)
    count = int(place.max()) + 1
    if count < 2:
        return float("nan")
    moved = sums(moves, place)
    return count / (count - 1) * float(moved @ moved)


def mean_opinion(votes: Votes, draws: int = 2000, seed: int = 0, level: float = 0.95) -> Opinion:
    """Mean, standard deviation and all intervals of the votes of one system.

    `half_196` of the two-way interval has no floor, as published tables have it.

    Args:
        votes: of one system.
        draws: resamples of the pigeonhole bootstrap; without it if 0.
        seed: of the resamples.
        level: share of such intervals that hold the true mean, in (0, 1).

    Raises:
        ValueError: no votes, or `level` outside (0, 1).
    """
    if not len(votes) or not 0 < level < 1:
        raise ValueError(f"{len(votes)} votes and level {level}, expected at least one vote and a share")
    n, mean = len(votes), float(votes.score.mean())
    sd = float(votes.score.std(ddof=1)) if n > 1 else float("nan")
    errors = clustered((votes.score - mean) / n, votes.rater, votes.item)
    raters, items = len(votes.raters), len(votes.items)
    intervals = {
        "t": _interval(mean, sd / np.sqrt(n), n - 1, level),
        "rater": _interval(mean, errors.rater, raters - 1, level),
        "item": _interval(mean, errors.item, items - 1, level),
        "twoway": _interval(mean, errors.primary, min(raters, items) - 1, level, errors.twoway),
    }
    if draws:
        intervals["pigeonhole"] = _pigeonhole_interval(mean, pigeonhole(votes, draws, seed), level)
    return Opinion(n, raters, items, mean, sd, intervals, errors.floor)


def difference(votes: Votes, first: int, second: int, level: float = 0.95) -> tuple[float, Interval, str]:
    """Mean of one system minus that of another, its two-way interval, and the floor as in `Errors`.

    What raters and items add to both systems drops out. Degrees of freedom are those of the smaller number of raters
    or items that either system has.

    Args:
        votes: of both systems, and perhaps others.
        first: place of a system in `votes.systems`.
        second: place of the other one.
        level: as for `mean_opinion`.
    """
    moves, places, sizes, value = [], [], [], 0.0
    for system, sign in ((first, 1.0), (second, -1.0)):
        own = np.flatnonzero(votes.system == system)
        mean = float(votes.score[own].mean())
        value += sign * mean
        moves.append(sign * (votes.score[own] - mean) / len(own))
        places.append(own)
        sizes += [len(np.unique(names[own])) for names in (votes.rater, votes.item)]
    both = np.concatenate(places)
    rater, item = votes.rater[both], votes.item[both]
    cell = np.unique(rater * len(votes.items) + item, return_inverse=True)[1].astype(np.int64)
    errors = clustered(np.concatenate(moves), rater, item, cell)
    return value, _interval(value, errors.primary, min(sizes) - 1, level, errors.twoway), errors.floor


def _interval(mean: float, se: float, df: int, level: float, se_196: float | None = None) -> Interval:
    """The t interval; `se_196` where the form with 1.96 has another standard error."""
    plain = Z * (se if se_196 is None else se_196)
    if df < 1 or np.isnan(se):
        return _NONE._replace(half_196=float(plain))
    half = float(se * stdtrit(df, (1 + level) / 2))
    return Interval(mean - half, mean + half, float(se), float(df), half, float(plain))


def pigeonhole(votes: Votes, draws: int = 2000, seed: int = 0) -> Floats:
    """Means of resamples (B,): raters and items are drawn with replacement, and a vote counts as often as its rater
    times its item was drawn. Draws that no vote survives are left out.
    """
    rng = np.random.default_rng(check_seed(seed))
    of_raters = _counts(rng, len(votes.raters), draws)
    of_items = _counts(rng, len(votes.items), draws)
    means = []
    for start in range(0, draws, max(1, _CELLS // len(votes))):
        some = slice(start, start + max(1, _CELLS // len(votes)))
        weights = of_raters[some][:, votes.rater] * of_items[some][:, votes.item]
        with np.errstate(invalid="ignore"):
            means.append((weights @ votes.score) / weights.sum(axis=1))
    drawn = np.concatenate(means)
    return drawn[np.isfinite(drawn)]


def _counts(rng: np.random.Generator, size: int, draws: int) -> Floats:
    """How often each of `size` was drawn in `size` draws with replacement (B, size)."""
    return rng.multinomial(size, np.full(size, 1 / size), size=draws).astype(np.float64)


def _pigeonhole_interval(mean: float, drawn: Floats, level: float) -> Interval:
    """Percentiles; `half` is half of their distance, `half_196` from the deviation of the draws."""
    if len(drawn) < 2:
        return _NONE
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    se = float(drawn.std(ddof=1))
    return Interval(float(low), float(high), se, float("nan"), float(high - low) / 2, Z * se)
