"""The verdict in the course of a fine-tuning, at tiny size: what is written, handed out, kept back and not loaded."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsv_lab.cli import main
from gsv_lab.corpora.readers import Clip
from gsv_lab.errors import LabError
from gsv_lab.extensions.phone_recogniser import PhoneRecogniser
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from gsv_lab.training.finetuning import run
from gsv_lab.training.log_writer import LogWriter
from gsv_lab.training.verdict import judgement, judging, texts
from gsv_lab.training.verdict.clips import Measured
from gsv_lab.training.verdict.page import HTML, JSON
from small_voices import tuned, write_clips
from tiny import make_family

WOBBLE = np.tile([0.01, -0.01], 3)
GENTLE: dict[str, Any] = {"verdict": True, "learning_rate": 1e-9}
"""So slow that all steps speak alike and none does harm."""


@pytest.fixture(scope="module", autouse=True)
def quick() -> Iterator[None]:
    """Without pictures of the training, and with few texts."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(LogWriter, "figure", lambda *_: None)
        for language, sentences in texts.OWN.items():
            patched.setitem(texts.OWN, language, sentences[3:4])
        yield


@pytest.fixture(scope="module")
def lab(tmp_path_factory: pytest.TempPathFactory) -> Lab:
    folder = make_family(tmp_path_factory.mktemp("family"))
    for language in ("en", "zh"):  # nothing that could be loaded
        (folder / f"recogniser_{language}.safetensors").write_bytes(b"no network")
    return load(str(folder))


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_clips(tmp_path_factory.mktemp("clips") / "me", (2.5,) * 5)


def losses_fall(monkeypatch: pytest.MonkeyPatch, by: float) -> None:
    """Held-out losses that fall, or rise, by so much with each step."""
    fall = {0: 1 + 2 * WOBBLE, 2: 1 - by + WOBBLE, 4: 1 - 2 * by - WOBBLE}
    monkeypatch.setattr(judging, "held_out_losses", lambda recorded, candidate, stages: fall[candidate.step])


def measured(monkeypatch: pytest.MonkeyPatch, **bad: float) -> None:
    """Clips that are good but for the last one, or for all with `every`."""
    every = bad.pop("every", 0)

    def measure(_: Any, clips: list[Clip], people: bool) -> list[Measured]:
        assert not people  # nobody has measured distances of tiny networks
        good = {"seconds": 2.5, "speech": 2.5, "snr_db": 40.0, "clipping": 0.0, "text_margin": 3.0}
        return [Measured(clip.id, **{**good, **(bad if every or clip is clips[-1] else {})}) for clip in clips]

    monkeypatch.setattr(judgement, "measure", measure)


