"""Writing files and folders so that a crash, a full disk or a killed process never leaves half of one.

Idea: everything is written beside its destination under a hidden name, forced to the disk, then renamed over it.
"""

from __future__ import annotations

import errno
import os
import re
import shutil
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gsv_lab.errors import ConfigError, LabError

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
    beside = _beside(path, "part")
    try:
        _write_synced(beside, data)
        os.replace(beside, path)
    except OSError as error:
        raise save_failed(path, error.strerror or str(error)) from error
    finally:
        with suppress(OSError):
            beside.unlink(missing_ok=True)
    _sync_folder(path.parent)
    return path


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


@contextmanager
def new_folder(path: str | os.PathLike[str], is_own: str | None = None) -> Iterator[Path]:
    """Context: fill a hidden folder beside `path`; on a clean exit it becomes `path`, on an error it vanishes.

    Args:
        path: destination; absent, empty, or a previous result of the same kind.
        is_own: name of a file that marks a previous result; a folder holding it may be replaced.

    Yields:
        the folder to fill.

    Raises:
        LabError: `OUTPUT_EXISTS`, something else lies there; `SAVE_FAILED`, not writable or disk full.
    """
    path = Path(os.path.abspath(path))
    _check_names(path)
    _refuse_foreign(path, is_own)
    beside, old = _beside(path, "part"), _beside(path, "old")
    try:
        if beside.is_dir():
            shutil.rmtree(beside)
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.mkdir()
        yield beside
        if path.exists():
            os.replace(path, old)
        try:
            os.replace(beside, path)
        except OSError:
            if old.exists():
                os.replace(old, path)
            raise
    except OSError as error:
        raise save_failed(path, error.strerror or str(error)) from error
    finally:
        shutil.rmtree(beside, ignore_errors=True)
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
    _sync_folder(path.parent)


def save_failed(path: Path, why: str, action: str = "Free some space or choose another place") -> LabError:
    """The error for a file that could not be written; what lay there before is intact."""
    return LabError("SAVE_FAILED", f"Could not write {str(path)!r}: {why}", "", f"{action}; nothing was changed")


def _beside(path: Path, end: str) -> Path:
    """A hidden name beside a destination, at most as long as a file system takes."""
    stem = os.fsencode(path.name)[: LONGEST_NAME - 55].decode(errors="ignore")
    return path.with_name(f".{stem}.{os.getpid()}.{end}")


def _check_names(path: Path) -> None:
    if any(len(os.fsencode(name)) > LONGEST_NAME for name in path.parts):
        raise save_failed(path, f"a name in it is longer than {LONGEST_NAME} bytes", "Choose a shorter one")
    if "\0" in str(path):
        raise save_failed(path, "a name in it holds a NUL", "Choose another path")


def _check_place(path: Path) -> None:
    """Whether a file can lie at `path`: its folder is there, and nothing else than a file has its name."""
    _check_names(path)
    if not path.parent.is_dir():
        raise save_failed(path, "its folder does not exist", "Create the folder or choose another path")
    if path.is_dir():
        raise save_failed(path, "a folder has that name", "Choose another path")
    if path.exists() and not path.is_file():
        raise save_failed(path, "a device has that name", "Choose another path")


def _refuse_foreign(path: Path, is_own: str | None) -> None:
    if path.is_symlink() or (path.exists() and not path.is_dir()):
        raise LabError("OUTPUT_EXISTS", f"{str(path)!r} exists and is no folder", "a new or empty folder")
    if path.is_dir() and any(path.iterdir()) and not (is_own and (path / is_own).is_file()):
        raise LabError(
            "OUTPUT_EXISTS",
            f"The folder {str(path)!r} holds other files",
            "a new or empty folder" + (f", or one with a {is_own} from an earlier run" if is_own else ""),
            "Choose another folder",
        )


def _write_synced(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _sync_folder(folder: Path) -> None:
    # The rename itself reaches the disk only with its folder; Windows cannot open folders, and needs no such call.
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
    beside = _beside(path, "part")
    try:
        beside.open("wb").close()
        beside.unlink()
    except OSError as error:
        raise save_failed(path, error.strerror or str(error)) from error


def check_output_folder(path: str | os.PathLike[str], is_own: str | None = None) -> None:
    """Refuse a folder before any work goes into what would lie there; `is_own` as in `new_folder`.

    Raises:
        LabError: `OUTPUT_EXISTS`, `SAVE_FAILED`.
    """
    path = Path(os.path.abspath(path))
    _check_names(path)
    _refuse_foreign(path, is_own)
    check_reachable(path)


def check_reachable(path: str | os.PathLike[str]) -> None:
    """Refuse a folder that could not be made, or not be written into if it is there.

    Raises:
        LabError: `SAVE_FAILED`.
    """
    path = Path(os.path.abspath(path))
    _check_names(path)
    nearest = next(folder for folder in (path, *path.parents) if os.path.lexists(folder))
    if not nearest.is_dir():
        raise save_failed(path, f"{str(nearest)!r} is no folder", "Choose another path")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise save_failed(path, f"{str(nearest)!r} is not writable", "Choose another path")


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
    found = os.stat(path)
    if not stat.S_ISREG(found.st_mode):
        raise OSError(errno.EINVAL, "it is a folder" if stat.S_ISDIR(found.st_mode) else "it is no regular file")
    with open(path, "rb") as file:
        data = file.read(most + 1 if first is None else first)
    if max(len(data), found.st_size) > most:
        raise OSError(errno.EFBIG, f"it is larger than {most / 2**20:g} MiB")
    return data
