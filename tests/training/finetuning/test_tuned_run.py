"""A fine-tuning from its folder to its voice: the same bits however often it is stopped, and nothing left about."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
import soundfile
import torch
from forked import exit_status

from gsv_lab.cli import main
from gsv_lab.corpora import voice_store
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.voice import Voice
from gsv_lab.system.folders import private_folder
from gsv_lab.training.finetuning import run
from gsv_lab.training.finetuning.tasks import TunedSoVITSTask
from gsv_lab.training.run_state import StateSaver
from gsv_lab.training.task import Task
from small_runs import contents
from small_voices import differing, tensors, tuned

pytestmark = pytest.mark.usefixtures("quick")
needs_fork = pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of this system do not fork")


@pytest.fixture(scope="module")
def straight(quick: None, lab: Lab, clips: Path, tmp_path_factory: pytest.TempPathFactory) -> Voice:
    """What comes of four steps that nobody stops."""
    return tuned(lab, clips, tmp_path_factory.mktemp("straight") / "run")


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A cache folder of this test."""
    monkeypatch.setenv("GSV_LAB_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def fatal(batch: int, stage: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """From now on, a process that comes to a batch of a stage is killed in the middle of it."""
    total = Task.total

    def killing(task: Task, losses: Any, what: str = "train", counts: Any = None) -> Any:
        if what == "train" and task.batches >= batch and stage in task.components():
            os.kill(os.getpid(), signal.SIGKILL)
        return total(task, losses, what, counts)

    monkeypatch.setattr(Task, "total", killing)


KILLED = {
    "full": ({}, [(1, "sovits"), (3, "sovits")]),
    "lora": ({"method": "lora"}, [(2, "sovits")]),
    "both": ({"stage": "both", "method": "lora"}, [(3, "sovits"), (2, "semantic_gpt")]),
}


@needs_fork
@pytest.mark.parametrize("how", [pytest.param("lora", marks=pytest.mark.slow), "full", "both"])
def test_killed_and_called_again_the_voice_is_the_same_bits(
    how: str, lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With two optimizers, in the middle of a batch, between two stages; checkpoints and all that comes of them."""
    settings, moments = KILLED[how]
    straight = tuned(lab, clips, tmp_path / "straight", **settings)
    for batch, stage in moments:
        with monkeypatch.context() as patched:
            fatal(batch, stage, patched)
            assert exit_status(lambda: tuned(lab, clips, tmp_path / "killed", **settings)) == -signal.SIGKILL
    again = tuned(lab, clips, tmp_path / "killed", **settings)
    assert again.settings == straight.settings and again.settings["steps"] == 4
    assert (straight.changed or straight.adapters) and differing(again, straight) == []
    for stage in straight.settings["learning_rate"]:
        one, two = (contents(tmp_path / name / stage / "checkpoints") for name in ("straight", "killed"))
        assert one == two and {name.split(os.sep)[0] for name in one} == {"000002", "000004"}


@needs_fork
def test_clips_that_were_packed_by_half_are_packed_anew(
    lab: Lab, clips: Path, straight: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """Wherever that was stopped; whole ones are not, by the call that goes on with the training."""

    def die(*_: Any) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    for step in ("add_codes", "add_content", "add_pitch"):
        with monkeypatch.context() as patched:
            patched.setattr(voice_store, step, die)
            assert exit_status(lambda: tuned(lab, clips, tmp_path / "run")) == -signal.SIGKILL
    (left,) = tmp_path.rglob("clips.json")
    packed: list[Path] = []
    store, pack = voice_store.ClipStore, voice_store.ClipStore.pack
    monkeypatch.setattr(store, "pack", lambda folder, *rest: packed.append(folder) or pack(folder, *rest))
    with monkeypatch.context() as patched:
        patched.setattr(run, "fit", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            tuned(lab, clips, tmp_path / "run")
    assert packed == [left.parent]
    again = tuned(lab, clips, tmp_path / "run")
    assert packed == [left.parent]
    assert differing(again, straight) == []


@needs_fork
def test_killed_once_the_state_of_a_checkpoint_is_saved_the_checkpoint_is_there(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The call that goes on begins behind it, and would never write it."""
    save = StateSaver.save

    def last(saver: StateSaver, trainer: Any, task: Task) -> None:
        save(saver, trainer, task)
        if task.batches == 1:  # the second one
            os.kill(os.getpid(), signal.SIGKILL)

    with monkeypatch.context() as patched:
        patched.setattr(StateSaver, "save", last)
        assert exit_status(lambda: tuned(lab, clips, tmp_path / "run")) == -signal.SIGKILL
    tuned(lab, clips, tmp_path / "run")
    assert {path.name for path in (tmp_path / "run" / "sovits" / "checkpoints").iterdir()} == {"000002", "000004"}


def test_the_seed_decides(lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over updates, windows and noise: the same one gives the same voice, whatever was drawn before."""
    windows: list[torch.Tensor] = []
    step = TunedSoVITSTask.training_step

    def seen(task: TunedSoVITSTask, batch: Any, number: int) -> None:
        if not task.batches:
            windows.append(batch.wave)
        step(task, batch, number)

    monkeypatch.setattr(TunedSoVITSTask, "training_step", seen)
    runs = {"a": 1, "b": 1, "c": 2}.items()
    how = {"method": "lora", "learning_rate": 0.01, "steps": 2}
    first, again, other = (tuned(lab, clips, tmp_path / name, seed=seed, **how) for name, seed in runs)
    assert first.adapters and differing(first, again) == []
    assert {*differing(first, other)} >= {"speaker", "hidden", "weights"}
    assert len(differing(first, other)) > len(tensors(first)) / 2
    assert torch.equal(windows[0], windows[1]) and not torch.equal(windows[0], windows[2])


def test_ctrl_c_says_where_it_stands_and_the_same_call_goes_on(
    lab: Lab, clips: Path, straight: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    total = Task.total
    asked: list[None] = []

    def interrupted(task: Task, losses: Any, stage: str = "train", counts: Any = None) -> Any:
        if stage == "train" and task.batches == 1 and not asked:
            asked.append(os.kill(os.getpid(), signal.SIGINT))
        return total(task, losses, stage, counts)

    monkeypatch.setattr(Task, "total", interrupted)
    with pytest.raises(KeyboardInterrupt, match="saved after batch 2; the same command goes on there"):
        tuned(lab, clips, tmp_path / "run")
    again = tuned(lab, clips, tmp_path / "run")
    assert differing(again, straight) == []


def sounds(folder: Path) -> set[str]:
    """Tags of the sounds in the event files below a folder."""
    from tensorboard.backend.event_processing.event_file_loader import EventFileLoader

    events = (event for path in folder.rglob("events.out.*") for event in EventFileLoader(str(path)).Load())
    return {value.tag for event in events for value in event.summary.value if "audio" in value.tag}


def holds(path: Path, samples: bytes) -> bool:
    return samples in path.read_bytes()


@needs_fork
def test_recordings_and_states_are_gone_once_the_voice_is_made(
    lab: Lab, clips: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """A killed run has them too, in a folder that nobody else may look into, which the next call finds or clears."""
    recorded = soundfile.read(clips / "c0.wav", dtype="int16")[0][8000:8200].tobytes()
    with monkeypatch.context() as patched:
        fatal(1, "sovits", patched)
        work = exit_status(lambda: tuned(lab, clips, tmp_path / "run"))
    assert work == -signal.SIGKILL and (tmp_path / "run" / "sovits" / "state.ckpt").is_file()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    (held,) = (path for path in files if holds(path, recorded))
    private = held.parents[2]
    assert private == cache / "private" and private.stat().st_mode & 0o077 == 0
    tuned(lab, clips, tmp_path / "run")
    with private_folder():
        pass
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert not [path for path in files if holds(path, recorded) or path.suffix == ".ckpt"]
    assert sounds(tmp_path / "run") == {"audio/resynthesis"}
    names = {path.relative_to(tmp_path / "run").parts[0] for path in files if "run" in path.parts}
    assert names == {"finetune.json", "sovits"}


@needs_fork
def test_a_full_disk_leaves_the_last_state_and_no_voice(
    lab: Lab, clips: Path, straight: Voice, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cache: Path
) -> None:
    """Where there is room again, the same command goes on from there."""
    import resource

    output, state = tmp_path / "v.safetensors", tmp_path / "run" / "sovits" / "state.ckpt"
    often = tmp_path / "often.yaml"
    often.write_text("trainer: {save_every_minutes: 1.0e-9, checkpoint_every: 2}", encoding="utf-8")
    command = [
        "finetune",
        str(clips),
        "--model",
        str(lab.family.folder),
        "--output",
        str(output),
        "--device",
        "cpu",
        "--no-verdict",
    ]
    command += ["--run-folder", str(tmp_path / "run"), "--steps", "4", "--config", str(often)]
    with monkeypatch.context() as patched:
        fatal(2, "sovits", patched)
        assert exit_status(lambda: main(command)) == -signal.SIGKILL
    before = state.read_bytes()

    def bounded() -> None:
        size = len(before) * 9 // 10
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
        os.dup2(os.open(tmp_path / "said", os.O_CREAT | os.O_WRONLY), 2)
        os._exit(main(command))

    with monkeypatch.context() as patched:
        patched.setattr(sys, "stderr", sys.__stderr__)
        assert exit_status(bounded) == 2
    said = (tmp_path / "said").read_text(encoding="utf-8")
    assert "[SAVE_FAILED]" in said and "state.ckpt" in said and "Traceback" not in said
    assert state.read_bytes() == before and not output.exists()
    assert not [path for path in tmp_path.rglob("*") if path.suffix == ".part"]
    assert main(command) == 0 and not state.exists()
    assert differing(Voice.load(output), straight) == []
