"""The command line: the whole path at tiny size, and one clear line with exit code 2 for every mistake."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile
import torch

from gsv_lab import audio
from gsv_lab.cli import main
from gsv_lab.system import registry
from gsv_lab.system.config import build
from gsv_lab.system.registry import load_parts
from tiny import SOVITS, make_family


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_family(tmp_path_factory.mktemp("family")))


def test_clone_speak_info(model: str, sample: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    voice, wave = tmp_path / "voice.safetensors", tmp_path / "out.wav"
    clone = ["clone", str(sample), str(sample), "--output", str(voice), "--consent", "made by a machine"]
    assert main([*clone, "--model", model]) == 0
    speak = ["speak", "--voice", str(voice), "--text", "Hello world.", "--output", str(wave), "--quiet"]
    assert main([*speak, "--model", model, "--candidates", "2"]) == 0
    assert audio.read(wave).seconds > 0.1
    capsys.readouterr()
    assert main(["info", str(voice)]) == 0
    assert "consent: made by a machine" in capsys.readouterr().out
    assert main(["info", str(wave)]) == 0
    assert "synthetic: yes" in capsys.readouterr().out
    assert main(["info", f"{model}/sovits.safetensors"]) == 0
    assert "class: gsv_lab.extensions.sovits.ExtendedSoVITS" in capsys.readouterr().out


def test_prepare_finetune(model: str, sample: Path, tmp_path: Path) -> None:
    assert main(["prepare", str(sample), "--output", str(tmp_path / "p"), "--model", model]) == 0
    arguments = ["finetune", str(tmp_path / "p"), "--output", str(tmp_path / "v.safetensors")]
    assert main([*arguments, "--steps", "2", "--max-seconds", "16", "--no-verdict", "--model", model]) == 0


def test_demo_end_to_end(model: str, sample: Path, tmp_path: Path) -> None:
    arguments = ["demo", "--recording", str(sample), "--output", str(tmp_path / "demo"), "--steps", "2"]
    assert main([*arguments, "--model", model]) == 0
    report = (tmp_path / "demo" / "report.html").read_text(encoding="utf-8")
    assert report.count("<audio") == 9
    assert "http://" not in report
    assert "https://" not in report
    assert len(list((tmp_path / "demo").glob("*.wav"))) == 8
    assert (tmp_path / "demo" / "voice.safetensors").is_file()


def test_a_noisy_recording_is_cloned_on_request(model: str, sample: Path, tmp_path: Path, capsys: Any) -> None:
    wave = audio.read(sample).samples[: 5 * 16000]
    noise = torch.randn(len(wave), generator=torch.Generator().manual_seed(0)) * wave.square().mean().sqrt()
    path = audio.write(tmp_path / "noisy.wav", wave + noise, 16000)
    arguments = ["clone", str(path), "--output", str(tmp_path / "v.safetensors"), "--model", model]
    assert main(arguments) == 2
    assert "AUDIO_NOISY" in (said := capsys.readouterr().err) and " dB" in said
    assert main([*arguments, "--anyway"]) == 0
    speak = ["speak", "--reference", str(path), "--text", "Hi.", "--output", str(tmp_path / "o.wav"), "--quiet"]
    assert main([*speak, "--model", model]) == 2 and "AUDIO_NOISY" in capsys.readouterr().err
    assert main([*speak, "--model", model, "--anyway"]) == 0


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
    "no place to prepare": ["prepare", "SAMPLE"],
    "no such Whisper model": ["prepare", "SAMPLE", "--output", "p", "--transcribe", "whisper-huge"],
    "no such parts": ["speak", "--reference", "SAMPLE", "--text", "Hello.", "--output", "o.wav", "--parts", "no.py"],
    "parts that register nothing": ["clone", "SAMPLE", "--output", "v.safetensors", "--parts", "no_parts_of_test.py"],
    "old option": ["speak", "--reference", "SAMPLE", "--text", "Hello.", "--output", "o.wav", "--takes", "2"],
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
    (tmp_path / "no_parts_of_test.py").write_text("class Free: pass\n")
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
    assert main(["speak", "--reference", str(sample), "--text", "x", "--output", "o.wav", "--language", "xx"]) == 2


FLOW = """
import gsv_lab
from gsv_lab.nn.flow import IdentityFlow


@gsv_lab.register
class Turned(IdentityFlow):
    def forward(self, z, mask, conditioning, inverse=False):
        return -z
