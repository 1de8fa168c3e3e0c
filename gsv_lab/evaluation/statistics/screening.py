"""Rules by which raters or votes are left out, each with what it measures of every rater.

A rule has to be decided on before names of systems are known; results are given with and without it. Every rule
returns a `Finding`: the measure of each rater it looked at, and who fails.
Letters: N votes, R raters.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from gsv_lab.evaluation.statistics.votes import Floats, Votes, sums


class Finding(NamedTuple):
    """What a rule says.

    Args:
        rule: its name.
        limit: what is asked of a rater, in words.
        values: rater -> the measure, for those whom the rule can judge.
        removed: raters who fail, in the order of `votes.raters`.
    """

    rule: str
    limit: str
    values: dict[str, float]
    removed: tuple[str, ...]


def hidden_reference(votes: Votes, reference: str, below: float = 90.0, share: float = 0.15) -> Finding:
    """Who often rates the hidden reference low does not hear it.

    Source: ITU-R BS.1534-3, section 4.1.2: below 90 in more than 15 % of the items.

    Args:
        votes: of all systems.
        reference: name of the hidden reference among the systems.
        below: points.
        share: of the rater's votes on the reference.

    Raises:
        ValueError: no such system.
    """
    found = votes.of_system(reference)
    low = sums((found.score < below).astype(np.float64), found.rater) / np.bincount(found.rater)
    values = dict(zip(found.raters, low.tolist(), strict=True))
    limit = f"the hidden reference {reference} below {below:g} in at most {share:.0%} of the items"
    return Finding("hidden-reference", limit, values, tuple(name for name, value in values.items() if value > share))


def same_button(votes: Votes, least: float = 0.1) -> Finding:
    """Who gives nearly the same vote throughout: variance of the rater's votes (divisor n - 1).

    Source: ITU-T P.808 toolkit, variance of at least 0.1 on the scale from 1 to 5.
    """
    counts = np.bincount(votes.rater)
    means = sums(votes.score, votes.rater) / counts
    squares = sums((votes.score - means[votes.rater]) ** 2, votes.rater)
    values = {
        name: float(square / (count - 1))
        for name, square, count in zip(votes.raters, squares, counts, strict=True)
        if count > 1
    }
    removed = tuple(name for name, value in values.items() if value < least)
    return Finding("same-button", f"variance of the votes at least {least:g}", values, removed)


def panel_correlation(votes: Votes, least: float = 0.7) -> Finding:
    """Who hears otherwise than the others: Pearson's correlation with the means of all other raters.

    Correlated are a rater's votes with the mean vote of the others on the same stimuli. Raters with fewer than three
    such stimuli are not judged; a rater or panel without any spread has correlation 0.

    Source: ITU-T P.808 toolkit, at least 0.7.
    """
    _, stimulus = votes.stimuli()
    totals, counts = sums(votes.score, stimulus), np.bincount(stimulus)
    values = {}
    for number, name in enumerate(votes.raters):
        own = votes.rater == number
        places, inverse = np.unique(stimulus[own], return_inverse=True)
        mine, times = sums(votes.score[own], inverse), np.bincount(inverse)
        others = counts[places] - times
        known = others > 0
        if known.sum() < 3:
            continue
        panel = (totals[places][known] - mine[known]) / others[known]
        values[name] = _pearson(mine[known] / times[known], panel)
    removed = tuple(name for name, value in values.items() if value < least)
    return Finding("panel-correlation", f"correlation with the other raters at least {least:g}", values, removed)


def _pearson(first: Floats, second: Floats) -> float:
    a, b = first - first.mean(), second - second.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale > 1e-12 else 0.0


def outlying_counts(votes: Votes) -> Finding:
    """Who lies far off too often, and on both sides.

    For each stimulus, a vote outside of mean +- 2 standard deviations is counted as high or low; sqrt(20) deviations
    where the votes on it are not near normal (kurtosis outside of 2 to 4). Rejected is who has more than 5 % of such
    votes and nearly as many high as low ones: |high - low| / (high + low) < 0.3. The value is the share.

    Source: ITU-R BT.500-14, annex on the screening of observers; ITU-T P.913.
    """
    _, stimulus = votes.stimuli()
    counts = np.bincount(stimulus)
    means = sums(votes.score, stimulus) / counts
    left = votes.score - means[stimulus]
    second, fourth = sums(left**2, stimulus), sums(left**4, stimulus)
    with np.errstate(divide="ignore", invalid="ignore"):
        kurtosis = fourth * counts / second**2
        deviation = np.sqrt(second / (counts - 1))
    wide = np.where((kurtosis >= 2) & (kurtosis <= 4), 2.0, np.sqrt(20.0)) * deviation
    reach = np.where(np.isfinite(wide) & (deviation > 0), wide, np.inf)[stimulus]
    high = sums((left >= reach).astype(np.float64), votes.rater)
    low = sums((left <= -reach).astype(np.float64), votes.rater)
    total = np.bincount(votes.rater)
    both = high + low
    rejected = (both / total > 0.05) & (np.abs(high - low) < 0.3 * both)
    values = dict(zip(votes.raters, (both / total).tolist(), strict=True))
    removed = tuple(name for name, bad in zip(votes.raters, rejected, strict=True) if bad)
    limit = "at most 5 % of the votes far off, or most of these on one side (BT.500)"
    return Finding("bt500", limit, values, removed)


def checks(given: Mapping[str, list[tuple[float, float]]], within: float, rule: str) -> Finding:
    """Who misses items whose right answer is known.

    Source: ITU-T P.808: gold items within 1 of the right answer, trapping items exactly.

    Args:
        given: rater -> (vote, right answer) of such items.
        within: how far off a vote may be.
        rule: name of the rule, `gold` or `trap`.
    """
    values = {}
    for name, answers in given.items():
        values[name] = sum(not abs(vote - right) <= within for vote, right in answers) / len(answers)
    limit = f"no {rule} item missed by more than {within:g}"
    return Finding(rule, limit, values, tuple(name for name, share in values.items() if share > 0))


def outlying_votes(votes: Votes, deviations: float = 3.29) -> NDArray[np.bool_]:
    """Votes further from the mean of their system than so many of its standard deviations (N,).

    Source: ITU-T P.808 toolkit, optional and meant for CCR: |z| at or above 3.29, deviation with divisor n.
    """
    counts = np.bincount(votes.system)
    left = votes.score - (sums(votes.score, votes.system) / counts)[votes.system]
    spread = np.sqrt(sums(left**2, votes.system) / counts)[votes.system]
    return (spread > 0) & (np.abs(left) >= deviations * spread)
