"""How a voice is tuned: the choices of the command line, and the configuration that each training gets of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.inference.family import Family
from gsv_lab.system.config import load_experiment
from gsv_lab.system.seeds import check_seed
from gsv_lab.system.yaml_text import write_text

CONFIGS = Path("configs/finetune")
STAGES = {"sovits": ("sovits",), "gpt": ("gpt",), "both": ("sovits", "gpt")}
"""What `--stage` names -> the trainings, one after the other."""
NAMED = ("full", "lora", "speaker", "last")
"""Methods by their names on the command line; all but the first have a file in `CONFIGS`."""


@dataclass(frozen=True)
class Settings:
    """How a voice is tuned. What is not chosen here is as the configurations say; device and precision, where these
    leave them `auto`, are those of the base model at hand.

    Args:
        method: `full`, `lora`, `speaker` or `last:N`, see `gsv_lab.training.finetuning.methods`.
        stage: a key of `STAGES`.
        steps: batches of each stage; 0 for those of the configuration.
        minutes: budget of each stage in place of the steps; 0 for none.
        learning_rate: peak; 0 for that of the configuration.
        seed: of windows, noise and updates; None for that of the configuration.
        configs: YAML files that lie over those of `configs/finetune`.
        overrides: `key.sub_key=value`, applied last.

    Raises:
        ConfigError: PARAM_RANGE.
    """

    method: str = "full"
    stage: str = "sovits"
    steps: int = 0
    minutes: float = 0.0
    learning_rate: float = 0.0
    seed: int | None = None
    configs: Sequence[str | Path] = ()
    overrides: Sequence[str] = ()

    def __post_init__(self) -> None:
        """Refuse what names nothing; other numbers are checked where the configuration is read."""
        name, _, blocks = str(self.method).partition(":")
        if name not in NAMED or bool(blocks) != (name == "last") or not (blocks or "1").isdecimal():
            problem = f"The method is '{str(self.method):.40}'"
            raise ConfigError("PARAM_RANGE", problem, "full, lora, speaker, or last:N with a number of blocks")
        if self.stage not in STAGES:
            raise ConfigError("PARAM_RANGE", f"The stage is '{str(self.stage):.40}'", " or ".join(STAGES))
        if self.seed is not None:
            check_seed(self.seed)

    def experiments(self, family: Family, transcribed: bool) -> dict[str, dict[str, Any]]:
        """Stage -> its configuration, resolved but for the store.

        Raises:
            ConfigError: those of `load_experiment`; CONFIG_INCONSISTENT, SemanticGPT should learn without transcripts;
                CONFIG_RANGE, no checkpoints are kept.
        """
        if self.stage != "sovits" and not transcribed:
            problem = "SemanticGPT learns which codes speak a text, and the clips have none"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "transcripts in list.txt", "Take the stage sovits")
        if family.released and not transcribed:
            problem = f"SoVITS of {family.version} reads the text of all that it says, and the clips have none"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "transcripts in list.txt")
        return {stage: self._experiment(stage, family, transcribed) for stage in STAGES[self.stage]}

    def _experiment(self, stage: str, family: Family, transcribed: bool) -> dict[str, Any]:
        name, _, blocks = self.method.partition(":")
        files = [CONFIGS / f"{stage}.yaml", *([CONFIGS / f"released_{stage}.yaml"] if family.released else [])]
        if name != "full":
            files.append(CONFIGS / f"{name}.yaml")
        settings = [f"sizes.base={family.version}"]
        numbers: dict[str, float] = {}
        if self.seed is not None:
            numbers["seed"] = check_seed(self.seed)
        if blocks:
            numbers["task.init_args.method.init_args.blocks"] = int(blocks)
        if stage == "sovits" and not transcribed:
            numbers["task.init_args.transcribed"] = False
        if self.minutes:
            numbers |= {"trainer.max_batches": 0, "trainer.minutes": self.minutes}
        elif self.steps:
            numbers["trainer.max_batches"] = self.steps
        if self.learning_rate:
            numbers["task.init_args.learning_rate"] = self.learning_rate
        settings += [f"{key}={write_text(value).splitlines()[0]}" for key, value in numbers.items()]
        experiment = load_experiment([*files, *map(Path, self.configs)], [*settings, *self.overrides])
        trainer = experiment["trainer"]
        own = {"device": str(family.synthesizer.device), "precision": family.synthesizer.precision}
        trainer |= {name: value for name, value in own.items() if trainer[name] == "auto"}
        if not trainer["checkpoint_every"]:
            problem = "trainer.checkpoint_every is 0, and a voice is chosen among checkpoints"
            raise ConfigError("CONFIG_RANGE", problem, "a number from 1 on")
        return experiment
