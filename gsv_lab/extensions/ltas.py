"""Long-term average spectrum (LTAS): what a voice and its microphone do to all sounds alike.

It is measured, taken away from what the networks read, and put back by the vocoder, so that the networks between need
not have met so dark or so bright a voice.
Source: cepstral mean subtraction, Furui 1981, IEEE TASSP 29(2); here of voiced frames, smoothed by K cosines.
Letters: B batch, M mel bands, F frames at 50 Hz, K cosines.
"""

from __future__ import annotations

import torch
from torch import Tensor

from gsv_lab.nn.spectral import mel_filters


def cosines(positions: Tensor, count: int) -> Tensor:
    """Half-period cosines 1 .. `count` over an axis from 0 to 1: (N,) -> (count, N). Their sums are smooth curves."""
    numbers = torch.arange(1, count + 1)
    half_periods = torch.pi * numbers[:, None]
    return torch.cos(half_periods * positions)


def band_positions(n_mels: int) -> Tensor:
    """Where each mel band lies on the axis of bands, 0 at its foot and 1 at its end: (M,)."""
    bands = torch.arange(n_mels)
    return (bands + 0.5) / n_mels


def bin_positions(sample_rate: int, n_fft: int, n_mels: int) -> Tensor:
    """Where each bin of a transform lies on the axis of mel bands: (bins,)."""
    filters = mel_filters(sample_rate, n_fft, n_mels)
    weights = filters.sum(0).clamp(min=1e-9)
    positions = band_positions(n_mels) @ filters
    positions = positions / weights
    # Bins outside every band keep the position of their neighbour.
    return positions.cummax(0).values


def measure_ltas(log_mel: Tensor, voicing: Tensor, curves: Tensor) -> Tensor:
    """Cosines of the mean voiced spectrum in nat, its level left out.

    stacked log-mel (B, 2 M, F), voicing (B, 2, F), curves (K, M) -> (B, K, 1)
    """
    bands = log_mel.unflatten(1, (2, -1))
    voiced = bands * voicing[:, :, None]
    total = voiced.sum((1, 3))
    count = voicing.sum((1, 2)).clamp(min=1)
    mean = total / count[:, None]
    projected = curves @ mean[..., None]
    return projected * (2 / mean.shape[1])
