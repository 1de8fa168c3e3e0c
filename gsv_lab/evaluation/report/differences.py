"""The differences between systems in `report.html`: pictures, the main measures in a table, and all of them folded."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from gsv_lab.evaluation.catalogue import named, shown, unit_of
from gsv_lab.evaluation.items import NATURAL
from gsv_lab.evaluation.report.parts import (
    Column,
    Results,
    cell,
    columns_of,
    grid,
    language_name,
    single_note,
    span,
)
from gsv_lab.system import page
from gsv_lab.system.page import Html

MAIN = ("word_error", "char_error", "syllable_error", "phone_error", "similarity", "dnsmos", "f0_rmse")
"""Measures that are drawn, beside those that are none of the kit's own."""
ROWS = 12
"""Differences in one picture; the rest stands in the tables."""
NAME = 22
"""Letters of a difference's name in a picture."""
ALL_HEAD = (
    "difference",
    "measure",
    "evaluator",
    "value",
    "t interval",
    "bootstrap",
    "p",
    "Holm p",
    "over",
    "speakers",
    "items",
)

Row = Mapping[str, Any]


def differences(results: Results) -> list[Html]:
    """The whole section; a sentence where only one system was evaluated."""
    rows = sorted(results["differences"], key=lambda row: row["b"] != NATURAL)
    if not rows:
        return [page.paragraph("There are no two systems with the same items.")]
    tests = sum(row["p"] is not None for row in rows)
    level = results["settings"]["level"]
    parts = [
        page.paragraph(
            f"Both systems on the items that both have, item by item. {tests} tests were asked, and Holm's correction "
            f"is over all of them: a difference is bold, and filled in the pictures, where its Holm p is below "
            f"{1 - level:.3g}. Intervals are of {100 * level:g} % and not corrected."
        )
    ]
    for language in sorted({row["language"] for row in rows}):
        some = [row for row in rows if row["language"] == language]
        parts += [page.heading(language_name(language), 3), *_language(some, 1 - level)]
    return parts


def _language(rows: Sequence[Row], alpha: float) -> list[Html]:
    columns = columns_of(rows)
    main = [column for column in columns if column[0] in MAIN or named(column[0]).group == "other"]
    lines: dict[str, dict[Column, Html]] = {}
    for row in rows:
        lines.setdefault(pair(row), {})[row["measure"], row["evaluator"]] = _cell(row, alpha)
    everything = [_line(row) for row in rows if named(row["measure"]).group]
    return [
        page.beside(*(_forest(rows, column, alpha) for column in main)) if main else Html(),
        page.flow(grid("difference", lines, main, difference=True)),
        single_note(rows),
        page.fold(f"All {len(everything)} differences", page.table(ALL_HEAD, everything)),
    ]


def pair(row: Row) -> str:
    """Name of a difference."""
    return f"{row['a']} − {row['b']}"


def p_value(p: float | None) -> str:
    """A probability with three digits.

    >>> p_value(0.0004), p_value(0.25), p_value(None)
    ('< 0.001', '0.250', '–')
    """
    if p is None:
        return "–"
    return "< 0.001" if p < 0.001 else f"{p:.3f}"


def _sure(row: Row, alpha: float) -> bool:
    return row["p_holm"] is not None and row["p_holm"] < alpha


def _cell(row: Row, alpha: float) -> Html:
    says = "" if row["p_holm"] is None else f"Holm p {p_value(row['p_holm'])}"
    found = cell(row, says, signed=True)
    return page.strong(found) if _sure(row, alpha) else found


def _line(row: Row) -> list[object]:
    measure = row["measure"]
    numbers = [shown(measure, row["value"], signed=True)]
    numbers += [span(measure, row[ends], signed=True) or "–" for ends in ("t", "bootstrap")]
    counts = [row["unit"] + "s", row["speakers"], row["items"]]
    says = ", ".join(filter(None, [named(measure).heading, unit_of(measure, difference=True)]))
    names = [pair(row), says, row["evaluator"]]
    return [*names, *numbers, p_value(row["p"]), p_value(row["p_holm"]), *counts]


def _forest(rows: Sequence[Row], column: Column, alpha: float) -> Html:
    """The differences of one measure as a picture."""
    from gsv_lab import figures

    measure, evaluator = column
    known = named(measure)
    some = [row for row in rows if (row["measure"], row["evaluator"]) == column and row["value"] is not None]
    if not some:
        return Html()
    left_out, some = some[ROWS:], some[:ROWS]
    scale = 100 if known.unit == "%" else 1
    names = short_names([pair(row) for row in some])
    drawn = {}
    for row in some:
        ends = (row["value"], *(row["t"] or (math.nan, math.nan)))
        drawn[names[pair(row)]] = tuple(scale * end for end in ends)
    sure = [names[pair(row)] for row in some if _sure(row, alpha)]
    figure = figures.forest(drawn, "", sure=sure, better=known.better)
    figure.set_figwidth(4.0)
    width, height = (round(100 * inches) for inches in figure.get_size_inches())
    says = ", ".join(filter(None, [unit_of(measure, difference=True), evaluator]))
    title = page.paragraph(page.strong(known.heading), " ", page.aside(says))
    more = page.paragraph(f"{len(left_out)} more in the table", kind="note") if left_out else ""
    alt = f"differences of {known.heading} by {evaluator}, as in the table below"
    return page.joined(title, page.picture(figures.png(figure, 160, colours=64), alt, width, height), more)


def short_names(names: Sequence[str]) -> dict[str, str]:
    """Names as they fit beside a picture: the middle of long ones is left out, unless two would then be the same."""
    half = NAME // 2
    short = {name: name if len(name) <= NAME else f"{name[: half - 1]}…{name[-half:]}" for name in names}
    return short if len({*short.values()}) == len(short) else {name: name for name in names}
