"""Screening as it was decided: which raters and votes are left out by which rule, and why a rule could not be used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from gsv_lab.errors import DataError
from gsv_lab.evaluation.ratings.selection import Selection
from gsv_lab.evaluation.ratings.settings import Settings
from gsv_lab.evaluation.statistics import screening
from gsv_lab.evaluation.statistics.screening import Finding
from gsv_lab.evaluation.statistics.votes import Votes

_RULES: dict[str, Callable[[Votes], Finding]] = {
    "same-button": screening.same_button,
    "panel-correlation": screening.panel_correlation,
    "bt500": screening.outlying_counts,
}
"""Rules that need nothing but the votes."""
WITHIN = {"gold": 1.0, "trap": 0.0}
"""How far off the right answer a vote on a known item may be."""
NO_REFERENCE = "the hidden reference is not named (--reference), so nobody can be judged by it"


class Screened(NamedTuple):
    """The votes that are left, and the entry `screening` of `ratings.json`."""

    votes: Votes
    kept: np.ndarray
    entry: dict[str, Any]


def check_systems(votes: Votes, settings: Settings) -> None:
    """Refuse references, anchors and a primary contrast that name no system.

    Raises:
        DataError: `REFERENCE_MISSING`, `SYSTEM_UNKNOWN`.
    """
    for names, what, code in (
        (settings.reference, "reference", "REFERENCE_MISSING"),
        (settings.anchor, "anchor", "SYSTEM_UNKNOWN"),
        (settings.primary or (), "system", "SYSTEM_UNKNOWN"),
    ):
        for name in names:
            if name not in votes.systems:
                there = ", ".join(votes.systems[:20]) + (", ..." if len(votes.systems) > 20 else "")
                raise DataError(code, f"No vote is on the {what} {name!r}", f"one of the systems {there}")


def screen(found: Selection, settings: Settings) -> Screened:
    """Apply the rules; raters are judged by all that they heard, and lose all of their votes.

    Raises:
        DataError: `VOTES_FEW`, nobody is left.
    """
    findings, refused = [], []
    for rule in settings.screens:
        if rule == "outlying-votes":
            continue
        if rule == "hidden-reference" and not settings.reference:
            refused.append({"rule": rule, "reason": NO_REFERENCE})
        elif rule == "hidden-reference":
            findings.append(screening.hidden_reference(found.heard, settings.reference[0]))
        else:
            findings.append(_RULES[rule](found.heard))
    findings += [screening.checks(given, WITHIN[rule], rule) for rule, given in found.checks.items()]
    judged = [name for name in found.heard.raters if all(name in finding.values for finding in findings)]
    removed = {name for finding in findings for name in finding.removed}
    stays = np.array([name not in removed for name in found.votes.raters])[found.votes.rater]
    outlying = np.zeros(len(found.votes), dtype=bool)
    if "outlying-votes" in settings.screens:
        outlying = screening.outlying_votes(found.votes) & stays
    kept = stays & ~outlying
    if not kept.any():
        raise DataError("VOTES_FEW", "Screening leaves no vote", "raters who pass the rules", "Choose other rules")
    votes = found.votes.where(kept)
    entry = {
        "rules": [_entry(finding) for finding in findings],
        "refused": refused,
        "not_judged": [name for name in found.heard.raters if name not in judged],
        "removed": [name for name in found.heard.raters if name in removed],
        "outlying_votes": int(outlying.sum()) if "outlying-votes" in settings.screens else None,
        "before": {"raters": len(found.votes.raters), "votes": len(found.votes)},
        "after": {"raters": len(votes.raters), "votes": len(votes)},
    }
    return Screened(votes, kept, entry)


def _entry(finding: Finding) -> dict[str, Any]:
    """A rule, and what it measured of every rater."""
    return {
        "rule": finding.rule,
        "limit": finding.limit,
        "judged": len(finding.values),
        "removed": list(finding.removed),
        "values": finding.values,
    }
