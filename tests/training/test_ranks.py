"""Several processes that train together do what one does with the whole batch, and what cannot be so is refused."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from forked import exit_status
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.corpora.gpt_data import GPTBatch
from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.system.machine import usable_cores
from gsv_lab.system.rows import Rows, first_rows, sharing
from gsv_lab.training import following
from gsv_lab.training.fit import fit
from gsv_lab.training.following import check_processes
from gsv_lab.training.ranks import WholeBatch, some_rows
from gsv_lab.training.run_state import StateFile
from gsv_lab.training.runs import find
from gsv_lab.training.sovits_task import SoVITSTask
from gsv_lab.training.stepping import Stepping
from small_runs import sovits, tracked_store, verifier
from tiny import ALIGNED_PRIOR, GPT, experiment, spec

several = pytest.mark.skipif(usable_cores() < 2 or not hasattr(os, "fork"), reason="one core, or no fork")


def apart(test: Callable[..., None]) -> Callable[..., None]:
    """The test in a process of its own: what gloo leaves behind breaks processes that other tests fork."""

    @wraps(test)
    def forked(**fixtures: Any) -> None:
        assert exit_status(lambda: test(**fixtures)) == 0, "see the traceback above"

    return forked


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return tracked_store(tmp_path_factory.mktemp("store"))


@pytest.fixture(autouse=True)
def nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """Views take longer than these trainings."""
    monkeypatch.setattr(SoVITSTask, "log_views", lambda *_: None)
    monkeypatch.setattr(SoVITSTask, "view_points", lambda *_: {})


def test_rows_are_dealt_like_cards() -> None:
    assert [Rows(5, rank, 2).own() for rank in range(2)] == [[0, 2, 4], [1, 3]]
    assert [Rows(5, rank, 2).own(3) for rank in range(2)] == [[0, 2], [1]]
    assert Rows(1, 1, 2).own() == []


def test_first_rows_are_those_of_the_whole_batch() -> None:
    """Also where this process alone would count another number."""
    assert first_rows(0.5, 5) == 2
    found = []
    for rank in range(2):
        with sharing(Rows(7, rank, 2)):
            found.append(first_rows(0.5, len(Rows(7, rank, 2).own())))
    assert found == [2, 2] and first_rows(0.5, 3) == 2
    with sharing(Rows(7, 0, 2)):
        assert first_rows(0.0, 4) == 0 and first_rows(1.0, 4) == 4
    for rank in range(2):
        with sharing(Rows(4, rank, 2)), pytest.raises(ConfigError, match="at least 2 of both kinds") as caught:
            first_rows(0.25, 2)
        assert caught.value.code == "STRATEGY_UNAVAILABLE"


def draws(x: Tensor, n: int) -> list[Tensor]:
    """Every kind of random number that the networks draw, of the rows of x (B, C, F) and of the first n of them."""
    turned = x.transpose(1, 2).contiguous().transpose(1, 2)  # another order in memory
    return [
        torch.rand(len(x), 1),
        torch.randn(x.shape),
        torch.rand((len(x), 1, 1)) < 0.5,
        torch.randint_like(x.long(), 100),
        functional.dropout(x, 0.3),
        nn.Dropout(0.3)(turned),
        torch.randn(n, 3),
    ]


@pytest.mark.parametrize("size", [5, 6])
def test_each_process_draws_what_its_rows_get_in_one(size: int) -> None:
    x = torch.randn(size, 3, 4)
    torch.manual_seed(7)
    whole = [*draws(x, round(0.5 * size)), x.roll(1, 0)]
    after = torch.rand(())
    for rank in range(2):
        rows = Rows(size, rank, 2)
        torch.manual_seed(7)
        with sharing(rows), WholeBatch(rows, lambda *_: x):
            n = first_rows(0.5, len(rows.own()))
            own_x = x[rows.own()]
            found = [*draws(own_x, n), own_x.roll(1, 0)]
            with pytest.raises(ConfigError, match="exchanges what is learnt"):
                own_x.clone().requires_grad_().roll(1, 0)
        for number, (one, all_of_it) in enumerate(zip(found, whole, strict=True)):
            own = rows.own(len(all_of_it))
            assert one.dtype == all_of_it.dtype and torch.equal(one, all_of_it[own]), number
        assert torch.equal(torch.rand(()), after)  # what comes after is the same everywhere


def test_nothing_is_dropped_outside_of_training() -> None:
    rows = Rows(4, 0, 2)
    with WholeBatch(rows, lambda *_: pytest.fail("nothing is moved")):
        x = torch.ones(2, 3)
        assert torch.equal(functional.dropout(x, 0.5, training=False), x)
        query = torch.ones(2, 1, 3, 4)
        assert functional.scaled_dot_product_attention(query, query, query).shape == query.shape
        with pytest.raises(ConfigError, match="attention_dropout: 0"):
            functional.scaled_dot_product_attention(query, query, query, None, 0.1)


def test_a_batch_is_cut_and_its_padding_stays() -> None:
    batch = GPTBatch(
        torch.arange(6).view(3, 2), torch.tensor([2, 1, 2]), torch.zeros(3, 4, 2), torch.arange(9).view(3, 3),
        torch.tensor([3, 2, 1]), torch.zeros(3, 3), ["en", "zh", "en"], None,
    )  # fmt: skip
    cut = some_rows(batch, Rows(3, 0, 2))
    assert cut.codes.tolist() == [[0, 1, 2], [6, 7, 8]] and cut.languages == ["en", "en"] and cut.speaker is None
    assert some_rows(batch, Rows(1, 1, 2)).languages == ["en"]  # nobody's row, of weight 0


def gan(store: ClipStore, processes: int, batches: int, prior: Any = None, **trainer: Any) -> dict[str, Any]:
    """Five windows in a batch, two from the prior; both optimizers step once in two batches, and are clipped."""
    options = {"adversarial_from": 0.0, "warm_up": 1, "learning_rate": 1e-4, "gradient_clip": 5.0}
    task, data = sovits(
        store,
        "training.sovits_task.SoVITSTask",
        weights={"mel": 45.0, "convergence": 9.0, "adversarial": 2.0},
        **options,
    )
    data["init_args"]["windows"] = 5
    sizes = task["init_args"]["sovits"]["init_args"]
    task["init_args"]["sovits"] = {
        **task["init_args"]["sovits"],
        "init_args": {**sizes, "prior": prior or sizes["prior"]},
    }
    made = experiment(task, data, batches, processes=processes, average_decay=0.0, **trainer)
    return made | {"recipe": {"accumulate": 2}}


def semantic(store: ClipStore, processes: int, batches: int, **trainer: Any) -> dict[str, Any]:
    """Batches of different size, of which some have one clip."""
    sizes = {**GPT["init_args"], "dropout": 0.1, "attention_dropout": 0.0}
    network = {**GPT, "init_args": sizes}
    task = spec(
        "training.gpt_task.GPTTask", semantic_gpt=network, guided_layer=1, corrupted=0.1, warm_up=1, learning_rate=1e-4
    )
    data = spec("corpora.gpt_data.GPTData", store=str(store.folder), batch_seconds=6.1, worst_fit=-90.0)
    return experiment(task, data, batches, processes=processes, average_decay=0.0, **trainer)


Gradients = dict[tuple[int, str], list[Tensor]]


@pytest.fixture
def gradients(monkeypatch: pytest.MonkeyPatch) -> Gradients:
    """Those of rank 0 at every step, once they are added up, by batch and optimizer."""
    found: Gradients = {}
    clip = Stepping.on_before_optimizer_step

    def keep(task: Any, optimizer: Any) -> None:
        owned = [p for group in optimizer.param_groups for p in group["params"]]
        found[task.batches, task.moving] = [torch.zeros(1) if p.grad is None else p.grad.clone() for p in owned]
        clip(task, optimizer)

    monkeypatch.setattr(Stepping, "on_before_optimizer_step", keep)
    return found


def names(folder: Path) -> set[str]:
    """Files of a run; event files have names of their own."""
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    return {name if not name.startswith("events/") else "events" for name in found}


def compare(one: Path, two: Path, first: Gradients, second: Gradients) -> None:
    """Losses and weights to 1e-5, and the gradients of the first steps, of which later ones see what AdamW makes of
    rounding; sums over many frames are rounded to 5e-5.
    """
    assert first.keys() == second.keys() and names(one) == names(two)
    early = [key for key in first if key[0] <= 3]
    assert len(early) >= 4
    for key in early:
        largest = max(float(value.abs().max()) for value in first[key])
        for value, other in zip(first[key], second[key], strict=True):
            torch.testing.assert_close(other, value, rtol=1e-4, atol=5e-5 * max(1.0, largest))
    (straight,), (together,) = find(one), find(two)
    losses = {tag: rows for tag, rows in straight.scalars().items() if tag.startswith(("train/", "grad_norm/"))}
    assert len(losses) >= 5 and losses.keys() <= together.scalars().keys()
    for tag, expected_rows in losses.items():
        rows = together.scalars()[tag]
        if tag.startswith("grad_norm/"):  # Lightning shows the last one again where no step was made
            rows, expected_rows = ([row for row in each if row[0] % 2] for each in (rows, expected_rows))
        assert [step for step, _ in rows] == [step for step, _ in expected_rows], tag
        for (_, value), (_, expected) in zip(rows, expected_rows, strict=True):
            assert value == pytest.approx(expected, rel=1e-4, abs=1e-5), tag
    for path in sorted((one / "weights").iterdir()):
        mine, theirs = load_tensors(path), load_tensors(two / "weights" / path.name)
        for key, value in mine.items():
            # The bias of keys moves no attention: its gradient is rounding, which AdamW makes as large as any other.
            if not key.endswith(("key.bias", "qkv.bias")):
                torch.testing.assert_close(theirs[key], value, rtol=1e-5, atol=1e-5, msg=f"{path.name}: {key}")


@several
@pytest.mark.parametrize("prior", [ALIGNED_PRIOR, pytest.param(None, marks=pytest.mark.slow)])
@apart
def test_two_processes_equal_one_with_two_optimizers(
    prior: Any, store: ClipStore, tmp_path: Path, gradients: Gradients
) -> None:
    """An uneven batch, added up and clipped; half-way one process goes on alone with what two have begun. One prior
    exchanges the codes of neighbours, the other one is guided.
    """
    fit(gan(store, 1, 6, prior), tmp_path / "one", progress_bar=False)
    first = dict(gradients)
    gradients.clear()
    begun = gan(store, 2, 6, prior)
    fit(begun, tmp_path / "two", progress_bar=False, run_minutes=1e-9)  # one batch: a gradient waits
    waiting = StateFile(tmp_path / "two" / "state.ckpt").read()["gradients"]
    assert any(float(value.abs().sum()) > 0 for value in waiting.values())
    fit(gan(store, 1, 6, prior), tmp_path / "two", progress_bar=False, run_minutes=1e-9)
    assert fit(begun, tmp_path / "two", progress_bar=False).done
    compare(tmp_path / "one", tmp_path / "two", first, gradients)


@several
@apart
def test_two_processes_equal_one_on_batches_of_any_size(store: ClipStore, tmp_path: Path, gradients: Gradients) -> None:
    sizes = []
    own_rows = Stepping.own_rows

    def seen(task: Any, batch: Any) -> Any:
        if task.trainer.training:
            sizes.append(len(batch[0]))
        return own_rows(task, batch)

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Stepping, "own_rows", seen)
        fit(semantic(store, 1, 5, validate_every=2), tmp_path / "one", progress_bar=False)
    assert {1, 5} == set(sizes)
    first = dict(gradients)
    gradients.clear()
    fit(semantic(store, 2, 5, validate_every=2), tmp_path / "two", progress_bar=False)
    compare(tmp_path / "one", tmp_path / "two", first, gradients)


def refused(store: ClipStore, tmp_path: Path, made: dict[str, Any]) -> str:
    """What is said of an experiment that leaves nothing."""
    with pytest.raises(ConfigError) as caught:
        fit(made, tmp_path / "run", progress_bar=False)
    assert caught.value.code == "STRATEGY_UNAVAILABLE" and not (tmp_path / "run").exists()
    return str(caught.value)


def test_more_processes_than_cores(store: ClipStore, tmp_path: Path) -> None:
    """Row 51."""
    there = usable_cores()
    said = refused(store, tmp_path, gan(store, there + 1, 2, device="cpu"))
    assert f"trainer.processes is {there + 1}, and {there} cores can be used here" in said
    assert f"Expected at most {there}, or recipe.accumulate" in said


@several
def test_a_task_that_cannot_be_shared(store: ClipStore, tmp_path: Path) -> None:
    assert "VerifierTask trains in one" in refused(store, tmp_path, verifier(store, 2, processes=2))
    made = gan(store, 2, 2)
    made["task"]["init_args"]["weights"]["latent"] = 1.0
    assert "SoVITSTask trains in one" in refused(store, tmp_path, made)


@several
@pytest.mark.parametrize(
    ("device", "explicit", "words"),
    [("cuda", "cuda:1", "the device is cuda:1"), ("mps", "mps", "the device is mps"), ("cuda", "auto", "GPUs")],
)
def test_devices_that_several_processes_cannot_have(
    device: str, explicit: str, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.distributed, "is_nccl_available", lambda: True)
    task: Any = SimpleNamespace(is_shared=True)
    with pytest.raises(ConfigError, match=words) as caught:
        check_processes(2, torch.device(device), explicit, task, {})
    assert caught.value.code == "STRATEGY_UNAVAILABLE"
    monkeypatch.setattr(torch.distributed, "is_gloo_available", lambda: False)
    with pytest.raises(ConfigError, match="no library for several processes"):
        check_processes(2, torch.device("cpu"), "cpu", task, {})


@several
def test_a_class_that_was_typed_into_a_cell(store: ClipStore) -> None:
    task: Any = SimpleNamespace(is_shared=True)
    made = {"task": {"class_path": "__main__.Mine", "init_args": {}}}
    with pytest.raises(ConfigError, match="__main__.Mine is known to this process alone"):
        check_processes(2, torch.device("cpu"), "cpu", task, made)


@several
@apart
def test_another_process_that_fails_is_named(store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With its error, or with its last words; no process is left."""
    started = []

    def instead(code: str) -> Any:
        def start(folder: Path, rank: int) -> subprocess.Popen[bytes]:
            with (folder / f"log{rank}").open("wb") as log:
                started.append(subprocess.Popen([sys.executable, "-c", code, str(folder)], stderr=log))
            return started[-1]

        return start

    monkeypatch.setattr(following, "_start", instead("import sys; sys.exit('out of memory')"))
    with pytest.raises(LabError, match=r"Process 1 of the training ended with code 1 \(out of memory\)") as caught:
        fit(gan(store, 2, 2), tmp_path / "run", progress_bar=False)
    assert caught.value.code == "PROCESS_DIED" and not (tmp_path / "run").exists()
    told = json.dumps({"code": "DATA_MISSING", "message": "no store."})
    code = f"import sys, pathlib; pathlib.Path(sys.argv[1], 'error1.json').write_text({told!r}); sys.exit(2)"
    monkeypatch.setattr(following, "_start", instead(code))
    with pytest.raises(LabError, match="In process 1: no store") as caught:
        fit(gan(store, 2, 2), tmp_path / "run", progress_bar=False)
    assert caught.value.code == "DATA_MISSING"
    assert [process.poll() for process in started] == [1, 2]


