"""A content encoder that is taught: what it is asked for, by hand; that it learns; that its teacher stays as it is.

The teacher's content is wider than its own.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from lightning_fabric.utilities import move_data_to_device

from gsv_lab.checkpoint import load_component, save_component
from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.corpora.content_data import UNKNOWN, ContentBatch, add_phones, frame_classes
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.texts import LABELS
from gsv_lab.errors import CheckpointError, ConfigError
from gsv_lab.system.config import build
from gsv_lab.text.symbols import SYMBOL_ID
from gsv_lab.training.content_task import ContentTask, frame_targets
from gsv_lab.training.fit import fit
from pretended_device import pretended_device
from tiny import CONTENT, experiment, make_store, spec

HEARD = 6
HEAD = spec("extensions.teacher_head.TeacherHead", n_phones=102, teacher_dim=HEARD, width=16, layers=1, dim=14)

SYMBOL_IDS = np.array([SYMBOL_ID[name] for name in ("SP", "AH0", "SP", "k")], np.int16)

WEIGHTS = {"ctc": 0.5, "taught": 1.0, "taught_content": 2.0}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """Synthetic clips; what the teacher hears in them is noise, and nothing at all in the first."""
    made = make_store(tmp_path_factory.mktemp("store") / "clips", clips=9)
    random = np.random.default_rng(0)
    frames = [row.samples // 320 if number else 0 for number, row in enumerate(made.rows)]
    made.add_track("teacher", (random.normal(0, 1, (n, HEARD)).astype(np.float16) for n in frames), model="made")
    return ClipStore(made.folder)


@pytest.fixture(scope="module")
def head(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Weights of a head that has gathered statistics."""
    torch.manual_seed(0)
    made = build(HEAD)
    made(torch.randn(2, HEARD, 30) * 2)
    return save_component(made, tmp_path_factory.mktemp("head") / "teacher.safetensors")


