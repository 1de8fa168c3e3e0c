"""Prosody: warping paths with known answers, pitch error in closed form, synthetic voices with a known melody."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from gsv_lab.evaluation.lists import read_list
from gsv_lab.evaluation.measures import Measure
from gsv_lab.evaluation.measures.prosody import (
    Prosody,
    dtw,
    frame_costs,
    pitch_error,
    pitch_spread,
    spoken_span,
    tracked_pitch,
)

from .makers import RATE, job, tone


def path_cost(cost: np.ndarray) -> float:
    """Cheapest path by plain recursion, the oracle."""
    best = np.full(cost.shape, np.inf)
    for i in range(cost.shape[0]):
        for j in range(cost.shape[1]):
            before = [best[i - a, j - b] for a, b in ((1, 0), (0, 1), (1, 1)) if i >= a and j >= b]
            best[i, j] = cost[i, j] + (min(before) if before else 0)
    return float(best[-1, -1])


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (6, 1), (9, 5), (13, 13)])
def test_dtw_is_the_cheapest_path(shape: tuple[int, int]) -> None:
    cost = np.random.default_rng(sum(shape)).random(shape)
    path = dtw(cost)
    assert path[0].tolist() == [0, 0] and path[-1].tolist() == [shape[0] - 1, shape[1] - 1]
    assert all(0 < (b - a).sum() <= 2 and (b - a).max() == 1 and (b - a).min() >= 0 for a, b in pairwise(path))
    assert cost[path[:, 0], path[:, 1]].sum() == pytest.approx(path_cost(cost))


def test_dtw_undoes_a_known_stretch() -> None:
    curve = np.cumsum(np.random.default_rng(1).normal(size=(40, 3)), axis=0)
    stretched = np.repeat(curve, 2, axis=0)
    path = dtw(frame_costs(curve, stretched))
    assert (path[:, 0] == path[:, 1] // 2).all()
    assert frame_costs(curve, stretched)[3, 7] == pytest.approx(0, abs=1e-5)
    assert frame_costs(curve, curve)[0, 5] == pytest.approx(np.linalg.norm(curve[0] - curve[5]))


def test_pitch_error_in_closed_form() -> None:
    natural = np.array([0.0, 100.0, 100.0, 200.0, 0.0])
    path = np.stack([np.arange(5)] * 2, axis=1)
    octave = pitch_error(natural, natural * 2, path)
    assert octave == (1200, 1200, 0, 3, pytest.approx(1))
    assert pitch_error(natural, natural, path) == (0, 0, 0, 3, pytest.approx(1))
    falling = np.array([0.0, 200.0, 200.0, 100.0, 0.0])
    assert pitch_error(natural, falling, path).correlation == pytest.approx(-1)
    voiced = pitch_error(natural, np.full(5, 100.0), path)
    assert voiced.voicing == pytest.approx(2 / 5)
    assert voiced.cents == pytest.approx(np.sqrt(1200**2 / 3))
    assert np.isnan(voiced.correlation)  # a flat voice goes with nothing
    silent = pitch_error(natural, np.zeros(5), path)
    assert np.isnan(silent.cents) and silent.voiced_pairs == 0
    assert pitch_error(natural, natural[:4], path).voicing == pytest.approx(1 / 5)  # its last frame is held


def test_spread_of_pitch() -> None:
    assert pitch_spread(np.array([100.0, 0.0, 200.0])) == pytest.approx(600)
    assert pitch_spread(np.zeros(3)) == 0
    curves = {8000: np.array([100.0, 200.0] * 25), 12000: np.array([100.0, 150.0] * 37 + [100.0])}
    row = Prosody(lambda wave: curves[wave.size], "by length")(tone(100.0, 0.75), job(natural=tone(100.0, 0.5)))
    assert row is not None and row["f0_spread"] == pytest.approx(np.log2(1.5), abs=2e-3)  # made over natural
    curves[8000] = np.full(50, 100.0)
    flat = Prosody(lambda wave: curves[wave.size], "by length")(tone(100.0, 0.75), job(natural=tone(100.0, 0.5)))
    assert flat is not None and "f0_spread" not in flat and "f0_correlation" not in flat and flat["f0_rmse"] > 0


def test_quiet_edges_are_left_out() -> None:
    quiet = np.full(RATE // 2, 1e-5, dtype=np.float32)
    start, end = spoken_span(np.concatenate([quiet, tone(150.0, 1.0), quiet]))
    assert start == pytest.approx(RATE / 2, abs=160) and end == pytest.approx(1.5 * RATE, abs=160)
    assert spoken_span(np.zeros(RATE, dtype=np.float32)) == (0, 0)
    assert spoken_span(np.zeros(0, dtype=np.float32)) == (0, 0)


def test_measure_with_known_pitch() -> None:
    """Tones of 100 and 112 Hz, the second half as long again: 196 cents and a duration ratio of 1.5."""
    measure = Prosody()
    row = measure(tone(112.0, 1.5), job(natural=tone(100.0, 1.0)))
    assert row is not None
    assert row["f0_rmse"] == pytest.approx(1200 * np.log2(1.12), abs=10)
    assert row["f0_offset"] == pytest.approx(1200 * np.log2(1.12), abs=10)
    assert row["duration_ratio"] == pytest.approx(1.5, abs=0.02)
    assert row["voicing_error"] < 0.05
    assert measure(np.zeros(RATE, dtype=np.float32), job(natural=tone(100.0))) == {"duration_ratio": 0.0}


def test_what_it_needs_and_where_it_has_nothing_to_say() -> None:
    measure = Prosody()
    assert isinstance(measure, Measure) and set(measure.needs) == {"natural"} and measure.evaluator == "signal"
    assert measure(tone(112.0), job()) is None
    assert measure(tone(112.0), job(natural=np.zeros(RATE, dtype=np.float32))) is None
    voiceless = Prosody(lambda wave: np.zeros(wave.size // 160), "never voiced")
    assert voiceless(tone(200.0), job(natural=tone(200.0))) == {"duration_ratio": 1, "voicing_error": 0}


def test_handed_in_tracker_is_used() -> None:
    measure = Prosody(lambda wave: np.full(wave.size // 160, 80.0), "always 80 Hz")
    row = measure(tone(200.0), job(natural=tone(100.0)))
    assert row is not None and row["f0_rmse"] == 0
    assert "always 80 Hz" in measure.identity


def test_real_speech_against_itself_and_faster(shared: Path) -> None:
    items = read_list(shared / "speech" / "evaluation_list.csv").items
    wave = next(item.target.read() for item in items if item.speaker == "kathleen" and item.target)
    measure = Prosody()
    same = measure(wave, job(natural=wave))
    assert same is not None
    assert same["f0_rmse"] == 0 and same["voicing_error"] == 0 and same["duration_ratio"] == 1
    median = np.median(tracked_pitch(wave)[tracked_pitch(wave) > 0])
    assert 120 < median < 300
    # Read faster, everything is higher and shorter by the same factor; the curves still match after warping.
    faster = np.interp(np.arange(0, wave.size - 1, 1.1), np.arange(wave.size), wave).astype(np.float32)
    moved = measure(faster, job(natural=wave))
    assert moved is not None
    assert moved["duration_ratio"] == pytest.approx(1 / 1.1, abs=0.02)
    assert moved["f0_offset"] == pytest.approx(1200 * np.log2(1.1), abs=25)
