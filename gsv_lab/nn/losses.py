"""Loss terms of the acoustic stage, as pure functions: tensors in, one unweighted number out.

Weights belong to the configuration, under the terms' names.
Letters: B batch, C channels, F frames, M mel bands, N scores.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn import functional


def discriminator_loss(real_scores: Sequence[Tensor], fake_scores: Sequence[Tensor]) -> Tensor:
    """Natural waves should score 1, made ones 0; summed over sub-discriminators.

    Source: least-squares GAN, Mao et al. 2016, arXiv:1611.04076, eq. 2 with a = 0, b = 1; the factor 1/2 is left out.
    """
    terms = []
    for real, fake in zip(real_scores, fake_scores, strict=True):
        on_natural = (1 - real.float()).square().mean()
        on_made = fake.float().square().mean()
        terms.append(on_natural + on_made)
    return torch.stack(terms).sum()


def adversarial_loss(fake_scores: Sequence[Tensor]) -> Tensor:
    """Made waves should score 1; summed over sub-discriminators. Source: arXiv:1611.04076, eq. 2 with c = 1."""
    terms = [(1 - fake.float()).square().mean() for fake in fake_scores]
    return torch.stack(terms).sum()


def feature_loss(
    real_features: Sequence[Sequence[Tensor]],
    fake_features: Sequence[Sequence[Tensor]],
) -> Tensor:
    """Mean absolute difference of the discriminators' layer outputs, summed over layers, times 2.

    Source: Kong et al. 2020, arXiv:2010.05646, eq. 5; the factor 2 is theirs in the full loss (eq. 6). Natural
    features are targets.
    """
    terms = []
    for real_layers, fake_layers in zip(real_features, fake_features, strict=True):
        for real, fake in zip(real_layers, fake_layers, strict=True):
            difference = real.detach().float() - fake.float()
            terms.append(difference.abs().mean())
    return 2 * torch.stack(terms).sum()


def kl_loss(
    z_p: Tensor,
    logs_q: Tensor,
    m_p: Tensor,
    logs_p: Tensor,
    mask: Tensor,
) -> Tensor:
    """Kullback-Leibler divergence of the posterior from the prior at one draw, in nats per frame.

    All (B, C, F), mask (B, 1, F). Summed over channels, averaged over valid frames.

    Source: VITS, Kim et al. 2021, arXiv:2106.06103, eqs. 3-4; the posterior's quadratic term is replaced by its
    expectation 1/2.
    """
    logs_q, logs_p = logs_q.float(), logs_p.float()
    squares = (z_p.float() - m_p.float()).square()
    quadratic = 0.5 * squares * torch.exp(-2 * logs_p)
    kl = logs_p - logs_q - 0.5 + quadratic
    return (kl * mask).sum() / mask.sum()


def commitment_loss(x: Tensor, chosen: Tensor) -> Tensor:
    """Mean squared distance of vectors to the code vectors chosen for them, which stay put.

    Source: van den Oord et al. 2017, arXiv:1711.00937, eq. 3, last term.
    """
    return functional.mse_loss(x, chosen.detach())


def log_mel_loss(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Mean absolute difference of log-mels (B, M, F), natural and made, one pair for each resolution; their mean."""
    terms = [functional.l1_loss(made, real) for real, made in pairs]
    return torch.stack(terms).mean()
