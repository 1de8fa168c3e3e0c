"""The base of a grid: one configuration, or a folder of stages as `gsv-lab fit --family` takes, and what lies over it.

An overlay lies over the stages that have what it names. A stage reads the result of another one where its configuration
names that one's run (`runs/synthetic-content/weights/...`); with `corpora`, as `gsv_lab.training.stages` says.
"""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.grids.grid_file import tables_of
from gsv_lab.evaluation.grids.linking import FAMILY
from gsv_lab.evaluation.grids.own_parts import overlay_of
from gsv_lab.evaluation.grids.speaking import speech_tables
from gsv_lab.system.config import load_experiment
from gsv_lab.system.overlay import nested, overlay
from gsv_lab.system.shipped import shipped
from gsv_lab.system.yaml_text import write_text
from gsv_lab.training import stages as family

EVALUATOR = "evaluator"
"""Stage of a folder whose content encoder counts phone errors of the others; ablations leave it alone."""
TRAINED = (EVALUATOR, "content", "sovits", "prior", "prior_adversary", "gpt", "durations")
"""Stages of a folder that a grid trains, in their order."""
SPEECH = "speech"
"""The only stage of a base that trains nothing."""
FOLDER = Path(FAMILY)
"""Stands for the folder of a family in the settings of `gsv_lab.training.stages.stage_settings`."""


@dataclass(frozen=True)
class Stage:
    """One training of the base, or speech by a model that is there.

    Args:
        name: of its configuration file.
        files: configuration and, in front, those over which it lies; none for speech.
        settings: `key.sub_key=value`, applied last.
        resolved: what they say together.
    """

    name: str
    files: tuple[Path, ...]
    settings: tuple[str, ...]
    resolved: Mapping[str, Any]

    @property
    def run(self) -> str:
        """Name of its experiment or speech."""
        return str(self.resolved["name"])

    @property
    def trains(self) -> bool:
        """Whether it is a training."""
        return bool(self.files)


@dataclass(frozen=True)
class Base:
    """What is ablated.

    Args:
        name: of the experiment, of the speech or of the folder.
        stages: in the order in which they are trained.
    """

    name: str
    stages: tuple[Stage, ...]

    def run_of(self, stage: str) -> str:
        """Name of the experiment of a stage; empty where there is no such stage."""
        return next((each.run for each in self.stages if each.name == stage), "")


def read_base(path: str | Path, overrides: Sequence[str] = (), corpora: Sequence[str | Path] = ()) -> Base:
    """A base.

    Args:
        path: a configuration, or a folder with a file for each stage.
        overrides: `key.sub_key=value`; for a folder `STAGE.key.sub_key=value`.
        corpora: folders or lists of recordings from which the stages of a folder make their store.

    Raises:
        ConfigError: CONFIG_MISSING, there is nothing of that name; GRID_STAGE, a folder without stages, a setting for a
            stage that is not there, or recordings that are missing; those of `load_experiment`.
    """
    path = shipped(Path(path))
    if path.is_dir():
        return Base(path.name, _stages(path, overrides, corpora))
    tables = tables_of(path)
    if "model" in tables and "task" not in tables:
        settings = speech_tables(tables, path.name, overrides)
        return Base(settings["name"], (Stage(SPEECH, (), (), settings),))
    resolved = load_experiment([path], overrides)
    return Base(resolved["name"], (Stage(path.stem, (path,), tuple(overrides), resolved),))


def _stages(folder: Path, overrides: Sequence[str], corpora: Sequence[str | Path]) -> tuple[Stage, ...]:
    names = [name for name in TRAINED if (folder / f"{name}.yaml").is_file()]
    if not set(names) - {EVALUATOR}:
        raise ConfigError("GRID_STAGE", f"{folder} holds no stage", f"one of {', '.join(TRAINED)} as a YAML file")
    foreign = [item for item in overrides if item.partition(".")[0] not in names]
    if foreign:
        raise ConfigError("GRID_STAGE", f"The setting '{foreign[0]}' is for no stage", f"one of {', '.join(names)}")
    known = {stage.name: stage for stage in family.STAGES}
    found = []
    for name in names:
        stage = known.get(name)
        own = [item.removeprefix(f"{name}.") for item in overrides if item.startswith(f"{name}.")]
        settings = own
        if corpora and stage is not None:
            settings = family.stage_settings(stage, FOLDER, corpora, 1.0, overrides)
        files = tuple(folder / f"{each}.yaml" for each in (*(stage.over if stage else ()), name))
        found.append(Stage(name, files, tuple(settings), load_experiment(files, settings)))
    _check_recordings(found, corpora)
    return tuple(found)


