"""Callbacks of every training: the budget, the pause file, averaged weights."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, TQDMProgressBar

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
        self.batches = 0
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
        self.finished = self.share() >= 1
        trainer.should_stop = trainer.should_stop or self.finished

    def on_train_batch_start(self, trainer: pl.Trainer, task: Task, batch: Any, batch_idx: int) -> None:
        """Wait while paused; set the progress, the seed and the learning rates of this step."""
        if paused(self.pause):
            while paused(self.pause):
                time.sleep(0.5)
            self._last = time.monotonic()
        task.batches = self.batches
        task.progress = self.share()
        torch.manual_seed((self.seed * 1_000_003 + self.batches) % 2**63)
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = task.learning_rate * group.get("scale", 1.0) * task.rate()

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


def paused(file: Path | None, stale_after: float = 1800.0) -> bool:
    """Whether a pause file exists and was touched within `stale_after` seconds."""
    try:
        return file is not None and time.time() - file.stat().st_mtime < stale_after
    except OSError:  # also where the cache folder is a file
        return False


class Average(Callback):
    """A `MovingAverage` of the task's weights, used for validation and export."""

    def __init__(self) -> None:
        self.average = MovingAverage()
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


class TimeLeft(TQDMProgressBar):
    """Lightning's progress bar with the minutes or batches of the budget that are left."""

    def __init__(self, budget: Budget, refresh_rate: int = 5) -> None:
        super().__init__(refresh_rate=refresh_rate)
        self._budget = budget

    def get_metrics(self, trainer: pl.Trainer, task: pl.LightningModule) -> dict[str, Any]:
        """The last training losses and what is left of the budget."""
        losses = {k.removeprefix("train/"): v for k, v in trainer.logged_metrics.items() if k.startswith("train/")}
        shown = {k: f"{float(v):.3f}" for k, v in losses.items()}
        if self._budget.max_batches:
            return {**shown, "batches_left": str(max(0, self._budget.max_batches - self._budget.batches))}
        left = max(0.0, self._budget.minutes - self._budget.seconds / 60)
        return {**shown, "minutes_left": f"{left:.0f}"}
