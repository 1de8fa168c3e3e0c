"""Tests that may be looked at after every rater: p values and intervals that hold at any time.

An ordinary p value holds for one look at a number of raters that was fixed beforehand. Here a gambler bets on each new
rater against the hypothesis; if it is true, the capital stays small (Ville's inequality: it reaches 1 / alpha with
probability alpha at most, ever). So one over the largest capital so far is a p value whenever one stops, and the values
of the mean against which no gambler has become rich form an interval that holds at all times together. Such intervals
are wider than those of a test whose size was fixed.

Source: Waudby-Smith and Ramdas 2024, Estimating means of bounded random variables by betting, J. Royal Statistical
Society B 86, section 4.2 (hedged capital with plug-in bets); Robbins 1970 for the mixture.
Letters: n raters in the order in which they came, m a hypothetical mean, G values of m.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy.special import betaln

from gsv_lab.evaluation.statistics.votes import Floats

_GRID = 401


class Anytime(NamedTuple):
    """What may be said now, however often one has looked: p against `null`, and an interval of the mean."""

    null: float
    n: int
    p: float
    low: float
    high: float


def anytime_mean(values: Floats, low: float, high: float, null: float, level: float = 0.95) -> Anytime:
    """For the mean of bounded values, such as shares or mean differences of raters.

    Args:
        values: (n,) one a rater, in the order in which they came; raters are independent of each other.
        low: least possible value.
        high: largest possible value.
        null: the mean that is tested.
        level: of the interval.

    Raises:
        ValueError: no values, one outside of the bounds, or `null` not between them.
    """
    x = np.asarray(values, dtype=np.float64)
    if not len(x) or x.min() < low or x.max() > high or not low < null < high:
        raise ValueError(f"{len(x)} values and null {null}, expected values from {low} to {high} and null between")
    unit = (x - low) / (high - low)
    grid = np.linspace(0, 1, _GRID)[1:-1]
    alpha = 1 - level
    capital = betting_capital(unit, np.append(grid, (null - low) / (high - low)), alpha)
    p = min(1.0, 1 / float(capital[:, -1].max()))
    kept = grid[capital[:, :-1].max(axis=0) < 1 / alpha]
    step = 1 / (_GRID - 1)  # the interval is widened to the next values of the grid
    ends = (max(0.0, kept[0] - step), min(1.0, kept[-1] + step)) if len(kept) else (float(unit.mean()),) * 2
    return Anytime(null, len(x), p, *(low + float(end) * (high - low) for end in ends))


def betting_capital(unit: Floats, means: Floats, alpha: float = 0.05) -> Floats:
    """Capital after each rater (n, G) of a gambler who bets half on above and half on below each of G means.

    Args:
        unit: (n,) values from 0 to 1.
        means: (G,) hypothetical means, between 0 and 1.
        alpha: for which the bets are sized; any alpha may be read from the capital.
    """
    count = np.arange(1, len(unit) + 1)
    middle = (0.5 + np.cumsum(unit)) / (count + 1)
    spread = (0.25 + np.cumsum((unit - middle) ** 2)) / (count + 1)
    before = np.concatenate([[0.25], spread[:-1]])  # a bet may only know what came before
    bet = np.sqrt(2 * np.log(2 / alpha) / (before * count * np.log(count + 1)))
    most = 0.5
    up = np.minimum(bet[:, None], most / means)
    down = np.minimum(bet[:, None], most / (1 - means))
    moved = unit[:, None] - means
    above = np.cumsum(np.log1p(up * moved), axis=0)
    below = np.cumsum(np.log1p(-down * moved), axis=0)
    return (np.exp(np.minimum(above, 700)) + np.exp(np.minimum(below, 700))) / 2


def mixture_capital(hits: Floats, chance: float = 0.5) -> Floats:
    """Capital after each of N independent right or wrong answers (N,), against a chance of being right.

    The bet is spread evenly over all other chances: B(1 + k, 1 + n - k) / (chance^k (1 - chance)^(n - k)).
    """
    k = np.cumsum(np.asarray(hits, dtype=np.float64))
    n = np.arange(1, len(k) + 1)
    return np.exp(np.minimum(betaln(1 + k, 1 + n - k) - k * np.log(chance) - (n - k) * np.log1p(-chance), 700))
