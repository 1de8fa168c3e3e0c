"""How notebook 09 tunes: what each method moves, a run of a few steps, the voices that it made.

In the profile `gpu` (`GSV_LAB_PROFILE`) runs are whole and in bf16.
"""

from __future__ import annotations

import importlib.util
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import torch

from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.voice_clips import read_clips
from gsv_lab.corpora.voice_store import voice_store
from gsv_lab.errors import LabError
from gsv_lab.hooks import Table
from gsv_lab.inference.family import Family
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from gsv_lab.released.catalogue import MODELS
from gsv_lab.system.config import build
from gsv_lab.system.environment import profile
from gsv_lab.training.finetuning.candidates import Recorded, candidates
from gsv_lab.training.finetuning.methods import FullTuning, LastBlocks, LoRA, SpeakerTuning
from gsv_lab.training.finetuning.settings import Settings
from gsv_lab.training.finetuning.shares import moved_parameters
from gsv_lab.training.fit import fit
from gsv_lab.training.task import Task


class Profile(NamedTuple):
    """Sizes of the notebook: where the lab's networks lie, as arguments of `gsv_lab.load`; steps of the run; settings
    that make its batches small.
    """

    place: Mapping[str, str]
    steps: int
    overrides: Sequence[str] = ()


PROFILES = {
    "cpu": Profile({}, 12, ("data.init_args.windows=2", "data.init_args.window_seconds=1.0", "trainer.log_every=1")),
    "gpu": Profile({"device": "cuda", "precision": "bf16"}, 240, ("trainer.log_every=5",)),
}
"""By what `GSV_LAB_PROFILE` says."""


class Run(NamedTuple):
    """What `fit` takes for one short run: the resolved `experiment`, the `task` of it, and the `store` of the clips."""

    experiment: dict[str, Any]
    task: Task
    store: ClipStore


def sizes() -> Profile:
    """Those that `GSV_LAB_PROFILE` names.

    Raises:
        ConfigError: PROFILE.
    """
    return PROFILES[profile()]


def short_run(lab: Lab, folder: Path, work: Path, method: str = "speaker") -> Run:
    """A run on a prepared folder in the sizes of the profile, with one validation and one checkpoint at its end.

    Args:
        lab: with the base model.
        folder: prepared.
        work: for the packed clips.
        method: see `gsv_lab.training.finetuning.settings.Settings`.
    """
    family, size = lab.family, sizes()
    found = read_clips(folder, 60.0)
    store = voice_store(family, found.clips, work / "store")
    small = () if family.released else size.overrides
    places = (f"sizes.store={store.folder}", f"name=finetune-{method}")
    ends = (f"trainer.validate_every={size.steps}", f"trainer.checkpoint_every={size.steps}")
    settings = Settings(method=method, steps=size.steps, overrides=(*small, *ends, *places))
    experiment = settings.experiments(family, found.transcribed)["sovits"]
    spec = experiment["task"]
    # The networks that are loaded already, whatever folder they came from.
    task: Task = build({**spec, "init_args": {**spec["init_args"], "base": family}})
    return Run(experiment, task, store)


def checkpoints(run: Path) -> list[Path]:
    """The folders of a run's checkpoints, in their order."""
    return sorted(path for path in (run / "checkpoints").iterdir() if path.is_dir())


def voices(lab: Lab, store: ClipStore, checkpoints: Sequence[Path], name: str = "lesson") -> dict[int, Voice]:
    """Step -> the voice of the clips in a store: zero-shot under 0, and that of each checkpoint.

    All have one prompt, so that they differ in what was tuned alone.

    Args:
        lab: with the base model.
        store: the clips that were tuned on.
        checkpoints: folders of a run of `sovits`, called by their steps.
        name: of the voices.
    """
    recorded = Recorded(lab.family, lab.recordings, store, transcribed=True)
    made = {}
    for one in candidates(recorded, {"sovits": checkpoints}):
        made[one.step] = Voice(
            name=f"{name} {one.step}",
            parent=lab.version,
            parents=lab.recordings.fingerprints,
            speaker=one.speaker,
            prompt=recorded.prompt,
            changed=one.changed,
            adapters=one.adapters,
            residuals=recorded.residuals(one),
        )
    return made


