"""From wav files to a family that speaks, in one call that may be cut short anywhere."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tiny_family import write_configs, write_corpus

from gsv_lab.checkpoint.native import load_tensors
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
        "prior",
        "prior_adversary",
        "gpt",
        "durations",
        "speaker_verifier",
        "recogniser_en",
        "recogniser_zh",
        "g2p",
    ]
    assert sum(stage.share for stage in STAGES) == pytest.approx(1.0)
    lab = load(str(made))
    assert lab.version == "tiny-2" and lab.family.pauses and lab.family.candidates == 1
    parts = {name: type(part).__name__ for name, part in lab.components().items()}
    assert (parts["prior"], parts["semantic_gpt"]) == ("AlignedPrior", "PlannedSemanticGPT")
    for begun, finished, own in (
        ("sovits/weights/sovits", "prior_adversary/weights/sovits", ("prior.", "pitch_predictor.")),
        ("gpt/weights/semantic_gpt", "durations/weights/semantic_gpt", ("duration_predictor.",)),
    ):
        before, after = (load_tensors(tmp_path / "out" / f"{path}.safetensors") for path in (begun, finished))
        kept = {name for name in after if name in before and not name.startswith(own)}
        assert kept == {name for name in before if not name.startswith(own)}
        assert all(torch.equal(before[name], after[name]) for name in kept)
    speech = lab.copy_synthesis(torch.zeros(16000))
    assert speech.wave.numel() == 16000