def is_alive(process: int) -> bool:
    """Whether a process is there and no zombie."""
    status = Path(f"/proc/{process}/stat")
    return status.is_file() and status.read_text().rpartition(")")[2].split()[0] != "Z"


@several
@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="no /proc")
@apart
def test_a_process_that_is_killed_ends_the_training(
    store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever it is: the state is intact, and nobody goes on training."""
    start, started = following._start, []
    monkeypatch.setattr(following, "_start", lambda *how: started.append(start(*how)) or started[-1])
    total = SoVITSTask.total

    def fatal(task: Any, losses: Any, stage: str = "train", counts: Any = None) -> Tensor:
        if stage == "train" and task.batches == 2 and started:
            os.kill(started[-1].pid, signal.SIGKILL)
            started[-1].wait()
        return total(task, losses, stage, counts)

    made = gan(store, 2, 4, save_every_minutes=1e-9)
    with monkeypatch.context() as patched, pytest.raises(LabError, match="Process 1") as caught:
        patched.setattr(SoVITSTask, "total", fatal)
        fit(made, tmp_path / "run", progress_bar=False)
    assert caught.value.code == "PROCESS_DIED"
    assert StateFile(tmp_path / "run" / "state.ckpt").read()["callbacks"]["Budget"]["batches"] == 2
    started.clear()
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(
            SoVITSTask, "total",
            lambda task, *how, **more: (
                (tmp_path / "others").write_text(str(started[-1].pid)),
                os.kill(os.getpid(), signal.SIGKILL),
            ),
        )  # fmt: skip
        fit(made, tmp_path / "run", progress_bar=False)
        os._exit(0)
    os.waitpid(child, 0)
    other = int((tmp_path / "others").read_text())
    deadline = time.monotonic() + 60
    while is_alive(other) and time.monotonic() < deadline:
        time.sleep(0.2)
    assert not is_alive(other)
    assert fit(gan(store, 1, 4), tmp_path / "run", progress_bar=False).done
