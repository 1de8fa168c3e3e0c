"""The losses on log-mels that nano adds, against cases whose answer is known."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from gsv_lab.extensions.spectral_losses import convergence_loss, level_and_shape_loss
from gsv_lab.nn.losses import log_mel_loss
from gsv_lab.nn.spectral import LogMel


def mels(*gains: float) -> list[Tensor]:
    """Log-mels of one noise at several levels."""
    wave, log_mel = torch.randn(1, 1, 4000), LogMel(16000, 512, 128, 40)
    return [log_mel(gain * wave) for gain in gains]


def test_level_and_shape_are_counted_apart() -> None:
    """Twice as loud is all level and no shape; a tilt that is louder too costs both."""
    mel, louder = mels(1, 2)
    assert level_and_shape_loss([(mel, mel)]) == 0
    plain = log_mel_loss([(mel, louder)])
    assert level_and_shape_loss([(mel, louder)]) == pytest.approx(plain.item(), rel=1e-3)
    slope = torch.linspace(-1, 1, 40)
    tilted = mel + slope[:, None] + 2
    assert level_and_shape_loss([(mel, tilted)]) == pytest.approx(2 + slope.abs().mean().item())


def test_convergence_is_the_share_of_the_magnitude_that_is_off() -> None:
    """Nothing for equal spectra, all of it for twice the magnitude; the mean over resolutions."""
    mel, louder = mels(1, 2)
    assert convergence_loss([(mel, mel)]) == 0
    assert convergence_loss([(mel, louder)]) == pytest.approx(1, rel=1e-3)
    assert convergence_loss([(mel, mel), (mel, louder)]) == pytest.approx(0.5, rel=1e-3)


def test_convergence_counts_what_is_loud() -> None:
    """A step in log magnitude costs more in a loud band than in a soft one; the plain loss sees no difference."""
    mel = torch.tensor([[0.0, -6.0]])[..., None]
    loud, soft = mel.clone(), mel.clone()
    loud[:, 0] += 1
    soft[:, 1] += 1
    assert convergence_loss([(mel, loud)]) > 100 * convergence_loss([(mel, soft)])
    assert log_mel_loss([(mel, loud)]) == log_mel_loss([(mel, soft)])
