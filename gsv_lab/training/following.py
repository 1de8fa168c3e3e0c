"""The processes of a training beside the first one: how they are started, led, and ended.

The first process (rank 0) is that of `gsv_lab.training.fit`: it validates, saves and says when a batch begins. The
others build the same task, get its state from the first, and train until they are told to end; they write nothing. One
that dies ends the training with its error.
"""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist

from gsv_lab.errors import ConfigError, LabError
from gsv_lab.system.config import build
from gsv_lab.system.environment import surroundings
from gsv_lab.system.files import save_bytes
from gsv_lab.system.machine import usable_cores
from gsv_lab.system.registry import load_parts
from gsv_lab.system.settings import Recipe
from gsv_lab.system.threads import settle_threads, threads
from gsv_lab.training.callbacks import prepare
from gsv_lab.training.hardware import hardware
from gsv_lab.training.ranks import Ranks, Sharing
from gsv_lab.training.task import Task

PATIENCE = timedelta(hours=2)
"""How long a process waits for another: rank 0 validates, draws and saves meanwhile."""
ORDER, STORE = "order.json", "store"
"""Files in the folder of a training's processes: what is trained, and where they meet."""
ENDING = 60.0
"""Seconds that the others have to end by themselves."""


class Leader(Sharing):
    """Rank 0: gives its state to the others, and tells them of every batch and of the end."""

    def on_train_epoch_start(self, trainer: pl.Trainer, task: Task) -> None:
        """The state; by now all of it is loaded."""
        self.ranks.tell(task.shared_state(trainer.optimizers))

    def on_train_batch_start(self, trainer: pl.Trainer, task: Task, batch: Any, batch_idx: int) -> None:
        """Number of the batch and share of the budget. Called after the budget has set them."""
        self.ranks.tell((task.batches, task.progress))
        assert task.rows is not None
        self.begin(task.rows)

    def on_train_end(self, trainer: pl.Trainer, task: Task) -> None:
        """No more."""
        self.ranks.tell(None)


class Follower(Sharing):
    """Another process: does what it is told.

    Args:
        ranks: the processes.
        seed: of the training.
    """

    def __init__(self, ranks: Ranks, seed: int) -> None:
        super().__init__(ranks)
        self.seed = seed

    def on_train_epoch_start(self, trainer: pl.Trainer, task: Task) -> None:
        """Take over the state; None where nothing is trained."""
        state = self.ranks.tell()
        trainer.should_stop = task.ended = state is None
        if state is not None:
            task.take_over(state, trainer.optimizers)

    def on_train_batch_start(self, trainer: pl.Trainer, task: Task, batch: Any, batch_idx: int) -> None:
        """The next batch, or the end."""
        told = None if task.ended else self.ranks.tell()
        if told is None:
            trainer.should_stop = task.ended = True
            return
        prepare(task, trainer.optimizers, self.seed, *told)
        assert task.rows is not None
        self.begin(task.rows)


def check_processes(count: int, device: torch.device, explicit: str, task: Task, experiment: Mapping[str, Any]) -> None:
    """Refuse what cannot be trained by several processes.

    Args:
        count: of processes.
        device: that the training was given.
        explicit: the setting of the device.
        task: to be trained.
        experiment: resolved.

    Raises:
        ConfigError: STRATEGY_UNAVAILABLE, with what is there instead.
    """
    if count == 1:
        return
    problem = f"trainer.processes is {count}"
    there = torch.cuda.device_count() if device.type == "cuda" else usable_cores()
    what = "GPUs" if device.type == "cuda" else "cores"
    if device.type not in ("cpu", "cuda") or ":" in explicit:
        raise _unavailable(f"{problem}, and the device is {explicit}", "device: cpu or cuda, or one process")
    if not dist.is_available() or not (dist.is_nccl_available() if device.type == "cuda" else dist.is_gloo_available()):
        raise _unavailable(f"{problem}, and this torch has no library for several processes", "one process")
    if count > there:
        raise _unavailable(f"{problem}, and {there} {what} can be used here", f"at most {there}, or recipe.accumulate")
    if not task.is_shared:
        raise _unavailable(f"{problem}, and {type(task).__name__} trains in one", "processes: 1, or recipe.accumulate")
    for name in _foreign(experiment):
        if name.startswith("__main__."):
            raise _unavailable(f"{problem}, and {name} is known to this process alone", "a class in a file of its own")


@contextmanager
def processes(
    count: int, device: torch.device, task: Task, experiment: Mapping[str, Any], batches: int
) -> Iterator[Ranks | None]:
    """Context: the other processes of a training are there; None where there is one.

    Args:
        count: of processes.
        device: of rank 0; the others take the next ones of its kind.
        task: of rank 0.
        experiment: resolved.
        batches: that are trained already.

    Raises:
        LabError: that of another process; PROCESS_DIED, it said nothing.
    """
    if count == 1:
        yield None
        return
    with tempfile.TemporaryDirectory(prefix="gsv_lab-") as name, ExitStack() as stack:
        folder = Path(name)
        order: dict[str, Any] = {
            "experiment": experiment,
            "processes": count,
            "device": device.type,
            "batches": batches,
        }
        order["start_files"] = {name: str(file) for name, file in task.start_files.items()}
        order["parts"] = sorted({str(sys.modules[name.rpartition(".")[0]].__file__) for name in _foreign(experiment)})
        (folder / ORDER).write_text(json.dumps(order), encoding="utf-8")
        others = [_start(folder, rank) for rank in range(1, count)]
        stack.callback(_end, others)
        try:
            _await(folder, others)
            stack.enter_context(_group(folder, 0, count))
            # The first process alone validates: its means are those of all clips.
            stack.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", message=".*sync_dist=True")
            task.ranks = Ranks(0, count, device)
            yield task.ranks
            for other in others:
                with suppress(subprocess.TimeoutExpired):
                    other.wait(ENDING)
        except LabError:
            raise
        except (RuntimeError, OSError) as error:
            _blame(folder, others, error)
            raise
        finally:
            task.ranks = None


