"""What a grid found: each ablation against the base, on the same clips and with the same seeds.

Of each ablation one measure was chosen beforehand; these tests are corrected together (Holm). All others explore, and
are corrected together by Benjamini and Hochberg.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gsv_lab.evaluation.grids.cell import DONE, Outcome, measured
from gsv_lab.evaluation.grids.grid_file import BASE
from gsv_lab.evaluation.grids.measuring import HIGHER_IS_BETTER, primary_of
from gsv_lab.evaluation.grids.plan import Arm, Plan
from gsv_lab.evaluation.statistics.intervals import benjamini_hochberg, holm
from gsv_lab.evaluation.statistics.replicates import Replicated, replicated_difference


class Value(NamedTuple):
    """A row of `cells.csv`; `measure` is `STAGE/NAME`."""

    ablation: str
    level: str
    seed: int
    item: str
    speaker: str
    measure: str
    value: float


@dataclass(frozen=True)
class Difference:
    """An ablation minus the base, by one measure.

    Args:
        ablation: its name.
        level: of it.
        measure: `STAGE/NAME`.
        base: mean of the base over speakers and seeds.
        found: the difference.
        primary: whether it is the measure that was chosen beforehand.
        p_corrected: by Holm over the primary tests, else by Benjamini and Hochberg over all others.
    """

    ablation: str
    level: str
    measure: str
    base: float
    found: Replicated
    primary: bool
    p_corrected: float = math.nan

    @property
    def better(self) -> int:
        """1 where higher is better, else -1."""
        return 1 if self.measure.rpartition("/")[2] in HIGHER_IS_BETTER else -1

    @property
    def name(self) -> str:
        """Ablation and level, if it has several."""
        return self.ablation if self.level == "on" else f"{self.ablation} {self.level}"


def values_of(root: Path, plan: Plan, known: Mapping[str, Outcome]) -> list[Value]:
    """Every measurement of every arm whose cells are done, arms and stages in their order."""
    read = {key: measured(root, key) for key in plan.cells if known[key].end == DONE}
    found = []
    for arm in plan.arms:
        for stage, key in arm.cells.items():
            for row in read.get(key, ()):
                measure = f"{stage}/{row.measure}"
                found.append(Value(arm.ablation, arm.level, arm.seed, row.item, row.speaker, measure, row.value))
    return found


def compare(plan: Plan, values: Sequence[Value]) -> list[Difference]:
    """Every ablation against the base by every measure of the stages in which their cells differ.

    Seeds whose cells are missing on either side are left out, and so are clips that lack a value.
    """
    measures: dict[tuple[str, str], list[str]] = {}
    for row in values:
        known = measures.setdefault((row.ablation, row.level), [])
        if row.measure not in known:
            known.append(row.measure)
    primary, kept = {}, {(BASE, ""): measures.get((BASE, ""), [])}
    for where, arms in _groups(plan).items():
        stages = _stages_that_differ(plan, arms)
        kept[where] = [name for name in measures.get(where, ()) if name.partition("/")[0] in stages]
        shared = [name for name in kept[where] if name in kept[BASE, ""]]
        primary[where] = _chosen(plan, where, shared, stages)
    return against_base([row for row in values if row.measure in kept[row.ablation, row.level]], primary)


def against_base(values: Sequence[Value], primary: Mapping[tuple[str, str], str]) -> list[Difference]:
    """Every ablation against the base by every measure that both have, p values corrected.

    Args:
        values: of the base and of its ablations.
        primary: (ablation, level) -> the measure that was chosen beforehand.
    """
    tables: dict[tuple[str, str], dict[str, dict[tuple[str, int], tuple[str, float]]]] = {}
    for row in values:
        measures = tables.setdefault((row.ablation, row.level), {})
        measures.setdefault(row.measure, {})[row.item, row.seed] = row.speaker, row.value
    base = tables.pop((BASE, ""), {})
    found = []
    for where, own in tables.items():
        for name in own:
            difference = _difference(own[name], base[name]) if name in base else None
            if difference is not None:
                found.append(Difference(*where, name, *difference, primary=name == primary.get(where)))
    return _corrected(found)


def _groups(plan: Plan) -> dict[tuple[str, str], list[Arm]]:
    """Arms of each ablation and level, without the base."""
    groups: dict[tuple[str, str], list[Arm]] = {}
    for arm in plan.arms:
        if arm.ablation != BASE:
            groups.setdefault((arm.ablation, arm.level), []).append(arm)
    return groups


def _stages_that_differ(plan: Plan, arms: Sequence[Arm]) -> list[str]:
    base = {arm.seed: arm.cells for arm in plan.arms if arm.ablation == BASE}
    return [stage for stage in arms[0].cells if any(arm.cells[stage] != base[arm.seed][stage] for arm in arms)]


def _chosen(plan: Plan, where: tuple[str, str], measures: Sequence[str], stages: Sequence[str]) -> str:
    """The measure that was chosen; where nobody did, the usual one of the first stage that the ablation changes."""
    if plan.primary.get(where):
        return plan.primary[where]
    changed = [arm.changed for arm in plan.arms if (arm.ablation, arm.level) == where]
    stage = next((name for name in stages if name in changed[0]), stages[-1] if stages else "")
    own = {name.partition("/")[2]: name for name in measures if name.partition("/")[0] == stage}
    return own[primary_of(own)] if own else ""


def _difference(
    own: Mapping[tuple[str, int], tuple[str, float]], base: Mapping[tuple[str, int], tuple[str, float]]
) -> tuple[float, Replicated] | None:
    """Mean of the base, and the difference from it, on the clips and seeds that both have; None without any."""
    seeds = sorted({seed for _, seed in own} & {seed for _, seed in base})
    items = sorted({item for item, _ in own})
    items = [item for item in items if all((item, seed) in own and (item, seed) in base for seed in seeds)]
    places = [(item, seed) for item in items for seed in seeds]
    if not places:
        return None
    speakers = [own[place][0] for place in places]
    first, second = ([table[place][1] for place in places] for table in (own, base))
    numbers = [seed for _, seed in places]
    means = [
        np.mean([value for value, each in zip(second, speakers, strict=True) if each == one]) for one in {*speakers}
    ]
    return float(np.mean(means)), replicated_difference(first, second, speakers, numbers)


def _corrected(rows: Sequence[Difference]) -> list[Difference]:
    """P values of the chosen tests corrected by Holm, of all others by Benjamini and Hochberg."""
    corrected = {
        True: iter(holm([row.found.p for row in rows if row.primary])),
        False: iter(benjamini_hochberg([row.found.p for row in rows if not row.primary])),
    }
    return [replace(row, p_corrected=next(corrected[row.primary])) for row in rows]
