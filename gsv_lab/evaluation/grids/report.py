"""The files of a grid: `cells.csv`, `table.md`, `forest.png`, `variance.csv`, and events for TensorBoard, in which
settings stand beside measures.
"""

from __future__ import annotations

import csv
import io
import math
import shutil
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from gsv_lab.errors import in_markdown
from gsv_lab.evaluation.grids.cell import DONE, Outcome
from gsv_lab.evaluation.grids.comparing import Difference, Value
from gsv_lab.evaluation.grids.forecast import variances, variances_csv
from gsv_lab.evaluation.grids.grid_file import AGAIN, BASE
from gsv_lab.evaluation.grids.plan import Arm, Plan
from gsv_lab.system.files import make_folder, save_bytes

CELLS, TABLE, FOREST, VARIANCE, EVENTS = "cells.csv", "table.md", "forest.png", "variance.csv", "tensorboard"
SURE = 0.05
_HEAD = ("ablation", "measure", "base", "difference", "95 %", "p", "corrected", "over")


def write_report(
    root: Path, plan: Plan, known: Mapping[str, Outcome], values: Sequence[Value], rows: Sequence[Difference]
) -> None:
    """Write all files of a grid.

    Raises:
        LabError: SAVE_FAILED.
    """
    save_bytes(root / CELLS, cells_csv(values))
    save_bytes(root / TABLE, table_md(plan, known, values, rows).encode())
    save_bytes(root / VARIANCE, variances_csv(variances(plan, known, values)))
    drawn = [row for row in rows if row.primary]
    if drawn:
        from gsv_lab import figures

        save_bytes(root / FOREST, figures.png(_forest(drawn)))
    _write_events(root / EVENTS, plan, values)


def cells_csv(values: Sequence[Value]) -> bytes:
    """Every measurement, in the order of arms, stages, measures and clips; the same cells give the same bytes."""
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(Value._fields)
    for row in values:
        lines.writerow([*row[:-1], f"{row.value:.9g}"])
    return text.getvalue().encode()


def table_md(plan: Plan, known: Mapping[str, Outcome], values: Sequence[Value], rows: Sequence[Difference]) -> str:
    """The page of a grid."""
    primary = [row for row in rows if row.primary]
    others = [row for row in rows if not row.primary]
    parts = [f"# Ablations of {in_markdown(plan.base.name)}", *_setting(plan, known, values)]
    if primary:
        parts += [
            "## Measures chosen beforehand",
            f"One for each ablation; p values are corrected by Holm over {_tests(primary)}.",
            _table(primary),
            f"![differences in percent of the base]({FOREST})",
        ]
    if others:
        parts += [
            "## All other measures",
            f"Exploration: p values are corrected by Benjamini and Hochberg over {_tests(others)}.",
            _table(others),
        ]
    changes = [
        f"- {in_markdown(_name(*where))}: {in_markdown('; '.join(found))}" for where, found in plan.differs.items()
    ]
    if changes:
        parts += ["## What each ablation changes", "\n".join(changes)]
    failed = [(key, outcome) for key, outcome in known.items() if outcome.end not in (DONE, "")]
    if failed:
        lines = [
            f"- {plan.cells[key].stage} `{key}` ({_used_by(plan, key)}): {_why(outcome)}" for key, outcome in failed
        ]
        parts += ["## Cells that are not done", "\n".join(lines)]
    return "\n\n".join(parts) + "\n"


def _setting(plan: Plan, known: Mapping[str, Outcome], values: Sequence[Value]) -> Iterator[str]:
    """What was compared, and what the numbers do not say."""
    done = sum(outcome.end == DONE for outcome in known.values())
    seeds = plan.grid.seeds
    items, speakers = {row.item for row in values}, {row.speaker for row in values}
    batches = {cell.stage: cell.batches for cell in plan.cells.values() if cell.batches}
    budget = ", ".join(f"{count} of {stage}" for stage, count in batches.items())
    yield (
        f"{done} of {len(known)} cells are done. Seeds {', '.join(map(str, seeds))}; batches: {budget or 'none'}; "
        f"{len(items)} clips of {len(speakers)} speakers. Differences are the ablation minus the base, on the same "
        "clips and with the same seeds; every speaker and every seed counts alike."
    )
    if len(seeds) == 1:
        yield (
            "**One seed: intervals are over speakers alone and say nothing about other seeds.** Two trainings of one "
            "configuration differ, too; give `--seeds 0 1 2`."
        )
    if len(speakers) == 1:
        yield "One speaker: intervals are over clips, and say nothing about other speakers."
    if any(level.ablation == AGAIN for level in plan.grid.levels):
        yield f"`{AGAIN}` is the base with other seeds: what is found there is chance."


