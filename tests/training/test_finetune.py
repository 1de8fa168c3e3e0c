"""Fine-tuning: what is trained and how, when it stops, and which state it leaves behind."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from gsv_lab import audio
from gsv_lab.inference.lab import load
from gsv_lab.system.folders import private_folder
from gsv_lab.training import finetune
from tiny import SOVITS, make_family, make_store


class Counting:
    """A task whose only weight counts the steps that were made."""

    def __init__(self) -> None:
        self.sovits = nn.Linear(1, 1, bias=False)
        nn.init.zeros_(self.sovits.weight)

    def components(self) -> dict[str, nn.Module]:
        return {"sovits": self.sovits}


class NoData:
    """Batches of nothing."""

    chosen: dict[str, list[int]] = {"valid": []}

    def collate(self, *_: Any) -> None:
        return None

    def draw(self, step: int) -> None:
        return None


@pytest.mark.parametrize(
    ("losses", "best", "made"),
    [
        ([3.0, 2.0, 1.0, 2.0, 2.0, 0.0], 2, 4),  # two evaluations without a better loss end it
        ([3.0, 2.0, 2.5, 1.0, 0.5, 0.4], 5, 5),
        ([1.0, 2.0, 3.0, 0.0], 0, 2),  # nothing was better than the start
    ],
)
def test_the_best_state_is_kept(losses: list[float], best: int, made: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """The first loss is that of the start, the others are those after each step."""
    steps: list[int] = []
    values = iter(losses)

    def train_step(task: Counting, *_: Any) -> None:
        task.sovits.weight.data += 1.0
        steps.append(len(steps))

    monkeypatch.setattr(finetune, "train_step", train_step)
    monkeypatch.setattr(finetune, "held_out_loss", lambda *_: next(values))
    monkeypatch.setattr(finetune, "VALIDATE_EVERY", 1)
    monkeypatch.setattr(finetune, "AVERAGE_DECAY", 0.0)
    task: Any = Counting()
    data: Any = NoData()
    history = finetune.train(task, data, steps=5, learning_rate=1e-3, patience=2)
    assert history == {"steps": best, "loss": losses[best]} and len(steps) == made
    assert task.sovits.weight.item() == best


def test_half_of_the_waves_are_made_as_in_synthesis(tmp_path: Path) -> None:
    """Whatever the base was trained with; the base itself stays as it is."""
    sovits = {**SOVITS, "init_args": {**SOVITS["init_args"], "from_prior": 0.0}}
    family = load(str(make_family(tmp_path / "family", sovits=sovits))).family
    task = finetune.tuned_task(family, make_store(tmp_path / "store", clips=3), transcribed=False)
    assert task.sovits.from_prior == 0.5
    base: Any = family.synthesizer.sovits
    assert base.from_prior == 0.0
    free = {name.partition(".")[0] for name, value in task.sovits.named_parameters() if value.requires_grad}
    assert free == {"speaker_encoder", "flow", "vocoder"}


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of this system do not fork")
def test_a_killed_call_leaves_recordings_in_the_private_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the next call removes them; see `gsv_lab.system.folders`."""
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    lab = load(str(make_family(tmp_path / "family")))
    (tmp_path / "me" / "slices").mkdir(parents=True)
    for name, hertz in (("a", 200), ("b", 300)):
        tone = 0.1 * torch.sin(hertz * torch.arange(64_000) / 2500)
        audio.write(tmp_path / "me" / "slices" / f"{name}.wav", tone, 16_000)
    (tmp_path / "me" / "list.txt").write_text("slices/a.wav|me|en|\nslices/b.wav|me|en|\n")
    child = os.fork()
    if child == 0:
        monkeypatch.setattr(finetune, "add_pitch", lambda _: os.kill(os.getpid(), signal.SIGKILL))
        lab.finetune(tmp_path / "me")
    os.waitpid(child, 0)
    (left,) = tmp_path.rglob("wave.i16")
    assert left.parents[2] == tmp_path / "cache" / "private"
    with private_folder():
        assert not list(tmp_path.rglob("wave.i16"))
