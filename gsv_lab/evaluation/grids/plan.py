"""From a grid to its cells: each arm resolved, each training with the key of all that its results depend on."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gsv_lab.checkpoint import file_fingerprint
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.grids.base import EVALUATOR, FOLDER, Base, Stage, changed_stages, told
from gsv_lab.evaluation.grids.cell import PARTS, Cell
from gsv_lab.evaluation.grids.grid_file import BASE, Grid, Level
from gsv_lab.evaluation.grids.linking import SELF, Links, folder_digest, located
from gsv_lab.evaluation.grids.own_parts import file_of, own_classes, own_digests
from gsv_lab.evaluation.grids.sources import source_digests
from gsv_lab.evaluation.grids.speaking import recordings_of
from gsv_lab.evaluation.items import file_hash
from gsv_lab.inference.loading import locate
from gsv_lab.system.environment import in_cache
from gsv_lab.system.machine import pick_device, pick_precision
from gsv_lab.system.registry import resolve
from gsv_lab.system.seeds import check_seed
from gsv_lab.training.run_state import differences
from gsv_lab.training.sovits_task import SoVITSTask

ELSEWHERE = 1_000_000
"""What is added to the seeds of the ablation `base_again`."""
IDLE = ("checkpoint_every", "log_every", "minutes", "save_every_minutes", "validate_every", "workers")
"""Settings of a trainer that move no weight, where batches are the budget."""
TRAINING = ("gsv_lab.training.fit", "gsv_lab.evaluation.grids.measuring")
SPEECH = ("gsv_lab.inference.lab", "gsv_lab.evaluation.grids.speaking")
_PRIMARY = re.compile(r"^#.*Primary measure: (\w+)\.", re.M)


@dataclass(frozen=True)
class Arm:
    """An ablation at a level, with a seed.

    Args:
        ablation: its name; `BASE` for the base.
        level: its level; empty for the base.
        seed: as the grid has it.
        cells: stage -> key.
        changed: stages that the ablation changes, in their order.
    """

    ablation: str
    level: str
    seed: int
    cells: Mapping[str, str]
    changed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Plan:
    """A grid, written out.

    Args:
        base: what is ablated.
        grid: what is compared.
        arms: the base first.
        cells: by key, those that others need first.
        primary: (ablation, level) -> its measure, as `STAGE/NAME`; what is left out has that of its stage.
        differs: (ablation, level) -> what it changes: stage, dotted key, both values.
        parts: path in the grid's folder -> file with parts of the user's own.
        typed: whether a class was typed into a cell of this process, so that trainings must run in it.
    """

    base: Base
    grid: Grid
    arms: tuple[Arm, ...]
    cells: Mapping[str, Cell]
    primary: Mapping[tuple[str, str], str]
    differs: Mapping[tuple[str, str], tuple[str, ...]]
    parts: Mapping[str, Path]
    typed: bool


def plan(base: Base, grid: Grid, threads: int = 1, parts: Sequence[Path] = ()) -> Plan:
    """Write out a grid.

    Args:
        base: what is ablated.
        grid: what is compared.
        threads: of every training; its results depend on it.
        parts: files with parts of the user's own.

    Raises:
        ConfigError: GRID_IDLE, GRID_EQUAL, two ablations that are the same; GRID_BATCHES, a training without a number
            of batches; GRID_STAGE, a stage that is not there; those of `changed_stages` and `own_digests`.
        CheckpointError: CKPT_MISSING, weights that are not there.
    """
    _check_names(base, grid)
    maker = _Maker(base, grid, threads, parts)
    arms = [maker.arm(BASE, "", seed, {}) for seed in grid.seeds]
    primary, differs = {}, {}
    for level in grid.levels:
        name = level.ablation if level.name == "on" else level.name
        changed = {} if level.overlay is None else changed_stages(base, level.overlay, name)
        again = level.overlay is None
        arms += [maker.arm(level.ablation, level.name, seed, changed, again) for seed in grid.seeds]
        where = level.ablation, level.name
        primary[where] = chosen_measure(grid, level, base, changed)
        differs[where] = maker.differences(changed)
    _check_different(arms)
    used = {key for arm in arms for key in arm.cells.values()}
    cells = {key: cell for key, cell in maker.cells.items() if key in used or cell.stage == EVALUATOR}
    return Plan(base, grid, tuple(arms), cells, primary, differs, maker.files, maker.typed)


class _Maker:
    """Makes the cells of arms, each once."""

    def __init__(self, base: Base, grid: Grid, threads: int, parts: Sequence[Path]) -> None:
        self.base, self.grid, self.threads, self.parts = base, grid, threads, parts
        self.cells: dict[str, Cell] = {}
        self.by_name = {stage.name: stage for stage in base.stages}
        self.files: dict[str, Path] = {}
        self.typed = False
        self.family = any(str(FOLDER) in setting for stage in base.stages for setting in stage.settings)
        self.evaluator = self._evaluator()

    def arm(self, ablation: str, level: str, seed: int, changed: Mapping[str, Any], again: bool = False) -> Arm:
        """An arm with its cells."""
        keys: dict[str, str] = {}
        for stage in self.base.stages:
            if stage.name != EVALUATOR:
                resolved = changed.get(stage.name, stage.resolved)
                keys[stage.name] = self._cell(stage, resolved, seed + ELSEWHERE * again, keys)
        return Arm(ablation, level, seed, keys, tuple(name for name in keys if name in changed))

    def differences(self, changed: Mapping[str, Mapping[str, Any]]) -> tuple[str, ...]:
        """What an ablation changes, for the reader of a report."""
        found = []
        for name, resolved in changed.items():
            rows = differences(told(self.by_name[name].resolved), told(resolved))
            found += [f"{name}: {key} {before} -> {after}" for key, before, after in rows]
        return tuple(found)

    def _evaluator(self) -> str:
        """Weights of the recogniser that counts phone errors, or the cell that trains it."""
        stage = self.by_name.get(EVALUATOR)
        if stage is None:
            return str(in_cache(self.grid.evaluator)) if self.grid.evaluator else ""
        key = self._cell(stage, stage.resolved, int(stage.resolved["seed"]), {})
        return f"cell:{key}/run/weights/content_encoder.safetensors"

    def _cell(self, stage: Stage, resolved: Mapping[str, Any], seed: int, before: Mapping[str, str]) -> str:
        """Key of a cell, which is made where it is not there yet."""
        common = {"threads": self.threads}
        made_of: dict[str, Any] = {"threads": self.threads, "torch": torch.__version__}
        if not stage.trains:
            cell = self._speech(stage, resolved, seed, common, made_of)
        else:
            cell = self._training(stage, resolved, seed, before, common, made_of)
        self.cells.setdefault(cell.key, cell)
        return cell.key

    def _training(
        self,
        stage: Stage,
        resolved: Mapping[str, Any],
        seed: int,
        before: Mapping[str, str],
        common: Mapping[str, Any],
        made_of: Mapping[str, Any],
    ) -> Cell:
        experiment = self._experiment(stage, resolved, seed)
        runs = {self.by_name[name].run: key for name, key in before.items()}
        found = located(experiment, Links(runs, before, before.get("content", SELF)))
        trainer = {name: value for name, value in experiment["trainer"].items() if name not in IDLE}
        classes = own_classes(found.identity)
        digests = own_digests(classes, self.parts)
        modules = [path.rpartition(".")[0] for path in _class_paths(found.identity)]
        speaks = issubclass(resolve(experiment["task"]["class_path"]), SoVITSTask)
        evaluator = self.evaluator if speaks else ""
        job = {
            **common,
            "experiment": found.called,
            "evaluator": evaluator,
            "items": self.grid.items,
            "codes": self.family and stage.name == "content",
            "parts": self._travelling(classes, digests),
        }
        identity = {
            **made_of,
            "stage": stage.name,
            "seed": check_seed(seed),
            "experiment": found.identity,
            "trainer": trainer,
            "items": self.grid.items,
            "evaluator": _identity_of_evaluator(evaluator),
            "sources": source_digests([*TRAINING, *modules]) | digests,
        }
        needs = set(found.needs)
        if evaluator.startswith("cell:"):
            needs.add(evaluator.removeprefix("cell:").partition("/")[0])
        return Cell(stage.name, seed, identity, job, frozenset(needs))

    def _travelling(self, classes: Mapping[str, type], digests: Mapping[str, str]) -> list[str]:
        """Where the files that register some classes lie in the grid's folder."""
        places = set()
        for path, cls in classes.items():
            file = file_of(cls, self.parts)
            if file is None:
                self.typed = True
            else:
                places.add(f"{PARTS}/{digests[path]}/{file.name}")
                self.files[f"{PARTS}/{digests[path]}/{file.name}"] = file
        return sorted(places)

    def _experiment(self, stage: Stage, resolved: Mapping[str, Any], seed: int) -> dict[str, Any]:
        """A resolved configuration for one seed, with the grid's budget, on the device that is at hand."""
        experiment = copy.deepcopy(dict(resolved))
        trainer = experiment["trainer"]
        trainer["max_batches"] = self.grid.batches_of(stage.name) or trainer["max_batches"]
        if not trainer["max_batches"]:
            problem = f"{stage.name} has a budget of minutes, by which no two trainings are alike"
            expected = f"batches in the grid file, --batches, or {stage.name}'s trainer.max_batches"
            raise ConfigError("GRID_BATCHES", problem, expected)
        # Nothing is drawn on the way; what counts is measured at the end.
        trainer["validate_every"] = trainer["max_batches"] + 1
        if trainer["device"] == "auto":
            trainer["device"] = pick_device("auto").type
        if trainer["precision"] == "auto":
            trainer["precision"] = pick_precision("auto", pick_device(trainer["device"]), ("32", "bf16", "fp16"))
        experiment["name"] = f"{stage.name}-{seed}"
        experiment["seed"] = check_seed(seed)
        if "seed" in experiment["data"]["init_args"]:
            experiment["data"]["init_args"]["seed"] = check_seed(seed)
        return experiment

    def _speech(
        self,
        stage: Stage,
        resolved: Mapping[str, Any],
        seed: int,
        common: Mapping[str, Any],
        made_of: Mapping[str, Any],
    ) -> Cell:
        settings = copy.deepcopy(dict(resolved))
        settings["recordings"] = [str(path.absolute()) for path in recordings_of(settings)]
        identity: dict[str, Any] = {key: value for key, value in settings.items() if key != "name"}
        identity["model"] = folder_digest(locate(settings["model"]))
        identity["recordings"] = [_recording_digest(Path(path)) for path in settings["recordings"]]
        made = {**made_of, "speech": identity, "seed": check_seed(seed), "sources": source_digests(SPEECH)}
        return Cell(stage.name, seed, made, {**common, "parts": [], "speech": settings})