def follow(folder: Path, rank: int) -> None:
    """Train as one of the other processes until rank 0 says that it is over."""
    order = json.loads((folder / ORDER).read_text(encoding="utf-8"))
    experiment, count = order["experiment"], order["processes"]
    for part in order["parts"]:
        load_parts(part)
    device = torch.device(order["device"], rank) if order["device"] == "cuda" else torch.device("cpu")
    torch.manual_seed(experiment["seed"])
    task = build(experiment["task"])
    task.adopt(Recipe(**build(experiment.get("recipe") or {})))
    task.start_files = {name: Path(file) for name, file in order["start_files"].items()}
    data = build(experiment["data"])
    data.attach(task, SimpleNamespace(batches=order["batches"]), 0)
    settle_threads(task)
    (folder / f"ready{rank}").touch()
    with _group(folder, rank, count):
        task.ranks = Ranks(rank, count, device)
        trainer = pl.Trainer(
            **hardware(device, experiment["trainer"]["precision"]), max_epochs=-1, logger=False, limit_val_batches=0,
            callbacks=[Follower(task.ranks, experiment["seed"])], enable_progress_bar=False, enable_model_summary=False,
            enable_checkpointing=False, use_distributed_sampler=False, default_root_dir=folder,
        )  # fmt: skip
        trainer.fit(task, datamodule=data)


@contextmanager
def _group(folder: Path, rank: int, count: int) -> Iterator[None]:
    """The processes can talk to one another; each has its part of the cores."""
    place = (folder / STORE).as_uri()
    with threads(max(1, torch.get_num_threads() // count)):
        dist.init_process_group("gloo", init_method=place, rank=rank, world_size=count, timeout=PATIENCE)
        try:
            yield
        finally:
            dist.destroy_process_group()


def _foreign(experiment: Any) -> set[str]:
    """Class paths in a configuration that are not the package's."""
    if isinstance(experiment, Mapping):
        found = {str(experiment["class_path"])} if "class_path" in experiment else set()
        inner: Sequence[Any] = list(experiment.values())
    else:
        found, inner = set(), experiment if isinstance(experiment, (list, tuple)) else []
    for value in inner:
        found |= _foreign(value)
    return {name for name in found if not name.startswith("gsv_lab.")}


def _start(folder: Path, rank: int) -> subprocess.Popen[bytes]:
    """One of the other processes; Ctrl-C is the first one's affair."""
    command = [sys.executable, "-c", f"from {__name__} import main; main()", str(folder), str(rank)]
    log = (folder / f"log{rank}").open("wb")
    with log:
        return subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=surroundings(), start_new_session=True
        )


def _await(folder: Path, others: Sequence[subprocess.Popen[bytes]]) -> None:
    """Until all of them have built what they train.

    Raises:
        RuntimeError: one has died.
    """
    while not all((folder / f"ready{rank}").exists() for rank in range(1, len(others) + 1)):
        if any(other.poll() is not None for other in others):
            raise RuntimeError("a process ended before the training began")
        time.sleep(0.05)


def _blame(folder: Path, others: Sequence[subprocess.Popen[bytes]], error: BaseException) -> None:
    """Raise what a process that has died said, if one has.

    Raises:
        LabError: see `processes`.
    """
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline and all(other.poll() is None for other in others):
        time.sleep(0.05)
    for rank, other in enumerate(others, 1):
        if not other.poll():
            continue
        told = folder / f"error{rank}.json"
        if told.is_file():
            known = json.loads(told.read_text(encoding="utf-8"))
            raise LabError(known["code"], f"In process {rank}: {known['message']}") from error
        lines = (folder / f"log{rank}").read_text(encoding="utf-8", errors="replace").strip().splitlines()
        why = lines[-1][:200] if lines else "it said nothing"
        problem = f"Process {rank} of the training ended with code {other.returncode} ({why})"
        raise LabError("PROCESS_DIED", problem, "", "The last state is intact; the same command goes on") from error


def _end(others: Sequence[subprocess.Popen[bytes]]) -> None:
    """None of them outlives the training."""
    for other in others:
        if other.poll() is None:
            other.kill()
        other.wait()


def _unavailable(problem: str, expected: str) -> ConfigError:
    return ConfigError("STRATEGY_UNAVAILABLE", problem, expected)


def main() -> None:
    """See the module."""
    folder, rank = Path(sys.argv[1]), int(sys.argv[2])
    warnings.simplefilter("ignore")
    logging.getLogger("pytorch_lightning").setLevel(logging.ERROR)
    try:
        follow(folder, rank)
    except LabError as error:
        told = {"code": error.code, "message": str(error)}
        with suppress(LabError):  # the first process has gone, and its folder
            save_bytes(folder / f"error{rank}.json", json.dumps(told).encode())
        os._exit(2)
