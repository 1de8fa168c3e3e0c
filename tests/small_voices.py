"""Fine-tuning at tiny size: recordings of a person who does not exist, and voices tuned on them in a moment."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
import torch

from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.voice import Voice
from gsv_lab.training.finetuning.run import finetune

RATE = 16_000
STEPS = 4
OFTEN = ("trainer.checkpoint_every=2", "trainer.save_every_minutes=1e-9", "trainer.validate_every=1000")
"""Two checkpoints, a state after every batch, and no validation, which takes longer than all the rest."""


def write_clips(folder: Path, seconds: Sequence[float] = (2.5,) * 4, text: str = "we walk home now") -> Path:
    """A folder as `prepare` makes it, with clips of synthetic speech and a text of all; without one if it is empty."""
    corpus = SyntheticCorpus(n_speakers=1, n_clips=2 * len(seconds), seed=4)
    folder.mkdir(parents=True, exist_ok=True)
    for number, length in enumerate(seconds):
        spoken = np.concatenate([corpus[2 * number].wave, corpus[2 * number + 1].wave])
        soundfile.write(folder / f"c{number}.wav", np.resize(spoken, round(length * RATE)), RATE)
    rows = [f"c{number}.wav|me|en|{text}\n" for number in range(len(seconds))]
    (folder / "list.txt").write_text("".join(rows), encoding="utf-8")
    return folder


def tuned(lab: Lab, clips: Path, run: Path, **settings: Any) -> Voice:
    """A voice without a verdict after a few batches, whatever was drawn before; `settings` as for `finetune`."""
    torch.seed()
    given = {"steps": STEPS, "overrides": OFTEN, "progress_bar": False, "verdict": False, **settings}
    return finetune(lab.family, lab.recordings, clips, run=run, **given)


def tensors(voice: Voice) -> dict[str, torch.Tensor]:
    """All that a voice speaks with, by name."""
    assert voice.residuals is not None
    found = {"speaker": voice.speaker, "codes": voice.prompt.codes}
    found |= {"hidden": voice.residuals.hidden, "weights": voice.residuals.weights}
    return {**found, **voice.changed, **voice.adapters}


def differing(one: Voice, other: Voice) -> list[str]:
    """Names of the tensors that are not the same bits in two voices."""
    left, right = tensors(one), tensors(other)
    assert left.keys() == right.keys()
    return [name for name, value in left.items() if not torch.equal(value, right[name])]