def _identity_of_evaluator(weights: str) -> str:
    return weights if not weights or weights.startswith("cell:") else file_fingerprint(weights)


def _recording_digest(path: Path) -> str:
    """Name and content of a recording.

    Raises:
        DataError: DATA_MISSING.
    """
    if not path.is_file():
        raise DataError("DATA_MISSING", f"There is no recording {path}", "a sound file", "Check `recordings`")
    return f"{path.stem}:{file_hash(path)}"


def _class_paths(spec: Any) -> list[str]:
    """Every class that a specification names."""
    if isinstance(spec, Mapping):
        own = [spec["class_path"]] if isinstance(spec.get("class_path"), str) else []
        return own + [path for value in spec.values() for path in _class_paths(value)]
    if isinstance(spec, (list, tuple)):
        return [path for value in spec for path in _class_paths(value)]
    return []


def _check_names(base: Base, grid: Grid) -> None:
    """Refuse what a grid says of stages and ablations that are not there."""
    stages = [stage.name for stage in base.stages]
    named = list(grid.batches) if isinstance(grid.batches, Mapping) else []
    named += [measure.partition("/")[0] for measure in grid.primary.values() if "/" in measure]
    for name in named:
        if name not in stages:
            raise ConfigError("GRID_STAGE", f"{base.name} has no stage '{name}'", " or ".join(stages))
    known = {level.ablation for level in grid.levels}
    for name in grid.primary:
        if name not in known:
            raise ConfigError("GRID_STAGE", f"The grid has no ablation '{name}'", " or ".join(sorted(known)))