@pytest.fixture
def trained_before(lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run that was judged and found no better than the untuned voice."""
    measured(monkeypatch)
    losses_fall(monkeypatch, -0.1)
    with pytest.raises(LabError, match="No voice is handed out: zero-shot is as good") as caught:
        tuned(lab, clips, tmp_path / "run", **GENTLE)
    assert caught.value.code == "FINETUNE_NOT_BETTER" and str(tmp_path / "run" / HTML) in str(caught.value)
    monkeypatch.setattr(run, "fit", lambda *_, **__: pytest.fail("trained again"))
    return tmp_path / "run"


def test_the_chosen_step_becomes_the_voice(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch)
    losses_fall(monkeypatch, 0.1)
    lines: list[str] = []
    voice = tuned(lab, clips, tmp_path / "run", say=lines.append, **GENTLE)
    assert voice.settings["steps"] == 4 and voice.settings["held_out_loss"] == pytest.approx(0.8)
    kept = voice.settings["verdict"]
    assert kept["words"] == "use step 4" and kept["step"] == 4 and kept["findings"] == []
    assert kept["differences"]["held_out"][0] == pytest.approx(-0.2)
    assert any(line.startswith("verdict: use step 4") for line in lines)
    again = Voice.load(voice.save(tmp_path / "v.safetensors"))
    assert again.settings["verdict"] == kept
    check_files(tmp_path / "run")


def check_files(folder: Path) -> None:
    """Page and JSON of that run say what was found."""
    told = json.loads((folder / JSON).read_text(encoding="utf-8"))
    assert told["verdict"] == "use step 4" and [one["step"] for one in told["steps"]] == [0, 2, 4]
    names = {"held_out", "similarity", "phone_error", "forgetting", "alignment", "wrong_words", "copied"}
    assert set(told["steps"][1]["differences"]) == names and told["seeds"] == [0, 1]
    assert [text["held_out"] for text in told["texts"]] == [True, False, False]
    page = (folder / HTML).read_text(encoding="utf-8")
    assert page.count("<audio") == 2 and page.count("data:audio/flac") == 2 and "data:image/png" in page
    assert "http://" not in page and "https://" not in page and "Use step 4." in page
    assert "Nobody has measured other people" in page  # tiny-1 has no reference


def test_what_is_not_better_is_kept_back_until_it_is_asked_for(lab: Lab, clips: Path, trained_before: Path) -> None:
    anyway = tuned(lab, clips, trained_before, anyway=True, **GENTLE)
    assert anyway.settings["steps"] == 2  # the best of the tuned ones
    assert anyway.settings["verdict"]["words"].startswith("zero-shot is as good")
    untuned = tuned(lab, clips, trained_before, untuned=True, **GENTLE)
    assert untuned.settings["steps"] == 0 and not untuned.tuned


def test_recordings_that_are_too_poor_are_not_tuned_on(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, snr_db=3.0, every=1)
    with monkeypatch.context() as patched:
        patched.setattr(run, "fit", lambda *_, **__: pytest.fail("trained"))
        with pytest.raises(LabError, match=r"too poor \(DATA_NOISY\): noise is too near .* 5 of 5 clips") as caught:
            tuned(lab, clips, tmp_path / "run", **GENTLE)
    assert caught.value.code == "DATA_TOO_POOR"
    told = json.loads((tmp_path / "run" / JSON).read_text(encoding="utf-8"))
    assert told["verdict"].startswith("the data is too poor: noise") and "steps" not in told
    assert told["data"]["findings"][0]["source"] and told["data"]["findings"][0]["threshold"] == 15.0
    assert "DATA_NOISY" in (tmp_path / "run" / HTML).read_text(encoding="utf-8")
    losses_fall(monkeypatch, 0.1)
    voice = tuned(lab, clips, tmp_path / "run", anyway=True, **GENTLE)
    assert voice.settings["verdict"]["words"].startswith("the data is too poor: ") and len(voice.tuned_on) == 5


def test_a_bad_clip_is_left_out_of_the_training(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    measured(monkeypatch, text_margin=0.0)
    losses_fall(monkeypatch, 0.1)
    with pytest.warns(UserWarning, match="left out: c4.wav: DATA_TEXT"):
        voice = tuned(lab, clips, tmp_path / "run", **GENTLE)
    assert len(voice.tuned_on) == 4 and voice.settings["verdict"]["findings"] == ["DATA_TEXT"]
    told = json.loads((tmp_path / "run" / "finetune.json").read_text(encoding="utf-8"))
    assert told["left_out"][0]["path"] == "c4.wav"
    assert "left out" in (tmp_path / "run" / HTML).read_text(encoding="utf-8")


def test_terms_are_told_apart(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In the verdict, by file of the command; without a verdict nobody would hear them."""
    measured(monkeypatch)
    losses_fall(monkeypatch, 0.1)
    terms = tmp_path / "terms.txt"
    terms.write_text("superposition\n\n  entanglement\n", encoding="utf-8")
    often = tmp_path / "often.yaml"
    often.write_text("trainer: {checkpoint_every: 2, validate_every: 1000}", encoding="utf-8")
    command = ["finetune", str(clips), "--model", str(lab.family.folder), "--output", str(tmp_path / "v.safetensors")]
    command += [
        "--run-folder",
        str(tmp_path / "run"),
        "--steps",
        "2",
        "--learning-rate",
        "1e-9",
        "--config",
        str(often),
    ]
    assert main([*command, "--terms", str(terms)]) == 0
    told = json.loads((tmp_path / "run" / JSON).read_text(encoding="utf-8"))
    assert [text["text"] for text in told["texts"] if text["term"]] == ["superposition", "entanglement"]
    assert "terms" in told["steps"][1]["differences"] and "terms" in told["rule"]
    assert "wrong phones, terms" in (tmp_path / "run" / HTML).read_text(encoding="utf-8")
    terms.write_text("\n", encoding="utf-8")
    for more, code in ((["--terms", str(terms)], "TEXT_FILE"), (["--terms", str(tmp_path / "none")], "TEXT_FILE")):
        assert main([*command, *more]) == 2 and f"[{code}]" in capsys.readouterr().err
    with pytest.raises(LabError) as caught:
        tuned(lab, clips, tmp_path / "other", terms=["superposition"], verdict=False)
    assert caught.value.code == "CONFIG_INCONSISTENT" and not (tmp_path / "other").exists()


def test_nothing_that_evaluates_is_loaded(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The family's recognisers are no files that could be loaded, and nobody may make a recogniser at all."""
    for package in ("faster_whisper", "ctranslate2", "pocketsphinx", "resemblyzer", "speechmos", "onnxruntime"):
        monkeypatch.setitem(sys.modules, package, None)
    monkeypatch.setattr(PhoneRecogniser, "__init__", lambda *_, **__: pytest.fail("a recogniser was made"))
    voice = tuned(lab, clips, tmp_path / "run", anyway=True, **GENTLE)
    assert "alignment" in voice.settings["verdict"]["differences"]


def test_the_command_ends_with_one_and_writes_no_voice(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    measured(monkeypatch)
    losses_fall(monkeypatch, -0.1)
    output = tmp_path / "v.safetensors"
    often = tmp_path / "often.yaml"
    often.write_text("trainer: {checkpoint_every: 2, validate_every: 1000}", encoding="utf-8")
    command = ["finetune", str(clips), "--model", str(lab.family.folder), "--output", str(output), "--device", "cpu"]
    command += [
        "--run-folder",
        str(tmp_path / "run"),
        "--steps",
        "4",
        "--learning-rate",
        "1e-9",
        "--config",
        str(often),
    ]
    assert main(command) == 1 and not output.exists()
    assert capsys.readouterr().err.splitlines()[-1].endswith("[FINETUNE_NOT_BETTER]")
    assert main([*command, "--or-untuned"]) == 0 and Voice.load(output).settings["steps"] == 0
    assert main([*command, "--anyway"]) == 0 and Voice.load(output).settings["steps"] == 2
    measured(monkeypatch, snr_db=3.0, every=1)
    assert main(command) == 1
    assert capsys.readouterr().err.splitlines()[-1].endswith("[DATA_TOO_POOR]")
