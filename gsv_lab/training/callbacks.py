"""Callbacks of every training: the budget, the pause file, averaged weights."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from torch import optim
from tqdm.auto import tqdm

from gsv_lab.training.moving_average import MovingAverage
from gsv_lab.training.task import Task


class Budget(Callback):
    """Counts minutes and batches over all resumptions, drives `task.progress`, ends the training.

    Batch numbers seed all random numbers of a step, so that a resumed training draws what the straight one would have
    drawn.

    Args:
        minutes: the whole budget.
        max_batches: stop after this many batches (then `progress` follows the batches); 0 for minutes alone.
        seed: of the training.
        pause: while this file exists, the training waits; waiting costs no budget. A file that nobody has touched for
            half an hour was left behind by a measurement that was killed, and is ignored.
        run_minutes: stop this process after so many minutes without ending the training; 0 for never.
    """

    def __init__(
        self, minutes: float, max_batches: int, seed: int, pause: Path | None = None, run_minutes: float = 0
    ) -> None:
        self.minutes = minutes
        self.max_batches = max_batches
        self.seed = seed
        self.pause = pause
        self.run_minutes = run_minutes
        self.seconds = 0.0
        self.batches = self.begun = 0
        self.finished = False
        self._last = self._began = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Seconds and batches so far."""
        return {"seconds": self.seconds, "batches": self.batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on counting."""
        self.seconds, self.batches = state["seconds"], state["batches"]

    def on_train_start(self, trainer: pl.Trainer, task: Task) -> None:
        """The clock starts after loading; a budget that is used up already buys no batch more."""
        self._last = self._began = time.monotonic()
        self.begun = self.batches
        self.finished = self.share() >= 1
        trainer.should_stop = trainer.should_stop or self.finished

    def on_train_batch_start(self, trainer: pl.Trainer, task: Task, batch: Any, batch_idx: int) -> None:
        """Wait while paused; set the progress, the seed and the learning rates of this step."""
        if paused(self.pause):
            while paused(self.pause):
                time.sleep(0.5)
            self._last = time.monotonic()
        prepare(task, trainer.optimizers, self.seed, self.batches, self.share())

    def on_train_batch_end(self, trainer: pl.Trainer, task: Task, *_: Any) -> None:
        """Count; stop when the budget is used."""
        now = time.monotonic()
        self.seconds += now - self._last
        self._last = now
        self.batches += 1
        self.finished = self.share() >= 1
        run_over = self.run_minutes and now - self._began >= 60 * self.run_minutes
        if self.finished or run_over:
            trainer.should_stop = True

    def share(self) -> float:
        """Share of the budget that is used."""
        if self.max_batches:
            return self.batches / self.max_batches
        return self.seconds / (60 * self.minutes)


def prepare(task: Task, optimizers: Sequence[optim.Optimizer], seed: int, batches: int, progress: float) -> None:
    """Set a task up for its next batch: progress, random numbers, learning rates.

    Args:
        task: to be trained.
        optimizers: its.
        seed: of the training.
        batches: number of the batch.
        progress: share of the budget that is used.
    """
    task.batches, task.progress = batches, progress
    torch.manual_seed((seed * 1_000_003 + batches) % 2**63)
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["lr"] = task.learning_rate * group.get("scale", 1.0) * task.rate()


def paused(file: Path | None, stale_after: float = 1800.0) -> bool:
    """Whether a pause file exists and was touched within `stale_after` seconds."""
    try:
        return file is not None and time.time() - file.stat().st_mtime < stale_after
    except OSError:  # also where the cache folder is a file
        return False


class Average(Callback):
    """A `MovingAverage` of the task's weights, used for validation, checkpoints and export.

    Args:
        decay: see `MovingAverage`.
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.average = MovingAverage(decay)
        self._stack = ExitStack()

    def state_dict(self) -> dict[str, Any]:
        """The averaged tensors."""
        return self.average.state_dict()

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on averaging."""
        self.average.load_state_dict(state)

    def on_train_batch_end(self, trainer: pl.Trainer, task: Task, *_: Any) -> None:
        """Move the average towards the new weights."""
        self.average.update(task)

    def on_validation_start(self, trainer: pl.Trainer, task: Task) -> None:
        """Validate what would be exported."""
        self._stack.enter_context(self.average.applied(task))

    def on_validation_end(self, trainer: pl.Trainer, task: Task) -> None:
        """Go on with the weights of the last step."""
        self._stack.close()


class Checkpoints(Callback):
    """Keeps the averaged weights of every so many batches, each time in a folder called by the number of batches.

    Args:
        folder: for them.
        every: batches between two.
        budget: counts them.
        average: of the weights.
    """

    def __init__(self, folder: Path, every: int, budget: Budget, average: Average) -> None:
        self.folder, self.every, self._budget, self._average = folder, every, budget, average

    def on_train_batch_end(self, trainer: pl.Trainer, task: Task, *_: Any) -> None:
        """Write them when it is time. Called after the budget and the average have counted the batch."""
        batches = self._budget.batches
        if batches % self.every == 0 or self._budget.finished:
            with self._average.average.applied(task):
                task.write(self.folder / f"{batches:06d}", {"batches": batches})


class BudgetBar(Callback):
    """A progress bar over the whole budget, what earlier calls used included, with the last training losses.

    Args:
        budget: its batches, or its minutes where nothing bounds the batches.
    """

    def __init__(self, budget: Budget) -> None:
        self._budget = budget
        self._bar: Any = None

    def on_train_start(self, trainer: pl.Trainer, task: Task) -> None:
        """Open the bar where the training stands."""
        batches = self._budget.max_batches
        unit = "batch" if batches else " min"
        form = None if batches else "{l_bar}{bar}| {n:.1f}/{total:.1f}{unit}{postfix}"
        self._bar = tqdm(total=batches or self._budget.minutes, unit=unit, bar_format=form, initial=self._done())

    def on_train_batch_end(self, trainer: pl.Trainer, task: Task, *_: Any) -> None:
        """Move, but not beyond the end: the last batch may take longer than the minutes that were left."""
        losses = {k.removeprefix("train/"): v for k, v in trainer.logged_metrics.items() if k.startswith("train/")}
        self._bar.set_postfix({k: f"{float(v):.3f}" for k, v in losses.items()}, refresh=False)
        self._bar.update(min(self._done(), self._bar.total) - self._bar.n)

    def on_train_end(self, trainer: pl.Trainer, task: Task) -> None:
        """Leave the bar as it stands."""
        self._close()

    def on_exception(self, trainer: pl.Trainer, task: Task, exception: BaseException) -> None:  # type: ignore[override]
        """Leave the bar as it stands, so that the error comes below it."""
        self._close()

    def _close(self) -> None:
        if self._bar is not None:
            self._bar.close()

    def _done(self) -> float:
        return self._budget.batches if self._budget.max_batches else self._budget.seconds / 60
