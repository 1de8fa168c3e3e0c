"""From raw clips to a family that ships, one stage after the other, without supervision.

content encoder -> codebook, codes, aligned phones, pitch -> SoVITS -> its prior, on frozen latents, then against a
discriminator of them -> SemanticGPT -> its durations -> speaker verifier and evaluation recognisers -> letter-to-sound
-> release

Every stage is a run of its own (`gsv_lab.training.fit`) with a share of the minutes; killed at any moment, the same
call goes on in the stage and at the batch where it was. What the networks are is said in the YAML files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.nn.sampling import Sampling
from gsv_lab.system.config import load_experiment, override
from gsv_lab.system.files import check_folder_name, read_file, save_bytes
from gsv_lab.system.migration import STAGES as OLD_STAGES
from gsv_lab.system.migration import refuse_old_names
from gsv_lab.system.ranges import NonNegativeInt
from gsv_lab.system.registry import Configurable
from gsv_lab.system.schema import misfit
from gsv_lab.system.settings import Recipe, TrainerSettings
from gsv_lab.training.codes import make_codes
from gsv_lab.training.fit import fit
from gsv_lab.training.release import release


@dataclass(frozen=True)
class Stage:
    """One training.

    Args:
        name: of its configuration file.
        share: of all minutes.
        weights: components whose files it writes.
        overrides: more `key=value` for its configuration.
        over: names of the stages over whose configurations this one's lies; none if it is whole.
        start: the weight file that it goes on from, below the folder of the family; empty for none. What does not fit
            begins anew.
    """

    name: str
    share: float
    weights: tuple[str, ...]
    overrides: tuple[str, ...] = field(default=())
    over: tuple[str, ...] = field(default=())
    start: str = ""


QUANTIZER = ("task.init_args.quantizer_file={quantizer}",)
STAGES = (
    Stage("content", 0.28, ("content_encoder",)),
    Stage("sovits", 0.24, ("sovits", "discriminators"), QUANTIZER),
    Stage("prior", 0.06, ("sovits",), QUANTIZER, ("sovits",), "sovits/weights/sovits.safetensors"),
    Stage("prior_adversary", 0.03, ("sovits",), QUANTIZER, ("sovits", "prior"), "prior/weights/sovits.safetensors"),
    Stage("gpt", 0.15, ("semantic_gpt",)),
    Stage("durations", 0.02, ("semantic_gpt",), start="gpt/weights/semantic_gpt.safetensors"),
    Stage("speaker_verifier", 0.04, ("speaker_verifier",)),
    Stage("recogniser_en", 0.08, ("recogniser_en",)),
    Stage("recogniser_zh", 0.08, ("recogniser_zh",)),
    Stage("g2p", 0.02, ("letter_to_sound",)),
)
"""Shares were set on two CPU cores; they add up to one. Of a component that several stages write the last file counts.
Evaluation networks measure the family and steer nothing.
"""


@dataclass(frozen=True)
class Resolved:
    """Entries of a stage in a bundle's file; see `gsv_lab.system.config.TOP`."""

    name: str
    seed: NonNegativeInt
    task: Configurable
    data: Configurable
    trainer: TrainerSettings
    recipe: Recipe = field(default_factory=Recipe)
    sizes: dict[str, Any] = field(default_factory=dict)
    start_from: str | list[str] = ""


DEFAULTS = Sampling(top_k=15, temperature=0.8, repetition_penalty=1.0)
"""Sampling of a new family; its monotonic alignment forbids what a penalty on repetitions is for."""


def load_stage(configs: Path, name: str, overrides: Sequence[str]) -> dict[str, Any]:
    """One stage's experiment, from a folder of YAML files or from a file in which all are resolved already.

    Raises:
        ConfigError: CONFIG_MISSING, CONFIG_TYPE, the file cannot be read or has no table of this stage; those of
            `load_experiment` and `override`.
    """
    if configs.suffix != ".json":
        (stage,) = choose([name])
        return load_experiment([configs / f"{file}.yaml" for file in (*stage.over, name)], overrides)
    try:
        stages = json.loads(read_file(configs))
    except OSError as error:
        raise ConfigError("CONFIG_MISSING", f"Cannot read {configs}", "a bundle's file", str(error.strerror)) from error
    except (ValueError, RecursionError) as error:
        problem = f"{configs.name} is damaged ({str(error)[:80]})"
        raise ConfigError("CONFIG_TYPE", problem, "JSON as --bundle writes it", "Make the bundle anew") from error
    experiment: Any = stages.get(name) if isinstance(stages, dict) else None
    problem = misfit(experiment, Resolved, f"{configs.name}.{name}")
    if problem:
        raise ConfigError("CONFIG_TYPE", problem, "a file as --bundle writes it", "Make the bundle anew")
    return override(experiment, overrides)


