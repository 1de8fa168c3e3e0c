"""Looking inside while it learns: pictures of watched taps in every logger.

Idea: every so many batches one training step runs inside a probe; what the taps saw is drawn and handed to all loggers
of the trainer, under `probe/<tap>`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback

from gsv_lab.hooks.catalogue import match, points
from gsv_lab.hooks.probe import probe
from gsv_lab.hooks.record import Records
from gsv_lab.system.registry import Configurable
from gsv_lab.training.log_writer import LogWriter


class ProbeCallback(Configurable, Callback):
    """Draws watched taps during training, in every logger that takes pictures; scalars go to all.

    A tap with heads is drawn as their mean. An alignment (`frame phone`) also gets `probe/<tap>/diagonality`, the share
    of attention that lies on a monotone path. Names start at the task's parts, as in `prior.cross_attention.pattern`.

    Args:
        taps: globs of tap names.
        every_n_steps: batches between pictures; the first batch is drawn.
        limit_mb: memory that the records of one step may take, in MB.
        strict: a picture that fails is an error (tests); otherwise a logged warning, for a training must not die of it.

    Raises:
        HookError: TAP_UNKNOWN when training starts, a glob matches nothing; MEMORY_LIMIT during a step.
    """

    def __init__(
        self, taps: Sequence[str], every_n_steps: int = 500, limit_mb: float = 256, strict: bool = False
    ) -> None:
        self.taps = tuple(taps)
        self.every_n_steps = every_n_steps
        self.limit_mb = limit_mb
        self.strict = strict
        self.batches = 0
        self._open = ExitStack()
        self._records: Records | None = None

    def state_dict(self) -> dict[str, Any]:
        """Batches so far, so that a resumed training goes on counting."""
        return {"batches": self.batches}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on counting."""
        self.batches = state["batches"]

    def on_fit_start(self, trainer: pl.Trainer, task: pl.LightningModule) -> None:
        """A misspelt tap is refused now, not after hours."""
        found = points(task)
        for glob in self.taps:
            match(glob, found)

    def on_train_batch_start(self, trainer: pl.Trainer, task: pl.LightningModule, *_: Any) -> None:
        """Begin to watch, if it is time."""
        if self.batches % self.every_n_steps == 0 and trainer.is_global_zero:
            watching = probe(task, *self.taps, limit_mb=self.limit_mb)
            self._records = self._open.enter_context(watching)

    def on_train_batch_end(self, trainer: pl.Trainer, task: pl.LightningModule, *_: Any) -> None:
        """Stop watching, draw, write."""
        records = self._records
        self._records = None
        log = LogWriter(trainer.loggers, self.batches, self.strict)
        if records is not None:
            with log.attempt("the records"):
                self._open.close()
            for name in records.watched:
                with log.attempt(name):
                    self._write(log, records, name)
        self.batches += 1

    def on_exception(self, trainer: pl.Trainer, task: pl.LightningModule, exception: BaseException) -> None:
        """Leave no tap watched."""
        self._records = None
        self._open.__exit__(type(exception), exception, exception.__traceback__)

    def _write(self, log: LogWriter, records: Records, name: str) -> None:
        record = records[name]
        if "head" in record.axes:
            record = record.mean("head")
        if record.axes[-2:] == ("frame", "phone"):
            from gsv_lab.figures.measures import diagonality

            newest = record.steps[-1][0].float().numpy()
            log.scalar(f"probe/{name}/diagonality", diagonality(newest))
        log.figure(f"probe/{name}", record.show())
