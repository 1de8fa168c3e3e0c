"""Sounds made of frames: what each keeps, and what it loses."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from gsv_lab.evaluation.measures.prosody import tracked_pitch
from gsv_lab.inference.lab import Lab
from gsv_lab.nn.spectral import mel_filters
from gsv_lab.teaching.exercises import frames, sounds
from gsv_lab.teaching.exercises.material import FoundSpeech, shipped_sample
from gsv_lab.text import phonemize

RATE = 16000


def buzz(pitch: float, seconds: float = 1.5) -> Tensor:
    """Pulses through a resonance at 700 Hz."""
    time = torch.arange(round(seconds * RATE)) / RATE
    parts = [torch.cos(2 * torch.pi * k * pitch * time) / (1 + ((k * pitch - 700) / 400) ** 2) for k in range(1, 40)]
    return 0.1 * torch.stack(parts).sum(0)


def clicks(seconds: float = 1.5, every: float = 0.25) -> Tensor:
    wave = torch.zeros(round(seconds * RATE))
    wave[round(0.1 * RATE) :: round(every * RATE)] = 1.0
    return wave


def spread(wave: Tensor) -> float:
    """How far in ms the energy lies from the nearest click, in the mean."""
    time = np.arange(wave.numel()) / RATE
    near = np.abs((time - 0.1 + 0.125) % 0.25 - 0.125)
    power = wave.numpy() ** 2
    return float(1000 * (near * power).sum() / power.sum())


def test_a_long_window_keeps_the_pitch_and_a_short_one_the_time() -> None:
    wave = buzz(110.0)
    short, long = (tracked_pitch(sounds.magnitudes_only(wave, seconds).numpy())[20:-20] for seconds in (0.008, 0.16))
    assert np.mean(abs(long - 110) < 3) > 0.9 > 0.2 > np.mean(abs(short - 110) < 3)
    early, late = (spread(sounds.magnitudes_only(clicks(), seconds)) for seconds in (0.008, 0.16))
    assert early < 4 < 20 < late


def test_random_phases_are_those_of_the_seed_and_nothing_else_is_drawn() -> None:
    wave = buzz(110.0)
    before = torch.get_rng_state()
    one, same, other = (sounds.magnitudes_only(wave, 0.04, seed=seed) for seed in (0, 0, 1))
    assert torch.equal(one, same) and not torch.equal(one, other) and one.shape == wave.shape
    assert torch.equal(sounds.held(wave, 0.5), sounds.held(wave, 0.5))
    filters = mel_filters(RATE, 640, 20)
    assert torch.equal(sounds.through_bands(wave, filters), sounds.through_bands(wave, filters))
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("at", [0.0, 0.7, 1.5, 9.0])
def test_a_held_frame_goes_on_with_its_pitch(at: float) -> None:
    made = sounds.held(buzz(200.0), at, seconds=0.8)
    assert made.shape == (round(0.8 * RATE),)
    if at == 0.7:
        assert np.median(tracked_pitch(made.numpy())[10:-10]) == pytest.approx(200, rel=0.03)
    assert sounds.held(buzz(200.0, 0.01), at).shape == (RATE,)


def test_twenty_bands_lose_the_harmonics_and_eighty_keep_them() -> None:
    wave = buzz(110.0)
    few, many = (tracked_pitch(sounds.through_bands(wave, mel_filters(RATE, 640, n)).numpy())[20:-20] for n in (20, 80))
    assert np.mean(abs(many - 110) < 3) > 0.8 > 0.3 > np.mean(abs(few - 110) < 3)


def test_the_filters_of_the_notebook_are_those_of_the_kit() -> None:
    corners = frames.corners(20)
    mine = frames.bank(frames.kit_triangles, corners, torch.linspace(0, 8000, 321))
    assert mine.max(1).values.min() > 0.8
    area = 2 / (corners[2:] - corners[:-2])
    assert torch.allclose((mine * area[:, None]).float(), mel_filters(RATE, 640, 20), atol=1e-6)
    assert np.allclose(np.diff(frames.mel(corners)), np.diff(frames.mel(corners))[0])


def test_what_is_kept_of_a_sentence(lab: Lab) -> None:
    phones = phonemize("Hello there.")
    wave = buzz(110.0)
    assert sounds.kept(lab, wave, wave, phones).pitch == 1.0
    assert sounds.kept(lab, wave, buzz(165.0), phones).pitch == 0.0
    assert sounds.kept(lab, wave, torch.zeros(wave.numel()), phones).pitch == 0.0
    assert sounds.kept(lab, torch.zeros(RATE), wave[:RATE], phones).pitch == 0.0
    assert str(sounds.Kept(0.5, 0.25)) == "pitch right in  50% of the voiced frames, phones wrong  25%"


def test_moments_are_found() -> None:
    wave = torch.zeros(2 * RATE)
    wave[4000:6000] = 3 * buzz(110.0)[:2000]
    hiss = torch.randn(2000, generator=torch.Generator().manual_seed(0))
    wave[20000:22000] = 0.1 * hiss
    loud, bright = sounds.loud_and_bright(wave)
    assert 4000 < loud * RATE < 6000 and 19900 < bright * RATE < 22100


def test_phones_stand_apart() -> None:
    wave = torch.ones(RATE)
    made = sounds.apart(wave, [0.0, 0.5, 0.5], [0.25, 0.5, 0.75], gap=0.1)
    assert made.numel() == 2 * (4000 + 1600)
    assert made[2000] == 1 and made[0] == 0 and made[4000:5600].abs().max() == 0
    assert sounds.apart(wave, [], []).abs().max() == 0 and torch.equal(wave, torch.ones(RATE))


def test_the_truth_is_known_of_the_shipped_sample_alone(sample_wave: FoundSpeech) -> None:
    sample = shipped_sample()
    ends = sounds.true_ends(sample)
    spoken = phonemize(sample.text, "en").folded()[0]
    assert ends is not None and len(ends) == len(spoken) and (np.diff(ends) > 0).all()
    assert ends[-1] < sample.wave.numel() / RATE
    assert sounds.true_ends(sample_wave) is None


@pytest.fixture
def sample_wave(tmp_path_factory: pytest.TempPathFactory) -> FoundSpeech:
    return FoundSpeech(tmp_path_factory.mktemp("mine") / "me.wav", "Mine.")
