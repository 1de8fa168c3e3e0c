"""The pitch predictor: counted from the speaker's level, learns a contour, and is what SoVITS speaks with."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

import tiny
from gsv_lab.extensions.f0 import TYPICAL_F0, f0_loss, track_pitch, voicing_loss
from gsv_lab.extensions.pitch_predictor import PitchPredictor
from gsv_lab.nn.interfaces import Conditioning, Features
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.config import build


def of_level(level: float, speaker: Tensor) -> Conditioning:
    """A voice whose median log-F0 lies so many nat above `TYPICAL_F0`."""
    return Conditioning(speaker, median_log_f0=torch.full((len(speaker), 1, 1), level))


def test_a_higher_voice_speaks_higher_by_its_level() -> None:
    predictor = PitchPredictor(6, 5, width=8, layers=1).eval()
    hidden, speaker = torch.randn(1, 6, 20), torch.randn(1, 5, 1)
    low, _ = predictor(hidden, of_level(0.0, speaker))
    high, _ = predictor(hidden, of_level(math.log(1.5), speaker))
    assert low.shape == (1, 1, 40)
    torch.testing.assert_close(high - low, torch.full_like(low, math.log(1.5)))


def test_learns_a_contour() -> None:
    """One batch is overfitted: F0 to a few per cent, voicing everywhere."""
    torch.manual_seed(0)
    predictor = PitchPredictor(6, 5, width=16, layers=2)
    hidden, given = torch.randn(2, 6, 30), of_level(0.1, 0.1 * torch.randn(2, 5, 1))
    target = math.log(180.0) + 0.2 * torch.sin(torch.arange(60) / 6.0).expand(2, 1, 60)
    voiced = (torch.arange(60) % 20 < 14).float().expand(2, 1, 60)
    optimizer = torch.optim.Adam(predictor.parameters(), 1e-2)
    for _ in range(150):
        log_f0, voicing = predictor(hidden, given)
        loss = f0_loss(log_f0, target, voiced) + voicing_loss(voicing, voiced)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert f0_loss(log_f0, target, voiced).item() < 0.05
    assert bool(((voicing > 0) == (voiced > 0.5)).all())


def test_its_losses_compare_with_the_recording() -> None:
    """The right curve costs nothing; one that lies 0.35 nat higher costs as much on F0, and nothing of its variance."""
    predictor = PitchPredictor(6, 5, width=8, layers=1)
    true = math.log(180.0) + 0.2 * torch.sin(torch.arange(60) / 6.0).expand(2, 1, 60)
    target = Features(torch.zeros(2, 4, 30), None, true, torch.ones(2, 1, 60))
    sure = torch.full((2, 1, 60), 20.0)
    right, shifted = predictor.losses(true, sure, target), predictor.losses(true + 0.35, -sure, target)
    assert all(value.item() < 1e-6 for value in right.values())
    assert shifted["f0"].item() == pytest.approx(0.35, rel=1e-4)
    assert shifted["f0_variance"].item() < 1e-6 and shifted["voicing"].item() == pytest.approx(20, rel=1e-3)


def sovits_that_only_buzzes() -> SoVITS:
    """SoVITS at tiny size whose vocoder lets pulses pass and closes the noise."""
    torch.manual_seed(0)
    sovits = build(tiny.SOVITS).eval()
    with torch.no_grad():
        sovits.vocoder.envelope_head.weight.zero_()
        sovits.vocoder.envelope_head.bias[257:] = -9.0
    return sovits


@pytest.mark.parametrize("speed", [1.0, 1.4])
@torch.no_grad()
def test_sovits_speaks_at_the_predicted_pitch(speed: float) -> None:
    """A predictor that says 210 Hz makes 210 Hz, whatever the tempo."""
    sovits = sovits_that_only_buzzes()
    sovits.pitch_predictor.out_proj.weight.zero_()
    sovits.pitch_predictor.out_proj.bias.copy_(torch.tensor([math.log(210 / TYPICAL_F0), 5.0]))
    codes, phones = torch.randint(20, (1, 30)), torch.randint(732, (1, 9))
    made = sovits.decode(codes, phones, torch.zeros(1, 16, 1), speed=speed)
    log_f0, voicing = track_pitch(made.vocoded.wave[:, 0])
    assert made.vocoded.log_f0.shape == log_f0[None].shape
    assert voicing.mean() > 0.8
    assert float(log_f0[voicing > 0].exp().median()) == pytest.approx(210, rel=0.02)


@torch.no_grad()
def test_copies_keep_the_pitch_of_the_recording() -> None:
    sovits = sovits_that_only_buzzes()
    log_f0 = torch.full((1, 1, 60), math.log(130.0))
    recorded = Features(torch.randn(1, 164, 30), None, log_f0, torch.ones(1, 1, 60))
    made = sovits.reconstruct(recorded, torch.zeros(1, 16, 1))
    log_f0, voicing = track_pitch(made.wave[:, 0])
    assert float(log_f0[voicing > 0].exp().median()) == pytest.approx(130, rel=0.02)
