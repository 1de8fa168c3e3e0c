"""Verification of speakers: the threshold at which two kinds of error are equally frequent."""

from __future__ import annotations

import numpy as np

from gsv_lab.evaluation.statistics.resampling import Values


def equal_error(same: Values, different: Values) -> tuple[float, float]:
    """Threshold where as many same-speaker pairs are refused as different-speaker pairs are accepted, and that rate.

    The threshold lies midway between neighbouring scores; among equally good ones the middle is taken.

    Args:
        same: scores of pairs of one speaker.
        different: scores of pairs of two speakers.

    Returns:
        (threshold, rate); a pair is accepted if its score is above the threshold.

    Raises:
        ValueError: one of the two is empty.
    """
    if not len(same) or not len(different):
        raise ValueError(f"need pairs of both kinds, got {len(same)} same and {len(different)} different")
    targets, others = (np.sort(np.asarray(scores, dtype=np.float64)) for scores in (same, different))
    scores = np.unique(np.concatenate([targets, others]))
    between = (scores[:-1] + scores[1:]) / 2
    thresholds = np.concatenate([scores[:1] - 1e-6, between, scores[-1:] + 1e-6])
    refused = np.searchsorted(targets, thresholds, side="right") / len(targets)
    accepted = 1 - np.searchsorted(others, thresholds, side="right") / len(others)
    gap = np.abs(refused - accepted)
    best = np.flatnonzero(gap <= gap.min() + 1e-12)
    middle = (thresholds[best[0]] + thresholds[best[-1]]) / 2
    rate = (np.mean(targets <= middle) + np.mean(others > middle)) / 2
    return float(middle), float(rate)
