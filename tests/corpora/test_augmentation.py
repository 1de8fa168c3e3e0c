"""Altered voices: pitch, times and spectra move together, and what is not altered stays bit for bit."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from gsv_lab.corpora.augmentation import Alteration, SpectralMask, SpeedAndEQAugmentation
from gsv_lab.extensions.f0 import track_pitch


def tone(hz: float, frames: int = 50) -> np.ndarray:
    t = np.arange(frames * 320) / 16000
    return np.asarray(sum(0.2 / k * np.sin(2 * np.pi * k * hz * t) for k in (1, 2, 3)), np.float32)


def test_no_alteration_changes_nothing() -> None:
    wave, codes = tone(140.0), np.arange(25)
    assert torch.equal(Alteration().wave(wave, 50), torch.from_numpy(wave))
    assert Alteration().frames(codes).tolist() == codes.tolist()
    assert torch.equal(Alteration().wave(wave[:-100], 50), torch.from_numpy(wave[:-100]))
    odd = np.arange(51)
    assert Alteration().frames(odd, 2).tolist() == odd.tolist()


@pytest.mark.parametrize("speed", [0.87, 1.15])
def test_a_recording_that_ends_within_a_frame_is_not_stretched(speed: float) -> None:
    alteration, wave = Alteration(speed), tone(140.0)
    whole, cut = alteration.wave(wave, 50), alteration.wave(wave[:-100], 50)
    assert len(whole) == len(cut)
    torch.testing.assert_close(whole[: 40 * 320], cut[: 40 * 320], atol=0.02, rtol=0)


@pytest.mark.parametrize("speed", [0.87, 1.15])
def test_faster_is_higher_and_shorter(speed: float) -> None:
    alteration = Alteration(speed)
    made = alteration.wave(tone(140.0), 50)
    assert len(made) == alteration.length(50) * 320 and len(made) == pytest.approx(50 * 320 / speed, abs=320)
    log_f0, voicing = track_pitch(made[None])
    ratio = 50 * 320 / len(made)
    assert float(log_f0[voicing > 0].exp().median()) == pytest.approx(140.0 * ratio, rel=0.01)
    stated = alteration.pitch(np.tile(np.array([[math.log(140.0), 1.0]], np.float32), (100, 1)))
    assert stated.shape == (len(made) // 160, 2)
    assert float(stated[0, 0].exp()) == pytest.approx(140.0 * ratio, rel=1e-3)


@pytest.mark.parametrize("speed", [0.87, 1.0, 1.15])
def test_codes_content_and_positions_stay_with_the_sound(speed: float) -> None:
    """Codes and content at 25 Hz and positions at 50 Hz still stand where the sound is: a click stays in its code."""
    alteration = Alteration(speed)
    wave = np.zeros(50 * 320, np.float32)
    wave[30 * 320 + 160] = 1.0
    codes, positions = np.zeros(25, np.int64), np.zeros(50, np.int64)
    codes[15], positions[30] = 1, 1
    at = int(alteration.wave(wave, 50).abs().argmax()) / 320
    found, moved = alteration.frames(codes), alteration.frames(positions, 2)
    assert len(moved) == 2 * len(found) == alteration.length(50)
    where = [k for k, value in enumerate(found.tolist()) if value]
    assert where and min(abs(2 * k + 1 - at) for k in where) <= 2
    assert min((abs(k + 0.5 - at) for k, v in enumerate(moved.tolist()) if v), default=1.0) <= 1.5
    content = np.stack([codes, -codes], axis=1).astype(np.float32)
    assert alteration.frames(content)[:, 0].tolist() == found.tolist()


def test_source_and_length_undo_each_other() -> None:
    for speed in np.exp(np.linspace(-0.2, 0.2, 9)):
        alteration = Alteration(float(speed))
        assert abs(alteration.length(alteration.source_frames(160)) - 160) <= 2


def test_equalisation_has_the_asked_spread() -> None:
    random = np.random.default_rng(0)
    augmentation = SpeedAndEQAugmentation(speed=0.0, eq_db=3.0, share=1.0)
    noise = random.standard_normal(16000).astype(np.float32) * 0.05
    gains = []
    for _ in range(200):
        made = augmentation.draw(random).wave(noise, 50).numpy()
        gain = np.abs(np.fft.rfft(made)) / np.abs(np.fft.rfft(noise))
        gains.append(20 * np.log10(gain[200:7800:50]))
    assert np.std(gains) == pytest.approx(3.0, rel=0.2)


def test_share_of_voices_stays_as_recorded() -> None:
    random = np.random.default_rng(0)
    bare = sum(not len(SpeedAndEQAugmentation(share=0.7).draw(random).levels) for _ in range(500))
    assert 110 < bare < 190


@pytest.mark.parametrize("axis", [0, 1])
def test_spectral_mask_overwrites_its_stretch_and_nothing_else(axis: int) -> None:
    spectrogram = torch.zeros(6, 8)
    SpectralMask(axis, start=4, width=3).fill(spectrogram, 1.0)
    sums = spectrogram.sum(1 - axis) > 0
    assert sums.nonzero()[:, 0].tolist() == ([4, 5] if axis == 0 else [4, 5, 6])
    random = np.random.default_rng(0)
    drawn = [SpectralMask.draw(random, axis, 3, 5) for _ in range(100)]
    assert {mask.width for mask in drawn} == {0, 1, 2} and {mask.start for mask in drawn} == set(range(5))
