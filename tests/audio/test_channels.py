"""Two channels of which one is better, and samples on other scales than full scale 1."""

from __future__ import annotations

import numpy as np
import pytest
import soundfile
import torch

from gsv_lab import audio
from gsv_lab.audio.measures import clipped_share
from gsv_lab.errors import AudioError

RATE = 16_000
RANDOM = np.random.default_rng(0)


def syllables(seconds: float = 4.0, seed: int = 1) -> np.ndarray:
    """Something that is loud and soft by turns over a faint noise, as speech is; peak 0.5."""
    random = np.random.default_rng(seed)
    time = np.arange(round(seconds * RATE)) / RATE
    envelope = np.clip(np.sin(2 * np.pi * 2.3 * time + seed), 0, None) ** 2
    wave = envelope * np.sin(2 * np.pi * (140 + 20 * seed) * time) + random.normal(0, 1e-4, len(time))
    return 0.5 * wave / np.abs(wave).max()


SPEECH = syllables()
TIME = np.arange(len(SPEECH)) / RATE
CLICKS = (RANDOM.random(len(SPEECH)) < 3 / RATE) * 0.8 + RANDOM.normal(0, 1e-6, len(SPEECH))
HUM = 0.1 * np.sin(2 * np.pi * 50 * TIME) + 0.05 * np.sin(2 * np.pi * 150 * TIME)


def stereo(path, left: np.ndarray, right: np.ndarray) -> audio.Recording:
    soundfile.write(path / "a.wav", np.stack((left, right), axis=1), RATE, subtype="FLOAT")
    return audio.read(path / "a.wav")


@pytest.mark.parametrize("other", [
    RANDOM.normal(0, 0.003, len(SPEECH)), RANDOM.normal(0, 0.03, len(SPEECH)), RANDOM.normal(0, 0.2, len(SPEECH)),
    HUM, SPEECH + RANDOM.normal(0, 0.02, len(SPEECH)),
], ids=["hiss", "loud hiss", "hiss louder than the speech", "hum", "the same with noise"])  # fmt: skip
@pytest.mark.parametrize("side", [0, 1])
def test_the_channel_that_speaks_is_taken(other, side, tmp_path):
    pair = (SPEECH, other) if side == 0 else (other, SPEECH)
    got = stereo(tmp_path, *pair)
    assert torch.allclose(got.samples, torch.from_numpy(SPEECH).float(), atol=1e-6)
    assert f"only one of the 2 channels was taken, the {('left', 'right')[side]} one" in got.notes[0]


@pytest.mark.parametrize("other", [
    SPEECH, SPEECH * 0.5, SPEECH * 0, -0.3 * SPEECH, RANDOM.normal(0, 1e-5, len(SPEECH)), CLICKS, SPEECH * 0 + 0.2,
], ids=["same", "half", "silent", "inverted and weaker", "dither", "clicks", "offset"])  # fmt: skip
def test_other_channels_are_mixed(other, tmp_path):
    got = stereo(tmp_path, SPEECH, other)
    assert torch.allclose(got.samples, torch.from_numpy((SPEECH + other) / 2).float(), atol=1e-6)
    assert got.notes == ("2 channels were mixed down to one",)


def test_channels_that_cancel_are_refused_whatever_their_offset(tmp_path):
    with pytest.raises(AudioError) as caught:
        stereo(tmp_path, SPEECH + 0.2, 0.2 - SPEECH)
    assert caught.value.code == "AUDIO_PHASE"


def scaled(path, peak: float, wave: np.ndarray = SPEECH, subtype: str = "FLOAT") -> audio.Recording:
    soundfile.write(path / "a.wav", (wave / np.abs(wave).max() * peak), RATE, subtype=subtype)
    return audio.read(path / "a.wav")


@pytest.mark.parametrize("peak", [1.01, 1.5, 4.0, 30_000.0, 8_388_608.0, 2.0**31])
@pytest.mark.parametrize("subtype", ["FLOAT", "DOUBLE"])
def test_floats_above_full_scale_are_scaled(peak, subtype, tmp_path):
    got = scaled(tmp_path, peak, subtype=subtype)
    assert audio.peak_dbfs(got.samples) == pytest.approx(-1, abs=0.01)
    assert clipped_share(got.samples) < 0.01 and "scaled down" in got.notes[0]
    want = torch.from_numpy(SPEECH).float()
    assert torch.allclose(got.samples / got.samples.abs().max(), want / want.abs().max(), atol=1e-5)


def test_floats_up_to_full_scale_stay(tmp_path):
    got = scaled(tmp_path, 1.0)
    assert got.notes == () and got.samples.abs().max() == 1


@pytest.mark.parametrize(("limit", "peak"), [(0.1, 4.0), (0.1, 1.0)])
def test_scaled_or_not_clipping_is_still_seen(limit, peak, tmp_path):
    got = scaled(tmp_path, peak, np.clip(SPEECH, -limit, limit))
    assert clipped_share(got.samples) > 0.05


@pytest.mark.parametrize("value", [30.0, 1e5, 1e12, -1e12])
def test_single_samples_far_outside_are_no_scale(value, tmp_path):
    wave = SPEECH.copy()
    wave[[5, 500, 40_000]] = value
    soundfile.write(tmp_path / "a.wav", wave, RATE, subtype="FLOAT")
    with pytest.raises(AudioError, match="3 samples") as caught:
        audio.read(tmp_path / "a.wav")
    assert caught.value.code == "AUDIO_NONFINITE"


def test_lossy_files_that_were_never_clipped_are_scaled(tmp_path):
    soundfile.write(tmp_path / "a.ogg", SPEECH * 8, RATE)
    assert audio.peak_dbfs(audio.read(tmp_path / "a.ogg").samples) == pytest.approx(-1, abs=0.01)
    soundfile.write(tmp_path / "b.ogg", np.clip(SPEECH * 8, -1, 1), RATE)
    assert clipped_share(audio.read(tmp_path / "b.ogg").samples) > 0.01
