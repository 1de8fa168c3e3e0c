"""What notebook 12 shows of the shipped grid of ablations: what was compared, what was found, two runs side by side.

Letters: P speakers, S seeds, M tests.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from gsv_lab.evaluation.grids.base import Base, read_base
from gsv_lab.evaluation.grids.comparing import Difference, Value
from gsv_lab.evaluation.grids.grid_file import BASE
from gsv_lab.evaluation.grids.measuring import HIGHER_IS_BETTER
from gsv_lab.evaluation.grids.packing import SHIPPED, Arm, Packed, read_packed
from gsv_lab.evaluation.statistics.intervals import holm
from gsv_lab.evaluation.statistics.replicates import Replicated, replicated_difference, spread_of
from gsv_lab.hooks import Table

SURE = 0.05
PLAIN_BASE = "configs/synthetic/sovits.yaml"
"""What overlays of the notebook lie over."""
HIGHER, LOWER = "higher", "lower"


def load_grid(folder: Path = SHIPPED) -> Packed:
    """The shipped grid."""
    return read_packed(folder)


def load_base() -> Base:
    """The configuration that overlays of the notebook lie over."""
    return read_base(PLAIN_BASE)


def arms(grid: Packed) -> Table:
    """Every ablation: what it changes, and the measure that was chosen before anything was trained."""
    rows = []
    for arm in grid.arms:
        changes = "; ".join(
            f"{_last(key)}: {_short(before)} → {_short(after)}" for key, before, after in arm.differs[:2]
        )
        more = f" and {len(arm.differs) - 2} more" if len(arm.differs) > 2 else ""
        rows.append(
            {"ablation": arm.name, "what it changes": (changes or "seeds alone") + more, "measure": arm.primary}
        )
    return Table(rows)


def _last(key: str) -> str:
    """The part of a dotted key that says the most, without the words of every configuration."""
    words = [word for word in key.rpartition(" ")[2].split(".") if word not in ("task", "init_args", "class_path")]
    return ".".join(words[-2:])


def _short(value: str) -> str:
    """A value for a table: classes by their names, long texts cut."""
    value = value.rpartition(".")[2] if value.startswith("gsv_lab.") else value
    return value if len(value) <= 30 else f"{value[:29]}…"


def facts(grid: Packed) -> str:
    """What was trained and measured, in words."""
    return (
        f"{len(grid.arms)} ablations of {grid.base}, {len(grid.seeds)} seeds each; {grid.clips} clips of "
        f"{len(grid.speakers)} speakers who were held back. Made by\n{grid.command}"
    )


def usual(grid: Packed) -> dict[str, str]:
    """A contrast to register, for readers who have none: the first ablation, its own measure, that it gets worse."""
    arm = grid.arms[0]
    worse = LOWER if arm.primary.rpartition("/")[2] in HIGHER_IS_BETTER else HIGHER
    return {"ablation": arm.name, "measure": arm.primary, "expect": worse}


def settled(grid: Packed, registered: Mapping[str, str]) -> Table:
    """The contrast that was registered, one test by itself, and whether it came as it was expected."""
    found = registered_difference(grid, registered)
    one = found.found
    low, high = one.low, one.high
    side = HIGHER if low > 0 else LOWER if high < 0 else ""
    outcome = "as expected" if side == registered["expect"] else "the other way" if side else "not decided"
    row = {"ablation": found.name, "measure": found.measure, "expected": registered["expect"], "base": found.base}
    return Table([row | {"difference": f"{one.value:+.4g}", "95 %": f"{low:+.3g} to {high:+.3g}", "p": f"{one.p:.2g}",
                         "outcome": outcome}])  # fmt: skip


def registered_difference(grid: Packed, registered: Mapping[str, str]) -> Difference:
    """The difference that a registered contrast is about."""
    return next(row for row in grid.differences()
                if (row.name, row.measure) == (registered["ablation"], registered["measure"]))  # fmt: skip


def chosen(grid: Packed) -> list[Difference]:
    """The differences by the measures that were chosen beforehand, one for each ablation."""
    return [row for row in grid.differences() if row.primary]


def table(grid: Packed, rule: Callable[..., Any] = holm) -> Table:
    """The ablation table: each ablation by the measure that was chosen, p values corrected by a rule.

    Args:
        grid: with its values.
        rule: (M,) p values -> (M,) corrected ones.
    """
    rows = chosen(grid)
    found = []
    for row, p in zip(rows, _corrected(rows, rule), strict=True):
        one, scale = row.found, 100 / abs(row.base) if row.base else 100.0
        span = f"{scale * one.low:+.1f} to {scale * one.high:+.1f}"
        line = {"ablation": row.name, "measure": f"{row.measure} {'↑' if row.better > 0 else '↓'}", "base": row.base}
        line |= {"difference (%)": f"{scale * one.value:+.1f}", "95 %": span, "p": f"{one.p:.2g}"}
        found.append(line | {"corrected": f"{p:.2g}", "more than chance": "yes" if p < SURE else "not shown"})
    return Table(found)


def _corrected(rows: Sequence[Difference], rule: Callable[..., Any]) -> list[float]:
    """P values of some differences, corrected by a rule that takes an array."""
    return [float(p) for p in rule(np.array([row.found.p for row in rows]))]


def summed_up(grid: Packed, rule: Callable[..., Any] = holm) -> str:
    """How many chosen measures differ by more than chance, before and after correction, in words."""
    rows = chosen(grid)
    plain = sum(row.found.p < SURE for row in rows)
    sure = sum(p < SURE for p in _corrected(rows, rule))
    others = [row for row in grid.differences() if not row.primary]
    by_chance = SURE * len(others)
    return (
        f"Of {len(rows)} tests {plain} have p < {SURE}, and {sure} once all are corrected together. Beside them "
        f"there are {len(others)} other numbers; if nothing differed, {by_chance:.0f} of those would have p < {SURE}."
    )


def forest(grid: Packed, rule: Callable[..., Any] = holm) -> Any:
    """The chosen differences in per cent of the base, as a Figure; filled where the corrected p is below 0.05."""
    from gsv_lab import figures

    rows, drawn, sure = chosen(grid), {}, []
    for row, p in zip(rows, _corrected(rows, rule), strict=True):
        name, scale = f"{row.name} ({row.measure})", 100 / abs(row.base) if row.base else 100.0
        drawn[name] = (scale * row.found.value, scale * row.found.low, scale * row.found.high)
        if p < SURE:
            sure.append(name)
    sides = {row.better for row in rows}
    title = "ablation minus base, per cent of the base"
    return figures.forest(drawn, title, sure=sure, better=sides.pop() if len(sides) == 1 else 0)


class Pair(NamedTuple):
    """Two runs by one measure: the difference of their means, and (P, S) that of every speaker with every seed."""

    found: Replicated
    off: np.ndarray
    speakers: list[str]
    seeds: list[int]


def paired(grid: Packed, one: str, other: str, measure: str) -> Pair | None:
    """One run minus another on the same speakers and with the same seeds; None where nobody has both.

    A run that shares cells with the base has the base's values.

    Args:
        grid: with its values.
        one: name of an ablation, or `base`.
        other: likewise.
        measure: `STAGE/NAME`.
    """
    first, second = (_values(grid, name, measure) for name in (one, other))
    seeds = sorted({row.seed for row in first.values()} & {row.seed for row in second.values()})
    speakers = [
        name for name in grid.speakers if all((name, seed) in first and (name, seed) in second for seed in seeds)
    ]
    if not seeds or not speakers:
        return None
    places = [(name, seed) for name in speakers for seed in seeds]
    ours, theirs = (np.array([table[place].value for place in places]) for table in (first, second))
    found = replicated_difference(ours, theirs, [name for name, _ in places], [seed for _, seed in places])
    return Pair(found, (ours - theirs).reshape(len(speakers), len(seeds)), speakers, seeds)


def _values(grid: Packed, name: str, measure: str) -> dict[tuple[str, int], Value]:
    """(speaker, seed) -> value of a run."""
    arm = next((arm for arm in grid.arms if arm.name == name), None)
    wheres = [(BASE, "")] if arm is None else [(arm.ablation, arm.level), (BASE, "")]
    for where in wheres:
        found = {(row.speaker, row.seed): row for row in grid.values
                 if (row.ablation, row.level) == where and row.measure == measure}  # fmt: skip
        if found:
            return found
    return {}


def settings(grid: Packed, one: str, other: str) -> list[tuple[str, str, str]]:
    """(key, value in the one run, value in the other) of every setting in which two runs differ."""
    told = {arm.name: {key: (before, after) for key, before, after in arm.differs} for arm in grid.arms}
    first, second = told.get(one, {}), told.get(other, {})
    rows = []
    for key in sorted(first.keys() | second.keys()):
        before = (first.get(key) or second[key])[0]
        own, theirs = (side[key][1] if key in side else before for side in (first, second))
        if own != theirs:
            rows.append((key, own, theirs))
    return rows


def measures(grid: Packed) -> list[str]:
    """Every measure, those that were chosen for an ablation first."""
    names = [arm.primary for arm in grid.arms] + [row.measure for row in grid.values]
    return list(dict.fromkeys(names))


def measured_of(grid: Packed, arm: Arm) -> list[str]:
    """The measures by which an ablation is compared."""
    rows = [row.measure for row in grid.values if (row.ablation, row.level) == (arm.ablation, arm.level)]
    return list(dict.fromkeys(rows))


def crossed_error(off: np.ndarray) -> float:
    """Standard error of the mean of differences (P, S) over speakers and seeds, both of which were drawn.

    Source: see `gsv_lab.evaluation.statistics.replicates`.
    """
    return spread_of(np.asarray(off, dtype=np.float64)).error
