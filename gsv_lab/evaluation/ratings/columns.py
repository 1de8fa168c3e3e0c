"""Columns of a table by what they are about, composed names, filters."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.ratings.formats import Known, known_columns
from gsv_lab.evaluation.ratings.settings import Settings
from gsv_lab.evaluation.ratings.tables import Table, is_missing, is_nameless

BETWEEN = "|"
"""Stands between the parts of a composed name."""
_YES = frozenset({"1", "1.0", "true", "yes", "y", "right", "correct", "tie", "tied"})
_NO = frozenset({"0", "0.0", "false", "no", "n", "wrong", "incorrect"})
_OPEN = frozenset({"undecided", "unknown"})  # of webMUSHRA: no answer was given


class Columns:
    """The columns of a table by what they are about.

    Args:
        table: the table.
        settings: what was asked for.
    """

    def __init__(self, table: Table, settings: Settings) -> None:
        self.table, self.asked = table, settings.columns
        self.known: Known | None = known_columns(table.columns, settings.design)

    def has(self, role: str) -> bool:
        """Whether there is a column for a role, asked for or by default."""
        return role in self.asked or self._default(role) != ""

    def values(self, role: str) -> list[str]:
        """The cells of a role, one a row; parts of a composed name with `|` between.

        Raises:
            DataError: `COLUMN_UNKNOWN`.
        """
        return self.named(self.asked.get(role) or self._default(role) or role, f"--{role}")

    def named(self, name: str, option: str) -> list[str]:
        """The cells of a column, or of several joined by `+`.

        Raises:
            DataError: `COLUMN_UNKNOWN`.
        """
        columns = self.table.columns
        parts = [name] if name in columns else [part.strip() for part in name.split("+")]
        for part in parts:
            if part not in columns or not part:
                near = difflib.get_close_matches(part, columns, 1, 0.6)
                action = f"Did you mean {near[0]}?" if near else f"Name it by {option}"
                expected = f"one of {', '.join(column for column in columns if column)}"
                raise DataError("COLUMN_UNKNOWN", f"There is no column {part!r} for {option}", expected, action)
        numbers = [columns.index(part) for part in parts]
        if len(numbers) == 1:
            return [row[numbers[0]] for row in self.table.rows]
        return [BETWEEN.join(row[place] for place in numbers) for row in self.table.rows]

    def check_names(self, role: str, cells: Sequence[str], places: Iterable[int]) -> None:
        """Refuse rows that name nobody or nothing.

        Raises:
            DataError: `DATA_ROW`.
        """
        for place in places:
            if all(map(is_nameless, cells[place].split(BETWEEN))):
                raise DataError("DATA_ROW", f"{self.table.lines[place].capitalize()} names no {role}", "a name")

    def _default(self, role: str) -> str:
        if self.known and role in self.known.columns:
            return self.known.columns[role]
        return role if role in self.table.columns else ""


def filters(columns: Columns, where: Sequence[str]) -> dict[str, list[bool]]:
    """Filter by filter which rows pass; patterns for one column are alternatives, `!=` always excludes.

    Raises:
        ConfigError: `USAGE`, no `COLUMN=PATTERN`.
        DataError: `COLUMN_UNKNOWN`.
    """
    wanted: dict[str, list[str]] = {}
    unwanted: dict[str, list[str]] = {}
    for one in where:
        name, equals, pattern = one.partition("=")
        if not equals or not name.strip("! "):
            raise ConfigError("USAGE", f"--where is {one!r}", "COLUMN=PATTERN or COLUMN!=PATTERN")
        table = unwanted if name.endswith("!") else wanted
        table.setdefault(name.rstrip("!").strip(), []).append(pattern.strip())
    found: dict[str, list[bool]] = {}
    for name in dict.fromkeys([*wanted, *unwanted]):
        yes, no = wanted.get(name, ["*"]), unwanted.get(name, [])
        cells = columns.named(name, "--where")
        passed = {cell: _matches(cell, yes) and not _matches(cell, no) for cell in set(cells)}
        found[name] = [passed[cell] for cell in cells]
    return found


def _matches(cell: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(cell, pattern) for pattern in patterns)


def depends_on(cells: Sequence[str], names: Sequence[str]) -> bool:
    """Whether equal names always have equal cells."""
    first: dict[str, str] = {}
    return all(first.setdefault(name, cell) == cell for name, cell in zip(names, cells, strict=True))


def right_or_wrong(columns: Columns, places: Iterable[int]) -> list[str]:
    """Of answers whether they are right, as 1, 0 or nothing: from `score`, or from `answer` and `right`.

    Args:
        columns: of the table.
        places: of the rows that are asked for; nothing for others.

    Raises:
        DataError: `COLUMN_UNKNOWN`; `VOTE_NUMBER`, a score that says neither.
    """
    if {"answer", "right"} & set(columns.asked) or not columns.has("score"):
        pairs = zip(columns.values("answer"), columns.values("right"), strict=True)
        return ["" if is_missing(given) else str(int(given == right)) for given, right in pairs]
    scores, found = columns.values("score"), [""] * len(columns.table.rows)
    for place in places:
        found[place] = yes_or_no(scores[place], columns.table.lines[place])
    return found


def yes_or_no(cell: str, line: str) -> str:
    """A cell that says yes or no, as 1, 0 or nothing.

    Raises:
        DataError: `VOTE_NUMBER`.
    """
    word = cell.lower()
    if is_missing(cell) or word in _OPEN:
        return ""
    if word not in _YES | _NO:
        raise DataError("VOTE_NUMBER", f"{line.capitalize()}: {cell!r} is neither right nor wrong", "1 or 0")
    return str(int(word in _YES))
