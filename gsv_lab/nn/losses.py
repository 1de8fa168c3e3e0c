"""Loss terms of all trainings, as pure functions: tensors in, one unweighted number out.

Letters: B batch, C channels, F frames, T samples, N scores. Weights belong to the configuration, under the terms'
names. This file imports no network and makes no spectra.
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
    terms = [
        (1 - real.float()).square().mean() + fake.float().square().mean()
        for real, fake in zip(real_scores, fake_scores, strict=True)
    ]
    return torch.stack(terms).sum()


def adversarial_loss(fake_scores: Sequence[Tensor]) -> Tensor:
    """Made waves should score 1; summed over sub-discriminators. Source: arXiv:1611.04076, eq. 2 with c = 1."""
    return torch.stack([(1 - fake.float()).square().mean() for fake in fake_scores]).sum()


def feature_loss(real_features: Sequence[Sequence[Tensor]], fake_features: Sequence[Sequence[Tensor]]) -> Tensor:
    """Mean absolute difference of the discriminators' layer outputs, summed over layers, times 2.

    Source: Kong et al. 2020, arXiv:2010.05646, eq. 5; the factor 2 is theirs in the full loss (eq. 6). Natural
    features are targets.
    """
    pairs = [
        (real, fake)
        for reals, fakes in zip(real_features, fake_features, strict=True)
        for real, fake in zip(reals, fakes, strict=True)
    ]
    return 2 * torch.stack([(real.detach().float() - fake.float()).abs().mean() for real, fake in pairs]).sum()


def kl_loss(z_p: Tensor, logs_q: Tensor, m_p: Tensor, logs_p: Tensor, mask: Tensor) -> Tensor:
    """Kullback-Leibler divergence of the posterior from the prior at one draw, in nats per frame.

    All (B, C, F), mask (B, 1, F). Summed over channels, averaged over valid frames.

    Source: VITS, Kim et al. 2021, arXiv:2106.06103, eqs. 3-4; the posterior's quadratic term is replaced by its
    expectation 1/2.
    """
    z_p, logs_q, m_p, logs_p = (x.float() for x in (z_p, logs_q, m_p, logs_p))
    kl = logs_p - logs_q - 0.5 + 0.5 * (z_p - m_p).square() * torch.exp(-2 * logs_p)
    return (kl * mask).sum() / mask.sum()


def commitment_loss(x: Tensor, chosen: Tensor) -> Tensor:
    """Mean squared distance of vectors to the code vectors chosen for them, which stay put.

    Source: van den Oord et al. 2017, arXiv:1711.00937, eq. 3, last term.
    """
    return functional.mse_loss(x, chosen.detach())


def log_mel_loss(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Mean absolute difference of log-mels (B, M, F), natural and made, one pair for each resolution; their mean."""
    return torch.stack([functional.l1_loss(made, real) for real, made in pairs]).mean()


def shape_loss(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """`log_mel_loss` with the level of each frame, its mean over bands, and what is left compared apart; their sum.

    Why: codes do not tell how loud a phone was said. Together, that error would drown the one in the spectrum's shape.
    """
    offs = [(made - real, (made - real).mean(1, keepdim=True)) for real, made in pairs]
    return torch.stack([(off - level).abs().mean() + level.abs().mean() for off, level in offs]).mean()


def convergence_loss(pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """Spectral convergence on mel magnitudes, from the same pairs of log-mels; mean over clips and resolutions.

    Why: a difference of logarithms counts a whisper as much as a shout; this one counts what is loud.
    Source: Yamamoto et al. 2020, arXiv:1910.11480, eq. 5; there of linear spectra.
    """
    spectra = [(real.exp().flatten(1), made.exp().flatten(1)) for real, made in pairs]
    return torch.stack([((real - made).norm(dim=1) / real.norm(dim=1)).mean() for real, made in spectra]).mean()


def f0_loss(log_f0: Tensor, target: Tensor, voicing: Tensor) -> Tensor:
    """Mean absolute difference of log-F0 over voiced frames, in nats; all (B, 1, F), `voicing` in [0, 1]."""
    return ((log_f0 - target).abs() * voicing).sum() / voicing.sum().clamp(min=1)


def melody_loss(log_f0: Tensor, target: Tensor, voicing: Tensor) -> Tensor:
    """How far the standard deviation of log-F0 over a clip's voiced frames is off, mean over clips, in nats.

    Same arguments as `f0_loss`. Why: whoever is only asked for the nearest F0 answers with the middle, and the voice
    gets monotonous. Source: global variance, Toda and Tokuda 2007, IEICE E90-D(5), here of F0 and as a loss.
    """
    count = voicing.sum(-1, keepdim=True).clamp(min=1)

    def spread(curve: Tensor) -> Tensor:
        around = (curve - (curve * voicing).sum(-1, keepdim=True) / count).square() * voicing
        return (around.sum(-1, keepdim=True) / count + 1e-4).sqrt()

    return (spread(log_f0) - spread(target)).abs().mean()


def voicing_loss(logits: Tensor, voicing: Tensor) -> Tensor:
    """Binary cross entropy of the voicing decision; logits and target (B, 1, F), target in [0, 1]."""
    return functional.binary_cross_entropy_with_logits(logits.float(), voicing.float())
