"""Bias and inconsistency of raters, and the quality of stimuli with both taken into account.

    vote = quality of the stimulus + bias of the rater + inconsistency of the rater * noise

Alternating projection: from qualities follow the biases (means of what is left), from these the inconsistencies
(standard deviations of what is left), and from both new qualities (means of votes less bias, weighted by one over the
squared inconsistency), until the qualities rest. Nobody is rejected: a careless rater just counts little.

The level is shared between biases and qualities: biases are shifted to mean zero at the end.

With few raters or few votes this has a flaw: what is left at a stimulus is smaller for a rater who weighs much there,
so that a good rater can come to decide stimuli alone and seem never to err. Where an inconsistency goes to nothing in
this way, the sum of squares of a rater is divided by the votes less the rater's shares of the weights instead of by the
votes, as in restricted maximum likelihood; and where that is not enough either, all raters weigh alike.

Source: ITU-T P.910 (2023), Annex E; Li, Bampis, Krasula, Janowski and Katsavounidis 2020, A simple model for subject
behavior in subjective experiments, Human Vision and Electronic Imaging. The correction: Patterson and Thompson 1971,
Biometrika 58.
Letters: N votes, R raters, J stimuli.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from gsv_lab.evaluation.statistics.votes import Floats, Votes, sums

_STOP = 1e-8
_MOST = 1000
_COLLAPSED = 0.05  # an inconsistency below this share of the median one has gone to nothing
WEIGHTS = ("p910", "corrected", "equal")
"""How raters may weigh, in the order in which it is tried."""


class Subjects(NamedTuple):
    """What the model finds; names are those of `votes.raters` and `votes.stimuli()`.

    Args:
        mos: (J,) plain means.
        quality: (J,) recovered means.
        sos: (J,) standard deviation of the quality: that of what is left at the stimulus, over the root of its votes.
        bias: (R,) of the raters, with mean zero.
        inconsistency: (R,) of the raters.
        steps: how many were needed.
        weights: one of `WEIGHTS`.
    """

    mos: Floats
    quality: Floats
    sos: Floats
    bias: Floats
    inconsistency: Floats
    steps: int
    weights: str


def subject_model(votes: Votes) -> Subjects:
    """Fit the model.

    Raises:
        ValueError: no votes.
    """
    if not len(votes):
        raise ValueError("there are no votes")
    tried = (_fit(votes, weights) for weights in WEIGHTS)
    return next(found for found in tried if found is not None)


def _fit(votes: Votes, how: str) -> Subjects | None:
    """The estimates with one kind of weights; None where these collapse or do not rest, which equal ones never do."""
    _, stimulus = votes.stimuli()
    rater, score = votes.rater, votes.score
    per_rater, per_stimulus = np.bincount(rater), np.bincount(stimulus)
    mos = sums(score, stimulus) / per_stimulus
    quality, weights = mos, np.ones(len(votes.raters))
    steps, rest = 0, np.inf
    while steps < _MOST and rest >= _STOP:
        steps += 1
        bias = sums(score - quality[stimulus], rater) / per_rater
        left = score - quality[stimulus] - bias[rater]
        freedom = per_rater.astype(np.float64)
        if how == "corrected":
            freedom -= sums(weights[rater] / sums(weights[rater], stimulus)[stimulus], rater)
        spread = np.sqrt(sums(left**2, rater) / np.maximum(freedom, 1e-9))  # what is left has mean 0 for every rater
        if how != "equal" and (spread.min() < _COLLAPSED * np.median(spread) or steps == _MOST):
            return None
        if how != "equal" and spread.max() > 0:
            weights = 1 / np.maximum(spread, 1e-3 * spread.max()) ** 2
        moved = sums(weights[rater] * (score - bias[rater]), stimulus) / sums(weights[rater], stimulus)
        rest = float(np.linalg.norm(moved - quality))
        quality = moved
    left = score - quality[stimulus] - bias[rater]
    middle = sums(left, stimulus) / per_stimulus
    sos = np.sqrt(np.maximum(sums(left**2, stimulus) / per_stimulus - middle**2, 0) / per_stimulus)
    shift = float(bias.mean())
    return Subjects(mos, quality + shift, sos, bias - shift, spread, steps, how)
