"""What the notebooks say of themselves, read from their sources: title, minutes, difficulty, exercises.

for chapter in chapters():
    chapter.title, chapter.minutes, [exercise.check for exercise in chapter.exercises]
"""

from __future__ import annotations

import ast
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from gsv_lab.errors import DataError
from gsv_lab.teaching.exercises.notebook import FOLDER, Cell, read_source, sources

_CHECKS = re.compile(r"^from gsv_lab\.teaching\.exercises import (\w+) as (\w+)", re.MULTILINE)


@dataclass(frozen=True)
class ChapterExercise:
    """An exercise of a notebook.

    Args:
        check: module and name of its check, such as `timbre.pool`; no other exercise of the course has it.
        number: in its notebook, from 1.
        stretch: whether it is one for those who want more.
        cell: position of its cell among those of the notebook.
    """

    check: str
    number: int
    stretch: bool
    cell: int

    @property
    def name(self) -> str:
        """`pool` of `timbre.pool`."""
        return self.check.partition(".")[2]


@dataclass(frozen=True)
class Chapter:
    """A notebook of the course.

    Args:
        stem: its file without suffix, such as `05_timbre`.
        title: without the number.
        minutes: that a student needs for it; 0 where it says none.
        difficulty: 1 to 3; 0 where it says none.
        hear: what will be heard, one line; may be empty.
        cells: of its source, with the marks of solutions.
        exercises: in their order.
        text: the whole source.
    """

    stem: str
    title: str
    minutes: int
    difficulty: int
    hear: str
    cells: tuple[Cell, ...]
    exercises: tuple[ChapterExercise, ...]
    text: str

    @property
    def number(self) -> str:
        """Two digits."""
        return self.stem[:2]

    @property
    def dots(self) -> str:
        """The difficulty as dots, such as ●●○; empty where the notebook says none."""
        return "●" * self.difficulty + "○" * (3 - self.difficulty) if self.difficulty else ""


def chapters(folder: Path = FOLDER) -> list[Chapter]:
    """The notebooks of a folder that holds `src/`, in their order.

    Raises:
        DataError: NOTEBOOK_SOURCE, a source that is none, or an exercise without a check of its own.
    """
    found = [read_chapter(path) for path in sources(folder)]
    seen: dict[str, str] = {}
    for chapter in found:
        for exercise in chapter.exercises:
            if exercise.check in seen:
                problem = f"{chapter.stem} and {seen[exercise.check]} both have the exercise {exercise.check}"
                raise DataError("NOTEBOOK_SOURCE", problem, "a check for each exercise")
            seen[exercise.check] = chapter.stem
    return found


def chosen(names: Sequence[str], folder: Path = FOLDER) -> list[Chapter]:
    """The notebooks that are named by number or file name; all of them if none is.

    Raises:
        DataError: NOTEBOOK_UNKNOWN.
    """
    known = chapters(folder)
    unknown = [name for name in names if name not in {c.number for c in known} | {c.stem for c in known}]
    if unknown:
        expected = f"one of {', '.join(chapter.number for chapter in known)}"
        raise DataError("NOTEBOOK_UNKNOWN", f"There is no notebook {unknown[0]!r}", expected)
    return [chapter for chapter in known if not names or {chapter.number, chapter.stem} & {*names}]


def read_chapter(path: Path) -> Chapter:
    """The notebook of one source.

    Raises:
        DataError: NOTEBOOK_SOURCE.
    """
    text = path.read_text(encoding="utf-8")
    cells = read_source(text, path.name)
    first = cells[0].source if cells else ""
    title = re.search(r"^# (?:\d\d · )?(.+)$", first, re.MULTILINE)
    minutes = re.search(r"\*\*Minutes:?\*\*:? *(\d+)", first)
    dots = re.search(r"\*\*Difficulty:?\*\*:? *([●○]+)", first)
    hear = re.search(r"\*\*You will hear:?\*\*:? *(.+(?:\n.+)*)", first)
    return Chapter(
        stem=path.stem,
        title=title[1].strip() if title else path.stem,
        minutes=int(minutes[1]) if minutes else 0,
        difficulty=dots[1].count("●") if dots else 0,
        hear=" ".join(hear[1].split()) if hear else "",
        cells=tuple(cells),
        exercises=tuple(_exercises(cells, text, path.name)),
        text=text,
    )


def _exercises(cells: Sequence[Cell], text: str, name: str) -> list[ChapterExercise]:
    modules = {alias: module for module, alias in _CHECKS.findall(text)}
    found: list[ChapterExercise] = []
    for at, cell in enumerate(cells):
        if "exercise" in cell.tags:
            checks = [f"{modules[alias]}.{check}" for alias, check in _cards(cell.source) if alias in modules]
            if len(checks) != 1:
                problem = f"{name}: an exercise has {len(checks)} cards: {cell.source.strip().splitlines()[-1]!r}"
                expected = "one 'card = check.NAME(...)', of a module of checks that the notebook imports"
                raise DataError("NOTEBOOK_SOURCE", problem, expected)
            stretch = re.search(r"\bstretch\b", cells[at - 1].source, re.IGNORECASE) is not None
            found.append(ChapterExercise(checks[0], len(found) + 1, stretch, at))
    return found


def _cards(source: str) -> list[tuple[str, str]]:
    """Every `card = name.attribute(...)` of a cell, as (name, attribute)."""
    found = []
    for node in ast.parse(source).body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="card")],
                value=ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr=attribute)),
            ):
                found.append((name, attribute))
    return found


def table(found: Sequence[Chapter]) -> str:
    """The notebooks as a Markdown table: minutes, difficulty, number of exercises."""
    rows = ["| notebook | minutes | difficulty | exercises |", "| --- | --- | --- | --- |"]
    for chapter in found:
        link = f"[{chapter.number} {chapter.title}]({chapter.stem}.ipynb)"
        rows.append(f"| {link} | {chapter.minutes or '–'} | {chapter.dots or '–'} | {len(chapter.exercises)} |")
    return "\n".join(rows)
