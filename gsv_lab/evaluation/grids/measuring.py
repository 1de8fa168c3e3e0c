"""What is measured of a trained network: the held-back clips, one by one, always the same ones in the same way.

Every loss and rate of the task's own validation is taken clip by clip, so each task that validates can be ablated.
Clips are whole where data would cut windows, references are always the same, and draws come from the same seed.
Where a recogniser of the synthetic corpus is at hand, it counts phone errors of resynthesised clips as well.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from gsv_lab.audio.alignment import phone_errors
from gsv_lab.checkpoint import load_component
from gsv_lab.corpora.data import SpeechData
from gsv_lab.corpora.sovits_data import SoVITSData
from gsv_lab.errors import DataError
from gsv_lab.evaluation.acoustic import ContentEvaluator
from gsv_lab.evaluation.grids.items import Item
from gsv_lab.nn.interfaces import ContentEncoder
from gsv_lab.system.config import build
from gsv_lab.training.sovits_task import SoVITSTask
from gsv_lab.training.task import Task

SEED = 20_011
"""Of the choice of references and of everything that is drawn while one measures."""
WHOLE = 60.0
"""Seconds of a window, so that clips are whole."""
VALID = "valid/"
HIGHER_IS_BETTER = ("accuracy", "similarity")
DEFAULTS = ("resynthesis_mel", "code", "phone_error_en", "phone_error", "ctc")
"""Of the measures of a stage the first one that there is counts, where nobody chose one."""


def measured_items(task: Task, experiment: Mapping[str, Any], items: int = 0, evaluator: str | Path = "") -> list[Item]:
    """Measure a trained task on the clips of its data that are held back.

    Args:
        task: with the weights that are to be measured.
        experiment: of the training; its data are opened anew.
        items: clips; 0 for all.
        evaluator: weights of a content encoder that scores phones; empty for none.

    Raises:
        DataError: GRID_ITEMS, the data have no clips by speaker. CheckpointError: those of `load_component`.
    """
    data = _data(experiment, task)
    listener = ContentEvaluator(load_component(evaluator, ContentEncoder)) if evaluator else None
    before = task.training
    task.cpu().eval()
    task.progress = 1.0
    found: list[Item] = []
    chosen = data.chosen["valid"]
    for number, index in enumerate(chosen[: items or len(chosen)]):
        batch, row = data.collate([index], None), data.store.rows[index]
        with torch.no_grad(), torch.random.fork_rng():
            torch.manual_seed(SEED + number)
            values = _validated(task, batch)
            if listener is not None and isinstance(task, SoVITSTask):
                torch.manual_seed(SEED + number)
                said = listener.recognised(task.resynthesis(batch)[0, 0])
                phones = batch.phones[0, : int(batch.phone_lengths[0])].tolist()
                values["phone_error"] = phone_errors(phones, said) / len(phones)
        found += [Item(row.id, row.speaker, measure, value) for measure, value in values.items()]
    task.train(before)
    return found


def primary_of(measures: Mapping[str, Any]) -> str:
    """The measure of a stage that counts, of those that there are."""
    return next((name for name in DEFAULTS if name in measures), sorted(measures)[0])


def _data(experiment: Mapping[str, Any], task: Task) -> SpeechData:
    """The data of an experiment, opened anew for whole clips, with references that no seed of a grid moves."""
    spec = copy.deepcopy(dict(experiment["data"]))
    data = build(spec)
    if not isinstance(data, SpeechData):
        problem = f"{type(data).__name__} has no clips by speaker"
        raise DataError("GRID_ITEMS", problem, "a training on speech", "Such networks cannot be compared clip by clip")
    data.attach(task, None, 0)
    data.seed = SEED
    data.train_seconds = {}
    if isinstance(data, SoVITSData):
        data.window_seconds = WHOLE
    data.setup()
    return data


def _validated(task: Task, batch: Any) -> dict[str, float]:
    """What the validation of a task logs of one batch; what is not finite says nothing of the clip and is left out."""
    values: dict[str, float] = {}

    def log(name: str, value: Any, **_: Any) -> None:
        number = float(value)
        if name.startswith(VALID) and abs(number) < float("inf"):
            values[name.removeprefix(VALID)] = number

    with _logged(task, log):
        task.validation_step(batch, 0)
    return values


class _logged:
    """Context in which a task logs into a function."""

    def __init__(self, task: Task, log: Callable[..., None]) -> None:
        self.task, self.log = task, log

    def __enter__(self) -> None:
        self.task.__dict__["log"] = self.log

    def __exit__(self, *_: object) -> None:
        del self.task.__dict__["log"]
