"""What the sections of `report.html` share: columns of measures, cells with intervals, tables that stay narrow.

`results` is what `results.json` holds, format `gsv_lab.evaluation.catalogue.SCHEMA`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gsv_lab.evaluation.catalogue import GROUPS, MEASURES, direction, named, shown, unit_of
from gsv_lab.evaluation.items import NATURAL
from gsv_lab.system import page
from gsv_lab.system.page import Html

Results = Mapping[str, Any]
Column = tuple[str, str]
"""Measure and evaluator."""

LANGUAGES = {"en": "English", "zh": "Mandarin"}
WIDEST = 7
"""Columns of measures in one table; more are continued in the next."""
SINGLE = "†"
SINGLE_NOTE = f"{SINGLE} this speaker only: the interval is over the clips of one speaker, not over speakers."


def language_name(code: str) -> str:
    """English name of a language; its code where there is none."""
    return LANGUAGES.get(code, code or "unknown language")


def systems_of(results: Results) -> list[str]:
    """Names of the systems: natural speech first, where there is any, then as they were given."""
    order = list(dict.fromkeys(clip["system"] for clip in results["clips"]))
    found = [name for name, system in results["systems"].items() if name != NATURAL or system["samples"]]
    return sorted(found, key=lambda name: (name != NATURAL, order.index(name) if name in order else len(order)))


def columns_of(rows: Iterable[Mapping[str, Any]]) -> list[Column]:
    """The measures and evaluators of figures or differences that are shown, in the order of the catalogue."""
    order = {name: number for number, name in enumerate(MEASURES)}
    found = {(row["measure"], row["evaluator"]) for row in rows if named(row["measure"]).group}
    return sorted(found, key=lambda column: (order.get(column[0], len(order)), column))


def grouped(columns: Sequence[Column]) -> dict[str, list[Column]]:
    """Columns by the group of their measure, in the order of a report."""
    found = {group: [column for column in columns if named(column[0]).group == group] for group in GROUPS}
    return {group: members for group, members in found.items() if members}


def head(column: Column, *, difference: bool = False) -> Html:
    """Head of a column: measure, unit and which way is better, evaluator."""
    measure, evaluator = column
    says = ", ".join(filter(None, [unit_of(measure, difference=difference), direction(measure)]))
    return page.joined(named(measure).heading, " ", page.aside(says) if says else "", " ", page.aside(evaluator))


def span(measure: str, ends: Sequence[float] | None, *, signed: bool = False) -> str:
    """An interval in words; empty where there is none."""
    if ends is None:
        return ""
    low, high = (shown(measure, end, signed=signed) for end in ends)
    return f"{low} to {high}"


def cell(row: Mapping[str, Any], *below: object, signed: bool = False) -> Html:
    """A figure or a difference with its t interval, and more below; marked where one speaker is all there is."""
    text = shown(row["measure"], row["value"], signed=signed) + (SINGLE if row["unit"] == "clip" else "")
    return page.value(text, span(row["measure"], row["t"], signed=signed), *below)


def grid(
    first: str, rows: Mapping[str, Mapping[Column, Html]], columns: Sequence[Column], *, difference: bool = False
) -> Html:
    """Tables with a row a name and a column a measure, `WIDEST` of them each; rows without any value are left out."""
    tables = []
    for start in range(0, len(columns), WIDEST):
        some = columns[start : start + WIDEST]
        filled = {name: row for name, row in rows.items() if any(column in row for column in some)}
        lines = [[name, *(row.get(column, "–") for column in some)] for name, row in filled.items()]
        heads = [head(column, difference=difference) for column in some]
        tables.append(page.table([first, *heads], lines))
    return page.joined(*tables)


def single_note(rows: Iterable[Mapping[str, Any]]) -> Html:
    """The meaning of the mark, where any figure has it."""
    marked = any(row["unit"] == "clip" for row in rows)
    return page.paragraph(SINGLE_NOTE, kind="note") if marked else Html()


def flat(values: Mapping[str, Any], before: str = "") -> list[tuple[str, object]]:
    """Nested settings as rows (name, value), names joined by points."""
    rows: list[tuple[str, object]] = []
    for key, value in values.items():
        name = f"{before}{key}"
        if isinstance(value, Mapping):
            rows += flat(value, f"{name}.")
        elif isinstance(value, list | tuple):
            rows.append((name, ", ".join(map(str, value)) or "none"))
        else:
            rows.append((name, value))
    return rows