def _check_recordings(stages: Sequence[Stage], corpora: Sequence[str | Path]) -> None:
    """A content encoder of real speech changes the codes of a store, which are then made anew from recordings."""
    for stage in stages:
        arguments = stage.resolved["data"]["init_args"]
        if stage.name == "content" and "corpus" not in arguments and not corpora:
            problem = "The base trains a content encoder, whose codes have to be made anew from recordings"
            raise ConfigError("GRID_STAGE", problem, "--corpus DIR", "Or take one configuration as base")


def changed_stages(base: Base, what: Any, name: str) -> dict[str, dict[str, Any]]:
    """Stage -> its configuration with an overlay, of the stages that it changes.

    Args:
        base: what is changed.
        what: a file, its content, or a class; see `grid_file.Overlay`.
        name: of the ablation.

    Raises:
        ConfigError: GRID_IDLE, it changes nothing; CONFIG_UNKNOWN_KEY, it names what is not there; GRID_PART, see
            `own_parts.overlay_of`; those of `load_experiment`.
    """
    found = {}
    stages = [stage for stage in base.stages if stage.name != EVALUATOR]
    meant = [stage for stage in stages if names_what_is_there(_content(what, stage), stage.resolved)]
    for stage in meant or stages:
        resolved = _over(stage, _content(what, stage), name)
        if told(resolved) != told(stage.resolved):
            found[stage.name] = resolved
    if not meant:
        problem = f"The ablation '{name}' names sizes, arguments or losses that no stage of {base.name} has"
        raise ConfigError("CONFIG_UNKNOWN_KEY", problem, "those of its configuration")
    if not found:
        problem = f"The ablation '{name}' changes nothing of {base.name}"
        raise ConfigError("GRID_IDLE", problem, "one that does", "Leave it out, or look at its values")
    return found


def told(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration makes a difference: names and sizes stand for what is said elsewhere."""
    return {key: value for key, value in resolved.items() if key not in ("name", "sizes")}


def names_what_is_there(tables: Mapping[str, Any], resolved: Mapping[str, Any]) -> bool:
    """Whether a stage has the sizes, arguments and losses that an overlay names.

    Of `task` and `data` these are the arguments of their classes, of `weights` and `weight_warm_up` at least one of the
    losses; what stands deeper is the constructors' business.
    """
    wanted = dict(tables)
    if not (wanted.get("sizes") or {}).keys() <= (resolved.get("sizes") or {}).keys():
        return False
    for part in ("task", "data"):
        arguments = (wanted.get(part) or {}).get("init_args") or {}
        if not arguments.keys() <= (resolved.get(part) or {}).get("init_args", {}).keys():
            return False
    known = ((resolved.get("task") or {}).get("init_args") or {}).get("weights") or {}
    for named in (
        ((wanted.get("task") or {}).get("init_args") or {}).get("weights"),
        (wanted.get("recipe") or {}).get("weight_warm_up"),
    ):
        if named and not named.keys() & known.keys():
            return False
    return True


def _content(what: Any, stage: Stage) -> dict[str, Any]:
    """The tables of an overlay, dots at the top written out."""
    if isinstance(what, type):
        return overlay_of(what, stage.resolved)
    tables: Any = {}
    for key, value in (tables_of(what) if isinstance(what, Path) else what).items():
        tables = overlay(tables, nested(str(key), value))
    return dict(tables)


def _over(stage: Stage, tables: Mapping[str, Any], name: str) -> dict[str, Any]:
    """A stage's configuration with tables over it. What an exchanged part does not take of the old one is warned of."""
    if not stage.trains:
        return speech_tables(overlay(dict(stage.resolved), tables), name)
    with tempfile.TemporaryDirectory() as folder, warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        path = Path(folder) / f"{name}.yaml"
        path.write_text(write_text(dict(tables)), encoding="utf-8")
        resolved = load_experiment([*stage.files, path], stage.settings, idle_files=True)
    for message in {str(warning.message) for warning in caught}:
        warnings.warn(f"{name}: {message}", stacklevel=2)
    return resolved
