"""From wav files to a family that speaks, in one call that may be cut short anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_family import write_configs, write_corpus

from gsv_lab.inference.lab import load
from gsv_lab.training.stages import STAGES, train_family


def test_clips_to_family(tmp_path: Path) -> None:
    corpus, configs = write_corpus(tmp_path / "corpus"), write_configs(tmp_path / "configs")
    lines: list[str] = []

    def train(run_minutes: float = 0) -> Path | None:
        return train_family(
            configs, [corpus], tmp_path / "out", "tiny-2", 60.0, progress_bar=False, say=lines.append,
            run_minutes=run_minutes, overrides=["content.trainer.max_batches=2"],
        )  # fmt: skip

    assert train(run_minutes=1e-9) is None
    made = train()
    assert made == tmp_path / "out" / "tiny-2"
    assert [line.split(":")[0] for line in lines] == [
        "content",
        "content",
        "codebook, codes, aligned phones, pitch",
        "sovits",
        "gpt",
        "speaker_verifier",
        "recogniser_en",
        "recogniser_zh",
        "g2p",
    ]
    assert sum(stage.share for stage in STAGES) == pytest.approx(1.0)
    lab = load(str(made))
    assert lab.version == "tiny-2"
    speech = lab.copy_synthesis(torch.zeros(16000))
    assert speech.wave.numel() == 16000
