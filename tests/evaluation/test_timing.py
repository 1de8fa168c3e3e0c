"""Durations and silence of waves whose phones are known: a level stands for each phone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.evaluation.lists import Clip, Item, read_list
from gsv_lab.evaluation.measures import Job, own
from gsv_lab.evaluation.measures.timing import Timing
from gsv_lab.inference.lab import load

RATE, FRAMES = 16000, 50.0
LEVELS = {"AA": 0.2, "B": 0.4}


class Reader:
    """Stands for a recogniser: reads the phone of each frame from its level."""

    recogniser = SimpleNamespace(phone_names=tuple(LEVELS), frame_rate=FRAMES)

    def scores(self, wave: np.ndarray) -> torch.Tensor:
        level = wave.reshape(-1, int(RATE / FRAMES)).max(1)
        best = [1 + min(range(2), key=lambda i: abs(list(LEVELS.values())[i] - x)) if x > 0.1 else 0 for x in level]
        table = torch.full((len(best), 3), -9.0)
        table[range(len(best)), best] = -0.001
        return table


def wave(*parts: tuple[str, int]) -> np.ndarray:
    """Phones, "" for silence, and how many frames each lasts."""
    frames = [LEVELS.get(phone, 0.0) for phone, count in parts for _ in range(count)]
    return np.repeat(np.array(frames, dtype=np.float32), int(RATE / FRAMES))


def job(natural: np.ndarray | None, language: str = "en") -> Job:
    clip = Clip(Path("x.wav"), "x.wav", "s", language, "ab")
    return Job(Item(clip, clip, 1.0), "ab", language, natural)


@pytest.fixture
def timing() -> Timing:
    recognisers: Any = {"en": Reader()}
    return Timing(recognisers, "levels", lambda text, language: [["AA"], ["B"]])


def test_durations_and_silence_of_known_waves(timing: Timing) -> None:
    natural = wave(("AA", 10), ("", 20), ("B", 10), ("", 10))
    same = timing(natural, job(natural))
    assert same is not None and same["silence"] == pytest.approx(0.6) and same["duration_error"] == 0
    # 4 frames of 20 ms more are 2 codes for one phone, nothing for the other.
    made = timing(wave(("AA", 14), ("B", 10)), job(natural))
    assert made is not None
    assert made["silence"] == 0 and made["duration_error"] == pytest.approx(1.0)


def test_correlation_of_durations(timing: Timing) -> None:
    natural = wave(("AA", 5), ("B", 20))
    assert timing(wave(("AA", 6), ("B", 30)), job(natural))["duration_correlation"] == pytest.approx(1)  # type: ignore[index]
    assert timing(wave(("AA", 20), ("B", 5)), job(natural))["duration_correlation"] == pytest.approx(-1)  # type: ignore[index]
    assert "duration_correlation" not in timing(wave(("AA", 9), ("B", 9)), job(natural))  # type: ignore[operator]


def test_where_nothing_can_be_measured(timing: Timing) -> None:
    natural = wave(("AA", 10), ("B", 10))
    assert timing(natural, job(natural, "zh")) is None
    assert timing(np.zeros(RATE, dtype=np.float32), job(natural)) is None
    assert timing(wave(("AA", 1)), job(natural)) is None  # too short for two phones
    assert timing(natural, job(None)) == {"silence": 0.0}  # nobody has said this text
    assert "levels" in timing.identity


def test_real_speech_with_the_shipped_recognisers(shared: Path) -> None:
    """A recording against itself, and with half a second of silence put into its middle."""
    recognisers, name = own.recognisers(load("nano"))
    measure = Timing(recognisers, name)  # type: ignore[arg-type]
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    item = next(item for item in items if item.speaker == "kathleen")
    natural = item.target.read()
    wanted = Job(item, item.target.text, "en", natural)
    same = measure(natural, wanted)
    assert same is not None and same["duration_error"] == 0 and 0 <= same["silence"] < 0.4
    quiet = np.concatenate([natural, np.zeros(RATE, dtype=np.float32)])
    longer = measure(quiet, wanted)
    assert longer is not None
    added = (same["silence"] * natural.size + RATE) / quiet.size
    assert longer["silence"] == pytest.approx(added, abs=0.06)
