"""The parts of `ratings.html` about differences of systems, about choices between two, and about right answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gsv_lab.evaluation.ratings import pictures
from gsv_lab.evaluation.ratings.report_cells import Columns, drawn, ends, p_value, signed, smallest, tabulated
from gsv_lab.system import page
from gsv_lab.system.page import Html

Results = Mapping[str, Any]

_TESTS: Columns = {
    "a": lambda pair: pair["a"],
    "b": lambda pair: pair["b"],
    "raters": lambda pair: pair["n"],
    "a − b": lambda pair: signed(pair["diff"]),
    "two-way interval": lambda pair: ends(pair["twoway"]),
    "W": lambda pair: pair["W"],
    "p": lambda pair: p_value(pair["p"]),
    "p (Holm)": lambda pair: p_value(pair["p_holm"]),
    "p (BH)": lambda pair: p_value(pair["p_bh"]),
    "sign test": lambda pair: f"{pair['sign']['plus']}:{pair['sign']['minus']}, {p_value(pair['sign']['p'])}",
    "how": lambda pair: f"{pair['method']}, {pair['zeros']} zeros, {pair['ties']} tied",
}
_ASKED: Columns = {
    "equivalence": lambda pair: p_value(pair["equivalence"]["p"]),
    "anytime": lambda pair: p_value(pair["anytime"]["p"]),
}
_HEADS = {"equivalence": "p (equivalence)", "anytime": "p (at any time)"}


def _asked(entries: Sequence[Mapping[str, Any]]) -> Columns:
    """Columns of what is only there if it was asked for."""
    return {_HEADS[name]: cell for name, cell in _ASKED.items() if entries and all(name in one for one in entries)}


def differences_part(results: Results) -> list[Html]:
    """All pairs of systems: the primary one, Friedman's test, a picture, the smallest p values."""
    pairs, primary, test = results["pairs"], results["primary"], results["friedman"]
    if not pairs:
        return []
    parts = [page.heading("Differences"), page.paragraph(_below(pairs))]
    if primary is not None:
        what = f"Decided to count: {primary['first']} minus {primary['second']}"
        text = f"{what}: {signed(primary['diff'])}, p {p_value(primary['p'])}."
        parts.append(page.paragraph(page.strong(text)))
    if test["chi2"] is None:
        parts.append(page.paragraph(f"No Friedman test: {test['reason']}.", kind="note"))
    else:
        over = f"Friedman over {test['systems']} systems and {test['raters']} raters"
        parts.append(
            page.paragraph(f"{over}: chi² {test['chi2']:.2f}, p {test['p']:.3g}, Kendall's W {test['W']:.2f}.")
        )
    parts += drawn(pictures.differences(results), "differences of all pairs of systems")
    return [*parts, tabulated(smallest(pairs), {**_TESTS, **_asked(pairs)}), *_rest(pairs)]


def _below(pairs: Sequence[Mapping[str, Any]]) -> str:
    counts = [sum(pair[name] is not None and pair[name] < 0.05 for pair in pairs) for name in ("p", "p_holm", "p_bh")]
    raw, by_holm, by_bh = counts
    return f"{len(pairs)} pairs: {raw} below 0.05 uncorrected, {by_holm} after Holm, {by_bh} after Benjamini-Hochberg."


def _rest(pairs: Sequence[Mapping[str, Any]]) -> list[Html]:
    shown = smallest(pairs)
    if len(shown) == len(pairs):
        return []
    said = f"The {len(shown)} smallest p values; all {len(pairs)} are in ratings.json."
    return [page.paragraph(said, kind="note")]


def choices_part(results: Results) -> list[Html]:
    """Strengths of the items, and shares of the pairs."""
    strengths, pairs = results["strengths"], results["pairs"]
    parts: list[Html] = []
    if strengths:
        names = sorted(strengths, key=lambda name: (strengths[name]["group"], -strengths[name]["centred"]))
        columns: Columns = {
            "item": lambda name: name,
            "group": lambda name: strengths[name]["group"],
            "choices": lambda name: results["systems"][name]["n"],
            "preferred": lambda name: f"{results['systems'][name]['share']:.1%}",
            "strength": lambda name: signed(strengths[name]["centred"]),
            "95 % interval": lambda name: ends(strengths[name]),
            "ln p": lambda name: f"{results['bradley_terry'][name]:.4f}",
        }
        note = "Strength: ln p less the mean of the items that were compared with each other; raters are drawn anew."
        parts += [
            page.heading("Strengths"),
            *drawn(pictures.strengths(strengths), "strength of each item"),
            tabulated(names, columns),
            page.paragraph(note, kind="note"),
        ]
        if results["tie"] is not None:
            parts.append(page.paragraph(f"Davidson's tie parameter: {results['tie']:.3f}."))
    shares: Columns = {
        "a": lambda pair: pair["a"],
        "b": lambda pair: pair["b"],
        "choices": lambda pair: pair["n"],
        "for a": lambda pair: pair["wins"],
        "for b": lambda pair: pair["losses"],
        "ties": lambda pair: pair["ties"],
        "share of a": lambda pair: f"{pair['share']:.1%}",
        "exact interval without ties": ends,
        "p": lambda pair: p_value(pair["p"]),
        "p (Holm)": lambda pair: p_value(pair["p_holm"]),
        "p (BH)": lambda pair: p_value(pair["p_bh"]),
    }
    table = tabulated(smallest(pairs), {**shares, **_asked(pairs)})
    return [*parts, page.heading("Pairs"), page.paragraph(_below(pairs)), table, *_rest(pairs)]


def answers_part(results: Results) -> list[Html]:
    """Shares of right answers."""
    rows = [{"system": name, **one} for name, one in results["systems"].items()]
    columns: Columns = {
        "system": lambda one: one["system"],
        "answers": lambda one: one["n"],
        "right": lambda one: one["right"],
        "share": lambda one: f"{one['share']:.1%}",
        "exact interval": ends,
        "by raters": lambda one: ends(one["by_rater"]),
        "p": lambda one: p_value(one["p"]),
        "p (above one half)": lambda one: p_value(one["p_greater"]),
    }
    note = "The exact interval takes answers for independent; that by raters draws raters with replacement."
    table = tabulated(rows, {**columns, **_asked(rows)})
    return [page.heading("Right answers"), table, page.paragraph(note, kind="note")]
