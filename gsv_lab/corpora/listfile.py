"""List files: one recording a line, `wav|speaker|language|text`, read with every row checked and written back.

The form is that of the released project. Byte order marks, Windows line ends, blank lines and lines that begin with `#`
are tolerated; the text may be empty and may not hold a bar. Paths are relative to the folder of the list file (or to a
root that is given) and never lead out of it. No audio is decoded.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

from gsv_lab.errors import DataError
from gsv_lab.system.files import save_bytes

LANGUAGES = {"en": "en", "english": "en", "zh": "zh", "cn": "zh", "chinese": "zh", "auto": "auto"}
"""Tags that are understood, in lower case, and what they stand for."""

_COLUMNS = "wav|speaker|language|text"


class Row(NamedTuple):
    """One recording: where it lies, who speaks, in which language (`en`, `zh`, `auto`), and what (may be empty)."""

    path: Path
    speaker: str
    language: str
    text: str


def read_list(path: str | os.PathLike[str], root: str | os.PathLike[str] | None = None) -> list[Row]:
    """Rows of a list file, in its order; each `path` begins with the root.

    Args:
        path: the list file, UTF-8.
        root: folder that the paths start from and stay in; default: the folder of the list file.

    Raises:
        DataError: `DATA_MISSING` (the list, or recordings: their number and the first ten), `DATA_ROW` (with the line
            number), `DATA_PATH` (a path out of the root), `DATA_DUPLICATE` (one recording twice), `DATA_EMPTY`.
    """
    path = Path(path)
    base = Path(root) if root is not None else path.parent
    numbered = [(number, _row(path.name, number, line)) for number, line in _lines(path)]
    if not numbered:
        raise DataError("DATA_EMPTY", f"The list {path.name!r} has no rows", f"lines of the form {_COLUMNS}")
    rows: list[Row] = []
    seen: dict[Path, int] = {}
    real_base = base.resolve()
    for number, row in numbered:
        inside, real = _inside(path.name, number, row.path, base, real_base)
        if real in seen:
            raise DataError(
                "DATA_DUPLICATE", f"Line {number} of {path.name!r} names the recording of line {seen[real]} again",
                "each recording once", "Remove one of the two lines",
            )  # fmt: skip
        seen[real] = number
        rows.append(row._replace(path=inside))
    _need([row.path for row in rows], base)
    return rows


def write_list(path: str | os.PathLike[str], rows: Iterable[Row]) -> Path:
    """Write a list file in one step: UTF-8, `/` in paths, paths relative to its folder.

    Bars and line breaks inside a text become blanks, since the form has no way to quote them.

    Raises:
        DataError: `DATA_PATH` for a recording outside the folder, `DATA_ROW` for a name with a bar or a line break.
        LabError: `SAVE_FAILED`.
    """
    path = Path(path)
    lines = []
    for number, row in enumerate(rows, 1):
        wav = Path(row.path)
        if wav.is_absolute() and not wav.is_relative_to(path.parent.absolute()):
            raise _outside(path.name, number, str(wav))
        wav = wav.relative_to(path.parent.absolute()) if wav.is_absolute() else wav
        names = [wav.as_posix(), row.speaker, row.language]
        if any(mark in name for name in names for mark in "|\r\n"):
            raise DataError("DATA_ROW", f"Row {number} has a bar or a line break in {names}", "names without them")
        lines.append("|".join([*names, " ".join(row.text.replace("|", " ").split())]))
    return save_bytes(path, "".join(f"{line}\n" for line in lines).encode())


def _lines(path: Path) -> list[tuple[int, str]]:
    if not path.is_file():
        raise DataError("DATA_MISSING", f"There is no list file {str(path)!r}", f"a file of lines {_COLUMNS}")
    out = []
    # Decoded line by line, so that the error can name the line.
    for number, raw in enumerate(path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n"), 1):
        try:
            line = raw.decode("utf-8").strip("\r \t")
        except UnicodeDecodeError as error:
            raise DataError(
                "DATA_ROW", f"Line {number} of {path.name!r} is not UTF-8", "UTF-8 throughout", "Save the list as UTF-8"
            ) from error
        if line and not line.startswith("#"):
            out.append((number, line))
    return out


def _row(name: str, number: int, line: str) -> Row:
    parts = [part.strip() for part in line.split("|")]
    if len(parts) != 4 or not parts[0] or "\0" in line:
        raise DataError(
            "DATA_ROW",
            f"Line {number} of {name!r} has {len(parts)} columns" + ("" if parts[0] else ", the first empty"),
            f"four: {_COLUMNS}", "Correct that line",
        )  # fmt: skip
    wav, speaker, language, text = parts
    tag = LANGUAGES.get(language.lower())
    if tag is None:
        raise DataError(
            "DATA_ROW",
            f"Line {number} of {name!r} has the language {language!r}",
            "en, zh or auto",
            "Correct that line",
        )
    return Row(Path(wav.replace("\\", "/")), speaker or "speaker", tag, text)


def _inside(name: str, number: int, wav: Path, base: Path, real_base: Path) -> tuple[Path, Path]:
    path = wav if wav.is_absolute() else base / wav
    real = path.resolve()
    if not real.is_relative_to(real_base):
        raise _outside(name, number, str(wav))
    # In the root's own spelling, so that the path is relative to it for every caller.
    if not path.is_relative_to(base) or ".." in path.parts:
        path = base / real.relative_to(real_base)
    return path, real


def _outside(name: str, number: int, wav: str) -> DataError:
    return DataError(
        "DATA_PATH", f"Line {number} of {name!r} names {wav!r}, outside the root", "paths inside the root folder",
        "Move the recording there, or give the folder that holds it as the root",
    )  # fmt: skip


def _need(paths: list[Path], base: Path) -> None:
    gone = [path for path in paths if not path.is_file() or path.stat().st_size == 0]
    if gone:
        first = ", ".join(path.relative_to(base).as_posix() for path in gone[:10])
        raise DataError(
            "DATA_MISSING", f"{len(gone)} of {len(paths)} recordings are missing or empty: {first}"
            + (" ..." if len(gone) > 10 else ""), "all recordings of the list", "Restore them or remove their lines",
        )  # fmt: skip
