"""Intervals and equal-error rates: closed forms, known answers, and coverage on simulated speakers."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.evaluation.statistics.resampling import (
    bootstrap,
    bootstrap_all,
    mean_of_means,
    paired_difference,
    ratio_of_sums,
    resample,
    retained,
)
from gsv_lab.evaluation.statistics.verification import equal_error


def test_weights_are_whole_clusters_of_drawn_clips() -> None:
    groups = ["a", "a", "a", "b", "c", "c"]
    weights = np.concatenate(list(resample(groups, 300, seed=1)))
    assert weights.shape == (300, 3, 6)
    sizes = {frozenset({0, 1, 2}): 3, frozenset({3}): 1, frozenset({4, 5}): 2}
    for slot in weights.reshape(-1, 6):
        members = next(m for m in sizes if set(np.flatnonzero(slot)) <= m)
        assert slot.sum() == sizes[members]
    # Every clip is drawn as often as every other: once a draw on average.
    np.testing.assert_allclose(weights.sum(1).mean(0), 1, atol=0.25)


def test_blocks_do_not_change_the_number_of_draws(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gsv_lab.evaluation.statistics.resampling._CELLS", 50)
    assert sum(len(block) for block in resample(["a", "b"] * 5, 17, seed=0)) == 17


def test_point_values() -> None:
    groups = ["a", "a", "b"]
    assert bootstrap(mean_of_means([1, 3, 10]), groups, 10).value == 6  # (2 + 10) / 2, not 14 / 3
    assert bootstrap(ratio_of_sums([1, 0, 3], [2, 2, 4]), groups, 10).value == 0.5
    # accuracy 1/2 over accuracy 3/4
    assert bootstrap(retained([4, 1], [5, 5], [1, 1.5], [5, 5]), ["a", "b"], 10).value == pytest.approx(0.5 / 0.75)
    assert bootstrap(retained([9, 9], [5, 5], [1, 1], [5, 5]), ["a", "b"], 10).value == 0
    assert bootstrap(retained([1], [10], [2], [10]), ["a"], 10).value == pytest.approx(0.9 / 0.8)  # clearer than nature
    assert not np.isfinite(bootstrap(retained([1], [10], [10], [10]), ["a"], 10).value)


def test_identical_values_have_no_width_and_seeds_repeat() -> None:
    groups = ["a", "a", "b", "b", "c"]
    same = bootstrap(mean_of_means([0.7] * 5), groups)
    assert same.low == same.high == pytest.approx(0.7)
    assert (same.clips, same.groups) == (5, 3)
    values = [0.1, 0.9, 0.3, 0.4, 0.8]
    one = bootstrap(mean_of_means(values), groups, seed=3)
    assert one == bootstrap(mean_of_means(values), groups, seed=3)
    few = [bootstrap(mean_of_means(values), groups, draws=20, seed=seed) for seed in range(4)]
    assert len({(found.low, found.high) for found in few}) > 1
    assert bootstrap_all({"x": mean_of_means(values)}, groups, seed=3)["x"] == one


def test_single_group_is_the_bootstrap_of_a_mean() -> None:
    values = np.random.default_rng(0).normal(5, 2, 80)
    found = bootstrap(mean_of_means(values), [0] * 80, draws=4000)
    error = values.std() / np.sqrt(80)
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.1 * error * 2)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.1 * error * 2)


def test_coverage_on_simulated_speakers() -> None:
    """True mean 0; speakers differ by 1, their clips by 1: resampling clips alone promises far too much."""
    rng = np.random.default_rng(5)
    speakers, clips, trials = 16, 8, 120
    groups = list(np.repeat(np.arange(speakers), clips))
    inside = {"speakers": 0, "clips": 0}
    for trial in range(trials):
        values = np.repeat(rng.normal(size=speakers), clips) + rng.normal(size=speakers * clips)
        for name, chosen in (("speakers", groups), ("clips", [0] * len(groups))):
            found = bootstrap(mean_of_means(values), chosen, draws=200, seed=trial)
            inside[name] += found.low <= 0 <= found.high
    assert 0.89 <= inside["speakers"] / trials <= 0.985
    assert inside["clips"] / trials < 0.75


def test_paired_difference_ignores_what_pairs_share() -> None:
    rng = np.random.default_rng(2)
    before = rng.normal(0, 10, 40)
    after = before + 0.5 + rng.normal(0, 0.2, 40)
    found = paired_difference(before, after)
    assert 0.4 < found.low < found.value < found.high < 0.6
    back = paired_difference(after, before)
    assert back.value == pytest.approx(-found.value)
    grouped = paired_difference([0, 0, 0], [1, 1, 4], ["a", "a", "b"])
    assert grouped.value == 2.5


def test_undefined_draws_and_bad_arguments() -> None:
    # One of two clips has no natural accuracy at all: draws of that clip alone are undefined and left out.
    found = bootstrap(retained([0, 0], [4, 4], [4, 0], [4, 4]), ["a", "b"], 200)
    assert found.value == 2.0
    assert np.isfinite([found.low, found.high]).all()
    with pytest.raises(ValueError, match="no clips"):
        bootstrap(mean_of_means([]), [])
    with pytest.raises(ValueError, match="level"):
        bootstrap(mean_of_means([1.0]), ["a"], level=95)
    with pytest.raises(ValueError, match="before has 1 values but after has 2"):
        paired_difference([1], [1, 2])


@pytest.mark.parametrize(
    ("same", "different", "threshold", "rate"),
    [
        ([0.8, 0.9], [0.4, 0.6], 0.7, 0.0),
        ([0.5, 0.8, 0.9, 0.95], [0.3, 0.4, 0.45, 0.6], 0.55, 0.25),
        ([0.2, 0.3], [0.7, 0.8], 0.5, 1.0),
    ],
)
def test_equal_error(same: list[float], different: list[float], threshold: float, rate: float) -> None:
    found = equal_error(same, different)
    assert found[1] == pytest.approx(rate)
    assert found[0] == pytest.approx(threshold, abs=0.051)


def test_equal_error_of_two_normals() -> None:
    # Means one apart, deviation 0.5 both: threshold in the middle, error Phi(-1) = 0.1587.
    rng = np.random.default_rng(0)
    threshold, rate = equal_error(rng.normal(1, 0.5, 20000), rng.normal(0, 0.5, 20000))
    assert threshold == pytest.approx(0.5, abs=0.02)
    assert rate == pytest.approx(0.1587, abs=0.01)
    with pytest.raises(ValueError, match="0 same"):
        equal_error([], [0.1])
