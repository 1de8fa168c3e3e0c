"""Fine-tuning: what is trained and how, when it stops, and which state it leaves behind."""

from __future__ import annotations

import os
import signal
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
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
    """Batches that are lists of clips."""

    chosen: dict[str, list[int]] = {"train": [0, 2], "valid": [1]}

    def collate(self, indices: list[int], n: int | None) -> list[int]:
        return indices

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


def test_the_average_of_the_weights_is_compared_and_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    """On clips that it was not trained on; the steps themselves go on from the last weights."""
    compared: list[float] = []
    begun: list[float] = []

    def train_step(task: Counting, *_: Any) -> None:
        begun.append(task.sovits.weight.item())
        task.sovits.weight.data += 1.0

    def held_out_loss(task: Counting, batches: list[list[int]]) -> float:
        assert batches == [NoData.chosen["valid"]]
        compared.append(task.sovits.weight.item())
        return -compared[-1]

    monkeypatch.setattr(finetune, "train_step", train_step)
    monkeypatch.setattr(finetune, "held_out_loss", held_out_loss)
    monkeypatch.setattr(finetune, "VALIDATE_EVERY", 1)
    monkeypatch.setattr(finetune, "AVERAGE_DECAY", 0.5)
    task: Any = Counting()
    data: Any = NoData()
    finetune.train(task, data, steps=3, learning_rate=1e-3, patience=2)
    assert begun == [0.0, 1.0, 2.0] and compared == [0.0, 0.5, 1.25, 2.125]
    assert task.sovits.weight.item() == 2.125


@pytest.fixture
def prepared(tmp_path: Path) -> Path:
    """Four clips of noise without texts, of 2, 5.5, 3 and 4 s."""
    random = np.random.default_rng(0)
    for number, seconds in enumerate((2.0, 5.5, 3.0, 4.0)):
        samples = random.normal(0, 0.1, round(seconds * 16000))
        soundfile.write(tmp_path / f"{number}.wav", samples, 16000)
    (tmp_path / "list.txt").write_text("".join(f"{number}.wav|me|en|\n" for number in range(4)), encoding="utf-8")
    return tmp_path


def test_the_seed_decides(prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over windows and noise: the same one gives the same voice, whatever was drawn before, another one another."""
    lab = load(str(make_family(tmp_path / "family")))
    windows = []
    train = finetune.train

    def seen(task: Any, data: Any, *more: Any) -> dict[str, Any]:
        windows.append(data.draw(0).wave)
        return train(task, data, *more)

    falling = iter(range(0, -100, -1))
    monkeypatch.setattr(finetune, "train", seen)
    monkeypatch.setattr(finetune, "held_out_loss", lambda *_: next(falling))  # so that the last state is kept
    monkeypatch.setattr(finetune, "VALIDATE_EVERY", 1)
    first, again, other = (
        finetune.finetune(lab.family, lab.recordings, prepared, steps=3, learning_rate=0.1, seed=seed)
        for seed in (1, 1, 2)
    )
    assert first.changed and all(torch.equal(again.changed[name], value) for name, value in first.changed.items())
    assert not all(torch.equal(other.changed[name], value) for name, value in first.changed.items())
    assert torch.equal(windows[0], windows[1]) and not torch.equal(windows[0], windows[2])


def test_no_more_seconds_are_used_than_asked_for(prepared: Path, tmp_path: Path) -> None:
    lab = load(str(make_family(tmp_path / "family")))
    voice = finetune.finetune(lab.family, lab.recordings, prepared, steps=0, max_seconds=8.0)
    assert voice.settings["seconds"] == 7.5
    assert len(voice.prompt.codes) == pytest.approx(5.5 * 25, abs=2)  # that of the clip nearest to six seconds
    assert voice.residuals is not None and voice.residuals.hidden.shape[-1] == pytest.approx(7.5 * 50, abs=4)


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