def counts(family: Family) -> dict[str, dict[str, int]]:
    """Method -> {component: parameters that learn}; without low-rank updates where peft is not installed."""
    methods = {"full": FullTuning(), "lora": LoRA(), "speaker": SpeakerTuning(), "last:1": LastBlocks()}
    if importlib.util.find_spec("peft") is None:
        methods.pop("lora")
    return moved_parameters(family, methods)


def released(folder: Path, work: Path) -> Any:
    """What the methods move of the first released family whose weights are at hand, as a Figure; else a table of what
    each family would need. In the profile `gpu` its SoVITS is tuned as well, by low-rank updates.

    Args:
        folder: prepared.
        work: for the run.

    Raises:
        LabError, DataError: those of a run.
    """
    from gsv_lab import figures

    rows = []
    for name in MODELS:
        try:
            lab = load(name, **sizes().place)
        except LabError as error:
            rows.append({"family": name, "it would need": str(error)})
            continue
        said = "" if profile() == "cpu" else f"; {tuned_there(lab, folder, work)}"
        return figures.moved_parameters(counts(lab.family), title=f"{lab.version}: what learns{said}")
    return Table(rows)


def tuned_there(lab: Lab, folder: Path, work: Path) -> str:
    """A run of low-rank updates in the sizes of the profile, in words: how long a step took, and how much memory.

    Args:
        lab: with a base model, released ones too.
        folder: prepared.
        work: for the run.
    """
    run = short_run(lab, folder, work, "lora")
    began = time.monotonic()
    fit(run.experiment, work / "run", task=run.task, progress_bar=False)
    seconds = (time.monotonic() - began) / sizes().steps
    memory = f", {torch.cuda.max_memory_allocated() / 1e9:.1f} GB" if torch.cuda.is_available() else ""
    return f"LoRA, {sizes().steps} steps: {seconds:.2f} s a step{memory}"


def one_layer(lab: Lab, rule: Any, rank: int = 8, alpha: float = 16.0) -> str:
    """A low-rank update of a real layer of nano by the reader's rule, in words: how many numbers it saves.

    Args:
        lab: with a SoVITS.
        rule: weight, A, B, alpha -> weight.
        rank: r.
        alpha: see `gsv_lab.training.finetuning.methods.LoRA`.
    """
    layers = lab.family.synthesizer.sovits.flow.named_modules()
    name, layer = max(
        ((name, layer) for name, layer in layers if isinstance(layer, torch.nn.Conv1d | torch.nn.Linear)),
        key=lambda pair: pair[1].weight.numel(),
    )
    weight = layer.weight.detach().flatten(1)
    down, up = torch.randn(rank, weight.shape[1]) * 0.01, torch.randn(len(weight), rank) * 0.01
    moved = rule(weight, down, up, alpha) - weight
    few = down.numel() + up.numel()
    ranks = int(torch.linalg.matrix_rank(moved.float(), rtol=1e-3))
    shape = " x ".join(map(str, layer.weight.shape))
    return (
        f"flow.{name}: {shape} = {weight.numel():,} numbers. A and B have {few:,}, {few / weight.numel():.0%} of them. "
        f"The update has rank {ranks} of {min(weight.shape)}."
    )


def tags(scalars: Mapping[str, Any]) -> Table:
    """The tags of a run by what stands before their first slash."""
    groups: dict[str, list[str]] = {}
    for tag in scalars:
        group, _, name = tag.partition("/")
        groups.setdefault(group, []).append(name or group)
    groups.pop("epoch", None)
    return Table({"tags": f"{group}/", "names": ", ".join(names)} for group, names in groups.items())
