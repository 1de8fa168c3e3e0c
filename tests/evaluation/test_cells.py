"""Cells: what is measured again, what is not, and what a killed or parallel run leaves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch
from threadpoolctl import threadpool_info, threadpool_limits

from gsv_lab.errors import AudioError, DataError
from gsv_lab.evaluation.cells import Cells, Row, Runner, cell_key
from gsv_lab.evaluation.lists import Clip, Item, TestList, read_list
from gsv_lab.evaluation.measures import Job
from gsv_lab.evaluation.systems import System, folder_system, natural_system

from .makers import RATE, tone, toy_list


class Peak:
    """The loudest sample, and how often it was asked for."""

    def __init__(self, identity: str = "peak 1", needs: tuple[str, ...] = ()) -> None:
        self.name, self.evaluator, self.identity, self.needs = "peak", "signal", identity, needs
        self.asked: list[Job] = []

    def __call__(self, wave: np.ndarray, job: Job) -> dict[str, Any] | None:
        self.asked.append(job)
        if job.language != "en":
            return None
        return {"peak": float(np.abs(wave).max()) if wave.size else 0.0, "broken": float("nan"), "loud": np.True_}


@pytest.fixture
def toy(tmp_path: Path) -> TestList:
    return read_list(toy_list(tmp_path))


@pytest.fixture
def system(toy: TestList, tmp_path: Path) -> System:
    (tmp_path / "ours").mkdir()
    for number, item in enumerate(toy.items):
        soundfile.write(tmp_path / "ours" / f"{item.name}.wav", tone(200.0, 0.6, 0.1 + 0.02 * number), 2 * RATE)
    return folder_system(tmp_path / "ours", toy.items)


def rows_of(system: System, tmp_path: Path, *measures: Peak, workers: int = 2) -> list[Row]:
    return Runner(measures, Cells(tmp_path / "cells.jsonl"), workers).rows(system.samples)


def test_values_are_kept_and_used_again(system: System, tmp_path: Path) -> None:
    first, second = Peak(), Peak()
    rows = rows_of(system, tmp_path, first)
    assert len(first.asked) == 8
    assert rows[0].found["peak", "signal"] == {"peak": pytest.approx(0.15, abs=0.05), "loud": 1.0}
    assert ("peak", "signal") not in rows[-1].found, "it does not apply to Mandarin"
    assert (rows[0].seconds, rows[0].sample_rate, rows[0].failed, rows[0].left_out) == (0.3, 2 * RATE, "", False)
    assert rows_of(system, tmp_path, second) == rows
    assert not second.asked


def test_only_a_changed_wave_is_measured(toy: TestList, system: System, tmp_path: Path) -> None:
    rows_of(system, tmp_path, Peak())
    soundfile.write(tmp_path / "ours" / f"{toy.items[2].name}.wav", tone(300.0, 0.4, 0.2), RATE)
    again = Peak()
    runner = Runner([again], Cells(tmp_path / "cells.jsonl"))
    rows = runner.rows(folder_system(tmp_path / "ours", toy.items).samples)
    assert [job.item for job in again.asked] == [toy.items[2]]
    assert (runner.spent.samples, runner.spent.cells, list(runner.spent.seconds)) == (1, 1, ["signal"])
    assert rows[2].seconds == 0.4


def test_the_key_holds_what_the_measure_depends_on_and_nothing_else(system: System, tmp_path: Path) -> None:
    sample = system.samples[0]
    other = tmp_path / "other.wav"
    soundfile.write(other, tone(250.0, 0.3), RATE)
    clip = Clip(other, "other.wav", "ann", "en", "")
    changes = {
        "text": replace(sample, text="another text"),
        "natural": replace(sample, source=clip),
        "reference": replace(sample, item=replace(sample.item, reference=clip)),
    }
    for need in ((), ("text",), ("natural",), ("reference",)):
        peak = Peak(needs=need)
        for what, different in changes.items():
            assert (cell_key(peak, sample) != cell_key(peak, different)) == (what in need), (need, what)
    always = [replace(sample, sound="x"), replace(sample, language="zh")]
    assert all(cell_key(Peak(), each) != cell_key(Peak(), sample) for each in always)
    assert cell_key(Peak("peak 2"), sample) != cell_key(Peak(), sample)
    aligned = replace(sample, aligned=True)
    assert cell_key(Peak(needs=("natural",)), aligned) != cell_key(Peak(needs=("natural",)), sample)


def test_a_measure_is_left_out_where_it_lacks_something(toy: TestList, system: System, tmp_path: Path) -> None:
    bare = replace(system.samples[0], text=" ", source=None, item=Item("bare", "", "en", ""))
    for need in ("text", "reference", "natural"):
        peak = Peak(needs=(need,))
        (row,) = Runner([peak], Cells(tmp_path / "cells.jsonl")).rows([bare])
        assert (row.found, row.lacking, peak.asked) == ({}, {("peak", "signal"): need}, [])
    natural = Peak(needs=("natural",))
    rows_of(system, tmp_path, natural)
    assert all(job.natural is not None for job in natural.asked)
    plain = Peak("peak 3")
    rows_of(system, tmp_path, plain)
    assert all(job.natural is None for job in plain.asked), "not read where nobody asks for it"


def test_a_cut_line_is_dropped_and_a_foreign_file_refused(system: System, tmp_path: Path) -> None:
    rows = rows_of(system, tmp_path, Peak())
    path = tmp_path / "cells.jsonl"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    again = Peak()
    assert rows_of(system, tmp_path, again) == rows
    assert len(again.asked) <= 1
    assert sorted(path.read_bytes().splitlines()) == sorted(whole.splitlines())
    for broken in (b"no json\n", b'{"value": 1}\n', b"[1]\n"):
        path.write_bytes(broken)
        with pytest.raises(DataError, match="Line 1"):
            Cells(path)


def test_cells_of_another_evaluation_serve(system: System, tmp_path: Path) -> None:
    rows = rows_of(system, tmp_path, Peak())
    again = Peak()
    cells = Cells(tmp_path / "new.jsonl", [tmp_path / "cells.jsonl", tmp_path / "absent.jsonl"])
    assert Runner([again], cells).rows(system.samples) == rows
    assert not again.asked


def test_the_number_of_workers_changes_nothing(system: System, tmp_path: Path) -> None:
    alone = Runner([Peak()], Cells(tmp_path / "one.jsonl"), 1).rows(system.samples)
    together = Runner([Peak()], Cells(tmp_path / "four.jsonl"), 4).rows(system.samples)
    assert alone == together
    assert all(json.loads(line) for line in (tmp_path / "four.jsonl").read_text().splitlines())


def test_every_worker_computes_in_one_thread(system: System, tmp_path: Path) -> None:
    class Threads(Peak):
        def __call__(self, wave: np.ndarray, job: Job) -> dict[str, Any] | None:
            blas = [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]
            return {"peak": max([torch.get_num_threads(), *blas])}

    before = torch.get_num_threads()
    try:
        for threads in (1, 3):
            torch.set_num_threads(threads)
            (tmp_path / str(threads)).mkdir()
            with threadpool_limits(threads, "blas"):
                rows = rows_of(system, tmp_path / str(threads), Threads())
            assert {row.found["peak", "signal"]["peak"] for row in rows} == {1}
            assert torch.get_num_threads() == threads, "of the caller"
    finally:
        torch.set_num_threads(before)


def test_waves_that_are_broken_or_empty(toy: TestList, system: System, tmp_path: Path) -> None:
    ours = tmp_path / "ours"
    (ours / f"{toy.items[0].name}.wav").write_bytes(b"no sound at all")
    soundfile.write(ours / f"{toy.items[1].name}.wav", np.zeros(0), RATE)
    rows = rows_of(folder_system(ours, toy.items), tmp_path, Peak())
    assert (rows[0].failed, rows[0].left_out, rows[0].found) == ("AUDIO_FORMAT", True, {})
    assert (rows[1].failed, rows[1].left_out) == ("AUDIO_EMPTY", False)
    assert rows[1].found["peak", "signal"]["peak"] == 0
    target = toy.items[0].target
    assert target is not None
    target.path.write_bytes(b"no sound at all")
    with pytest.raises(AudioError):
        rows_of(natural_system(toy.items), tmp_path, Peak())
