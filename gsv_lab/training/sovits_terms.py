"""Losses of SoVITS on waves, and what its losses are means over.

Letters: B batch, S samples of a segment.
"""

from __future__ import annotations

from collections.abc import Iterable

from torch import Tensor, nn

from gsv_lab.corpora.sovits_data import SoVITSBatch
from gsv_lab.extensions.spectral_losses import convergence_loss, level_and_shape_loss
from gsv_lab.nn import losses
from gsv_lab.nn.interfaces import Features, VITSOutput


def wave_terms(mels: Iterable[nn.Module], real: Tensor, out: VITSOutput, convergence: bool) -> dict[str, Tensor]:
    """Terms that compare segments of the recordings (B, 1, S) with what was made.

    Args:
        mels: log-mels of several resolutions.
        real: segments of the recordings.
        out: of the networks; its first `from_prior` waves are made as in synthesis.
        convergence: also give the spectral convergence.
    """
    made = out.vocoded.wave.float()
    n = out.from_prior
    pairs = [(mel(real), mel(made)) for mel in mels]
    terms = {}
    if n:
        from_prior = [(x[:n], y[:n]) for x, y in pairs]
        terms["prior_mel"] = level_and_shape_loss(from_prior)
    if n < len(made):
        from_posterior = [(x[n:], y[n:]) for x, y in pairs]
        terms["mel"] = losses.log_mel_loss(from_posterior)
    if convergence:
        terms["convergence"] = convergence_loss(pairs)
    return terms


def term_counts(batch: SoVITSBatch, pitch: Features, out: VITSOutput) -> dict[str, float]:
    """What the terms are means over that are none over the rows of a batch.

    Args:
        batch: of the training.
        pitch: the features that the F0 loss compares.
        out: of the networks.
    """
    counts = {"kl": float(batch.frames.sum()), "prior_mel": float(out.from_prior)}
    counts["mel"] = float(len(batch.frames) - out.from_prior)
    if batch.positions is not None:
        counts["guide"] = float((batch.positions >= 0).sum())
    if pitch.voicing is not None:
        counts["f0"] = float(pitch.voicing.sum())
    return counts
