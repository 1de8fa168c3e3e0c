"""One function for any training: builds what is named, resumes what is there, exports what came out."""

from __future__ import annotations

import logging
import signal
import threading
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytorch_lightning as pl
import torch
from pytorch_lightning.loggers import TensorBoardLogger

from gsv_lab.errors import ConfigError, LabError
from gsv_lab.system.config import build
from gsv_lab.system.files import saving
from gsv_lab.system.folders import locked
from gsv_lab.system.machine import pick_device
from gsv_lab.system.seeds import check_seed
from gsv_lab.system.settings import Recipe, TrainerSettings
from gsv_lab.system.threads import settle_threads
from gsv_lab.training.callbacks import Average, Budget, BudgetBar, Checkpoints
from gsv_lab.training.following import Leader, check_processes, processes
from gsv_lab.training.hardware import hardware
from gsv_lab.training.logging_callback import LoggingCallback
from gsv_lab.training.run_card import EVENTS, STATE, Record
from gsv_lab.training.run_state import ADVICE, StateFile, StateSaver, check_same
from gsv_lab.training.start import belongings, start_from
from gsv_lab.training.task import Task

After = Callable[[Task, Any], None]
"""What is done with a trained task and its data; see `fit`."""


class Fitted(NamedTuple):
    """Weight file of each trained component, and whether the budget was used up (else the same call goes on)."""

    weights: dict[str, Path]
    done: bool


@contextmanager
def _nothing_left(record: Record) -> Iterator[None]:
    """A run that fails before its first batch takes away the event file that Lightning opened."""
    events = record.folder / EVENTS
    try:
        yield
    finally:
        if not record.begun:
            for path in set(events.glob("*")) - record.events:
                path.unlink()
            with suppress(OSError):
                events.rmdir()


@contextmanager
def _state_that_fits(path: Path | None, record: Record) -> Iterator[None]:
    """A state that the networks or optimizers of this version refuse is one error.

    Raises:
        ConfigError: RESUME_INCOMPATIBLE.
    """
    try:
        yield
    except LabError:
        raise
    except (RuntimeError, ValueError, KeyError, TypeError) as error:
        if record.begun or path is None:
            raise
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        problem = f"The state {path} cannot be gone on with ({why})"
        raise ConfigError("RESUME_INCOMPATIBLE", problem, "a state of the same networks", ADVICE) from error


@contextmanager
def _whole_batches(trainer: pl.Trainer, record: Record, budget: Budget) -> Iterator[None]:
    """Ctrl-C ends the training after the batch that is under way, so that a state can be saved; a second one at once.

    Raises:
        KeyboardInterrupt: when it has ended, with what is true then.
    """
    asked = False

    def stop(*_: Any) -> None:
        nonlocal asked
        if asked or not record.begun:
            raise KeyboardInterrupt
        asked = True
        trainer.should_stop = True

    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    except SystemExit as error:  # what Lightning makes of the second one
        raise KeyboardInterrupt from error
    finally:
        signal.signal(signal.SIGINT, before)
    if asked:
        raise KeyboardInterrupt(f"the training is saved after batch {budget.batches}; the same command goes on there")


@contextmanager
def _no_advertising() -> Iterator[None]:
    """Lightning's remarks on hardware and on packages that it would like to see installed stay away; warnings come."""
    logger = logging.getLogger("pytorch_lightning")
    before = logger.level
    logger.setLevel(max(before, logging.WARNING))
    try:
        yield
    finally:
        logger.setLevel(before)


@contextmanager
def _errors_of_writers() -> Iterator[None]:
    """The thread that writes TensorBoard's events hands its error to the training; it shows no traceback besides."""
    before = threading.excepthook

    def show(caught: threading.ExceptHookArgs) -> None:
        if not type(caught.thread).__module__.startswith("tensorboard."):
            before(caught)

    threading.excepthook = show
    try:
        yield
    finally:
        threading.excepthook = before


def _built(experiment: dict[str, Any], part: str) -> Any:
    """The objects of a part of the experiment.

    Raises:
        ConfigError: those of `build`; CONFIG_INCONSISTENT, sizes that a constructor refuses.
    """
    try:
        return build(experiment.get(part) or {})
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
    fresh: bool = False,
    task: Task | None = None,
    say: Callable[[str], None] = lambda line: None,
    after: After = lambda task, data: None,
) -> Fitted:
    """Train to the end of the budget; killed at any moment, the same call goes on where it was.

    It goes on with the same experiment and data only, see `gsv_lab.training.run_state`.

    Args:
        experiment: resolved dictionary of `gsv_lab.system.config.load_experiment`.
        folder: the run's folder: state, TensorBoard events, weights.
        pause: a file that makes the training wait while it exists.
        run_minutes: leave after so many minutes even if the budget is not used up; 0 for no limit.
        progress_bar: show one.
        partial: start weights (`start_from` of the experiment) may lack tensors or have them in another shape; the
            networks keep their own start there.
        fresh: begin anew, whatever the folder holds; its state is put aside once the new run has begun.
        task: that of the experiment, where it is built already; for networks that no file holds.
        say: called with a line when the training begins.
        after: called at the end with the task, whose weights are the averaged ones then, and its data.

    Returns:
        where the averaged weights lie, in single precision.

    Raises:
        ConfigError: the experiment cannot be built; there is no trace of it on the disk then. RESUME_INCOMPATIBLE, the
            folder holds the state of another run. DEVICE_MISSING, see `gsv_lab.system.machine.pick_device`.
            STRATEGY_UNAVAILABLE, see `gsv_lab.training.following.check_processes`.
        CheckpointError: start weights that do not fit; see `gsv_lab.training.start`.
        LabError: TRAIN_NONFINITE, a loss, gradient or weight is not finite, SAVE_FAILED; the last state is intact.
            IN_USE, another process trains in the folder. PROCESS_DIED, one of several that train together.
        KeyboardInterrupt: Ctrl-C; a state is saved.
    """
    folder = Path(folder)
    with locked(folder, "trained in"), saving(folder, only_full=True), _errors_of_writers(), _no_advertising():
        return _fit(experiment, folder, task, pause, run_minutes, progress_bar, partial, fresh, say, after)


