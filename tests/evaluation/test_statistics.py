"""Intervals and equal-error rates: closed forms, known answers, and coverage on simulated speakers."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.evaluation.statistics.resampling import (
    bootstrap,
    bootstrap_all,
    bootstrap_difference,
    bootstrap_interval,
    mean_of_means,
    rate,
    ratio_of_sums,
    resample,
)
from gsv_lab.evaluation.statistics.verification import equal_error


def test_whole_groups_are_drawn_and_their_clips_within() -> None:
    groups = ["a", "a", "a", "b", "c", "c"]
    drawn = resample(groups, 3000, seed=1)
    assert drawn.counts.shape == (3000, 6)
    np.testing.assert_allclose(drawn.shares, [1 / 3, 1 / 3, 1 / 3, 1, 1 / 2, 1 / 2])
    times = np.stack([drawn.counts[:, rows].sum(1) for rows in ([0, 1, 2], [3], [4, 5])])
    # As many groups as there are, each with as many clips as it has.
    assert set(np.unique(times[0])) == {0, 3, 6, 9} and set(np.unique(times[2])) == {0, 2, 4, 6}
    np.testing.assert_array_equal(times[0] / 3 + times[1] + times[2] / 2, 3)
    # A group is drawn 3 times with chance 1/27, no time with 8/27; every clip once a draw on average.
    for size, row in zip((3, 1, 2), times, strict=True):
        assert np.mean(row == 3 * size) == pytest.approx(1 / 27, abs=0.015)
        assert np.mean(row == 0) == pytest.approx(8 / 27, abs=0.03)
    np.testing.assert_allclose(drawn.counts.mean(0), 1, atol=0.07)
    # Clips of a group vary among themselves: "c" drawn once gives its first clip 0, 1, 2 times with chances 1, 2, 1.
    once = drawn.counts[times[2] == 2, 4]
    np.testing.assert_allclose(np.bincount(once.astype(int), minlength=3) / len(once), [1 / 4, 1 / 2, 1 / 4], atol=0.04)


def test_draws_repeat_and_cannot_be_spoilt() -> None:
    groups = ["a", "a", "b"]
    drawn = resample(groups, 50, seed=4).counts
    np.testing.assert_array_equal(resample(list(groups), 50, seed=4).counts, drawn)
    assert not np.array_equal(resample(groups, 50, seed=5).counts, drawn)
    with pytest.raises(ValueError, match="read-only"):
        drawn[0, 0] = 9


def test_point_values() -> None:
    groups = ["a", "a", "b"]
    assert bootstrap(mean_of_means([1, 3, 10]), groups, 10).value == 6  # (2 + 10) / 2, not 14 / 3
    assert bootstrap(ratio_of_sums([1, 0, 3], [2, 2, 4]), groups, 10).value == 0.5
    assert bootstrap(rate([0.5, 0, 0.75], [2, 2, 4]), groups, 10).value == 0.5
    assert bootstrap_interval([1, 3, 10], groups, draws=10).value == 6
    assert bootstrap_interval([0.5, 0, 0.75], groups, [2, 2, 4], draws=10).value == 0.5


def test_resampled_means_are_means_of_group_means() -> None:
    """A draw worked by its counts: groups of unequal size count as often as they were drawn."""
    groups, values = ["a", "a", "b"], np.array([1.0, 3.0, 10.0])
    drawn = resample(groups, 40, seed=2)
    for row, found in zip(drawn.counts, mean_of_means(values)(drawn), strict=True):
        of_a = row[0] * 1 / 2 + row[1] * 3 / 2  # mean of every drawn "a", added up
        assert found == pytest.approx((of_a + row[2] * 10) / 2)


def test_identical_values_have_no_width_and_seeds_repeat() -> None:
    groups = ["a", "a", "b", "b", "c"]
    same = bootstrap(mean_of_means([0.7] * 5), groups)
    assert same[:3] == pytest.approx((0.7, 0.7, 0.7), rel=1e-12)
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
    second = rng.normal(0, 10, 40)
    first = second + 0.5 + rng.normal(0, 0.2, 40)
    found = bootstrap_difference(first, second, [""] * 40)
    assert 0.4 < found.low < found.value < found.high < 0.6
    back = bootstrap_difference(second, first, [""] * 40)
    assert (back.value, back.low, back.high) == pytest.approx((-found.value, -found.high, -found.low))
    grouped = bootstrap_difference([1, 1, 4], [0, 0, 0], ["a", "a", "b"])
    assert grouped.value == 2.5
    assert (grouped.clips, grouped.groups) == (3, 2)


def test_difference_of_rates_has_weights_for_each_system() -> None:
    groups = ["a", "b", "c"]
    found = bootstrap_difference([0.5, 0.2, 0.1], [0.5, 0.0, 0.4], groups, ([2, 5, 10], [4, 5, 5]))
    assert found.value == pytest.approx(3 / 17 - 4 / 14)
    common = bootstrap_difference([0.5, 0.2, 0.1], [0.4, 0.1, 0.0], groups, [2, 5, 10])
    # The difficulty of a clip falls out of every draw.
    assert common[:3] == pytest.approx((0.1, 0.1, 0.1), rel=1e-12)
    again = bootstrap_difference([0.5, 0.2, 0.1], [0.4, 0.1, 0.0], groups, ([2, 5, 10], [2, 5, 10]))
    assert again == common


def test_undefined_draws_and_bad_arguments() -> None:
    # One of two clips has no words: draws of that clip alone have no rate and are left out.
    found = bootstrap(ratio_of_sums([2, 0], [4, 0]), ["a", "b"], 200)
    assert found[:3] == (0.5, 0.5, 0.5)
    nothing = bootstrap(ratio_of_sums([0, 0], [0, 0]), ["a", "b"], 20)
    assert np.isnan(nothing[:3]).all()
    one = bootstrap_interval([0.4], ["a"])
    assert one.value == 0.4 and np.isnan([one.low, one.high]).all()
    with pytest.raises(ValueError, match="no clips"):
        bootstrap(mean_of_means([]), [])
    with pytest.raises(ValueError, match="level"):
        bootstrap(mean_of_means([1.0]), ["a"], level=95)
    for first, second, weights in (
        ([1], [1, 2], None),
        ([1, 2], [1, 2], [3]),
        ([1, 2], [1, 2], ([3, 1, 1], [3, 1, 1])),
    ):
        with pytest.raises(ValueError, match="for 2 clips"):
            bootstrap_difference(first, second, ["a", "b"], weights)


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
