"""Choices between two: shares with exact intervals, and strengths of many items by Bradley and Terry.

With strengths p, item a is preferred to b with probability p_a / (p_a + p_b). Where ties were allowed, Davidson's model
adds a term: a, b and a tie have shares p_a : p_b : nu sqrt(p_a p_b). Strengths sum to 1.

Maximum likelihood by minorisation and maximisation, all items at once, begun at equal strengths:

    p_a <- s_a / sum over b of n_ab (1 + nu / 2 sqrt(p_b / p_a)) / (p_a + p_b + nu sqrt(p_a p_b))
    nu  <- T / sum over pairs of n_ab sqrt(p_a p_b) / (p_a + p_b + nu sqrt(p_a p_b))

s_a: wins plus half of the ties; n_ab: comparisons; T: ties. Between groups of items that were never compared, directly
or through others, votes say nothing about the level; there the equal start decides it. Differences within a group mean
something.

Source: Bradley and Terry 1952, Biometrika 39; Davidson 1970, J. American Statistical Association 65; Hunter 2004,
MM algorithms for generalized Bradley-Terry models, Annals of Statistics 32; Clopper and Pearson 1934.
Letters: N choices, I items, B draws.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components
from scipy.stats import binomtest

from gsv_lab.evaluation.statistics.votes import Floats, Ints, places
from gsv_lab.system.seeds import check_seed

_STOP = 1e-10  # largest change of a log-strength in a step
_MOST = 20_000


@dataclass(frozen=True)
class Choices:
    """A table of N choices between two items; `rater`, `winner` and `loser` are places in the lists of names.

    Args:
        raters: names of the raters.
        names: of the I items.
        rater: (N,) who chose.
        winner: (N,) which item was preferred; with a tie, one of the two.
        loser: (N,) the other one.
        tie: (N,) 1 where neither was preferred, else 0.
    """

    raters: tuple[str, ...]
    names: tuple[str, ...]
    rater: Ints
    winner: Ints
    loser: Ints
    tie: Ints

    def __len__(self) -> int:
        return len(self.rater)

    @classmethod
    def of(cls, raters: Sequence[str], winners: Sequence[str], losers: Sequence[str], ties: Sequence[bool]) -> Choices:
        """The table of four columns of equal length."""
        (rater_names, rater), (names, both) = places(raters), places([*winners, *losers])
        winner, loser = np.split(both, 2)
        return cls(rater_names, names, rater, winner, loser, np.asarray(ties, dtype=np.int64))

    def tables(self, times: Floats | None = None) -> tuple[Floats, Floats]:
        """How often the row was preferred to the column (I, I), and how often they tied (I, I), symmetric.

        Args:
            times: (N,) how often each choice counts; once if None.
        """
        wins, ties = np.zeros((2, len(self.names), len(self.names)))
        weights = np.ones(len(self)) if times is None else times
        chosen = self.tie == 0
        np.add.at(wins, (self.winner[chosen], self.loser[chosen]), weights[chosen])
        np.add.at(ties, (self.winner[~chosen], self.loser[~chosen]), weights[~chosen])
        return wins, ties + ties.T


class Proportion(NamedTuple):
    """A share of n choices with its exact interval, two-sided p against one half, and p that it is above one half."""

    n: int
    hits: int
    share: float
    low: float
    high: float
    p: float
    p_greater: float


class Strengths(NamedTuple):
    """What the model finds.

    Args:
        log: (I,) ln p.
        tie: nu of Davidson's model; 0 without ties.
        group: (I,) items with the same number were compared, directly or through others.
    """

    log: Floats
    tie: float
    group: Ints


def proportion(hits: int, n: int, level: float = 0.95) -> Proportion:
    """A share with the interval of Clopper and Pearson and exact binomial p values; independent choices are assumed.

    Raises:
        ValueError: no choices, or more hits than choices.
    """
    if not 0 <= hits <= n or not n:
        raise ValueError(f"{hits} of {n} choices, expected at least one choice and no more hits than choices")
    test = binomtest(hits, n)
    low, high = test.proportion_ci(level, "exact")
    above = float(binomtest(hits, n, alternative="greater").pvalue)
    return Proportion(n, hits, hits / n, float(low), float(high), float(test.pvalue), above)


def share_by_rater(
    hits: Floats, raters: Ints, draws: int = 2000, seed: int = 0, level: float = 0.95
) -> tuple[float, float]:
    """Ends of the interval of a share when raters are drawn with replacement; NaN with fewer than two raters.

    Args:
        hits: (N,) 1, 0, or 0.5 for a tie.
        raters: (N,) who chose.
        draws: resamples.
        seed: of the resamples.
        level: share of draws inside.
    """
    _, place = np.unique(raters, return_inverse=True)
    count = int(place.max()) + 1 if len(place) else 0
    if count < 2:
        return float("nan"), float("nan")
    times = _drawn(count, draws, check_seed(seed))
    drawn = (times @ np.bincount(place, hits)) / (times @ np.bincount(place))
    low, high = np.quantile(drawn, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@lru_cache(maxsize=4)
def _drawn(count: int, draws: int, seed: int) -> Floats:
    """How often each of `count` raters was drawn in each of the resamples (B, count); the last few are kept."""
    drawn = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=draws).astype(np.float64)
    drawn.flags.writeable = False
    return drawn


def bradley_terry(wins: Floats, ties: Floats | None = None) -> Strengths:
    """Strengths of I items.

    Args:
        wins: (I, I) how often the row was preferred to the column.
        ties: (I, I), symmetric; none if None.

    Raises:
        ValueError: an item that nobody compared, or the maximum does not exist: some items were always preferred to
            the others of their group, and votes do not say how much stronger they are.
    """
    tied = np.zeros_like(wins) if ties is None else ties
    compared = wins + wins.T + tied
    if not compared.any(axis=1).all():
        raise ValueError(f"item number {int(np.flatnonzero(~compared.any(axis=1))[0])} was never compared")
    group = connected_components(csr_array(compared), directed=False)[1]
    beaten = connected_components(csr_array(wins + tied), directed=True, connection="strong")[1]
    if len(set(beaten.tolist())) > len(set(group.tolist())):
        raise ValueError("some items were always preferred to the others they were compared with")
    if not wins.any():  # nothing but ties: all are equally strong, and nu has no maximum
        return Strengths(np.full(len(wins), -np.log(len(wins))), float("inf"), group.astype(np.int64))
    log, tie = _maximise(wins[None], tied[None], np.full((1, len(wins)), -np.log(len(wins))), np.zeros(1))
    return Strengths(log[0], float(tie[0]), group.astype(np.int64))


def resampled(choices: Choices, found: Strengths, draws: int = 200, seed: int = 0) -> Floats:
    """Strengths when raters are drawn with replacement (B, I), as differences from the mean of their group.

    A draw in which an item of a group has no finite strength is NaN for that group.

    Args:
        choices: the votes.
        found: strengths of all votes, where the search begins.
        draws: B.
        seed: of the resamples.
    """
    times = _drawn(len(choices.raters), draws, check_seed(seed))
    pairs = [choices.tables(row[choices.rater]) for row in times]
    wins, ties = (np.stack([pair[kind] for pair in pairs]) for kind in (0, 1))
    start = np.tile(found.log, (draws, 1)), np.full(draws, found.tie)
    log, _ = _maximise(wins, ties, *start, most=500, stop=1e-4)
    for group in np.unique(found.group):
        inside = found.group == group
        log[:, inside] -= log[:, inside].mean(axis=1, keepdims=True)
    return log


def _maximise(
    wins: Floats, ties: Floats, log: Floats, tie: Floats, most: int = _MOST, stop: float = _STOP
) -> tuple[Floats, Floats]:
    """Ln p (B, I) and nu (B,) of B tables (B, I, I); items that never won go to minus infinity, which becomes NaN."""
    compared = wins + wins.transpose(0, 2, 1) + ties
    score = wins.sum(axis=2) + ties.sum(axis=2) / 2
    ties_in_all = ties.sum(axis=(1, 2)) / 2
    p = np.exp(log - log.max(axis=1, keepdims=True))
    tie = np.where(ties_in_all > 0, np.maximum(tie, 0.1), 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        for _ in range(most):
            root = np.sqrt(p)
            both = root[:, :, None] * root[:, None, :]
            shares = compared / (p[:, :, None] + p[:, None, :] + tie[:, None, None] * both)
            by_ties = np.where(root > 0, (shares * root[:, None, :]).sum(axis=2) / root, 0.0)
            moved = score / (shares.sum(axis=2) + tie[:, None] / 2 * by_ties)
            moved[score == 0] = 0.0
            moved /= moved.sum(axis=1, keepdims=True)
            expected = (shares * both).sum(axis=(1, 2)) / 2
            new_tie = np.where(ties_in_all > 0, ties_in_all / expected, 0.0)
            change = np.abs(np.log(moved / (p / p.sum(axis=1, keepdims=True))))
            change = np.append(change[np.isfinite(change)], np.abs(new_tie - tie))
            p, tie = moved, new_tie
            if change.max(initial=0.0) < stop:
                break
        found = np.log(p)
    found[~np.isfinite(found)] = np.nan
    return found, tie
