"""Intervals hold the truth as often as they promise, on simulated speakers; wrong ones do not, and are caught."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.evaluation.statistics import simulation
from gsv_lab.evaluation.statistics.simulation import METHODS, POPULATIONS, SPEAKERS, coverage, table

PRIMARY = ["t over speakers"]


@pytest.mark.parametrize("population", POPULATIONS)
def test_the_truth_is_the_mean_of_many_speakers(population: str) -> None:
    sample = POPULATIONS[population](np.random.default_rng(1), 40_000)
    weights = np.ones_like(sample.values) if sample.weights is None else sample.weights
    means = np.average(sample.values, axis=1, weights=weights)
    assert means == pytest.approx(sample.truth, abs=0.025 if sample.weights is None else 0.002)


@pytest.mark.parametrize("population", ["normal", "exponential speakers", "log-normal speakers"])
def test_speakers_and_clips_vary_alike(population: str) -> None:
    """Deviation 1 between speakers and 1 within them; both systems share much of it."""
    sample = POPULATIONS[population](np.random.default_rng(1), 40_000)
    first, second = sample.values
    cells = first.reshape(-1, simulation.CLIPS)
    assert cells.std(1, ddof=1).mean() == pytest.approx(0.97, abs=0.02)
    assert cells.mean(1).std() == pytest.approx(np.sqrt(1 + 1 / simulation.CLIPS), rel=0.1)
    assert 0.3 < np.corrcoef(first, second)[0, 1] < 0.9


@pytest.mark.parametrize("speakers", [4, 8])
def test_t_over_speakers_keeps_its_promise_and_t_over_clips_does_not(speakers: int) -> None:
    primary, over_clips = coverage("normal", speakers, 500, methods=["t over speakers", "t over clips"], seed=3)
    for share in (primary.mean, primary.difference):
        assert 0.93 <= share <= 0.97
    for share in (over_clips.mean, over_clips.difference):
        assert share < 0.8


def test_bootstrap_covers_less_with_few_speakers() -> None:
    primary, drawn = coverage("normal", 4, 300, draws=400, methods=METHODS[:2], seed=5)
    assert drawn.method == "bootstrap"
    assert 0.78 < drawn.mean < 0.93 and 0.78 < drawn.difference < 0.93
    assert drawn.mean < primary.mean - 0.02
    (more,) = coverage("normal", 30, 300, draws=400, methods=["bootstrap"], seed=5)
    assert 0.92 <= more.mean <= 0.985 and 0.92 <= more.difference <= 0.985


def test_rates_of_unequal_clips() -> None:
    primary, over_clips = coverage("word error rates", 30, 300, methods=["t over speakers", "t over clips"])
    assert 0.91 <= primary.mean <= 0.98 and 0.91 <= primary.difference <= 0.98
    assert over_clips.mean < 0.87


def test_table_names_every_size_and_method() -> None:
    rows = [row for size in (4, 8) for row in coverage("normal", size, 20, draws=20)]
    lines = table(rows).splitlines()
    assert lines[0] == "| effects | interval | 4 speakers | 8 speakers |"
    assert [line.split(" | ")[1] for line in lines[2:]] == list(METHODS)
    assert f"{rows[0].mean:.1%} / {rows[0].difference:.1%}" in lines[2]
    assert rows == [row for size in (4, 8) for row in coverage("normal", size, 20, draws=20)]


@pytest.mark.slow
def test_coverage_of_the_full_size(capsys: pytest.CaptureFixture[str]) -> None:
    """The goal: with normal effects the primary interval covers 93 to 97 % at 4, 8 and 30 speakers."""
    for speakers in SPEAKERS:
        (found,) = coverage("normal", speakers, methods=PRIMARY)
        assert 0.93 <= found.mean <= 0.97 and 0.93 <= found.difference <= 0.97, found
    simulation.main()
    printed = capsys.readouterr().out
    assert len(printed.splitlines()) == 2 + len(POPULATIONS) * len(METHODS)