def _fit(
    experiment: dict[str, Any],
    folder: Path,
    task: Task | None,
    pause: Path | None,
    run_minutes: float,
    progress_bar: bool,
    partial: bool,
    fresh: bool,
    say: Callable[[str], None],
    after: After,
) -> Fitted:
    """See `fit`, whose folder is this process's now."""
    settings = TrainerSettings(**experiment["trainer"])
    device = pick_device(settings.device)
    torch.manual_seed(check_seed(experiment["seed"]))
    task = task or cast(Task, _built(experiment, "task"))
    task.adopt(Recipe(**_built(experiment, "recipe")))
    settle_threads(task)
    check_processes(settings.processes, device, settings.device, task, experiment)
    data = _built(experiment, "data")
    file = StateFile(folder / STATE)
    found = None
    if file.path.is_file() and not fresh:
        found = file.read()
        check_same(found, experiment, task.places, data.places, file.path)
    _start(task, _listed(experiment.get("start_from")), found, partial)
    budget = Budget(settings.minutes, settings.max_batches, experiment["seed"], pause, run_minutes)
    average = Average(settings.average_decay)
    saver = StateSaver(file, settings.save_every_minutes, experiment, data, found)
    data.attach(task, budget, settings.workers)
    record = Record(folder, experiment, budget, saver, fresh, say)
    # A checkpoint comes before the state of its batch: a run that goes on there would never write it.
    checkpoints = [Checkpoints(folder / "checkpoints", settings.checkpoint_every, budget, average)]
    callbacks: list[pl.Callback] = [budget, average, record, *(checkpoints if settings.checkpoint_every else [])]
    callbacks += [saver, LoggingCallback(), *([BudgetBar(budget)] if progress_bar else [])]
    arithmetic = hardware(device, settings.precision)
    arithmetic["plugins"].append(file)
    state = None if found is None else file.path
    begun = 0 if found is None else found["callbacks"]["Budget"]["batches"]
    with processes(settings.processes, device, task, experiment, begun) as ranks:
        callbacks[1:1] = [] if ranks is None else [Leader(ranks)]  # behind the budget
        trainer = _trainer(folder, settings, arithmetic, callbacks)
        with _nothing_left(record), _whole_batches(trainer, record, budget), _state_that_fits(state, record):
            trainer.fit(task, datamodule=data, ckpt_path=state, weights_only=True)
    if budget.finished and budget.batches == budget.begun:
        say(f"the run is finished already, after {budget.batches} batches; nothing was trained")
    info = {
        "experiment": experiment["name"],
        "batches": budget.batches,
        "epochs": budget.batches // max(1, task.batches_per_epoch),
        "minutes": round(budget.seconds / 60, 1),
    }
    with average.average.applied(task):
        after(task, data)
        return Fitted(task.write(folder / "weights", info), budget.finished)


def _trainer(
    folder: Path, settings: TrainerSettings, arithmetic: dict[str, Any], callbacks: list[pl.Callback]
) -> pl.Trainer:
    """Lightning's trainer, which leaves bars, summaries and checkpoints to the callbacks."""
    return pl.Trainer(
        **arithmetic, max_epochs=-1,
        logger=TensorBoardLogger(folder, name="", version=EVENTS, default_hp_metric=False), callbacks=callbacks,
        enable_progress_bar=False, enable_model_summary=False, enable_checkpointing=False,
        num_sanity_val_steps=0, log_every_n_steps=settings.log_every, val_check_interval=settings.validate_every,
        check_val_every_n_epoch=None, use_distributed_sampler=False, default_root_dir=folder,
    )  # fmt: skip


def _start(task: Task, files: Sequence[str], found: Mapping[str, Any] | None, partial: bool) -> None:
    """Start weights, where no state has weights already."""
    if found is None:
        start_from(task, files, partial)
        return
    if files and files != _listed(found["gsv_lab"]["experiment"].get("start_from")):
        warnings.warn("start_from is not read: the run goes on from its own state", stacklevel=3)
    # The files say no more now than which codebook the codes are of.
    task.start_files = belongings(task, [file for file in files if Path(file).is_file()])


def _listed(files: str | Sequence[str] | None) -> Sequence[str]:
    """Start weights as the configuration has them: one file, several, or none."""
    if not files:
        return []
    return [files] if isinstance(files, str) else files
