"""What must stay apart: corpora that evaluate a model, clips that are held out, a clip and its reference."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import soundfile
import yaml
from tiny_family import write_configs

import tiny
from gsv_lab.corpora.readers import read
from gsv_lab.corpora.released_clips import hold_out
from gsv_lab.corpora.store import ClipStore, Row
from gsv_lab.system.config import build
from gsv_lab.training.bundle import bundle
from small_runs import tracked_store, verifier

JUDGING = "vctk"
"""A corpus that evaluates the model, in a folder with one that trains it."""
OURS = ["c0", "c2", "c4", "c6"]


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    folder.mkdir()
    random = np.random.default_rng(0)
    rows = ["path|speaker|language|text|corpus|split"]
    for number in range(8):
        name, source = f"c{number}.wav", JUDGING if number % 2 else "ours"
        soundfile.write(folder / name, random.normal(0, 0.1, 20_000), 16_000)
        rows.append(f"{name}|s{number // 4}|en|we walk home now|{source}|{'valid' if number > 5 else 'train'}")
    (folder / "metadata.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def opened(data: dict[str, Any], task: dict[str, Any]) -> Any:
    """Data as `fit` sets them up."""
    module = build(data)
    module.attach(build(task), SimpleNamespace(batches=0), 0)
    module.setup()
    return module


def test_an_excluded_corpus_is_not_packed(corpus: Path, tmp_path: Path) -> None:
    content = tiny.spec("training.content_task.ContentTask", content_encoder=tiny.CONTENT)
    settings = {"store": str(tmp_path / "store"), "corpora": [str(corpus)], "exclude": [JUDGING]}
    data = opened(tiny.spec("corpora.content_data.ContentData", **settings), content)
    assert [row.id for row in data.store.rows] == OURS


def test_an_excluded_corpus_of_a_store_is_not_chosen(corpus: Path, tmp_path: Path) -> None:
    """Whoever packed it."""
    silent = np.zeros(20_000, np.float32)
    store = ClipStore.pack(tmp_path / "store", read(corpus), lambda path: silent, 16_000)
    made = verifier(store)
    made["data"]["init_args"]["exclude"] = [JUDGING]
    data = opened(made["data"], made["task"])
    chosen = data.chosen["train"] + data.chosen["valid"]
    assert [store.rows[index].id for index in chosen] == OURS


def test_an_excluded_corpus_is_not_bundled(corpus: Path, tmp_path: Path) -> None:
    configs = write_configs(tmp_path / "configs")
    experiment = yaml.safe_load((configs / "content.yaml").read_text(encoding="utf-8"))
    experiment["data"]["init_args"]["exclude"] = [JUDGING]
    (configs / "content.yaml").write_text(yaml.safe_dump(experiment), encoding="utf-8")
    made = bundle(configs, [corpus], tmp_path / "bundle")
    assert sorted(clip.id for part in made.glob("part*") for clip in read(part)) == OURS


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    """Nine clips of three speakers, one of whom is held out, with all tracks."""
    return tracked_store(tmp_path_factory.mktemp("store"))


def experiments(store: ClipStore) -> dict[str, tuple[dict[str, Any], dict[str, Any]]]:
    """Data and task of each kind."""
    folder = {"store": str(store.folder)}
    fitting = {**folder, "worst_fit": -90.0}
    one = verifier(store)
    return {
        "content": (
            tiny.spec("corpora.content_data.ContentData", **folder),
            tiny.spec("training.content_task.ContentTask", content_encoder=tiny.CONTENT),
        ),
        "sovits": (
            tiny.spec("corpora.sovits_data.SoVITSData", windows=2, window_seconds=1.0, **fitting),
            tiny.spec("training.sovits_task.SoVITSTask", sovits=tiny.SOVITS),
        ),
        "gpt": (
            tiny.spec("corpora.gpt_data.GPTData", batch_seconds=4.0, **fitting),
            tiny.spec("training.gpt_task.GPTTask", semantic_gpt=tiny.GPT, guided_layer=-1),
        ),
        "recogniser": (
            tiny.spec("corpora.recogniser_data.RecogniserData", **folder),
            tiny.spec("training.recogniser_task.RecogniserTask", recogniser=tiny.RECOGNISERS["en"]),
        ),
        "verifier": (one["data"], one["task"]),
    }


@pytest.mark.parametrize("name", ["content", "sovits", "gpt", "recogniser", "verifier"])
def test_held_out_clips_are_not_trained_on(name: str, store: ClipStore, monkeypatch: pytest.MonkeyPatch) -> None:
    data = opened(*experiments(store)[name])
    seen: list[int] = []

    def collate(indices: Sequence[int], n: int | None) -> list[int]:
        seen.extend(int(index) for index in indices)
        return list(indices)

    def crop(index: int, *more: Any) -> Any:
        seen.append(index)
        return type(data).crop(data, index, *more)

    monkeypatch.setattr(data, "collate", collate)
    if name == "verifier":
        monkeypatch.setattr(data, "crop", crop)
    batches = iter(data.train_dataloader())
    for _ in range(6):
        next(batches)
    assert {store.rows[index].split for index in seen} == {"train"}
    seen.clear()
    assert list(data.val_dataloader())
    assert {store.rows[index].split for index in seen} == {"valid"}


def test_a_corpus_without_splits_holds_out_what_it_does_not_train_on() -> None:
    def row(number: int, speaker: str, split: str = "train") -> Row:
        return Row(str(number), speaker, "en", "", split, "", "", 0, 1)

    rows = [row(number, "ab"[number % 2]) for number in range(82)]
    assert hold_out(rows) == {38, 39, 78, 79}  # the 20th and the 40th of each of the two
    assert hold_out([*rows, row(82, "a", "valid")]) == set()
    assert hold_out(rows[:5]) == {4}
    assert hold_out([*rows[:5], row(5, "a", "dev_speaker")]) == {4}
    assert hold_out(rows[:1]) == set()


@pytest.mark.parametrize("share", [0.0, 0.5, 1.0])
def test_references_are_other_clips_of_the_speaker(share: float, store: ClipStore) -> None:
    """As often as asked for, each of them in turn; and otherwise a passage of the clip itself."""
    data, task = experiments(store)["sovits"]
    data["init_args"]["other_clip"] = share
    made = opened(data, task)
    random = np.random.default_rng(0)
    for index, row in enumerate(store.rows):
        found = [made.other(index, random) for _ in range(200)]
        others = [number for number in found if number != index]
        assert len(others) == pytest.approx(200 * share, abs=30)
        mates = {number for number, other in enumerate(store.rows) if other.speaker == row.speaker} - {index}
        assert set(others) == (mates if share else set())


def test_prompts_are_other_clips_of_training(store: ClipStore) -> None:
    """All of them come, before a clip of training; none before a clip that is held out."""
    store = tiny.make_store(store.folder.parent / "prompts", clips=12, seconds=1.2)
    numbers = [np.full(row.samples // 640, number, np.int16) for number, row in enumerate(store.rows)]
    store.add_track("codes-book1-made", numbers)
    for name in ("symbols", "spelling"):
        store.add_track(name, (np.full(3, number, np.int16) for number in range(len(store))))
    store.add_track("context", (np.zeros((3, 36), np.float16) for _ in numbers))
    store.add_track("positions", (np.zeros(2 * len(codes), np.int16) for codes in numbers))
    store.add_track("fit", (np.zeros(1, np.float32) for _ in numbers))
    data, task = experiments(store)["gpt"]
    data["init_args"]["prompted"] = 1.0
    made = opened(data, task)
    chosen = made.chosen["train"]
    prompts: dict[int, set[int]] = {index: set() for index in chosen}
    for number in range(20):
        batch = made.collate(chosen, number)
        for index, codes, length in zip(chosen, batch.codes, batch.code_lengths.tolist(), strict=True):
            assert codes[length - 1] == index
            prompts[index].add(int(codes[0]))
    for index, found in prompts.items():
        assert found == {i for i in chosen if store.rows[i].speaker == store.rows[index].speaker} - {index}
    held_out = made.chosen["valid"]
    assert made.collate(held_out, None).codes[:, 0].tolist() == held_out
