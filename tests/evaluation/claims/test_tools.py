"""What SI-SNR and SSIM say of perfect copies, on waves whose answer is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import correlate1d

from gsv_lab.evaluation.claims import tools
from gsv_lab.evaluation.claims.measured import MEASURES

from .samples import buzz


def shown(*waves: np.ndarray, instead: str = "") -> Any:
    return SimpleNamespace(waves=lambda: list(waves), waves_are="some waves", waves_show=instead)


def test_a_late_copy_of_white_noise_is_noise_to_si_snr() -> None:
    """White noise is uncorrelated with itself eight samples later: far below 0 dB."""
    white = [np.random.default_rng(seed).normal(size=16000).astype(np.float32) for seed in range(3)]
    found = MEASURES["si_snr_of_late_copy"].run(shown(*white))
    assert found.n == 3 and found.high is not None and found.high < -10 and not found.instead
    assert found.details["two sentences of one voice (dB)"] < -20


def test_a_late_copy_of_a_constant_tone_depends_on_its_phase() -> None:
    """A tone of eight samples is the same eight samples later; one of sixteen is turned round, which has no sign."""
    time = np.arange(16000)
    for period in (8, 16):
        wave = np.sin(2 * np.pi * time / period).astype(np.float32)
        assert MEASURES["si_snr_of_late_copy"].run(shown(wave)).value > 60


def test_ssim_is_that_of_the_paper() -> None:
    """Against eq. 13 with a Gaussian window of 11 places and deviation 1.5, written out; edges are mirrored."""
    rng = np.random.default_rng(0)
    one = rng.random((40, 60))
    other = 0.7 * one + 0.3 * rng.random((40, 60))
    window = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    window /= window.sum()

    def mean(values: np.ndarray) -> np.ndarray:
        return correlate1d(correlate1d(values, window, 0, mode="mirror"), window, 1, mode="mirror")

    a, b = mean(one), mean(other)
    aa, bb, ab = mean(one**2) - a**2, mean(other**2) - b**2, mean(one * other) - a * b
    c1, c2 = 0.01**2, 0.03**2
    expected = ((2 * a * b + c1) * (2 * ab + c2) / ((a**2 + b**2 + c1) * (aa + bb + c2))).mean()
    assert tools.ssim(one, other) == pytest.approx(expected, abs=1e-6)
    assert tools.ssim(one, one) == pytest.approx(1.0)


def test_a_late_copy_is_no_picture_of_itself() -> None:
    found = MEASURES["ssim_of_late_copy"].run(shown(*(buzz(seed) for seed in range(3))))
    assert found.value < 0.5 and found.n == 3 and found.subject == "some waves"
    picture = tools.picture(buzz(1))
    assert picture.shape[0] == 80 and 0 <= picture.min() and picture.max() == 1


def test_one_wave_has_no_interval() -> None:
    found = MEASURES["ssim_of_late_copy"].run(shown(buzz(1)))
    assert (found.low, found.high, found.n) == (None, None, 1) and not found.details


def test_noise_of_recordings() -> None:
    """A tone in bursts, 40 dB above the noise between them; on the sample it decides nothing."""
    rng = np.random.default_rng(0)
    time = np.arange(32000) / 16000
    bursts = np.sin(2 * np.pi * 200 * time) * (time % 0.5 < 0.25)
    waves = [(0.3 * bursts + 0.3 / np.sqrt(2) * 0.01 * rng.normal(size=32000)).astype(np.float32) for _ in range(2)]
    found = MEASURES["recording_snr"].run(shown(*waves, instead="no person speaks"))
    assert found.value == pytest.approx(40, abs=2) and found.instead == "no person speaks"
