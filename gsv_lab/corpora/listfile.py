"""List files: one recording a line, `wav|speaker|language|text`, read with every row checked and written back.

The form is that of the released project; see `tables` for what is tolerated. Lines that begin with `#` are remarks; the
text may be empty and may not hold a bar. Paths are relative to the folder of the list file (or to a root that is given)
and never lead out of it. No audio is decoded.
"""

from __future__ import annotations

import os
from collections.abc import Hashable, Iterable
from pathlib import Path
from typing import NamedTuple

from gsv_lab.corpora.tables import bad_row, identity, inside, language_of_tag, numbered_lines, outside, those_there
from gsv_lab.errors import DataError
from gsv_lab.system.files import save_bytes

_COLUMNS = "wav|speaker|language|text"


class Row(NamedTuple):
    """One recording: where it lies, who speaks, in which language (`en`, `zh`, `auto`), and what (may be empty)."""

    path: Path
    speaker: str
    language: str
    text: str


def read_list(
    path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None, check_files: bool = True
) -> list[Row]:
    """Rows of a list file, in its order; each `path` begins with the root.

    Args:
        path: the list file.
        root: folder that the paths start from and stay in; default: the folder of the list file.
        check_files: leave out rows whose recording is missing or empty, and name them in a warning; else that shows
            when it is read.

    Raises:
        DataError: `DATA_MISSING` (the list, or all recordings: their number and the first ten), `DATA_ROW` (with the
            line number), `DATA_PATH` (a path out of the root), `DATA_DUPLICATE` (one recording twice), `DATA_EMPTY`.
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise DataError(
            "DATA_MISSING", f"There is no list file {str(path)!r}", f"a file of lines {_COLUMNS}",
            "Make one from recordings with: gsv-lab prepare",
        )  # fmt: skip
    base = Path(root) if root is not None else path.parent
    rows: list[Row] = []
    seen: dict[Hashable, int] = {}
    for number, line in numbered_lines(path):
        if line.startswith("#"):
            continue
        row = _row(path.name, number, line, base)
        first = seen.setdefault(identity(row.path), number)
        if first != number:
            raise DataError(
                "DATA_DUPLICATE", f"Line {number} of {path.name!r} names the recording of line {first} again",
                "each recording once", "Remove one of the two lines",
            )  # fmt: skip
        rows.append(row)
    if not rows:
        raise DataError("DATA_EMPTY", f"The list {path.name!r} has no rows", f"lines of the form {_COLUMNS}")
    return those_there(path.name, rows, lambda row: row.path, base) if check_files else rows


def write_list(path: str | os.PathLike[str], rows: Iterable[Row], remarks: Iterable[str] = ()) -> Path:
    """Write a list file in one step: UTF-8, `/` in paths, paths relative to its folder.

    Bars and line breaks inside a text become blanks, since the form has no way to quote them. `remarks` are lines that
    begin with `#`; they come first.

    Raises:
        DataError: `DATA_PATH` for a recording outside the folder, `DATA_ROW` for a name with a bar or a line break.
        LabError: `SAVE_FAILED`.
    """
    path = Path(path)
    lines = list(remarks)
    for number, row in enumerate(rows, 1):
        wav = Path(row.path)
        if wav.is_absolute() and not wav.is_relative_to(path.parent.absolute()):
            raise outside(path.name, number, str(wav))
        wav = wav.relative_to(path.parent.absolute()) if wav.is_absolute() else wav
        names = [wav.as_posix(), row.speaker, row.language]
        if any(mark in name for name in names for mark in "|\r\n"):
            raise DataError("DATA_ROW", f"Row {number} has a bar or a line break in {names}", "names without them")
        lines.append("|".join([*names, " ".join(row.text.replace("|", " ").split())]))
    return save_bytes(path, "".join(f"{line}\n" for line in lines).encode())


def _row(name: str, number: int, line: str, base: Path) -> Row:
    parts = [part.strip() for part in line.split("|")]
    if len(parts) != 4 or not parts[0]:
        problem = f"has {len(parts)} columns" + ("" if parts[0] else ", the first empty")
        raise bad_row(name, number, problem, f"four: {_COLUMNS}")
    wav, speaker, tag, text = parts
    language = language_of_tag(tag)
    if language is None:
        raise bad_row(name, number, f"has the language {tag!r}", "en, zh or auto")
    return Row(inside(name, number, wav, base), speaker or "speaker", language, text)
