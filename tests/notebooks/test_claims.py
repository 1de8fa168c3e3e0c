"""What notebook 12 works with: claims and their verdicts, the faults of its sketch, its grid, and its explorer."""

from __future__ import annotations

import math
import re
from pathlib import Path

import numpy as np
import pytest
from made_grids import EFFECTS, SEEDS, SPEAKERS, made_grid

from gsv_lab import figures
from gsv_lab.errors import DataError
from gsv_lab.evaluation.claims import excerpt
from gsv_lab.evaluation.claims.file import read_claims
from gsv_lab.evaluation.claims.measured import Measured
from gsv_lab.evaluation.claims.rule import VERDICTS, accepted
from gsv_lab.evaluation.claims.rule import verdict as kits_rule
from gsv_lab.evaluation.grids import packing
from gsv_lab.evaluation.grids.grid_file import BASE
from gsv_lab.evaluation.statistics.intervals import holm
from gsv_lab.evaluation.statistics.replicates import replicated_difference
from gsv_lab.teaching.exercises import grid_views, reproducing, sketches
from gsv_lab.teaching.exercises.reproducing import Live
from gsv_lab.teaching.widgets.run_diff import NO_VALUES, NOTHING, RunDiff
from source import ROOT


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Live:
    return reproducing.live(tmp_path_factory.mktemp("claims") / "run")


def test_shipped_verdicts_are_those_of_the_page() -> None:
    rows = excerpt.read_verdicts()
    assert rows == excerpt.read_page(ROOT / "docs" / "claims.md"), "run the command of assets/claims/README.md"
    assert {row.claim for row in rows} == {claim.id for claim in read_claims().claims}
    found = {row.claim: row for row in rows}
    assert found["vctk-similarity"].found.startswith("nearest (inconclusive): 0.77")
    assert found["gpt-below-100m"] == ("gpt-below-100m", "supported", "77,606,402 parameters")


def test_an_excerpt_is_written_and_what_is_none_is_refused(tmp_path: Path) -> None:
    assert excerpt.main([str(ROOT / "docs" / "claims.md"), "--output", str(tmp_path / "new")]) == 0
    assert (tmp_path / "new" / excerpt.FILE).read_bytes() == (excerpt.SHIPPED / excerpt.FILE).read_bytes()
    with pytest.raises(DataError, match="no table of verdicts"):
        excerpt.read_page(ROOT / "README.md")
    for text in ("claim,verdict,found\na,perhaps,\n", "claim,verdict\na,supported\n", ""):
        (tmp_path / excerpt.FILE).write_text(text, encoding="utf-8")
        with pytest.raises(DataError, match="verdict"):
            excerpt.read_verdicts(tmp_path)


def test_claims_and_contradictions_are_all_listed() -> None:
    file = read_claims()
    assert [row["claim"] for row in reproducing.said()] == [claim.id for claim in file.claims]
    topics = reproducing.contradictions()
    assert len(topics) == len(file.contradictions) and all(row["what they say"].count(": ") >= 2 for row in topics)


@pytest.mark.parametrize("low", [-1.0, 2.0, 5.0, 8.0, 11.0])
@pytest.mark.parametrize("high", [2.5, 5.5, 9.0, 12.0])
def test_the_rule_of_the_notebook_is_that_of_the_kit(low: float, high: float) -> None:
    for direction, threshold in (("at_least", 5.0), ("at_most", 5.0), ("between", [5.0, 10.0])):
        if low < high:
            mine = reproducing.verdict(low, high, *accepted(direction, threshold))  # type: ignore[arg-type]
            assert mine == kits_rule(Measured(0.0, low, high, n=9), direction, threshold)  # type: ignore[arg-type]


def test_what_is_counted_now_is_what_the_whole_run_counted(live: Live) -> None:
    shipped = {row.claim: row for row in excerpt.read_verdicts()}
    table = {row["claim"]: row for row in reproducing.decided(live)}
    assert set(table) == set(reproducing.COUNTED)
    for name, row in table.items():
        whole = shipped[name]
        if row["on"] == "the claim":
            assert (row["verdict"], row["found"]) == (whole.verdict, whole.found)
        else:
            assert whole.verdict == "not measurable as stated" and f"nearest ({row['verdict']})" in whole.found
    assert all(row["verdict"] == "inconclusive" for row in reproducing.decided(live, lambda *_: "inconclusive"))