def chosen_measure(grid: Grid, level: Level, base: Base, changed: Mapping[str, Any]) -> str:
    """The measure that was chosen beforehand, by the grid or the overlay's comment; empty for that of the stage.

    Args:
        grid: with its own choices.
        level: of an ablation.
        base: what is ablated.
        changed: stages that the level changes.
    """
    stages = [stage.name for stage in base.stages if stage.name != EVALUATOR]
    stage = next((name for name in stages if name in changed), stages[-1])
    chosen = grid.primary.get(level.ablation, "")
    if not chosen and isinstance(level.overlay, Path):
        said = _PRIMARY.search(level.overlay.read_text(encoding="utf-8"))
        chosen = said[1] if said else ""
    return chosen if "/" in chosen or not chosen else f"{stage}/{chosen}"


def _check_different(arms: Sequence[Arm]) -> None:
    """Refuse two arms with the same cells."""
    seen: dict[tuple[str, ...], Arm] = {}
    for arm in arms:
        other = seen.setdefault(tuple(arm.cells.values()), arm)
        if other is not arm:
            names = " and ".join(
                f"{each.ablation} {each.level} (seed {each.seed})".replace("  ", " ") for each in (other, arm)
            )
            raise ConfigError("GRID_EQUAL", f"{names} are the same", "ablations that differ", "Leave one out")
