"""Runs on disk: what a run says of itself, how runs are found, read and compared, and which of them may go."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import signal
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.utils.tensorboard import SummaryWriter

from gsv_lab.cli import main
from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import DataError, LabError
from gsv_lab.system.folders import locked
from gsv_lab.training.event_files import read_scalars
from gsv_lab.training.fit import fit
from gsv_lab.training.pruning import prunable
from gsv_lab.training.runs import differences, find, named
from gsv_lab.training.task import Task
from small_runs import contents
from small_runs import verifier as unheard
from tiny import make_store


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return make_store(tmp_path_factory.mktemp("store") / "clips", clips=9, seconds=1.2)


def verifier(store: ClipStore, batches: int, **trainer: Any) -> dict[str, Any]:
    """A training that validates on what it trains on, of which it knows several clips a speaker."""
    made = unheard(store, batches, **trainer)
    made["data"]["init_args"]["valid"] = ["train"]
    return made


@pytest.fixture(scope="module")
def trained(store: ClipStore, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two runs of one call, one of another, and the two stages of something."""
    root = tmp_path_factory.mktemp("runs")
    for name in ("one", "again", "tuned/sovits"):
        fit(verifier(store, 3, validate_every=2), root / name, progress_bar=False)
    faster = verifier(store, 3, validate_every=2)
    faster["task"]["init_args"]["learning_rate"] = 0.5
    for name in ("faster", "tuned/gpt"):
        fit(faster, root / name, progress_bar=False)
    return root


@pytest.fixture
def runs(trained: Path, tmp_path: Path) -> Path:
    """A copy of these that may be spoilt."""
    return Path(shutil.copytree(trained, tmp_path / "runs"))


@pytest.fixture
def strict() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("error", UserWarning)
        yield


def card(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    return found


def test_two_runs_of_a_call_differ_in_the_machine_alone(trained: Path) -> None:
    one, again = card(trained / "one"), card(trained / "again")
    machine = one.pop("machine")
    again.pop("machine")
    assert one == again
    assert {"begun", "written", "minutes", "processor", "threads"} <= machine.keys()
    assert (one["schema"], one["end"], one["batches"]) == (1, "done", 3)
    assert {"the table of clips", "the recordings"} <= one["data"].keys()
    assert one["code"]["version"] and one["code"]["packages"]["torch"]
    parts = one["parameters"]["speaker_verifier"]
    assert parts["all"] >= parts["learning"] > 1000
    assert one["valid"].keys() == {"valid/equal_error"}


def test_the_last_validation_is_in_the_card(trained: Path) -> None:
    run = next(run for run in find(trained) if run.name == "one")
    last = run.scalars()["valid/equal_error"][-1]
    assert run.card["valid"]["valid/equal_error"] == pytest.approx(last[1], rel=1e-6)


def test_a_value_that_is_no_number_is_none(store: ClipStore, tmp_path: Path) -> None:
    """One speaker alone has no equal error rate."""
    fit(unheard(store, 1, validate_every=1), tmp_path, progress_bar=False)
    assert card(tmp_path)["valid"] == {"valid/equal_error": None}


@pytest.mark.usefixtures("strict")
def test_runs_are_found_by_name(trained: Path) -> None:
    found = find(trained)
    assert [run.name for run in found] == ["again", "faster", "one", "tuned/gpt", "tuned/sovits"]
    assert {run.state for run in found} == {"done"} and {run.batches for run in found} == {3}
    assert [run.name for run in find(trained / "tuned" / "gpt")] == ["gpt"]
    assert [run.name for run in named([str(trained / "one"), str(trained / "tuned")])] == [
        str(trained / "one"), f"{trained}/tuned/gpt", f"{trained}/tuned/sovits",
    ]  # fmt: skip


def test_names_lie_in_the_cache_folder(runs: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path))
    monkeypatch.chdir(tmp_path.parent)
    assert [run.name for run in named(["one", "tuned"])] == ["one", "tuned/gpt", "tuned/sovits"]
    assert len(find()) == 5
    for name, code in (("absent", "RUN_MISSING"), ("../..", "CONFIG_PATH")):
        with pytest.raises(LabError) as caught:
            named([name + "/nothing"])
        assert caught.value.code == code


