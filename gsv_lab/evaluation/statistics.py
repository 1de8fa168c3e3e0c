"""Intervals by resampling: speakers first, then their clips, because clips of one speaker are alike.

Idea: a resample is a table of weights, how often each clip was drawn, so one set of draws serves every statistic that
can be written with weights (means, means of speaker means, ratios of sums), all draws at once.
Shapes: R draws, G drawn groups (speakers), N clips; weights (R, G, N).
This file does not know audio; groups may be speakers, raters or sentences.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

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
    return lambda weights: (weights @ x / weights.sum(-1)).mean(-1)


def ratio_of_sums(numerator: Values, denominator: Values) -> Statistic:
    """Sum over sum, pooled over all clips; a word error rate is errors over words."""
    return _pooled(lambda sums: sums[0] / sums[1], numerator, denominator)


def retained(errors: Values, count: Values, natural_errors: Values, natural_count: Values) -> Statistic:
    """Accuracy of synthesis over accuracy of natural speech, both pooled; the synthesis' accuracy is not below 0."""
    return _pooled(
        lambda sums: np.maximum(1 - sums[0] / sums[1], 0) / (1 - sums[2] / sums[3]),
        errors, count, natural_errors, natural_count,
    )  # fmt: skip


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
    rng = np.random.default_rng(seed)
    n_groups, n_clips = len(members), len(groups)
    block = max(1, _CELLS // (n_groups * n_clips))
    for start in range(0, draws, block):
        size = min(block, draws - start)
        chosen = rng.integers(n_groups, size=(size, n_groups))
        weights = np.zeros((size, n_groups, n_clips))
        for group, clips in enumerate(members):
            rows, slots = np.nonzero(chosen == group)
            picks = clips[rng.integers(len(clips), size=(len(rows), len(clips)))]
            np.add.at(weights, (rows[:, None], slots[:, None], picks), 1.0)
        yield weights


def bootstrap(
    statistic: Statistic, groups: Sequence[Hashable], draws: int = 2000, seed: int = 0, level: float = 0.95
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
    plain = np.zeros((1, len(members), len(groups)))
    for group, clips in enumerate(members):
        plain[0, group, clips] = 1.0
    samples: dict[str, list[np.ndarray]] = {name: [] for name in statistics}
    edges = (50 * (1 - level), 50 * (1 + level))
    estimates = {}
    # Draws without a defined value (for example no word recognised in natural speech) say nothing about the spread.
    with np.errstate(divide="ignore", invalid="ignore"):
        for weights in resample(groups, draws, seed):
            for name, statistic in statistics.items():
                samples[name].append(statistic(weights))
        for name, statistic in statistics.items():
            drawn = np.concatenate(samples[name])
            drawn = drawn[np.isfinite(drawn)]
            low, high = np.percentile(drawn, edges) if len(drawn) else (np.nan, np.nan)
            estimates[name] = Estimate(float(statistic(plain)[0]), float(low), float(high), len(groups), len(members))
    return estimates


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
    difference = np.asarray(after, dtype=np.float64) - np.asarray(before, dtype=np.float64)
    return bootstrap(mean_of_means(difference), groups or [0] * len(difference), draws, seed, level)


def _members(groups: Sequence[Hashable]) -> list[np.ndarray]:
    if not len(groups):
        raise ValueError("there are no clips to resample")
    order: dict[Hashable, list[int]] = {}
    for index, group in enumerate(groups):
        order.setdefault(group, []).append(index)
    return [np.array(indices) for indices in order.values()]


def _pooled(combine: Callable[[list[np.ndarray]], np.ndarray], *columns: Values) -> Statistic:
    table = [np.asarray(column, dtype=np.float64) for column in columns]

    def statistic(weights: np.ndarray) -> np.ndarray:
        times = weights.sum(1)
        return combine([times @ column for column in table])

    return statistic