def train_family(
    configs: str | Path,
    corpora: Sequence[str | Path],
    folder: str | Path,
    version: str,
    minutes: float,
    *,
    overrides: Sequence[str] = (),
    stages: Sequence[str] | None = None,
    pause: Path | None = None,
    run_minutes: float = 0,
    progress_bar: bool = True,
    say: Callable[[str], None] = lambda line: None,
) -> Path | None:
    """Train all stages and release them.

    Args:
        configs: folder with a YAML file for each stage, named like it, or a bundle's file in which they are resolved
            already (`gsv_lab.training.bundle`).
        corpora: corpus folders or list files; see `gsv_lab.corpora.readers`.
        folder: for runs, the store and, in the end, the family.
        version: name of the family, for example `nano-2`.
        minutes: for all stages together.
        overrides: `STAGE.key.sub_key=value` for one stage.
        stages: names of the stages to train, None for all. Of the others only weights that are there already are
            released, so that several machines can share the work.
        pause: see `fit`.
        run_minutes: leave after so many minutes of training; the next call goes on. 0 for no limit.
        progress_bar: show one.
        say: called with a line when a stage begins.

    Returns:
        the family's folder, or None if `run_minutes` ended a stage before its budget.

    Raises:
        ConfigError: CONFIG_PATH, the version is no plain folder name; those of `choose`, of the configurations, `fit`.
    """
    check_folder_name(version, "the version")
    chosen = choose(stages)
    choose([item.partition(".")[0] for item in overrides])
    folder = Path(folder).absolute()
    quantizer = folder / "quantizer.safetensors"
    weights: dict[str, Path] = {}
    began = time.monotonic()
    for stage in STAGES:
        files = {name: folder / stage.name / "weights" / f"{name}.safetensors" for name in stage.weights}
        done = folder / stage.name / "done"
        if stage in chosen and done.is_file():
            say(f"{stage.name}: finished already, nothing is trained")
        elif stage in chosen:
            say(f"{stage.name}: {stage.share * minutes:.0f} minutes")
            settings = stage_settings(stage, folder, corpora, stage.share * minutes, overrides)
            left = run_minutes and run_minutes - (time.monotonic() - began) / 60
            if left < 0:
                return None
            experiment = load_stage(Path(configs), stage.name, settings)
            if not finished(stage, experiment, folder, pause=pause, run_minutes=left, progress_bar=progress_bar):
                return None
        weights |= {name: path for name, path in files.items() if path.is_file()}
        if stage.name == "content" and stage in chosen and not quantizer.is_file():
            say("codebook, codes, aligned phones, pitch")
            make_codes(folder / "store", files["content_encoder"], quantizer)
    return release(weights, folder / version, version, DEFAULTS, 0.0, 4.0, pauses=True)


def finished(stage: Stage, experiment: dict[str, Any], folder: Path, **how: Any) -> bool:
    """Train one stage in its folder; true, and noted there, once its budget is used up. `how`: see `fit`."""
    fitted = fit(experiment, folder / stage.name, partial=bool(stage.start), **how)
    if fitted.done:
        save_bytes(folder / stage.name / "done", b"")
    return fitted.done


def choose(names: Sequence[str] | None) -> tuple[Stage, ...]:
    """Stages by name; all if None.

    Raises:
        ConfigError: CONFIG_UNKNOWN_KEY, there is no such stage; CONFIG_RENAMED, it has another name now.
    """
    refuse_old_names(names or (), OLD_STAGES, "stage")
    known = {stage.name: stage for stage in STAGES}
    wrong = [name for name in names or () if name not in known]
    if wrong:
        raise ConfigError("CONFIG_UNKNOWN_KEY", f"There is no stage '{wrong[0]}'", f"some of {', '.join(known)}")
    return STAGES if names is None else tuple(known[name] for name in names)


def stage_settings(
    stage: Stage, folder: Path, corpora: Sequence[str | Path], minutes: float, overrides: Sequence[str]
) -> list[str]:
    """Settings over a stage's configuration: where its data lie, its budget, and the caller's own, last."""
    settings = [text.format(quantizer=folder / "quantizer.safetensors") for text in stage.overrides]
    if stage.start:
        settings.append(f"start_from=[{folder / stage.start}]")
    if stage.name != "g2p":
        settings.append(f"data.init_args.store={folder / 'store'}")
    if stage.name == "content":
        settings.append("data.init_args.corpora=[" + ",".join(str(Path(corpus)) for corpus in corpora) + "]")
    own = [item.removeprefix(f"{stage.name}.") for item in overrides if item.startswith(f"{stage.name}.")]
    return [*settings, f"trainer.minutes={minutes}", *own]
