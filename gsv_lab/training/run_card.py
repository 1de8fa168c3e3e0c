"""What a run folder says of itself: `experiment.json`, the resolved configuration, and `run.json`, what it made.

`run.json` has a schema number, the name, how it `end`ed, `batches`, the last validation values, parameters of each
part, the identity of the data, the code that trained, and `machine`. Everything that comes from a clock or a machine
stands in that last section, so that two runs of the same call differ nowhere else.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from pytorch_lightning.callbacks import Callback
from torch import nn

from gsv_lab.errors import LabError
from gsv_lab.system.environment import clock
from gsv_lab.system.files import save_bytes
from gsv_lab.system.provenance import provenance
from gsv_lab.training.callbacks import Budget
from gsv_lab.training.run_state import StateSaver
from gsv_lab.training.task import Task

SCHEMA = 1
STATE, EXPERIMENT, CARD, EVENTS = "state.ckpt", "experiment.json", "run.json", "events"
EARLIER = "earlier_"
"""Beginning of the names of what `--fresh` puts aside."""
TRAINING, DONE, STOPPED, FAILED = "training", "done", "stopped", "failed"
"""Values of `end`. A run that says `training` and is locked by nobody was killed."""


class Record(Callback):
    """Writes what is trained beside the run, once all of it could be built, set up and loaded, and how it ends.

    Args:
        folder: of the run.
        experiment: resolved.
        budget: counts batches and minutes.
        saver: knows the identity of the data.
        fresh: put the state and the events of an earlier run aside, under names that begin with `earlier`.
        say: called with a line.
    """

    def __init__(
        self,
        folder: Path,
        experiment: dict[str, Any],
        budget: Budget,
        saver: StateSaver,
        fresh: bool,
        say: Callable[[str], None],
    ) -> None:
        self.folder, self.experiment, self.fresh, self.say = folder, experiment, fresh, say
        self.budget, self.saver = budget, saver
        self.begun = False
        self.events = set((folder / EVENTS).glob("*"))
        self.card: dict[str, Any] = {}

    def on_train_start(self, trainer: pl.Trainer, task: Task) -> None:  # type: ignore[override]
        """Nothing of the configuration can fail any more."""
        save_bytes(self.folder / EXPERIMENT, json.dumps(self.experiment, indent=1).encode())
        if self.fresh:
            self._put_aside()
        self.card = self._opened(task)
        self._write(TRAINING)
        self.begun = True
        self.say(f"run: {self.folder}; watch it with: tensorboard --logdir {self.folder}")

    def on_validation_end(self, trainer: pl.Trainer, task: Task) -> None:  # type: ignore[override]
        """Keep what was measured."""
        for name, value in sorted(trainer.callback_metrics.items()):
            if name.startswith("valid/"):
                number = float(value)
                self.card["valid"][name] = number if math.isfinite(number) else None  # which JSON has no word for
        self._write(TRAINING)

    def on_train_end(self, trainer: pl.Trainer, task: Task) -> None:  # type: ignore[override]
        """The budget is used up, or the run is to go on another time."""
        self._write(DONE if self.budget.finished else STOPPED)

    def on_exception(self, trainer: pl.Trainer, task: Task, exception: BaseException) -> None:  # type: ignore[override]
        """Say why it ended, where that can still be written."""
        if not self.begun:
            return
        if isinstance(exception, Exception):
            self.card["error"] = exception.code if isinstance(exception, LabError) else type(exception).__name__
        with suppress(LabError):
            self._write(FAILED if isinstance(exception, Exception) else STOPPED)

    def _opened(self, task: Task) -> dict[str, Any]:
        """All that is known before the first batch; of an earlier call, when that began and what it measured."""
        earlier = {} if self.fresh or not self.budget.batches else _read(self.folder / CARD)
        made_by = provenance()
        machine = {"begun": earlier.get("machine", {}).get("begun") or clock().isoformat(), **made_by.pop("machine")}
        return {
            "schema": SCHEMA,
            "name": self.experiment["name"],
            "parameters": {name: _parameters(part) for name, part in task.parts().items()},
            "data": dict(self.saver.identity),
            "code": made_by,
            "valid": dict(earlier.get("valid", {})),
            "machine": machine,
        }

    def _write(self, end: str) -> None:
        self.card |= {"end": end, "batches": self.budget.batches}
        minutes = round(self.budget.seconds / 60, 2)
        self.card["machine"] |= {"written": clock().isoformat(), "minutes": minutes}
        save_bytes(self.folder / CARD, json.dumps(self.card, indent=1).encode())

    def _put_aside(self) -> None:
        state, earlier = self.folder / STATE, self.folder / f"{EARLIER}{EVENTS}"
        if state.is_file():
            os.replace(state, self.folder / f"{EARLIER}{STATE}")
        for path in self.events:
            earlier.mkdir(exist_ok=True)
            os.replace(path, _free(earlier / path.name))


def _free(path: Path) -> Path:
    """A path at which nothing is yet: the given one, or it with a number behind its name."""
    found = path
    number = 1
    while found.exists():
        number += 1
        found = path.with_name(f"{path.name}-{number}")
    return found


def _parameters(part: nn.Module) -> dict[str, int]:
    """How many numbers a part has, and how many of them learn."""
    counts = [(p.numel(), p.requires_grad) for p in part.parameters()]
    return {"all": sum(n for n, _ in counts), "learning": sum(n for n, learns in counts if learns)}


def _read(path: Path) -> Mapping[str, Any]:
    """An earlier card of this schema; empty where there is none that can be read."""
    with suppress(OSError, ValueError):
        found = json.loads(path.read_bytes())
        if isinstance(found, dict) and found.get("schema") == SCHEMA:
            return found
    return {}
