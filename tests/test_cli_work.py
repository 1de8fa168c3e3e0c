"""What the command line does with its options: they arrive, destinations come first, and Ctrl-C says what is true."""

from __future__ import annotations

import json
import os
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from gsv_lab import audio
from gsv_lab.cli import main
from gsv_lab.inference.voice import Voice
from tiny import make_family


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_family(tmp_path_factory.mktemp("family")))


@pytest.fixture(scope="module")
def voice(model: str, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("voice") / "v.safetensors"
    assert main(["clone", str(sample), "--output", str(path), "--consent", "a machine", "--model", model]) == 0
    return path


@pytest.fixture(scope="module")
def prepared(model: str, sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("prepared") / "p"
    assert main(["prepare", str(sample), "--output", str(folder), "--model", model]) == 0
    return folder


def spoken(model: str, voice: Path, path: Path, *options: str) -> Any:
    arguments = ["speak", "--voice", str(voice), "--text", "Hello world.", "--output", str(path), "--quiet"]
    assert main([*arguments, "--model", model, *options]) == 0
    return audio.read(path).samples, audio.read_mark(path)


def test_seed_and_speed_reach_the_sound(model: str, voice: Path, tmp_path: Path) -> None:
    alone = ("--candidates", "1")  # others could be drawn and chosen at another speed
    wave, mark = spoken(model, voice, tmp_path / "a.wav", *alone, "--seed", "1")
    again, _ = spoken(model, voice, tmp_path / "b.wav", *alone, "--seed", "1")
    other, _ = spoken(model, voice, tmp_path / "c.wav", *alone, "--seed", "2")
    fast, hurried = spoken(model, voice, tmp_path / "d.wav", *alone, "--seed", "1", "--speed", "2")
    assert wave.equal(again)
    assert wave.shape != other.shape or not wave.equal(other)
    assert 0.3 * len(wave) < len(fast) < 0.7 * len(wave)
    assert mark.settings["speed"] == 1.0 and hurried.settings["speed"] == 2.0


def test_consent_reaches_every_voice(
    model: str, voice: Path, prepared: Path, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Voice.load(voice).consent == "a machine"
    tuned = tmp_path / "t.safetensors"
    arguments = ["finetune", str(prepared), "--output", str(tuned), "--consent", "she did", "--model", model]
    assert main([*arguments, "--steps", "1", "--max-seconds", "16", "--no-verdict"]) == 0
    made = Voice.load(tuned)
    assert made.consent == "she did" and 10 < made.settings["seconds"] <= 16
    asked = []
    monkeypatch.setattr("gsv_lab.cli.demo.demo", lambda *given: asked.append(given) or Path("report.html"))
    assert main(["demo", "--recording", str(sample), "--consent", "he did", "--steps", "7"]) == 0
    assert asked[0][-2:] == ("he did", 7)


def test_the_steps_that_were_asked_for_count(
    model: str, prepared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fewer steps than lie between two checkpoints are measured all the same; if they made it worse, that is said."""
    from gsv_lab.training.finetuning import candidates

    arguments = ["finetune", str(prepared), "--output", str(tmp_path / "v.safetensors"), "--model", model]
    arguments += ["--no-verdict", "--max-seconds", "16", "--run-folder", str(tmp_path / "run")]
    monkeypatch.setattr(candidates, "held_out_loss", lambda recorded, candidate, stages: 1.0 - candidate.step)
    assert main([*arguments, "--steps", "2"]) == 0
    made = Voice.load(tmp_path / "v.safetensors")
    assert made.settings["steps"] == 2 and made.changed
    assert "FINETUNE_UNCHANGED" not in capsys.readouterr().err
    monkeypatch.setattr(candidates, "held_out_loss", lambda recorded, candidate, stages: 1.0 + candidate.step)
    assert main([*arguments, "--steps", "2"]) == 0
    assert Voice.load(tmp_path / "v.safetensors").settings["steps"] == 0
    assert "none of 2 steps made the held-out recordings better" in capsys.readouterr().err


FILES = {
    "clone": (["clone", "SAMPLE"], ".safetensors", "gsv_lab.inference.lab.load"),
    "finetune": (["finetune", "."], ".safetensors", "gsv_lab.inference.lab.load"),
    "speak": (["speak", "--reference", "SAMPLE", "--text", "Hi."], ".wav", "gsv_lab.inference.lab.load"),
    "import": (["weights", "import", "x.pth"], ".safetensors", "gsv_lab.released.importer._convert"),
    "export": (["weights", "export", "x.safetensors"], ".pth", "gsv_lab.released.exporter.export_reference"),
    "bench": (["bench"], ".json", "gsv_lab.evaluation.bench.bench"),
}
FOLDERS = {
    "prepare": (["prepare", "SAMPLE"], "gsv_lab.inference.lab.load"),
    "demo": (["demo", "--recording", "SAMPLE"], "gsv_lab.cli.demo.load"),
    "fit": (["fit", "--config", "configs/synthetic/content.yaml"], "gsv_lab.training.fit.fit"),
    "family": (["fit", "--family", "configs/nano", "--corpus", "."], "gsv_lab.training.stages.train_family"),
    "store": (["store", "list.txt", "--family", "v2"], "gsv_lab.corpora.released_store.make_store"),
    "evaluate": (["evaluate", ".", "--list", "list.csv"], "gsv_lab.evaluation.lists.read_list"),
    "intervene": (
        ["intervene", "--config", "configs/interventions/prior_mean.yaml"], "gsv_lab.inference.lab.load",
    ),
    "disentangle": (["disentangle", "--speech", "."], "gsv_lab.inference.lab.load"),
    "check": (["released", "check", "."], "gsv_lab.released.check.check"),
}  # fmt: skip


class Begun(AssertionError):
    """Work began before its destination was looked at."""


def refused(arguments: list[str], worker: str, sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def began(*_: Any, **__: Any) -> None:
        raise Begun(worker)

    monkeypatch.setattr(worker, began)
    assert main([str(sample) if a == "SAMPLE" else a for a in arguments]) == 2


@pytest.mark.parametrize("verb", FILES)
def test_a_file_that_cannot_be_written_is_refused_before_any_work(
    verb: str, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, suffix, worker = FILES[verb]
    Path(f"folder{suffix}").mkdir()
    Path("file").touch()
    os.mkfifo(f"pipe{suffix}")
    before = sorted(tmp_path.rglob("*"))
    names = [f"nowhere/o{suffix}", f"folder{suffix}", f"pipe{suffix}", "o" * 300 + suffix, "语" * 90 + suffix]
    names += [f"file/o{suffix}", f"a\0b{suffix}"] + (["o.mp3", "o"] if suffix != ".json" else [])
    for name in names:
        refused([*arguments, "--output", name], worker, sample, monkeypatch)
        line = capsys.readouterr().err
        assert line.count("\n") == 1 and line.startswith("error: "), (name, line)
        assert any(code in line for code in ("SAVE_FAILED", "OUTPUT_NAME", "AUDIO_FORMAT")), (name, line)
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("verb", FOLDERS)
def test_a_folder_that_cannot_be_written_is_refused_before_any_work(
    verb: str, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    arguments, worker = FOLDERS[verb]
    Path("file").touch()
    Path("full").mkdir()
    (Path("full") / "mine.txt").touch()
    before = sorted(tmp_path.rglob("*"))
    names = ["file", "file/below", "o" * 300, "语" * 90 + "/o", "a\0b"]
    names += ["full"] if verb in ("prepare", "demo", "intervene", "disentangle") else []
    for name in names:
        refused([*arguments, "--output", name], worker, sample, monkeypatch)
        line = capsys.readouterr().err
        assert line.count("\n") == 1 and ("SAVE_FAILED" in line or "OUTPUT_EXISTS" in line), (name, line)
    assert sorted(tmp_path.rglob("*")) == before


def test_long_names_that_a_file_system_takes_are_written(model: str, voice: Path, tmp_path: Path) -> None:
    """The hidden name that a file has while it is written is no longer than its own."""
    for stem in ("o" * 251, "语" * 83 + "oo"):
        wave, _ = spoken(model, voice, tmp_path / f"{stem}.wav")
        assert len(wave)


STOPPED = {
    "speak": ("gsv_lab.inference.lab.load", [*FILES["speak"][0], "--output", "o.wav"], "nothing was written"),
    "finetune": ("gsv_lab.inference.lab.load", ["finetune", ".", "--output", "v.safetensors"], "no voice was written"),
    "prepare": ("gsv_lab.inference.lab.load", ["prepare", "SAMPLE", "--output", "p"], "nothing was written"),
    "demo": ("gsv_lab.cli.demo.load", ["demo"], "nothing was written"),
    "fit": (FOLDERS["fit"][1], FOLDERS["fit"][0], "the same command goes on from there, or begins where nothing was"),
    "store": (FOLDERS["store"][1], [*FOLDERS["store"][0], "--output", "s"], "what was made is kept"),
    "evaluate": (FOLDERS["evaluate"][1], FOLDERS["evaluate"][0], "what was measured is kept"),
    "get": ("gsv_lab.released.download.download", ["weights", "get", "v2"], "whole files are kept"),
}


@pytest.mark.parametrize("verb", STOPPED)
def test_ctrl_c_says_what_is_true(
    verb: str, sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    worker, arguments, words = STOPPED[verb]

    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(worker, stop)
    assert main([str(sample) if a == "SAMPLE" else a for a in arguments]) == 130
    line = capsys.readouterr().err
    assert line.startswith("interrupted; ") and words in line and line.count("\n") == 1
    assert not list(tmp_path.iterdir())


SMALL = ["trainer.max_batches=4", "trainer.validate_every=4", "trainer.device=cpu", "trainer.precision=32",
         "data.init_args.corpus.init_args.n_clips=40", "data.init_args.batch_seconds=4"]  # fmt: skip


def test_a_finished_run_stays_finished_and_one_that_is_stopped_says_where(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """In a folder without the repository, by the name of a shipped configuration."""
    from gsv_lab.training import callbacks
    from gsv_lab.training.run_state import StateFile

    monkeypatch.chdir(tmp_path)
    command = ["fit", "--config", "configs/synthetic/content.yaml", "--output", "run", *SMALL]
    end = callbacks.Budget.on_train_batch_end

    def interrupted(self: Any, trainer: Any, task: Any, *rest: Any) -> None:
        end(self, trainer, task, *rest)
        if self.batches == 2:
            os.kill(os.getpid(), 2)

    with monkeypatch.context() as patched:
        patched.setattr(callbacks.Budget, "on_train_batch_end", interrupted)
        assert main(command) == 130
    assert "interrupted; the training is saved after batch 2; the same command goes on there" in capsys.readouterr().err
    assert main(command) == 0
    said = capsys.readouterr()
    assert "finished already" not in said.out and "4/4" in said.err.replace(" ", "")
    state = StateFile(tmp_path / "run" / "state.ckpt").read()["global_step"]
    assert main(command) == 0
    assert "the run is finished already, after 4 batches; nothing was trained" in capsys.readouterr().out
    assert StateFile(tmp_path / "run" / "state.ckpt").read()["global_step"] == state


def test_settings_may_stand_between_options(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[dict[str, Any]] = []
    answer = SimpleNamespace(weights={})
    monkeypatch.setattr("gsv_lab.training.fit.fit", lambda experiment, *_, **__: seen.append(experiment) or answer)
    command = ["fit", "--config", "configs/synthetic/content.yaml", "trainer.max_batches=7", "--output"]
    assert main([*command, str(tmp_path / "run"), "seed=3"]) == 0
    assert seen[0]["trainer"]["max_batches"] == 7 and seen[0]["seed"] == 3


@pytest.mark.parametrize(
    "option", ["--batches 40", "--seeds 0 1", "--grid no_flow", "--resources num_gpus=1", "--dry-run"]
)
def test_settings_may_follow_an_option_of_several_words(option: str, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[dict[str, Any]] = []
    answer = SimpleNamespace(table=[], folder=Path(), failed=[])
    for name in ("ablate", "planned"):
        monkeypatch.setattr(f"gsv_lab.evaluation.grids.run.{name}", lambda *_, **more: seen.append(more) or answer)
    monkeypatch.setattr("gsv_lab.evaluation.grids.run.forecast_of", lambda *_: None)
    monkeypatch.setattr("gsv_lab.cli.ablate._show", lambda *_: None)
    assert main(["ablate", "--base", "x.yaml", *option.split(), "task.init_args.warm_up=5", "a.b.c=a=b"]) == 0
    assert seen[0]["overrides"] == ["task.init_args.warm_up=5", "a.b.c=a=b"]


def test_prepare_shows_how_far_it_is(model: str, prepared: Path, sample: Path, capsys: Any, tmp_path: Path) -> None:
    assert main(["prepare", str(sample), "--output", str(tmp_path / "p"), "--model", model]) == 0
    assert "recordings: 100%" in capsys.readouterr().err


ALONE = (
    "--LabApp.default_url=/lab/tree/index.ipynb",
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
    "--LabApp.news_url=None",
)


def opened(arguments: list[str], monkeypatch: pytest.MonkeyPatch, user: int = 1000) -> list[str]:
    given: list[list[str]] = []
    monkeypatch.setattr("jupyterlab.labapp.main", given.append)
    monkeypatch.setattr(os, "geteuid", lambda: user)
    assert main(["open", *arguments]) == 0
    return given[0]


def test_open_copies_what_is_missing_and_keeps_what_is_edited(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    options = opened(["--folder", "mine", "--no-browser", "--port", "9000", "--ServerApp.token=x"], monkeypatch)
    assert options == [
        "--notebook-dir=mine",
        "--port=9000",
        "--ip=127.0.0.1",
        *ALONE,
        "--no-browser",
        "--ServerApp.token=x",
    ]
    names = sorted(path.name for path in Path("mine").glob("*.ipynb"))
    assert names[0] == "00_hear_it.ipynb" and names[-1] == "index.ipynb" and len(names) > 9
    assert all("cells" in json.loads((Path("mine") / name).read_text("utf-8")) for name in names)
    edited = Path("mine") / names[1]
    edited.write_text("mine", encoding="utf-8")
    (Path("mine") / names[2]).unlink()
    capsys.readouterr()
    opened(["--folder", "mine"], monkeypatch)
    assert edited.read_text("utf-8") == "mine" and (Path("mine") / names[2]).is_file()
    said = capsys.readouterr().err
    assert f"your own versions were kept: {names[1]}\n" in said and "root" not in said


def test_open_works_as_root_with_a_word_of_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    options = opened([], monkeypatch, user=0)
    # Never the tracked files of a checkout: JupyterLab saves by itself.
    assert "--allow-root" in options and f"--notebook-dir={tmp_path / 'gsv_lab_course'}" in options
    assert "runs as root" in capsys.readouterr().err
    assert opened(["--allow-root"], monkeypatch, user=0).count("--allow-root") == 1
