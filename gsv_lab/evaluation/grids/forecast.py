"""What a grid will cost and what it can tell, before anything is trained.

How much a mean moves from seed to seed comes from cells of the base that are there already, at least two, else from the
shipped table; so do seconds. `variance.csv` in the folder of a grid has the rows of such a table.
"""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gsv_lab.errors import DataError
from gsv_lab.evaluation.grids.cell import DONE, Outcome
from gsv_lab.evaluation.grids.comparing import Value
from gsv_lab.evaluation.grids.grid_file import BASE
from gsv_lab.evaluation.grids.measuring import primary_of
from gsv_lab.evaluation.grids.plan import Plan
from gsv_lab.evaluation.grids.schedule import is_missing
from gsv_lab.evaluation.statistics.replicates import detectable, seed_deviation
from gsv_lab.system.files import read_file
from gsv_lab.system.registry import PACKAGE

SHIPPED = PACKAGE / "assets" / "grids" / "variance.csv"
AT_HAND, TABLE, NOWHERE = "base cells at hand", "shipped table", "nothing"


class Variance(NamedTuple):
    """How one measure of an experiment, `base`, varies: a row of such a table.

    `batches` of each training, `seeds`, `speakers`, `items` that stand behind it, `mean`, standard `deviation` of the
    mean from seed to seed, and `seconds` of a cell.
    """

    base: str
    stage: str
    measure: str
    batches: int
    seeds: int
    speakers: int
    items: int
    mean: float
    deviation: float
    seconds: float


@dataclass(frozen=True)
class Detectable:
    """The smallest difference of a measure that a grid finds with a chance of 80 %.

    Args:
        measure: `STAGE/NAME`.
        difference: NaN where it cannot be told.
        variance: what it rests on; None for nothing.
        source: `AT_HAND`, `TABLE` or `NOWHERE`.
    """

    measure: str
    difference: float
    variance: Variance | None
    source: str


@dataclass(frozen=True)
class Forecast:
    """What is to be done, and what it can tell.

    Args:
        missing: keys of the cells that are to be run.
        seconds: of each of them, as far as it is known.
        clock: where the seconds come from.
        detectable: of each measure that was chosen, in the order of the ablations.
        tests: that are asked for together.
    """

    missing: tuple[str, ...]
    seconds: Mapping[str, float]
    clock: str
    detectable: tuple[Detectable, ...]
    tests: int

    @property
    def hours(self) -> float:
        """Of the cells whose seconds are known, one after the other."""
        return sum(self.seconds.values()) / 3600


def forecast(plan: Plan, known: Mapping[str, Outcome], values: Sequence[Value], shipped: Path = SHIPPED) -> Forecast:
    """What a grid will cost and what it can tell.

    Args:
        plan: the grid.
        known: how its cells stand.
        values: what was measured already.
        shipped: a table of variances.

    Raises:
        DataError: DATA_ROW, a line of the table is none.
    """
    missing = tuple(key for key, outcome in known.items() if is_missing(outcome))
    table = read_variances(shipped) if shipped.is_file() else []
    at_hand = variances(plan, known, values)
    seconds, clock = _seconds(plan, known, missing, table)
    where = list(dict.fromkeys((arm.ablation, arm.level) for arm in plan.arms if arm.ablation != BASE))
    measures = list(dict.fromkeys(_measure(plan, each, [*at_hand, *table]) for each in where))
    found = [_detectable(plan, measure, len(where), at_hand, table) for measure in measures if measure]
    return Forecast(missing, seconds, clock, tuple(found), len(where))


