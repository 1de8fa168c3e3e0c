"""The released trainers' rules on real batches of a store: vectors, masks, terms, rates, validation."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch.nn import functional

from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.system.config import build
from gsv_lab.training.fit import fit
from gsv_lab.training.start import start_from
from reduced import Ground

pytest.importorskip("transformers", reason="transformers is in the extra [released]")


class Start:
    """Stands in for the counter of batches."""

    batches = 0


def opened(pro_ground: Ground, stage: str) -> tuple[Any, Any]:
    """Task with its start weights, and data, ready."""
    experiment = pro_ground.experiment(stage, 1)
    task, data = build(experiment["task"]), build(experiment["data"])
    start_from(task, experiment["start_from"])
    data.attach(task, Start(), 0)
    data.setup()
    return task, data


def first(data: Any) -> Any:
    return next(iter(data.train_dataloader()))


def test_gradients_and_terms_of_the_second_stage(pro_ground: Ground) -> None:
    """Nothing moves the quantizer; vectors change the voice; the divergence is a mean over frames only."""
    task, data = opened(pro_ground, "sovits")
    batch: SoVITSBatch = first(data)
    task.eval()
    torch.manual_seed(3)
    made = task.generate(batch)
    assert set(made.terms) == {"mel", "kl"} | ({"guide"} if "guide" in made.terms else set())
    sum(made.terms.values()).backward()
    silent = {name for name, value in task.sovits.named_parameters() if value.grad is None}
    assert silent and all(name.startswith("quantizer.") for name in silent)
    out = made.out
    each = out.logs_p - out.logs_q - 0.5 + 0.5 * (out.z_p - out.m_p) ** 2 * (-2 * out.logs_p).exp()
    valid = [each[row, :, :frames].detach().sum() for row, frames in enumerate(batch.frames.tolist())]
    by_hand = float(sum(valid)) / int(batch.frames.sum())
    assert float(made.terms["kl"]) == pytest.approx(by_hand, rel=1e-4)
    assert batch.verification is not None
    for other in (torch.zeros_like(batch.verification), batch.verification.flip(0)):
        torch.manual_seed(3)
        with torch.no_grad():
            changed = task.generate(batch._replace(verification=other))
        assert not torch.equal(changed.out.vocoded.wave, out.vocoded.wave)
        assert changed.terms["kl"] != made.terms["kl"]


def test_mel_term_by_hand(pro_ground: Ground) -> None:
    """128 Slaney bands of 2048 points every 640 samples, natural logarithm, plain mean of absolute differences."""
    librosa = pytest.importorskip("librosa")
    task, data = opened(pro_ground, "sovits")
    task.eval()
    with torch.no_grad():
        made = task.generate(first(data))
    filters = torch.from_numpy(librosa.filters.mel(sr=32000, n_fft=2048, n_mels=128))

    def log_mel(wave: torch.Tensor) -> torch.Tensor:
        padded = functional.pad(wave, (704, 704), mode="reflect")[:, 0]
        window = torch.hann_window(2048)
        spectrum = torch.stft(padded, 2048, 640, 2048, window, center=False, return_complex=True)
        return (filters @ (spectrum.abs() ** 2 + 1e-8).sqrt()).clamp(min=1e-5).log()

    difference = (log_mel(made.real) - log_mel(made.out.vocoded.wave)).abs().mean()
    assert float(made.terms["mel"]) == pytest.approx(float(difference), rel=1e-3)


def test_the_first_stage_hides_nothing_of_padded_texts(pro_ground: Ground) -> None:
    """The loss of a batch of unequal texts is the sum of the losses of its rows alone, stops of padding apart."""
    task, data = opened(pro_ground, "gpt")
    task.eval()
    task.count_padding = False
    batch = first(data)
    assert len(set(batch.phone_lengths.tolist())) == 2 and float(batch.context.abs().sum()) > 0
    with torch.no_grad():
        together = float(task.losses(batch).terms["code"])
        alone = 0.0
        for index in data.chosen["train"]:
            alone += float(task.losses(data.collate([index], None)).terms["code"])
    assert together == pytest.approx(alone, rel=1e-5)


@pytest.mark.parametrize("stage", ["gpt", "sovits"])
def test_validation_runs_and_is_logged(stage: str, pro_ground: Ground, tmp_path: Path, caplog: Any) -> None:
    """Every validation loss is finite, the views are drawn, and the rates are those of the released trainers."""
    fitted = fit(pro_ground.experiment(stage, 2, validate_every=2, log_every=1), tmp_path / "run", progress_bar=False)
    assert fitted.done and "No picture" not in caplog.text
    log = EventAccumulator(str(tmp_path / "run" / "events"), size_guidance={"scalars": 0, "images": 0}).Reload()
    tags = log.Tags()
    wanted = {"gpt": {"valid/code", "valid/accuracy"}, "sovits": {"valid/mel", "valid/kl", "valid/resynthesis_mel"}}
    assert wanted[stage] <= set(tags["scalars"]) and tags["images"]
    for tag in wanted[stage]:
        assert all(math.isfinite(event.value) for event in log.Scalars(tag)), tag
    state = torch.load(tmp_path / "run" / "state.ckpt", weights_only=True)
    rates = [[group["lr"] for group in one["param_groups"]] for one in state["optimizer_states"]]
    # Two batches, one in an epoch: the second is of the second epoch, and one more is counted from the start.
    decayed = 1e-4 * 0.999875**2
    assert rates == (
        [[0.01]] if stage == "gpt" else [pytest.approx([decayed, 0.4 * decayed]), [pytest.approx(decayed)]]
    )