def pair(name: str, store: ClipStore, head: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """Task and data of the teacher or of who is taught."""
    data = spec("corpora.content_data.ContentData", store=str(store.folder), batch_seconds=8.0, worst_fit=-100.0)
    if name == "teacher":
        return spec("training.content_task.TeacherTask", teacher=HEAD, warm_up=1, labels_from=0.5), data
    return spec(
        "training.content_task.ContentTask", content_encoder=CONTENT, warm_up=1, teacher_file=str(head), weights=WEIGHTS
    ), data


def opened(name: str, store: ClipStore, head: Path) -> tuple[Any, Any]:
    torch.manual_seed(0)
    task, data = (build(made) for made in pair(name, store, head))
    task.log = lambda *args, **kwargs: None
    data._task = task
    data.setup()
    return task, data


def filled(batch: ContentBatch) -> set[str]:
    return {name for name in ("mel", "teacher", "aligned") if getattr(batch, name) is not None}


def aligned(store: ClipStore, place: Path) -> ClipStore:
    """A copy of a store with an alignment: two phones, silence before, between and behind; the last clip has none."""
    shutil.copytree(store.folder, place)
    copied = ClipStore(place)
    shortened = [np.arange(row.samples // 320 - 1) for row in copied.rows]
    positions = [np.select([n < 10, n < 20, n < 25, n < 45], [-1, 1, 2, 3], -1) for n in shortened]
    positions[-1][:] = -1
    copied.add_track("positions", (row.astype(np.int16) for row in positions))
    copied.add_track("symbols", (SYMBOL_IDS for _ in positions))
    return ClipStore(place)


def test_batches_hold_what_the_task_reads(store: ClipStore, head: Path) -> None:
    (_, teacher_data), (_, data) = (opened(name, store, head) for name in ("teacher", "taught"))
    chosen = data.chosen["train"][:2]
    taught, teaching = data.collate(chosen, 3), teacher_data.collate(chosen, 3)
    assert filled(taught) == {"mel", "teacher"} and filled(teaching) == {"teacher"}
    assert taught.mel.shape[-1] == 2 * taught.level.shape[-1] == 2 * int(taught.frames.max())
    assert taught.frames.tolist() != taught.teacher_frames.tolist(), "other tempos"
    assert teaching.frames.tolist() == teaching.teacher_frames.tolist() == taught.teacher_frames.tolist()
    assert 0 not in data.chosen["train"] + teacher_data.chosen["train"], "nothing was heard"
    for batch in (taught, teaching):
        for row, index in enumerate(chosen):
            heard = batch.teacher[row, :, : int(batch.teacher_frames[row])].T.half()
            assert torch.equal(heard, torch.tensor(store.track("teacher", index))), "as it was heard, in every tempo"
    plain = teacher_data.collate([1], None)
    wave = store.wave(1)[: 320 * 80].reshape(80, 320)
    np.testing.assert_allclose(plain.level[0].numpy(), 10 * np.log10((wave**2).mean(1) + 1e-10), atol=1e-3)


def test_frames_have_the_classes_of_the_store_s_alignment(store: ClipStore, head: Path, tmp_path: Path) -> None:
    made = aligned(store, tmp_path / "clips")
    one, two = (int(LABELS[symbol]) for symbol in SYMBOL_IDS[[1, 3]])
    expected = [0] * 10 + [one] * 10 + [0] * 5 + [two] * 20 + [0] * 34 + [UNKNOWN]
    assert frame_classes(made, 1, 80).tolist() == expected
    assert frame_classes(made, 1, 15).tolist() == expected[:15]
    assert frame_classes(made, 8, 80).tolist() == [UNKNOWN] * 80, "a clip that could not be aligned"
    (task, data), (_, taught) = (opened(name, made, head) for name in ("teacher", "taught"))
    batch = data.collate([1, 8], 0)
    assert filled(batch) == {"teacher", "aligned"} and filled(taught.collate([1, 8], 0)) == {"mel", "teacher"}
    assert batch.aligned.tolist() == [expected, [UNKNOWN] * 80]
    content, scores = torch.randn(2, 14, 80), torch.randn(2, 102, 80).log_softmax(1)
    task.progress = 0.49
    log_probs = task.head.eval().label_scores(content)[0, :, :79].T
    right = log_probs[torch.arange(79), torch.tensor(expected[:79])]
    smoothed = -(0.95 * right + 0.05 * log_probs.mean(1)).mean()
    torch.testing.assert_close(task.frame_losses(content, scores, batch)["label"], smoothed)
    nothing = batch._replace(aligned=torch.full_like(batch.aligned, UNKNOWN))
    assert task.frame_losses(content, scores, nothing) == {}, "and not the mean of no frames"
    task.progress = 0.51
    assert torch.equal(task.frame_labels(scores, nothing), frame_targets(scores, batch)), "later its own"


def by_hand(task: ContentTask, batch: ContentBatch, content: torch.Tensor) -> dict[str, float]:
    """The two losses, frame by frame; a frame between two of the teacher's has their weighted mean."""
    assert task.teacher is not None and batch.teacher is not None and batch.teacher_frames is not None
    divergence, goals, errors = [], [], []
    own, projected = task.content_encoder.label_scores(content).exp(), task.project(content)
    for row, (frames, heard) in enumerate(zip(batch.frames.tolist(), batch.teacher_frames.tolist(), strict=True)):
        clip = task.teacher.encode(batch.teacher[row : row + 1, :, :heard])[0]
        for frame in range(frames):
            place = min(max((frame + 0.5) * heard / frames - 0.5, 0), heard - 1)
            before, after = clip[:, int(place)], clip[:, min(int(place) + 1, heard - 1)]
            goal = before + (place - int(place)) * (after - before)
            p = task.teacher.label_scores(goal[None, :, None])[0, :, 0].exp().double()
            divergence.append(float((p * (p / own[row, :, frame].double()).log()).sum()))
            goals.append(goal.tolist())
            errors.append(((projected[row, :, frame] - goal) ** 2).tolist())
    variance = np.array(goals).var(0).mean()
    return {"taught": float(np.mean(divergence)), "taught_content": float(np.mean(errors) / variance)}


@torch.no_grad()
def test_the_losses_are_those_of_valid_frames(head: Path) -> None:
    torch.manual_seed(1)
    task = build(spec("training.content_task.ContentTask", content_encoder=CONTENT, teacher_file=str(head))).train()
    frames, content, scores = torch.tensor([7, 4]), torch.randn(2, 12, 7), torch.zeros(2, 102, 7)
    texts = torch.randint(1, 100, (2, 2)), torch.tensor([2, 2]), ["en", "zh"]
    heard = {"teacher": torch.randn(2, HEARD, 6), "teacher_frames": torch.tensor([5, 6])}
    batch = ContentBatch(frames, torch.zeros(2, 7), *texts, **heard)
    found = task.frame_losses(content, scores, batch)
    expected = by_hand(task, batch, content)
    assert {name: float(value) for name, value in found.items()} == pytest.approx(expected, rel=1e-4)
    padded, louder = content.clone(), batch.teacher.clone()
    padded[1, :, 4:] = louder[0, :, 5:] = 99.0
    again = task.frame_losses(padded, scores, batch._replace(teacher=louder))
    assert all(torch.equal(again[name], value) for name, value in found.items()), "padding counts for nothing"
    padded[1, :, 3] = 99.0
    again = task.frame_losses(padded, scores, batch)
    assert all(again[name] > value for name, value in found.items()), "the last valid frame counts"
    # A batch that was cut, as for views, keeps the padding of the longer clips.
    cut = task.frame_losses(content[1:], scores[1:], task.view_batch(batch, 2)._replace(
        frames=frames[1:], teacher=batch.teacher[1:], teacher_frames=batch.teacher_frames[1:]
    ))  # fmt: skip
    assert all(value.isfinite() for value in cut.values())


@torch.no_grad()
def test_content_that_is_linear_in_the_teacher_s_is_no_error(head: Path) -> None:
    torch.manual_seed(1)
    task = build(spec("training.content_task.ContentTask", content_encoder=CONTENT, teacher_file=str(head)))
    task.project.weight.normal_()
    content, frames = torch.randn(1, 12, 9), torch.tensor([9])
    goal = task.project(content)
    task.teacher.encode = lambda features: goal
    texts = torch.ones(1, 2), torch.tensor([2]), ["en"]
    batch = ContentBatch(frames, torch.zeros(1, 9), *texts, teacher=torch.randn(1, HEARD, 9), teacher_frames=frames)
    assert float(task.frame_losses(content, torch.zeros(1), batch)["taught_content"]) < 1e-10
    task.project.bias += 1.0
    found = float(task.frame_losses(content, torch.zeros(1), batch)["taught_content"])
    assert found == pytest.approx(1 / float(goal[0].var(1, correction=0).mean()), rel=1e-4)


@pytest.mark.parametrize("name", ["teacher", "taught"])
def test_one_batch_is_learnt_and_the_teacher_is_not(name: str, store: ClipStore, head: Path) -> None:
    task, data = opened(name, store, head)
    batch = next(iter(data.train_dataloader()))
    before = load_tensors(head)
    projection = task.project.bias.detach().clone() if name == "taught" else None
    optimizer = task.train().configure_optimizers()
    for group in optimizer.param_groups:
        group["lr"] = 5e-3
    values = []
    for step in range(40):
        task.progress = step / 40
        losses, _ = task.losses(batch)
        optimizer.zero_grad()
        task.total(losses).backward()
        optimizer.step()
        values.append({name: float(value.detach()) for name, value in losses.items()})
    named = {"ctc", "label"} if name == "teacher" else {"ctc", "taught", "taught_content"}
    assert set(values[-1]) == named
    for loss in {"ctc", "taught"} & named:
        assert values[-1][loss] < 0.8 * values[0][loss], (loss, values[0], values[-1])
    if name == "taught":
        assert values[-1]["taught_content"] < 0.9 * values[0]["taught_content"]
        assert (task.project.bias.detach() != projection).all(), "the projection learns along"
        assert all(torch.equal(value, before[key]) for key, value in task.teacher.state_dict().items())


@pytest.mark.parametrize("name", ["teacher", "taught"])
def test_killed_and_resumed_equals_straight(name: str, store: ClipStore, head: Path, tmp_path: Path) -> None:
    """And what is written is one network, without its teacher."""
    made = experiment(*pair(name, store, head), 4)
    straight = fit(made, tmp_path / "straight", progress_bar=False).weights
    for _ in range(2):
        fit(made, tmp_path / "halved", progress_bar=False, run_minutes=1e-9)
    finished = fit(made, tmp_path / "halved", progress_bar=False)
    part = {"teacher": "teacher", "taught": "content_encoder"}[name]
    written = [path.stem for path in (tmp_path / "straight" / "weights").iterdir()]
    assert finished.done and [*finished.weights] == written == [part]
    one, two = load_tensors(straight[part]), load_tensors(finished.weights[part])
    assert one.keys() == two.keys() == build(HEAD if name == "teacher" else CONTENT).state_dict().keys()
    for key, value in one.items():
        torch.testing.assert_close(two[key], value, rtol=1e-5, atol=1e-6, msg=key)
    load_component(straight[part])


def test_clips_whose_text_does_not_fit_are_left_out(store: ClipStore, head: Path) -> None:
    task, data = (build(made) for made in pair("taught", store, head))
    data._task = task
    data.worst_by_teacher = -90.0
    with pytest.warns(UserWarning, match=r"1 of 9 texts do not fit .*: c00 \(-99.0\)$"):
        data.setup()
    fits = {index: float(store.track(data.fit_name, index)[0]) for index in range(9)}
    assert data.fit_name.startswith("teacher_fit-") and fits[0] == -99
    data.worst_by_teacher = sorted(fits[index] for index in data.chosen["train"])[1]
    everything = data.chosen["train"]
    with pytest.warns(UserWarning, match="do not fit"):
        data.setup()
    assert data.chosen["train"] == [index for index in everything if fits[index] > data.worst_by_teacher]
    assert len(data.chosen["train"]) == len(everything) - 2


def test_clips_without_a_text_teach_by_what_is_heard(store: ClipStore, head: Path, tmp_path: Path) -> None:
    """To the taught alone: there the teacher has learnt already."""
    shutil.copytree(store.folder, tmp_path / "clips")
    made = ClipStore(tmp_path / "clips")
    add_phones(made)
    texts = [made.track("phones", index) for index in range(9)]
    made.add_track("phones", [text if index != 3 else text[:0] for index, text in enumerate(texts)])
    listening = load_component(head)
    with torch.no_grad():
        listening.classify.bias[0] -= 100  # never a blank
    _, data = opened("taught", made, save_component(listening, tmp_path / "teacher.safetensors"))
    heard = data.store.track(data.heard, 3)
    assert len(heard) > 1 and 3 in data.chosen["train"] and not len(data.store.track(data.heard, 1))
    batch = data.collate([3, 1], 0)
    assert batch.labels[0, : batch.label_lengths[0]].tolist() == heard.tolist()
    assert batch.labels[1, : batch.label_lengths[1]].tolist() == texts[1].tolist()
    _, alone = opened("teacher", made, head)
    assert 3 not in alone.chosen["train"] and 1 in alone.chosen["train"]


def test_on_another_device_the_losses_are_the_same(store: ClipStore, head: Path) -> None:
    """The teacher goes along."""
    task, data = opened("taught", store, head)
    batch = data.collate(data.chosen["train"][:2], 0)
    content, scores = torch.randn(2, 12, int(batch.frames.max())), torch.zeros(1)
    with torch.no_grad():
        plain = task.frame_losses(content, scores, batch)
        with pretended_device() as device:
            there = move_data_to_device(batch, device)
            moved = task.to(device).frame_losses(content.to(device), scores, there)
            assert {value.device for value in moved.values()} == {device}
            moved = {name: value.cpu() for name, value in moved.items()}
    assert all(torch.equal(moved[name], value) for name, value in plain.items())


def test_a_teacher_that_does_not_fit_is_refused(head: Path, tmp_path: Path) -> None:
    fewer = {**CONTENT, "init_args": {**CONTENT["init_args"], "n_phones": 90}}
    with pytest.raises(ConfigError, match="knows 90 phones. Expected those of the teacher, 102") as caught:
        ContentTask(build(fewer), teacher_file=str(head))
    assert caught.value.code == "CONFIG_INCONSISTENT"
    for path in (tmp_path / "absent.safetensors", save_component(build(CONTENT), tmp_path / "other.safetensors")):
        with pytest.raises(CheckpointError):
            ContentTask(build(CONTENT), teacher_file=str(path))
