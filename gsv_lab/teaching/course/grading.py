"""The notebooks as assignments of nbgrader, marked by the checks that the students see.

    export(Path("course"))        # course/source/05_timbre/05_timbre.ipynb ..., course/nbgrader_config.py

Each exercise becomes two cells: the answer (a region that nbgrader clears) and its check, which is locked and worth a
point. A hidden line at the top of each notebook, which students never get, makes wrong answers raise: a check that
raises gives no point. The ids of the cells are the names of the checks.
"""

from __future__ import annotations

import ast
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsv_lab.errors import DataError, LabError
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.folders import check_reachable, locked
from gsv_lab.teaching.course.chapters import Chapter, ChapterExercise, chosen
from gsv_lab.teaching.course.progress import read_record, write_record
from gsv_lab.teaching.exercises.notebook import YOUR_TURN, Cell, build, to_bytes

CONFIG = "nbgrader_config.py"
RECORD = "export.json"
"""Hashes of what was exported, so that a file that a teacher changed is known."""
_CONFIG = '''"""Settings of nbgrader for this course; yours to change."""

c = get_config()  # noqa: F821, nbgrader puts it here

c.CourseDirectory.course_id = "gsv_lab"
# What a student fills in is in the cell already, so nothing takes the place of a solution.
c.ClearSolutions.code_stub = {"python": ""}
# Seconds of one cell; the slowest needs a few, on two cores.
c.ExecutePreprocessor.timeout = 180
'''
_GRADING = """# Checks draw a card. When nbgrader grades this notebook, a wrong answer is an error.
### BEGIN HIDDEN TESTS
import os

os.environ["GSV_LAB_GRADING"] = "1"
### END HIDDEN TESTS"""
_MARK = re.compile(r"(?P<indent>\s*)# (?P<end>BEGIN|END) SOLUTION(?::\s*(?P<starter>.*\S))?\s*")


@dataclass(frozen=True)
class Assignment:
    """What became of a notebook: `name`, its `file`, and the `points` that can be reached."""

    name: str
    file: Path
    points: int


def export(folder: Path, names: Sequence[str] = ()) -> list[Assignment]:
    """Write a course folder of nbgrader; what nbgrader itself puts there is not touched.

    Args:
        folder: is made if it is not there.
        names: of the notebooks, by number or file name; all if there is none.

    Raises:
        DataError: NOTEBOOK_UNKNOWN, NOTEBOOK_SOURCE; COURSE_RECORD, the folder's `export.json` cannot be read.
        LabError: OUTPUT_EXISTS, a file there was changed since it was written, or is another's; SAVE_FAILED.
    """
    found = chosen(names)
    check_reachable(folder)
    files = {f"source/{chapter.stem}/{chapter.stem}.ipynb": assignment(chapter) for chapter in found}
    make_folder(folder)
    with locked(folder, "written", wait=True, name=f".{RECORD}.lock"):
        record = read_record(folder / RECORD, "files")
        _refuse_changed(folder, [*files, CONFIG], record["files"])
        for name, data in {**files, CONFIG: _CONFIG.encode()}.items():
            make_folder((folder / name).parent)
            save_bytes(folder / name, data)
            record["files"][name] = hashlib.sha256(data).hexdigest()
            write_record(folder / RECORD, record)
    return [
        Assignment(chapter.stem, folder / name, sum(map(points, chapter.exercises)))
        for chapter, name in zip(found, files, strict=True)
    ]


def _refuse_changed(folder: Path, names: Sequence[str], hashes: dict[str, Any]) -> None:
    """Refuse before anything is written."""
    for name in names:
        path = folder / name
        if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() != hashes.get(name):
            problem = f"{str(path)!r} was changed since it was exported, or is not of this course"
            raise LabError("OUTPUT_EXISTS", problem, "", "Rename it or choose another folder; nothing was written")


def points(exercise: ChapterExercise) -> int:
    """One; an exercise for those who want more is checked and counts nothing."""
    return 0 if exercise.stretch else 1


def assignment(chapter: Chapter) -> bytes:
    """The notebook with the marks of nbgrader, as the bytes of its file.

    Raises:
        DataError: NOTEBOOK_SOURCE, an exercise that cannot be split into answer and check.
    """
    made = build(chapter.cells, with_solutions=True, name=chapter.stem)
    by_cell = {exercise.cell: exercise for exercise in chapter.exercises}
    cells: list[dict[str, Any]] = [_made(Cell("code", _GRADING), "grading", points=0)]
    for number, (cell, row) in enumerate(zip(chapter.cells, made["cells"], strict=True)):
        if number not in by_cell:
            cells.append(row)
            continue
        answer, check = split(cell.source, chapter.stem)
        name = by_cell[number].name
        cells.append(_made(Cell("code", answer, cell.tags), f"{name}-answer"))
        cells.append(_made(Cell("code", check), name, points(by_cell[number])))
    # The title stays first: a page that begins with a technical line reads badly.
    cells[:2] = cells[1::-1] if cells[1]["cell_type"] == "markdown" else cells[:2]
    return to_bytes({**made, "cells": cells})


def _made(cell: Cell, grade_id: str, points: int | None = None) -> dict[str, Any]:
    """A cell of nbgrader: a locked test with `points`, or an answer where they are None."""
    (row,) = build([Cell(cell.kind, "", cell.tags)])["cells"]
    graded = points is not None
    marks = {"schema_version": 3, "grade_id": grade_id, "grade": graded, "solution": not graded, "locked": graded}
    row["metadata"]["nbgrader"] = {**marks, "task": False, **({"points": points} if graded else {})}
    return {**row, "id": grade_id.replace("_", "-")[:64], "source": cell.source.splitlines(keepends=True)}


def split(source: str, name: str = "the source") -> tuple[str, str]:
    """An exercise's cell as its answer, with nbgrader's marks around the solution, and its check.

    The check begins with the first statement below the last solution. What stands in the place of a solution comes
    before it, so that the solution overrules it; a `return` comes after it, where the solution is gone first.

    Raises:
        DataError: NOTEBOOK_SOURCE, nothing is left for one of the two.
    """
    lines = source.splitlines()
    last = max((number for number, line in enumerate(lines, 1) if _is_end(line)), default=0)
    starts = [min([node.lineno, *(mark.lineno for mark in _decorators(node))]) for node in ast.parse(source).body]
    below = [start for start in starts if start > last]
    if not last or not below:
        raise DataError("NOTEBOOK_SOURCE", f"{name}: an exercise has no {'check' if last else 'solution'}", "both")
    answer: list[str] = []
    waiting = ""
    for line in lines[: below[0] - 1]:
        mark = _MARK.fullmatch(line)
        if mark is None:
            answer.append(line)
        elif mark["end"] == "BEGIN":
            starter = f"{mark['indent']}{mark['starter'] or '...'}{YOUR_TURN}"
            waiting = starter if starter.lstrip().startswith("return") else ""
            answer += [*([] if waiting else [starter]), f"{mark['indent']}### BEGIN SOLUTION"]
        else:
            answer += [f"{mark['indent']}### END SOLUTION", *([waiting] if waiting else [])]
    return "\n".join(answer).strip("\n"), "\n".join(lines[below[0] - 1 :]).strip("\n")


def _is_end(line: str) -> bool:
    mark = _MARK.fullmatch(line)
    return mark is not None and mark["end"] == "END"


def _decorators(node: ast.stmt) -> Sequence[ast.expr]:
    return node.decorator_list if isinstance(node, ast.FunctionDef | ast.ClassDef) else ()
