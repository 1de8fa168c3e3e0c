"""The pitch predictor: counted from the speaker's level, learns a contour, and is what SoVITS speaks with."""

from __future__ import annotations

import math

import pytest
import torch

import tiny
from gsv_lab.extensions.f0 import TYPICAL_F0, track_pitch
from gsv_lab.extensions.pitch_predictor import PitchPredictor
from gsv_lab.nn import losses
from gsv_lab.system.config import build


def test_a_higher_voice_speaks_higher_by_its_level() -> None:
    predictor = PitchPredictor(6, 5, width=8, layers=1).eval()
    with torch.no_grad():
        predictor.net.condition.weight.zero_()
    hidden, low, high = torch.randn(1, 6, 20), torch.zeros(1, 5, 1), torch.zeros(1, 5, 1)
    high[:, -1] = math.log(1.5)
    moved = predictor(hidden, high).log_f0 - predictor(hidden, low).log_f0
    assert moved.shape == (1, 1, 40)
    torch.testing.assert_close(moved, torch.full_like(moved, math.log(1.5)))


def test_learns_a_contour() -> None:
    """One batch is overfitted: F0 to a few per cent, voicing everywhere."""
    torch.manual_seed(0)
    predictor = PitchPredictor(6, 5, width=16, layers=2)
    hidden, speaker = torch.randn(2, 6, 30), 0.1 * torch.randn(2, 5, 1)
    target = math.log(180.0) + 0.2 * torch.sin(torch.arange(60) / 6.0).expand(2, 1, 60)
    voicing = (torch.arange(60) % 20 < 14).float().expand(2, 1, 60)
    optimizer = torch.optim.Adam(predictor.parameters(), 1e-2)
    for _ in range(150):
        found = predictor(hidden, speaker)
        loss = losses.f0_loss(found.log_f0, target, voicing) + losses.voicing_loss(found.voicing, voicing)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    assert losses.f0_loss(found.log_f0, target, voicing).item() < 0.05
    assert bool(((found.voicing > 0) == (voicing > 0.5)).all())


@pytest.mark.parametrize("speed", [1.0, 1.4])
def test_sovits_speaks_at_the_predicted_pitch(speed: float) -> None:
    """A predictor that says 210 Hz is heard at 210 Hz, whatever the tempo."""
    torch.manual_seed(0)
    sovits = build(tiny.SOVITS).eval()
    with torch.no_grad():
        sovits.pitch_predictor.leave.weight.zero_()
        sovits.pitch_predictor.leave.bias.copy_(torch.tensor([math.log(210 / TYPICAL_F0), 5.0]))
        sovits.vocoder.envelope_head.weight.zero_()
        sovits.vocoder.envelope_head.bias[257:] = -9.0
        codes, phones = torch.randint(20, (1, 30)), torch.randint(732, (1, 9))
        made = sovits.decode(codes, phones, torch.zeros(1, 16, 1), speed=speed)
    log_f0, voicing = track_pitch(made.vocoded.wave[:, 0])
    assert made.vocoded.log_f0.shape == log_f0[None].shape
    assert voicing.mean() > 0.8
    assert float(log_f0[voicing > 0].exp().median()) == pytest.approx(210, rel=0.02)


def test_copies_keep_the_pitch_that_was_heard() -> None:
    torch.manual_seed(0)
    sovits = build(tiny.SOVITS).eval()
    spec, speaker = torch.randn(1, 164, 30), torch.zeros(1, 16, 1)
    with torch.no_grad():
        sovits.vocoder.envelope_head.weight.zero_()
        sovits.vocoder.envelope_head.bias[257:] = -9.0
        given = torch.full((1, 1, 60), math.log(130.0)), torch.ones(1, 1, 60)
        made = sovits.reconstruct(spec, speaker, pitch=given)
    log_f0, voicing = track_pitch(made.wave[:, 0])
    assert float(log_f0[voicing > 0].exp().median()) == pytest.approx(130, rel=0.02)
