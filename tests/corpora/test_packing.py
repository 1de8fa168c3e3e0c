"""A store is not taken for that of another corpus; what it holds is compared with what networks know."""

from __future__ import annotations

import copy
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile

from gsv_lab.corpora.packing import packed_store
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.synthetic import SyntheticCorpus
from gsv_lab.corpora.synthetic_data import open_synthetic
from gsv_lab.errors import DataError
from gsv_lab.training.fit import fit
from small_runs import gpt, sovits, tracked_store
from tiny import experiment, make_store


def write_corpus(folder: Path, hertz: float = 440.0, names: str = "abc", text: str = "hello") -> str:
    """Tones of equal length, so that files of two corpora differ in nothing but what can be heard."""
    folder.mkdir(exist_ok=True)
    for name in names:
        tone = 0.3 * np.sin(2 * np.pi * hertz * np.arange(16_000) / 16_000)
        soundfile.write(folder / f"{name}.wav", tone, 16_000)
    (folder / "list.txt").write_text("".join(f"{name}.wav|me|en|{text}\n" for name in names), encoding="utf-8")
    return str(folder)


def opened(store: Path, *corpora: str, exclude: tuple[str, ...] = ()) -> ClipStore:
    return packed_store(store, corpora, exclude, lambda: 16_000, "")


CHANGES: dict[str, tuple[Callable[[Path], object], str]] = {
    "other sound": (lambda folder: write_corpus(folder, 441.0), "changed: 3"),
    "other texts": (lambda folder: write_corpus(folder, text="good bye"), "changed: 3"),
    "one more": (lambda folder: write_corpus(folder, names="abcd"), "new: 1, the first d.wav"),
    "one fewer": (lambda folder: write_corpus(folder, names="ab"), "gone: 1, the first c.wav"),
}


@pytest.mark.parametrize("how", CHANGES)
def test_a_store_of_another_corpus_is_refused(how: str, tmp_path: Path) -> None:
    change, words = CHANGES[how]
    corpus = write_corpus(tmp_path / "corpus")
    packed = opened(tmp_path / "store", corpus)
    assert len(opened(tmp_path / "store", corpus)) == len(packed) == 3
    change(Path(corpus))
    with pytest.raises(DataError, match=f"clips that are {words}") as caught:
        opened(tmp_path / "store", corpus)
    assert caught.value.code == "CACHE_STALE"
    assert len(opened(tmp_path / "store")) == 3  # as it is, when no corpus is named


def test_a_corpus_that_is_not_there_any_more_cannot_be_compared(tmp_path: Path) -> None:
    corpus = write_corpus(tmp_path / "corpus")
    opened(tmp_path / "store", corpus)
    os.rename(corpus, tmp_path / "elsewhere")
    assert len(opened(tmp_path / "store", corpus)) == 3
    assert len(opened(tmp_path / "store", str(tmp_path / "elsewhere"))) == 3  # places may change, clips may not


def test_a_synthetic_store_is_made_anew_for_another_corpus(tmp_path: Path) -> None:
    made = open_synthetic(tmp_path / "s", SyntheticCorpus(n_speakers=3, n_clips=4), 1)
    made.add_track("content", [np.zeros((2, 3))] * 4)
    assert open_synthetic(tmp_path / "s", SyntheticCorpus(n_speakers=3, n_clips=4), 1).has_track("content")
    for corpus, held in ((SyntheticCorpus(n_speakers=3, n_clips=5), 1), (SyntheticCorpus(3, 5, seed=1), 1),
                         (SyntheticCorpus(3, 5, seed=1), 2)):  # fmt: skip
        again = open_synthetic(tmp_path / "s", corpus, held)
        assert len(again) == 5 and not again.has_track("content")
        assert [row.split for row in again.rows].count("train") == (4 if held == 1 else 2)
        np.testing.assert_array_equal(again.wave(2), ClipStore(tmp_path / "s").wave(2))
        again.add_track("content", [np.zeros((2, 3))] * 5)


def test_recordings_are_not_overwritten_by_synthetic_ones(tmp_path: Path) -> None:
    opened(tmp_path / "store", write_corpus(tmp_path / "corpus"))
    with pytest.raises(DataError, match="holds recordings"):
        open_synthetic(tmp_path / "store", SyntheticCorpus(n_speakers=3, n_clips=4), 1)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> ClipStore:
    return tracked_store(tmp_path_factory.mktemp("ids"))


def changed_prior(task: dict[str, Any], count: int) -> dict[str, Any]:
    task = copy.deepcopy(task)
    task["init_args"]["sovits"]["init_args"]["prior"]["init_args"]["n_phones"] = count
    return task


@pytest.mark.parametrize("kind", ["phones of a prior", "phones of a GPT", "codes of a GPT"])
def test_numbers_that_networks_do_not_have(kind: str, store: ClipStore, tmp_path: Path) -> None:
    """Row 59: said before the first batch."""
    task, data = sovits(store, "training.sovits_task.SoVITSTask") if kind == "phones of a prior" else gpt(store)
    if kind == "phones of a prior":
        task = changed_prior(task, 5)
    else:
        task["init_args"]["semantic_gpt"]["init_args"]["n_phones" if "phones" in kind else "n_codes"] = 3
    with pytest.raises(DataError, match=f"holds the {kind[:4]}.*know [35]") as caught:
        fit(experiment(task, data, 1), tmp_path / "run", progress_bar=False)
    assert caught.value.code == "DATA_TOKEN_RANGE" and not (tmp_path / "run").exists()


def test_a_second_training_in_a_folder_is_refused(tmp_path: Path) -> None:
    from gsv_lab.errors import LabError
    from gsv_lab.system.folders import locked
    from small_runs import verifier

    mine = make_store(tmp_path / "clips", clips=6, seconds=1.2)
    with locked(tmp_path / "run", "trained in"):
        with pytest.raises(LabError, match="is trained in by process") as caught:
            fit(verifier(mine), tmp_path / "run", progress_bar=False)
        assert caught.value.code == "IN_USE"
    assert fit(verifier(mine), tmp_path / "run", progress_bar=False).done
    assert not (tmp_path / "run" / ".lock").exists()
