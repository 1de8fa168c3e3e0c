"""Folders that appear whole, that one process at a time works in, or that nobody else may look into.

A lock is held by the system and vanishes with its process, so a folder whose lock is free was left by one that was
killed. Where recordings of a person are worked on, they lie in a private folder (mode 0700) in the cache; what killed
processes left there is removed when the next one begins.
"""

from __future__ import annotations

import errno
import glob
import hashlib
import os
import secrets
import shutil
import stat
import tempfile
import time
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

from gsv_lab.errors import LabError
from gsv_lab.system.environment import cache_dir
from gsv_lab.system.files import hidden, make_folder, save_failed, saving, sync_folder

LOCK = ".lock"
PATIENCE = 1.0
"""Seconds before a process that waits says so."""
_WORK, _RESUMED = "work-", "resumed-"
"""Beginnings of the names of private folders."""
_KEPT = 7 * 24 * 3600
"""Seconds that stopped work waits for the call that goes on with it."""


@contextmanager
def locked(folder: str | os.PathLike[str], use: str, wait: bool = False, name: str = LOCK) -> Iterator[None]:
    """Context: no other process works on a folder in this way; the folder is made if it is not there.

    A folder that cannot be written is not locked: nothing can be changed in it.

    Args:
        folder: what is locked.
        use: what is done with it, for the message: "trained in".
        wait: wait for the other process, after a warning that names it; else refuse.
        name: of the lock's file in the folder.

    Raises:
        LabError: IN_USE, with the process that works on it; SAVE_FAILED.
    """
    folder = Path(folder)
    path = folder / name
    lock = FileLock(path)
    try:
        try:
            new = _acquire(lock, folder, PATIENCE if wait else 0)
        except Timeout as error:
            message = f"The folder {str(folder)!r} is {use} by {_holder(path)}"
            if not wait:
                raise LabError("IN_USE", message, "", "Wait until that has ended, or choose another folder") from error
            warnings.warn(f"{message}; waiting until that has ended", stacklevel=3)
            new = _acquire(lock, folder, -1)
    except OSError as error:
        if error.errno not in (errno.EROFS, errno.EACCES, errno.EPERM):
            raise save_failed(folder, error.strerror or str(error)) from error
        yield
        return
    with suppress(OSError):
        path.write_text(str(os.getpid()), encoding="ascii")
    try:
        yield
    finally:
        with suppress(OSError):  # Windows keeps a file that is open
            path.unlink()
        lock.release()
        with suppress(OSError):  # they are in use now
            for place in new:
                place.rmdir()


def in_use(folder: str | os.PathLike[str], name: str = LOCK) -> bool:
    """Whether a process holds the lock of a folder; see `locked`. What a killed one left is held by nobody."""
    if not (Path(folder) / name).is_file():
        return False
    try:
        with FileLock(Path(folder) / name, timeout=0):
            return False
    except Timeout:
        return True
    except OSError:  # of another user, for example
        return False


def _acquire(lock: FileLock, folder: Path, timeout: float) -> list[Path]:
    """Get a lock in a folder that may have to be made; the folders that were made, from it upwards."""
    while True:
        new = [place for place in (folder, *folder.parents) if not place.exists()]
        make_folder(folder)
        with suppress(FileNotFoundError):  # the other process has taken away the folder that it had made
            lock.acquire(timeout=timeout)
            return new


@contextmanager
def private_folder() -> Iterator[Path]:
    """Context: a folder for recordings that are worked on, which nobody else may look into and which vanishes.

    It lies in `private` in the cache folder, or in the system's temporary folder where that cannot be written.

    Raises:
        LabError: SAVE_FAILED, also where the disk is full while one writes in it.
    """
    root = _private_root()
    with ExitStack() as stack:
        with saving(root), locked(root, "cleared", wait=True):
            _remove_left(root, f"{_WORK}*")
            place = Path(tempfile.mkdtemp(prefix=_WORK, dir=root))
            stack.callback(shutil.rmtree, place, ignore_errors=True)
            stack.enter_context(locked(place, "worked in"))
        stack.enter_context(saving(place, only_full=True))
        yield place


@contextmanager
def resumable_folder(work: str) -> Iterator[Path]:
    """Context: a private folder that is found again by what it is for, where an earlier call was stopped.

    It vanishes on a clean exit, and a week after it was last written in when anybody calls this again.

    Args:
        work: what is done in it, and for which result.

    Raises:
        LabError: SAVE_FAILED.
    """
    root = _private_root()
    place = root / f"{_RESUMED}{hashlib.sha256(work.encode()).hexdigest()[:16]}"
    with saving(root), locked(root, "cleared", wait=True):
        for old in root.glob(f"{_RESUMED}*"):
            if time.time() - old.stat().st_mtime > _KEPT:
                _remove_left(root, old.name)
    with locked(place, "worked in", wait=True), saving(place, only_full=True):
        yield place
    shutil.rmtree(place, ignore_errors=True)


