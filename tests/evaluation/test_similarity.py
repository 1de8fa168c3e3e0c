"""Speaker similarity: the formulas by hand, GE2E on real voices."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch

from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Job
from gsv_lab.evaluation.measures.similarity import (
    GE2E,
    NetworkEmbedder,
    SpeakerEmbedder,
    SpeakerSimilarity,
    normalised_similarity,
    standing,
    unit,
)

from .makers import PitchEmbedder, tone, toy_list


def test_normalised_similarity() -> None:
    assert normalised_similarity(0.9, 0.9, 0.5) == 1
    assert normalised_similarity(0.5, 0.9, 0.5) == 0
    assert normalised_similarity(0.3, 0.9, 0.5) == pytest.approx(-0.5)
    assert math.isnan(normalised_similarity(0.3, 0.5, 0.5))


def test_standing_by_hand() -> None:
    cosines = {"own": 0.7, "other": 0.6, "third": 0.65}
    others = [{"own": 0.4, "other": 0.9, "third": 0.1}, {"own": 0.6, "other": 0.2, "third": 0.9}]
    found = standing(cosines, "own", ["other", "third"], 0.9, others)
    assert found.similarity == 0.7
    assert found.floor == pytest.approx(0.5)
    assert found.normalised == pytest.approx(0.5)
    assert found.nearest
    assert not standing(cosines | {"other": 0.7}, "own", ["other"], 0.9, others).nearest  # a tie is not nearest
    assert standing(cosines | {"other": 0.9}, "own", ["third"], 0.9, others).nearest  # `other` is the same speaker


def test_measure_gives_a_cosine_to_every_reference_of_the_language(tmp_path: Path) -> None:
    items = read_list(toy_list(tmp_path)).items
    measure = SpeakerSimilarity(PitchEmbedder(), items)
    assert isinstance(measure.embedder, SpeakerEmbedder)
    row = measure(items[0].target.read(), Job(items[0], "x", "en", None))
    assert row is not None
    assert row["own"] == "clips/ann_0.wav"
    assert set(row["cosines"]) == {"clips/ann_0.wav", "clips/bob_0.wav"}
    assert row["cosines"]["clips/ann_0.wav"] == pytest.approx(1, abs=1e-4)
    assert row["cosines"]["clips/bob_0.wav"] < 0.7
    silent = measure(np.zeros(0, dtype=np.float32), Job(items[0], "x", "en", None))
    assert silent is not None and set(silent["cosines"].values()) == {0.0}


def test_network_embedder_cuts_scales_and_knows_silence() -> None:
    seen = []

    def network(wave: torch.Tensor) -> torch.Tensor:
        seen.append(wave.shape)
        return torch.stack([wave.mean(-1), 1 + wave.abs().mean(-1)], dim=1)

    embedder = NetworkEmbedder(network, "toy", seconds=1.0)
    assert not embedder.embed(np.zeros(100, dtype=np.float32)).any()
    vector = embedder.embed(tone(200.0, 3.0))
    assert seen[-1] == (1, 1, 16000)
    assert np.linalg.norm(vector) == pytest.approx(1)
    assert not embedder.embed(np.zeros(0, dtype=np.float32)).any()
    assert embedder.name == "toy, first 1 s"
    assert not unit(np.zeros(3)).any()


def test_ge2e_tells_real_speakers_apart(shared: Path) -> None:
    pytest.importorskip("resemblyzer")
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    chosen = [next(item for item in items if item.speaker == name) for name in ("kathleen", "32", "S0150")]
    embedder = GE2E()
    references = [embedder.embed(item.reference.read()) for item in chosen]
    targets = [embedder.embed(item.target.read()) for item in chosen]
    cosines = np.array(targets) @ np.array(references).T
    assert np.allclose(np.linalg.norm(references, axis=1), 1, atol=1e-5)
    assert cosines.argmax(1).tolist() == [0, 1, 2]
    assert cosines.diagonal().min() > 0.7
    assert (cosines[~np.eye(3, dtype=bool)] < 0.75).all()
    # Only the first six seconds count, and silence is nobody.
    wave = chosen[1].reference.read()
    longer = np.concatenate([np.tile(wave, 3)[: 6 * 16000], chosen[0].reference.read()])
    assert np.allclose(embedder.embed(longer), embedder.embed(longer[: 6 * 16000]))
    assert not embedder.embed(np.zeros(32000, dtype=np.float32)).any()
