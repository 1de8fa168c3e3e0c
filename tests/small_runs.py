"""Small trainings of every kind on one small store, for tests of how trainings stop, go on and fail."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import torch

from gsv_lab.checkpoint import save_component
from gsv_lab.corpora.store import ClipStore
from gsv_lab.system.config import build
from gsv_lab.training.codes import make_codes
from tiny import CONTENT, DISCRIMINATORS, GPT, SOVITS, VERIFIER, experiment, make_store, spec

BATCHES = 6
NOTHING_LOST = 1e-9
"""Minutes between two states: each batch is saved."""


def tracked_store(folder: Path) -> ClipStore:
    """Synthetic clips with all tracks, made by an untrained content encoder."""
    made = make_store(folder / "clips", clips=9, seconds=1.2)
    torch.manual_seed(0)
    content = save_component(build(CONTENT), folder / "content.safetensors")
    make_codes(made.folder, content, folder / "quantizer.safetensors", n_codes=20)
    return ClipStore(made.folder)


def verifier(store: ClipStore, batches: int = 2, top: dict[str, Any] | None = None, **trainer: Any) -> dict[str, Any]:
    """An experiment that trains in a moment."""
    task = spec("training.verifier_task.VerifierTask", verifier=VERIFIER, n_speakers=3, warm_up=1, learning_rate=0.001)
    crops = {"speakers": 3, "crop_seconds": [0.5, 0.8]}
    data = spec("corpora.verifier_data.VerifierData", store=str(store.folder), valid=["valid"], **crops)
    return {**copy.deepcopy(experiment(task, data, batches, **trainer)), **(top or {})}


def gpt(store: ClipStore, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    sizes = {name: value for name, value in GPT["init_args"].items() if name != "max_advance"}
    network = spec("nn.semantic_gpt.SemanticGPT", **{**sizes, "dropout": 0.1})
    schedule = spec("training.schedules.WarmUpCosine", warm_up=2, decay=9)
    task = spec("training.released_tasks.ReleasedGPTTask", semantic_gpt=network, schedule=schedule, **options)
    return task, spec("corpora.gpt_data.GPTData", store=str(store.folder), batch_seconds=3.0, worst_fit=-90.0)


def sovits(store: ClipStore, task: str, **options: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    quantizer = str(store.folder.parent / "quantizer.safetensors")
    parts = {"sovits": SOVITS, "discriminators": DISCRIMINATORS, "quantizer_file": quantizer}
    windows = {"windows": 2, "window_seconds": 1.0, "worst_fit": -90.0}
    return spec(task, **parts, **options), spec("corpora.sovits_data.SoVITSData", store=str(store.folder), **windows)


def trainings(store: ClipStore, name: str) -> dict[str, Any]:
    """Experiments whose states hold more than weights: two optimizers, gradients that wait, rates by step, loss scales;
    `recipe_NAME` is the training of that name with the gradients of three batches in a step.
    """
    one = verifier(store)
    decay = spec("training.schedules.EpochDecay", peak=1e-3, decay=0.5, steps_per_epoch=2)
    own = {"adversarial_from": 0.3, "warm_up": 2}
    task, data = {
        "automatic": lambda: (one["task"], one["data"]),
        "gan": lambda: sovits(store, "training.sovits_task.SoVITSTask", **own),
        "released_gan": lambda: sovits(store, "training.released_tasks.ReleasedSoVITSTask", schedule=decay),
        "accumulated": lambda: gpt(store, accumulate=4, released_boundary=True, clipping_period=2),
        "accumulated_evenly": lambda: gpt(store, accumulate=3, dpo=True),
        "half_gan": lambda: sovits(store, "training.sovits_task.SoVITSTask", **own),
    }[name.removeprefix("recipe_")]()
    recipe = {"accumulate": 3, "rates": {}, "weight_warm_up": {}} if name.startswith("recipe_") else {}
    # Validations of a GAN take most of its time, since they are drawn.
    trainer = {"precision": "fp16", "validate_every": 1000} if name.endswith("half_gan") else {"validate_every": 3}
    made = experiment(task, data, BATCHES, save_every_minutes=NOTHING_LOST, **trainer)
    return made | ({"recipe": recipe} if recipe else {})


def contents(folder: Path) -> dict[str, bytes]:
    return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
