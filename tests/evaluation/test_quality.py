"""DNSMOS: silence, real speech against the same speech in noise, nothing loaded before the first clip."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from gsv_lab.errors import LabError
from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Measure, quality
from gsv_lab.evaluation.measures.quality import KEYS, Dnsmos
from gsv_lab.system import extras

from .makers import job, tone


def test_scores_have_their_own_names_and_load_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package is looked for at once and loaded at the first clip, once."""
    loaded: list[str] = []
    heard: list[np.ndarray] = []

    def run(samples: np.ndarray, rate: int) -> dict[str, float]:
        heard.append(samples)
        return {key: number + 1.0 for number, key in enumerate(KEYS.values())}

    def package(name: str) -> Any:
        loaded.append(name)
        return SimpleNamespace(run=run)

    monkeypatch.setattr(quality, "check_installed", lambda *names: None)
    monkeypatch.setattr(quality, "require", package)
    measure = Dnsmos()
    assert isinstance(measure, Measure) and not measure.needs and (measure.name, measure.evaluator) == ("dnsmos",) * 2
    assert measure(np.zeros(16000, dtype=np.float32), job()) is None
    assert measure(np.zeros(0, dtype=np.float32), job()) is None
    assert not loaded
    found = measure(4 * tone(200.0), job())
    assert found == {"dnsmos": 1, "dnsmos_sig": 2, "dnsmos_bak": 3, "dnsmos_p808": 4}
    assert np.abs(heard[0]).max() == 1  # beyond full scale: limited, not refused
    measure(tone(200.0), job())
    assert loaded == ["speechmos.dnsmos"]
    monkeypatch.setattr(quality, "check_installed", extras.check_installed)
    monkeypatch.setattr(extras, "find_spec", lambda name: None if name == "onnxruntime" else "there")
    with pytest.raises(LabError, match=r"'onnxruntime'.*\[eval\]"):
        Dnsmos()


def test_noise_lowers_the_score(shared: Path) -> None:
    pytest.importorskip("speechmos")
    pytest.importorskip("onnxruntime")
    item = next(item for item in read_list(shared / "speech" / "evaluation_list.csv").items if item.speaker == "LJ")
    assert item.target is not None
    wave = item.target.read()
    measure = Dnsmos()
    clean = measure(wave, job())
    wave = wave / np.abs(wave).max()
    noise = np.random.default_rng(0).normal(0, wave.std() * 10 ** (-5 / 20), wave.size)
    noisy = measure((wave + noise).astype(np.float32), job())
    assert clean is not None and noisy is not None
    assert 2.3 < clean["dnsmos"] < 4.2
    assert noisy["dnsmos"] < clean["dnsmos"] - 0.5 and noisy["dnsmos_bak"] < clean["dnsmos_bak"] - 0.5
