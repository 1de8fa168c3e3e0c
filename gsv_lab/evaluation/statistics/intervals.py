"""Student's t for means, rates and paired differences, with the speaker as the unit; p values of many tests.

Clips of one speaker are alike, so the number of speakers decides how much is known, not the number of clips. Where
there is one speaker only, the clip is the unit and nothing is said about other speakers.

A mean counts every speaker alike: it is the mean over speakers of the means over their clips. It is thus a ratio of
sums, sum(w v) / sum(w), in which a clip weighs one over the number of clips of its speaker. An error rate is the same
ratio with the number of words as weight. One formula serves both: with R the ratio and W the sum of the weights, a
clip moves the ratio by w (v - R) / W; these are summed within each of the S units to d_s, and the squared standard
error is S / (S - 1) times the sum of d_s squared. For a mean this is the textbook standard error of S speaker means.

Source: Cochran 1977, Sampling Techniques, sections 6.3 and 9A (ratio estimates, clusters); Holm 1979, A simple
sequentially rejective multiple test procedure. Letters: N clips, S units.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtr, stdtrit

from gsv_lab.evaluation.statistics.resampling import Pair, Values

_ROUNDING = 1e-12  # a spread below this share of the largest value is rounding, not spread


class Interval(NamedTuple):
    """A mean or a rate with its interval; `low` and `high` are NaN where nothing can be said.

    `unit` is "speaker", or "clip" with one speaker or none; `speakers` is 0 where no clip has a name.
    """

    value: float
    low: float
    high: float
    unit: str
    speakers: int
    clips: int


class Difference(NamedTuple):
    """First minus second on the same clips, with its interval and two-sided p value; otherwise as `Interval`."""

    value: float
    low: float
    high: float
    p: float
    unit: str
    speakers: int
    clips: int


class _Table(NamedTuple):
    """Numbers of K systems: `values`, `weights` (K, N); `belongs` (N, S) is 1 where a clip is of a unit, else 0."""

    values: np.ndarray
    weights: np.ndarray
    belongs: np.ndarray
    unit: str
    speakers: int


def interval(
    values: Values,
    speakers: Sequence[str],
    weights: Values | None = None,
    level: float = 0.95,
) -> Interval:
    """Mean of speaker means, or with weights the pooled rate, and its t interval over speakers.

    Args:
        values: one number a clip, N entries; several seeds are averaged before.
        speakers: name of the speaker of each clip, "" where unknown. Clips without a name among named ones count as
            one more speaker.
        weights: for rates, the number of units (words, phones) of each clip; clips of weight 0 are left out.
        level: share of such intervals that hold the true value, in (0, 1).

    Returns:
        the interval. One clip has none. Values that are all the same have one of width zero: it says that nothing
        varied among these clips, not that nothing can vary.

    Raises:
        ValueError: no clips, lengths differ, a value that is not finite, a negative weight, no weight above 0, or
            `level` outside (0, 1).
    """
    table = _table([values], speakers, weights, level)
    value, shares = _ratio(table.values[0], table.weights[0])
    low, high = _ends(value, _error(shares, table), table, level)
    return Interval(value, low, high, table.unit, table.speakers, len(shares))


def difference(
    first: Values,
    second: Values,
    speakers: Sequence[str],
    weights: Values | Pair | None = None,
    level: float = 0.95,
) -> Difference:
    """How much higher the first system is than the second on the same clips, with t interval and p value of that.

    Pairs stay together: what a clip or a speaker adds to both systems drops out. p is that of the t test against 0.
    Differences without any spread have no t; then the interval has width zero, and p is that of the exact sign test:
    1 where there is no difference, and 2 ** (1 - S) where all S units differ alike.

    Args:
        first: one number a clip of the first system, N entries.
        second: the numbers of the same clips by the second system.
        speakers: as for `interval`.
        weights: as for `interval`; a pair where the two systems have different numbers of units (2, N).
        level: as for `interval`.

    Raises:
        ValueError: as for `interval`.
    """
    table = _table([first, second], speakers, weights, level)
    (value_a, shares_a), (value_b, shares_b) = map(_ratio, table.values, table.weights)
    value = value_a - value_b
    if abs(value) <= _ROUNDING * np.abs(table.values).max():
        value = 0.0
    error = _error(shares_a - shares_b, table)
    low, high = _ends(value, error, table, level)
    p = _p(value, error, table.belongs.shape[1])
    return Difference(value, low, high, p, table.unit, table.speakers, len(shares_a))


def holm(p: Sequence[float]) -> list[float]:
    """P values adjusted for all that were asked together; below 0.05 all of them hold with 95 % at once.

    NaN stays NaN and counts as no test. Order is kept.

    Raises:
        ValueError: a value outside [0, 1].

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    given, order = _ordered(p)
    factors = np.arange(len(order), 0, -1)
    adjusted = np.full(len(given), np.nan)
    adjusted[order] = np.minimum(1, np.maximum.accumulate(factors * given[order]))
    return adjusted.tolist()


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """P values adjusted for exploration; of those below 0.05, 5 % are expected to be false discoveries.

    NaN stays NaN and counts as no test. Order is kept.

    Source: Benjamini and Hochberg 1995, J. Royal Statistical Society B 57.

    Raises:
        ValueError: a value outside [0, 1].

    >>> benjamini_hochberg([0.01, 0.04, 0.03])
    [0.03, 0.04, 0.04]
    """
    given, order = _ordered(p)
    raised = given[order] * len(order) / np.arange(1, len(order) + 1)
    adjusted = np.full(len(given), np.nan)
    adjusted[order] = np.minimum.accumulate(raised[::-1])[::-1]
    return adjusted.tolist()


