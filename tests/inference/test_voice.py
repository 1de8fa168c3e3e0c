"""Voice files: everything comes back, other weights are refused with the command that helps."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from gsv_lab.checkpoint.native import load_tensors, read_header, save_tensors
from gsv_lab.cli import main
from gsv_lab.errors import CheckpointError
from gsv_lab.extensions.residual_correction import Residuals
from gsv_lab.inference.lab import load
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.inference.voice_checks import TunedClip
from gsv_lab.text import phonemize
from tiny import make_family, make_planning_family


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


CLIPS = (TunedClip("a-1", "corpus", "pcm:0123456789abcdef"), TunedClip("a-2", "c", "file:01", "pcm:02"))


def rewritten(path: Path, change: Callable[[dict[str, Any]], Any]) -> None:
    """Change the header of a voice file, and seal it again as its format has it."""
    header = {key: value for key, value in read_header(path).items() if key not in ("tensors", "checksum", "versions")}
    change(header)
    save_tensors(load_tensors(path), path, header, torch.float16, sealed=True)


def test_what_tuned_a_voice_comes_back_and_older_files_do_not_say_it(tmp_path: Path) -> None:
    path = voice(tuned_on=CLIPS).save(tmp_path / "v.safetensors")
    assert Voice.load(path).tuned_on == CLIPS and read_header(path)["tuned_on"][0]["utterance"] == "a-1"
    rewritten(path, lambda header: header.pop("tuned_on"))
    assert Voice.load(path).tuned_on == ()


WRONG = {
    "a text": "x", "a text in the list": ["x"], "an entry too few": [{"utterance": "x", "corpus": "y"}],
    "an entry too many": [{"utterance": "x", "corpus": "y", "hash": "z", "more": "w"}],
    "a number": [{"utterance": 3, "corpus": "y", "hash": "z"}], "nothing": None,
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_other_entries_in_their_place_are_refused(case: str, tmp_path: Path) -> None:
    path = voice(tuned_on=CLIPS).save(tmp_path / "v.safetensors")
    rewritten(path, lambda header: header.update(tuned_on=WRONG[case]))
    with pytest.raises(CheckpointError, match="tuned_on") as caught:
        Voice.load(path)
    assert caught.value.code == "CKPT_CORRUPT"


@pytest.mark.parametrize(
    ("networks", "said"),
    [
        ({}, "no, zero-shot"),
        ({"changed": {"sovits.x": torch.zeros(1), "sovits.y": torch.zeros(1)}}, "2 tensors"),
        ({"adapters": {"sovits.x.lora_A": torch.zeros(1), "sovits.x.lora_B": torch.zeros(1)}}, "updates of 1 layers"),
    ],
)
def test_info_says_how_and_on_what_a_voice_was_tuned(
    networks: dict[str, Any], said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = {"method": "lora", "verdict": {"step": 60, "gain": {"mean": 0.25}}}
    path = voice(**networks, tuned_on=CLIPS, settings=settings).save(tmp_path / "v.safetensors")
    assert main(["info", str(path)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any(line.startswith("tuned: ") and said in line for line in lines)
    assert {"tuned on: 2 clips", "clip 1: corpus/a-1, pcm:0123456789abcdef"} < {*lines}
    assert {"clip 2: c/a-2, file:01, cut from pcm:02", "setting method: lora"} < {*lines}
    assert {"setting verdict.step: 60", "setting verdict.gain.mean: 0.25"} < {*lines}
    assert main(["info", str(voice().save(tmp_path / "w.safetensors"))]) == 0
    assert "tuned on" not in capsys.readouterr().out


def test_low_rank_updates_for_another_base_are_refused_too() -> None:
    update = {"sovits.x.lora_A": torch.zeros(1, 2), "sovits.x.lora_B": torch.zeros(2, 1)}
    for parent, weights in (("tiny-2", "abc"), ("tiny-1", "other")):
        with pytest.raises(CheckpointError, match="gsv-lab finetune") as caught:
            voice(adapters=update).check_parent(parent, {"sovits": weights})
        assert caught.value.code == "CKPT_PARENT_MISMATCH"


def test_other_weights_are_refused_with_the_command() -> None:
    voice().check_parent("tiny-1", {"sovits": "abc"})
    with pytest.raises(CheckpointError, match=r"sovits differ.*gsv-lab clone RECORDING") as caught:
        voice().check_parent("tiny-1", {"sovits": "other"})
    assert caught.value.code == "CKPT_PARENT_MISMATCH"
    with pytest.raises(CheckpointError, match=r"made for tiny-1, loaded is tiny-2.*gsv-lab finetune"):
        voice(changed={"sovits.x": torch.zeros(1)}).check_parent("tiny-2", {"sovits": "abc"})


def test_a_voice_learnt_with_another_residual_correction_is_refused(tmp_path: Path, sample: Path) -> None:
    """The weights are the same, but what a voice knows of its recordings was learnt for another covariance."""
    folder = make_family(tmp_path / "family")
    before = load(str(folder)).clone(sample, name="me")
    card = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    card["residual_correction"]["sharpness"] = 0.6
    (folder / "model.json").write_text(json.dumps(card), encoding="utf-8")
    now = load(str(folder))
    with pytest.raises(CheckpointError, match=r"loaded is tiny-1 \(residual_correction differ\).*gsv-lab clone"):
        now.speak("Hello.", before)
    assert now.clone(sample, name="me").parents["residual_correction"] == "sharpness 0.6, noise 4, common 0.3"


def test_a_voice_of_an_earlier_family_is_refused_before_it_speaks(
    tmp_path: Path, sample: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Prior, durations and phones of the later one are others; one error says so, and what to do."""
    old = load(str(make_family(tmp_path / "old")))
    old.clone(sample, name="me").save(tmp_path / "me.safetensors")
    later = make_planning_family(tmp_path / "later")
    card = json.loads((later / "model.json").read_text(encoding="utf-8"))
    (later / "model.json").write_text(json.dumps({**card, "version": "tiny-2"}), encoding="utf-8")
    command = ["speak", "--model", str(later), "--voice", str(tmp_path / "me.safetensors"), "--text", "Hello."]
    assert main([*command, "--output", str(tmp_path / "out.wav")]) == 2
    said = capsys.readouterr().err
    assert (
        "[CKPT_PARENT_MISMATCH]" in said and "made for tiny-1, loaded is tiny-2 (semantic_gpt, sovits differ)" in said
    )
    assert "gsv-lab clone RECORDING --output VOICE.safetensors" in said and "Traceback" not in said
    assert not (tmp_path / "out.wav").exists()
    new = load(str(later))
    with pytest.raises(CheckpointError, match="gsv-lab clone"):
        new.clone(sample, tuned=Voice.load(tmp_path / "me.safetensors"))
    new.clone(sample, name="me").save(tmp_path / "me.safetensors")
    assert main([*command, "--output", str(tmp_path / "out.wav")]) == 0


def test_weights_are_no_voice(tmp_path: Path) -> None:
    make_family(tmp_path)
    with pytest.raises(CheckpointError, match="holds weights, not a voice"):
        Voice.load(tmp_path / "sovits.safetensors")
