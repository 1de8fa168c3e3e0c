"""Numbers that are not finite stop a training before anything is saved, and say where they came from."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from torch import nn

from gsv_lab.cli import main
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.errors import LabError
from gsv_lab.nn import losses
from gsv_lab.training.fit import fit
from gsv_lab.training.moving_average import MovingAverage
from gsv_lab.training.task import Task
from small_runs import contents, gpt, tracked_store, trainings, verifier
from tiny import experiment, make_family

Terms = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return tracked_store(tmp_path_factory.mktemp("store"))


def spoilt(
    monkeypatch: pytest.MonkeyPatch, batch: int, spoil: Callable[[Task, Terms], Terms], state: Path | None = None
) -> list[bytes]:
    """From this batch on the terms of a training loss are what `spoil` makes of them.

    Returns:
        what the file `state` holds then.
    """
    total = Task.total
    before: list[bytes] = []

    def changed(task: Task, terms: Terms, stage: str = "train", counts: Any = None) -> Any:
        if stage == "train" and task.batches >= batch:
            if state is not None:
                before.append(state.read_bytes())
            terms = spoil(task, terms)
        return total(task, terms, stage, counts)

    monkeypatch.setattr(Task, "total", changed)
    return before


def with_value(name: str, value: float) -> Callable[[Task, Terms], Terms]:
    def spoil(task: Task, terms: Terms) -> Terms:
        return {key: term * value if key == name else term for key, term in terms.items()}

    return spoil


def without_gradient(task: Task, terms: Terms) -> Terms:
    """Terms as they were, whose gradient is NaN."""
    weights = next(p for p in task.parameters() if p.requires_grad).flatten()[:1]
    kink = (weights - weights.detach()).abs().sqrt().sum()
    return {key: term + kink for key, term in terms.items()}


def budget(made: dict[str, Any], batches: int) -> dict[str, Any]:
    return {**made, "trainer": {**made["trainer"], "max_batches": batches}}


CASES = [
    ("automatic", with_value("margin", math.nan), "The loss 'margin' is nan"),
    ("automatic", with_value("margin", -math.inf), "The loss 'margin' is -?inf"),
    ("gan", with_value("kl", math.nan), "The loss 'kl' is nan"),
    ("accumulated", with_value("code", math.nan), "The loss 'code' is nan"),
    ("automatic", without_gradient, "The norm of the gradient of 'all' is nan"),
    ("released_gan", with_value("discriminator", math.inf), "The loss 'discriminator' is inf"),
]


@pytest.mark.parametrize(("name", "spoil", "words"), CASES)
def test_the_last_good_state_stays(
    name: str, spoil: Any, words: str, store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = trainings(store, name)
    made["trainer"]["validate_every"] = 1000
    fit(budget(made, 2), tmp_path, progress_bar=False)
    before = contents(tmp_path)
    held = spoilt(monkeypatch, 3, spoil, tmp_path / "state.ckpt")
    with pytest.raises(LabError, match=f"({words}) at batch 3. Expected finite.*Lower the learning rate") as caught:
        fit(made, tmp_path, progress_bar=False)
    assert caught.value.code == "TRAIN_NONFINITE"
    after = contents(tmp_path)
    assert after["state.ckpt"] == held[0] != before["state.ckpt"]
    state = torch.load(tmp_path / "state.ckpt", weights_only=True)
    assert all(value.isfinite().all() for value in state["state_dict"].values() if value.is_floating_point())
    weights = {key: value for key, value in before.items() if key.startswith("weights")}
    assert weights and {key: after[key] for key in weights} == weights
    monkeypatch.undo()
    assert fit(budget(made, 4), tmp_path, progress_bar=False).done


def test_gradients_that_wait_are_looked_at_with_the_step(
    store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt(monkeypatch, 1, without_gradient)
    with pytest.raises(LabError, match="gradient of 'all' is nan at batch 4"):
        fit(trainings(store, "accumulated"), tmp_path, progress_bar=False)


def test_the_first_batch_leaves_no_state_and_no_weights(
    store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoilt(monkeypatch, 0, with_value("margin", math.nan))
    with pytest.raises(LabError, match="The loss 'margin' is nan at batch 0"):
        fit(verifier(store), tmp_path / "run", progress_bar=False)
    assert not [name for name in contents(tmp_path / "run") if "state" in name or "weights" in name]


def test_weights_are_looked_at_before_they_are_saved(
    store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last step may spoil them, and no loss comes after it."""
    update = MovingAverage.update

    def spoil(average: MovingAverage, module: nn.Module) -> None:
        update(average, module)
        if average.steps == 2:
            next(module.parameters()).data[0] = math.nan

    monkeypatch.setattr(MovingAverage, "update", spoil)
    with pytest.raises(LabError, match="The weights '.*' hold NaN or infinity at batch 1"):
        fit(verifier(store), tmp_path, progress_bar=False)
    assert not [name for name in contents(tmp_path) if "state" in name or "weights" in name]


@pytest.mark.parametrize("save_every", [1e-9, 60.0])
def test_a_rate_that_is_too_high(save_every: float, store: ClipStore, tmp_path: Path) -> None:
    """Nothing is spoilt by hand: weights leave the range of their numbers by themselves."""
    task, data = gpt(store, accumulate=1)
    task["init_args"]["schedule"]["init_args"] |= {"start": 1e37, "peak": 1e38, "end": 1e37}
    made = experiment(task, data, 5, save_every_minutes=save_every)
    with pytest.raises(LabError) as caught:
        fit(made, tmp_path, progress_bar=False)
    assert caught.value.code == "TRAIN_NONFINITE" and not (tmp_path / "weights").exists()
    if (tmp_path / "state.ckpt").exists():
        state = torch.load(tmp_path / "state.ckpt", weights_only=True)["state_dict"]
        assert all(value.isfinite().all() for value in state.values() if value.is_floating_point())


def test_fine_tuning_stops_without_a_voice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = make_family(tmp_path / "family")
    corpus = SyntheticCorpus(n_speakers=1, n_clips=6, seed=4)
    wave = torch.cat([torch.from_numpy(corpus[i].wave) for i in range(6)])
    soundfile.write(tmp_path / "me.wav", wave[: 16000 * 6].numpy(), 16000)
    (tmp_path / "list.txt").write_text("me.wav|me|en|we walk home now\n", encoding="utf-8")
    kl = losses.kl_loss
    monkeypatch.setattr(losses, "kl_loss", lambda *values: kl(*values) * math.nan)
    output = tmp_path / "voice.safetensors"
    command = [
        "finetune",
        str(tmp_path),
        "--model",
        str(folder),
        "--output",
        str(output),
        "--steps",
        "2",
        "--no-verdict",
    ]
    assert main([*command, "--device", "cpu"]) == 2
    last = capsys.readouterr().err.splitlines()[-1]
    assert "The loss 'kl' is nan at batch 0" in last and last.endswith("[TRAIN_NONFINITE]")
    assert not output.exists()
