"""The frontend of nano: stacked log-mels, the long-term average spectrum taken out of them, the pitch beside them."""

from __future__ import annotations

import math

import pytest
import torch

from gsv_lab.extensions.f0 import TYPICAL_F0
from gsv_lab.extensions.frontend import LogMelF0Frontend, StackedLogMel
from gsv_lab.extensions.ltas import bin_positions, cosines
from gsv_lab.extensions.measured_speaker_encoder import median_log_f0
from gsv_lab.nn.interfaces import Features


def voice(hz: float, samples: int) -> torch.Tensor:
    """A buzz of twenty harmonics: (T,)."""
    phase = 2 * math.pi * hz * torch.arange(samples) / 16000
    return 0.1 * sum(torch.cos(k * phase) / k for k in range(1, 21))


def buzz(seconds: float = 0.8) -> torch.Tensor:
    """A voice with harmonics up to 8 kHz, whose pitch glides."""
    t = torch.arange(round(seconds * 16000)) / 16000
    phase = 2 * math.pi * (120 * t + 20 * t * t)
    return 0.05 * sum(torch.cos(k * phase) for k in range(1, 50))


@pytest.mark.parametrize("n_samples", [3200, 3199, 3201, 3360, 16000, 16319])
def test_one_stacked_frame_for_320_samples(n_samples: int) -> None:
    """From waves of either shape; the first half of the channels is the earlier frame."""
    stacked = StackedLogMel()
    wave = torch.randn(2, 1, n_samples) * 0.1
    out = stacked(wave)
    n_frames = n_samples // 320
    assert out.shape == (2, 160, n_frames) and stacked.hop_length == 320 and stacked.channels == 160
    assert torch.equal(out, stacked(wave[:, 0]))
    mel = stacked.log_mel(wave)[..., : 2 * n_frames]
    assert torch.equal(out[:, :80], mel[..., ::2]) and torch.equal(out[:, 80:], mel[..., 1::2])


def test_features_hold_mels_pitch_and_voicing() -> None:
    frontend, wave = LogMelF0Frontend(), voice(200.0, 6400)[None, None]
    found = frontend(wave)
    assert found.spec.shape == (1, frontend.spec_channels, 20) and found.ltas is None
    assert found.log_f0.shape == found.voicing.shape == (1, 1, 40)
    torch.testing.assert_close(found.spec[0, 160:162, 10], torch.full((2,), 2 * (math.log(200) - 5)), atol=0.02, rtol=0)
    assert found.spec[0, 162:, 10].tolist() == [1.0, 1.0]
    torch.testing.assert_close(found.spec[:, :160], (frontend.log_mel(wave) + 5) / 3)
    again = frontend.reference(wave)
    assert torch.equal(again.spec, found.spec)


def test_a_given_pitch_is_taken_as_it_is() -> None:
    """Two pitch frames for one frame of the spectrum, the earlier one first."""
    frontend, wave = LogMelF0Frontend(), voice(200.0, 6400)[None, None]
    log_f0 = torch.linspace(4, 6, 42)[None, None]
    found = frontend(wave, log_f0, torch.ones_like(log_f0))
    assert torch.equal(found.log_f0, log_f0[..., :40])
    torch.testing.assert_close(found.spec[0, 160], 2 * (log_f0[0, 0, 0:40:2] - 5))
    torch.testing.assert_close(found.spec[0, 161], 2 * (log_f0[0, 0, 1:40:2] - 5))


@pytest.mark.parametrize("hz", [90.0, 160.0, 320.0])
def test_level_is_the_median_of_voiced_frames(hz: float) -> None:
    wave = torch.cat([voice(hz, 6400), 0.01 * torch.randn(6400), voice(120.0, 1600)])
    level = median_log_f0(LogMelF0Frontend()(wave[None, None]))
    assert level.shape == (1, 1, 1)
    assert abs(level.item() - math.log(hz / TYPICAL_F0)) < 0.02


def test_level_of_a_whisper_is_zero_and_padding_does_not_count() -> None:
    log_f0, voicing = torch.zeros(2, 1, 20), torch.zeros(2, 1, 20)
    log_f0[1, :, :8], voicing[1, :, :8] = math.log(2 * TYPICAL_F0), 1.0
    level = median_log_f0(Features(torch.zeros(2, 4, 10), None, log_f0, voicing))
    assert level[0].item() == 0 and level[1].item() == pytest.approx(math.log(2), abs=1e-5)


def test_ltas_takes_up_the_filter_and_leaves_the_rest_alone() -> None:
    """A recording through a smooth filter: only its LTAS changes, by the filter's own cosines."""
    frontend, wave = LogMelF0Frontend(ltas_dim=6), buzz()
    curves = cosines(bin_positions(16000, len(wave), 80), 6)
    gain = 0.8 * curves[0] - 0.5 * curves[3]
    filtered = torch.fft.irfft(torch.fft.rfft(wave) * gain.exp(), len(wave))
    before, after = (frontend(x[None, None]) for x in (wave, filtered))
    assert before.spec.shape[1] == frontend.spec_channels == 164 and before.ltas.shape == (1, 6, 1)
    torch.testing.assert_close(before.spec[:, 160:], after.spec[:, 160:], atol=0.02, rtol=0)
    assert (after.spec[:, :160, 3:-3] - before.spec[:, :160, 3:-3]).abs().median() < 0.02
    wanted = torch.tensor([0.8, 0.0, 0.0, -0.5, 0.0, 0.0])
    torch.testing.assert_close((after.ltas - before.ltas)[0, :, 0], wanted, atol=0.08, rtol=0)


def test_ltas_is_the_same_louder_or_not_and_none_in_a_whisper() -> None:
    frontend, wave = LogMelF0Frontend(ltas_dim=6), buzz()
    found, louder = (frontend(x[None, None]) for x in (wave, 3 * wave))
    torch.testing.assert_close(louder.ltas, found.ltas, atol=0.01, rtol=0)
    unvoiced = torch.full((1, 1, 2 * found.spec.shape[-1]), 5.0)
    whisper = frontend(wave[None, None], unvoiced, torch.zeros_like(unvoiced))
    assert (whisper.ltas == 0).all()
    torch.testing.assert_close(whisper.spec[:, :160], LogMelF0Frontend()(wave[None, None]).spec[:, :160])