def _private_root() -> Path:
    """The folder of private folders: this user's, and closed to others."""
    user = os.getuid() if hasattr(os, "getuid") else 0
    places = (cache_dir() / "private", Path(tempfile.gettempdir()) / f"gsv_lab-{user}")
    reason = ""
    for root in places:
        try:
            root.parent.mkdir(parents=True, exist_ok=True)
            root.mkdir(mode=0o700, exist_ok=True)
            found = root.lstat()
            own = stat.S_ISDIR(found.st_mode) and found.st_uid == user  # no link that somebody else has put there
            if own and os.access(root, os.W_OK | os.X_OK):
                root.chmod(0o700)
                return root
            reason = "it is not a folder of this user that can be written"
        except OSError as error:
            reason = error.strerror or str(error)
    raise save_failed(places[0], reason, "Let GSV_LAB_CACHE name a folder that can be written")


def _remove_left(root: Path, pattern: str) -> None:
    """Remove the folders in `root` that are not worked in: their processes were killed."""
    for place in root.glob(pattern):
        if place.is_symlink() or not place.is_dir():
            continue
        with suppress(OSError, Timeout), FileLock(place / LOCK, timeout=0):
            shutil.rmtree(place, ignore_errors=True)


@contextmanager
def new_folder(path: str | os.PathLike[str], is_own: str | None = None, within: Path | None = None) -> Iterator[Path]:
    """Context: fill a hidden folder; on a clean exit it becomes `path`, on an error it vanishes.

    Args:
        path: destination; absent, empty, or a previous result of the same kind.
        is_own: name of a file that marks a previous result; a folder holding it may be replaced.
        within: where the hidden folder lies, as in a private one; beside `path` if None.

    Yields:
        the folder to fill.

    Raises:
        LabError: `OUTPUT_EXISTS`, something else lies there; `SAVE_FAILED`, not writable or disk full.
    """
    path = Path(os.path.abspath(path))
    begin = hidden(path)
    _refuse_foreign(path, is_own)
    parent = make_folder(path.parent)
    if not os.access(parent, os.W_OK):
        raise save_failed(path, "its folder is not writable", "Choose another path")
    made = (within or parent) / f"{begin}{secrets.token_hex(4)}.part"
    try:
        with saving(path), ExitStack() as worked_in:
            # A folder whose lock is free is taken for left over, so its own is held wherever the parent's is not.
            with locked(parent, "written", wait=True, name=f"{begin}lock"):
                _clear(path, begin)
                made.mkdir()
                worked_in.enter_context(locked(made, "written"))
            yield made
            with locked(parent, "written", wait=True, name=f"{begin}lock"):
                worked_in.close()
                _put_in_place(made, path)
    finally:
        shutil.rmtree(made, ignore_errors=True)
    sync_folder(parent)


def check_output_folder(path: str | os.PathLike[str], is_own: str | None = None) -> None:
    """Refuse a folder before any work goes into what would lie there; `is_own` as in `new_folder`.

    Raises:
        LabError: `OUTPUT_EXISTS`, `SAVE_FAILED`.
    """
    path = Path(os.path.abspath(path))
    hidden(path)
    _refuse_foreign(path, is_own)
    check_reachable(path)


def check_reachable(path: str | os.PathLike[str]) -> None:
    """Refuse a folder that could not be made, or not be written into if it is there.

    Raises:
        LabError: `SAVE_FAILED`.
    """
    path = Path(os.path.abspath(path))
    hidden(path)
    nearest = next(folder for folder in (path, *path.parents) if os.path.lexists(folder))
    if not nearest.is_dir():
        raise save_failed(path, f"{str(nearest)!r} is no folder", "Choose another path")
    if not os.access(nearest, os.W_OK | os.X_OK):
        raise save_failed(path, f"{str(nearest)!r} is not writable", "Choose another path")


def _clear(path: Path, begin: str) -> None:
    """Take away what killed calls for the same `path` have left, and put back a result that lay there before."""
    for old in path.parent.glob(f"{glob.escape(begin)}*.old"):
        if path.exists():
            shutil.rmtree(old, ignore_errors=True)
        else:
            os.replace(old, path)
    _remove_left(path.parent, f"{glob.escape(begin)}*.part")


def _put_in_place(made: Path, path: Path) -> None:
    """Give a folder its name; what was called so before comes back where that fails."""
    near = path.with_name(made.name)
    old = near.with_suffix(".old")
    try:
        if near != made:
            shutil.move(made, near)  # from another disk perhaps
        if path.exists():
            os.replace(path, old)
        os.replace(near, path)
    except OSError:
        if old.exists():
            os.replace(old, path)
        raise
    finally:
        shutil.rmtree(near, ignore_errors=True)
    shutil.rmtree(old, ignore_errors=True)


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


def _holder(lock: Path) -> str:
    try:
        return f"process {int(lock.read_text(encoding='ascii'))}"
    except (OSError, ValueError):
        return "another process"