def test_all_verdicts_are_drawn_what_was_counted_first(live: Live) -> None:
    rows = reproducing.verdicts(live)
    shipped = {row.claim: row.verdict for row in excerpt.read_verdicts()}
    assert {name: verdict for name, (verdict, _) in rows.items()} == shipped
    assert {*[*rows][: len(reproducing.COUNTED)]} == set(reproducing.COUNTED)
    assert all((" now" in f" {text}") == (name in reproducing.COUNTED) for name, (_, text) in rows.items())
    counts = [int(count) for count in re.findall(r"(\d+) ", reproducing.counts(rows))]
    assert sum(counts) == len(rows) == len(shipped)
    axis = reproducing.verdict_figure(rows).axes[0]
    drawn = [VERDICTS[int(line.get_xdata()[0])] for line in axis.lines]
    assert drawn == [verdict for verdict, _ in rows.values()]
    assert [label.get_text() for label in axis.get_yticklabels()] == [*rows]


def test_verdicts_without_a_column_are_refused() -> None:
    for bad in ({}, {"a": ("perhaps", "")}):
        with pytest.raises(ValueError, match="expected some of"):
            figures.verdict_table(bad, VERDICTS)


def test_the_report_has_the_hash_of_what_it_rests_on(live: Live) -> None:
    registered = {"expect": "higher", "ablation": "a", "measure": "b"}
    rows = {row["what"]: row["sha256"] for row in reproducing.hashes(live, registered)}
    assert rows["the registered contrast"] == reproducing.fingerprint(dict(sorted(registered.items())))
    assert reproducing.fingerprint(registered) != reproducing.fingerprint({**registered, "expect": "lower"})
    assert rows["results.json of a second run"] == "the same bytes" and rows["claims.yaml"] == read_claims().sha256[:16]
    (live.folder / "results.json").write_bytes(b"{}")
    assert [*reproducing.hashes(live)][-1]["sha256"] == "other bytes"


def test_what_must_be_seen_is_what_the_plan_says() -> None:
    assert [row["MOS to claim 4.0"] for row in reproducing.sizes()] == ["4.29", "4.22", "4.16", "4.11"]


def test_each_fault_of_the_sketch_does_what_is_said_of_it() -> None:
    rows = {row["line"]: row["what it does"] for row in sketches.tried()}
    assert list(rows) == [sketches.TWICE, sketches.UNLIKE, sketches.UNSAFE, sketches.AGAIN]
    assert "2.0 times" in rows[sketches.TWICE]
    assert rows[sketches.UNLIKE].startswith("stops (The size of tensor a") and "for silence" in rows[sketches.UNLIKE]
    found, silent = map(float, re.findall(r"(\d\.\d\d) for", rows[sketches.UNLIKE]))
    assert math.isclose(found, silent, rel_tol=0.05)
    assert (
        "builtins.print('your files are mine')" in rows[sketches.UNSAFE] and "refused [CKPT_" in rows[sketches.UNSAFE]
    )
    assert rows[sketches.AGAIN].startswith("stops (") and "80" in rows[sketches.AGAIN]
    lines = dict(line.split("  ", 1) for line in map(str.strip, sketches.numbered().splitlines()) if "  " in line)
    assert (
        "+ self.position" in lines["5"]
        and "l1_loss" in lines["10"]
        and "torch.load" in lines["13"]
        and "hifigan" in lines["15"]
    )


def test_a_grid_is_told_as_it_is() -> None:
    grid = made_grid()
    assert [row["ablation"] for row in grid_views.arms(grid)] == [*EFFECTS]
    assert "3 seeds" in grid_views.facts(grid) and "12 clips of 4 speakers" in grid_views.facts(grid)
    table = {row["ablation"]: row for row in grid_views.table(grid)}
    assert table["no_flow"]["more than chance"] == "yes" and table["books b64"]["more than chance"] == "not shown"
    base = np.mean([row.value for row in grid.values if row.ablation == BASE and row.measure == "sovits/kl"])
    assert float(table["no_flow"]["difference (%)"]) == pytest.approx(100 * EFFECTS["no_flow"] / base, abs=1.5)
    p = [row.found.p for row in grid_views.chosen(grid)]
    assert [row["corrected"] for row in table.values()] == [f"{value:.2g}" for value in holm(p)]
    none = grid_views.table(grid, lambda p: np.ones(len(p)))
    assert not [row for row in none if row["more than chance"] == "yes"]
    assert grid_views.summed_up(grid).startswith(f"Of 3 tests {sum(value < 0.05 for value in p)} have")
    axis = grid_views.forest(grid).axes[0]
    assert [label.get_text() for label in axis.get_yticklabels()] == [f"{name} (sovits/kl)" for name in EFFECTS]