def _table(rows: Sequence[Difference]) -> str:
    """Differences as Markdown."""
    lines: list[Sequence[str]] = [_HEAD, ("---",) * len(_HEAD)]
    for row in rows:
        found = row.found
        sure = found.low > 0 or found.high < 0
        mark = "**" if sure and row.p_corrected < SURE else ""
        span = f"{found.low:+.4g} to {found.high:+.4g}" if math.isfinite(found.low) else "none"
        over = f"{found.speakers} speakers" if found.unit == "speaker" else f"{found.clips} clips"
        over += f", {found.seeds} seeds" if found.seeds > 1 else ", 1 seed"
        lines.append([
            in_markdown(row.name),
            f"{in_markdown(row.measure)} {'↑' if row.better > 0 else '↓'}",
            f"{row.base:.4g}",
            f"{mark}{found.value:+.4g}{mark}",
            span,
            _p(found.p),
            _p(row.p_corrected),
            over,
        ])  # fmt: skip
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _tests(rows: Sequence[Difference]) -> str:
    return f"{len(rows)} test{'s' * (len(rows) > 1)}"


def _p(value: float) -> str:
    if not math.isfinite(value):
        return "none"
    return "<0.001" if value < 0.001 else f"{value:.3f}"


def _why(outcome: Outcome) -> str:
    return f"{outcome.end}: {in_markdown(outcome.message)} [{outcome.code}]"


def _name(ablation: str, level: str) -> str:
    return ablation if level == "on" else f"{ablation} {level}"


def _used_by(plan: Plan, key: str) -> str:
    """Arms that have a cell."""
    arms = [
        f"{_name(arm.ablation, arm.level).strip()} seed {arm.seed}" for arm in plan.arms if key in arm.cells.values()
    ]
    return in_markdown("; ".join(arms) or "all")


def _forest(rows: Sequence[Difference]) -> Any:
    """Differences of the chosen measures in percent of the base."""
    from gsv_lab import figures

    drawn, sure = {}, []
    for row in rows:
        name = f"{row.name} ({row.measure})"
        scale = 100 / abs(row.base) if row.base else 100.0
        drawn[name] = (scale * row.found.value, scale * row.found.low, scale * row.found.high)
        if row.p_corrected < SURE:
            sure.append(name)
    sides = {row.better for row in rows}
    title = "ablation minus base, percent of the base"
    return figures.forest(drawn, title, sure=sure, better=sides.pop() if len(sides) == 1 else 0)


def _write_events(folder: Path, plan: Plan, values: Sequence[Value]) -> None:
    """One run of TensorBoard for each arm: its settings beside the means of its measures. Written anew each time."""
    from torch.utils.tensorboard import SummaryWriter
    from torch.utils.tensorboard.summary import hparams

    shutil.rmtree(folder, ignore_errors=True)
    make_folder(folder)
    for arm in plan.arms:
        means = _means(arm, values)
        if not means:
            continue
        settings = {"ablation": arm.ablation, "level": arm.level, "seed": arm.seed}
        name = f"{arm.ablation}-{arm.level}-{arm.seed}" if arm.ablation != BASE else f"{BASE}-{arm.seed}"
        with SummaryWriter(str(folder / name)) as writer:
            words = {key: [value] for key, value in settings.items() if isinstance(value, str)}
            for summary in hparams(settings, dict.fromkeys(means, 0.0), words):
                writer._get_file_writer().add_summary(summary)
            for measure, value in means.items():
                writer.add_scalar(measure, value)


def _means(arm: Arm, values: Sequence[Value]) -> dict[str, float]:
    """Mean of each measure of an arm over its clips."""
    found: dict[str, list[float]] = {}
    for row in values:
        if (row.ablation, row.level, row.seed) == (arm.ablation, arm.level, arm.seed):
            found.setdefault(row.measure, []).append(row.value)
    return {measure: float(np.mean(numbers)) for measure, numbers in found.items()}
