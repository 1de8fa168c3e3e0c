"""How far the raters of a panel agree, and what is known of each of them and of each item."""

from __future__ import annotations

from typing import Any

import numpy as np

from gsv_lab.evaluation.ratings.settings import Settings
from gsv_lab.evaluation.statistics.agreement import METRICS, Icc, icc, krippendorff_alpha, split_half
from gsv_lab.evaluation.statistics.subjects import subject_model
from gsv_lab.evaluation.statistics.votes import Votes, sums

LOW = 0.4
"""Ordinal alpha below which a panel is warned of."""
WEIGHED = {
    "p910": "",
    "corrected": "With P.910's weights a rater would decide items alone: inconsistencies are corrected for that.",
    "equal": "There are too few votes to weigh raters by their inconsistency: qualities are corrected for bias alone.",
}
"""What to say of how raters weigh."""
BETWEEN = " / "
"""Stands between system and item in the name of a stimulus."""


def agreement_of(votes: Votes, settings: Settings) -> tuple[dict[str, Any], list[str]]:
    """Intraclass correlations of the stimuli that every rater judged, alpha of all, ranks by halves; and warnings."""
    _, stimulus = votes.stimuli()
    warnings: list[str] = []
    table = _complete(votes, stimulus)
    found: dict[str, Any] = {"icc_stimuli": len(table), "icc_reason": None}
    if len(table) < 2:
        found |= dict.fromkeys(Icc._fields)
        found["icc_reason"] = "fewer than two stimuli were judged by every rater"
    else:
        found |= icc(table)._asdict()
    for metric in METRICS:
        try:
            found[f"alpha_{metric}"] = krippendorff_alpha(votes.score, stimulus, metric)
        except ValueError:
            found[f"alpha_{metric}"] = None
    found["split_half"] = split_half(votes, seed=settings.seed)
    if votes.score.min() == votes.score.max():
        warnings.append("All votes are the same: nothing can be told from them.")
    alpha = found["alpha_ordinal"]
    if alpha is not None and alpha < LOW:
        warnings.append(f"Raters agree little: Krippendorff's alpha (ordinal) is {alpha:.2f}, below {LOW}.")
    return found, warnings


def _complete(votes: Votes, stimulus: Any) -> Any:
    """Votes of the stimuli that all raters judged, in rows (n, R); repeated votes are averaged."""
    raters = len(votes.raters)
    cells, place = np.unique(stimulus * raters + votes.rater, return_inverse=True)
    means = sums(votes.score, place) / np.bincount(place)
    judged_by = np.bincount(cells // raters)
    complete = judged_by[cells // raters] == raters
    return means[complete].reshape(-1, raters)


def subjects_of(votes: Votes) -> tuple[dict[str, Any], list[str]]:
    """Entries `subjects` and `items`; and a warning where there are too few votes to tell raters from items."""
    names, stimulus = votes.stimuli()
    labels = [item if len(votes.systems) == 1 else f"{system}{BETWEEN}{item}" for system, item in names]
    counts = np.bincount(stimulus).tolist()
    if len(votes) < len(names) + len(votes.raters):
        mos = (sums(votes.score, stimulus) / counts).tolist()
        items = {
            label: {"n": n, "mos": m, "sos": None, "quality": None}
            for label, n, m in zip(labels, counts, mos, strict=True)
        }
        warning = "Bias and inconsistency of raters are not given: there are fewer votes than raters and stimuli."
        return {"subjects": {}, "items": items, "subject_model": None}, [warning]
    fit = subject_model(votes)
    per_rater = np.bincount(votes.rater).tolist()
    subjects = {
        name: {"n": n, "bias": bias, "inconsistency": spread}
        for name, n, bias, spread in zip(votes.raters, per_rater, fit.bias, fit.inconsistency, strict=True)
    }
    items = {
        label: {"n": n, "mos": mos, "sos": sos, "quality": quality}
        for label, n, mos, sos, quality in zip(labels, counts, fit.mos, fit.sos, fit.quality, strict=True)
    }
    model = {"weights": fit.weights, "steps": fit.steps}
    return {"subjects": subjects, "items": items, "subject_model": model}, list(filter(None, [WEIGHED[fit.weights]]))
