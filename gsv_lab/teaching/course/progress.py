"""Which exercises are done, in a plain file of the student's own copy of the notebooks; nothing leaves the machine.

A check that runs in a folder made by `gsv-lab course copy` writes there into `progress.json`; in any other folder
nothing is written. `gsv-lab course copy --no-progress` switches it off for a folder.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsv_lab.errors import DataError, LabError, on_page, printable
from gsv_lab.system.environment import clock
from gsv_lab.system.files import read_file, save_bytes, why_unreadable
from gsv_lab.system.folders import locked
from gsv_lab.teaching.course.chapters import Chapter, chapters

COURSE = "course.json"
"""What a copy of the course remembers of itself: see `copying`."""
PROGRESS = "progress.json"
LARGEST = 2**20
"""Bytes of either file; a course with every exercise done has about 10,000."""


def read_record(path: Path, part: str, entry: type = str) -> dict[str, Any]:
    """A JSON object of the course; an empty one where there is no such file.

    Args:
        path: of the file.
        part: name of an object in it, which is there afterwards.
        entry: type of the values of that object.

    Raises:
        DataError: COURSE_RECORD, it cannot be read, or holds something else.
    """
    try:
        found = json.loads(read_file(path, LARGEST).decode())
        rows = found.setdefault(part, {}) if isinstance(found, dict) else None
        if isinstance(rows, dict) and all(isinstance(row, entry) for row in rows.values()):
            return found
        why = f"it holds no object {part!r}" + (" of the right entries" if isinstance(rows, dict) else "")
    except FileNotFoundError:
        return {part: {}}
    except (OSError, UnicodeDecodeError) as error:
        why = why_unreadable(error)
    except (ValueError, RecursionError) as error:
        why = f"it is no JSON: {error}"
    action = "Mend or delete it; your notebooks are not touched by that"
    raise DataError("COURSE_RECORD", f"{str(path)!r} cannot be read: {why}", "", action)


def write_record(path: Path, record: Mapping[str, Any]) -> None:
    """Put a JSON object into a file, as one step.

    Raises:
        LabError: SAVE_FAILED.
    """
    save_bytes(path, (json.dumps(record, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode())


def check_copy(folder: Path) -> None:
    """Refuse a folder that is no copy of the course.

    Raises:
        DataError: COURSE_MISSING.
    """
    if not (folder / COURSE).is_file():
        problem = f"{str(folder)!r} is no copy of the course: it has no {COURSE}"
        raise DataError("COURSE_MISSING", problem, "a folder made by gsv-lab course copy")


def remember(check: str, passed: bool, folder: Path | None = None) -> None:
    """Note an attempt at an exercise, if the folder is a copy of the course; a folder that cannot be written, or whose
    record cannot be read, is left as it is, since a check must never stop a notebook.

    Args:
        check: module and name, such as `timbre.pool`.
        passed: whether the answer was right. An exercise that was passed once stays done.
        folder: where the notebook runs if None.
    """
    with suppress(LabError, OSError):
        folder = Path.cwd() if folder is None else folder
        if not read_record(folder / COURSE, "files").get("progress"):
            return
        with locked(folder, "written", wait=True, name=f".{PROGRESS}.lock"):
            record = read_record(folder / PROGRESS, "exercises", dict)
            done = record["exercises"].setdefault(check, {})
            attempts = done.get("attempts")
            done["attempts"] = 1 + (attempts if isinstance(attempts, int) else 0)
            done["passed"] = done.get("passed") or (clock().isoformat() if passed else "")
            write_record(folder / PROGRESS, {"format": 1, **record})


@dataclass(frozen=True)
class Overview:
    """Which exercises are done; shows itself as a table in a notebook, and as lines of text elsewhere.

    Args:
        rows: a chapter with the state of each exercise: `done`, `tried` or `open`.
        recorded: whether the folder keeps progress at all.
    """

    rows: tuple[tuple[Chapter, tuple[str, ...]], ...]
    recorded: bool

    def __repr__(self) -> str:
        signs = {"done": "✓", "tried": "…", "open": "·"}
        lines = [
            f"{_share(states):>5}  {' '.join(signs[state] for state in states)}  {chapter.number} {chapter.title}"
            for chapter, states in self.rows
        ]
        return "\n".join([*map(printable, lines), self._sum()])

    def _repr_html_(self) -> str:
        rows = "".join(_row(chapter, states) for chapter, states in self.rows)
        head = "<tr><th>notebook</th><th>minutes</th><th>difficulty</th><th>exercises</th><th>done</th></tr>"
        return f'<table class="gsv-progress">{head}{rows}</table><p>{on_page(self._sum())}</p>'

    def _sum(self) -> str:
        states = [state for _, found in self.rows for state in found]
        told = f"{states.count('done')} of {len(states)} exercises are done, {states.count('tried')} were tried."
        return told if self.recorded else f"{told} This folder keeps no progress."


def _share(states: tuple[str, ...]) -> str:
    return f"{states.count('done')}/{len(states)}"


_LOOKS = {"done": ("#009E73", "✓"), "tried": ("#D55E00", "…"), "open": ("#767676", "·")}


def _row(chapter: Chapter, states: tuple[str, ...]) -> str:
    marks = []
    for exercise, state in zip(chapter.exercises, states, strict=True):
        colour, sign = _LOOKS[state]
        title = f"exercise {exercise.number}{' (stretch)' if exercise.stretch else ''}: {state}"
        marks.append(f'<span title="{title}" style="color:{colour}">{exercise.number}{sign}</span>')
    link = f'<a href="{chapter.stem}.ipynb">{on_page(f"{chapter.number} {chapter.title}")}</a>'
    cells = (link, str(chapter.minutes or "–"), chapter.dots or "–", " ".join(marks), _share(states))
    return "<tr>" + "".join(f'<td style="text-align:left">{cell}</td>' for cell in cells) + "</tr>"


def overview(folder: Path | None = None) -> Overview:
    """The state of every exercise of the course.

    Args:
        folder: a copy of the course; where the notebook runs if None.

    Raises:
        DataError: COURSE_RECORD, NOTEBOOK_SOURCE.
    """
    folder = Path.cwd() if folder is None else folder
    exercises = read_record(folder / PROGRESS, "exercises", dict)["exercises"]

    def state(check: str) -> str:
        found = exercises.get(check)
        return "open" if not found else "done" if found.get("passed") else "tried"

    rows = tuple((chapter, tuple(state(e.check) for e in chapter.exercises)) for chapter in chapters())
    return Overview(rows, bool(read_record(folder / COURSE, "files").get("progress")))
