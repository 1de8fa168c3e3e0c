"""Intervals by resampling.

Speakers are resampled first, then their clips, because clips of one speaker are alike. A resample is a table of
weights: how often each clip was drawn. One set of draws thus serves every statistic that can be written with weights
(means, means of speaker means, ratios of sums), all draws at once.
Shapes: R draws, G drawn groups (speakers, raters or sentences), N clips; weights (R, G, N).
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gsv_lab.system.seeds import check_seed

Values = Sequence[float] | np.ndarray
"""One number a clip (N,)."""
Statistic = Callable[[np.ndarray], np.ndarray]
"""Weights (R, G, N) -> one value a draw (R,)."""

_CELLS = 4_000_000  # weights held at once


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

    def statistic(weights: np.ndarray) -> np.ndarray:
        means = weights @ x / weights.sum(-1)
        return means.mean(-1)

    return statistic


def ratio_of_sums(numerator: Values, denominator: Values) -> Statistic:
    """Sum over sum, pooled over all clips; a word error rate is errors over words."""
    columns = _table(numerator, denominator)

    def statistic(weights: np.ndarray) -> np.ndarray:
        above, below = _pooled(weights, columns)
        return above / below

    return statistic


def retained(errors: Values, count: Values, natural_errors: Values, natural_count: Values) -> Statistic:
    """Accuracy of synthesis over accuracy of natural speech, both pooled; the synthesis' accuracy is not below 0.

    Above 1 the synthesis is clearer to the recogniser than the recording. Not finite where natural speech itself is
    not recognised at all.
    """
    columns = _table(errors, count, natural_errors, natural_count)

    def statistic(weights: np.ndarray) -> np.ndarray:
        made, made_count, natural, natural_total = _pooled(weights, columns)
        accuracy = np.maximum(1 - made / made_count, 0)
        natural_accuracy = 1 - natural / natural_total
        return accuracy / natural_accuracy

    return statistic


def _table(*columns: Values) -> list[np.ndarray]:
    return [np.asarray(column, dtype=np.float64) for column in columns]


def _pooled(weights: np.ndarray, columns: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Weights (R, G, N), columns (N,) -> the sum of each column (R,)."""
    times = weights.sum(1)
    return [times @ column for column in columns]


def resample(groups: Sequence[Hashable], draws: int, seed: int) -> Iterator[np.ndarray]:
    """Weights of two-level bootstrap draws, in blocks (R', G, N) that together make `draws` rows.

    Groups are drawn with replacement, and in every drawn group its clips are drawn with replacement. With a single
    group this is the plain bootstrap over clips. Same arguments, same draws.

    Source: Davison and Hinkley 1997, Bootstrap Methods and their Application, section 3.8 (hierarchical data; here with
    replacement at both stages).

    Args:
        groups: the group of each clip, N entries.
        draws: number of resamples.
        seed: seed of the generator.

    Raises:
        ValueError: no clips.
    """
    members = _members(groups)
    rng = np.random.default_rng(check_seed(seed))
    n_groups = len(members)
    n_clips = len(groups)
    block = max(1, _CELLS // (n_groups * n_clips))
    for start in range(0, draws, block):
        size = min(block, draws - start)
        chosen = rng.integers(n_groups, size=(size, n_groups))
        weights = np.zeros((size, n_groups, n_clips))
        for group, clips in enumerate(members):
            rows, slots = np.nonzero(chosen == group)
            drawn = rng.integers(len(clips), size=(len(rows), len(clips)))
            cells = (rows[:, None], slots[:, None], clips[drawn])
            np.add.at(weights, cells, 1.0)
        yield weights


def bootstrap(
    statistic: Statistic,
    groups: Sequence[Hashable],
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """A statistic with its percentile interval over groups, then clips.

    With few groups (under about 15 speakers) such intervals are too narrow; say so where they are printed.

    Args:
        statistic: weights (R, G, N) -> (R,), for example from `mean_of_means`.
        groups: the group of each clip.
        draws: number of resamples.
        seed: seed of the resamples.
        level: share of draws inside the interval, in (0, 1).

    Raises:
        ValueError: no clips, or `level` outside (0, 1).
    """
    return bootstrap_all({"": statistic}, groups, draws, seed, level)[""]


def bootstrap_all(
    statistics: Mapping[str, Statistic],
    groups: Sequence[Hashable],
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> dict[str, Estimate]:
    """Several statistics of the same clips on the same resamples; arguments as for `bootstrap`."""
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, expected a share between 0 and 1")
    members = _members(groups)
    as_recorded = np.zeros((1, len(members), len(groups)))
    for group, clips in enumerate(members):
        as_recorded[0, group, clips] = 1.0
    samples: dict[str, list[np.ndarray]] = {name: [] for name in statistics}
    estimates = {}
    # Draws without a defined value (for example no word recognised in natural speech) say nothing about the spread.
    with np.errstate(divide="ignore", invalid="ignore"):
        for weights in resample(groups, draws, seed):
            for name, statistic in statistics.items():
                samples[name].append(statistic(weights))
        for name, statistic in statistics.items():
            value = float(statistic(as_recorded)[0])
            low, high = _interval(np.concatenate(samples[name]), level)
            estimates[name] = Estimate(value, low, high, len(groups), len(members))
    return estimates


def _interval(drawn: np.ndarray, level: float) -> tuple[float, float]:
    known = drawn[np.isfinite(drawn)]
    if not len(known):
        return float("nan"), float("nan")
    edges = (50 * (1 - level), 50 * (1 + level))
    low, high = np.percentile(known, edges)
    return float(low), float(high)


def paired_difference(
    before: Values,
    after: Values,
    groups: Sequence[Hashable] | None = None,
    draws: int = 2000,
    seed: int = 0,
    level: float = 0.95,
) -> Estimate:
    """Mean of `after - before` over the same clips, with its interval; pairs stay together.

    Args:
        before: one value a clip.
        after: one value for each of the same clips.
        groups: speaker of each clip; None resamples clips only.
        draws: number of resamples.
        seed: seed of the resamples.
        level: share of draws inside the interval, in (0, 1).

    Raises:
        ValueError: lengths differ, or nothing to compare.
    """
    if len(before) != len(after):
        raise ValueError(f"before has {len(before)} values but after has {len(after)}")
    first, second = _table(before, after)
    difference = second - first
    return bootstrap(mean_of_means(difference), groups or [0] * len(difference), draws, seed, level)


def _members(groups: Sequence[Hashable]) -> list[np.ndarray]:
    """Indices of the clips of each group, in the order in which groups first occur."""
    if not len(groups):
        raise ValueError("there are no clips to resample")
    order: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        order.setdefault(group, []).append(index)
    return [np.array(indices) for indices in order.values()]
