"""Differences between two ways of training, over speakers and over seeds.

Clips of one speaker are alike, and so is all that one trained network says. Speakers and seeds are crossed: each
network says the clips of every speaker. With d (P, S) the mean difference of a speaker's clips between the two networks
of a seed, the mean of d varies by what a speaker adds, by what a seed adds, and by the rest. From the three mean
squares of the two-way table:

    SE^2 = (MS_speaker + MS_seed - MS_rest) / (P S), and at least the larger of MS_speaker and MS_seed over (P S)

with the degrees of freedom of Satterthwaite where all three enter. In simulations of 4 to 30 speakers and 3 to 20 seeds
95 % intervals held the true difference in 92 to 99 % of draws, with two seeds in 91 % and more; intervals by clusters
(`crossed.clustered`) held it in 95 to 100 % and were up to twice as wide (`tests/evaluation/statistics/
test_replicates.py`). With one seed the interval is over speakers alone (`intervals.difference`), and says nothing of
other seeds.

Source: crossed random effects, Clark 1973, The language-as-fixed-effect fallacy, J. Verbal Learning and Verbal Behavior
12; Satterthwaite 1946, Biometrics Bulletin 2. Letters: N values, P speakers (or clips), S seeds.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import nctdtrinc, stdtr, stdtrit

from gsv_lab.evaluation.statistics.intervals import difference
from gsv_lab.evaluation.statistics.resampling import Values

_ROUNDING = 1e-12


class Replicated(NamedTuple):
    """A mean difference with its interval and two-sided p value; NaN where nothing can be said.

    `unit` is "speaker", or "clip" where there is one speaker; `seeds` is 1 where nothing is said of other seeds;
    `clips` are those of one seed.
    """

    value: float
    low: float
    high: float
    p: float
    unit: str
    speakers: int
    seeds: int
    clips: int


class Spread(NamedTuple):
    """Standard error and degrees of freedom of the mean of a table."""

    error: float
    df: float


def replicated_difference(
    first: Values, second: Values, speakers: Sequence[str], seeds: Sequence[int], level: float = 0.95
) -> Replicated:
    """How much higher the first way is than the second, on the same clips and with the same seeds.

    Every speaker counts alike, and every seed. With one speaker clips stand in the place of speakers; they are told by
    their order, which is then the same with each seed.

    Args:
        first: (N,) values of the first way; a clip has one for each seed.
        second: (N,) values of the second way of the same clips and seeds.
        speakers: (N,) speaker of each clip.
        seeds: (N,) seed of each value. Every speaker has the same number of clips with each seed.
        level: share of such intervals that hold the true difference, in (0, 1).

    Raises:
        ValueError: no values, lengths differ, a value that is not finite, a speaker who lacks clips of a seed, or
            `level` outside (0, 1).
    """
    differences = np.asarray(first, dtype=np.float64) - np.asarray(second, dtype=np.float64)
    names, person = np.unique(np.asarray(speakers), return_inverse=True)
    numbers, seed = np.unique(np.asarray(seeds), return_inverse=True)
    if not len(differences) or len(person) != len(differences) or len(seed) != len(differences) or not 0 < level < 1:
        raise ValueError(f"{len(differences)} differences, {len(person)} speakers, {len(seed)} seeds, level {level}")
    if len(numbers) == 1:
        plain = difference(first, second, speakers, level=level)
        return Replicated(*plain[:4], plain.unit, len(names), 1, plain.clips)
    unit = "speaker"
    if len(names) == 1:
        unit, person = "clip", _places(seed)
    table = _means(differences, person, seed)
    clips = len(differences) // len(numbers)
    value = float(table.mean())
    if abs(value) <= _ROUNDING * max(np.abs(first).max(), np.abs(second).max()):
        value = 0.0
    spread = spread_of(table)
    half = spread.error * float(stdtrit(spread.df, (1 + level) / 2))
    return Replicated(
        value, value - half, value + half, _p(value, spread, table), unit, len(names), len(numbers), clips
    )


def seed_deviation(values: Values, speakers: Sequence[str], seeds: Sequence[int]) -> float:
    """Standard deviation of the mean of one way of training from seed to seed; every speaker counts alike.

    Args:
        values: (N,) of one way of training.
        speakers: (N,) of each value.
        seeds: (N,) of each value, at least two.

    Raises:
        ValueError: fewer than two seeds, or a speaker who lacks clips of a seed.
    """
    _, person = np.unique(np.asarray(speakers), return_inverse=True)
    numbers, seed = np.unique(np.asarray(seeds), return_inverse=True)
    if len(numbers) < 2:
        raise ValueError(f"{len(numbers)} seeds, expected at least two")
    return float(_means(np.asarray(values, dtype=np.float64), person, seed).mean(0).std(ddof=1))


def detectable(deviation: float, seeds: int, tests: int = 1, power: float = 0.8, alpha: float = 0.05) -> float:
    """The smallest true difference of two ways of training that is found with a wanted chance; NaN with one seed.

    Both ways are trained with the same number of seeds, and vary alike from seed to seed; speakers are taken to agree
    on the difference. The test is the two-sided t test with S - 1 degrees of freedom, its level alpha over the number
    of tests, which is the first step of Holm's correction. What is found on the wrong side is left out.

    Args:
        deviation: standard deviation of the mean over items from seed to seed, as `seed_deviation` gives it.
        seeds: S, of each way.
        tests: differences that are asked for together.
        power: wanted chance.
        alpha: of all tests together.

    >>> round(detectable(0.1, 20), 3), round(detectable(0.1, 3), 3)
    (0.093, 0.462)
    """
    if seeds < 2:
        return float("nan")
    error = deviation * np.sqrt(2 / seeds)
    reach = float(stdtrit(seeds - 1, 1 - alpha / (2 * tests)))
    return float(nctdtrinc(seeds - 1, 1 - power, reach) * error)


def _places(seed: np.ndarray) -> np.ndarray:
    """Number of each value among those of its seed: which clip it is."""
    places = np.empty(len(seed), dtype=np.int64)
    for one in range(int(seed.max()) + 1):
        own = np.flatnonzero(seed == one)
        places[own] = np.arange(len(own))
    return places


def _means(values: np.ndarray, person: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Mean of each speaker with each seed (P, S).

    Raises:
        ValueError: a speaker has not as many values with each seed.
    """
    counts = np.zeros((int(person.max()) + 1, int(seed.max()) + 1))
    sums = np.zeros_like(counts)
    np.add.at(counts, (person, seed), 1)
    np.add.at(sums, (person, seed), values)
    if (counts != counts[:, :1]).any() or not counts.all():
        raise ValueError("a speaker has not the same number of clips with every seed")
    if not np.isfinite(sums).all():
        raise ValueError("a value is not a finite number")
    table: np.ndarray = sums / counts
    return table


