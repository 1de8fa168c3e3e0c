"""The pitch tracker against tones whose pitch is known, and the losses on a predicted pitch."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.f0 import f0_loss, f0_variance_loss, recorded_pitch, track_pitch, voicing_loss
from gsv_lab.nn.interfaces import Features


def voice(f0: torch.Tensor) -> torch.Tensor:
    """A buzz of twenty harmonics falling by 6 dB an octave: f0 (T,) in Hz -> (T,)."""
    phase = torch.cumsum(2 * math.pi * f0 / 16000, 0)
    return 0.1 * sum(torch.cos(k * phase) / k for k in range(1, 21))


@pytest.mark.parametrize("hz", [70.0, 110.0, 185.0, 300.0, 450.0])
def test_constant_tone(hz: float) -> None:
    log_f0, voicing = track_pitch(voice(torch.full((16000,), hz))[None])
    assert log_f0.shape == voicing.shape == (1, 100)
    inner = slice(5, 95)
    assert voicing[0, inner].min() == 1
    assert (log_f0[0, inner] - math.log(hz)).abs().max() < 0.01


def test_gliding_tone_with_a_pause() -> None:
    t = torch.arange(48000) / 16000
    f0 = 150 * torch.exp2(0.5 * torch.sin(2 * math.pi * 0.7 * t))
    wave = voice(f0)
    wave[16000:20000] = 0.002 * torch.randn(4000, generator=torch.Generator().manual_seed(0))
    log_f0, voicing = track_pitch(wave[None])
    true = f0[80::160][:300].log()
    voiced = voicing[0] > 0
    assert not voiced[104:120].any()
    assert voiced[:95].float().mean() > 0.97
    assert (log_f0[0] - true)[voiced].abs().median() < 0.005
    # Through the pause the curve is a straight line, so that a vocoder never jumps.
    assert log_f0[0, 101:124].diff().std() < 0.01


def test_noise_and_silence_have_no_pitch() -> None:
    noise = 0.1 * torch.randn(1, 16000, generator=torch.Generator().manual_seed(0))
    assert track_pitch(noise)[1].mean() < 0.1
    log_f0, voicing = track_pitch(torch.zeros(1, 16000))
    assert voicing.sum() == 0
    torch.testing.assert_close(log_f0, torch.full((1, 100), math.log(120.0)))


def test_what_sounds_far_from_the_voice_is_not_its_pitch() -> None:
    hum = 0.2 * voice(torch.full((4800,), 75.0))
    alone = track_pitch(hum[None])
    assert alone[1][0, 5:25].min() == 1 and (alone[0][0, 5:25].exp() - 75).abs().max() < 1
    log_f0, voicing = track_pitch(torch.cat((voice(torch.full((24000,), 320.0)), hum))[None])
    assert voicing[0, 5:145].min() == 1 and voicing[0, 155:].max() == 0
    assert (log_f0[0].exp() - 320).abs().max() < 3


def test_batch_equals_single() -> None:
    waves = torch.stack([voice(torch.full((8000,), hz)) for hz in (100.0, 240.0)])
    together = track_pitch(waves)
    for row in range(2):
        alone = track_pitch(waves[row : row + 1])
        torch.testing.assert_close(together[0][row], alone[0][0])
        torch.testing.assert_close(together[1][row], alone[1][0])


def test_real_speech_agrees_with_pyin(shared: Path) -> None:
    librosa = pytest.importorskip("librosa")
    from gsv_lab import audio

    path = next((shared / "speech" / "arctic_mini" / "kathleen").glob("*.flac"))
    samples = audio.read(path, 16000).samples
    log_f0, voicing = track_pitch(samples[None])
    f0, voiced, _ = librosa.pyin(samples.numpy(), fmin=60, fmax=500, sr=16000, frame_length=1024, hop_length=160)
    n = min(len(f0), log_f0.shape[1])
    both = voiced[:n] & (voicing[0, :n].numpy() > 0)
    error = np.abs(log_f0[0, :n].numpy()[both] - np.log(f0[:n][both]))
    assert both.mean() > 0.2
    assert (error > 0.2).mean() < 0.1
    assert np.median(error) < 0.02


def test_a_recording_without_pitch_names_a_frontend_that_measures_it() -> None:
    log_f0, voicing = torch.zeros(1, 1, 4), torch.ones(1, 1, 4)
    spec = torch.zeros(1, 5, 2)
    assert recorded_pitch(Features(spec, None, log_f0, voicing)) == (log_f0, voicing)
    for measured in (Features(spec), Features(spec, None, log_f0), Features(spec, None, None, voicing)):
        with pytest.raises(ConfigError, match="LogMelF0Frontend"):
            recorded_pitch(measured)


def test_only_voiced_frames_count() -> None:
    predicted, target = torch.tensor([[[5.0, 9.0]]]), torch.tensor([[[5.5, 5.0]]])
    assert f0_loss(predicted, target, torch.tensor([[[1.0, 0.0]]])) == 0.5
    assert f0_loss(predicted, target, torch.zeros(1, 1, 2)) == 0


def test_a_flat_curve_has_too_little_variance() -> None:
    target = torch.tensor([[[5.5, 5.0]]])
    assert f0_variance_loss(target, target, torch.ones(1, 1, 2)) == 0
    wide, flat = torch.tensor([[[4.0, 6.0, 9.0]]]), torch.tensor([[[5.0, 5.0, 5.0]]])
    assert f0_variance_loss(flat, wide, torch.tensor([[[1.0, 1.0, 0.0]]])) == pytest.approx(1, abs=0.02)


def test_voicing_is_a_cross_entropy() -> None:
    logits, voiced = torch.tensor([[[2.0, -1.0]]]), torch.tensor([[[1.0, 0.0]]])
    expected = -(functional.logsigmoid(logits[0, 0, 0]) + functional.logsigmoid(-logits[0, 0, 1])) / 2
    torch.testing.assert_close(voicing_loss(logits, voiced), expected)
