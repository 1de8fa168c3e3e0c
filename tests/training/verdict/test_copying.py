"""Copied speech: a stretch of a training clip in made speech is found, speech that is like it is not."""

from __future__ import annotations

import torch
from torch import Tensor

from gsv_lab.training.verdict.copying import NATURAL, STRETCH, Known


def speech(frames: int, seed: int) -> Tensor:
    """Content that moves slowly, as speech does, and never the same way twice."""
    noise = torch.randn(frames + 8, 12, generator=torch.Generator().manual_seed(seed))
    return noise.unfold(0, 8, 1).mean(-1)[:frames]


TRAINING = [speech(150, seed) for seed in range(5)]
KNOWN = Known(TRAINING, [speech(150, seed) for seed in (10, 11)])


def test_natural_speech_copies_next_to_nothing() -> None:
    assert abs(KNOWN.copied(speech(3000, 20))) < 5 * NATURAL


def test_what_repeats_a_training_clip_is_found() -> None:
    quoted = torch.cat([speech(60, 21), TRAINING[2][40:100] + 0.05 * speech(60, 22), speech(60, 23)])
    assert 0.2 < KNOWN.copied(quoted) < 0.4
    assert KNOWN.copied(TRAINING[0]) == 1.0


def test_other_order_is_no_copy() -> None:
    assert KNOWN.copied(TRAINING[2].flip(0)) < 0.1


def test_speech_shorter_than_a_stretch_and_nothing_held_out_say_nothing() -> None:
    assert KNOWN.copied(speech(STRETCH - 1, 3)) == 0.0
    assert Known(TRAINING, []).copied(TRAINING[0]) == 0.0
    assert Known([speech(STRETCH - 1, 4)], [speech(90, 5)]).copied(TRAINING[0]) == 0.0
