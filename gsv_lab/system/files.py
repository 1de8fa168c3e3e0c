"""Writing files so that a crash, a full disk or a killed process never leaves half of one.

Idea: everything is written beside its destination under a hidden name, forced to the disk, then renamed over it.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gsv_lab.errors import ConfigError, LabError

LONGEST_NAME = 200
"""Bytes of a name to which something may be added."""
_FULL = {getattr(errno, name, errno.ENOSPC) for name in ("ENOSPC", "EDQUOT", "EFBIG", "EROFS")}
"""Errors of the system that only writing makes: no space, no share of it, too large a file, a read-only disk."""


def save_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Put `data` into the file `path` as one step: afterwards it holds all of `data`, or what it held before.

    Args:
        path: destination; its folder must exist.
        data: complete content.

    Raises:
        LabError: `SAVE_FAILED`: folder missing or not writable, disk full; an older file is then intact.
    """
    path = Path(path)
    begin = hidden(path)
    if not path.parent.is_dir():
        raise save_failed(path, "its folder does not exist", "Create the folder or choose another path")
    if path.is_dir():
        raise save_failed(path, "a folder has that name", "Choose another path")
    beside = path.with_name(f"{begin}{secrets.token_hex(4)}.part")  # threads, too, write the same file
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
    name = path.name
    try:
        os.lstat(path)
    except FileNotFoundError:
        pass
    except (OSError, ValueError) as error:  # too long, a zero byte, a file among its folders
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise save_failed(path, why, "Choose another path") from error
    if len(os.fsencode(name)) > LONGEST_NAME:
        name = hashlib.sha256(os.fsencode(name)).hexdigest()
    return f".{name}."


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


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a destination before hours of work go into what would lie there.

    Raises:
        LabError: `SAVE_FAILED`, the folder is missing or not writable, or `path` is a folder.
    """
    path = Path(path)
    hidden(path)
    folder = path.parent
    if not folder.is_dir():
        raise save_failed(path, "its folder does not exist", "Create the folder or choose another path")
    if path.is_dir():
        raise save_failed(path, "a folder has that name", "Choose another path")
    if not os.access(folder, os.W_OK):
        raise save_failed(path, "its folder is not writable", "Choose another path")