def spread_of(table: np.ndarray) -> Spread:
    """Of a table (P, S) of speaker means with at least two seeds, see the head of this file."""
    rows, columns = table.shape
    mean = table.mean()
    of_rows, of_columns = table.mean(1), table.mean(0)
    seed = rows * float(of_columns.var(ddof=1))
    if rows == 1:
        return Spread(float(np.sqrt(seed / columns)), columns - 1)
    person = columns * float(of_rows.var(ddof=1))
    rest = table - of_rows[:, None] - of_columns + mean
    left = float((rest**2).sum()) / ((rows - 1) * (columns - 1))
    joint, larger = person + seed - left, max(person, seed)
    if joint <= larger:
        df = float(rows - 1 if person > seed else columns - 1)
        return Spread(float(np.sqrt(larger / table.size)), df)
    parts = person**2 / (rows - 1) + seed**2 / (columns - 1) + left**2 / ((rows - 1) * (columns - 1))
    return Spread(float(np.sqrt(joint / table.size)), joint**2 / parts)


def _p(value: float, spread: Spread, table: np.ndarray) -> float:
    """Two-sided p value of the t test; without any spread that of the exact sign test over the fewer of both units."""
    if spread.error <= _ROUNDING * np.abs(table).max():
        return 2.0 ** (1 - min(table.shape)) if value else 1.0
    return float(2 * stdtr(spread.df, -abs(value / spread.error)))
