"""Intervals by resampling.

Speakers are resampled first, then their clips, because clips of one speaker are alike. A resample says how often each
clip was drawn. One table of such counts serves every statistic that can be written with them: means of speaker means,
rates, and differences of either on the same clips.
Shapes: R draws, N clips; counts (R, N).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from gsv_lab.system.seeds import check_seed

Values = Sequence[float] | np.ndarray
"""One number a clip (N,)."""
Pair = tuple[Values, Values]
"""One number a clip for each of two systems."""


class Draws(NamedTuple):
    """Resamples of grouped clips.

    Args:
        counts: how often each clip was drawn (R, N).
        shares: one over the number of clips of the clip's group (N,): weights by which every group counts alike.
    """

    counts: np.ndarray
    shares: np.ndarray


Statistic = Callable[[Draws], np.ndarray]
"""Draws -> one value a draw (R,)."""


class Estimate(NamedTuple):
    """A number with its interval: value, low and high end, and how many clips and groups stand behind it."""

    value: float
    low: float
    high: float
    clips: int
    groups: int


def mean_of_means(values: Values) -> Statistic:
    """Mean over groups of the mean over their clips: every speaker counts alike, however many clips it has."""
    x = np.asarray(values, dtype=np.float64)

    def statistic(draws: Draws) -> np.ndarray:
        # A drawn group has as many clips as the group itself, so that each drawn group adds one to the denominator.
        return (draws.counts @ (draws.shares * x)) / (draws.counts @ draws.shares)

    return statistic


def rate(values: Values, weights: Values) -> Statistic:
    """Weighted mean, pooled over all clips: of the word error rates of clips, weighted with their words."""
    weighted = np.asarray(weights, dtype=np.float64)
    return ratio_of_sums(weighted * np.asarray(values, dtype=np.float64), weighted)


def ratio_of_sums(numerator: Values, denominator: Values) -> Statistic:
    """Sum over sum, pooled over all clips; a word error rate is errors over words."""
    above = np.asarray(numerator, dtype=np.float64)
    below = np.asarray(denominator, dtype=np.float64)

    def statistic(draws: Draws) -> np.ndarray:
        return (draws.counts @ above) / (draws.counts @ below)

    return statistic


def resample(groups: Sequence[Hashable], draws: int, seed: int) -> Draws:
    """Two-level bootstrap draws.

    Groups are drawn with replacement, and in every drawn group its clips are drawn with replacement. With a single
    group this is the plain bootstrap over clips. Same arguments, same draws: those of the last few groups are kept,
    8 bytes a count, and cannot be written to.

    Source: Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8 (hierarchical data; here with
    replacement at both stages).

    Args:
        groups: the group of each clip, N entries.
        draws: number of resamples.
        seed: seed of the generator.

    Raises:
        ValueError: no clips.
    """
    return _draws(tuple(groups), draws, check_seed(seed))


@lru_cache(maxsize=4)
def _draws(groups: tuple[Hashable, ...], draws: int, seed: int) -> Draws:
    members = _members(groups)
    rng = np.random.default_rng(seed)
    n_groups = len(members)
    chosen = rng.multinomial(n_groups, [1 / n_groups] * n_groups, size=draws)
    counts = np.empty((draws, len(groups)))
    for group, clips in enumerate(members):
        # A group drawn k times gives k times its number of clips, each drawn from all of its clips.
        counts[:, clips] = rng.multinomial(len(clips) * chosen[:, group], [1 / len(clips)] * len(clips))
    counts.flags.writeable = False
    return Draws(counts, _shares(members))


def bootstrap(
    statistic: Statistic,
    groups: Sequence[Hashable],
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """A statistic with its percentile interval over groups, then clips.

    With few groups (under about 15 speakers) such intervals are too narrow; say so where they are printed. One clip
    has no interval: its ends are NaN.

    Args:
        statistic: draws -> (R,), for example from `mean_of_means`.
        groups: the group of each clip.
        draws: number of resamples.
        seed: seed of the resamples.
        level: share of draws inside the interval, in (0, 1).

    Raises:
        ValueError: no clips, or `level` outside (0, 1).
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, expected a share between 0 and 1")
    members = _members(groups)
    as_recorded = Draws(np.ones((1, len(groups))), _shares(members))
    # Draws without a defined value (for example no word in any drawn clip) say nothing about the spread.
    with np.errstate(divide="ignore", invalid="ignore"):
        value = float(statistic(as_recorded)[0])
        drawn = statistic(resample(groups, draws, seed))
    known = drawn[np.isfinite(drawn)]
    if len(groups) == 1 or not len(known):
        return Estimate(value, float("nan"), float("nan"), len(groups), len(members))
    low, high = np.quantile(known, [(1 - level) / 2, (1 + level) / 2])
    return Estimate(value, float(low), float(high), len(groups), len(members))


def bootstrap_all(
    statistics: Mapping[str, Statistic],
    groups: Sequence[Hashable],
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Several statistics of the same clips on the same resamples; arguments as for `bootstrap`."""
    return {name: bootstrap(statistic, groups, draws, seed, level) for name, statistic in statistics.items()}


def bootstrap_interval(
    values: Values,
    speakers: Sequence[Hashable],
    weights: Values | None = None,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """The mean of speaker means, or with weights the pooled rate, with its bootstrap interval.

    Args:
        values: one number a clip.
        speakers: speaker of each clip.
        weights: for rates, the number of units (words, phones) of each clip.
        draws: number of resamples.
        seed: seed of the resamples.
        level: share of draws inside the interval, in (0, 1).

    Raises:
        ValueError: no clips, lengths differ, or `level` outside (0, 1).
    """
    return bootstrap(_average(values, weights, len(speakers)), speakers, draws, seed, level)


def bootstrap_difference(
    first: Values,
    second: Values,
    speakers: Sequence[Hashable],
    weights: Values | Pair | None = None,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """First minus second on the same clips, with its bootstrap interval; pairs stay together.

    Args:
        first: one value a clip of the first system.
        second: one value for each of the same clips by the second system.
        speakers: speaker of each clip; the same name for all resamples clips only.
        weights: as for `bootstrap_interval`; a pair where the two systems have different numbers of units (2, N).
        draws: number of resamples.
        seed: seed of the resamples.
        level: share of draws inside the interval, in (0, 1).

    Raises:
        ValueError: as for `bootstrap_interval`.
    """
    given = None if weights is None else np.asarray(weights, dtype=np.float64)
    both = given if given is not None and given.ndim == 2 else (given, given)
    upper, lower = (_average(v, w, len(speakers)) for v, w in zip((first, second), both, strict=True))
    return bootstrap(lambda drawn: upper(drawn) - lower(drawn), speakers, draws, seed, level)


def _average(values: Values, weights: Values | None, clips: int) -> Statistic:
    lengths = {len(values), clips if weights is None else len(weights)}
    if lengths != {clips}:
        raise ValueError(f"got {sorted(lengths)} values and weights for {clips} clips, expected one a clip")
    return mean_of_means(values) if weights is None else rate(values, weights)


def _members(groups: Sequence[Hashable]) -> list[np.ndarray]:
    """Indices of the clips of each group, in the order in which groups first occur."""
    if not len(groups):
        raise ValueError("there are no clips to resample")
    order: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        order.setdefault(group, []).append(index)
    return [np.array(indices) for indices in order.values()]


def _shares(members: Sequence[np.ndarray]) -> np.ndarray:
    shares = np.empty(sum(len(clips) for clips in members))
    for clips in members:
        shares[clips] = 1 / len(clips)
    return shares
