"""The command line: the whole path at tiny size, and one clear line with exit code 2 for every mistake."""

from __future__ import annotations

from pathlib import Path

import pytest
import soundfile

from gsv_lab import audio
from gsv_lab.cli import main
from tiny import make_family


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_family(tmp_path_factory.mktemp("family")))


def test_clone_speak_info(model: str, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voice, wave = tmp_path / "voice.safetensors", tmp_path / "out.wav"
    clone = ["clone", str(sample), str(sample), "--output", str(voice), "--consent", "made by a machine"]
    assert main([*clone, "--model", model]) == 0
    assert (
        main(
            [
                "speak",
                "--voice",
                str(voice),
                "--text",
                "Hello world.",
                "--output",
                str(wave),
                "--model",
                model,
                "--quiet",
            ]
        )
        == 0
    )
    assert audio.read(wave).seconds > 0.1
    capsys.readouterr()
    assert main(["info", str(voice)]) == 0
    assert "consent: made by a machine" in capsys.readouterr().out
    assert main(["info", str(wave)]) == 0
    assert "synthetic: yes" in capsys.readouterr().out
    assert main(["info", f"{model}/sovits.safetensors"]) == 0
    assert "class: gsv_lab.nn.sovits.SoVITS" in capsys.readouterr().out


def test_prepare_finetune(model: str, sample: Path, tmp_path: Path) -> None:
    assert main(["prepare", str(sample), "--output", str(tmp_path / "p"), "--model", model]) == 0
    arguments = [
        "finetune",
        str(tmp_path / "p"),
        "--output",
        str(tmp_path / "v.safetensors"),
        "--steps",
        "2",
        "--max-seconds",
        "16",
    ]
    assert main([*arguments, "--model", model]) == 0


def test_demo_end_to_end(model: str, sample: Path, tmp_path: Path) -> None:
    arguments = ["demo", "--recording", str(sample), "--output", str(tmp_path / "demo"), "--steps", "2"]
    assert main([*arguments, "--model", model]) == 0
    report = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert report.count("<audio") == 9
    assert "http://" not in report
    assert "https://" not in report
    assert len(list((tmp_path / "demo").glob("*.wav"))) == 8
    assert (tmp_path / "demo" / "voice.safetensors").is_file()


def test_reading_script(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "--script", "en"]) == 0
    assert len(capsys.readouterr().out.split()) > 100


MISTAKES = {
    "no such recording": ["clone", "nowhere.wav", "--output", "v.safetensors"],
    "text as recording": ["clone", "note.wav", "--output", "v.safetensors"],
    "empty text": ["speak", "--reference", "SAMPLE", "--text", " ", "--output", "o.wav"],
    "emoji only": ["speak", "--reference", "SAMPLE", "--text", "😀", "--output", "o.wav"],
    "missing output folder": ["speak", "--reference", "SAMPLE", "--text", "Hello.", "--output", "nowhere/o.wav"],
    "pickle as voice": ["speak", "--voice", "pickle.safetensors", "--text", "Hello.", "--output", "o.wav"],
    "missing text file": ["speak", "--reference", "SAMPLE", "--text-file", "no.txt", "--output", "o.wav"],
    "temperature": ["speak", "--reference", "SAMPLE", "--text", "Hello.", "--output", "o.wav", "--temperature", "-1"],
    "nothing to prepare": ["prepare", "--output", "p"],
    "empty folder": ["prepare", "empty", "--output", "p"],
    "demo on four seconds": ["demo", "--recording", "short.wav", "--output", "d"],
    "not prepared": ["finetune", "empty", "--output", "v.safetensors"],
    "unknown model": ["clone", "SAMPLE", "--output", "v.safetensors", "--model", "giant"],
    "unknown component": ["fit", "--config", "evil.yaml"],
}


@pytest.mark.parametrize("name", MISTAKES)
def test_mistakes(
    name: str,
    model: str,
    sample: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    import pickle

    monkeypatch.chdir(tmp_path)
    (tmp_path / "note.wav").write_text("I am a note.")
    (tmp_path / "pickle.safetensors").write_bytes(pickle.dumps({"a": 1}))
    (tmp_path / "empty").mkdir()
    samples, rate = soundfile.read(sample)
    soundfile.write(tmp_path / "short.wav", samples[: 9 * rate // 2], rate)
    (tmp_path / "evil.yaml").write_text(
        "name: x\ntask: {class_path: os.system, init_args: {command: 'touch sprung'}}\n"
    )
    before = sorted(p.name for p in tmp_path.rglob("*"))
    arguments = [str(sample) if a == "SAMPLE" else a for a in MISTAKES[name]]
    if "--model" not in arguments and arguments[0] != "fit":
        arguments += ["--model", model]
    assert main(arguments) == 2
    lines = [line for line in capsys.readouterr().err.splitlines() if line.startswith("error:")]
    assert len(lines) == 1
    assert "Traceback" not in lines[0]
    assert all(word in lines[0] for word in arguments if word == "short.wav")
    assert sorted(p.name for p in tmp_path.rglob("*")) == before


def test_unknown_language_is_refused(sample: Path) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["speak", "--reference", str(sample), "--text", "x", "--output", "o.wav", "--language", "xx"])
    assert caught.value.code == 2
