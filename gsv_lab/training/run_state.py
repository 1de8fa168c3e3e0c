"""The saved state of a training: written whole or not at all, and gone on with only by the training that wrote it.

Beside what Lightning saves, a state holds the experiment and the identity of its data. What may change between two
calls: the name, everything below `trainer` (budget, device, precision, how often is saved, validated and logged), start
weights, and where files lie (`places` of a task and of its data). What lies there may not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
import torch
from pytorch_lightning.callbacks import Callback
from pytorch_lightning.plugins import CheckpointIO

from gsv_lab.checkpoint.training_state import read_training_state
from gsv_lab.corpora.data import NumberedData
from gsv_lab.errors import CheckpointError, ConfigError
from gsv_lab.system.files import save_failed
from gsv_lab.system.settings import Recipe
from gsv_lab.training.finite import check_weights
from gsv_lab.training.task import Task

FORMAT = 1
FREE = ("name", "sizes", "start_from", "trainer")
"""Entries of an experiment that may change between two calls; sizes stand in task and data once more."""
NAMED = 5
"""Differences that an error names."""
ADVICE = "Give this run another --output, or start it anew with --fresh"


class StateFile(CheckpointIO):
    """The file of a state.

    Args:
        path: where.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._read: dict[str, Any] | None = None

    def save_checkpoint(self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None) -> None:
        """Write beside, then rename.

        Raises:
            LabError: SAVE_FAILED; the state that was there is intact.
        """
        part = Path(path).with_suffix(".part")
        try:
            with part.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            os.replace(part, path)
        except OSError as error:
            raise save_failed(Path(path), error.strerror or str(error)) from error
        except RuntimeError as error:  # torch's own, where the disk is full
            raise save_failed(Path(path), "it could not be written as a whole, the disk may be full") from error
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)

    def load_checkpoint(self, path: Any, map_location: Any = None, weights_only: bool | None = None) -> dict[str, Any]:
        """What `read` found."""
        found = self.read()
        self._read = None
        return found

    def remove_checkpoint(self, path: Any) -> None:
        """Delete the file."""
        Path(path).unlink(missing_ok=True)

    def read(self) -> dict[str, Any]:
        """The whole state, on the CPU whatever it was written on.

        Raises:
            ConfigError: RESUME_INCOMPATIBLE, the file is damaged, or no state of this format.
        """
        if self._read is not None:
            return self._read
        try:
            found = read_training_state(self.path)
        except CheckpointError as error:
            raise ConfigError("RESUME_INCOMPATIBLE", str(error).rstrip("."), "", ADVICE) from error
        own = found.get("gsv_lab")
        if not isinstance(own, dict) or own.get("format") != FORMAT:
            problem = f"The state {self.path} was written by another version of gsv_lab"
            raise ConfigError("RESUME_INCOMPATIBLE", problem, f"a state of format {FORMAT}", ADVICE)
        self._read = found
        return found


