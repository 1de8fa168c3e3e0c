"""The folder of a fine-tuning: what it is of, which clips it left out, and whether it is finished.

    FOLDER/finetune.json    base, configurations and clips, by which a call finds its run again; clips that are left out
                            with the reasons; once it is finished, the checkpoints of each stage
    FOLDER/STAGE/           the run of `sovits` or `gpt` as `gsv_lab.training.fit.fit` writes it

Recordings and what is packed of them never lie here. The states with the optimizers do, until the voice is made; then
configurations, event files, checkpoints and weights stay.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsv_lab import __version__
from gsv_lab.checkpoint import file_fingerprint
from gsv_lab.corpora.voice_clips import VoiceClips
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.inference.family import Family
from gsv_lab.system.environment import in_cache
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.schema import misfit
from gsv_lab.training.finetuning.settings import STAGES
from gsv_lab.training.fit import STATE
from gsv_lab.training.run_state import NAMED, differences

CARD = "finetune.json"
CHECKPOINTS = "checkpoints"
ADVICE = "Give another --run-folder, or delete that one"
FREE = ("device", "save_every_minutes", "validate_every", "log_every", "workers")
"""Settings of a trainer that change nothing in what comes out."""


@dataclass(frozen=True)
class Card:
    """Entries of `finetune.json`: what a run is `of`, the clips that were `left_out`, and once it is `finished`, the
    names of each stage's checkpoints.
    """

    of: dict[str, Any]
    left_out: list[dict[str, str]]
    finished: dict[str, list[str]]


class RunFolder:
    """The folder of one fine-tuning. Runs differ by all that makes the voice, and by nothing else.

    That is: base weights, what the configurations say, the samples, texts and order of the clips, and the version of
    this package. It is not: names, places of files, how often is logged, validated or saved, and the device, so that a
    run goes on on another machine. Precision is among what counts: half precision learns something else.

    Args:
        family: base model.
        fingerprints: of its weights.
        experiments: stage -> its configuration.
        found: the clips.
        folder: where; None for one in the cache folder, which only this user may look into.
    """

    def __init__(
        self,
        family: Family,
        fingerprints: Mapping[str, str],
        experiments: Mapping[str, Mapping[str, Any]],
        found: VoiceClips,
        folder: str | Path | None = None,
    ) -> None:
        clips = zip(found.clips, found.origins, strict=False)  # one that stands again is known by its first place
        self.identity: dict[str, Any] = {
            "gsv_lab": __version__,
            "base": {"version": family.version, "pauses": family.pauses, **fingerprints, **_teachers(family)},
            "experiments": {stage: decisive(experiment) for stage, experiment in experiments.items()},
            "clips": [f"{origin.hash} {clip.language} {digest(clip.text)}" for clip, origin in clips],
        }
        self.key = digest(json.dumps(self.identity, sort_keys=True))[:12]
        self.is_own = folder is None
        self.folder = in_cache(f"runs/finetune-{self.key}") if folder is None else Path(folder)
        self.left_out = [one._asdict() for one in found.left_out]
        self.checkpoints: dict[str, list[Path]] = {}
        """Of each stage, in their order, once the run is finished."""
        self.was_finished = False
        """Whether an earlier call came to its end."""

    def begin(self) -> None:
        """Make the folder, or take the one that an earlier call of this run has left.

        Raises:
            ConfigError: RESUME_INCOMPATIBLE, another run's folder, with what was and what is. LabError: OUTPUT_EXISTS,
                other trainings lie in it; SAVE_FAILED.
        """
        earlier = self._earlier()
        made = earlier.get("finished", {})
        self.was_finished = bool(made)
        found = {stage: [self.folder / stage / CHECKPOINTS / name for name in made[stage]] for stage in made}
        if all(path.is_dir() and any(path.iterdir()) for paths in found.values() for path in paths):
            self.checkpoints = found
        make_folder(self.folder)
        if self.is_own:
            self.folder.chmod(0o700)
        self._save(made if self.checkpoints else {})

    def finish(self, checkpoints: Mapping[str, Sequence[Path]]) -> None:
        """Note the checkpoints of a run that came to its end, and remove the states.

        Raises:
            LabError: SAVE_FAILED.
        """
        self._save({stage: [path.name for path in paths] for stage, paths in checkpoints.items()})
        for stage in checkpoints:
            (self.folder / stage / STATE).unlink(missing_ok=True)

    def _earlier(self) -> dict[str, Any]:
        """The card of an earlier call of this run; empty where there is none."""
        held = [stage for stage in STAGES if (self.folder / stage).exists()]
        if not held:  # nothing was trained, whatever was begun
            return {}
        if not (self.folder / CARD).is_file():
            problem = f"The folder {self.folder} holds another training: {held[0]}"
            raise LabError("OUTPUT_EXISTS", problem, "a new folder", ADVICE)
        try:
            earlier: dict[str, Any] = json.loads((self.folder / CARD).read_bytes())
            wrong = misfit(earlier, Card, CARD)
        except (OSError, ValueError, RecursionError) as error:
            wrong = f"{CARD} cannot be read ({str(error)[:80]})"
        if wrong:
            problem = f"The run in {self.folder} is damaged: {wrong}"
            raise ConfigError("RESUME_INCOMPATIBLE", problem, "what finetune wrote", ADVICE)
        lines = [f"{key} was {old} and is {new}" for key, old, new in differences(earlier["of"], self.identity)]
        if lines:
            problem = f"The run in {self.folder} is of another fine-tuning: {'; '.join(lines[:NAMED])}"
            raise ConfigError("RESUME_INCOMPATIBLE", problem, "the same base, clips and settings", ADVICE)
        return earlier

    def _save(self, finished: Mapping[str, Sequence[str]]) -> None:
        card = {"of": self.identity, "left_out": self.left_out, "finished": finished}
        save_bytes(self.folder / CARD, json.dumps(card, indent=1, ensure_ascii=False).encode())


def decisive(experiment: Mapping[str, Any]) -> dict[str, Any]:
    """What of a configuration makes the outcome: all but names, places, the base, and `FREE`."""
    task, data, trainer = (dict(experiment[name]) for name in ("task", "data", "trainer"))
    task["init_args"] = {name: value for name, value in task["init_args"].items() if name != "base"}
    data["init_args"] = {name: value for name, value in data["init_args"].items() if name != "store"}
    idle = (*FREE, "minutes") if trainer["max_batches"] else FREE
    trainer = {name: value for name, value in trainer.items() if name not in idle}
    others = {name: value for name, value in experiment.items() if name not in ("name", "sizes")}
    return {**others, "task": task, "data": data, "trainer": trainer}


def digest(text: str) -> str:
    """Sixteen digits that tell a text from others."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _teachers(family: Family) -> dict[str, str]:
    """Identity of the discriminators that a base comes with, which take part in its training."""
    path = family.extra("discriminators")
    return {} if path is None else {"discriminators": file_fingerprint(path)}
