"""Tempo: syllables of known texts, and real speech with a pause of known length put in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from gsv_lab.errors import TextError
from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Measure
from gsv_lab.evaluation.measures.tempo import PauseShare, SpeakingRate, spans_of, syllables
from gsv_lab.evaluation.measures.text import folded_words

from .makers import RATE, job, tone


@pytest.fixture(scope="module")
def speech(shared: Path) -> np.ndarray:
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    return next(item.target.read() for item in items if item.speaker == "kathleen" and item.target)


@pytest.mark.parametrize(
    "text, language, count",
    [
        ("The cat sat.", "en", 3),
        ("Seven bananas, remarkable!", "en", 9),
        ("\u4eca\u5929\u5929\u6c14\u5f88\u597d\u3002", "zh", 6),
        ("\u94f6\u884c\u548c\u6211\u7684\u73e0\u5b50", "zh", 7),
    ],
)
def test_syllables_of_texts(text: str, language: str, count: int) -> None:
    assert syllables(folded_words(text, language)) == count


def test_rate_is_syllables_over_speech(speech: np.ndarray) -> None:
    seconds = sum(span.length for span in spans_of(speech)) / RATE
    assert 1 < seconds < len(speech) / RATE
    measure = SpeakingRate(lambda text, language: [["AH", "T"], ["IY"], ["T"]])
    assert measure(speech, job("any")) == {"speaking_rate": pytest.approx(2 / seconds)}
    faster = np.interp(np.arange(0, speech.size - 1, 1.25), np.arange(speech.size), speech).astype(np.float32)
    quick = measure(faster, job("any"))
    assert quick is not None and quick["speaking_rate"] == pytest.approx(1.25 * 2 / seconds, rel=0.06)


def test_a_natural_clip_has_a_natural_rate(shared: Path) -> None:
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    for language in ("en", "zh"):
        item = next(item for item in items if item.language == language and item.target)
        assert item.target is not None
        found = SpeakingRate()(item.target.read(), job(item.text, language))
        assert found is not None and 2 < found["speaking_rate"] < 8


def test_a_pause_that_is_put_in_counts(speech: np.ndarray) -> None:
    start, end = spans_of(speech)[0].start, spans_of(speech)[-1].end
    middle, pause = (start + end) // 2, RATE
    longer = np.concatenate([speech[:middle], np.zeros(pause, np.float32), speech[middle:]])
    before, after = PauseShare()(speech, job()), PauseShare()(longer, job())
    assert before is not None and after is not None
    expected = (before["pause_share"] * (end - start) + pause) / (end - start + pause)
    assert after["pause_share"] == pytest.approx(expected, abs=0.05)
    edges = np.concatenate([np.zeros(RATE, np.float32), speech, np.zeros(RATE, np.float32)])
    padded = PauseShare()(edges, job())
    assert padded is not None and padded["pause_share"] == pytest.approx(before["pause_share"], abs=0.05)


def test_what_they_need_and_where_they_have_nothing_to_say(speech: np.ndarray) -> None:
    rate, pauses = SpeakingRate(), PauseShare()
    assert isinstance(rate, Measure) and set(rate.needs) == {"text"} and rate.evaluator == "silero-vad"
    assert isinstance(pauses, Measure) and not pauses.needs
    silence = np.zeros(RATE, dtype=np.float32)
    assert rate(silence, job("one two")) is None and pauses(silence, job()) is None
    assert rate(np.zeros(0, np.float32), job("one two")) is None
    assert rate(speech, job("x", language="en")) is not None
    assert SpeakingRate(lambda text, language: [["T"]])(speech, job("t")) is None

    def refuse(text: str, language: str) -> list[list[str]]:
        raise TextError("TEXT_EMPTY", "nothing")

    assert SpeakingRate(refuse)(speech, job("?")) is None
    assert pauses(tone(200.0, 0.05), job()) is None
