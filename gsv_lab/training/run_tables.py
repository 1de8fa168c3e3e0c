"""Runs beside each other: their curves, what they reached, and all of their numbers in one file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from gsv_lab.errors import DataError
from gsv_lab.system.files import save_bytes
from gsv_lab.training.event_files import Scalars
from gsv_lab.training.runs import Run

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LOSSES = ("train/*", "valid/*")
"""Tags that are compared where none are named."""


class Reached(NamedTuple):
    """What a run reached of a tag: the last value, the lowest and the highest, each with its batch."""

    tag: str
    run: str
    last: tuple[int, float]
    lowest: tuple[int, float]
    highest: tuple[int, float]


def curves(runs: Sequence[Run], tags: Sequence[str] = LOSSES) -> dict[str, dict[str, list[tuple[int, float]]]]:
    """Tag -> name of a run -> its (batch, value), of the tags that fit one of some patterns.

    Raises:
        DataError: TAG_MISSING, no run has such a tag.
    """
    found: dict[str, dict[str, list[tuple[int, float]]]] = {}
    known: set[str] = set()
    for run in runs:
        scalars = run.scalars()
        known |= scalars.keys()
        for tag in sorted(scalars):
            if any(fnmatchcase(tag, pattern) for pattern in tags):
                found.setdefault(tag, {})[run.name] = scalars[tag]
    if not found:
        expected = ", ".join(sorted(known)[:30]) or "a run that has logged something"
        raise DataError("TAG_MISSING", f"No run has numbers of {' or '.join(tags)}", expected)
    return found


def reached(found: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]]) -> list[Reached]:
    """What the runs reached of each tag of `curves`. NaN is neither the lowest nor the highest value."""
    rows = []
    for tag, lines in found.items():
        for run, line in lines.items():
            numbers = [row for row in line if row[1] == row[1]] or line
            lowest, highest = (choose(numbers, key=lambda row: row[1]) for choose in (min, max))
            rows.append(Reached(tag, run, line[-1], lowest, highest))
    return rows


def picture(found: Mapping[str, Mapping[str, Sequence[tuple[int, float]]]], smooth: int = 1) -> Figure:
    """The curves of `curves` beside each other, a panel for each tag.

    Args:
        found: of `curves`.
        smooth: running mean over so many points.
    """
    from gsv_lab.figures import training_curves

    panels = {}
    for tag, lines in found.items():
        panels[tag] = {run: tuple(zip(*line, strict=True)) for run, line in lines.items()}
    return training_curves(panels, smooth=smooth, unit="batch")


def export(runs: Sequence[Run], path: Path) -> int:
    """All numbers of some runs as CSV with the columns run, tag, batch, value; how many rows they are.

    Raises:
        LabError: SAVE_FAILED.
    """
    text = io.StringIO()
    table = csv.writer(text, lineterminator="\n")
    table.writerow(("run", "tag", "batch", "value"))
    count = 0
    for run in runs:
        scalars: Scalars = run.scalars()
        for tag in sorted(scalars):
            table.writerows((run.name, tag, batch, repr(value)) for batch, value in scalars[tag])
            count += len(scalars[tag])
    save_bytes(path, text.getvalue().encode())
    return count
