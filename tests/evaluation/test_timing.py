"""Durations and silence of waves whose phones are known: a level stands for each phone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Measure, own
from gsv_lab.evaluation.measures.timing import Durations, SilenceShare

from . import makers

RATE, FRAMES = 16000, 50.0
LEVELS = {"AA": 0.2, "B": 0.4}


class Reader:
    """Stands for a recogniser: reads the phone of each frame from its level."""

    name, identity = "recogniser_en", "levels"
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


def job(natural: np.ndarray | None, language: str = "en") -> Any:
    return makers.job("ab", language, natural)


def spell(text: str, language: str) -> list[list[str]]:
    return [["AA"], ["B"]] if text == "ab" else [["AA"], ["ZH"]]


READER: Any = Reader()


@pytest.fixture
def silence() -> SilenceShare:
    return SilenceShare("en", READER, spell)


@pytest.fixture
def durations() -> Durations:
    return Durations("en", READER, spell)


def test_durations_and_silence_of_known_waves(silence: SilenceShare, durations: Durations) -> None:
    natural = wave(("AA", 10), ("", 20), ("B", 10), ("", 10))
    assert silence(natural, job(None)) == {"silence_share": pytest.approx(0.6)}  # nobody needs to have said it before
    same = durations(natural, job(natural))
    assert same is not None and same["duration_error"] == 0
    # 4 frames of 20 ms more are 2 codes for one phone, nothing for the other.
    made = wave(("AA", 14), ("B", 10))
    assert silence(made, job(natural)) == {"silence_share": 0}
    found = durations(made, job(natural))
    assert found is not None and found["duration_error"] == pytest.approx(1.0)


def test_correlation_of_durations(durations: Durations) -> None:
    natural = wave(("AA", 5), ("B", 20))
    for made, expected in (((6, 30), 1), ((20, 5), -1)):
        found = durations(wave(("AA", made[0]), ("B", made[1])), job(natural))
        assert found is not None and found["duration_correlation"] == pytest.approx(expected)
    alike = durations(wave(("AA", 9), ("B", 9)), job(natural))
    assert alike is not None and "duration_correlation" not in alike


def test_what_they_need_and_where_nothing_can_be_measured(silence: SilenceShare, durations: Durations) -> None:
    natural = wave(("AA", 10), ("B", 10))
    for measure in (silence, durations):
        assert isinstance(measure, Measure)
        assert measure.evaluator == "recogniser_en" and measure.identity == "forced alignment by levels"
        assert measure(natural, job(natural, "zh")) is None
        assert measure(np.zeros(RATE, dtype=np.float32), job(natural)) is None
        assert measure(wave(("AA", 1)), job(natural)) is None  # too short for two phones
        assert measure(natural, makers.job("mixed", "en", natural)) is None  # a phone that the reader does not know
    assert set(silence.needs) == {"text"} and set(durations.needs) == {"text", "natural"}
    assert durations(natural, job(None)) is None
    assert durations(natural, job(wave(("AA", 1)))) is None
    refusing = SilenceShare("en", READER)
    assert refusing(natural, makers.job("...")) is None


def test_real_speech_with_the_shipped_recognisers(shared: Path) -> None:
    """A recording against itself, and with a second of silence behind it."""
    recogniser = own.recognisers()[0]["en"]
    silence = SilenceShare("en", recogniser)
    item = next(
        item for item in read_list(shared / "speech" / "evaluation_list.csv").items if item.speaker == "kathleen"
    )
    assert item.target is not None
    natural = item.target.read()
    wanted = makers.job(item.text, "en", natural)
    same = Durations("en", recogniser)(natural, wanted)
    before = silence(natural, wanted)
    assert same is not None and same["duration_error"] == 0
    assert before is not None and 0 <= before["silence_share"] < 0.4
    quiet = np.concatenate([natural, np.zeros(RATE, dtype=np.float32)])
    after = silence(quiet, wanted)
    assert after is not None
    added = (before["silence_share"] * natural.size + RATE) / quiet.size
    assert after["silence_share"] == pytest.approx(added, abs=0.06)
