"""Writing files and folders so that a crash, a full disk or a killed process never leaves half of one.

Idea: everything is written beside its destination under a hidden name, forced to the disk, then renamed over it.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from gsv_lab.errors import ConfigError, LabError


def save_bytes(path: str | os.PathLike[str], data: bytes) -> Path:
    """Put `data` into the file `path` as one step: afterwards it holds all of `data`, or what it held before.

    Args:
        path: destination; its folder must exist.
        data: complete content.

    Raises:
        LabError: `SAVE_FAILED`: folder missing or not writable, disk full; an older file is then intact.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise save_failed(path, "its folder does not exist", "Create the folder or choose another path")
    if path.is_dir():
        raise save_failed(path, "a folder has that name", "Choose another path")
    beside = path.with_name(f".{path.name[:200]}.{os.getpid()}.part")
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
    _refuse_foreign(path, is_own)
    beside, old = (path.with_name(f".{path.name[:200]}.{os.getpid()}.{end}") for end in ("part", "old"))
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


def check_writable(path: str | os.PathLike[str]) -> None:
    """Refuse a destination before hours of work go into what would lie there.

    Raises:
        LabError: `SAVE_FAILED`, the folder is missing or not writable, or `path` is a folder.
    """
    path = Path(path)
    folder = path.parent
    if not folder.is_dir():
        raise save_failed(path, "its folder does not exist", "Create the folder or choose another path")
    if path.is_dir():
        raise save_failed(path, "a folder has that name", "Choose another path")
    if not os.access(folder, os.W_OK):
        raise save_failed(path, "its folder is not writable", "Choose another path")
