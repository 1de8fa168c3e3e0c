"""Parts that rely on their role alone: what a training leaves out for them, and what they add to it."""

from __future__ import annotations

import copy
import logging
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import swapping
from gsv_lab.inference.lab import load
from gsv_lab.nn.interfaces import Conditioning, Features, Vocoded, Vocoder
from gsv_lab.nn.quantizer import VectorQuantizer
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.config import build
from gsv_lab.training.finetuning.methods import FullTuning
from gsv_lab.training.finetuning.tasks import TunedSoVITSTask
from gsv_lab.training.logging_callback import LoggingCallback
from gsv_lab.training.sovits_task import SoVITSTask
from own_parts import RecurrentPrior
from tiny import SOVITS, make_family

C, G, HOP = 8, 16, 320
WEIGHTS = {"mel": 45.0, "height": 7.0}


class HeightVocoder(Vocoder):
    """A linear layer from latents to samples and to one value a frame, on which it has a loss of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.latent_dim, self.speaker_dim, self.hop_length, self.sample_rate = C, G, HOP, 16000
        self.layer = nn.Conv1d(C, HOP + 1, 1)

    def forward(self, z: Tensor, conditioning: Conditioning, generator: torch.Generator | None = None) -> Vocoded:
        samples, height = self.layer(z).tanh().split((HOP, 1), dim=1)
        return Vocoded(samples.transpose(1, 2).reshape(len(z), 1, -1), log_f0=height)

    def losses(self, made: Vocoded, target: Features) -> dict[str, Tensor]:
        assert made.log_f0 is not None and target.log_f0 is not None
        return {"height": (made.log_f0 - target.log_f0[..., ::2]).abs().mean()}


def sovits(**exchanged: Any) -> SoVITS:
    """The tiny acoustic model of the published composition with the vocoder above, and these parts for its own."""
    specs = SOVITS["init_args"]
    names = ("frontend", "quantizer", "speaker_encoder", "prior", "posterior", "flow")
    parts: dict[str, Any] = {name: build(specs[name]) for name in names if name not in exchanged}
    return SoVITS(**parts, **exchanged, vocoder=HeightVocoder(), segment_frames=16)


def logged_task(model: SoVITS, caplog: pytest.LogCaptureFixture) -> tuple[SoVITSTask, list[str]]:
    """A task, and what was logged when it was made."""
    with caplog.at_level(logging.INFO, logger="gsv_lab"):
        task = SoVITSTask(model, weights=WEIGHTS)
    return task, [record.getMessage() for record in caplog.records]


def test_a_prior_without_attention_is_trained_without_guide(caplog: pytest.LogCaptureFixture) -> None:
    task, lines = logged_task(sovits(prior=RecurrentPrior(12, C, G, 732)), caplog)
    assert len(lines) == 1 and "no attention to the phones" in lines[0] and "'guide'" in lines[0]
    terms = task.generate(swapping.sovits_batch(task)).terms
    assert set(terms) == {"kl", "mel", "height"}
    terms["kl"].backward()
    assert task.sovits.prior.latent.weight.grad.abs().sum() > 0


def test_a_prior_with_attention_is_guided_and_nothing_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    task, lines = logged_task(sovits(), caplog)
    assert lines == [] and "guide" in task.generate(swapping.sovits_batch(task)).terms


def test_losses_that_a_vocoder_declares_reach_the_total(monkeypatch: pytest.MonkeyPatch) -> None:
    """Under their names, with their weights, and with a gradient for the vocoder."""
    task = SoVITSTask(sovits(), weights=WEIGHTS)
    logged: dict[str, float] = {}
    monkeypatch.setattr(task, "log", lambda name, value, **_: logged.update({name: float(value)}))
    terms = task.generate(swapping.sovits_batch(task)).terms
    assert set(terms) == {"kl", "guide", "mel", "height"}
    weighted = [WEIGHTS.get(name, 1.0) * value for name, value in terms.items()]
    torch.testing.assert_close(task.total(terms), torch.stack(weighted).sum())
    assert logged["train/height"] == pytest.approx(float(terms["height"].detach()))
    terms["height"].backward()
    gradient = task.sovits.vocoder.layer.weight.grad
    assert gradient[-1].abs().sum() > 0 and gradient[:-1].abs().sum() == 0


def test_fine_tuning_keeps_the_loss_of_a_vocoder(tmp_path: Path) -> None:
    """Its weight is 1 where no configuration names one, and its gradient reaches the part that it is of."""
    family = load(str(make_family(tmp_path))).family
    base = replace(family, synthesizer=copy.copy(family.synthesizer))
    base.synthesizer.sovits = sovits()
    task = TunedSoVITSTask(base, FullTuning())  # type: ignore[arg-type]
    task.log = lambda *_, **__: None  # type: ignore[method-assign]
    terms = task.generate(swapping.sovits_batch(task)).terms
    rest = task.total({name: value for name, value in terms.items() if name != "height"})
    torch.testing.assert_close(task.total(terms) - rest, terms["height"])
    task.total(terms).backward()
    assert task.sovits.vocoder.layer.bias.grad[-1] != 0


@pytest.mark.parametrize(("misspelt", "said"), [({"kll": 2.0}, ["kll"]), ({"mel": 2.0}, [])])
def test_weights_of_no_loss(misspelt: dict[str, float], said: list[str], caplog: pytest.LogCaptureFixture) -> None:
    task = SoVITSTask(sovits(), weights=misspelt)
    task.log = lambda *_, **__: None  # type: ignore[method-assign]
    task.total(task.generate(swapping.sovits_batch(task)).terms)
    trainer: Any = None
    with caplog.at_level(logging.WARNING, logger="gsv_lab"):
        LoggingCallback().on_train_batch_end(trainer, task, None, None, 0)
    assert [record.args for record in caplog.records] == [(name,) for name in said]


@pytest.mark.parametrize(("hop", "n_books"), [(1, 1), (2, 1), (2, 3)])
def test_codes_at_other_rates_and_of_several_books(hop: int, n_books: int) -> None:
    """The rate of the codes is that of the quantizer; several books are spoken together and counted together."""
    task = SoVITSTask(sovits(quantizer=VectorQuantizer(12, 20, "mean", hop, n_books=n_books))).eval()
    plain = swapping.sovits_batch(task)
    n_codes = 40 // hop
    codes = torch.randint(20, (2, n_codes) if n_books == 1 else (2, n_books, n_codes))
    batch = plain._replace(codes=codes)
    assert task.phone_index(batch).shape == (2, n_codes)
    assert task.phone_index(batch)[0, -1] == plain.positions[0, -1]
    assert [len(spoken) for spoken in task.spoken_codes(batch)] == [n_books * n_codes, n_books * 32 // hop]
    with torch.no_grad():
        assert task.generate(batch).terms["mel"].isfinite() and task.resynthesis_mel(batch).isfinite().all()
