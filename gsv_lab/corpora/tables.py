"""What list files and tables of corpora have in common: encoding, lines, columns, language tags, paths, file identity.

Tables are UTF-8, or UTF-16 where a byte order mark says so; byte order marks, blank lines and all line ends are
tolerated. No audio is decoded.
"""

from __future__ import annotations

import os
import re
import warnings
from collections.abc import Callable, Hashable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from gsv_lab.errors import DataError, printable
from gsv_lab.system.files import read_file, why_unreadable

Entry = TypeVar("Entry")

_LANGUAGES = {
    "en": ("en", "eng", "english", "英文", "英语"),
    "zh": ("zh", "zho", "chi", "cn", "cmn", "chinese", "mandarin", "中文", "汉语", "普通话"),
    "auto": ("auto",),
}
_TAGS = {tag: language for language, tags in _LANGUAGES.items() for tag in tags}


def language_of_tag(tag: str) -> str | None:
    """`en`, `zh` or `auto` for a tag in any spelling (`EN`, `en-US`, `zh_CN`, `Chinese`); None for another language."""
    plain = tag.strip().lower().replace("_", "-")
    return _TAGS.get(plain) or _TAGS.get(plain.partition("-")[0])


def numbered_lines(path: Path) -> list[tuple[int, str]]:
    """The lines of a text file that are not blank, without blanks around them, with their numbers from 1.

    Raises:
        DataError: `DATA_MISSING`; `DATA_ROW`, a line is not UTF-8.
    """
    try:
        data = read_file(path)
    except OSError as error:
        raise DataError(
            "DATA_MISSING", f"{path.name!r} cannot be read: {why_unreadable(error)}", "a text file"
        ) from error
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        data = _from_utf16(path.name, data)
    lines = []
    # Decoded line by line, so that the error can name the line.
    for number, raw in enumerate(re.split(rb"\r\n|\n|\r", data.removeprefix(b"\xef\xbb\xbf")), 1):
        try:
            line = raw.decode("utf-8").strip(" \t")
        except UnicodeDecodeError as error:
            raise _not_utf8(path.name, number) from error
        if "\0" in line:
            raise _not_utf8(path.name, number)
        if line:
            lines.append((number, line))
    return lines


def _from_utf16(name: str, data: bytes) -> bytes:
    try:
        return data.decode("utf-16").encode()
    except UnicodeDecodeError as error:
        number = data[: error.start].decode("utf-16", "replace").count("\n") + 1
        raise _not_utf8(name, number) from error


def _not_utf8(name: str, number: int) -> DataError:
    return bad_row(name, number, "is not UTF-8 text", "UTF-8 throughout", "Save the file as UTF-8")


def bad_row(name: str, number: int, problem: str, expected: str, action: str = "Correct that line") -> DataError:
    """The error `DATA_ROW` for a line of a table."""
    return DataError("DATA_ROW", f"Line {number} of {name!r} {problem}", expected, action)


def table_rows(path: Path, needed: Sequence[str]) -> Iterator[tuple[int, dict[str, str]]]:
    """Rows of a table with a header line, columns parted by bars and no quoting, with the numbers of their lines.

    Raises:
        DataError: `DATA_ROW`, a needed column is missing, or a row has more or fewer columns; `DATA_EMPTY`; those of
            `numbered_lines`.
    """
    expected = "|".join(needed)
    lines = numbered_lines(path)
    if len(lines) < 2 and (not lines or "|" in lines[0][1]):
        raise DataError("DATA_EMPTY", f"{path.name!r} has no rows", f"a header line with {expected}, and rows")
    number, header = lines[0]
    names = [name.strip().lower() for name in header.split("|")]
    missing = [name for name in needed if name not in names]
    if missing:
        raise bad_row(path.name, number, f"has no column {' or '.join(missing)}", f"columns parted by bars: {expected}")
    for number, line in lines[1:]:
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != len(names):
            raise bad_row(path.name, number, f"has {len(fields)} columns", f"{len(names)}, as in the header")
        yield number, dict(zip(names, fields, strict=True))


def inside(name: str, number: int, given: str, base: Path) -> Path:
    """A path that a line of a table gives, below `base` and spelled as that is.

    Raises:
        DataError: `DATA_PATH`, it leads out of `base`; `DATA_ROW`, it is `base`.
    """
    path = base / given.replace("\\", "/")
    try:
        real, real_base = path.resolve(), base.resolve()
    except (OSError, RuntimeError):  # too long a name, links that go round
        return path
    if not real.is_relative_to(real_base):
        raise outside(name, number, given)
    if real == real_base:
        raise bad_row(name, number, f"names the folder {given!r}", "a sound file")
    if path.is_relative_to(base) and ".." not in path.parts:
        return path
    return base / real.relative_to(real_base)


def outside(name: str, number: int, given: str) -> DataError:
    """The error `DATA_PATH` for a line of a table."""
    return DataError(
        "DATA_PATH", f"Line {number} of {name!r} names {given!r}, outside the root", "paths inside the root folder",
        "Move the recording there, or give the folder that holds it as the root",
    )  # fmt: skip


def identity(path: Path) -> Hashable:
    """Equal for two spellings of one file: links, dots, and letters of either case where the system folds them."""
    try:
        found = os.stat(path)
    except (OSError, ValueError):
        return str(path)
    return (found.st_dev, found.st_ino) if found.st_ino else os.path.realpath(path)


def is_there(path: Path) -> bool:
    """Whether a file exists and holds something."""
    return os.path.isfile(path) and os.path.getsize(path) > 0


def those_there(name: str, entries: Sequence[Entry], path_of: Callable[[Entry], Path], base: Path) -> list[Entry]:
    """The entries of a table whose recordings are there; the others are named in a warning, their number and ten.

    Args:
        name: of the table or corpus.
        entries: rows or clips.
        path_of: gives the recording of one.
        base: folder that the names are relative to.

    Raises:
        DataError: `DATA_MISSING`, none is there.
    """
    missing = [path_of(entry) for entry in entries if not is_there(path_of(entry))]
    if not missing:
        return list(entries)
    first = [path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name for path in missing[:10]]
    names = ", ".join(first) + (" ..." if len(missing) > 10 else "")
    problem = f"{len(missing)} of {len(entries)} recordings of {name!r} are missing or empty"
    if len(missing) == len(entries):
        raise DataError("DATA_MISSING", f"{problem}: {names}", "sound files", "Restore them, or correct their rows")
    warnings.warn(printable(f"DATA_MISSING: {problem} and left out: {names}"), stacklevel=3)
    return [entry for entry in entries if is_there(path_of(entry))]
