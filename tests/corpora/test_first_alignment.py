"""Alignment from nothing: finds the phones of made-up speech, and says where it cannot."""

from __future__ import annotations

import numpy as np

from gsv_lab.corpora.first_alignment import evenly, first_alignment, likelihoods


def made(clips: int, classes: int, seed: int = 0) -> tuple[list[np.ndarray], list[np.ndarray], list[np.ndarray]]:
    """Clips of random phones with random lengths; every phone is a point in ten dimensions, blurred."""
    random = np.random.default_rng(seed)
    points = random.normal(0, 1, (classes + 1, 10))
    features, labels, truth = [], [], []
    for _ in range(clips):
        phones = random.integers(1, classes + 1, 12)
        phones = phones[np.append(True, np.diff(phones) != 0)]
        spans = random.integers(1, 8, len(phones))
        sound = np.concatenate([np.zeros(5, int), np.repeat(phones, spans), np.zeros(4, int)])
        features.append((points[sound] + random.normal(0, 0.5, (len(sound), 10))).astype(np.float32))
        labels.append(phones.astype(np.int64))
        truth.append(sound)
    return features, labels, truth


def test_rounds_find_what_the_flat_start_could_not() -> None:
    features, labels, truth = made(40, 8)
    levels = [np.where(sound > 0, 1.0, -1.0).astype(np.float32) for sound in truth]
    right = {
        rounds: np.mean(np.concatenate(first_alignment(features, levels, labels, rounds)) == np.concatenate(truth))
        for rounds in (0, 10)
    }
    assert right[0] < 0.75 and right[10] > 0.93


def test_a_clip_without_room_is_left_out() -> None:
    features, labels, truth = made(6, 5)
    levels = [np.ones(len(x), np.float32) for x in features]
    labels[2] = np.array([1, 1, 2] * 40)
    found = first_alignment(features, levels, labels, 2)
    assert (found[2] == -1).all() and len(found[2]) == len(truth[2])
    assert all((row >= 0).all() for i, row in enumerate(found) if i != 2)


def test_even_spreading() -> None:
    level = np.array([-2, 1, 1, 1, 1, -2, 1, 1], np.float32)
    assert evenly(level, np.array([3, 1, 2])).tolist() == [0, 3, 3, 1, 1, 0, 2, 2]
    assert evenly(np.full(4, -2, np.float32), np.array([3, 1])).tolist() == [3, 3, 1, 1]


def test_likelihoods_are_those_of_gaussians() -> None:
    random = np.random.default_rng(1)
    frames = random.normal(0, 2, (4000, 3)).astype(np.float32)
    classes = np.zeros(4000, np.int16)
    scores = likelihoods(frames, classes, 1)[:, 0]
    mean, var = frames.mean(0), frames.var(0)
    wanted = -0.5 * (((frames - mean) ** 2 / var) + np.log(var)).sum(1)
    np.testing.assert_allclose(scores, wanted, rtol=2e-2, atol=2e-2)