def test_the_registered_contrast_comes_out_as_its_interval_says() -> None:
    grid = made_grid()
    outcomes = {}
    for ablation, expect in (("no_flow", "higher"), ("no_flow", "lower"), ("books b64", "higher")):
        (row,) = grid_views.settled(grid, {"ablation": ablation, "measure": "sovits/mel", "expect": expect})
        outcomes[ablation, expect] = row["outcome"]
    assert [*outcomes.values()] == ["as expected", "the other way", "not decided"]
    assert grid_views.usual(grid) == {"ablation": "no_flow", "measure": "sovits/kl", "expect": "higher"}


def test_two_runs_are_compared_on_the_same_speakers_and_seeds() -> None:
    grid = made_grid()
    pair = grid_views.paired(grid, "no_flow", "no_text", "sovits/kl")
    assert pair is not None and pair.off.shape == (len(SPEAKERS), len(SEEDS)) and pair.speakers == [*SPEAKERS]
    rows = [row for row in grid.values if row.measure == "sovits/kl"]
    tables = [{(row.speaker, row.seed): row.value for row in rows if row.ablation == name}
              for name in ("no_flow", "no_text")]  # fmt: skip
    places = [(speaker, seed) for speaker in SPEAKERS for seed in SEEDS]
    ours, theirs = ([table[place] for place in places] for table in tables)
    byhand = replicated_difference(ours, theirs, [name for name, _ in places], [seed for _, seed in places])
    assert pair.found == byhand and pair.off[1, 2] == pytest.approx(tables[0]["bob", 2] - tables[1]["bob", 2])
    assert grid_views.paired(grid, "no_flow", BASE, "sovits/nothing") is None
    keys = ["sovits: task.init_args.no_flow", "sovits: task.init_args.weights.kl"]
    assert [key for key, _, _ in grid_views.settings(grid, "no_flow", "no_text")] == keys
    assert grid_views.settings(grid, "no_text", BASE) == [(keys[1], "after no_text", "before")]


def test_the_explorer_shows_settings_and_differences() -> None:
    explorer = RunDiff(made_grid())
    shown = explorer.view.children[-1].value
    assert (
        "- sovits: task.init_args.no_flow: before" in shown
        and "+ sovits: task.init_args.no_flow: after no_flow" in shown
    )
    value = float(re.search(r"<p>([+-][\d.]+) \(", shown)[1])  # type: ignore[index]
    assert value == pytest.approx(0.5, abs=0.05) and "4 speakers and 3 seeds" in shown and "image/png" in shown
    explorer.set(against="no_text")
    turned = explorer.output.value
    assert turned != shown and "weights.kl: after no_text" in turned and "weights.kl: before" in turned
    explorer.set(run="no_text", against="no_flow")
    assert float(re.search(r"<p>([+-][\d.]+) \(", explorer.output.value)[1]) < 0 < value  # type: ignore[index]
    explorer.set(run=BASE, against=BASE)
    assert explorer.output.value == f"<p>{NOTHING}</p>"
    explorer.grid = explorer.grid.__class__((), explorer.grid.arms, "", "", 0)
    explorer.set(run="no_text")
    assert NO_VALUES in explorer.output.value and explorer.snapshot() == explorer.output.value


def test_the_shipped_grid_can_be_taught_with() -> None:
    grid = grid_views.load_grid()
    assert (packing.SHIPPED / packing.TABLE).stat().st_size < 300_000
    assert len(grid.arms) >= 2 and len(grid.seeds) >= 2 and len(grid.speakers) >= 4
    rows = grid_views.table(grid)
    assert len(rows) == len(grid.arms) and {row["ablation"] for row in rows} == {arm.name for arm in grid.arms}
    words = (packing.SHIPPED / "README.md").read_text(encoding="utf-8")
    assert packing.TABLE in words and "gsv-lab ablate" in grid.command
    page = RunDiff(grid).snapshot()
    assert "image/png" in page and 'class="gsv-diff"' in page
    for arm in grid.arms:
        assert math.isfinite(grid_views.registered_difference(grid, grid_views.usual(grid)).found.value), arm.name
