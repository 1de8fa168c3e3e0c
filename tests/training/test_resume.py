"""What a training goes on with: its own state, killed anywhere, bit for bit, and no other."""

from __future__ import annotations

import copy
import os
import signal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.checkpoint import save_component
from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.cli import main
from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import ConfigError, LabError
from gsv_lab.system.config import build
from gsv_lab.training.fit import fit
from gsv_lab.training.run_state import StateFile
from gsv_lab.training.task import Task
from small_runs import BATCHES, contents, gpt, tracked_store, trainings, verifier
from tiny import VERIFIER, experiment, make_store


def slow(name: str) -> Any:
    """A case that only the slow run has; the suite has one of its kind."""
    return pytest.param(name, marks=pytest.mark.slow)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return tracked_store(tmp_path_factory.mktemp("store"))


def killed(made: dict[str, Any], folder: Path, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a training in a process of its own that is killed in the middle of a batch."""
    total = Task.total

    def fatal(task: Task, losses: Any, stage: str = "train", counts: Any = None) -> Any:
        if stage == "train" and task.batches >= batch:
            os.kill(os.getpid(), signal.SIGKILL)
        return total(task, losses, stage, counts)

    child = os.fork()
    if child == 0:
        try:
            monkeypatch.setattr(Task, "total", fatal)
            fit(made, folder, progress_bar=False)
        finally:  # an error must not let this process go on with the tests
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == -signal.SIGKILL


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of this system do not fork")
@pytest.mark.parametrize(
    "name",
    [
        "automatic", slow("gan"), "released_gan", "accumulated", slow("accumulated_evenly"), slow("recipe_automatic"),
        slow("recipe_gan"), slow("half_gan"), "recipe_half_gan",
    ],
)  # fmt: skip
def test_killed_at_any_batch_the_weights_are_the_same_bits(
    name: str, store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Twice, once where a validation is due."""
    made = trainings(store, name)
    straight = fit(made, tmp_path / "straight", progress_bar=False).weights
    random = np.random.default_rng(len(name))
    for batch in (int(random.integers(1, 3)), int(random.integers(3, BATCHES))):
        killed(made, tmp_path / "killed", batch, monkeypatch)
    finished = fit(made, tmp_path / "killed", progress_bar=False)
    assert finished.done
    for part, path in straight.items():
        one, two = load_tensors(path), load_tensors(finished.weights[part])
        assert [key for key, value in one.items() if not torch.equal(two[key], value)] == [], part


@pytest.mark.parametrize("name", [slow("gan"), "accumulated", slow("recipe_gan")])
def test_a_validation_changes_nothing(name: str, store: ClipStore, tmp_path: Path) -> None:
    """Neither the gradients that wait for a step, nor anything random."""
    often, never = (trainings(store, name) for _ in range(2))
    often["trainer"]["validate_every"], never["trainer"]["validate_every"] = 2, 1000
    one = fit(often, tmp_path / "often", progress_bar=False).weights
    for part, path in fit(never, tmp_path / "never", progress_bar=False).weights.items():
        two = load_tensors(one[part])
        assert all(torch.equal(two[key], value) for key, value in load_tensors(path).items()), part


def test_a_used_up_budget_buys_no_batch_more(store: ClipStore, tmp_path: Path) -> None:
    """The same call gives the same weights again; a longer budget goes on."""
    first = load_tensors(fit(verifier(store), tmp_path, progress_bar=False).weights["speaker_verifier"])
    again = fit(verifier(store), tmp_path, progress_bar=False)
    second = load_tensors(again.weights["speaker_verifier"])
    assert again.done and all(torch.equal(second[key], value) for key, value in first.items())
    longer = fit(verifier(store, 4), tmp_path, progress_bar=False)
    assert torch.load(tmp_path / "state.ckpt", weights_only=True)["callbacks"]["Budget"]["batches"] == 4
    assert longer.done


OTHER = {
    "rate": ("task", "learning_rate", 0.002, "task.init_args.learning_rate was 0.001 and is 0.002"),
    "speakers": ("data", "speakers", 2, "data.init_args.speakers was 3 and is 2"),
    "width": ("verifier", "width", 24, "task.init_args.verifier.init_args.width was 16 and is 24"),
    "more": ("task", "gradient_clip", 2.0, "task.init_args.gradient_clip was absent and is 2.0"),
    "seed": ("", "seed", 4, "seed was 3 and is 4"),
}


@pytest.mark.parametrize("how", OTHER)
def test_another_configuration_is_refused_in_words(how: str, store: ClipStore, tmp_path: Path) -> None:
    part, key, value, words = OTHER[how]
    fit(verifier(store), tmp_path, progress_bar=False)
    before = contents(tmp_path)
    changed = verifier(store, 4)
    tables = {"": changed, "task": changed["task"]["init_args"], "data": changed["data"]["init_args"]}
    tables["verifier"] = tables["task"]["verifier"]["init_args"]
    tables[part][key] = value
    with pytest.raises(ConfigError) as caught:
        fit(changed, tmp_path, progress_bar=False)
    assert caught.value.code == "RESUME_INCOMPATIBLE" and "--fresh" in str(caught.value)
    assert f"another configuration: {words}. Expected" in str(caught.value)
    assert contents(tmp_path) == before


def test_another_class_is_one_difference(store: ClipStore, tmp_path: Path) -> None:
    fit(verifier(store), tmp_path, progress_bar=False)
    task, data = gpt(store)
    with pytest.raises(ConfigError, match=r"task.class_path was \S+VerifierTask and is \S+ReleasedGPTTask"):
        fit(experiment(task, data, 2), tmp_path, progress_bar=False)


def test_what_may_change(store: ClipStore, tmp_path: Path) -> None:
    """Name, budget, how often things are done, and where the same clips lie."""
    fit(verifier(store), tmp_path / "run", progress_bar=False)
    moved = tmp_path / "elsewhere"
    moved.mkdir()
    for path in store.folder.iterdir():
        (moved / path.name).write_bytes(path.read_bytes())
    often = {"minutes": 3.0, "save_every_minutes": 1.0, "log_every": 2, "validate_every": 7, "device": "cpu"}
    changed = verifier(ClipStore(moved), 3, {"name": "other", "sizes": {"width": 3}}, **often)
    assert fit(changed, tmp_path / "run", progress_bar=False).done


@pytest.mark.parametrize("what", ["clips", "recordings", "track"])
def test_other_data_under_the_same_path_are_refused(what: str, store: ClipStore, tmp_path: Path) -> None:
    mine = make_store(tmp_path / "clips", clips=6, seconds=1.2)
    mine.add_track("pitch", [np.zeros((3, 2), np.float16)] * 6, rate=100)
    fit(verifier(mine), tmp_path / "run", progress_bar=False)
    before = contents(tmp_path / "run")
    mine.add_track("unread", [np.zeros(1)] * 6)
    fit(verifier(mine), tmp_path / "copy", progress_bar=False)
    if what == "clips":
        make_store(tmp_path / "clips", clips=6, seconds=1.3)
    elif what == "recordings":
        wave = mine.folder / "wave.i16"
        wave.write_bytes(bytes(wave.stat().st_size))
    else:
        mine.add_track("pitch", [np.ones((3, 2), np.float16)] * 6, rate=100)
    words = {"clips": "the table of clips", "recordings": "the recordings", "track": "the track 'pitch'"}[what]
    with pytest.raises(ConfigError, match=f"is of another data set: {words} differs") as caught:
        fit(verifier(mine, 4), tmp_path / "run", progress_bar=False)
    assert caught.value.code == "RESUME_INCOMPATIBLE"
    assert contents(tmp_path / "run") == before


def test_tracks_that_came_later_do_not_matter(tmp_path: Path) -> None:
    mine = make_store(tmp_path / "clips", clips=6, seconds=1.2)
    fit(verifier(mine), tmp_path / "run", progress_bar=False)
    mine.add_track("later", [np.zeros(1)] * 6)
    assert fit(verifier(mine, 3), tmp_path / "run", progress_bar=False).done


def test_fresh_begins_anew_and_puts_the_old_state_aside(store: ClipStore, tmp_path: Path) -> None:
    fit(verifier(store), tmp_path / "run", progress_bar=False)
    before = contents(tmp_path / "run")
    other = verifier(store, 1, {"seed": 9})
    refused = copy.deepcopy(other)
    refused["data"]["init_args"]["store"] = str(tmp_path / "absent")
    with pytest.raises(LabError, match="no store"):
        fit(refused, tmp_path / "run", progress_bar=False, fresh=True)
    assert contents(tmp_path / "run") == before
    made = fit(other, tmp_path / "run", progress_bar=False, fresh=True).weights["speaker_verifier"]
    straight = fit(other, tmp_path / "straight", progress_bar=False).weights["speaker_verifier"]
    assert all(torch.equal(load_tensors(made)[key], value) for key, value in load_tensors(straight).items())
    after = contents(tmp_path / "run")
    assert after["earlier_state.ckpt"] == before["state.ckpt"] != after["state.ckpt"]
    assert len([name for name in after if name.startswith("earlier_events/events.out")]) == 1
    assert len([name for name in after if name.startswith("events/events.out")]) == 1
    fit(verifier(store, 1, {"seed": 3}), tmp_path / "run", progress_bar=False, fresh=True)
    fit(other, tmp_path / "run", progress_bar=False, fresh=True)
    again = contents(tmp_path / "run")
    assert len([name for name in again if name.startswith("earlier_events/events.out")]) == 3


def test_start_weights_are_not_read_again(store: ClipStore, tmp_path: Path) -> None:
    """Even when they are gone; other ones are said to be left alone."""
    file = save_component(build(VERIFIER), tmp_path / "start.safetensors")
    begun = verifier(store, 2, {"start_from": [str(file)]})
    fit(begun, tmp_path / "run", progress_bar=False)
    file.unlink()
    fit(verifier(store, 3, {"start_from": [str(file)]}), tmp_path / "run", progress_bar=False)
    with pytest.warns(UserWarning, match="start_from is not read"):
        fit(verifier(store, 3, {"start_from": ["other"]}), tmp_path / "run", progress_bar=False)


def spoil(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "half":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "noise":
        path.write_bytes(np.random.default_rng(0).bytes(5000))
    elif how == "bit":
        weights = torch.load(path, weights_only=True)["state_dict"]
        place = content.index(max(weights.values(), key=torch.numel).numpy().tobytes()) + 5
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    else:
        state: Any = torch.load(path, weights_only=True)
        if how == "older":
            del state["gsv_lab"]
        elif how == "format":
            state["gsv_lab"]["format"] = 99
        elif how == "list":
            state = [1, 2]
        elif how == "tensor":
            state["state_dict"].popitem()
        torch.save(state, path)


@pytest.mark.parametrize("how", ["half", "empty", "noise", "bit", "older", "format", "list", "tensor"])
def test_a_state_that_cannot_be_read_is_one_error(how: str, store: ClipStore, tmp_path: Path) -> None:
    fit(verifier(store), tmp_path, progress_bar=False)
    spoil(tmp_path / "state.ckpt", how)
    before = contents(tmp_path)
    with pytest.raises(ConfigError, match="--fresh") as caught:
        fit(verifier(store, 3), tmp_path, progress_bar=False)
    assert caught.value.code == "RESUME_INCOMPATIBLE" and "\n" not in str(caught.value)
    assert contents(tmp_path) == before
    assert fit(verifier(store, 1), tmp_path, progress_bar=False, fresh=True).done


@pytest.mark.skipif(not hasattr(os, "fork"), reason="processes of this system do not fork")
def test_a_full_disk_leaves_the_state(store: ClipStore, tmp_path: Path) -> None:
    import resource

    fit(verifier(store), tmp_path, progress_bar=False)
    before = (tmp_path / "state.ckpt").read_bytes()
    child = os.fork()
    if child == 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (len(before) // 2, len(before) // 2))
        try:
            fit(verifier(store, 4), tmp_path, progress_bar=False)
        except LabError as error:
            os._exit(7 if error.code == "SAVE_FAILED" and "state.ckpt" in str(error) else 8)
        os._exit(9)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 7
    assert (tmp_path / "state.ckpt").read_bytes() == before and not list(tmp_path.glob("*.part"))


@pytest.mark.parametrize("error", [KeyboardInterrupt, MemoryError])
def test_a_state_is_written_beside_the_last_one(
    error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until the new one is whole, whatever ends its writing."""
    file = StateFile(tmp_path / "state.ckpt")
    file.save_checkpoint({"batches": 1}, file.path)
    before = file.path.read_bytes()

    def cut_short(checkpoint: Any, target: Any) -> None:
        target.write(before[:100])
        target.flush()
        assert file.path.read_bytes() == before
        raise error

    with monkeypatch.context() as patched, pytest.raises(error):
        patched.setattr(torch, "save", cut_short)
        file.save_checkpoint({"batches": 2}, file.path)
    assert contents(tmp_path) == {"state.ckpt": before}
    file.save_checkpoint({"batches": 2}, file.path)
    assert torch.load(file.path, weights_only=True) == {"batches": 2} and len(contents(tmp_path)) == 1


def test_ctrl_c_ends_after_a_whole_batch(store: ClipStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = trainings(store, "gan")
    straight = fit(made, tmp_path / "straight", progress_bar=False).weights
    total = Task.total
    asked = []

    def interrupted(task: Task, losses: Any, stage: str = "train", counts: Any = None) -> Any:
        if stage == "train" and task.batches == 3 and not asked:
            asked.append(os.kill(os.getpid(), signal.SIGINT))
        return total(task, losses, stage, counts)

    with monkeypatch.context() as patched:
        patched.setattr(Task, "total", interrupted)
        with pytest.raises(KeyboardInterrupt):
            fit(
                {**made, "trainer": {**made["trainer"], "save_every_minutes": 60}}, tmp_path / "cut", progress_bar=False
            )
    assert torch.load(tmp_path / "cut" / "state.ckpt", weights_only=True)["callbacks"]["Budget"]["batches"] == 4
    finished = fit(made, tmp_path / "cut", progress_bar=False).weights
    for part, path in straight.items():
        two = load_tensors(finished[part])
        assert all(torch.equal(two[key], value) for key, value in load_tensors(path).items()), part


def test_the_command_says_where_a_run_is_when_it_begins(
    store: ClipStore, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = Path(__file__).resolve().parents[2] / "configs" / "nano" / "speaker_verifier.yaml"
    small = ["trainer.max_batches=1", "trainer.precision=32", "data.init_args.speakers=3"]
    small += ["task.init_args.n_speakers=3", "data.init_args.valid=[valid]"]
    command = ["fit", "--config", str(config), "--output", str(tmp_path / "run"), *small]
    assert main([*command, f"data.init_args.store={tmp_path / 'absent'}"]) == 2
    assert capsys.readouterr().out == ""
    assert main([*command, f"data.init_args.store={store.folder}"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"run: {tmp_path / 'run'}; watch it with: tensorboard") and "speaker_verifier:" in out
    assert main([*command, f"data.init_args.store={store.folder}", "seed=77"]) == 2
    output = capsys.readouterr()
    assert "seed was 1234 and is 77" in output.err and output.out == "" and "Traceback" not in output.err
    assert main([*command, f"data.init_args.store={store.folder}", "seed=77", "--fresh"]) == 0
