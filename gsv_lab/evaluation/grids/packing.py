"""A finished grid, small enough to be shipped: means over the clips of each speaker, and what each ablation changes.

    python -m gsv_lab.evaluation.grids.packing GRID --base BASE --grid OVERLAY ... [--batches N] [--setting KEY=VALUE]

GRID is the folder of the grid, of which `cells.csv` is read; all else as `gsv-lab ablate` was given it. Two files come
of it: `ablations.csv` has a row for each ablation, level, seed and speaker, and a column for each measure;
`ablations.json` has the command, the measure of each ablation that was chosen beforehand, and what settings it changes.

Differences of these means are those of the grid's own table: every speaker counts alike there, too. Only clips count
that every arm has. What an arm shares with the base, since its cells are the same, is left out.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from gsv_lab.errors import DataError
from gsv_lab.evaluation.grids.base import Base, changed_stages, read_base, told
from gsv_lab.evaluation.grids.comparing import Difference, Value, against_base
from gsv_lab.evaluation.grids.grid_file import BASE, ONLY, Grid, Level, read_grid
from gsv_lab.evaluation.grids.measuring import primary_of
from gsv_lab.evaluation.grids.plan import chosen_measure
from gsv_lab.evaluation.grids.report import CELLS
from gsv_lab.evaluation.ratings.plain import as_json
from gsv_lab.system.files import make_folder, read_file, save_bytes
from gsv_lab.system.shipped import PACKAGE
from gsv_lab.training.run_state import differences

SHIPPED = PACKAGE / "assets" / "grids"
TABLE, CARD = "ablations.csv", "ablations.json"
KEYS = ("ablation", "level", "seed", "speaker", "clips")
"""Columns before those of the measures."""


@dataclass(frozen=True)
class Arm:
    """An ablation at a level.

    Args:
        ablation: its name.
        level: of it; `on` where there is one only.
        primary: the measure that was chosen beforehand, as `STAGE/NAME`.
        differs: (stage and dotted key, value in the base, value here) of every setting that it changes.
    """

    ablation: str
    level: str
    primary: str
    differs: tuple[tuple[str, str, str], ...]

    @property
    def name(self) -> str:
        """Ablation and level, if it has several."""
        return self.ablation if self.level == ONLY else f"{self.ablation} {self.level}"


@dataclass(frozen=True)
class Packed:
    """A finished grid.

    Args:
        values: means over the clips of each speaker, the base first; `item` is the speaker.
        arms: every ablation at every level.
        base: what was ablated.
        command: that made the grid.
        clips: how many were measured.
    """

    values: tuple[Value, ...]
    arms: tuple[Arm, ...]
    base: str
    command: str
    clips: int

    @property
    def seeds(self) -> list[int]:
        """Of the base."""
        return sorted({row.seed for row in self.values if row.ablation == BASE})

    @property
    def speakers(self) -> list[str]:
        """Whose clips were measured."""
        return sorted({row.speaker for row in self.values})

    def differences(self) -> list[Difference]:
        """Every ablation against the base by every measure, p values corrected."""
        return against_base(self.values, {(arm.ablation, arm.level): arm.primary for arm in self.arms})


def read_cells(path: Path) -> list[Value]:
    """The rows of a grid's `cells.csv`.

    Raises:
        DataError: DATA_ROW, a line is none.
    """
    lines = csv.reader(io.StringIO(read_file(path).decode()))
    if next(lines, None) != list(Value._fields):
        raise DataError("DATA_ROW", f"{path} does not begin with {','.join(Value._fields)}", "a file of gsv-lab ablate")
    try:
        return [
            Value(ablation, level, int(seed), item, speaker, measure, float(value))
            for ablation, level, seed, item, speaker, measure, value in lines
        ]
    except (ValueError, TypeError) as error:
        raise DataError("DATA_ROW", f"A line of {path} is no measurement", ",".join(Value._fields)) from error


def pack(values: Sequence[Value], base: Base, grid: Grid, command: str) -> Packed:
    """Means over the clips of each speaker, and what each ablation changes.

    Args:
        values: of a finished grid.
        base: that was ablated.
        grid: what was compared with it.
        command: that made the grid.

    Raises:
        DataError: GRID_MIXED, values and grid are of different ablations. ConfigError: those of `changed_stages`.
    """
    found = {(row.ablation, row.level) for row in values} - {(BASE, "")}
    named = {(level.ablation, level.name) for level in grid.levels}
    if found != named or not any(row.ablation == BASE for row in values):
        problem = f"The cells are of {_names(found) or 'no ablation'}, the grid has {_names(named)}"
        raise DataError("GRID_MIXED", problem, "the cells of that grid, with those of its base")
    shared = _shared(values)
    kept = [row for row in values if _key(row) not in shared]
    arms = tuple(_arm(level, base, grid, kept) for level in grid.levels)
    return Packed(tuple(_means(kept)), arms, base.name, command, len({row.item for row in values}))


def _names(wheres: Iterable[tuple[str, str]]) -> str:
    return ", ".join(" ".join(where) for where in sorted(wheres))


def _key(row: Value) -> tuple[str, str, str]:
    """Ablation, level and stage."""
    return row.ablation, row.level, row.measure.partition("/")[0]


def _shared(values: Sequence[Value]) -> set[tuple[str, str, str]]:
    """Ablation, level and stage where the cells are those of the base."""
    base = {row[2:]: row for row in values if row.ablation == BASE}
    own = {_key(row) for row in values if row.ablation != BASE}
    differ = {_key(row) for row in values if row.ablation != BASE and row[2:] not in base}
    # What changes nothing at all is a finding, and stays.
    return {key for key in own - differ if key[:2] in {other[:2] for other in differ}}


def _arm(level: Level, base: Base, grid: Grid, kept: Sequence[Value]) -> Arm:
    """What an ablation changes, and the measure that was chosen."""
    changed = {} if level.overlay is None else changed_stages(base, level.overlay, level.name)
    before = {stage.name: stage.resolved for stage in base.stages}
    differs = [(f"{stage}: {key}", old, new) for stage, resolved in changed.items()
               for key, old, new in differences(told(before[stage]), told(resolved))]  # fmt: skip
    primary = chosen_measure(grid, level, base, changed)
    if not primary:
        measured = [row.measure for row in kept if (row.ablation, row.level) == (level.ablation, level.name)]
        stage = next(iter(changed), measured[-1].partition("/")[0])
        own = {name.partition("/")[2]: name for name in measured if name.partition("/")[0] == stage}
        primary = own[primary_of(own)]
    return Arm(level.ablation, level.name, primary, tuple(differs))


def _means(values: Sequence[Value]) -> list[Value]:
    """Mean of each speaker with each seed, over the clips that every arm has of a measure."""
    clips: dict[str, dict[tuple[Any, ...], set[str]]] = {}
    for row in values:
        clips.setdefault(row.measure, {}).setdefault(row[:3], set()).add(row.item)
    whole = {measure: set.intersection(*arms.values()) for measure, arms in clips.items()}
    found: dict[Value, list[float]] = {}
    for row in values:
        if row.item in whole[row.measure]:
            found.setdefault(row._replace(item=row.speaker, value=0.0), []).append(row.value)
    return [where._replace(value=float(np.mean(numbers))) for where, numbers in found.items()]


def write(packed: Packed, folder: Path, counts: Mapping[str, int]) -> list[Path]:
    """Write both files.

    Args:
        packed: the grid.
        folder: where.
        counts: speaker -> clips.

    Raises:
        LabError: SAVE_FAILED.
    """
    measures = list(dict.fromkeys(row.measure for row in packed.values))
    lines: dict[tuple[Any, ...], dict[str, str]] = {}
    for row in packed.values:
        lines.setdefault((*row[:3], row.speaker), {})[row.measure] = f"{row.value:.7g}"
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*KEYS, *measures])
    for where, numbers in lines.items():
        writer.writerow([*where, counts[where[-1]], *(numbers.get(name, "") for name in measures)])
    card = {"command": packed.command, "base": packed.base, "clips": packed.clips, "arms": list(map(vars, packed.arms))}
    make_folder(folder)
    return [save_bytes(folder / TABLE, text.getvalue().encode()), save_bytes(folder / CARD, as_json(card))]


def read_packed(folder: Path = SHIPPED) -> Packed:
    """A grid that was packed; the shipped one by default.

    Raises:
        DataError: DATA_ROW, a file is not there, or is none of `write`.
    """
    try:
        card = json.loads(read_file(folder / CARD))
        lines = list(csv.reader(io.StringIO(read_file(folder / TABLE).decode())))
        measures = lines[0][len(KEYS) :]
        values = [
            Value(ablation, level, int(seed), speaker, speaker, measure, float(number))
            for ablation, level, seed, speaker, _, *numbers in lines[1:]
            for measure, number in zip(measures, numbers, strict=True)
            if number
        ]
        arms = [Arm(**{**arm, "differs": tuple(map(tuple, arm["differs"]))}) for arm in card["arms"]]
        return Packed(tuple(values), tuple(arms), card["base"], card["command"], card["clips"])
    except (OSError, ValueError, KeyError, TypeError, IndexError) as error:
        raise DataError(
            "DATA_ROW", f"{folder} holds no packed grid", f"{TABLE} and {CARD}, as `write` makes them"
        ) from error


def main(arguments: Sequence[str] | None = None) -> int:
    """The command at the top of this file."""
    parser = argparse.ArgumentParser(prog="python -m gsv_lab.evaluation.grids.packing", description="Pack a grid.")
    parser.add_argument("grid_folder", type=Path, metavar="GRID", help=f"folder with {CELLS}")
    parser.add_argument("--base", required=True, help="as of gsv-lab ablate")
    parser.add_argument("--grid", nargs="+", required=True, help="as of gsv-lab ablate")
    parser.add_argument("--batches", nargs="+", default=[], help="as of gsv-lab ablate, for the record")
    parser.add_argument("--setting", action="append", default=[], metavar="KEY=VALUE", help="as of gsv-lab ablate")
    parser.add_argument("--output", type=Path, default=SHIPPED, metavar="DIR", help="where the files are written")
    options = parser.parse_args(arguments)
    values = read_cells(options.grid_folder / CELLS)
    seeds = sorted({row.seed for row in values})
    batches = ["--batches", *options.batches] if options.batches else []
    words = ["gsv-lab", "ablate", *options.setting, "--base", options.base, "--grid", *options.grid]
    command = shlex.join([*words, "--seeds", *map(str, seeds), *batches])
    base = read_base(options.base, options.setting)
    packed = pack(values, base, read_grid(options.grid), command)
    speakers = {row.item: row.speaker for row in values}
    counts = {name: list(speakers.values()).count(name) for name in speakers.values()}
    for path in write(packed, options.output, counts):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
