"""A first alignment from nothing: one bell curve a phone, better with every round.

A recogniser that shall learn which phone sounds in each frame needs such labels first. Here there are none: the
phones of a clip are spread evenly over its loud frames, each phone becomes a normal distribution of the frames that it
got, every clip is aligned anew with them, and so on. This is how recognisers have been started since the 1980s; it
needs a minute and no network.
Letters: N clips, F frames, D features, P phones, V classes (0 is silence).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torchaudio.functional import forced_align

Array = NDArray[np.float32]
QUIET = -0.7
"""Level, in deviations of the clip, from which a frame may hold a phone at the start."""


def first_alignment(
    features: Sequence[Array], levels: Sequence[Array], labels: Sequence[NDArray[np.int64]], rounds: int = 12
) -> list[NDArray[np.int16]]:
    """Which phone sounds in each frame, by Viterbi training of one Gaussian a class.

    Source: L. Rabiner 1989, "A tutorial on hidden Markov models", section VI A (segmental k-means); one state a phone,
    silence allowed everywhere.

    Args:
        features: N x (F, D); of mean zero and like scale.
        levels: N x (F,) loudness, in deviations of the clip; quiet frames start as silence.
        labels: N x (P,) classes from 1.
        rounds: of aligning and averaging.

    Returns:
        N x (F,) class of each frame; clips with more phones than frames are all -1.
    """
    fits = [len(row) + int((np.diff(row) == 0).sum()) <= len(x) for x, row in zip(features, labels, strict=True)]
    found = [
        evenly(level, row) if fit else np.full(len(level), -1, np.int16)
        for level, row, fit in zip(levels, labels, fits, strict=True)
    ]
    classes = 1 + max(int(row.max()) for row in labels)
    kept = [i for i, fit in enumerate(fits) if fit]
    frames = np.concatenate([features[i] for i in kept]).astype(np.float32)
    ends = np.cumsum([len(features[i]) for i in kept])
    for _ in range(rounds):
        scores = likelihoods(frames, np.concatenate([found[i] for i in kept]), classes)
        for i, block in zip(kept, np.split(scores, ends[:-1]), strict=True):
            targets = torch.from_numpy(labels[i].astype(np.int32))[None]
            path, _ = forced_align(torch.from_numpy(block)[None], targets, blank=0)
            found[i] = path[0].numpy().astype(np.int16)
    return found


def evenly(level: Array, labels: NDArray[np.int64]) -> NDArray[np.int16]:
    """Phones spread evenly over the frames that are louder than `QUIET`: (F,), (P,) -> (F,); 0 in the others."""
    loud = level >= QUIET
    if not loud.any():
        loud = np.ones_like(loud)
    index = np.clip(np.cumsum(loud) - 1, 0, None) * len(labels) // int(loud.sum())
    return np.where(loud, labels[np.minimum(index, len(labels) - 1)], 0).astype(np.int16)


def likelihoods(frames: Array, classes: NDArray[np.int16], n_classes: int) -> Array:
    """Log-likelihood of every frame under each class, a Gaussian with a variance for each feature: (F, D) -> (F, V)."""
    counts = np.bincount(classes, minlength=n_classes).astype(np.float32)[:, None]
    owner = np.zeros((n_classes, len(frames)), np.float32)
    owner[classes, np.arange(len(frames))] = 1
    # Ten frames of the average voice for everybody: rare phones must not shrink to a point.
    mean = (owner @ frames + 10 * frames.mean(0)) / (counts + 10)
    square = (owner @ frames**2 + 10 * (frames**2).mean(0)) / (counts + 10)
    precision = 1 / np.maximum(square - mean**2, 0.05 * frames.var(0))
    scores = frames @ (mean * precision).T - 0.5 * (frames**2) @ precision.T
    return (scores + 0.5 * (np.log(precision) - mean**2 * precision).sum(1)).astype(np.float32)
