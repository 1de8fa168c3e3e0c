"""Discriminators and the losses of the adversarial game."""

from __future__ import annotations

import math

import pytest
import torch

from gsv_lab.errors import ConfigError
from gsv_lab.extensions.resolution_discriminator import ResolutionDiscriminator
from gsv_lab.nn import losses
from gsv_lab.nn.discriminators import (
    CombinedDiscriminator,
    PeriodDiscriminator,
    ScaleDiscriminator,
)
from gsv_lab.nn.spectral import LogMel


def test_a_period_discriminator_compares_samples_one_period_apart() -> None:
    """The fold puts samples n, n + p, n + 2 p under each other; the end is mirrored."""
    folded = PeriodDiscriminator(3, (4,)).view(torch.arange(8.0).view(1, 1, 8))
    assert folded[0, 0].tolist() == [[0, 1, 2], [3, 4, 5], [6, 7, 6]]


def test_columns_do_not_mix() -> None:
    """Kernels are one sample wide: changing one phase of the period changes only its own column's scores."""
    part, wave = PeriodDiscriminator(4, (4, 8)).eval(), torch.randn(1, 1, 64)
    changed = wave.clone()
    changed[..., 2::4] += 1
    before, after = (part(w)[1][-1] for w in (wave, changed))
    same = (before == after).all(dim=(0, 1, 2))
    assert same.tolist() == [True, True, False, True]


def test_without_phase_it_sees_levels_alone() -> None:
    """Log-magnitudes in one channel: a wave and its negative look alike, twice the level is log 2 more."""
    torch.manual_seed(0)
    part, wave = ResolutionDiscriminator(128, 4, 2, phase=False), torch.randn(1, 1, 1000)
    seen = part.view(wave)
    assert seen.shape[:3] == (1, 1, 65)
    torch.testing.assert_close(seen, part.view(-wave))
    torch.testing.assert_close(part.view(2 * wave) - seen, torch.full_like(seen, math.log(2) / 3), atol=1e-3, rtol=0)
    with_phase = ResolutionDiscriminator(128, 4, 2)
    assert not torch.allclose(with_phase.view(wave), with_phase.view(-wave))


def test_they_can_learn_to_separate_noise_from_tone() -> None:
    """A few steps against a fixed fake: natural scores rise above made ones for every sub-discriminator."""
    torch.manual_seed(0)
    combined = CombinedDiscriminator(
        [
            ScaleDiscriminator((8, 8), (1, 2), (15, 15), (2, 2)),
            PeriodDiscriminator(5, (8, 8)),
            ResolutionDiscriminator(128, 8, 3),
            ResolutionDiscriminator(128, 8, 3, phase=False),
        ]
    )
    optimizer = torch.optim.AdamW(combined.parameters(), 1e-2)
    tone = torch.sin(torch.arange(2000) * 0.2)[None, None] * 0.3
    for _ in range(30):
        real, fake = combined(tone), combined(torch.randn(1, 1, 2000) * 0.3)
        loss = losses.discriminator_loss(real.scores, fake.scores)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    real, fake = combined(tone), combined(torch.randn(1, 1, 2000) * 0.3)
    gaps = [float((r.mean() - f.mean()).detach()) for r, f in zip(real.scores, fake.scores, strict=True)]
    assert min(gaps) > 0.03 and sum(gaps) > 1.0, gaps


def test_losses_at_their_ends() -> None:
    """Perfect scores lose nothing, a perfect deceiver neither; equal features and equal waves cost nothing."""
    ones, zeros = [torch.ones(2, 3)], [torch.zeros(2, 3)]
    assert losses.discriminator_loss(ones, zeros) == 0 and losses.discriminator_loss(zeros, ones) == 2
    assert losses.adversarial_loss(ones) == 0 and losses.adversarial_loss(zeros * 2) == 2
    x = [[torch.randn(2, 4)], [torch.randn(2, 5)]]
    assert losses.feature_loss(x, x) == 0
    wave = torch.randn(1, 1, 4000)
    mel, louder = (LogMel(16000, 512, 128, 40)(x) for x in (wave, 2 * wave))
    assert losses.log_mel_loss([(mel, mel)]) == 0
    assert losses.log_mel_loss([(mel, louder)]) == pytest.approx(math.log(2), rel=1e-3)


def test_features_teach_the_maker_only() -> None:
    """No gradient goes to the natural features."""
    real, fake = torch.randn(3, requires_grad=True), torch.randn(3, requires_grad=True)
    losses.feature_loss([[real]], [[fake]]).backward()
    assert real.grad is None and fake.grad is not None


def test_kl_is_the_divergence_of_normals() -> None:
    """Averaged over draws it is the closed form between two normals; masked frames do not count."""
    torch.manual_seed(0)
    m_q, s_q, m_p, s_p = 0.7, -0.3, 0.1, 0.4
    z = m_q + torch.randn(1, 1, 200000) * torch.tensor(s_q).exp()
    full = [torch.full_like(z, v) for v in (s_q, m_p, s_p)]
    value = losses.kl_loss(z, full[0], full[1], full[2], torch.ones_like(z))
    expected = torch.distributions.kl_divergence(
        torch.distributions.Normal(m_q, torch.tensor(s_q).exp()),
        torch.distributions.Normal(m_p, torch.tensor(s_p).exp()),
    )
    torch.testing.assert_close(value, expected, rtol=0.02, atol=0.0)
    mask = torch.ones_like(z)
    mask[..., 1000:] = 0
    z[..., 1000:] = 1e6
    assert losses.kl_loss(z, full[0], full[1], full[2], mask) < 2


def test_lists_of_one_length() -> None:
    """A scale discriminator's lists must agree."""
    with pytest.raises(ConfigError, match="2, 1, 2, 2"):
        ScaleDiscriminator((4, 8), (1,), (5, 5), (1, 1))
