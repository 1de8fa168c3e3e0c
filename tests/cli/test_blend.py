"""`gsv-lab blend`: a voice file from others, or a table of the path; what cannot be is one line."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile
import torch

from gsv_lab.cli import main
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from tiny import make_family
from tuned_voices import a_voice, adapted


@pytest.fixture(scope="module")
def ground(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A family, two voices and recordings of two people."""
    folder = tmp_path_factory.mktemp("ground")
    lab: Lab = load(str(make_family(folder / "family")))
    a_voice(lab, "one", seed=1).save(folder / "one.safetensors")
    adapted(a_voice(lab, "two", seed=2), lab, seed=2).save(folder / "two.safetensors")
    for person in ("A", "B"):
        (folder / person).mkdir()
        for number in range(2):
            soundfile.write(folder / person / f"{number}.wav", torch.randn(8000).numpy() * 0.1, 16000)
    return folder


def command(ground: Path, *more: object) -> list[str]:
    voices = [ground / "one.safetensors", ground / "two.safetensors"]
    return ["blend", *map(str, [*voices, "--model", ground / "family", *more])]


def test_a_voice_file_is_written(ground: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    output = tmp_path / "both.safetensors"
    assert main(command(ground, "--weights", 0.3, 0.7, "--name", "both", "--output", output)) == 0
    made, one, two = (Voice.load(path) for path in (output, ground / "one.safetensors", ground / "two.safetensors"))
    assert made.name == "both" and made.settings["blend"] == [["one", 0.3], ["two adapted", 0.7]]
    torch.testing.assert_close(made.speaker, 0.3 * one.speaker + 0.7 * two.speaker, rtol=2e-3, atol=2e-3)
    assert str(output) in capsys.readouterr().out
    assert main(["info", str(output)]) == 0
    said = capsys.readouterr().out
    assert "consent: one: none noted; two adapted: none noted" in said and "setting blend: " in said
    speak = ["speak", "--voice", str(output), "--text", "We walk.", "--model", str(ground / "family")]
    assert main([*speak, "--output", str(tmp_path / "out.wav")]) == 0


def test_a_path_is_a_table(ground: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(command(ground, "--path", ground / "A", ground / "B", "--text", "We walk.")) == 0
    lines = capsys.readouterr().out.strip().split("\n")
    assert [line.split()[0] for line in lines] == ["share", "0.00", "0.25", "0.50", "0.75", "1.00", "natural", "of"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "one of --output and --path. [USAGE]"),
        (["--output", "x.safetensors", "--path", "A", "B"], "one of --output and --path. [USAGE]"),
        (["--output", "x.safetensors", "--weights", "1"], "1 weights for 2 voices"),
        (["--output", "x.safetensors", "--weights", "0", "1"], "0 is not a number above 0"),
        (["--output", "x.safetensors", "--weights", "nan", "1"], "nan is not a number above 0"),
        (["--output", "x.wav"], "[OUTPUT_"),
        (["--path", "A", "B", "--weights", "1", "2"], "no --weights. [USAGE]"),
        (["--path", "A", "nowhere"], "'nowhere' holds no sound files"),
    ],
)
def test_what_cannot_be_is_one_line(
    ground: Path, more: list[str], said: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(ground)
    assert main(command(ground, *more)) == 2
    error = capsys.readouterr().err
    assert said in error and "Traceback" not in error and not (ground / "x.safetensors").exists()


def test_voices_of_another_base_are_refused(ground: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = make_family(tmp_path / "other", seed=1)
    arguments = [str(ground / "one.safetensors"), str(ground / "two.safetensors"), "--model", str(other)]
    assert main(["blend", *arguments, "--output", str(tmp_path / "x.safetensors")]) == 2
    assert "[CKPT_PARENT_MISMATCH]" in capsys.readouterr().err and not (tmp_path / "x.safetensors").exists()
