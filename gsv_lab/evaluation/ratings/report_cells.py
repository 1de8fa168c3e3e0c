"""How the report writes p values, differences and intervals, and tables whose columns are functions of a row."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from gsv_lab.system import page
from gsv_lab.system.page import Html

Columns = Mapping[str, Callable[[Any], object]]
"""Heading -> what a row has there."""
MOST_ROWS = 60
"""Rows of a table of pairs; all of them are in `ratings.json`."""


def tabulated(rows: Iterable[Any], columns: Columns) -> Html:
    """A table with a line for each row."""
    return page.table(list(columns), [[cell(row) for cell in columns.values()] for row in rows])


def drawn(picture: bytes, says: str) -> list[Html]:
    """A picture with what it shows; nothing where there is none."""
    return [page.picture(picture, says)] if picture else []


def number(value: float | None, digits: int = 3) -> str:
    """A number with so many digits behind the point; a dash for none."""
    return "–" if value is None else f"{value:.{digits}f}"


def p_value(value: float | None) -> str:
    """A p value with three digits; a dash for none."""
    return "–" if value is None else f"{value:.3g}"


def signed(value: float | None) -> str:
    """A difference with its sign; a dash for none."""
    return "–" if value is None else f"{value:+.3f}"


def ends(entry: Mapping[str, Any]) -> str:
    """An interval from `low` and `high`; a dash for none."""
    return "–" if entry["low"] is None else f"{entry['low']:.3f} to {entry['high']:.3f}"


def smallest(pairs: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Pairs with the smallest p values, those without any last."""
    return sorted(pairs, key=lambda pair: 2.0 if pair["p"] is None else pair["p"])[:MOST_ROWS]
