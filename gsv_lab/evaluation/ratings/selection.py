"""From cells to votes: filters, missing and repeated votes, the scale, items whose answer is known.

Filters on what is played (a column whose cells depend on the item or on the system alone, such as the corpus) choose
what is reported, and raters are still judged by all that they heard. Other filters (such as `valid=1`, or one of two
questions) say which rows belong to the test.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from gsv_lab.errors import DataError
from gsv_lab.evaluation.ratings.columns import Columns, depends_on, filters, right_or_wrong
from gsv_lab.evaluation.ratings.matrices import Matrix
from gsv_lab.evaluation.ratings.repeats import check_repeats, without_copies
from gsv_lab.evaluation.ratings.settings import DESIGNS, Settings
from gsv_lab.evaluation.ratings.tables import Table, is_missing, number
from gsv_lab.evaluation.statistics.votes import Votes

ALL = "all"
"""The system or item of votes that name none."""
_METHODS = ("design", "method", "test")  # columns that may tell one kind of test from another
_KINDS = frozenset((*DESIGNS, "mos", "sim", "cmos", "dmos", "dcr", "ab", "preference"))


@dataclass
class Selection:
    """What of a file is analysed.

    Args:
        votes: what is reported.
        heard: all votes of the test, by which raters are judged.
        counts: rows of the file, rows of the test, rows that are reported, missing votes, repeated votes, copied rows.
        warnings: what a reader must know.
        checks: rule -> rater -> (vote, right answer) of items whose answer is known.
        order: in which order the two were played, one label a vote; empty if not known.
        arrival: raters in the order of their first row.
    """

    votes: Votes
    heard: Votes
    counts: dict[str, int]
    warnings: list[str] = field(default_factory=list)
    checks: dict[str, dict[str, list[tuple[float, float]]]] = field(default_factory=dict)
    order: list[str] = field(default_factory=list)
    arrival: list[str] = field(default_factory=list)


@dataclass
class _Rows:
    """Places of rows: of the test, and of what is reported; the names of each row of the table."""

    test: list[int]
    shown: set[int]
    rater: list[str]
    item: list[str]
    system: list[str]

    def key(self, place: int) -> tuple[str, str, str]:
        """Rater, item and system of a row: what a vote is about."""
        return self.rater[place], self.item[place], self.system[place]


def select_ratings(table: Table, settings: Settings) -> Selection:
    """The ratings of a table.

    Raises:
        ConfigError: `USAGE`, a filter that is none.
        DataError: `COLUMN_UNKNOWN`, `DATA_ROW`, `DESIGN_MIXED`, `VOTES_FEW` (nothing passes the filters),
            `VOTE_NUMBER`, `VOTE_RANGE`, `DATA_DUPLICATE`.
    """
    columns = Columns(table, settings)
    rows = _rows(columns, settings)
    _refuse_mixed(columns, rows.test)
    checks, checked = _checks(columns, settings, rows.test)
    test = [place for place in rows.test if place not in checked]
    test, copies = without_copies(table, test, settings)
    judged = set(test) if settings.screens else rows.shown
    cells = right_or_wrong(columns, test) if settings.plan.kind == "answers" else columns.values("score")
    scores = _scores(cells, table, test, settings, judged)
    kept = [place for place in test if scores[place] is not None]
    repeated, warnings = check_repeats(table, kept, rows.key, "a rater, item and system", settings, copies)
    arrival = list(dict.fromkeys(rows.rater[place] for place in kept))
    kept.sort(key=lambda place: (rows.key(place), scores[place]))  # so that sums do not depend on the order of rows
    heard = Votes.of(
        [rows.rater[place] for place in kept],
        [rows.item[place] for place in kept],
        [rows.system[place] for place in kept],
        [float(scores[place] or 0.0) for place in kept],
    )
    shown = np.array([place in rows.shown for place in kept], dtype=bool)
    order = columns.values("order") if columns.has("order") else []
    counts = {
        "rows": len(table.rows),
        "test": len(rows.test),
        "checks": len(checked),
        "missing": len([place for place in test if place in rows.shown and scores[place] is None]),
        "repeated": repeated,
        "copies": copies,
        "votes": int(shown.sum()),
    }
    if not shown.any():
        raise DataError("VOTES_FEW", "No row with a vote passes the filters", "votes", "Check --where")
    return Selection(
        heard.where(shown),
        heard,
        counts,
        warnings,
        checks,
        [order[place] for place in kept if place in rows.shown] if order else [],
        arrival,
    )


def select_matrix(matrix: Matrix, settings: Settings) -> Selection:
    """The votes of a matrix.

    Raises:
        DataError: `VOTES_FEW`, there are none; `VOTE_RANGE`.
    """
    raters, items, scores = [], [], []
    missing = 0
    for line, name, row in zip(matrix.lines, matrix.rows, matrix.votes, strict=True):
        for column, vote in zip(matrix.columns, row, strict=True):
            if vote is None:
                missing += 1
                continue
            _check_range(vote, settings, f"{line}, column {column}")
            raters.append(column if settings.rows == "items" else name)
            items.append(name if settings.rows == "items" else column)
            scores.append(vote)
    if not scores:
        raise DataError("VOTES_FEW", "The matrix holds no vote", "numbers")
    votes = Votes.of(raters, items, [ALL] * len(scores), scores)
    counts = {"rows": len(matrix.rows), "missing": missing, "votes": len(votes)}
    return Selection(votes, votes, counts, arrival=list(dict.fromkeys(raters)))


def _rows(columns: Columns, settings: Settings) -> _Rows:
    """Rows of the test and rows that are reported."""
    count = len(columns.table.rows)
    raters = columns.values("rater")
    optional = settings.plan.kind == "answers" or settings.design == "ccr"
    systems = [ALL] * count if optional and not columns.has("system") else columns.values("system")
    no_items = settings.plan.kind == "answers" and not columns.has("item")
    items = [ALL] * count if no_items else columns.values("item")
    test, shown = np.ones(count, dtype=bool), np.ones(count, dtype=bool)
    for name, passed in filters(columns, settings.where).items():
        shown &= passed
        cells = columns.named(name, "--where")
        played = depends_on(cells, items) or depends_on(cells, systems)
        if not played or depends_on(cells, raters):
            test &= passed
    places = np.flatnonzero(test).tolist()
    for role, cells in (("rater", raters), ("item", items), ("system", systems)):
        columns.check_names(role, cells, places)
    return _Rows(places, set(np.flatnonzero(shown).tolist()), raters, items, systems)


def _refuse_mixed(columns: Columns, test: Sequence[int]) -> None:
    """Refuse rows of several kinds of test in one table."""
    rows, names = columns.table.rows, columns.table.columns
    for name in _METHODS:
        if name in names:
            found = sorted({rows[place][names.index(name)] for place in test})
            if len(found) > 1 and all(value.lower() in _KINDS for value in found):
                problem = f"The column {name!r} holds votes of several kinds: {', '.join(found[:5])}"
                raise DataError("DESIGN_MIXED", problem, "one", f"Choose one, such as --where {name}=...")
    if {"winner", "loser"} <= set(names) and columns.has("score"):
        score = columns.values("score")
        for place in test:
            chosen = rows[place][names.index("winner")]
            if is_missing(score[place]) and not is_missing(chosen):
                problem = f"{columns.table.lines[place].capitalize()} is a choice between two, others are ratings"
                raise DataError("DESIGN_MIXED", problem, "votes of one kind", "Split the file")


def _checks(
    columns: Columns, settings: Settings, test: Sequence[int]
) -> tuple[dict[str, dict[str, list[tuple[float, float]]]], set[int]]:
    """Votes on items whose right answer a column says, by rule and rater; and the rows that are such checks."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    rows: set[int] = set()
    for rule, name in (("gold", settings.gold), ("trap", settings.trap)):
        if not name:
            continue
        answers, raters, scores = columns.named(name, f"--{rule}"), columns.values("rater"), columns.values("score")
        by_rater = found.setdefault(rule, {})
        for place in test:
            if not is_missing(answers[place]):
                right, vote = _number(answers[place], columns.table.lines[place]), scores[place]
                given = float("nan") if is_missing(vote) else _number(vote, columns.table.lines[place])
                by_rater.setdefault(raters[place], []).append((given, right))
                rows.add(place)
    return found, rows


def _scores(
    values: Sequence[str], table: Table, test: Sequence[int], settings: Settings, judged: set[int]
) -> dict[int, float | None]:
    """The vote of each row of the test; None where it is missing, or useless for anything that is asked."""
    found: dict[int, float | None] = {}
    for place in test:
        cell = values[place]
        if is_missing(cell) or place not in judged:
            found[place] = None
            continue
        vote = _number(cell, table.lines[place])
        _check_range(vote, settings, table.lines[place])
        found[place] = vote
    return found


def _number(cell: str, line: str) -> float:
    found = number(cell)
    if found is None:
        raise DataError("VOTE_NUMBER", f"{line.capitalize()}: {cell!r} is no vote", "a number, or nothing")
    return found


def _check_range(vote: float, settings: Settings, line: str) -> None:
    limits = settings.limits
    if limits is not None and not limits[0] <= vote <= limits[1]:
        expected = f"votes from {limits[0]:g} to {limits[1]:g}"
        action = "Give --scale LOW HIGH if the test had another scale"
        raise DataError("VOTE_RANGE", f"{line.capitalize()}: the vote is {vote:g}", expected, action)