def test_how_a_run_ended(store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fit(verifier(store, 3), tmp_path / "stopped", progress_bar=False, run_minutes=1e-9)
    begun = card(tmp_path / "stopped")["machine"]["begun"]
    total = Task.total

    def spoilt(task: Task, losses: Any, stage: str = "train", counts: Any = None) -> Any:
        value = math.nan if task.batches == 1 else 1.0
        return total(task, {name: loss * value for name, loss in losses.items()}, stage)

    seen = []

    def looked_at(task: Task, losses: Any, stage: str = "train", counts: Any = None) -> Any:
        seen.extend((run.state, run.in_use) for run in find(tmp_path / "looked"))
        return total(task, losses, stage, counts)

    with monkeypatch.context() as patched, pytest.raises(LabError, match="nan"):
        patched.setattr(Task, "total", spoilt)
        fit(verifier(store, 3), tmp_path / "failed", progress_bar=False)
    with monkeypatch.context() as patched:
        patched.setattr(Task, "total", looked_at)
        fit(verifier(store, 1), tmp_path / "looked", progress_bar=False)
    assert seen == [("training", True)] and card(tmp_path / "failed")["error"] == "TRAIN_NONFINITE"
    states = {run.name: (run.state, run.batches, run.in_use) for run in find(tmp_path)}
    assert states == {
        "stopped": ("stopped", 1, False), "failed": ("failed", 1, False), "looked": ("done", 1, False),
    }  # fmt: skip
    fit(verifier(store, 3), tmp_path / "stopped", progress_bar=False)
    assert card(tmp_path / "stopped")["machine"]["begun"] == begun
    assert (card(tmp_path / "stopped")["end"], card(tmp_path / "stopped")["batches"]) == ("done", 3)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of this system do not fork")
def test_a_killed_run_is_named_so_and_its_curves_go_on(
    store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Steps that were made again stand there once: the curves are those of the straight run."""
    made = verifier(store, 8, save_every_minutes=1e-9)
    fit(made, tmp_path / "straight", progress_bar=False)
    total = Task.total

    def fatal(task: Task, losses: Any, stage: str = "train", counts: Any = None) -> Any:
        if stage == "train" and task.batches == 5:
            for logger in task.loggers:
                logger.experiment.flush()
            os.kill(os.getpid(), signal.SIGKILL)
        return total(task, losses, stage, counts)

    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(Task, "total", fatal)
            # States of every third batch alone, so that the next call makes some batches again.
            save = "gsv_lab.training.run_state.StateSaver.save"
            monkeypatch.setattr(save, _every_third(save))
            fit(made, tmp_path / "killed", progress_bar=False)
        finally:  # an error must not let this process go on with the tests
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL
    (run,) = find(tmp_path / "killed")
    assert (run.state, run.in_use) == ("killed", False)
    before = run.scalars()["train/margin"]
    assert [step for step, _ in before] == [0, 1, 2, 3, 4]
    fit(made, tmp_path / "killed", progress_bar=False)
    (straight,) = find(tmp_path / "straight")
    assert len(list((tmp_path / "killed" / "events").glob("events*"))) == 2
    assert run.scalars() == straight.scalars()


def _every_third(name: str) -> Any:
    from gsv_lab.training.run_state import StateSaver

    save = StateSaver.save
    return lambda own, trainer, task: save(own, trainer, task) if task.batches == 2 else None


def test_numbers_are_those_that_tensorboard_reads(trained: Path) -> None:
    run = find(trained / "one")[0]
    known = EventAccumulator(str(run.folder / "events"), size_guidance={"scalars": 0}).Reload()
    found = run.scalars()
    assert set(found) == set(known.Tags()["scalars"]) and "train/margin" in found
    for tag, rows in found.items():
        assert dict(rows) == {row.step: row.value for row in known.Scalars(tag)}, tag
        assert [step for step, _ in rows] == sorted(dict(rows))


def write_events(folder: Path, count: int = 20) -> Path:
    """An event file of numbers with a picture among them."""
    import numpy as np

    writer = SummaryWriter(str(folder))
    for step in range(count):
        writer.add_scalar("a", 0.5 * step, step)
        if step == 5:
            writer.add_image("picture", np.random.default_rng(0).integers(0, 255, (3, 64, 64), np.uint8), step)
    writer.close()
    (path,) = folder.glob("events*")
    return path


@pytest.mark.parametrize("how", ["whole", "cut", "empty", "noise", "flipped", "picture flipped"])
def test_damaged_event_files(how: str, tmp_path: Path) -> None:
    """What stands before the damage is read; half a record at the end is no damage; pictures are not looked at."""
    path = write_events(tmp_path)
    data = path.read_bytes()
    last = data.rindex(b"a\x15")  # the last number's tag, and the byte that stands before its value
    long = data.index(b"\x89PNG") + 100
    spoilt = {
        "whole": data, "cut": data[: last + 3], "empty": b"", "noise": os.urandom(3000),
        "flipped": data[: last + 3] + bytes([data[last + 3] ^ 1]) + data[last + 4 :],
        "picture flipped": data[:long] + bytes([data[long] ^ 1]) + data[long + 1 :],
    }  # fmt: skip
    path.write_bytes(spoilt[how])
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        found = read_scalars(tmp_path)
    words = {"empty": ["holds no numbers"], "noise": ["is damaged", "holds no numbers"], "flipped": ["is damaged"]}
    assert [word in str(w.message) for word, w in zip(words.get(how, []), caught, strict=True)].count(False) == 0
    count = {"whole": 20, "cut": 19, "flipped": 19, "picture flipped": 20}.get(how, 0)
    assert found == ({"a": [(step, 0.5 * step) for step in range(count)]} if count else {})


FOREIGN = {
    "no run": ("notes/today.txt", b"x", "notes holds no run"),
    "damaged": ("bad/experiment.json", b'{"name": "x"', "bad is no run that can be read"),
    "another table": ("bad/experiment.json", b'{"name": "x"}', "bad is no run that can be read"),
    "a list": ("bad/experiment.json", b"[1]", "bad is no run that can be read"),
    "another schema": ("one/run.json", b'{"schema": 99, "end": "done"}', "is of schema 99, and this version reads 1"),
    "damaged card": ("one/run.json", b"{", "one/run.json is damaged"),
}


@pytest.mark.parametrize("how", FOREIGN)
def test_what_cannot_be_read_is_one_line(how: str, runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place, content, words = FOREIGN[how]
    (runs / place).parent.mkdir(exist_ok=True)
    (runs / place).write_bytes(content)
    assert main(["runs", "list", str(runs)]) == 0
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 6 and len(err.splitlines()) == 1 and words in err
    if place == "one/run.json":
        assert [line.split()[:3] for line in out.splitlines() if line.startswith("one ")] == [["one", "unknown", "?"]]


def test_a_run_without_a_card_is_one_of_an_older_version(runs: Path) -> None:
    (runs / "one" / "run.json").unlink()
    run = next(run for run in find(runs) if run.name == "one")
    assert (run.state, run.batches, run.minutes) == ("unknown", None, None) and run.scalars()


@pytest.mark.parametrize("place", ["", "absent"])
def test_where_no_run_is(place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["runs", "list", str(tmp_path / place)]) == 2
    assert capsys.readouterr().err.endswith("[RUN_MISSING]\n")
    with pytest.raises(DataError):
        find(tmp_path / place)


def test_differences_of_runs(runs: Path) -> None:
    by_name = {run.name: run for run in find(runs)}
    one, again, faster = by_name["one"], by_name["again"], by_name["faster"]
    assert differences(one, again) == []
    assert differences(one, faster) == [("task.init_args.learning_rate", "0.001", "0.5")]
    changed = card(runs / "again")
    changed["data"]["the recordings"], changed["code"]["version"] = "0123", "0.0.1"
    (runs / "again" / "run.json").write_text(json.dumps(changed), encoding="utf-8")
    again = next(run for run in find(runs) if run.name == "again")
    here = str(one.card["code"]["version"])
    data = str(one.card["data"]["the recordings"])
    assert differences(faster, again, one) == [
        ("code.version", here, "0.0.1", here),
        ("task.init_args.learning_rate", "0.5", "0.001", "0.001"),
        ("trained on.the recordings", data, "0123", data),
    ]


def test_compare_draws_and_tells(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    picture = tmp_path / "curves.png"
    command = ["runs", "compare", str(trained / "one"), str(trained / "faster")]
    assert main([*command, "--picture", str(picture)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["task.init_args.learning_rate", "0.001", "0.5"]
    run = next(run for run in find(trained) if run.name == "faster")
    rows = run.scalars()["train/margin"]
    lowest, highest = min(rows, key=lambda row: row[1]), max(rows, key=lambda row: row[1])
    expected = [f"{rows[-1][1]:.5g}", f"{lowest[1]:.5g}", str(lowest[0]), f"{highest[1]:.5g}", str(highest[0])]
    (line,) = [line for line in lines if line.startswith("train/margin") and "faster" in line]
    assert line.split()[2:] == expected
    assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size > 10_000
    assert main([*command, "--tags", "grad_norm/*"]) == 0
    tags = [line.split()[0] for line in capsys.readouterr().out.splitlines()[4:]]
    assert set(tags) == {"grad_norm/all", "grad_norm/speaker_verifier"}
    assert main([*command, "--tags", "valid/mell"]) == 2
    assert "valid/equal_error" in capsys.readouterr().err


def test_export_writes_every_number(trained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "numbers.csv"
    assert main(["runs", "export", str(trained / "tuned"), "--output", str(file)]) == 0
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert f"{len(rows)} values" in capsys.readouterr().out
    for run in named([str(trained / "tuned")]):
        for tag, values in run.scalars().items():
            own = [
                (int(row["batch"]), float(row["value"])) for row in rows if (row["run"], row["tag"]) == (run.name, tag)
            ]
            assert own == values
    assert main(["runs", "export", str(trained), "--output", str(tmp_path / "numbers.txt")]) == 2


def aged(folder: Path, days: float) -> None:
    """Let a run be written so many days ago."""
    for path in folder.rglob("*"):
        moment = path.stat().st_mtime - days * 24 * 3600
        os.utime(path, (moment, moment))


def pruned(runs: Path, *options: str) -> set[str]:
    """What the command takes away, and that it takes nothing without `--yes`."""
    before, names = contents(runs), {path.name for path in runs.iterdir()}
    assert main(["runs", "prune", str(runs), *options]) == 0 and contents(runs) == before
    assert main(["runs", "prune", str(runs), *options, "--yes"]) == 0
    return names - {path.name for path in runs.iterdir()}


def test_prune_by_age(runs: Path) -> None:
    aged(runs / "one", 3.0)
    aged(runs / "tuned" / "gpt", 9.0)  # the other stage is of today
    assert pruned(runs, "--older-than", "2.5") == {"one"}


def test_prune_what_is_unfinished(runs: Path, store: ClipStore) -> None:
    fit(verifier(store, 3), runs / "stopped", progress_bar=False, run_minutes=1e-9)
    changed = card(runs / "tuned" / "gpt") | {"end": "training"}
    (runs / "tuned" / "gpt" / "run.json").write_text(json.dumps(changed), encoding="utf-8")
    assert pruned(runs, "--unfinished") == {"stopped", "tuned"}


def test_prune_all_but_the_newest(runs: Path) -> None:
    for days, name in enumerate(("tuned", "again", "one", "faster")):
        aged(runs / name, days)
    assert pruned(runs, "--keep", "2", "--older-than", "2.5") == {"faster"}
    assert pruned(runs, "--keep", "2") == {"one"}
    assert pruned(runs, "--keep", "0") == {"tuned", "again"}
    assert runs.is_dir()


def test_prune_leaves_what_is_in_use(runs: Path) -> None:
    """By its lock or by that of a folder above it, and what lies behind a link."""
    elsewhere = runs.parent / "elsewhere"
    shutil.move(runs / "again", elsewhere)
    (runs / "again").symlink_to(elsewhere)
    with locked(runs / "one", "trained in"), locked(runs / "tuned", "tuned in"):
        assert pruned(runs, "--keep", "0") == {"faster"}
    assert (elsewhere / "experiment.json").is_file()
    assert pruned(runs, "--keep", "0") == {"one", "tuned"}
    assert (elsewhere / "experiment.json").is_file()


def test_prune_leaves_files_of_others(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """In a run's folder and beside it; of a run nothing is left."""
    (runs / "one" / "thesis.txt").write_text("mine")
    (runs / "one" / "weights" / "link").symlink_to(runs / "notes")
    (runs / "notes").mkdir()
    (runs / "notes" / "today.txt").write_text("mine")
    assert main(["runs", "prune", str(runs), "--keep", "0", "--yes"]) == 0
    left = {str(path.relative_to(runs)) for path in runs.rglob("*")}
    assert left == {"one", "one/thesis.txt", "notes", "notes/today.txt"}
    assert "thesis.txt" in capsys.readouterr().err


def test_prune_wants_to_know_which(runs: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = contents(runs)
    assert main(["runs", "prune", str(runs), "--yes"]) == 2
    assert "[PARAM_RANGE]" in capsys.readouterr().err and contents(runs) == before
    assert main(["runs", "prune", str(runs), "--older-than", "400", "--yes"]) == 0
    assert "no run fits" in capsys.readouterr().out and contents(runs) == before
    assert not prunable(find(runs), older_than=400)
