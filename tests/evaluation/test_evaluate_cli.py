"""`gsv-lab evaluate`: folders, lists of texts, conditions of a pretended lab, and what is said about mistakes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from gsv_lab.cli import main
from gsv_lab.corpora.clip_lists import ListedClip, clip_hash, write_list
from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Job
from gsv_lab.inference.synthesizer import Prompt
from gsv_lab.inference.voice import Voice
from gsv_lab.inference.voice_checks import TunedClip

from .makers import RATE, FakeLab, tone, toy_list


class Length:
    """Seconds of a clip."""

    name, evaluator, identity, needs = "length", "signal", "length 1", ()

    def __call__(self, wave: np.ndarray, job: Job) -> dict[str, float]:
        return {"length": wave.size / RATE}


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch) -> FakeLab:
    """A pretended lab, and one cheap measure."""
    lab = FakeLab()
    monkeypatch.setattr("gsv_lab.inference.lab.load", lambda *_: lab)
    monkeypatch.setattr("gsv_lab.text.phonemize", lambda text, language="auto": (text, language))
    monkeypatch.setattr("gsv_lab.evaluation.evaluators.measures_for", lambda *_, **__: ([Length()], []))
    return lab


def results(output: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((output / "results.json").read_text())
    return found


def test_folders_under_their_names(lab: FakeLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = toy_list(tmp_path)
    for place in ("a/ours", "b/ours", "c=d"):
        (tmp_path / place).mkdir(parents=True)
        for item in read_list(listed).items[:3]:
            soundfile.write(tmp_path / place / f"{item.name}.wav", tone(200.0, 0.2), RATE)
    folders = [str(tmp_path / "a/ours"), f"theirs={tmp_path / 'b/ours'}", str(tmp_path / "c=d")]
    assert main(["evaluate", *folders, "--list", str(listed), "--output", str(tmp_path / "out")]) == 0
    assert set(results(tmp_path / "out")["systems"]) == {"natural", "ours", "theirs", "c=d"}
    assert "report.html" in capsys.readouterr().out
    same = [folders[0], str(tmp_path / "b/ours")]
    assert main(["evaluate", *same, "--list", str(listed), "--output", str(tmp_path / "same")]) == 2
    assert "NAME=FOLDER" in capsys.readouterr().err
    assert not (tmp_path / "same").exists()


def test_texts_alone_and_recordings_by_item(lab: FakeLab, tmp_path: Path) -> None:
    texts = tmp_path / "texts.tsv"
    texts.write_text("one\ten\tHello there.\ntwo\tzh\t你好\n")
    for place, names in (("ours", ("one", "two")), ("recordings", ("one",))):
        (tmp_path / place).mkdir()
        for name in names:
            soundfile.write(tmp_path / place / f"{name}.wav", tone(200.0, 0.2), RATE)
    arguments = ["evaluate", str(tmp_path / "ours"), "--texts", str(texts), "--output", str(tmp_path / "out")]
    assert main(arguments) == 0
    assert set(results(tmp_path / "out")["systems"]) == {"natural", "ours"}
    assert {clip["system"] for clip in results(tmp_path / "out")["clips"]} == {"ours"}
    assert main([*arguments, "--natural", str(tmp_path / "recordings")]) == 0
    natural = [clip["item"] for clip in results(tmp_path / "out")["clips"] if clip["system"] == "natural"]
    assert natural == ["one"]


def test_conditions_of_a_model(
    lab: FakeLab, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    arguments = ["evaluate", "--list", str(toy_list(tmp_path)), "--output", str(output), "--seed", "3", "4"]
    assert main([*arguments, "--conditions", "zero_shot", "copy_synthesis"]) == 0
    found = results(output)
    assert found["settings"] | {"model": "toy-1", "seeds": [3, 4], "candidates": None} == found["settings"]
    assert [found["systems"][name]["samples"] for name in ("natural", "copy_synthesis", "zero_shot")] == [8, 8, 16]
    assert {asked[-1] for asked in lab.asked if asked[0] == "speak"} == {3, 4}
    assert (output / "waves" / "zero_shot" / "ann_1_3.wav").is_file()
    lab.asked.clear()
    assert main([*arguments[:4], str(tmp_path / "natural"), "--conditions", "natural"]) == 0
    assert set(results(tmp_path / "natural")["systems"]) == {"natural"} and not lab.asked
    assert main([*arguments, "--conditions", "zero_shot", "copy_synthesis"]) == 0
    assert not lab.asked and results(output) == found
    capsys.readouterr()
    for condition, code in (("fine_tuned", "VOICES_MISSING"), ("baseline", "BASELINE_MISSING")):
        assert main([*arguments, "--conditions", condition]) == 2
        assert f"[{code}]" in capsys.readouterr().err
    plain = FakeLab("other")
    monkeypatch.setattr("gsv_lab.evaluation.baseline.baseline_lab", lambda given, folder: plain)
    assert main([*arguments, "--conditions", "baseline", "--baseline", str(tmp_path), "--every", "3"]) == 0
    assert results(output)["systems"]["baseline"]["samples"] == 3
    assert any(asked[0] == "speak" for asked in plain.asked)


def tuned(path: Path, *clips: TunedClip) -> None:
    """A voice file that was tuned on some clips."""
    path.parent.mkdir(exist_ok=True)
    fields = {"parent": "toy-1", "parents": {"sovits": "1a2b"}, "speaker": torch.ones(1, 4, 1)}
    Voice(path.stem, **fields, prompt=Prompt(torch.arange(3), None), tuned_on=clips).save(path)


def test_targets_that_tuned_a_voice_are_refused(
    lab: FakeLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is spoken; a voice of somebody else, and a reference, may have been heard."""
    listed, voices = toy_list(tmp_path), tmp_path / "voices"
    arguments = ["evaluate", "--list", str(listed), "--output", str(tmp_path / "out")]
    arguments += ["--conditions", "fine_tuned", "--voices", str(voices)]
    target = clip_hash(tmp_path / "clips" / "ann_1.wav")
    for clip in (TunedClip("x", "c", target), TunedClip("x", "c", "pcm:00", target), TunedClip("ann_1", "c", "pcm:0")):
        tuned(voices / "ann.safetensors", TunedClip("y", "c", "pcm:01"), clip)
        assert main(arguments) == 2
        said = capsys.readouterr().err
        assert "1 clip (clips/ann_1.wav)" in said and "tuned the voice" in said and "[DATA_LEAK]" in said
    assert not lab.asked and not (tmp_path / "out").exists()
    reference = TunedClip("ann_0", "clips", clip_hash(tmp_path / "clips" / "ann_0.wav"))
    tuned(voices / "ann.safetensors", reference)
    tuned(voices / "bob.safetensors", TunedClip("ann_1", "clips", target))
    assert main(arguments) == 0 and "DATA_LEAK" not in capsys.readouterr().err
    tuned(voices / "bob.safetensors")
    assert main(arguments) == 0 and "The voices of bob do not say which clips" in capsys.readouterr().err


