"""Writing files so that a crash, a full disk or a killed process never leaves half of one.

Idea: everything is written beside its destination under a hidden name, forced to the disk, then renamed over it.
"""

from __future__ import annotations

import csv
import errno
import hashlib
import io
import os
import re
import secrets
import stat
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError, LabError

_FULL = {getattr(errno, name, errno.ENOSPC) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS")}
"""Errors of the system that only writing makes: no space, no share of it, too large a file, a read-only disk."""
LONGEST_NAME = 255
"""Bytes of a file's name on all common file systems."""
LARGEST_TEXT = 64 * 2**20
"""Bytes of a list, a text or a configuration; the largest corpora need a tenth of it."""


def save_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Put `data` into the file `path` as one step: afterwards it holds all of `data`, or what it held before.

    Args:
        path: destination; its folder must exist.
        data: complete content.

    Raises:
        LabError: `SAVE_FAILED`: folder missing or not writable, disk full; an older file is then intact.
    """
    path = Path(path)
    _check_place(path)
    beside = _beside(path)
    try:
        _write_synced(beside, data)
        os.replace(beside, path)
    except OSError as error:
        raise save_failed(path, error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    sync_folder(path.parent)
    return path


def hidden(path: Path) -> str:
    """Beginning of the hidden names beside a path, of at most 202 bytes.

    Raises:
        LabError: `SAVE_FAILED`, no file can be called so.
    """
    try:
        os.lstat(path)
        why = ""
    except FileNotFoundError:  # of which the system also speaks where a folder is missing above a name that is too long
        why = "a name in it is too long" if any(len(os.fsencode(part)) > LONGEST_NAME for part in path.parts) else ""
    except (OSError, ValueError) as error:  # too long, a zero byte, a file among its folders
        why = str(getattr(error, "strerror", None) or error)
    if why:
        raise save_failed(path, why, "Choose another path")
    name = os.fsencode(path.name)
    return f".{hashlib.sha256(name).hexdigest() if len(name) > 200 else path.name}."


def check_folder_name(name: object, where: str) -> None:
    """Refuse a name that could be more than one folder below its parent.

    Args:
        name: of a run, a family or another thing that has a folder.
        where: what has this name, for the error.

    Raises:
        ConfigError: CONFIG_PATH.
    """
    if not isinstance(name, str) or not re.fullmatch(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", name):
        expected = "one plain folder name: at most 100 letters, digits, dots, - and _, not beginning with a dot"
        raise ConfigError("CONFIG_PATH", f"{where} is '{str(name)[:60]}'", expected)


def inside(root: str | os.PathLike[str], path: str | os.PathLike[str]) -> Path:
    """A path that a configuration names: a relative one lies below `root`, an absolute one where it says.

    Raises:
        ConfigError: CONFIG_PATH, a relative path that climbs out of `root`, or none at all.
    """
    found = Path(path)
    if found.is_absolute():
        return found
    parts = re.split(r"[/\\]", os.fspath(path))
    if ".." in parts or not os.fspath(path).isprintable() or found.drive:
        problem = f"The relative path '{os.fspath(path)[:120]}' does not stay below {Path(root).name or root}"
        raise ConfigError("CONFIG_PATH", problem, "one without '..', or an absolute path")
    return Path(root) / found


def save_failed(path: Path, why: str, action: str = "Free some space or choose another place") -> LabError:
    """The error for a file that could not be written; what lay there before is intact."""
    return LabError("SAVE_FAILED", f"Could not write {str(path)!r}: {why}", "", f"{action}; nothing was changed")


@contextmanager
def saving(path: str | os.PathLike[str], only_full: bool = False) -> Iterator[None]:
    """Context: an error of the system while something is written is one of ours.

    Args:
        path: what is being written, for the error.
        only_full: let all errors pass but those of a disk that is full or read-only; for work that also reads.

    Raises:
        LabError: `SAVE_FAILED`.
    """
    try:
        yield
    except OSError as error:
        if only_full and error.errno not in _FULL:
            raise
        raise save_failed(Path(path), error.strerror or str(error)) from error


def make_folder(path: str | os.PathLike[str]) -> Path:
    """A folder, made with its parents if it is not there.

    Raises:
        LabError: `SAVE_FAILED`.
    """
    try:
        Path(path).mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise save_failed(Path(path), error.strerror or str(error), "Choose another place") from error
    return Path(path)


def _beside(path: Path) -> Path:
    """A hidden name beside a destination, another one for every writer: threads, too, write the same file."""
    return path.with_name(f"{hidden(path)}{secrets.token_hex(4)}.part")


def _check_place(path: Path) -> None:
    """Whether a file can lie at `path`: its folder is there, and nothing else than a file has its name."""
    hidden(path)
    if not path.parent.is_dir():
        raise save_failed(path, "its folder does not exist", "Create the folder or choose another path")
    if path.is_dir():
        raise save_failed(path, "a folder has that name", "Choose another path")
    if path.exists() and not path.is_file():
        raise save_failed(path, "a device has that name", "Choose another path")


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Force the names in a folder to the disk; Windows cannot open folders, and needs no such call."""
    with suppress(OSError, AttributeError):
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def check_output(path: str | os.PathLike[str], *suffixes: str) -> None:
    """Refuse a destination before any work goes into what would lie there.

    Args:
        path: of a file.
        suffixes: that it may have, in any case; any if none is given.

    Raises:
        LabError: `OUTPUT_NAME`, another suffix; `SAVE_FAILED`, the folder is missing or not writable, `path` is a
            folder or a device, or its name is too long.
    """
    path = Path(path)
    if suffixes and path.suffix.lower() not in suffixes:
        expected = f"a name that ends in {' or '.join(suffixes)}"
        raise LabError("OUTPUT_NAME", f"The output is named {path.name!r}", expected, "Nothing was done")
    _check_place(path)
    beside = _beside(path)
    try:
        beside.open("wb").close()
        beside.unlink()
    except OSError as error:
        raise save_failed(path, error.strerror or str(error)) from error


def why_unreadable(error: OSError | UnicodeDecodeError) -> str:
    """Why `read_file`, or the decoding of what it gave, failed, in a few words."""
    return "it is no text in UTF-8" if isinstance(error, UnicodeDecodeError) else error.strerror or str(error)


def read_file(path: str | os.PathLike[str], most: int = LARGEST_TEXT, first: int | None = None) -> bytes:
    """The content of a file of text that somebody named, which may be a folder, a device, or far too large.

    Args:
        path: the file.
        most: bytes.
        first: give only so many; all if None.

    Raises:
        OSError: it cannot be read, is no regular file or larger than `most`; `strerror` says which.
    """
    try:
        found = os.stat(path)
    except ValueError as error:  # a zero byte
        raise OSError(errno.EINVAL, "no file can be called so") from error
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is a folder" if stat.S_ISDIR(found.st_mode) else "it is no regular file")
    size = min(max(found.st_size, 2**20), most) + 1  # that many bytes of memory are taken before one is read
    with open(path, "rb") as file:
        data = file.read(size if first is None else first)
    if max(len(data), found.st_size) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most / 2**20:g} MiB")
    return data


def csv_of(kind: Any, rows: Iterable[Any]) -> bytes:
    """Rows of a named tuple as a CSV file: a header with its fields, and a line a row."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(kind._fields)
    writer.writerows(rows)
    return text.getvalue().encode()
