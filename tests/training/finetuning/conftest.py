"""What tests of fine-tuning share: a tiny base model, clips of nobody, and trainings that take a moment."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from gsv_lab.inference.lab import Lab, load
from gsv_lab.training.finetuning import candidates
from gsv_lab.training.log_writer import LogWriter
from small_voices import write_clips
from tiny import make_family


@pytest.fixture(scope="module")
def quick() -> Iterator[None]:
    """Without pictures, which take longer than the rest; the last state is the best, so that all can be compared."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LogWriter, "figure", lambda *_: None)
        patched.setattr(candidates, "held_out_loss", lambda recorded, candidate, stages: -float(candidate.step))
        yield


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    return load(str(make_family(tmp_path_factory.mktemp("family"))))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four of 2.5 s with a text."""
    return write_clips(tmp_path_factory.mktemp("clips") / "me")