def test_a_family_that_names_its_training_list_is_not_tested_on_it(
    lab: FakeLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whatever it is called."""
    listed = toy_list(tmp_path)
    row = ListedClip("x", "c", "ann", "en", "train", 0.6, clip_hash(tmp_path / "clips" / "ann_1.wav"))
    lab.family.training_lists = [write_list(tmp_path / "trained.csv", [row])]
    arguments = ["evaluate", "--list", str(listed), "--output", str(tmp_path / "out"), "--conditions", "zero_shot"]
    assert main(arguments) == 2
    assert "trained the model" in capsys.readouterr().err and not lab.asked
    lab.family.training_lists = []
    assert main(arguments) == 0


def test_mistakes_are_said_in_one_line(lab: FakeLab, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    listed = str(toy_list(tmp_path))
    texts = tmp_path / "texts.tsv"
    texts.write_text("one\ten\tHello there.\n")
    cases: list[tuple[list[str], str]] = [
        (["--list", listed], "USAGE"),
        ([str(tmp_path / "absent"), "--list", listed], "DATA_MISSING"),
        (["--conditions", "zero_shot", "--texts", str(texts)], "DATA_MISSING"),
        (["--conditions", "best", "--list", listed], "CONDITION_UNKNOWN"),
        (["--conditions", "--list", listed, "--texts", str(texts)], "USAGE"),
        ([str(tmp_path / "clips"), "--list", listed, "--predictor", "mos.onnx"], "USAGE"),
    ]
    for words, code in cases:
        assert main(["evaluate", *words, "--output", str(tmp_path / "out")]) == 2
        line = capsys.readouterr().err
        assert f"[{code}]" in line and line.count("\n") == 1, line
    assert not (tmp_path / "out").exists()
