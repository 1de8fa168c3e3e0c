"""Variance components of crossed votes by the method of moments.

The model: a vote is a mean plus effects of the system, the rater, rater by system, the stimulus (an item by a system)
and a residual. Half of the squared difference of two votes is, on average, the sum of the variances of those effects
that the two do not share:

    same rater, same system, other stimulus    stimulus + residual
    other rater, same stimulus                 rater + rater by system + residual
    other rater, same system, other stimulus   rater + rater by system + stimulus + residual
    same rater, other system                   system + rater by system + stimulus + residual
    other rater, other system                  everything

Five kinds of pairs give five equations for five variances, whatever votes are missing. Where all votes are there, the
estimates are those of the analysis of variance. Sums over all pairs of a group need one pass:
sum of (a - b)^2 over its pairs = n * sum of squares - (sum)^2.

Source: Rao and Heckler 1998 and Searle, Casella and McCulloch 1992, Variance Components, chapter 5 (quadratic
unbiased estimates from symmetric differences).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gsv_lab.evaluation.statistics.votes import Floats, Ints, Votes, sums


class Components(NamedTuple):
    """Standard deviations in points of the scale; NaN where a design cannot tell. A negative variance is given as 0."""

    system: float
    rater: float
    rater_system: float
    stimulus: float
    residual: float

    @property
    def total(self) -> float:
        """Of one vote: the root of the sum of all variances."""
        return float(np.sqrt(np.nansum(np.square(self))))


PLANNING = Components(system=0.98, rater=0.41, rater_system=0.23, stimulus=0.35, residual=0.72)
"""Of 26,660 votes on naturalness from 1 to 5: Voice Conversion Challenge 2020, English listeners."""


def variance_components(votes: Votes) -> Components:
    """The five standard deviations.

    With one system, `system` and `rater_system` are NaN and `rater` holds both effects of a rater. `residual` holds
    what a rater thinks of one stimulus alone, and the rater's own noise.

    Raises:
        ValueError: no votes.
    """
    if not len(votes):
        raise ValueError("there are no votes")
    score = votes.score - votes.score.mean()
    _, stimulus = votes.stimuli()
    of_rater_system = _pairs(score, votes.rater * len(votes.systems) + votes.system)
    repeated = _pairs(score, votes.rater * (int(stimulus.max()) + 1) + stimulus)
    of_stimulus = _pairs(score, stimulus) - repeated
    of_rater, of_system = _pairs(score, votes.rater), _pairs(score, votes.system)
    all_pairs = _pairs(score, np.zeros(len(score), dtype=np.int64))
    one_rater = _mean(of_rater_system - repeated)
    one_stimulus = _mean(of_stimulus)
    one_system = _mean(of_system - of_rater_system - of_stimulus)
    stimulus_variance = one_system - one_stimulus
    residual = one_rater - stimulus_variance
    rater = one_stimulus - residual
    system = rater_system = float("nan")
    if len(votes.systems) > 1:
        both_effects, unlike = rater, _mean(all_pairs - of_rater - of_system + of_rater_system)
        rater = unlike - _mean(of_rater - of_rater_system)
        rater_system = both_effects - rater
        system = unlike - one_system
    variances = (system, rater, rater_system, stimulus_variance, residual)
    return Components(*(float(np.sqrt(np.maximum(variance, 0))) for variance in variances))


def _pairs(score: Floats, group: Ints) -> Floats:
    """All pairs of votes within the groups: sum of half squared differences, and how many (2,)."""
    _, place = np.unique(group, return_inverse=True)
    counts = np.bincount(place).astype(np.float64)
    squares, totals = sums(score**2, place), sums(score, place)
    return np.array([(counts * squares - totals**2).sum() / 2, (counts * (counts - 1)).sum() / 2])


def _mean(pairs: Floats) -> float:
    """Of half squared differences; NaN where there is no pair."""
    return float(pairs[0] / pairs[1]) if pairs[1] > 0 else float("nan")
