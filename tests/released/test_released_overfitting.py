"""Two clips are learnt by heart: the losses of both stages fall, and what is made is nearer to the right recording."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from gsv_lab.checkpoint import load_component
from gsv_lab.nn.spectral import LogMel
from gsv_lab.system.config import build
from gsv_lab.training.fit import fit
from gsv_lab.training.logging_callback import LoggingCallback
from gsv_lab.training.task import Task
from reduced import Ground

pytest.importorskip("transformers", reason="transformers is in the extra [released]")


@pytest.fixture
def course(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[float]]:
    """Every loss of a training, batch by batch."""
    seen: dict[str, list[float]] = {}
    total = Task.total

    def noted(self: Task, losses: Any, stage: str = "train", counts: Any = None) -> Tensor:
        for name, value in losses.items() if stage == "train" else ():
            seen.setdefault(name, []).append(float(value.detach()))
        return total(self, losses, stage, counts)

    monkeypatch.setattr(Task, "total", noted)
    monkeypatch.setattr(LoggingCallback, "on_validation_batch_end", lambda *_, **__: None)
    return seen


def mean(values: list[float]) -> float:
    return sum(values) / len(values)


def test_first_stage(pro_ground: Ground, course: dict[str, list[float]], tmp_path: Path) -> None:
    """300 batches, each a step: the cross entropy falls to below a third."""
    experiment = pro_ground.experiment("gpt", 300, validate_every=1000)
    arguments = experiment["task"]["init_args"]
    arguments |= {"accumulate": 1, "released_boundary": False}
    arguments["schedule"]["init_args"] = {"first": 0.05, "then": 0.05}
    assert fit(experiment, tmp_path / "run", progress_bar=False).done
    assert len(course["code"]) == 300 and mean(course["code"][-10:]) < course["code"][0] / 3


def second_stage(pro_ground: Ground, batches: int) -> dict[str, Any]:
    """A little wider than elsewhere, for eight numbers a frame cannot hold a clip; without discriminators."""
    experiment = pro_ground.experiment("sovits", batches, validate_every=1000)
    arguments = experiment["task"]["init_args"]
    parts = arguments["sovits"]["init_args"]
    for name in ("prior", "posterior", "flow", "vocoder"):
        parts[name]["init_args"]["latent_dim"] = 32
    for name in ("posterior", "flow"):
        parts[name]["init_args"]["width"] = 32
    parts["prior"]["init_args"] |= {"width": 64, "filter_width": 128}
    parts["vocoder"]["init_args"] |= {"width": 128, "block_kernels": [3, 7], "dilations": [1, 3]}
    parts["segment_frames"] = 16
    arguments |= {"discriminators": None, "weights": {"mel": 45.0, "kl": 1.0}}
    arguments["text_rate"] = 1.0
    arguments["quantizer_file"] = str(pro_ground.start["sovits"])
    arguments["schedule"]["init_args"]["peak"] = 2e-3
    experiment["start_from"] = []
    return experiment


def test_second_stage_begins_to(pro_ground: Ground, course: dict[str, list[float]], tmp_path: Path) -> None:
    """After 50 batches the mel term has fallen to below a half."""
    assert fit(second_stage(pro_ground, 50), tmp_path / "run", progress_bar=False).done
    assert mean(course["mel"][-5:]) < course["mel"][0] / 2


@pytest.mark.slow
def test_second_stage(pro_ground: Ground, course: dict[str, list[float]], tmp_path: Path) -> None:
    """After 300 it has fallen to below a third; each wave made from true codes is nearest to its own clip."""
    experiment = second_stage(pro_ground, 300)
    fitted = fit(experiment, tmp_path / "run", progress_bar=False)
    assert mean(course["mel"][-10:]) < course["mel"][0] / 3
    for own, others in distances(experiment, fitted.weights["sovits"]):
        assert own < others


class Start:
    """Stands in for the counter of batches."""

    batches = 0


@torch.no_grad()
def distances(experiment: dict[str, Any], weights: Path) -> list[tuple[float, float]]:
    """Of each clip the distance of the log-mel made from its codes, text and voice: to itself, to the nearest other."""
    sovits: Any = load_component(weights)
    data, task = build(experiment["data"]), build(experiment["task"])
    data.attach(task, Start(), 0)
    data.setup()
    log_mel, made, real = LogMel(32000, 2048, 640, 128), [], []
    for index in data.chosen["train"]:
        batch = data.collate([index], None)
        voice = sovits.voice([sovits.frontend.reference(batch.reference, None, None)], [batch.verification])
        made.append(log_mel(sovits.decode(batch.codes, batch.phones, voice, 0.0).vocoded.wave))
        real.append(log_mel(batch.wave))
    found = []
    for number, one in enumerate(made):
        row = []
        for other in real:
            frames = min(one.shape[-1], other.shape[-1])
            row.append(float((one[..., :frames] - other[..., :frames]).abs().mean()))
        found.append((row.pop(number), min(row)))
    return found
