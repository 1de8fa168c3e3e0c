"""What a grid finds, foresees and writes, on numbers whose differences are known; nothing is trained here."""

from __future__ import annotations

import csv
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

import small_grids
from gsv_lab.cli import main
from gsv_lab.errors import DataError
from gsv_lab.evaluation.grids import run as running
from gsv_lab.evaluation.grids.cell import FAILED, Outcome, folder_of
from gsv_lab.evaluation.grids.comparing import compare, values_of
from gsv_lab.evaluation.grids.forecast import (
    AT_HAND,
    NOWHERE,
    SHIPPED,
    TABLE,
    forecast,
    read_variances,
    variances,
    variances_csv,
)
from gsv_lab.evaluation.grids.measuring import primary_of
from gsv_lab.evaluation.grids.plan import Plan
from gsv_lab.evaluation.grids.report import cells_csv, table_md, write_report
from gsv_lab.evaluation.grids.run import Ablated
from gsv_lab.evaluation.grids.schedule import run_cells, states
from gsv_lab.evaluation.statistics.intervals import holm
from gsv_lab.evaluation.statistics.replicates import detectable, replicated_difference
from gsv_lab.training.event_files import read_scalars

EFFECT = -0.4


def effects(plan: Plan) -> dict[str, float]:
    """Every cell of `no_flow` is lower by 0.4; the codebooks do nothing."""
    return {key: EFFECT for arm in plan.arms if arm.ablation == "no_flow" for key in arm.cells.values()}


