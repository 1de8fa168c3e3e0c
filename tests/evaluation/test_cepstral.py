"""Mel-cepstral distortion: closed forms, filters of known effect, what must not count, and how long it takes."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest

from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Measure
from gsv_lab.evaluation.measures.cepstral import BANDS, CepstralDistortion, cepstrum, distortion

from .makers import RATE, job, tone

DB = 20 / np.log(10)  # dB of a magnitude whose logarithm is 1


@pytest.fixture(scope="module")
def speech(shared: Path) -> np.ndarray:
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    return next(item.target.read() for item in items if item.speaker == "LJ" and item.target)[: 5 * RATE]


def mcd(wave: np.ndarray, natural: np.ndarray) -> float:
    found = CepstralDistortion()(wave, job(natural=natural))
    assert found is not None and set(found) == {"mcd"}
    return found["mcd"]


def ripple(number: int, height: float) -> np.ndarray:
    """A cosine over the bands, number 0 a change of level."""
    return height * np.cos(np.pi * number * (np.arange(BANDS) + 0.5) / BANDS)


@pytest.mark.parametrize("number", [1, 2, 13])
def test_a_ripple_over_the_bands_has_one_coefficient(number: int) -> None:
    frames = np.random.default_rng(number).normal(size=(5, BANDS))
    change = cepstrum(frames + ripple(number, 0.7)) - cepstrum(frames)
    expected = np.zeros(13)
    expected[number - 1] = 0.7
    assert change == pytest.approx(np.tile(expected, (5, 1)), abs=1e-9)
    one, other = cepstrum(frames[:1]), cepstrum(frames[:1] + ripple(number, 0.7))
    assert distortion(one, other) == pytest.approx(DB * 0.7 / np.sqrt(2))  # root mean square of the ripple in dB


@pytest.mark.parametrize("number", [0, 14, 40])
def test_level_and_fine_ripples_do_not_count(number: int) -> None:
    frames = np.random.default_rng(0).normal(size=(5, BANDS))
    assert cepstrum(frames + ripple(number, 3.0)) == pytest.approx(cepstrum(frames), abs=1e-9)


def test_a_filter_of_known_shape(speech: np.ndarray) -> None:
    """A gain of exp(0.5 cos(2 pi mel / mel of 8 kHz)) is a ripple of number 2 and 3.07 dB."""
    hertz = np.fft.rfftfreq(speech.size, 1 / RATE)
    # The scale of the filters: linear below 1 kHz, logarithmic above (Slaney).
    mel = np.where(hertz < 1000, hertz * 3 / 200, 15 + np.log(np.maximum(hertz, 1000) / 1000) * 27 / np.log(6.4))
    gain = np.exp(0.5 * np.cos(2 * np.pi * mel / mel[-1]))
    filtered = np.fft.irfft(np.fft.rfft(speech) * gain, speech.size).astype(np.float32)
    assert mcd(filtered, speech) == pytest.approx(DB * 0.5 / np.sqrt(2), rel=0.1)


def test_a_copy_another_gain_and_a_delay_are_no_distortion(speech: np.ndarray) -> None:
    assert mcd(speech, speech) == 0
    assert mcd(0.3 * speech, speech) < 0.02
    late = np.concatenate([np.zeros(4000, np.float32), speech, np.zeros(1600, np.float32)])
    assert mcd(late, speech) < 0.3
    middle = speech.size // 2
    paused = np.concatenate([speech[:middle], np.full(1600, 1e-4, np.float32), speech[middle:]])
    assert mcd(paused, speech) < 1.0
    assert mcd(speech[::-1].copy(), speech) > 5


def test_it_is_symmetric_and_orders_noise(speech: np.ndarray) -> None:
    noise = np.random.default_rng(0).normal(0, speech.std(), speech.size).astype(np.float32)
    values = [mcd(speech + share * noise, speech) for share in (0.03, 0.1, 0.3)]
    assert values == sorted(values) and values[0] > 0.5
    assert mcd(speech, speech + 0.1 * noise) == pytest.approx(values[1], rel=0.05)


def test_what_it_needs_and_where_it_has_nothing_to_say(speech: np.ndarray) -> None:
    measure = CepstralDistortion()
    assert isinstance(measure, Measure) and set(measure.needs) == {"natural"} and measure.evaluator == "signal"
    silence = np.zeros(RATE, dtype=np.float32)
    assert measure(speech, job()) is None
    assert measure(silence, job(natural=speech)) is None and measure(speech, job(natural=silence)) is None
    assert measure(tone(200.0, 0.05), job(natural=speech)) is None


def test_two_clips_of_five_seconds_take_a_moment(speech: np.ndarray) -> None:
    spent = []
    for _ in range(3):
        start = time.process_time()
        mcd(speech, speech)
        spent.append(time.process_time() - start)
    assert min(spent) < 0.6