def _ordered(p: Sequence[float]) -> tuple[np.ndarray, np.ndarray]:
    """The p values, and the places of those that are tests, the smallest first."""
    given = np.asarray(p, dtype=np.float64)
    tests = np.flatnonzero(~np.isnan(given))
    if np.any((given[tests] < 0) | (given[tests] > 1)):
        raise ValueError(f"p values are {list(p)}, expected numbers from 0 to 1")
    return given, tests[np.argsort(given[tests], kind="stable")]


def _table(
    values: Sequence[Values],
    speakers: Sequence[str],
    weights: Values | Pair | None,
    level: float,
) -> _Table:
    """Checked numbers of the clips that weigh something, and their units."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, expected a share between 0 and 1")
    n_clips = len(speakers)
    columns = [np.asarray(column, dtype=np.float64) for column in values]
    given = np.ones(n_clips) if weights is None else np.asarray(weights, dtype=np.float64)
    shapes = [column.shape for column in columns]
    if not n_clips or shapes != [(n_clips,)] * len(columns) or given.shape not in {(n_clips,), (len(columns), n_clips)}:
        raise ValueError(f"got values {shapes} and weights {given.shape} for {n_clips} clips")
    both = np.broadcast_to(given, (len(columns), n_clips))
    if not np.isfinite(columns).all() or not np.isfinite(both).all():
        raise ValueError("a value or a weight is not a finite number")
    if both.min() < 0 or not both.any(1).all():
        raise ValueError("weights must not be negative, and one of a system must be above 0")
    kept = np.flatnonzero(both.any(0))
    names, index, clips = np.unique(np.asarray(speakers)[kept], return_inverse=True, return_counts=True)
    both = both[:, kept] if weights is not None else np.stack([1 / clips[index]] * len(columns))
    table = np.stack(columns)[:, kept]
    if len(names) > 1:
        return _Table(table, both, np.eye(len(names))[index], "speaker", len(names))
    return _Table(table, both, np.eye(len(kept)), "clip", int(bool(names[0])))


def _ratio(values: np.ndarray, weights: np.ndarray) -> tuple[float, np.ndarray]:
    """sum(w v) / sum(w), and how much each clip moves it (N,)."""
    parts = weights / weights.sum()
    value = parts @ values
    return float(value), parts * (values - value)


def _error(shares: np.ndarray, table: _Table) -> float:
    """Standard error from what each clip moves (N,); 0 if that is rounding, NaN with one unit."""
    n_units = table.belongs.shape[1]
    if n_units < 2:
        return float("nan")
    moved = shares @ table.belongs
    error = np.sqrt(n_units / (n_units - 1) * (moved @ moved))
    return float(error) if error > _ROUNDING * np.abs(table.values).max() else 0.0


def _ends(value: float, error: float, table: _Table, level: float) -> tuple[float, float]:
    """The t interval; NaN where the error is."""
    half = error * stdtrit(max(table.belongs.shape[1] - 1, 1), (1 + level) / 2)
    return float(value - half), float(value + half)


def _p(value: float, error: float, n_units: int) -> float:
    """Two-sided p value of the t test against 0; without spread, of the exact sign test."""
    if n_units < 2:
        return float("nan")
    if error == 0:
        return 2.0 ** (1 - n_units) if value else 1.0
    return float(2 * stdtr(n_units - 1, -abs(value / error)))
