"""Votes as a matrix: rows are items and columns raters, or the other way round, with or without names.

A header is recognised by cells that are no numbers, or by six numbers or more that count the columns; a first column of
names by cells that are no numbers. A first column of numbers is one of names where the header calls it so (`item`,
`rater`, ...) or leaves its cell empty, where its heading is unlike the others and the numbers just count the rows or
the other headings are alike (`judge1`, `judge2`), or where no number is in the range of the votes. What has no name is
called 1, 2, ...
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from gsv_lab.errors import DataError
from gsv_lab.evaluation.ratings.tables import cells, is_missing, number, read_raw

_NAMED = frozenset(
    "item stimulus clip utterance utt trial file sample sentence target id index name no nr row "
    "rater judge subject listener participant observer worker panelist user".split()
)
"""Headings, in lower case, above a column of names."""
_SURELY = 6  # so many votes that count 1, 2, 3, ... are a header


class Matrix(NamedTuple):
    """A matrix of votes; None where one is missing.

    Args:
        rows: their names.
        columns: their names.
        votes: rows of numbers or None.
        lines: where each row stands, for messages.
        file: name, SHA-256 and number of rows.
    """

    rows: tuple[str, ...]
    columns: tuple[str, ...]
    votes: list[list[float | None]]
    lines: list[str]
    file: dict[str, str | int]


def read_matrix(path: Path) -> Matrix:
    """Reads a matrix of votes.

    Raises:
        DataError: those of `read_raw` and `cells`; `DATA_ROW`, rows of unequal length or no vote; `VOTE_NUMBER`, a cell
            that is neither number nor missing; `DATA_DUPLICATE`, a name twice.
    """
    text, digest = read_raw(path)
    found = cells(path.name, text)
    width = len(found[0][1])
    for line, row in found:
        if len(row) != width:
            raise DataError("DATA_ROW", f"Line {line} has {len(row)} cells", f"{width}, as in the first line")
    header = found[0][1] if _is_header(found) else None
    body = found[1:] if header is not None else found
    if not body:
        raise DataError("DATA_ROW", f"{path.name!r} has a header and nothing below it", "rows of votes")
    named = _has_names(header, [row for _, row in body])
    start = int(named)
    if width == start:
        raise DataError("DATA_ROW", f"{path.name!r} has names and no votes", "columns of votes")
    rows = [row[0] for _, row in body] if named else _numbered(len(body))
    columns = header[start:] if header is not None else _numbered(width - start)
    votes = [[_vote(cell, line, columns[place]) for place, cell in enumerate(row[start:])] for line, row in body]
    _check_names(path.name, "rows", rows)
    _check_names(path.name, "columns", columns)
    lines = [f"line {line}" for line, _ in body]
    file: dict[str, str | int] = {"name": path.name, "sha256": digest, "rows": len(body)}
    return Matrix(tuple(rows), tuple(columns), votes, lines, file)


def _numbered(count: int) -> list[str]:
    return [str(place + 1) for place in range(count)]


def _is_header(found: Sequence[tuple[int, list[str]]]) -> bool:
    """Whether the first line holds names: a cell that is no vote, or numbers that count the columns."""
    first = found[0][1]
    if any(number(cell) is None and not is_missing(cell) for cell in first[1:]):
        return True
    if number(first[0]) is None and not is_missing(first[0]):
        # The first cell alone: a heading, unless it is the name of a row like those below it.
        below = [row[0] for _, row in found[1:]]
        return first[0].lower() in _NAMED or all(number(cell) is not None for cell in below)
    if len(first) >= _SURELY and _counts(first):
        return True
    return not first[0] and len(first) > 3 and _counts(first[1:]) and _counts([row[0] for _, row in found[1:]])


def _has_names(header: Sequence[str] | None, body: Sequence[Sequence[str]]) -> bool:
    first = [row[0] for row in body]
    if any(number(cell) is None and not is_missing(cell) for cell in first):
        return True
    if header is None or len(header) < 2 or len(set(first)) < len(first) or any(map(is_missing, first)):
        return False
    stem, *others = (re.sub(r"\d+", "", heading).strip(" _-").lower() for heading in header)
    if not header[0] or stem in _NAMED - set(others):
        return True
    alike = len(others) > 1 and len(set(others)) == 1
    return stem not in others and (_counts(first) or alike or _out_of_range(first, body))


def _out_of_range(first: Sequence[str], body: Sequence[Sequence[str]]) -> bool:
    """Whether no number of the first column lies between the least and the largest of the others."""
    votes = [found for row in body for cell in row[1:] if (found := number(cell)) is not None]
    own = [number(cell) or 0.0 for cell in first]
    return bool(votes) and not any(min(votes) <= value <= max(votes) for value in own)


def _counts(some: Sequence[str]) -> bool:
    """Whether cells are 1, 2, 3, ... or 0, 1, 2, ..., at least three."""
    found = [int(cell) for cell in some if cell.isdecimal()]
    return 2 < len(some) == len(found) and found in (list(range(len(found))), list(range(1, len(found) + 1)))


def _check_names(name: str, what: str, names: Sequence[str]) -> None:
    for label in names:
        if not label or list(names).count(label) > 1:
            problem = f"Two {what} of {name!r} are called {label!r}" if label else f"One of the {what} has no name"
            raise DataError("DATA_DUPLICATE", problem, "names of their own", "Rename one, or remove the copy")


def _vote(cell: str, line: int, column: str) -> float | None:
    if is_missing(cell):
        return None
    found = number(cell)
    if found is None:
        raise DataError("VOTE_NUMBER", f"Line {line}, column {column}: {cell!r} is no vote", "a number, or nothing")
    return found
