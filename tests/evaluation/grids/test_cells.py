"""Cells on disk, and the order in which they run: nothing is mixed, nothing is done twice, one failure is one."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

import small_grids
from gsv_lab.errors import DataError, LabError
from gsv_lab.evaluation.grids import worker
from gsv_lab.evaluation.grids.cell import (
    CELL,
    DIED,
    DONE,
    FAILED,
    ITEMS,
    RESULT,
    Cell,
    Outcome,
    folder_of,
    measured,
    read_cell,
    read_outcome,
    write_cell,
    write_outcome,
)
from gsv_lab.evaluation.grids.items import Item, items_csv, read_items
from gsv_lab.evaluation.grids.schedule import SKIPPED, run_cells, states
from gsv_lab.evaluation.grids.worker import run_cell


def cell(name: str, needs: frozenset[str] = frozenset(), **more: object) -> Cell:
    """A cell of nothing."""
    made_of = {"name": name, "seed": 1, "sources": {"a": "1"}}
    return Cell("sovits", 1, made_of, {"threads": 1, "parts": [], **more}, needs)


def by_key(*cells: Cell) -> dict[str, Cell]:
    return {each.key: each for each in cells}


def test_what_was_measured_comes_back_and_always_has_the_same_bytes(tmp_path: Path) -> None:
    items = [Item("b", "x", "mel", 1 / 3), Item("a", "y", "mel", 2.0), Item("a", "y", "kl", -0.5)]
    (tmp_path / "items.csv").write_bytes(items_csv(items))
    assert items_csv(items) == items_csv(items[::-1])
    found = read_items(tmp_path / "items.csv")
    assert found == [Item("a", "y", "kl", -0.5), Item("a", "y", "mel", 2.0), Item("b", "x", "mel", 0.333333333)]
    for text in ("nothing\n", "item,speaker,measure,value\na,y,mel\n", "item,speaker,measure,value\na,y,mel,x\n"):
        (tmp_path / "items.csv").write_text(text, encoding="utf-8")
        with pytest.raises(DataError) as caught:
            read_items(tmp_path / "items.csv")
        assert caught.value.code == "DATA_ROW"


def test_results_of_other_sources_are_refused(tmp_path: Path) -> None:
    """A folder that was renamed, a key whose content was changed, measurements that were edited."""
    one, other = cell("one"), cell("other")
    for each in (one, other):
        write_cell(tmp_path, each)
        small_grids.pretend(tmp_path, each.key)
    assert read_outcome(tmp_path, one).end == DONE and len(measured(tmp_path, one.key)) == 24
    place, kept = folder_of(tmp_path, one.key), tmp_path / "kept"
    shutil.copytree(place, kept)

    def refused(why: str) -> None:
        with pytest.raises(DataError, match=why) as caught:
            states(tmp_path, by_key(one))
        assert caught.value.code == "GRID_MIXED"
        shutil.rmtree(place)
        shutil.copytree(kept, place)

    shutil.rmtree(place)
    shutil.copytree(folder_of(tmp_path, other.key), place)
    refused("cell.json is of another cell")
    content = json.loads((place / CELL).read_text())
    content["made_of"]["sources"]["a"] = "2"
    (place / CELL).write_text(json.dumps(content))
    refused("cell.json is of another cell")
    (place / ITEMS).write_text((place / ITEMS).read_text().replace("ann_0", "ann_9"))
    refused("items.csv was changed")
    shutil.copy(folder_of(tmp_path, other.key) / RESULT, place / RESULT)
    refused("result.json is of another cell")
    (place / CELL).unlink()
    refused("cell.json is of another cell")
    assert read_outcome(tmp_path, one).end == DONE


def test_missing_cells_run_once_each_after_what_they_need(tmp_path: Path) -> None:
    first = cell("first")
    second = cell("second", frozenset({first.key}))
    cells = by_key(second, first)
    executor = small_grids.Pretended(tmp_path)
    known = run_cells(tmp_path, cells, executor)
    assert executor.begun == [first.key, second.key] and executor.closed
    assert {outcome.end for outcome in known.values()} == {DONE}
    again = small_grids.Pretended(tmp_path)
    assert run_cells(tmp_path, cells, again) == known and not again.begun


def test_a_cell_that_diverges_leaves_the_others_alone(tmp_path: Path) -> None:
    """It is reported, what needs it is skipped, and it is not tried again; one that merely failed is."""
    bad, weak, good = cell("bad"), cell("weak"), cell("good")
    after = cell("after", frozenset({bad.key}))
    last = cell("last", frozenset({after.key}))
    ends = {
        bad.key: [Outcome(FAILED, "TRAIN_NONFINITE", "The loss 'mel' is nan at batch 3")],
        weak.key: [Outcome(FAILED, "RuntimeError", "out of luck")],
    }
    lines: list[str] = []
    cells = by_key(bad, weak, good, after, last)
    known = run_cells(tmp_path, cells, small_grids.Pretended(tmp_path, ends), say=lines.append)
    found = {name: known[each.key].end for name, each in {"bad": bad, "weak": weak, "good": good}.items()}
    assert found == {"bad": FAILED, "weak": FAILED, "good": DONE}
    assert known[after.key].end == known[last.key].end == SKIPPED and "TRAIN_NONFINITE" in " ".join(lines)
    again = small_grids.Pretended(tmp_path)
    assert run_cells(tmp_path, cells, again)[weak.key].end == DONE and again.begun == [weak.key]


@pytest.mark.parametrize(("retries", "end"), [(0, DIED), (1, DIED), (2, DONE)])
def test_a_lost_cell_is_begun_again_as_often_as_allowed(tmp_path: Path, retries: int, end: str) -> None:
    lost, good = cell("lost"), cell("good")
    executor = small_grids.Pretended(tmp_path, {lost.key: [Outcome(DIED, "PROCESS_DIED", "signal 9")] * 2})
    known = run_cells(tmp_path, by_key(lost, good), executor, retries)
    assert known[lost.key].end == end and known[good.key].end == DONE
    assert executor.begun.count(lost.key) == min(retries, 2) + 1


def test_a_full_disk_stops_the_grid_and_keeps_what_there_is(tmp_path: Path) -> None:
    first, full = cell("first"), cell("full")
    executor = small_grids.Pretended(tmp_path, {full.key: [Outcome(FAILED, "SAVE_FAILED", "Could not write 'x'")]})
    known = states(tmp_path, by_key(first))
    run_cells(tmp_path, by_key(first), small_grids.Pretended(tmp_path))
    with pytest.raises(LabError, match="the same command goes on") as caught:
        run_cells(tmp_path, by_key(first, full, cell("more")), executor)
    assert caught.value.code == "SAVE_FAILED" and executor.closed
    assert not known[first.key].end and read_outcome(tmp_path, first).end == DONE
    again = small_grids.Pretended(tmp_path)
    assert {one.end for one in run_cells(tmp_path, by_key(first, full), again).values()} == {DONE}
    assert again.begun == [full.key]


def test_what_a_training_raises_is_how_its_cell_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An error of the kit with its code, one of a part of the user's own with its class, and Ctrl-C as itself."""
    each = cell("one", experiment={}, evaluator="", items=0, codes=False)
    write_cell(tmp_path, each)
    for error, code in (
        (LabError("TRAIN_NONFINITE", "The loss 'mel' is nan at batch 3"), "TRAIN_NONFINITE"),
        (ZeroDivisionError("in my part"), "ZeroDivisionError"),
    ):

        def fails(*_: object, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr(worker, "_trained", fails)
        outcome = run_cell(tmp_path, each.key)
        assert (outcome.end, outcome.code) == (FAILED, code) and str(error).split(" at")[0] in outcome.message
        assert read_outcome(tmp_path, each).code == code

    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, "_trained", stopped)
    with pytest.raises(KeyboardInterrupt):
        run_cell(tmp_path, each.key)
    monkeypatch.setattr(worker, "_trained", lambda *_: (small_grids.pretended_items(each.made_of), 3))
    outcome = run_cell(tmp_path, each.key)
    assert (outcome.end, outcome.batches) == (DONE, 3) and read_outcome(tmp_path, each).end == DONE


def test_a_process_of_its_own_says_by_its_code_how_it_went(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    each = cell("one", experiment={}, evaluator="", items=0, codes=False)
    monkeypatch.setattr(worker, "_end_with", lambda parent: None)
    assert worker.main([str(tmp_path), each.key]) == 2 and "there is no cell" in capsys.readouterr().err
    write_cell(tmp_path, each)
    monkeypatch.setattr(worker, "_trained", lambda *_: ([], 0))
    assert worker.main([str(tmp_path), each.key]) == 0

    def full(*_: object) -> None:
        raise LabError("SAVE_FAILED", "Could not write")

    monkeypatch.setattr(worker, "write_outcome", full)
    assert worker.main([str(tmp_path), each.key]) == worker.DISK
    content = read_cell(tmp_path, each.key)
    assert content["needs"] == [] and os.listdir(tmp_path / "cells") == [each.key]
    write_outcome(tmp_path, each.key, Outcome(FAILED, "X", "y"))
    assert read_outcome(tmp_path, each).end == FAILED
