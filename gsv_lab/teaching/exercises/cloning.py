"""Voices out of an excerpt, without a file: for a whole sentence in another language, or with the reader's own pooling.

Letters: B batch, G speaker width, F frames, T samples.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gsv_lab.hooks import probe, swap
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.voice import Voice
from gsv_lab.teaching.exercises.answers import numbers
from gsv_lab.teaching.exercises.excerpt import Excerpt

FRAMES = "speaker_encoder*.frames"


def pooled_voice(lab: Lab, wave: Tensor, pool: Callable[[Tensor, Tensor], Any]) -> Tensor:
    """The voice of a wave, its frames made one vector by a function of the reader: (T,) -> (1, G, 1).

    Args:
        lab: whose speaker encoder gives the frames, and what it measures beside them.
        wave: at the lab's rate.
        pool: frames (B, G', F), mask (B, 1, F) -> (B, G', 1).
    """
    synthesizer = lab.family.synthesizer
    with probe(lab, FRAMES) as records:
        synthesizer.voice([wave])
    ((name, record),) = records.items()
    frames = record.value
    pooled = numbers(pool(frames, torch.ones(len(frames), 1, frames.shape[-1])), "The voice")
    with probe(lab, edits=[swap(name.removesuffix("frames") + "speaker", pooled)]):
        return synthesizer.voice([wave])


def voice_of(lab: Lab, part: Excerpt, speaker: Tensor) -> Voice:
    """A voice for `lab.speak`: a vector (1, G, 1), and an excerpt as its prompt.

    Nothing of the excerpt corrects its sounds, so that voices of several vectors and one prompt differ in the vector
    alone.
    """
    return Voice(
        name="lesson",
        parent=lab.version,
        parents=lab.recordings.fingerprints,
        speaker=speaker,
        prompt=lab.recordings.prompt(part.wave, part.phones),
        settings={"source": part.source},
    )
