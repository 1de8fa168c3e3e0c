"""DNSMOS: silence, real speech against the same speech in noise."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures.quality import Dnsmos


def test_noise_lowers_the_score_and_silence_has_none(shared: Path) -> None:
    pytest.importorskip("speechmos")
    pytest.importorskip("onnxruntime")
    item = next(item for item in read_list(shared / "speech" / "evaluation_list.csv").items if item.speaker == "LJ")
    wave = item.target.read()
    measure = Dnsmos()
    clean = measure.score(wave)
    wave = wave / np.abs(wave).max()
    noise = np.random.default_rng(0).normal(0, wave.std() * 10 ** (-5 / 20), wave.size)
    noisy = measure.score((wave + noise).astype(np.float32))
    assert clean is not None and noisy is not None
    assert set(clean) == {"ovrl", "sig", "bak", "p808"}
    assert 2.3 < clean["ovrl"] < 4.2
    assert noisy["ovrl"] < clean["ovrl"] - 0.5
    assert np.abs(wave + noise).max() > 1  # beyond full scale: limited, not refused
    assert measure.score(np.zeros(16000, dtype=np.float32)) is None
    assert measure.score(np.zeros(0, dtype=np.float32)) is None