"""


def test_a_model_with_a_part_of_ones_own(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its weights name the class; who loads them gives the file, else an error says so."""
    parts = tmp_path / "turned_parts_of_test.py"
    parts.write_text(FLOW)
    load_parts(parts)
    path = "turned_parts_of_test.Turned"
    # Classes of the same name that other tests have registered would be proposed in place of the file.
    monkeypatch.setattr(registry, "_REGISTERED", {path: registry._REGISTERED[path]})
    flow = {"class_path": path, "init_args": {"latent_dim": 8, "speaker_dim": 16}}
    arguments = {**SOVITS["init_args"], "flow": flow}
    family = make_family(tmp_path / "family", sovits={**SOVITS, "init_args": arguments})
    monkeypatch.delitem(registry._REGISTERED, path)
    monkeypatch.delitem(sys.modules, "turned_parts_of_test")
    wave = tmp_path / "o.wav"
    speak = ["speak", "--reference", str(sample), "--text", "Hello world.", "--output", str(wave), "--quiet"]
    assert main([*speak, "--model", str(family)]) == 2
    line = capsys.readouterr().err.splitlines()[-1]
    assert path in line and "--parts" in line and not wave.exists()
    assert main([*speak, "--model", str(family), "--parts", str(parts), "--parts", str(parts)]) == 0
    assert audio.read(wave).seconds > 0.1


CONFIGS = Path(__file__).resolve().parents[1] / "configs"
PART = "task.init_args.sovits.init_args"
MISFITS = {
    "sizes": ([f"{PART}.vocoder.init_args.latent_dim=7"], "prior.latent_dim is 64 but vocoder.latent_dim is 7"),
    "a need": (
        [f"{PART}.pitch_predictor=null"],
        "vocoder (SourceFilterVocoder) needs log_f0, and no part gives it. Expected a part that gives log_f0, "
        "for example gsv_lab.extensions.pitch_predictor.PitchPredictor.",
    ),
    "inside a part": ([f"{PART}.prior.init_args.heads=5"], "width is 144 and heads is 5."),
}


@pytest.mark.parametrize("name", MISFITS)
def test_parts_that_do_not_fit(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """One line with both sizes, or with the need and a part that gives it; nothing is written."""
    overrides, words = MISFITS[name]
    arguments = ["fit", "--config", str(CONFIGS / "nano" / "sovits.yaml"), "--output", str(tmp_path / "run")]
    assert main([*arguments, *overrides]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith(f"error: {words}") and lines[0].endswith("[CONFIG_INCONSISTENT]")
    assert not list(tmp_path.iterdir())


def test_parts_for_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
    """`fit --parts` makes the file's classes known before the configuration is read."""
    parts, config = tmp_path / "fitted_parts_of_test.py", tmp_path / "turned.yaml"
    parts.write_text(FLOW)
    arguments = "{latent_dim: '${sizes.latent}', speaker_dim: '${sizes.speaker}'}"
    config.write_text(f"{PART}.flow: {{class_path: fitted_parts_of_test.Turned, init_args: {arguments}}}\n")
    fitted: list[dict[str, Any]] = []

    def fit(experiment: dict[str, Any], folder: Path, **_: Any) -> SimpleNamespace:
        fitted.append(experiment)
        return SimpleNamespace(weights={"sovits": folder / "sovits.safetensors"})

    monkeypatch.setattr("gsv_lab.training.fit.fit", fit)
    command = ["fit", "--config", str(CONFIGS / "nano" / "sovits.yaml"), "--config", str(config)]
    assert main([*command, "--output", str(tmp_path / "run")]) == 2
    assert "'fitted_parts_of_test.Turned' is neither registered nor a component of gsv_lab" in capsys.readouterr().err
    assert main([*command, "--output", str(tmp_path / "run"), "--parts", str(parts)]) == 0
    flow = build(fitted[0]["task"]["init_args"]["sovits"]["init_args"]["flow"])
    assert type(flow).__name__ == "Turned" and flow.latent_dim == 64


def test_a_file_that_changes_nothing_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Before anything is built; the error that ends the command here comes after it."""
    idle = tmp_path / "idle.yaml"
    idle.write_text("sizes: {of_nobody: 3}\n")
    arguments = ["fit", "--config", str(CONFIGS / "nano" / "sovits.yaml"), "--config", str(idle)]
    assert main([*arguments, f"{PART}.vocoder.init_args.latent_dim=7", "--output", str(tmp_path / "run")]) == 2
    assert f"note: {idle} changes nothing" in capsys.readouterr().err


def test_commands_load_no_network_to_be_listed() -> None:
    code = "import sys, gsv_lab.cli; print({'torch', 'pytorch_lightning', 'jsonargparse'} & set(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "set()"