def variances(plan: Plan, known: Mapping[str, Outcome], values: Sequence[Value]) -> list[Variance]:
    """How the measures of the base vary from seed to seed, where at least two of its seeds are done."""
    rows: dict[str, list[Value]] = {}
    for row in values:
        if row.ablation == BASE:
            rows.setdefault(row.measure, []).append(row)
    found = []
    for measure, own in rows.items():
        seeds = sorted({row.seed for row in own})
        items = {row.item for row in own}
        items = {item for item in items if sum(row.item == item for row in own) == len(seeds)}
        kept = [row for row in own if row.item in items]
        if len(seeds) < 2 or not kept:
            continue
        stage, _, name = measure.partition("/")
        keys = [arm.cells[stage] for arm in plan.arms if arm.ablation == BASE and arm.seed in seeds]
        speakers = [row.speaker for row in kept]
        numbers = [row.value for row in kept]
        deviation = seed_deviation(numbers, speakers, [row.seed for row in kept])
        seconds = float(np.mean([known[key].seconds for key in keys]))
        sizes = plan.cells[keys[0]].batches, len(seeds), len({*speakers}), len(items)
        run = plan.base.run_of(stage)
        found.append(Variance(run, stage, name, *sizes, float(np.mean(numbers)), deviation, seconds))
    return found


def variances_csv(rows: Sequence[Variance]) -> bytes:
    """Such a table, six digits."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(Variance._fields)
    for row in rows:
        lines.writerow([f"{value:.6g}" if isinstance(value, float) else value for value in row])
    return text.getvalue().encode()


def read_variances(path: Path) -> list[Variance]:
    """The rows of such a table.

    Raises:
        DataError: DATA_ROW.
    """
    try:
        lines = list(csv.DictReader(io.StringIO(read_file(path).decode())))
        kinds = {"base": str, "stage": str, "measure": str, "mean": float, "deviation": float, "seconds": float}
        return [Variance(**{name: kinds.get(name, int)(line[name]) for name in Variance._fields}) for line in lines]
    except (KeyError, TypeError, ValueError) as error:
        raise DataError("DATA_ROW", f"A line of {path} is no variance", ",".join(Variance._fields)) from error


def _measure(plan: Plan, where: tuple[str, str], rows: Sequence[Variance]) -> str:
    """The measure of an ablation; where nobody chose one, the usual one of the first stage that it changes, or none."""
    if plan.primary.get(where):
        return plan.primary[where]
    arm = next(arm for arm in plan.arms if (arm.ablation, arm.level) == where)
    stage = arm.changed[0] if arm.changed else list(arm.cells)[-1]
    known = {row.measure: row for row in rows if row.base == plan.base.run_of(stage)}
    return f"{stage}/{primary_of(known)}" if known else ""


def _detectable(
    plan: Plan, measure: str, tests: int, at_hand: Sequence[Variance], table: Sequence[Variance]
) -> Detectable:
    stage, _, name = measure.partition("/")
    batches = next((cell.batches for cell in plan.cells.values() if cell.stage == stage), 0)
    for source, rows in ((AT_HAND, at_hand), (TABLE, table)):
        fitting = [row for row in rows if (row.base, row.measure) == (plan.base.run_of(stage), name)]
        if fitting:
            # Of several budgets the nearest one.
            row = min(fitting, key=lambda each: abs(math.log((each.batches + 1) / (batches + 1))))
            return Detectable(measure, detectable(row.deviation, len(plan.grid.seeds), tests), row, source)
    return Detectable(measure, math.nan, None, NOWHERE)


def _seconds(
    plan: Plan, known: Mapping[str, Outcome], missing: Sequence[str], table: Sequence[Variance]
) -> tuple[dict[str, float], str]:
    """Seconds of the missing cells whose stage was timed, and by what."""
    paces: dict[str, list[float]] = {}
    for key, outcome in known.items():
        if outcome.end == DONE:
            paces.setdefault(plan.cells[key].stage, []).append(outcome.seconds / max(1, outcome.batches))
    clock = "cells at hand" if paces else TABLE
    for stage in {plan.cells[key].stage for key in missing} - paces.keys():
        fitting = [row for row in table if row.base == plan.base.run_of(stage)]
        if fitting:
            paces[stage] = [row.seconds / max(1, row.batches) for row in fitting]
    found = {}
    for key in missing:
        cell = plan.cells[key]
        if cell.stage in paces:
            found[key] = float(np.mean(paces[cell.stage])) * max(1, cell.batches)
    return found, clock if found else NOWHERE
