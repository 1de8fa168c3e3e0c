"""The distance of an expected latent to the recorded one, against cases whose answer is known."""

from __future__ import annotations

import pytest
import torch

from gsv_lab.extensions.latent_loss import latent_loss


def test_counted_in_deviations_of_each_channel() -> None:
    """One deviation off is half of 1 + 1, whatever the scale of a channel; two deviations are half of 2 + 4."""
    recorded = torch.randn(4, 3, 200) * torch.tensor([0.1, 1.0, 20.0])[:, None] + 5
    deviation = recorded.std((0, 2), correction=0)[:, None]
    mask = torch.ones(4, 1, 200)
    assert latent_loss(recorded, recorded, mask) == 0
    assert latent_loss(recorded + deviation, recorded, mask).item() == pytest.approx(1, rel=1e-4)
    assert latent_loss(recorded - 2 * deviation, recorded, mask).item() == pytest.approx(3, rel=1e-4)


def test_padding_does_not_count() -> None:
    recorded = torch.randn(2, 3, 40)
    expected = recorded + torch.randn(2, 3, 40)
    mask = (torch.arange(40) < 30).float().expand(2, 1, -1)
    cut = latent_loss(expected[..., :30], recorded[..., :30], mask[..., :30])
    torch.testing.assert_close(latent_loss(expected, recorded * mask + 9 * (1 - mask), mask), cut)


def test_only_the_expected_latent_learns() -> None:
    expected, recorded = (torch.randn(1, 2, 8, requires_grad=True) for _ in range(2))
    latent_loss(expected, recorded, torch.ones(1, 1, 8)).backward()
    assert expected.grad.abs().sum() > 0 and recorded.grad is None


def test_a_silent_channel_is_finite() -> None:
    recorded = torch.zeros(1, 2, 8)
    assert torch.isfinite(latent_loss(recorded + 0.01, recorded, torch.ones(1, 1, 8)))
