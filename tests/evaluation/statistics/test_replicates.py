"""Differences over speakers and seeds: against a textbook analysis of variance, by simulation, and against the power of
noncentral t."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from gsv_lab.evaluation.statistics.intervals import difference
from gsv_lab.evaluation.statistics.replicates import detectable, replicated_difference, seed_deviation


def crossed(table: np.ndarray, clips: int = 1) -> tuple[np.ndarray, list[str], list[int]]:
    """Values of a table (P, S), each clip with the value of its cell; speakers and seeds."""
    rows, columns = table.shape
    values = np.repeat(table.reshape(-1), clips)
    speakers = [f"s{row:02d}" for row in range(rows) for _ in range(columns * clips)]
    seeds = [column for _ in range(rows) for column in range(columns) for _ in range(clips)]
    return values, speakers, seeds


def test_the_standard_error_is_that_of_the_two_way_table() -> None:
    """Worked by hand: rows 1, 2 and 3, 6; mean 3, MS of rows 9, of columns 4, of the rest 1."""
    values, speakers, seeds = crossed(np.array([[1.0, 2.0], [3.0, 6.0]]), clips=3)
    found = replicated_difference(values, np.zeros(12), speakers, seeds)
    error = np.sqrt((9 + 4 - 1) / 4)
    df = 12**2 / (81 + 16 + 1)
    assert found.value == 3 and found.high == pytest.approx(3 + error * stats.t.ppf(0.975, df))
    assert found.p == pytest.approx(2 * stats.t.sf(3 / error, df))
    assert found[4:] == ("speaker", 2, 2, 6)


def test_a_variance_below_the_larger_part_is_not_believed() -> None:
    """Seeds that cancel what speakers add: the seeds' mean square is smaller than the rest."""
    values, speakers, seeds = crossed(np.array([[1.0, 3.0], [5.0, 3.0]]))
    found = replicated_difference(values, np.zeros(4), speakers, seeds)
    assert found.high - found.value == pytest.approx(np.sqrt(4 / 4) * stats.t.ppf(0.975, 1))


def test_with_one_seed_it_is_the_difference_over_speakers() -> None:
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 12))
    speakers = ["a", "b", "c"] * 4
    found, plain = replicated_difference(first, second, speakers, [5] * 12), difference(first, second, speakers)
    assert found[:5] == plain[:5] and (found.seeds, found.clips) == (1, 12)


def test_one_speaker_leaves_clips_and_seeds() -> None:
    table = np.random.default_rng(1).normal(1.0, 1.0, (6, 3))
    values, clips, seeds = crossed(table)
    alone = replicated_difference(values, np.zeros(18), ["me"] * 18, seeds)
    named = replicated_difference(values, np.zeros(18), clips, seeds)
    assert alone[:4] == pytest.approx(named[:4]) and (alone.unit, named.unit) == ("clip", "speaker")


def test_equal_values_differ_by_nothing_for_sure() -> None:
    values, speakers, seeds = crossed(np.ones((3, 4)))
    assert replicated_difference(values, values, speakers, seeds)[:4] == (0, 0, 0, 1)
    found = replicated_difference(values, 0 * values, speakers, seeds)
    assert found[:3] == (1, 1, 1) and found.p == 2.0**-2


def test_what_is_no_table_is_refused() -> None:
    with pytest.raises(ValueError, match="same number of clips"):
        replicated_difference([1, 2, 3], [0, 0, 0], ["a", "a", "b"], [0, 1, 0])
    with pytest.raises(ValueError, match="not a finite number"):
        replicated_difference([1, np.nan], [0, 0], ["a", "a"], [0, 1])
    with pytest.raises(ValueError, match="0 differences"):
        replicated_difference([], [], [], [])
    with pytest.raises(ValueError, match="1 seeds"):
        seed_deviation([1.0], ["a"], [0])


@pytest.mark.parametrize(("people", "seeds", "least"), [(4, 2, 0.89), (4, 3, 0.92), (12, 5, 0.92), (4, 20, 0.92)])
@pytest.mark.parametrize("parts", [(0.0, 1.0, 0.3), (1.0, 0.0, 0.3), (0.5, 0.5, 0.5)])
def test_intervals_hold_the_truth(people: int, seeds: int, least: float, parts: tuple[float, float, float]) -> None:
    """Speakers, seeds and the rest add to each difference; the true one is 0."""
    rng = np.random.default_rng(2)
    held = 0
    for _ in range(400):
        of_speakers, of_seeds = parts[0] * rng.normal(size=(people, 1)), parts[1] * rng.normal(size=(1, seeds))
        values, names, numbers = crossed(of_speakers + of_seeds + parts[2] * rng.normal(size=(people, seeds)))
        found = replicated_difference(values, np.zeros(len(values)), names, numbers)
        held += found.low <= 0 <= found.high
    assert least - 0.03 <= held / 400


def test_a_detectable_difference_is_detected_as_often_as_wanted() -> None:
    """Two ways of training that vary from seed to seed alike, compared 4,000 times."""
    rng = np.random.default_rng(3)
    for seeds in (3, 8):
        away = detectable(1.0, seeds)
        d = rng.normal(away, np.sqrt(2), (4000, seeds))
        found = stats.ttest_1samp(d, 0, axis=1).pvalue < 0.05
        assert found.mean() == pytest.approx(0.8, abs=0.03)
    assert detectable(1.0, 8, tests=10) > detectable(1.0, 8) and np.isnan(detectable(1.0, 1))


def test_the_deviation_from_seed_to_seed() -> None:
    values, speakers, seeds = crossed(np.array([[0.0, 2.0], [2.0, 4.0]]), clips=2)
    assert seed_deviation(values, speakers, seeds) == pytest.approx(np.sqrt(2))
