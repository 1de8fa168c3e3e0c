"""The pitch tracker against tones whose pitch is known."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from gsv_lab.extensions.f0 import TYPICAL_F0, PitchedLogMel, pitch_level, track_pitch
from gsv_lab.nn.spectral import mel_positions, smooth_curves


def voice(f0: torch.Tensor, seconds: float) -> torch.Tensor:
    """A buzz of twenty harmonics falling by 6 dB an octave: f0 (T,) in Hz -> (T,)."""
    phase = torch.cumsum(2 * math.pi * f0 / 16000, 0)
    return 0.1 * sum(torch.cos(k * phase) / k for k in range(1, 21))


@pytest.mark.parametrize("hz", [70.0, 110.0, 185.0, 300.0, 450.0])
def test_steady_tone(hz: float) -> None:
    log_f0, voicing = track_pitch(voice(torch.full((16000,), hz), 1.0)[None])
    assert log_f0.shape == voicing.shape == (1, 100)
    inner = slice(5, 95)
    assert voicing[0, inner].min() == 1
    assert (log_f0[0, inner] - math.log(hz)).abs().max() < 0.01


def test_gliding_tone_with_a_pause() -> None:
    t = torch.arange(48000) / 16000
    f0 = 150 * torch.exp2(0.5 * torch.sin(2 * math.pi * 0.7 * t))
    wave = voice(f0, 3.0)
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
    assert torch.isfinite(log_f0).all()


def test_what_sounds_far_from_the_voice_is_not_its_pitch() -> None:
    hum = 0.2 * voice(torch.full((4800,), 75.0), 0.3)
    alone = track_pitch(hum[None])
    assert alone[1][0, 5:25].min() == 1 and (alone[0][0, 5:25].exp() - 75).abs().max() < 1
    log_f0, voicing = track_pitch(torch.cat((voice(torch.full((24000,), 320.0), 1.5), hum))[None])
    assert voicing[0, 5:145].min() == 1 and voicing[0, 155:].max() == 0
    assert (log_f0[0].exp() - 320).abs().max() < 3


def test_batch_equals_single() -> None:
    waves = torch.stack([voice(torch.full((8000,), hz), 0.5) for hz in (100.0, 240.0)])
    together = track_pitch(waves)
    for row in range(2):
        alone = track_pitch(waves[row : row + 1])
        torch.testing.assert_close(together[0][row], alone[0][0])
        torch.testing.assert_close(together[1][row], alone[1][0])


def test_features_hold_mels_pitch_and_voicing() -> None:
    analysis = PitchedLogMel()
    wave = voice(torch.full((6400,), 200.0), 0.4)[None, None]
    features = analysis(wave)
    assert features.shape == (1, analysis.channels, 20)
    torch.testing.assert_close(features, analysis.voice(wave))
    torch.testing.assert_close(features[0, 160:162, 10], torch.full((2,), 2 * (math.log(200) - 5)), atol=0.02, rtol=0)
    assert features[0, 162:, 10].tolist() == [1.0, 1.0]


@pytest.mark.parametrize("hz", [90.0, 160.0, 320.0])
def test_level_is_the_median_of_voiced_frames(hz: float) -> None:
    wave = torch.cat(
        [voice(torch.full((6400,), hz), 0.4), 0.01 * torch.randn(6400), voice(torch.full((1600,), 120.0), 0.4)]
    )
    level = pitch_level(PitchedLogMel()(wave[None, None])[:, 160:])
    assert level.shape == (1, 1, 1)
    assert abs(level.item() - math.log(hz / TYPICAL_F0)) < 0.02


def test_level_of_a_whisper_is_zero_and_padding_does_not_count() -> None:
    pitch = torch.zeros(2, 4, 10)
    assert pitch_level(pitch).flatten().tolist() == [0.0, 0.0]
    pitch[1, :2, :4], pitch[1, 2:, :4] = 2 * (math.log(2 * TYPICAL_F0) - 5), 1.0
    assert pitch_level(pitch)[1].item() == pytest.approx(math.log(2), abs=1e-5)


def buzz(seconds: float = 0.8) -> torch.Tensor:
    """A voice with harmonics up to 8 kHz, whose pitch glides."""
    t = torch.arange(round(seconds * 16000)) / 16000
    phase = 2 * math.pi * (120 * t + 20 * t * t)
    return 0.05 * sum(torch.cos(k * phase) for k in range(1, 50))


def test_colour_takes_up_the_filter_and_leaves_the_rest_alone() -> None:
    """A recording through a smooth filter: only the colour channels tell of it, by the filter's own cosines."""
    analysis, wave = PitchedLogMel(colours=6), buzz()
    positions = mel_positions(16000, len(wave), 80)
    gain = 0.8 * smooth_curves(positions, 6)[0] - 0.5 * smooth_curves(positions, 6)[3]
    filtered = torch.fft.irfft(torch.fft.rfft(wave) * gain.exp(), len(wave))
    before, after = (analysis(x[None, None])[0] for x in (wave, filtered))
    assert before.shape[0] == analysis.channels == 164 + 6
    torch.testing.assert_close(before[160:164], after[160:164], atol=0.02, rtol=0)
    inner = slice(3, -3)
    assert (after[:160, inner] - before[:160, inner]).abs().median() < 0.02
    wanted = torch.tensor([0.8, 0.0, 0.0, -0.5, 0.0, 0.0])
    torch.testing.assert_close(after[164:, 0] - before[164:, 0], wanted, atol=0.08, rtol=0)


def test_colour_is_the_same_in_all_frames_louder_or_not_and_none_in_a_whisper() -> None:
    analysis, wave = PitchedLogMel(colours=6), buzz()
    features, louder = (analysis(x[None, None])[0] for x in (wave, 3 * wave))
    assert (features[164:] == features[164:, :1]).all()
    torch.testing.assert_close(louder[164:], features[164:], atol=0.01, rtol=0)
    frames = features.shape[1]
    whisper = analysis(wave[None, None], torch.full((1, 1, 2 * frames), 5.0), torch.zeros(1, 1, 2 * frames))
    assert (whisper[:, 164:] == 0).all()
    torch.testing.assert_close(whisper[:, :160], PitchedLogMel()(wave[None, None])[:, :160])


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