@pytest.fixture(scope="module")
def folder(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished grid."""
    root = tmp_path_factory.mktemp("grid")
    run_cells(root, plan.cells, small_grids.Pretended(root, **effects(plan)))
    return root


def test_differences_are_those_of_the_paired_cells(plan: Plan, folder: Path) -> None:
    """By hand from the rows of `cells.csv`: the same clips, the same seeds, speakers alike."""
    values = values_of(folder, plan, states(folder, plan.cells))
    assert len(values) == len(plan.arms) * len(small_grids.SPEAKERS) * small_grids.CLIPS * 2
    rows = compare(plan, values)
    assert len(rows) == 6 and [row.primary for row in rows].count(True) == 3
    (found,) = [row for row in rows if row.ablation == "no_flow" and row.primary]
    own = [row for row in values if row.ablation == "no_flow" and row.measure == "sovits/resynthesis_mel"]
    base = [row for row in values if row.ablation == "base" and row.measure == "sovits/resynthesis_mel"]
    order = [(row.item, row.seed) for row in own]
    assert order == [(row.item, row.seed) for row in base]
    pair = [row.value for row in own], [row.value for row in base]
    again = replicated_difference(*pair, [row.speaker for row in own], [row.seed for row in own])
    assert found.found[:4] == pytest.approx(again[:4]) and found.found.value == pytest.approx(EFFECT, abs=0.02)
    assert (found.found.unit, found.found.speakers, found.found.seeds, found.found.clips) == ("speaker", 4, 2, 12)
    assert found.base == pytest.approx(np.mean(pair[1]))
    chosen = [row for row in rows if row.primary]
    assert [row.p_corrected for row in chosen] == pytest.approx(holm([row.found.p for row in chosen]))
    quiet = [row for row in rows if row.ablation == "books"]
    assert all(abs(row.found.value) < 0.02 for row in quiet) and found.p_corrected < 0.05


def test_seeds_and_clips_that_one_side_lacks_are_left_out(plan: Plan, folder: Path) -> None:
    values = values_of(folder, plan, states(folder, plan.cells))
    one_seed = [row for row in values if not (row.ablation == "no_flow" and row.seed == 1)]
    (found,) = [row for row in compare(plan, one_seed) if row.ablation == "no_flow" and row.primary]
    assert found.found.seeds == 1 and found.found.speakers == 4
    of_seed = [row for row in values if row.seed == 0 and row.measure == found.measure]
    means = []
    for speaker in small_grids.SPEAKERS:
        own, base = (
            np.mean([row.value for row in of_seed if (row.ablation, row.speaker) == (name, speaker)])
            for name in ("no_flow", "base")
        )
        means.append(own - base)
    assert found.found.p == pytest.approx(stats.ttest_1samp(means, 0).pvalue, rel=1e-6)
    gap = [row for row in values if not (row.ablation == "base" and row.item == "ann_0" and row.seed == 1)]
    (left,) = [row for row in compare(plan, gap) if row.ablation == "no_flow" and row.measure == "sovits/kl"]
    assert (left.found.clips, left.found.seeds) == (11, 2)
    assert compare(plan, []) == []


def test_the_same_cells_give_the_same_bytes(plan: Plan, folder: Path, tmp_path: Path) -> None:
    run_cells(tmp_path, plan.cells, small_grids.Pretended(tmp_path, **effects(plan)))
    pages = []
    for root in (folder, tmp_path):
        known = states(root, plan.cells)
        values = values_of(root, plan, known)
        write_report(root, plan, known, values, compare(plan, values))
        pages.append({name: (root / name).read_bytes() for name in ("cells.csv", "table.md", "variance.csv")})
        assert (root / "forest.png").stat().st_size > 2000
    assert pages[0] == pages[1]
    rows = list(csv.DictReader((folder / "cells.csv").open(encoding="utf-8")))
    assert list(rows[0]) == ["ablation", "level", "seed", "item", "speaker", "measure", "value"]
    assert rows[0]["ablation"] == "base" and {row["level"] for row in rows} == {"", "on", "b64", "b8"}
    events = {path.name for path in (folder / "tensorboard").iterdir()}
    assert "base-0" in events and "no_flow-on-1" in events and len(events) == len(plan.arms)
    scalars = read_scalars(folder / "tensorboard" / "no_flow-on-1")
    arm = [row for row in rows if (row["ablation"], row["seed"]) == ("no_flow", "1")]
    mean = np.mean([float(row["value"]) for row in arm if row["measure"] == "sovits/kl"])
    assert scalars["sovits/kl"][-1][1] == pytest.approx(mean, rel=1e-5)


def test_the_page_says_what_the_numbers_do_not(plan: Plan, folder: Path) -> None:
    known = states(folder, plan.cells)
    values = values_of(folder, plan, known)
    page = table_md(plan, known, values, compare(plan, values))
    assert "8 of 8 cells are done" in page and "corrected by Holm over 3 tests" in page
    assert "One seed" not in page and "CouplingFlow" in page and "4 speakers, 2 seeds" in page
    alone = replace(plan, grid=replace(plan.grid, seeds=(0,)))
    first = [row for row in values if row.seed == 0 and row.speaker == "ann"]
    page = table_md(alone, known, first, compare(plan, first))
    assert "**One seed:" in page and "say nothing about other seeds" in page and "One speaker" in page
    key = plan.arms[2].cells["sovits"]
    failed = {**known, key: Outcome(FAILED, "TRAIN_NONFINITE", "The loss 'mel' is nan")}
    page = table_md(plan, failed, values, [])
    assert "## Cells that are not done" in page and "TRAIN_NONFINITE" in page and "no_flow seed 0" in page
    assert "7 of 8" in page and cells_csv(values).count(b"\n") == len(values) + 1


def test_detectable_differences_rest_on_the_base_at_hand(plan: Plan, folder: Path) -> None:
    known = states(folder, plan.cells)
    values = values_of(folder, plan, known)
    (row,) = [one for one in variances(plan, known, values) if one.measure == "resynthesis_mel"]
    own = [each for each in values if (each.ablation, each.measure) == ("base", "sovits/resynthesis_mel")]
    by_seed = [np.mean([each.value for each in own if each.seed == seed]) for seed in (0, 1)]
    assert row.deviation == pytest.approx(np.std(by_seed, ddof=1))
    assert (row.seeds, row.speakers, row.items) == (2, 4, 12)
    assert (row.batches, row.seconds) == (3, 2.0)
    seen = forecast(plan, known, values, Path("nowhere.csv"))
    (found,) = seen.detectable
    assert found.source == AT_HAND and found.difference == pytest.approx(detectable(row.deviation, 2, 3))
    assert not seen.missing and seen.hours == 0


def test_else_on_the_shipped_table_and_it_says_which(plan: Plan, tmp_path: Path) -> None:
    known = states(tmp_path, plan.cells)
    nothing = forecast(plan, known, [], tmp_path / "absent.csv")
    assert len(nothing.missing) == 8 and not nothing.seconds and nothing.clock == NOWHERE
    assert nothing.detectable[0].source == NOWHERE and math.isnan(nothing.detectable[0].difference)
    table = tmp_path / "variance.csv"
    table.write_text(
        "base,stage,measure,batches,seeds,speakers,items,mean,deviation,seconds\n"
        "synthetic-sovits,sovits,resynthesis_mel,3,5,4,12,1.0,0.1,30\n"
        "synthetic-sovits,sovits,resynthesis_mel,300,5,4,12,1.0,0.7,3000\n"
        "other,sovits,resynthesis_mel,3,5,4,12,1.0,0.9,9\n",
        encoding="utf-8",
    )
    seen = forecast(plan, known, [], table)
    (found,) = seen.detectable
    assert found.source == TABLE and found.variance and found.variance.deviation == 0.1
    assert found.difference == pytest.approx(detectable(0.1, 2, 3)) and set(seen.seconds.values()) == {30.0}
    assert seen.hours == pytest.approx(8 * 30 / 3600) and seen.clock == TABLE
    assert variances_csv(read_variances(table)).decode().splitlines()[1].endswith(",0.1,30")
    table.write_text("base,stage\na,b\n", encoding="utf-8")
    with pytest.raises(DataError, match="no variance"):
        read_variances(table)
    assert all(row.deviation > 0 and row.seeds > 1 for row in read_variances(SHIPPED))


def test_the_measure_of_a_stage_where_nobody_chose_one() -> None:
    assert primary_of({"kl": 1, "resynthesis_mel": 1}) == "resynthesis_mel" and primary_of({"b": 1, "a": 1}) == "a"


def test_the_command_trains_nothing_on_a_dry_run_and_says_what_is_done(
    base: Path, plan: Plan, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    grid = tmp_path / "grid.yaml"
    grid.write_text(
        "ablations: [no_flow, books: {levels: {b64: codebook_64, b8: {sizes: {n_codes: 8}}}}]\nseeds: [0, 1]\n", "utf-8"
    )
    output = tmp_path / "out"
    command = ["ablate", "--base", str(base), "--grid", str(grid), "--output", str(output)]
    assert main([*command, "--dry-run"]) == 0 and not output.exists()
    shown = capsys.readouterr().out
    assert "8 of 8 cells are missing: 8 of sovits" in shown and plan.arms[0].cells["sovits"] in shown
    monkeypatch.setattr(running, "planned", lambda *_, **__: plan)  # which takes longer than all else here
    executors: list[small_grids.Pretended] = []

    def executor(self: object, root: Path, typed: bool) -> small_grids.Pretended:
        bad = plan.arms[2].cells["sovits"]
        ends = {bad: [Outcome(FAILED, "TRAIN_NONFINITE", "nan")]} if not executors else {}
        executors.append(small_grids.Pretended(root, ends))
        return executors[-1]

    monkeypatch.setattr(running.Running, "executor", executor)
    assert main(command) == 1
    done = capsys.readouterr()
    assert "1 of 8 cells are not done" in done.err and "table.md" in done.out
    assert main(command) == 1 and not executors[-1].begun, "a training that diverged is not tried again"
    assert (output / "cells.csv").is_file() and folder_of(output, plan.arms[0].cells["sovits"]).is_dir()
    capsys.readouterr()
    assert main([*command, "--dry-run"]) == 0
    assert "by cells at hand" not in capsys.readouterr().out
    for wrong in (["--batches", "sovits=x"], ["--resources", "num_gpus"], ["--seeds", "-1"], ["--threads", "0"]):
        assert main([*command, *wrong]) == 2 and "error:" in capsys.readouterr().err


def test_a_table_for_a_notebook(plan: Plan, folder: Path) -> None:
    known = states(folder, plan.cells)
    found = Ablated(folder, plan, known, compare(plan, values_of(folder, plan, known)))
    assert found.table[0]["ablation"] == "no_flow" and found.table[0]["difference"] == pytest.approx(EFFECT, abs=0.02)
    assert len(found.table) == 6 and not found.failed and "| no_flow |" in str(found.table)