class StateSaver(Callback):
    """Saves the whole training state every few minutes and on any way out on which it is whole: after a batch, with
    the weights of the last step and not their average, and finite.

    Args:
        file: the state's.
        minutes: between two states.
        experiment: resolved, kept in the state.
        data: of the experiment; its identity is kept in the state.
        found: the state that is gone on with; None for a training that begins.
    """

    def __init__(
        self,
        file: StateFile,
        minutes: float,
        experiment: Mapping[str, Any],
        data: NumberedData,
        found: Mapping[str, Any] | None,
    ) -> None:
        self.file, self.minutes, self.experiment, self.data = file, minutes, dict(experiment), data
        self._found = None if found is None else found["gsv_lab"]["data"]
        self.identity: dict[str, str] = {}
        self._whole = False
        self._last = time.monotonic()

    def setup(self, trainer: pl.Trainer, task: Task, stage: str) -> None:  # type: ignore[override]
        """Compare the data, which are open now, with those of the state.

        Raises:
            ConfigError: RESUME_INCOMPATIBLE, with what differs.
        """
        self.identity = self.data.identity()
        if self._found is None:
            return
        for name, value in self._found.items():
            if self.identity.get(name) != value:
                problem = f"The state {self.file.path} is of another data set: {name} differs"
                raise ConfigError("RESUME_INCOMPATIBLE", problem, "the data that the run was begun with", ADVICE)

    def on_save_checkpoint(self, trainer: pl.Trainer, task: Task, checkpoint: dict[str, Any]) -> None:  # type: ignore[override]
        """Put the training's own entry into the state."""
        checkpoint["gsv_lab"] = {"format": FORMAT, "experiment": self.experiment, "data": self.identity}

    def save(self, trainer: pl.Trainer, task: Task) -> None:
        """Write the state.

        Raises:
            LabError: TRAIN_NONFINITE, SAVE_FAILED; the state that was there is intact, and none is written any more.
        """
        self._whole = False
        check_weights(task.named_parameters(), task.batches)
        trainer.save_checkpoint(self.file.path)
        self._whole = True
        self._last = time.monotonic()

    def on_train_batch_start(self, trainer: pl.Trainer, task: Task, *_: Any) -> None:  # type: ignore[override]
        """A state in the middle of a batch could not be gone on with."""
        self._whole = False

    def on_train_batch_end(self, trainer: pl.Trainer, task: Task, *_: Any) -> None:  # type: ignore[override]
        """Save when it is time."""
        self._whole = True
        if time.monotonic() - self._last >= 60 * self.minutes:
            self.save(trainer, task)

    def on_validation_start(self, trainer: pl.Trainer, task: Task) -> None:  # type: ignore[override]
        """The weights are averages now."""
        self._whole = False

    def on_validation_end(self, trainer: pl.Trainer, task: Task) -> None:  # type: ignore[override]
        """The weights are those of the last step again."""
        self._whole = True

    def on_train_end(self, trainer: pl.Trainer, task: Task) -> None:  # type: ignore[override]
        """Save at the end."""
        self.save(trainer, task)

    def on_exception(self, trainer: pl.Trainer, task: Task, exception: BaseException) -> None:  # type: ignore[override]
        """Save on the way out, if the state is whole."""
        if self._whole:
            self.save(trainer, task)


def check_same(
    found: Mapping[str, Any],
    experiment: Mapping[str, Any],
    task_places: frozenset[str],
    data_places: frozenset[str],
    path: Path,
) -> None:
    """Refuse to go on with the state of another experiment.

    Args:
        found: the state.
        experiment: resolved.
        task_places: arguments of the task that say where files lie.
        data_places: those of the data.
        path: of the state.

    Raises:
        ConfigError: RESUME_INCOMPATIBLE, with what was and what is.
    """
    before, now = _compared(found["gsv_lab"]["experiment"]), _compared(experiment)
    free = {f"task.init_args.{name}" for name in task_places} | {f"data.init_args.{name}" for name in data_places}
    lines = [f"{key} was {old} and is {new}" for key, old, new in differences(before, now) if key not in free]
    if lines:
        more = f"; and {len(lines) - NAMED} more" if len(lines) > NAMED else ""
        problem = f"The run in {path.parent} was begun with another configuration: {'; '.join(lines[:NAMED])}{more}"
        raise ConfigError("RESUME_INCOMPATIBLE", problem, "the same configuration", ADVICE)


def _compared(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """What must stay as it was; states of older versions name no recipe."""
    recipe = asdict(Recipe()) | dict(experiment.get("recipe", {}))
    return {key: value for key, value in experiment.items() if key not in FREE} | {"recipe": recipe}


def differences(before: Any, now: Any, path: str = "") -> Iterator[tuple[str, str, str]]:
    """Dotted path, old and new value of everything in which two plain values differ; of two classes only that."""
    if not isinstance(before, Mapping) or not isinstance(now, Mapping):
        if before != now:
            yield path, short(before), short(now)
        return
    keys = sorted(before.keys() | now.keys())
    if before.get("class_path") != now.get("class_path"):
        keys = ["class_path"]
    for key in keys:
        below = f"{path}.{key}" if path else str(key)
        yield from differences(before.get(key, "absent"), now.get(key, "absent"), below)


def short(value: Any) -> str:
    """A value as text of at most 80 characters."""
    text = str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
