"""Pictures of watched taps during a training: read back from the event files, closed, and never fatal."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import matplotlib.pyplot as plt
import pytest
import pytorch_lightning as pl
import torch
from hooks import small
from pytorch_lightning.loggers import CSVLogger, Logger, TensorBoardLogger
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import Tensor
from torch.utils.data import DataLoader

from gsv_lab import figures
from gsv_lab.errors import HookError
from gsv_lab.hooks import Component, Tap, watched
from gsv_lab.training.probe_callback import ProbeCallback


class Aligned(Component):
    """Frames look at phones: (B, 4, F) -> (B, 2, F, 3)."""

    pattern = Tap("batch head frame phone", rate=50.0)

    def forward(self, x: Tensor) -> Tensor:
        return self.pattern(x.transpose(1, 2)[:, None, :, :3].expand(-1, 2, -1, -1).softmax(-1))


class Task(pl.LightningModule):
    """Learns to give zeros; fails where it is asked to."""

    def __init__(self, fail_at: int = -1) -> None:
        super().__init__()
        self.prior, self.aligned, self.unused, self.fail_at = small.Prior(), Aligned(), small.Silent(), fail_at

    def training_step(self, batch: Tensor, batch_idx: int) -> Tensor:
        if batch_idx == self.fail_at:
            self.prior(batch)
            raise ZeroDivisionError
        (callback,) = [callback for callback in self.trainer.callbacks if isinstance(callback, ProbeCallback)]
        assert bool(watched()) == (callback.batches % callback.every_n_steps == 0)
        return self.prior(batch).square().mean() + self.aligned(batch).square().mean()

    def validation_step(self, batch: Tensor, batch_idx: int) -> None:
        assert not watched()
        self.prior(batch)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), 0.01)


def train(callback: ProbeCallback, folder: Path, task: Task | None = None, batches: int = 5, **more: Any) -> pl.Trainer:
    loggers: list[Logger] = [
        *(TensorBoardLogger(folder, name=name, version="") for name in ("a", "b")),
        CSVLogger(folder, "c", ""),
    ]
    trainer = pl.Trainer(
        accelerator="cpu", max_steps=batches, logger=loggers, callbacks=[callback], enable_progress_bar=False,
        enable_model_summary=False, enable_checkpointing=False, log_every_n_steps=1, num_sanity_val_steps=1, **more,
    )  # fmt: skip
    data = DataLoader([small.sound(frames=12, seed=i)[0] for i in range(20)], batch_size=2)
    trainer.fit(task or Task(), data, DataLoader([small.sound()[0]]))
    return trainer


def events(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), size_guidance={"images": 0, "scalars": 0}).Reload()


@pytest.mark.filterwarnings("ignore")
def test_pictures_and_scalars_reach_every_logger_at_the_right_steps(tmp_path: Path) -> None:
    train(ProbeCallback(["prior.mean", "prior.layers.*.attention.pattern", "aligned.*"], 2, strict=True), tmp_path)
    tags = ["prior.mean", "prior.layers.0.attention.pattern", "prior.layers.1.attention.pattern", "aligned.pattern"]
    for name in ("a", "b"):
        found = events(tmp_path / name)
        assert sorted(found.Tags()["images"]) == sorted(f"probe/{tag}" for tag in tags)
        for tag in tags:
            images = found.Images(f"probe/{tag}")
            assert [image.step for image in images] == [0, 2, 4]
            assert all(
                image.width > 100 and image.height > 50 and len(image.encoded_image_string) > 1000 for image in images
            )
        scalars = found.Scalars("probe/aligned.pattern/diagonality")
        assert [scalar.step for scalar in scalars] == [0, 2, 4] and all(0 < scalar.value <= 1 for scalar in scalars)
    assert "probe/aligned.pattern/diagonality" in (tmp_path / "c" / "metrics.csv").read_text(encoding="utf-8")
    assert watched() == []


@pytest.mark.filterwarnings("ignore")
def test_figures_are_closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def draw(record: object, **_: object) -> object:
        figure, axis = plt.subplots()
        axis.plot([0, 1])
        made.append(figure)
        return figure

    monkeypatch.setattr(figures, "draw", draw, raising=False)
    train(ProbeCallback(["prior.mean"], 1, strict=True), tmp_path)
    assert len(made) == 5 and plt.get_fignums() == [] and not any(figure.axes for figure in made)


class TestFailingPictures:
    @pytest.fixture(autouse=True)
    def broken(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def draw(record: Any, **_: object) -> object:
            if record.name == "prior.mean":
                raise ValueError("this cannot be drawn")
            return drawing(record)

        drawing = figures.draw
        monkeypatch.setattr(figures, "draw", draw, raising=False)

    @pytest.mark.filterwarnings("ignore")
    def test_are_an_error_in_tests(self, tmp_path: Path) -> None:
        with pytest.raises(ValueError, match="cannot be drawn"):
            train(ProbeCallback(["prior.mean"], 2, strict=True), tmp_path)
        assert watched() == []

    @pytest.mark.filterwarnings("ignore")
    def test_are_a_warning_in_training(self, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
        with caplog.at_level(logging.WARNING):
            trainer = train(ProbeCallback(["prior.mean", "prior.layers.0.residual", "unused.*"], 2), tmp_path)
        assert trainer.global_step == 5
        lines = [record.message for record in caplog.records if "No picture" in record.message]
        assert sum("prior.mean: this cannot be drawn" in line for line in lines) == 3
        assert sum("unused.nothing: Nothing passed" in line for line in lines) == 3
        assert events(tmp_path / "a").Tags()["images"] == ["probe/prior.layers.0.residual"]


@pytest.mark.filterwarnings("ignore")
class TestLifetime:
    def test_an_exception_in_a_step_detaches(self, tmp_path: Path) -> None:
        with pytest.raises(ZeroDivisionError):
            train(ProbeCallback(["prior.mean"], 1), tmp_path, Task(fail_at=2))
        assert watched() == []
        train(ProbeCallback(["prior.mean"], 1), tmp_path / "again")

    def test_a_misspelt_tap_is_refused_before_the_first_step(self, tmp_path: Path) -> None:
        with pytest.raises(HookError, match=r"prior\.mean") as error:
            train(ProbeCallback(["prior.means"], 1000), tmp_path, Task(fail_at=0))
        assert error.value.code == "TAP_UNKNOWN"

    def test_counting_goes_on_after_a_resumption(self, tmp_path: Path) -> None:
        first = ProbeCallback(["prior.mean"], 4, strict=True)
        train(first, tmp_path / "first", batches=3)
        second = ProbeCallback(["prior.mean"], 4, strict=True)
        second.load_state_dict(first.state_dict())
        train(second, tmp_path / "second", batches=3)
        assert [image.step for image in events(tmp_path / "second" / "a").Images("probe/prior.mean")] == [4]

    def test_watching_does_not_change_the_training(self, tmp_path: Path) -> None:
        weights = []
        for every in (1, 1000):
            torch.manual_seed(0)
            task = Task()
            train(ProbeCallback(["*"], every), tmp_path / str(every), task, batches=2)
            weights.append(torch.cat([p.detach().flatten() for p in task.parameters()]))
        assert torch.equal(*weights)
