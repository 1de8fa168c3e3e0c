"""Student's t over speakers against SciPy and hand-worked numbers; rates by linearisation; Holm's correction."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from gsv_lab.evaluation.statistics.intervals import difference, holm, interval

SPEAKERS = ["ann"] * 3 + ["bob"] * 5 + ["cid"] * 2 + ["dot"] * 7
EVEN = ["ann", "bob", "cid", "dot", "eve"] * 4


def by_speaker(values: np.ndarray, speakers: list[str]) -> np.ndarray:
    names = np.array(speakers)
    return np.array([values[names == name].mean() for name in sorted(set(speakers))])


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


@pytest.mark.parametrize("level", [0.9, 0.95])
def test_mean_is_students_t_over_speaker_means(rng: np.random.Generator, level: float) -> None:
    values = rng.normal(2, 1, len(SPEAKERS))
    means = by_speaker(values, SPEAKERS)
    found = interval(values, SPEAKERS, level=level)
    assert found.value == pytest.approx(means.mean(), rel=1e-12)
    expected = stats.t.interval(level, 3, means.mean(), stats.sem(means))
    assert (found.low, found.high) == pytest.approx(expected, rel=1e-12)
    assert (found.unit, found.speakers, found.clips) == ("speaker", 4, 17)


def test_difference_is_the_paired_t_test_of_speaker_means(rng: np.random.Generator) -> None:
    second = rng.normal(0, 5, len(SPEAKERS))
    first = second + rng.normal(0.5, 0.4, len(SPEAKERS))
    expected = stats.ttest_rel(by_speaker(first, SPEAKERS), by_speaker(second, SPEAKERS))
    found = difference(first, second, SPEAKERS)
    assert found.value == pytest.approx(by_speaker(first - second, SPEAKERS).mean())
    assert found.p == pytest.approx(expected.pvalue, rel=1e-9)
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval(0.95)), rel=1e-9)
    back = difference(second, first, SPEAKERS)
    assert (back.value, back.low, back.high, back.p) == pytest.approx((-found.value, -found.high, -found.low, found.p))


def test_equal_clips_and_weights_give_the_unweighted_interval(rng: np.random.Generator) -> None:
    first, second = rng.normal(size=(2, len(EVEN)))
    plain = interval(first, EVEN)
    weighted = interval(first, EVEN, [12] * len(EVEN))
    assert weighted[:3] == pytest.approx(plain[:3], rel=1e-12)
    assert weighted[3:] == plain[3:]
    weights = [12] * len(EVEN)
    for given in (weights, (weights, weights), np.full((2, len(EVEN)), 12)):
        assert difference(first, second, EVEN, given)[:4] == pytest.approx(difference(first, second, EVEN)[:4])


def test_rate_worked_by_hand() -> None:
    # Errors 1 of 4 and 1 of 2 (ann), 3 of 6 (bob): 5 of 12. Residuals w (v - R): ann 2 - 6 * 5/12 = -0.5, bob +0.5.
    # SE = sqrt(2/1 * (0.25 + 0.25)) / 12 = 1/12; t of one degree at 97.5 % is 12.7062.
    found = interval([1 / 4, 1 / 2, 1 / 2], ["ann", "ann", "bob"], [4, 2, 6])
    assert found.value == pytest.approx(5 / 12)
    assert found.high - found.value == pytest.approx(12.706205 / 12)
    assert found.value - found.low == pytest.approx(12.706205 / 12)


def test_rate_agrees_with_the_jackknife_over_speakers(rng: np.random.Generator) -> None:
    speakers = [f"s{index}" for index in np.repeat(np.arange(60), 6)]
    words = rng.integers(3, 20, size=(2, 360))
    errors = rng.binomial(words, np.repeat(rng.beta(2, 8, 60), 6))
    kept = [np.array([name != left_out for name in speakers]) for left_out in sorted(set(speakers))]
    pooled = np.array([[errors[k, rows].sum() / words[k, rows].sum() for rows in kept] for k in (0, 1)])
    for drawn, found in (
        (pooled[0], interval(errors[0] / words[0], speakers, words[0])),
        (pooled[0] - pooled[1], difference(*(errors / words), speakers, words)),
    ):
        jackknife = math.sqrt(59 / 60 * ((drawn - drawn.mean()) ** 2).sum())
        assert (found.high - found.value) / stats.t.ppf(0.975, 59) == pytest.approx(jackknife, rel=0.03)


def test_difference_of_rates_pairs_speakers_and_takes_a_weight_for_each_system() -> None:
    # Both systems fail more with bob; the difference is one error of ten in every speaker, with words that differ.
    speakers = ["ann", "bob", "cid"]
    first, second = np.array([2, 5, 1]) / 10, np.array([2, 8, 0]) / 20
    found = difference(first, second, speakers, ([10] * 3, [20] * 3))
    assert found.value == pytest.approx(8 / 30 - 10 / 60)
    assert found[:4] == pytest.approx(difference(first, second, speakers)[:4])
    uneven = difference(first, second, speakers, ([10, 10, 20], [20, 20, 10]))
    assert uneven.value == pytest.approx(9 / 40 - 10 / 50)
    same = interval(first, speakers).high - interval(first, speakers).low
    shifted = difference(first + 0.1, first, speakers)
    assert shifted.high - shifted.low < 1e-9 < same


def test_clips_without_words_are_left_out() -> None:
    found = interval([0.1, 0.9, 0.3, 0.5], ["ann", "ann", "bob", "cid"], [5, 0, 4, 0])
    assert found == interval([0.1, 0.3], ["ann", "bob"], [5, 4])
    assert (found.speakers, found.clips) == (2, 2)


def test_order_does_not_matter(rng: np.random.Generator) -> None:
    values, weights = rng.random(17), rng.integers(1, 9, 17)
    order = rng.permutation(17)
    moved = interval(values[order], [SPEAKERS[index] for index in order], weights[order])
    assert moved[:3] == pytest.approx(interval(values, SPEAKERS, weights)[:3], rel=1e-12)


@pytest.mark.parametrize(("name", "speakers"), [("ann", 1), ("", 0)])
def test_one_speaker_or_none_makes_the_clip_the_unit(rng: np.random.Generator, name: str, speakers: int) -> None:
    first, second = rng.normal(size=(2, 9))
    found = interval(first, [name] * 9)
    assert (found.low, found.high) == pytest.approx(stats.t.interval(0.95, 8, first.mean(), stats.sem(first)))
    assert (found.unit, found.speakers, found.clips) == ("clip", speakers, 9)
    gap = difference(first, second, [name] * 9)
    assert gap.p == pytest.approx(stats.ttest_rel(first, second).pvalue)
    assert (gap.unit, gap.speakers) == ("clip", speakers)


def test_clips_without_a_name_among_named_ones_count_as_one_speaker() -> None:
    found = interval([1, 2, 3, 4], ["ann", "ann", "", ""])
    assert found == interval([1, 2, 3, 4], ["ann", "ann", "bob", "bob"])


def test_one_clip_has_no_interval() -> None:
    found = interval([0.7], ["ann"])
    assert found.value == 0.7 and math.isnan(found.low) and math.isnan(found.high)
    gap = difference([0.7], [0.2], ["ann"], [3])
    assert gap.value == pytest.approx(0.5) and all(math.isnan(number) for number in (gap.low, gap.high, gap.p))


def test_without_spread_the_interval_has_no_width_and_the_sign_test_stands() -> None:
    # 0.1 and its sums are not exact in binary: rounding must not pass for spread.
    speakers = ["ann", "ann", "bob", "cid", "cid", "cid"]
    found = interval([0.1] * 6, speakers, [3, 1, 4, 1, 5, 9])
    assert found.low == found.value == found.high == pytest.approx(0.1)
    values = np.array([0.1, 0.7, 0.3, 1.9, 0.6, 0.2])
    none = difference(values, values, speakers)
    assert none[:4] == (0, 0, 0, 1)
    alike = difference(values + 0.1, values, speakers)
    assert alike.low == alike.value == alike.high == pytest.approx(0.1)
    assert alike.p == stats.binomtest(3, 3).pvalue == 0.25
    assert difference([1] * 8, [0] * 8, ["ann"] * 8).p == 2**-7


def test_p_and_interval_agree(rng: np.random.Generator) -> None:
    excluded = 0
    for shift in np.linspace(-2, 2, 21):
        found = difference(rng.normal(shift, 1, 20), rng.normal(0, 1, 20), EVEN, rng.integers(1, 9, (2, 20)))
        assert (found.p < 0.05) == (not found.low <= 0 <= found.high)
        excluded += found.p < 0.05
    assert 3 < excluded < 21


@pytest.mark.parametrize(
    ("values", "speakers", "weights", "level", "says"),
    [
        ([], [], None, 0.95, "0 clips"),
        ([1, 2], ["a"], None, 0.95, "1 clips"),
        ([1, 2], ["a", "b"], [1], 0.95, "2 clips"),
        ([1, 2], ["a", "b"], [[1, 2], [1, 2]], 0.95, "2 clips"),
        ([1, math.nan], ["a", "b"], None, 0.95, "finite"),
        ([1, 2], ["a", "b"], [1, math.inf], 0.95, "finite"),
        ([1, 2], ["a", "b"], [1, -1], 0.95, "negative"),
        ([1, 2], ["a", "b"], [0, 0], 0.95, "above 0"),
        ([1, 2], ["a", "b"], None, 95, "level is 95"),
    ],
)
def test_bad_arguments(values: list, speakers: list, weights: list | None, level: float, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        interval(values, speakers, weights, level)


def test_a_system_without_any_weight_has_no_rate() -> None:
    with pytest.raises(ValueError, match="above 0"):
        difference([1, 2], [1, 2], ["a", "b"], ([1, 1], [0, 0]))


@pytest.mark.parametrize(
    ("p", "adjusted"),
    [
        ([0.04], [0.04]),
        ([], []),
        # sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1: 0.02, 0.03, 0.06, then not below its forerunner
        ([0.01, 0.04, 0.03, 0.005], [0.03, 0.06, 0.06, 0.02]),
        ([0.02, 0.02, 0.02], [0.06, 0.06, 0.06]),
        ([0.5, 0.9, 0.0], [1.0, 1.0, 0.0]),
        ([math.nan, 0.02, math.nan, 0.03], [math.nan, 0.04, math.nan, 0.04]),
        ([math.nan], [math.nan]),
    ],
)
def test_holm(p: list[float], adjusted: list[float]) -> None:
    assert holm(p) == pytest.approx(adjusted, nan_ok=True)


def test_holm_refuses_what_is_no_p_value() -> None:
    with pytest.raises(ValueError, match="from 0 to 1"):
        holm([0.1, 1.2])
