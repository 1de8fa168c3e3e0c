"""Voice files: everything comes back, other weights are refused with the command that helps."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from gsv_lab.errors import CheckpointError
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.text import phonemize
from tiny import make_family


def voice(**changes: object) -> Voice:
    fields = dict(
        name="me", parent="tiny-1", parents={"sovits": "abc"}, speaker=torch.randn(1, 16, 1).half().float(),
        prompt=Prompt(torch.arange(9), phonemize("Hello there.", "en")), consent="my own voice", settings={"source":
        "me.wav"},
    )  # fmt: skip
    return Voice(**{**fields, **changes})


def test_round_trip(tmp_path: Path) -> None:
    name = "sovits.flow.steps.0.out_proj.bias"
    changed = {name: torch.randn(4).half().float()}
    one = voice(changed=changed)
    two = Voice.load(one.save(tmp_path / "v.safetensors"))
    torch.testing.assert_close(two.speaker, one.speaker)
    assert torch.equal(two.prompt.codes, one.prompt.codes)
    assert two.prompt.phones == one.prompt.phones
    torch.testing.assert_close(two.changed[name], changed[name])
    assert (two.name, two.parent, two.consent, two.created) == (one.name, one.parent, one.consent, one.created)
    silent = voice(prompt=Prompt(torch.arange(3), None)).save(tmp_path / "w.safetensors")
    assert Voice.load(silent).prompt.phones is None


def test_residuals_come_back_as_they_are_used(tmp_path: Path) -> None:
    residuals = Residuals(torch.randn(1, 6, 9).half().float(), torch.randn(1, 4, 9).half().float())
    one = voice(residuals=residuals)
    two = Voice.load(one.save(tmp_path / "v.safetensors"))
    assert two.residuals is not None
    assert all(torch.equal(a, b) for a, b in zip(two.residuals, residuals, strict=True))
    assert Voice.load(voice().save(tmp_path / "w.safetensors")).residuals is None


def test_other_weights_are_refused_with_the_command() -> None:
    voice().check_parent("tiny-1", {"sovits": "abc"})
    with pytest.raises(CheckpointError, match=r"sovits differ.*gsv-lab clone RECORDING") as caught:
        voice().check_parent("tiny-1", {"sovits": "other"})
    assert caught.value.code == "CKPT_PARENT_MISMATCH"
    with pytest.raises(CheckpointError, match=r"made for tiny-1, loaded is tiny-2.*gsv-lab finetune"):
        voice(changed={"sovits.x": torch.zeros(1)}).check_parent("tiny-2", {"sovits": "abc"})


def test_weights_are_no_voice(tmp_path: Path) -> None:
    make_family(tmp_path)
    with pytest.raises(CheckpointError, match="holds weights, not a voice"):
        Voice.load(tmp_path / "sovits.safetensors")
