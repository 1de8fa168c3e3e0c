"""Signal measures of copies: SI-SNR in closed form, known values of STOI and PESQ, and that no other is measured."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gsv_lab.errors import LabError
from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Found, Measure
from gsv_lab.evaluation.measures import signal as module
from gsv_lab.evaluation.measures.signal import Pesq, SiSnr, Stoi, si_snr

from .makers import RATE, job


@pytest.fixture(scope="module")
def speech(shared: Path) -> np.ndarray:
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    return next(item.target.read() for item in items if item.speaker == "LJ" and item.target)[: 4 * RATE]


@pytest.fixture(params=[("pystoi", Stoi), ("pesq", Pesq), ("", SiSnr)], ids=["stoi", "pesq", "si_snr"])
def measure(request: pytest.FixtureRequest) -> Any:
    package, kind = request.param
    if package:
        pytest.importorskip(package)
    return kind()


def copy_of(natural: np.ndarray | None, aligned: bool = True) -> Any:
    return replace(job(natural=natural), aligned=aligned)


def noisy(wave: np.ndarray, decibels: float) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=wave.size)
    noise *= np.sqrt((wave**2).mean() / (noise**2).mean()) * 10 ** (-decibels / 20)
    return (wave + noise).astype(np.float32)


def value(found: Found | None) -> float:
    assert found is not None and len(found) == 1
    return next(iter(found.values()))


def test_perfect_copies_and_noise(measure: Any, speech: np.ndarray) -> None:
    perfect = {"stoi": 1.0, "pesq": 4.64, "si_snr": 100.0}[measure.name]
    values = [value(measure(noisy(speech, decibels), copy_of(speech))) for decibels in (0, 10, 20)]
    assert values == sorted(values)
    assert value(measure(speech, copy_of(speech))) == pytest.approx(perfect, abs=0.01)
    at_ten_decibels = {"stoi": (0.7, 0.97), "pesq": (1.0, 1.8), "si_snr": (9.9, 10.1)}[measure.name]
    assert at_ten_decibels[0] < values[1] < at_ten_decibels[1]


def test_only_copies_are_measured(measure: Any, speech: np.ndarray) -> None:
    assert isinstance(measure, Measure) and set(measure.needs) == {"natural"} and measure.evaluator == "signal"
    assert measure(speech, copy_of(speech, aligned=False)) is None
    assert measure(speech, copy_of(None)) is None


def test_why_only_copies_are_measured(measure: Any, speech: np.ndarray) -> None:
    """The same samples 100 ms late sound the same, and every one of these measures falls."""
    late = np.concatenate([np.zeros(RATE // 10, np.float32), speech])
    perfect, shifted = (value(measure(wave, copy_of(speech))) for wave in (speech, late))
    if measure.name == "pesq":
        assert shifted <= perfect  # it looks for the delay itself, within limits
    else:
        assert shifted < perfect - 0.4


def test_silence_and_scraps_have_no_value(measure: Any, speech: np.ndarray) -> None:
    silence = np.zeros(RATE, dtype=np.float32)
    assert measure(silence, copy_of(speech)) is None and measure(speech, copy_of(silence)) is None
    assert measure(speech[:4000], copy_of(speech)) is None
    assert measure(speech, copy_of(speech[:0])) is None


def test_the_longer_one_is_cut(measure: Any, speech: np.ndarray) -> None:
    longer = np.concatenate([speech, noisy(speech[:RATE], 0)])
    assert measure(longer, copy_of(speech)) == measure(speech, copy_of(speech))
    assert value(measure(speech, copy_of(longer))) == value(measure(speech, copy_of(speech)))


def test_too_little_speech_for_stoi(speech: np.ndarray) -> None:
    pytest.importorskip("pystoi")
    loudest = int(np.abs(speech).argmax())
    scrap = np.zeros(RATE, dtype=np.float32)
    scrap[4000:6000] = speech[max(0, loudest - 1000) :][:2000]
    assert Stoi()(scrap, copy_of(scrap)) is None


def test_si_snr_in_closed_form() -> None:
    time = np.arange(8000)
    target, other = np.sin(2 * np.pi * time / 80), np.cos(2 * np.pi * time / 80)
    assert si_snr(target, target + 0.1 * other) == pytest.approx(20)
    assert si_snr(target, 7 * (target + 0.1 * other) + 3) == pytest.approx(20)  # neither gain nor offset
    assert si_snr(target, -target) == 100
    assert si_snr(target, other) == pytest.approx(-100) or si_snr(target, other) < -90
    assert si_snr(target, 0 * target) == -100 and si_snr(0 * target, target) == -100


def test_absent_packages_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(*names: str, extra: str = "eval") -> None:
        raise LabError("EXTRA_MISSING", f"The package {names[0]!r} is not installed", f"the extra [{extra}]")

    monkeypatch.setattr(module, "check_installed", absent)
    with pytest.raises(LabError, match=r"'pystoi'.*\[eval\]"):
        Stoi()
    with pytest.raises(LabError, match=r"'pesq'.*\[pesq\]"):
        Pesq()
