"""Callbacks of every training: the time budget, saved states, the pause file, averaged weights."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback, TQDMProgressBar
from torch import Tensor

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
        self.minutes, self.max_batches, self.seed, self.pause, self.run_minutes = (
            minutes,
            max_batches,
            seed,
            pause,
            run_minutes,
        )
        self.seconds, self.batches = 0.0, 0
        self.finished = False
        self._last = self._began = time.monotonic()

    def state_dict(self) -> dict[str, Any]:
        """Seconds and batches so far."""
        return {"seconds": self.seconds, "batches": self.batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on counting."""
        self.seconds, self.batches = state["seconds"], state["batches"]

    def on_train_start(self, trainer: pl.Trainer, task: Task) -> None:
        """The clock starts after loading."""
        self._last = self._began = time.monotonic()

    def on_train_batch_start(self, trainer: pl.Trainer, task: Task, batch: Any, batch_idx: int) -> None:
        """Wait while paused; set the progress, the seed and the learning rates of this step."""
        if paused(self.pause):
            while paused(self.pause):
                time.sleep(0.5)
            self._last = time.monotonic()
        task.batches = self.batches
        task.progress = self.batches / self.max_batches if self.max_batches else self.seconds / (60 * self.minutes)
        torch.manual_seed((self.seed * 1_000_003 + self.batches) % 2**63)
        for optimizer in trainer.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = task.learning_rate * group.get("scale", 1.0) * task.rate()

    def on_train_batch_end(self, trainer: pl.Trainer, task: Task, *_: Any) -> None:
        """Count; stop when the budget is used."""
        now = time.monotonic()
        self.seconds, self._last = self.seconds + now - self._last, now
        self.batches += 1
        done = self.batches >= self.max_batches if self.max_batches else self.seconds >= 60 * self.minutes
        self.finished = bool(done)
        if done or (self.run_minutes and now - self._began >= 60 * self.run_minutes):
            trainer.should_stop = True


def paused(file: Path | None, stale_after: float = 1800.0) -> bool:
    """Whether a pause file exists and was touched within `stale_after` seconds."""
    try:
        return file is not None and time.time() - file.stat().st_mtime < stale_after
    except FileNotFoundError:
        return False


class StateSaver(Callback):
    """Saves the whole training state every few minutes and on any way out, beside the old one, then in its place."""

    def __init__(self, path: Path, minutes: float) -> None:
        self.path, self.minutes = path, minutes
        self._last = time.monotonic()

    def save(self, trainer: pl.Trainer) -> None:
        """Write beside, then rename."""
        temporary = self.path.with_suffix(".part")
        trainer.save_checkpoint(temporary)
        os.replace(temporary, self.path)
        self._last = time.monotonic()

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Save when it is time."""
        if time.monotonic() - self._last >= 60 * self.minutes:
            self.save(trainer)

    def on_train_end(self, trainer: pl.Trainer, *_: Any) -> None:
        """Save at the end."""
        self.save(trainer)

    def on_exception(self, trainer: pl.Trainer, *_: Any) -> None:
        """Save on the way out, if there is a state to save."""
        if trainer.global_step:
            self.save(trainer)


class Average(Callback):
    """Exponential moving average of the weights, used for validation and export.

    Source: Polyak and Juditsky 1992; as in VITS-type training, an average of the last some thousand steps hides the
    noise of single batches.

    Args:
        decay: of the average, after a warm-up in which it follows closely.
    """

    def __init__(self, decay: float = 0.999) -> None:
        self.decay = decay
        self.average: dict[str, Tensor] = {}
        self._updates = 0

    def state_dict(self) -> dict[str, Any]:
        """The averaged tensors."""
        return {"average": self.average, "updates": self._updates}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on averaging."""
        self.average, self._updates = state["average"], state["updates"]

    @torch.no_grad()
    def on_train_batch_end(self, trainer: pl.Trainer, task: Task, *_: Any) -> None:
        """Move the average towards the new weights."""
        self._updates += 1
        decay = min(self.decay, (1 + self._updates) / (10 + self._updates))
        for name, value in task.state_dict().items():
            known = self.average.get(name)
            if known is None or not value.is_floating_point():
                self.average[name] = value.detach().clone()
            else:
                # A resumed average lies where it was loaded to; it moves once to where the weights are.
                self.average[name] = known.to(value.device).lerp_(value, 1 - decay)

    def on_validation_start(self, trainer: pl.Trainer, task: Task) -> None:
        """Validate what would be exported."""
        self._own = {name: value.clone() for name, value in task.state_dict().items()}
        if self.average:
            task.load_state_dict(self.average)

    def on_validation_end(self, trainer: pl.Trainer, task: Task) -> None:
        """Go on with the weights of the last step."""
        task.load_state_dict(self._own)

    @contextmanager
    def applied(self, task: Task) -> Iterator[None]:
        """The task with averaged weights inside the block."""
        own = {name: value.clone() for name, value in task.state_dict().items()}
        if self.average:
            task.load_state_dict(self.average)
        try:
            yield
        finally:
            task.load_state_dict(own)


class TimeLeft(TQDMProgressBar):
    """Lightning's progress bar with the minutes of the budget that are left."""

    def __init__(self, budget: Budget, refresh_rate: int = 5) -> None:
        super().__init__(refresh_rate=refresh_rate)
        self._budget = budget

    def get_metrics(self, trainer: pl.Trainer, task: pl.LightningModule) -> dict[str, Any]:
        """The last training losses and the time left."""
        left = max(0.0, self._budget.minutes - self._budget.seconds / 60)
        losses = {k.removeprefix("train/"): v for k, v in trainer.logged_metrics.items() if k.startswith("train/")}
        return {**{k: f"{float(v):.3f}" for k, v in losses.items()}, "minutes_left": f"{left:.0f}"}
