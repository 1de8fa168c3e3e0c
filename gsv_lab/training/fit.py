"""One function for any training: builds what is named, resumes what is there, exports what came out."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger

from gsv_lab.checkpoint import read_header, save_component
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.released.stored_config import carried_config
from gsv_lab.system.config import TrainerSettings, build
from gsv_lab.system.files import save_bytes
from gsv_lab.training.callbacks import Average, Budget, StateSaver, TimeLeft
from gsv_lab.training.logging_callback import LoggingCallback
from gsv_lab.training.start import belongings, start_from
from gsv_lab.training.task import Task


class Fitted(NamedTuple):
    """Weight file of each trained component, and whether the budget was used up (else the same call goes on)."""

    weights: dict[str, Path]
    done: bool


def pick_precision(wanted: str) -> str:
    """`32-true` or `bf16-mixed`: `auto` takes bf16 only where the hardware multiplies it."""
    if wanted == "auto":
        fast = torch.cuda.is_available() or "amx_bf16" in _processor_flags() or "avx512_bf16" in _processor_flags()
        wanted = "bf16" if fast else "32"
    return {"32": "32-true", "bf16": "bf16-mixed"}[wanted]


def _processor_flags() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text(encoding="utf-8") if path.is_file() else ""


class Record(pl.Callback):
    """Writes what is trained beside the run, once all of it could be built, set up and loaded."""

    def __init__(self, path: Path, experiment: dict[str, Any]) -> None:
        self.path, self.experiment = path, experiment
        self.begun = False

    def on_train_start(self, trainer: pl.Trainer, task: pl.LightningModule) -> None:
        """Nothing of the configuration can fail any more."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        save_bytes(self.path, json.dumps(self.experiment, indent=1).encode())
        self.begun = True


@contextmanager
def _nothing_left(folder: Path, record: Record) -> Iterator[None]:
    """A run that fails before its first batch takes away the event file that Lightning opened, and empty folders."""
    events = folder / "events"
    before = set(events.glob("*"))
    existed = folder.exists()
    try:
        yield
    finally:
        if not record.begun:
            for path in set(events.glob("*")) - before:
                path.unlink()
            for empty in (events, folder)[: 1 if existed else 2]:
                with suppress(OSError):
                    empty.rmdir()


@contextmanager
def _state_that_fits(folder: Path, record: Record) -> Iterator[None]:
    """The state of a run is loaded into the networks that it was saved from.

    Raises:
        ConfigError: CONFIG_INCONSISTENT, the folder holds a run of other networks.
    """
    try:
        yield
    except RuntimeError as error:
        if record.begun or "state_dict" not in str(error):
            raise
        problem = f"The run in {folder} was begun with other networks"
        advice = "Give this one another name, or delete that folder"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "the same parts and sizes", advice) from error


def _built(experiment: dict[str, Any], part: str) -> Any:
    """The objects of a part of the experiment.

    Raises:
        ConfigError: those of `build`; CONFIG_INCONSISTENT, sizes that a constructor refuses.
    """
    try:
        return build(experiment[part])
    except LabError:
        raise
    # Constructors check their sizes with plain ValueErrors, layers of torch with RuntimeErrors.
    except (ValueError, RuntimeError, TypeError, ArithmeticError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ConfigError("CONFIG_INCONSISTENT", f"The {part} cannot be built: {why}", "sizes that fit") from error


def fit(
    experiment: dict[str, Any],
    folder: str | Path,
    *,
    pause: Path | None = None,
    run_minutes: float = 0,
    progress_bar: bool = True,
    partial: bool = False,
) -> Fitted:
    """Train to the end of the budget; killed at any moment, the same call goes on where it was.

    Args:
        experiment: resolved dictionary of `gsv_lab.system.config.load_experiment`.
        folder: the run's folder: state, TensorBoard events, weights.
        pause: a file that makes the training wait while it exists.
        run_minutes: leave after so many minutes even if the budget is not used up; 0 for no limit.
        progress_bar: show one.
        partial: start weights (`start_from` of the experiment) may lack tensors or have them in another shape; the
            networks keep their own start there.

    Returns:
        where the averaged weights lie, in single precision.

    Raises:
        ConfigError: the experiment cannot be built; there is no trace of it on the disk then. CONFIG_INCONSISTENT, the
            folder holds a run of other networks.
        CheckpointError: start weights that do not fit; see `gsv_lab.training.start`.
    """
    folder = Path(folder)
    settings = TrainerSettings(**experiment["trainer"])
    torch.manual_seed(experiment["seed"])
    task: Task = _built(experiment, "task")
    data = _built(experiment, "data")
    budget = Budget(settings.minutes, settings.max_batches, experiment["seed"], pause, run_minutes)
    average = Average()
    saver = StateSaver(folder / "state.ckpt", settings.save_every_minutes)
    state = saver.path if saver.path.is_file() else None
    files = _listed(experiment.get("start_from", []))
    if state is None:
        start_from(task, files, partial)
    else:
        # The state has all weights; the files say no more than which codebook the codes are of.
        task.start_files = belongings(task, [file for file in files if Path(file).is_file()])
    data.attach(task, budget, settings.workers)
    record = Record(folder / "experiment.json", experiment)
    callbacks: list[pl.Callback] = [budget, average, saver, LoggingCallback(), record]
    callbacks += [TimeLeft(budget)] if progress_bar else []
    trainer = pl.Trainer(
        accelerator="auto", devices=1, precision=pick_precision(settings.precision), max_epochs=-1,
        logger=TensorBoardLogger(folder, name="", version="events"), callbacks=callbacks,
        enable_progress_bar=progress_bar, enable_model_summary=False, enable_checkpointing=False,
        num_sanity_val_steps=0, log_every_n_steps=settings.log_every, val_check_interval=settings.validate_every,
        check_val_every_n_epoch=None, use_distributed_sampler=False, default_root_dir=folder,
    )  # fmt: skip
    with _nothing_left(folder, record), _state_that_fits(folder, record):
        trainer.fit(task, datamodule=data, ckpt_path=state, weights_only=True)
    info = {
        "experiment": experiment["name"],
        "batches": budget.batches,
        "epochs": budget.batches // max(1, task.batches_per_epoch),
        "minutes": round(budget.seconds / 60, 1),
    }
    return Fitted(export(task, average, folder / "weights", info), budget.finished)


def _listed(files: str | Sequence[str] | None) -> Sequence[str]:
    """Start weights as the configuration has them: one file, several, or none."""
    if not files:
        return []
    return [files] if isinstance(files, str) else files


def export(task: Task, average: Average, folder: Path, info: dict[str, Any]) -> dict[str, Path]:
    """Write the averaged weights of every component of a task.

    Where a component started from a released file, its file carries that one's configuration along.
    """
    folder.mkdir(parents=True, exist_ok=True)
    written = {}
    with average.average.applied(task):
        for name, component in task.components().items():
            written[name] = folder / f"{name}.safetensors"
            start = task.start_files.get(name)
            config = carried_config(read_header(start)) if start is not None else None
            own = {"released_config": config} if config is not None else {}
            save_component(component, written[name], {**info, **own})
    return written
