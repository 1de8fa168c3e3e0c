"""The losses of the acoustic stage, by hand on small numbers."""

from __future__ import annotations

import math

import pytest
import torch

from gsv_lab.nn import losses

ONE, TWO = torch.tensor([[1.0, 3.0]]), torch.tensor([[0.0, 2.0, 1.0]])


def test_scores_of_sub_discriminators_are_added() -> None:
    # (0 + 4) / 2 + (1 + 9) / 2, and (1 + 1 + 0) / 3 + (0 + 4 + 1) / 3
    assert losses.discriminator_loss([ONE, TWO], [ONE, TWO]).item() == pytest.approx(2 + 5 + 2 / 3 + 5 / 3)
    assert losses.adversarial_loss([ONE, TWO]).item() == pytest.approx(2 + 2 / 3)
    with pytest.raises(ValueError, match="shorter"):
        losses.discriminator_loss([ONE, TWO], [ONE])


def test_features_are_compared_layer_by_layer_and_twice() -> None:
    real = [[ONE, TWO], [ONE]]
    fake = [[ONE + 1, TWO - 3], [ONE + torch.tensor([[1.0, 0.0]])]]
    assert losses.feature_loss(real, fake).item() == pytest.approx(2 * (1 + 3 + 0.5))
    for short in ([fake[0]], [[fake[0][0]], fake[1]]):
        with pytest.raises(ValueError, match="shorter"):
            losses.feature_loss(real, short)


def test_natural_features_are_targets() -> None:
    real, fake = ONE.clone().requires_grad_(), TWO[:, :2].clone().requires_grad_()
    losses.feature_loss([[real]], [[fake]]).backward()
    assert real.grad is None and fake.grad is not None and fake.grad.abs().sum() > 0


def test_kl_of_two_normals() -> None:
    """The mean over draws is the closed form; padding and the number of frames have no part in it."""
    torch.manual_seed(0)
    m_q, logs_q, m_p, logs_p = 0.5, math.log(0.8), -0.25, math.log(1.5)
    shape = (1, 2, 20_000)
    z = m_q + math.exp(logs_q) * torch.randn(shape)
    mask = torch.ones(1, 1, shape[-1])
    mask[..., 15_000:] = 0
    z[..., 15_000:] = 99
    found = losses.kl_loss(z, torch.full(shape, logs_q), torch.full(shape, m_p), torch.full(shape, logs_p), mask)
    one = logs_p - logs_q - 0.5 + 0.5 * ((m_q - m_p) ** 2 + 0.64) / 2.25
    assert found.item() == pytest.approx(2 * one, rel=0.03)


def test_half_precision_is_compared_in_single() -> None:
    large = torch.full((1, 2), 300.0, dtype=torch.float16)  # its square is none of float16's numbers
    assert losses.discriminator_loss([large], [large]).item() == pytest.approx(299**2 + 300**2)
    assert losses.adversarial_loss([large]).item() == pytest.approx(299**2)
    small = torch.zeros(1, 2, 1, dtype=torch.float16)
    found = losses.kl_loss(large[..., None], small, small, small, torch.ones(1, 1, 1))
    assert found.item() == pytest.approx(300**2 - 1)
    assert losses.feature_loss([[large * 200]], [[-large * 200]]).item() == pytest.approx(2 * 120_000)


def test_the_codebook_stays_put() -> None:
    x, chosen = ONE.clone().requires_grad_(), (ONE + 2).requires_grad_()
    loss = losses.commitment_loss(x, chosen)
    loss.backward()
    assert loss.item() == 4 and chosen.grad is None and x.grad is not None


def test_log_mels_of_several_resolutions_weigh_alike() -> None:
    assert losses.log_mel_loss([(ONE, ONE + 1), (TWO, TWO - 4)]).item() == pytest.approx(2.5)
