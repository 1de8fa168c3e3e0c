"""Training on synthetic speech: true tracks, codes of a trained encoder, and a task that is told its codebook."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import tiny
from gsv_lab.corpora.synthetic import PHONES, SyntheticCorpus
from gsv_lab.corpora.synthetic_data import pack_synthetic, pitch, positions
from gsv_lab.errors import CheckpointError, DataError
from gsv_lab.system.environment import cache_dir
from gsv_lab.training.fit import fit

CORPUS = tiny.spec("corpora.synthetic.SyntheticCorpus", n_speakers=4, n_clips=8, seed=3, n_syllables=[4, 5])
CONTENT = {**tiny.CONTENT, "init_args": {**tiny.CONTENT["init_args"], "n_phones": len(PHONES) + 1}}


def data(kind: str, folder: Path, **init_args: object) -> dict[str, object]:
    """A data module on a store of its own."""
    more = {"store": str(folder / "store"), "corpus": CORPUS, "valid_speakers": 1, "valid_batches": 1, **init_args}
    return tiny.spec(f"corpora.synthetic_data.{kind}", **more)


def test_tracks_are_true(tmp_path: Path) -> None:
    corpus = SyntheticCorpus(4, 8, seed=3, n_syllables=(4, 5))
    store = pack_synthetic(tmp_path, corpus, valid_speakers=1)
    assert [row.split for row in store.rows] == ["train", "train", "train", "valid"] * 2
    for number, clip in enumerate(corpus):
        owner = store.track("positions", number)
        labels = np.where(owner < 0, 0, np.array(clip.ids)[owner])
        np.testing.assert_array_equal(labels, clip.labels(50.0, len(owner)))
        assert store.track("symbols", number).tolist() == store.track("phones", number).tolist() == clip.ids
        log_f0, voicing = store.track("pitch", number).astype(float).T
        voiced = clip.f0 > 0
        np.testing.assert_array_equal(voicing > 0, voiced)
        np.testing.assert_allclose(np.exp(log_f0[voiced]), clip.f0[voiced], rtol=3e-3)
        assert np.abs(store.wave(number) - clip.wave).max() < 1e-4 and np.isfinite(log_f0).all()
    assert len(positions(corpus[0])) == len(corpus[0].wave) // 320 and pitch(corpus[0]).dtype == np.float16
    with pytest.raises(DataError, match="4 voices, 4 of them held back"):
        pack_synthetic(tmp_path / "none", corpus, valid_speakers=4)


def test_content_then_codes_then_sovits(tmp_path: Path) -> None:
    task = tiny.spec("training.content_task.ContentTask", content_encoder=CONTENT)
    made = fit(
        tiny.experiment(task, data("SyntheticContentData", tmp_path, batch_seconds=8.0), 2), tmp_path / "content",
        progress_bar=False,
    )  # fmt: skip
    quantizer = tiny.spec("nn.quantizer.VectorQuantizer", dim=12, n_codes=8, projection="mean", hop=2)
    sovits = {**tiny.SOVITS, "init_args": {**tiny.SOVITS["init_args"], "quantizer": quantizer}}
    task = tiny.spec("training.sovits_task.SoVITSTask", sovits=sovits)

    def train(content_file: Path, name: str) -> None:
        more = {"content_file": str(content_file), "n_codes": 8, "windows": 2, "window_seconds": 1.0}
        given = tiny.experiment(task, data("SyntheticSoVITSData", tmp_path, **more), 1)
        assert set(fit(given, tmp_path / name, progress_bar=False).weights) == {"sovits"}

    with pytest.raises(CheckpointError, match="No file"):
        train(cache_dir() / "nothing.safetensors", "early")
    train(made.weights["content_encoder"], "sovits")
    book = tmp_path / "store" / "quantizer.safetensors"
    first = book.stat().st_mtime_ns
    train(made.weights["content_encoder"], "again")
    assert book.stat().st_mtime_ns == first  # same content encoder, same codes
    assert (tmp_path / "store" / "codes.json").is_file()
