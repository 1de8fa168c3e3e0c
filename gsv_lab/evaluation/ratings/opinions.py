"""Analysis of ratings: means with their intervals, differences, agreement, raters and items."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from gsv_lab.errors import DataError
from gsv_lab.evaluation.ratings.panel_facts import agreement_of, subjects_of
from gsv_lab.evaluation.ratings.plain import plain
from gsv_lab.evaluation.ratings.screens import screen
from gsv_lab.evaluation.ratings.selection import Selection
from gsv_lab.evaluation.ratings.settings import Settings
from gsv_lab.evaluation.statistics.components import variance_components
from gsv_lab.evaluation.statistics.crossed import difference, mean_opinion
from gsv_lab.evaluation.statistics.intervals import benjamini_hochberg, holm
from gsv_lab.evaluation.statistics.paired import equivalence, friedman, paired_t, sign_test, wilcoxon
from gsv_lab.evaluation.statistics.preference import proportion, share_by_rater
from gsv_lab.evaluation.statistics.sequential import anytime_mean
from gsv_lab.evaluation.statistics.votes import Floats, Votes, rater_means

MOST_SYSTEMS = 200
"""More systems than these are not compared pair by pair."""
MOST_LEVELS = 11
"""Most kinds of votes that are counted one by one."""


def analyse_ratings(found: Selection, settings: Settings) -> dict[str, Any]:
    """Everything of `ratings.json` that depends on votes, for ratings and for matrices.

    Raises:
        DataError: `VOTES_FEW`, one rater or one item, before or after screening.
    """
    _refuse_few(found.votes, settings, "")
    screened = screen(found, settings)
    votes = screened.votes
    _refuse_few(votes, settings, " after screening")
    warnings = list(found.warnings)
    warnings += [f"Not screened by {entry['rule']}: {entry['reason']}." for entry in screened.entry["refused"]]
    warnings += _not_judged(screened.entry)
    systems = _systems(votes, settings)
    changed = len(votes) < len(found.votes)
    order = [label for label, kept in zip(found.order, screened.kept, strict=True) if kept] if found.order else []
    if settings.design == "ccr":
        _against_zero(votes, systems, order, settings)
    warnings += _thin(systems)
    results: dict[str, Any] = {
        "systems": systems,
        "systems_before": _systems(found.votes, settings) if changed else systems,
        "screening": screened.entry,
        "pairs": _pairs(votes, found.arrival, settings, warnings),
        "friedman": _friedman(votes, settings),
        "components": variance_components(votes)._asdict(),
    }
    results["agreement"], said = agreement_of(votes, settings)
    facts, more = subjects_of(votes)
    results |= facts
    results["primary"] = _primary(results["pairs"], settings)
    counts = {"raters": len(votes.raters), "items": len(votes.items), "systems": len(votes.systems)}
    return {**plain(results), "counts": found.counts | counts, "warnings": warnings + said + more}


def analyse_answers(found: Selection, settings: Settings) -> dict[str, Any]:
    """Right and wrong answers of an identification test, system by system."""
    votes, warnings = found.votes, list(found.warnings)
    systems = {}
    for name in votes.systems:
        own = votes.of_system(name)
        low, high = share_by_rater(own.score, own.rater, settings.draws, settings.seed)
        entry = {
            **proportion(int(own.score.sum()), len(own))._asdict(),
            "raters": len(own.raters),
            "by_rater": {"low": low, "high": high},
        }
        entry["right"] = entry.pop("hits")
        entry["mean"] = entry["share"]
        if settings.anytime:
            entry["anytime"] = anytime_mean(_in_order(rater_means(own)[:, 0], own, found.arrival), 0, 1, 0.5)._asdict()
        systems[name] = entry
    if len(votes.raters) < 2:
        warnings.append("One rater: nothing can be said about other raters.")
    counts = {"raters": len(votes.raters), "items": len(votes.items), "systems": len(votes.systems)}
    return {"systems": plain(systems), "counts": found.counts | counts, "warnings": warnings}


def _refuse_few(votes: Votes, settings: Settings, when: str) -> None:
    for names, what in ((votes.raters, "rater"), (votes.items, "item")):
        if len(names) < 2:
            problem = f"All votes{when} are of one {what}, {names[0]!r}: nothing can be said about other {what}s"
            action = "Check --rows" if settings.design == "matrix" else f"Check --{what}, and --where"
            raise DataError("VOTES_FEW", problem, f"at least two {what}s", action)


def _not_judged(screening: dict[str, Any]) -> list[str]:
    """Raters who gave a rule nothing to judge them by."""
    names = screening["not_judged"]
    if not names:
        return []
    return [f"A rule had no votes to judge {len(names)} raters by: {', '.join(names[:10])}. They stay."]


def _systems(votes: Votes, settings: Settings) -> dict[str, Any]:
    """Means and intervals of every system."""
    found: dict[str, Any] = {}
    few = len(np.unique(votes.score)) <= MOST_LEVELS
    for name in votes.systems:
        own = votes.of_system(name)
        opinion = mean_opinion(own, settings.draws, settings.seed)
        entry = opinion._asdict()
        entry["share_same"] = None if settings.same_from is None else float((own.score >= settings.same_from).mean())
        entry["intervals"] = {kind: interval._asdict() for kind, interval in opinion.intervals.items()}
        entry["intervals"]["twoway"]["floor"] = entry.pop("floor")
        if few:
            levels, counts = np.unique(own.score, return_counts=True)
            entry["votes"] = {f"{level:g}": count for level, count in zip(levels, counts.tolist(), strict=True)}
        found[name] = entry
    return found


def _thin(systems: dict[str, Any]) -> list[str]:
    """Systems without the primary interval."""
    thin = [name for name, entry in systems.items() if min(entry["raters"], entry["items"]) < 2]
    if not thin:
        return []
    names = ", ".join(thin[:10])
    return [f"No primary interval for {names}: one rater or one item."]


def _against_zero(votes: Votes, systems: dict[str, Any], order: list[str], settings: Settings) -> None:
    """For comparison ratings: whether rater means differ from 0, and by how much the order of playing matters."""
    means = rater_means(votes)
    for place, name in enumerate(votes.systems):
        own = means[np.isfinite(means[:, place]), place]
        systems[name]["against_zero"] = _tests(own, settings)
        if len(set(order)) == 2:
            systems[name]["order_effect"] = _order_effect(votes, order, place)


def _order_effect(votes: Votes, order: list[str], system: int) -> dict[str, Any]:
    """Mean vote in the one order less that in the other, over raters who had both."""
    labels = sorted(set(order))
    which = np.array([labels.index(label) for label in order])
    per_order = []
    for place in (0, 1):
        chosen = (which == place) & (votes.system == system)
        counts = np.bincount(votes.rater[chosen], minlength=len(votes.raters))
        totals = np.bincount(votes.rater[chosen], votes.score[chosen], minlength=len(votes.raters))
        per_order.append(np.where(counts > 0, totals / np.maximum(counts, 1), np.nan))
    apart = per_order[0] - per_order[1]
    return {"first": labels[0], "second": labels[1], **paired_t(apart[np.isfinite(apart)])._asdict()}


def _tests(differences: Floats, settings: Settings) -> dict[str, Any]:
    """All tests of differences of rater means."""
    ranks = wilcoxon(differences)
    entry: dict[str, Any] = {
        "n": len(differences),
        "diff": float(differences.mean()) if len(differences) else None,
        **ranks._asdict(),
        "sign": sign_test(differences)._asdict(),
        "t": paired_t(differences)._asdict(),
    }
    if not len(differences):
        entry |= {"W": None, "p": None}
    if settings.margin is not None:
        entry["equivalence"] = equivalence(differences, settings.margin)._asdict()
    return entry


def _pairs(votes: Votes, arrival: list[str], settings: Settings, warnings: list[str]) -> list[dict[str, Any]]:
    """Every pair of systems, a minus b, by the raters who judged both."""
    if len(votes.systems) > MOST_SYSTEMS:
        warnings.append(f"{len(votes.systems)} systems are too many to compare each with each; choose some by --where.")
        return []
    means, limits = rater_means(votes), settings.limits
    entries = []
    for a, b in combinations(range(len(votes.systems)), 2):
        apart = means[:, a] - means[:, b]
        known = np.isfinite(apart)
        value, interval, floor = difference(votes, a, b)
        entry = {"a": votes.systems[a], "b": votes.systems[b], **_tests(apart[known], settings)}
        entry["twoway"] = {"diff": value, **interval._asdict(), "floor": floor}
        if settings.anytime and limits and known.any():
            reach = limits[1] - limits[0]
            entry["anytime"] = anytime_mean(_in_order(apart, votes, arrival), -reach, reach, 0.0)._asdict()
        entries.append(entry)
    p = [float("nan") if entry["p"] is None else entry["p"] for entry in entries]
    for entry, by_holm, by_bh in zip(entries, holm(p), benjamini_hochberg(p), strict=True):
        entry |= {"p_holm": by_holm, "p_bh": by_bh}
    return entries


def _in_order(values: Floats, votes: Votes, arrival: list[str]) -> Floats:
    """Numbers of raters (R,) in the order in which they came, without gaps."""
    by_name = dict(zip(votes.raters, values.tolist(), strict=True))
    ordered = np.array([by_name[name] for name in arrival if name in by_name])
    return ordered[np.isfinite(ordered)]


def _friedman(votes: Votes, settings: Settings) -> dict[str, Any]:
    """Friedman's test of the systems that are neither reference nor anchor, by raters who judged all of them."""
    left_out = {*settings.reference, *settings.anchor}
    places = [place for place, name in enumerate(votes.systems) if name not in left_out]
    means = rater_means(votes)[:, places]
    complete = means[np.isfinite(means).all(axis=1)]
    try:
        return {**friedman(complete)._asdict(), "reason": None}
    except ValueError:
        reason = f"{len(complete)} raters judged all of the {len(places)} systems; it takes two raters, three systems"
        return {"chi2": None, "p": None, "raters": len(complete), "systems": len(places), "W": None, "reason": reason}


def _primary(pairs: list[dict[str, Any]], settings: Settings) -> dict[str, Any] | None:
    """The pair that was decided to count, as it was named: first minus second."""
    if settings.primary is None:
        return None
    first, second = settings.primary
    for entry in pairs:
        if {entry["a"], entry["b"]} == {first, second}:
            sign = 1 if entry["a"] == first else -1
            diff = None if entry["diff"] is None else sign * entry["diff"]
            return {"first": first, "second": second, "n": entry["n"], "diff": diff, "W": entry["W"], "p": entry["p"]}
    return None
