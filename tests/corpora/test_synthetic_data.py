"""Training on synthetic speech: true tracks, codes of a trained encoder, and a task that gets its codebook."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import tiny
from gsv_lab.checkpoint import file_fingerprint, load_component, save_component
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.synthetic import CONTEXT, PHONES, SyntheticCorpus
from gsv_lab.corpora.synthetic_data import pack_synthetic, pitch, positions
from gsv_lab.errors import CheckpointError, DataError
from gsv_lab.system.config import build
from gsv_lab.system.environment import cache_dir
from gsv_lab.training.fit import Fitted, fit

CORPUS = tiny.spec("corpora.synthetic.SyntheticCorpus", n_speakers=4, n_clips=8, seed=3, n_syllables=[4, 5])
CONTENT = {**tiny.CONTENT, "init_args": {**tiny.CONTENT["init_args"], "n_phones": len(PHONES) + 1}}


def data(kind: str, folder: Path, **init_args: object) -> dict[str, Any]:
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
        assert store.track("context", number).shape == (len(clip.ids), len(CONTEXT))
        log_f0, voicing = store.track("pitch", number).astype(float).T
        voiced = clip.f0 > 0
        np.testing.assert_array_equal(voicing > 0, voiced)
        np.testing.assert_allclose(np.exp(log_f0[voiced]), clip.f0[voiced], rtol=3e-3)
        assert np.abs(store.wave(number) - clip.wave).max() < 1e-4 and np.isfinite(log_f0).all()
    assert len(positions(corpus[0])) == len(corpus[0].wave) // 320 and pitch(corpus[0]).dtype == np.float16
    with pytest.raises(DataError, match="4 voices, 4 of them held back"):
        pack_synthetic(tmp_path / "none", corpus, valid_speakers=4)


def test_content_then_codes_then_sovits(tmp_path: Path) -> None:
    """Two codebooks lie side by side in the store, and each SoVITS learns from its own."""
    task = tiny.spec("training.content_task.ContentTask", content_encoder=CONTENT)
    trained = fit(
        tiny.experiment(task, data("SyntheticContentData", tmp_path, batch_seconds=8.0), 2),
        tmp_path / "content",
        progress_bar=False,
    )

    def train(content_file: Path, name: str, n_codes: int = 8) -> Fitted:
        quantizer = tiny.spec("nn.quantizer.VectorQuantizer", dim=12, n_codes=n_codes, projection="mean", hop=2)
        sovits = {**tiny.SOVITS, "init_args": {**tiny.SOVITS["init_args"], "quantizer": quantizer}}
        task = tiny.spec("training.sovits_task.SoVITSTask", sovits=sovits)
        more = {"content_file": str(content_file), "n_codes": n_codes, "windows": 2, "window_seconds": 1.0}
        given = tiny.experiment(task, data("SyntheticSoVITSData", tmp_path, **more), 1)
        return fit(given, tmp_path / name, progress_bar=False)

    with pytest.raises(CheckpointError, match="No file"):
        train(cache_dir() / "nothing.safetensors", "early")
    assert set(train(trained.weights["content_encoder"], "sovits").weights) == {"sovits"}
    (book,) = (tmp_path / "store").glob("quantizer-*.safetensors")
    first = book.stat().st_mtime_ns
    train(trained.weights["content_encoder"], "again")
    assert book.stat().st_mtime_ns == first  # same content encoder, same codes
    train(trained.weights["content_encoder"], "wider", n_codes=6)
    store = ClipStore(tmp_path / "store")
    names = store.variants("codes")
    assert len(names) == 2
    most = sorted(max(int(store.track(name, index).max()) for index in range(len(store))) for name in names)
    assert most[0] <= 5 < most[1] <= 7


def test_semantic_gpt_learns_codes_that_follow_the_phones(tmp_path: Path) -> None:
    """The content of an encoder that writes the phone of each frame makes codes that the text predicts."""
    corpus = SyntheticCorpus(4, 8, seed=3, n_syllables=(4, 5))
    store = pack_synthetic(tmp_path / "store", corpus, valid_speakers=1)
    one_hot = np.eye(len(PHONES) + 1, dtype=np.float16)
    content = [one_hot[clip.labels(25.0, len(clip.wave) // 640)] for clip in corpus]
    encoder = tmp_path / "content.safetensors"
    save_component(build(CONTENT), encoder)
    fingerprint = file_fingerprint(encoder)[:8]
    store.add_track("content", content, rate=25, source="true phones", content_encoder=fingerprint)
    gpt = tiny.spec(
        "extensions.monotonic_alignment.AlignedSemanticGPT",
        n_phones=len(PHONES) + 1,
        n_codes=16,
        context_dim=len(CONTEXT),
        dim=32,
        n_heads=2,
        n_layers=2,
        ffn_dim=64,
        dropout=0.0,
    )
    task = tiny.spec(
        "training.gpt_task.GPTTask",
        semantic_gpt=gpt,
        weights={"code": 1.0, "advance": 1.0},
        learning_rate=5e-3,
        warm_up=5,
        guided_layer=-1,
    )
    more = {"content_file": str(encoder), "n_codes": 16, "batch_seconds": 12.0}
    experiment = tiny.experiment(task, data("SyntheticGPTData", tmp_path, **more), 80)
    made = fit(experiment, tmp_path / "gpt", progress_bar=False)
    module = build(experiment["data"])
    module.setup()
    (batch,) = module.val_dataloader()
    trained = build(task).eval()
    trained.semantic_gpt = load_component(made.weights["semantic_gpt"])
    trained.label_smoothing = 0.0
    with torch.no_grad():
        code = float(trained.losses(batch, guided=False).terms["code"])
    assert code < 0.5 * np.log(17), "nat; guessing among 16 codes and the stop gives log 17"
