"""Of a checkpoint a voice keeps what has moved, and nothing that no loss reached."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gsv_lab.inference.lab import load
from gsv_lab.inference.voice import as_stored
from gsv_lab.training.finetuning import candidates
from small_voices import tuned, write_clips
from tiny import make_planning_family


def test_predicted_durations_are_not_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are a part of SemanticGPT that its own loss does not teach."""
    lab = load(str(make_planning_family(tmp_path / "family")))
    falling = iter(range(0, -100, -1))
    monkeypatch.setattr(candidates, "held_out_loss", lambda *_: next(falling))
    voice = tuned(lab, write_clips(tmp_path / "me"), tmp_path / "run", method="full", stage="gpt", learning_rate=0.01)
    assert any(name.startswith("semantic_gpt.layers.") for name in voice.changed)
    assert not any("duration_predictor" in name for name in voice.changed)
    base = lab.family.synthesizer.state_dict()
    assert not any(torch.equal(value, as_stored(base[name])) for name, value in voice.changed.items())
