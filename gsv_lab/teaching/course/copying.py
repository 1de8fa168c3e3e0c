"""The student's working copy of the notebooks: what was changed is never overwritten, what was not is kept up to date.

    done = copy_course(Path("~/gsv_lab_course").expanduser())
    done.kept          # files that the student changed

`course.json` in the folder remembers a hash of the cells of each file as it was copied: a file that still has it was
not changed. A notebook that was only run is brought up to date without its outputs.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsv_lab import __version__
from gsv_lab.errors import ConfigError
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.folders import check_reachable, locked
from gsv_lab.system.shipped import shipped_folder
from gsv_lab.teaching.course.chapters import chapters, table
from gsv_lab.teaching.course.progress import COURSE, read_record, write_record
from gsv_lab.teaching.exercises.notebook import Cell, build, to_bytes

INDEX = "index.ipynb"
_INDEX = """# The course

{table}

Work from 00 upwards. Every notebook runs on its own, offline. What you write here is yours: `gsv-lab course copy`
brings new notebooks and never overwrites a file that you have changed."""
_PROGRESS = "# How far you are: run this cell. It reads progress.json beside this page, which stays on your machine.\n"


@dataclass(frozen=True)
class Copied:
    """What a copy did, by names of files.

    Args:
        folder: of the copy.
        added: were not there.
        updated: were there as they had been copied, and have changed in the package since.
        kept: were changed by the student.
        newer: those of `kept` that have changed in the package, too.
        same: are there as they are shipped.
    """

    folder: Path
    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    newer: tuple[str, ...] = ()
    same: tuple[str, ...] = ()


def default_folder() -> Path:
    """`gsv_lab_course` in the user's home folder.

    Raises:
        ConfigError: COURSE_FOLDER, this user has no home folder.
    """
    try:
        return Path.home() / "gsv_lab_course"
    except RuntimeError as error:
        problem = "There is no home folder for a copy of the notebooks"
        raise ConfigError("COURSE_FOLDER", problem, "a user with one", "Name a folder") from error


def course_files() -> dict[str, bytes]:
    """Name -> content of every file of a copy: the notebooks as they are shipped, and a first page."""
    files = {path.name: path.read_bytes() for path in sorted(shipped_folder("notebooks").glob("[0-9][0-9]_*.ipynb"))}
    code = f"{_PROGRESS}from gsv_lab.teaching.course.progress import overview\n\noverview()"
    cells = [Cell("markdown", _INDEX.format(table=table(chapters()))), Cell("code", code)]
    return {INDEX: to_bytes(build(cells)), **files}


def copy_course(folder: Path, progress: bool | None = None) -> Copied:
    """Copy the notebooks into a folder of the student; nothing is removed.

    Args:
        folder: is made if it is not there.
        progress: whether checks that run there note what was passed; None for as before, at first yes.

    Raises:
        ConfigError: COURSE_FOLDER, the folder is the one that the notebooks are shipped in.
        DataError: COURSE_RECORD, the folder's `course.json` cannot be read.
        LabError: SAVE_FAILED.
    """
    check_course_folder(folder)
    make_folder(folder)
    with locked(folder, "written", wait=True, name=f".{COURSE}.lock"):
        record = {"format": 1, "progress": True, **read_record(folder / COURSE, "files")}
        record["version"] = __version__
        if progress is not None:
            record["progress"] = progress
        done: dict[str, list[str]] = {"added": [], "updated": [], "kept": [], "newer": [], "same": []}
        for name, data in course_files().items():
            done[_place(folder / name, data, record["files"])].append(name)
            if name in done["kept"] and record["files"].get(name) != _hash(data):
                done["newer"].append(name)
            # After each file: a copy that is killed leaves no file whose hash is unknown.
            write_record(folder / COURSE, record)
    return Copied(folder, **{what: tuple(names) for what, names in done.items()})


def _place(path: Path, data: bytes, hashes: dict[str, Any]) -> str:
    """Bring one file up to date if that loses nothing; what was done."""
    there = os.path.lexists(path)
    old, new = "", _hash(data)
    with suppress(OSError):  # what cannot be read stays as it is
        old = _hash(path.read_bytes()) if path.is_file() else ""
    if there and old != new and (not old or old != hashes.get(path.name)):
        return "kept"
    hashes[path.name] = new
    if there and old == new:
        return "same"
    save_bytes(path, data)
    return "updated" if there else "added"


def _hash(data: bytes) -> str:
    """Of the cells of a notebook: its outputs and metadata change whenever JupyterLab opens it, and can be made again.
    Of the bytes of anything else.
    """
    with suppress(ValueError, TypeError, LookupError):
        data = repr([(cell["cell_type"], "".join(cell["source"])) for cell in json.loads(data)["cells"]]).encode()
    return hashlib.sha256(data).hexdigest()


def check_course_folder(folder: Path) -> None:
    """Refuse a folder that can be no working copy, before anything is done.

    Raises:
        ConfigError: COURSE_FOLDER. LabError: SAVE_FAILED, no folder can be made there.
    """
    check_reachable(folder)
    shipped = shipped_folder("notebooks").resolve()
    if folder.resolve().is_relative_to(shipped):
        problem = f"{str(folder)!r} is where the notebooks are shipped"
        raise ConfigError("COURSE_FOLDER", problem, "a folder of your own", "Leave the folder out for the default")
