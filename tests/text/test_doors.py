"""`clone`, `speak` and `prepare` take a dictionary, and name what they leave out as Python does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from gsv_lab import audio
from gsv_lab.cli import main
from gsv_lab.corpora import prepare_slices as cutting
from gsv_lab.corpora.prepare import prepare
from gsv_lab.inference.voice import Voice
from gsv_lab.text import phonemize
from tiny import make_family

TEXT = "Hello § gsv, and ☃ too."


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_family(tmp_path_factory.mktemp("family")))


@pytest.fixture
def lexicon(tmp_path: Path) -> Path:
    path = tmp_path / "my.txt"
    path.write_text("gsv\tZH IY1\n", encoding="utf-8")
    return path


def test_clone_and_speak(
    model: str, sample: Path, lexicon: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voice, wave = tmp_path / "v.safetensors", tmp_path / "o.wav"
    shared = ["--model", model, "--lexicon", str(lexicon)]
    assert main(["clone", str(sample), "--output", str(voice), *shared]) == 0
    assert Voice.load(voice).lexicon == {"gsv": "ZH IY1"}
    capsys.readouterr()
    speak = ["speak", "--voice", str(voice), "--text", TEXT, "--output", str(wave), "--quiet", "--model", model]
    assert main([*speak, "--candidates", "1"]) == 0
    notes = [line.removeprefix("note: ") for line in capsys.readouterr().err.splitlines() if "Left out" in line]
    assert notes == [warning for warning in phonemize(TEXT, lexicon=lexicon).warnings if "Left out" in warning]
    assert len(notes) == 2


@pytest.mark.parametrize("command", ["clone", "speak", "prepare"])
def test_a_wrong_dictionary_is_one_line(
    command: str, model: str, sample: Path, lexicon: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    lexicon.write_text("gsv\tZH IY1\nGSV\tZH IY1\n", encoding="utf-8")
    made = tmp_path / {"clone": "made.safetensors", "speak": "made.wav", "prepare": "made"}[command]
    given = {
        "clone": ["clone", str(sample), "--output", str(made)],
        "speak": ["speak", "--reference", str(sample), "--text", "Hello.", "--output", str(made)],
        "prepare": ["prepare", str(sample), "--output", str(made)],
    }[command]
    assert main([*given, "--model", model, "--lexicon", str(lexicon)]) == 2
    said = [line for line in capsys.readouterr().err.splitlines() if line and not line.startswith("note: Clone only")]
    lines = [line for line in said if not line.startswith("recordings:")]
    assert len(lines) == 1
    assert "my.txt, line 2: 'GSV' stands in line 1 already" in lines[0]
    assert "[DICTIONARY]" in lines[0]
    assert not made.exists()


def test_prepare_names_what_a_text_loses(tmp_path: Path, lexicon: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rate = 16_000
    sound = torch.randn(4 * rate, generator=torch.Generator().manual_seed(0)) * 0.1
    silence = torch.zeros(rate // 2)
    path = audio.write(tmp_path / "a.wav", torch.cat([silence, sound, silence]), rate)
    monkeypatch.setattr(cutting, "speech_spans", lambda *_, **__: [cutting.Span(rate // 2, rate // 2 + 4 * rate)])
    (tmp_path / "list.txt").write_text(f"{path.name}|me|en|{TEXT}\n", encoding="utf-8")
    made = prepare([], tmp_path / "out", list_file=tmp_path / "list.txt", lexicon=lexicon)
    wanted = [f"TEXT: {warning}" for warning in phonemize(TEXT, "en", lexicon=lexicon).warnings]
    assert wanted
    assert [note for note in made.files[0].notes if note.startswith("TEXT")] == wanted
    assert all(warning in str(made) for warning in wanted)
    report = json.loads((tmp_path / "out" / "report.json").read_text(encoding="utf-8"))
    assert "ZH" not in report["slices"][0]["missing"]
    assert "ZH" in prepare([], tmp_path / "out", list_file=tmp_path / "list.txt").slices[0].missing
