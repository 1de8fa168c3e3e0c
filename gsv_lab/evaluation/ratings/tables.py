"""Text files of votes as tables of cells, whatever they are delimited by, compressed or not."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gsv_lab.errors import DataError
from gsv_lab.system.files import read_file, why_unreadable

LARGEST = 256 * 2**20
"""Bytes of a table after it was unpacked."""
DELIMITERS = "\t;|,"
_LOOKED_AT = 200  # lines from which the delimiter is told
MISSING = frozenset({"", "nan", "na", "n/a", "null", "none", "-", ".", "*"})
"""Cells, in lower case, that stand for a vote that is not there."""


@dataclass(frozen=True)
class Table:
    """Cells of one file or several with the same columns.

    Args:
        columns: names; empty where a file has no header.
        rows: cells without blanks around them, as many in each as there are columns.
        lines: where each row stands, for messages.
        files: name, SHA-256 and number of rows of each file.
        test: of a listening test of the kit: `sha256`, `design` and `decisions`; None where no key says them.
    """

    columns: tuple[str, ...]
    rows: list[tuple[str, ...]]
    lines: list[str]
    files: list[dict[str, str | int]] = field(default_factory=list)
    test: Mapping[str, Any] | None = None


def is_missing(cell: str) -> bool:
    """Whether a cell says that there is no vote."""
    return cell.lower() in MISSING


def is_nameless(cell: str) -> bool:
    """Whether a cell that should name somebody or something names nobody; `NA` and `none` may be names."""
    return cell.lower() in ("", "nan", "null")


def number(cell: str) -> float | None:
    """The number in a cell, with a decimal point or comma; None if it is none."""
    text = cell.replace(",", ".") if cell.count(",") == 1 and "." not in cell else cell
    if not re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?", text):
        return None
    return float(text)


def read_raw(path: Path) -> tuple[str, str]:
    """The text of a file, unpacked if it is packed by gzip, and the SHA-256 of its bytes.

    Raises:
        DataError: `DATA_MISSING`, it cannot be read; `DATA_ROW`, it is damaged, too large or no text.
    """
    raw = _bytes(path)
    digest = hashlib.sha256(raw).hexdigest()
    if raw[:2] == b"\x1f\x8b":
        raw = _unpacked(path, raw)
    encoding = "utf-16" if raw[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return raw.decode(encoding), digest
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        raise DataError("DATA_ROW", f"Line {line} of {path.name!r} is no UTF-8", "text in UTF-8") from error


def beginning(path: Path) -> bytes:
    """The first bytes of a file, by which its format is told.

    Raises:
        DataError: `DATA_MISSING`.
    """
    return _bytes(path, 1024)


def _bytes(path: Path, first: int | None = None) -> bytes:
    try:
        return read_file(path, first=first)
    except OSError as error:
        problem = f"The file {path.name!r} cannot be read: {why_unreadable(error)}"
        raise DataError("DATA_MISSING", problem, "a file of votes", "Check the path") from error


def _unpacked(path: Path, raw: bytes) -> bytes:
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as packed:
            found = packed.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError("DATA_ROW", f"{path.name!r} is damaged: {error}", "a whole gzip file") from error
    if len(found) > LARGEST:
        raise DataError("DATA_ROW", f"{path.name!r} unpacks to more than {LARGEST // 2**20} MiB", "a smaller file")
    return found


def cells(name: str, text: str) -> list[tuple[int, list[str]]]:
    """Rows of a text with their line numbers; blank lines are left out, and blanks around cells.

    Raises:
        DataError: `DATA_ROW`, the file is empty or a quoted cell does not end.
    """
    delimiter = _delimiter(text)
    rows: list[tuple[int, list[str]]] = []
    try:
        if delimiter == " ":  # any white space
            text = "\n".join(" ".join(line.split()) for line in text.splitlines())
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        for row in reader:
            found = [cell.strip() for cell in row]
            if any(found):
                rows.append((reader.line_num, found))
    except csv.Error as error:
        raise DataError("DATA_ROW", f"{name!r} is no table: {error}", "rows of delimited cells") from error
    if not rows:
        raise DataError("DATA_ROW", f"{name!r} is empty", "a header and a row for each vote")
    return rows


def _delimiter(text: str) -> str:
    """What gives every line equally many cells, more than one; a blank stands for any white space."""
    lines = [line for line in text.split("\n", _LOOKED_AT)[:_LOOKED_AT] if line.strip()]
    best, most = ",", 0
    for delimiter in DELIMITERS:
        widths = _widths(lines, delimiter)
        if widths and widths[0] > 1 and len(set(widths)) == 1:
            return delimiter
        # A damaged row must not make another delimiter look right: the header tells, and most rows agree with it.
        agreeing = sum(width == widths[0] for width in widths) if widths and widths[0] > 1 else 0
        if agreeing > most:
            best, most = delimiter, agreeing
    widths = _widths([" ".join(line.split()) for line in lines], " ")
    return " " if not most and widths and widths[0] > 1 and len(set(widths)) == 1 else best


def _widths(lines: Sequence[str], delimiter: str) -> list[int]:
    """How many cells each line has; none where a quoted cell does not end."""
    try:
        return [len(row) for row in csv.reader(lines, delimiter=delimiter) if row]
    except csv.Error:
        return []


def read_tables(paths: Sequence[Path]) -> Table:
    """Files of votes with a header, one after the other.

    Raises:
        DataError: those of `read_raw` and `cells`; `DATA_ROW`, a row with more or fewer cells than the header; a header
            with a name twice or none; files with different columns.
    """
    columns: tuple[str, ...] = ()
    rows: list[tuple[str, ...]] = []
    lines: list[str] = []
    files: list[dict[str, str | int]] = []
    for path in paths:
        text, digest = read_raw(path)
        (_, head), *found = cells(path.name, text)
        _check_header(path.name, head)
        if columns and columns != tuple(head):
            expected = f"the columns {', '.join(columns)}, as {paths[0].name!r} has them"
            raise DataError("DATA_ROW", f"{path.name!r} has the columns {', '.join(head)}", expected)
        columns = tuple(head)
        where = f" of {path.name}" if len(paths) > 1 else ""
        for line, row in found:
            if len(row) != len(head):
                problem = f"Line {line}{where} has {len(row)} cells"
                raise DataError("DATA_ROW", problem, f"{len(head)}, as in the header {', '.join(head)}")
            rows.append(tuple(row))
            lines.append(f"line {line}{where}")
        files.append({"name": path.name, "sha256": digest, "rows": len(found)})
    return Table(columns, rows, lines, files)


def _check_header(name: str, head: Sequence[str]) -> None:
    empty = [number for number, column in enumerate(head, start=1) if not column]
    if empty and empty != [1]:  # the first column of a table with numbered rows often has no name
        raise DataError(
            "DATA_ROW", f"Column {empty[0]} of {name!r} has no name", "a header with a name for each column"
        )
    twice = [column for column in head if list(head).count(column) > 1]
    if twice:
        raise DataError("DATA_ROW", f"Two columns of {name!r} are called {twice[0]!r}", "names of their own")


def from_records(records: Sequence[Mapping[str, object]], files: Sequence[Mapping[str, str | int]] = ()) -> Table:
    """The table of records with equal keys, such as the results of a listening test.

    Raises:
        DataError: `DATA_ROW`, there are none, or they have different keys.
    """
    if not records:
        raise DataError("DATA_ROW", "There are no results", "a record for each vote")
    columns = tuple(records[0])
    rows, lines = [], []
    for place, record in enumerate(records, start=1):
        if tuple(record) != columns:
            raise DataError("DATA_ROW", f"Vote {place} has {', '.join(record)}", f"the entries {', '.join(columns)}")
        rows.append(tuple("" if value is None else str(value).strip() for value in record.values()))
        lines.append(f"vote {place}")
    return Table(columns, rows, lines, [dict(file) for file in files])
