"""Paired tests against SciPy, exact counts by hand, and statsmodels' numbers."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from gsv_lab.evaluation.statistics.intervals import benjamini_hochberg, holm
from gsv_lab.evaluation.statistics.paired import equivalence, friedman, paired_t, sign_test, wilcoxon


@pytest.mark.parametrize("n", [1, 2, 5, 12, 30, 50])
def test_exact_wilcoxon_is_scipys(n: int) -> None:
    rng = np.random.default_rng(n)
    for shift in (0, 0.4):
        x = rng.normal(shift, 1, n)
        found, expected = wilcoxon(x), stats.wilcoxon(x, method="exact")
        assert (found.W, found.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)
        assert (found.method, found.zeros, found.ties) == ("exact", 0, 0)


def test_exact_p_counts_all_signs() -> None:
    x = np.array([0.5, -1.0, 2.0, 3.0, -4.0, 7.0])
    ranks = np.arange(1, 7)
    sums = [min(t := ranks[np.array(signs) > 0].sum(), 21 - t) for signs in itertools.product((-1, 1), repeat=6)]
    assert wilcoxon(x).W == 7 and wilcoxon(x).p == pytest.approx(np.mean(np.array(sums) <= 7))


@pytest.mark.parametrize("seed", range(4))
def test_zeros_and_ties_take_the_normal_approximation_of_scipy(seed: int) -> None:
    x = np.random.default_rng(seed).integers(-4, 6, 40).astype(float)
    found, expected = wilcoxon(x), stats.wilcoxon(x, zero_method="wilcox", method="asymptotic", correction=False)
    assert (found.W, found.p) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)
    sizes = np.abs(x[x != 0])
    assert found.method == "normal" and found.zeros == (x == 0).sum()
    assert found.ties == sum(count for count in np.unique(sizes, return_counts=True)[1] if count > 1)


def test_many_differences_without_ties_are_normal() -> None:
    x = np.random.default_rng(0).normal(0.1, 1, 51)
    expected = stats.wilcoxon(x, method="asymptotic", correction=False)
    assert wilcoxon(x).method == "normal" and wilcoxon(x).p == pytest.approx(expected.pvalue)


def test_the_choice_of_method_is_scipys() -> None:
    for seed in range(150):
        rng = np.random.default_rng(seed)
        x = np.round(rng.normal(0.2, 1, int(rng.integers(3, 60))), int(rng.integers(0, 4)))
        found, expected = wilcoxon(x), stats.wilcoxon(x)
        assert (found.W, found.p) == pytest.approx((expected.statistic, expected.pvalue)), seed


def test_fractions_whose_difference_is_equal_on_paper_only() -> None:
    """13/3 - 4 and 14/3 - 13/3 are no ties in double precision, and equal fractions are no difference."""
    found = wilcoxon(np.array([13 / 3 - 4, 14 / 3 - 13 / 3, 8 / 6 - 4 / 3, -1.0]))
    assert (found.zeros, found.ties) == (1, 0)


def test_nothing_differs() -> None:
    for x in (np.zeros(7), np.array([])):
        assert wilcoxon(x)[:3] == (0.0, 1.0, len(x)) and sign_test(x) == (0, 0, 1.0)
    assert paired_t(np.zeros(7)).p == 1.0 and np.isnan(paired_t(np.array([1.0])).p)
    assert paired_t(np.full(5, 0.3)).p == 2**-4 and paired_t(np.full(5, 0.3)).low == pytest.approx(0.3)
    assert friedman(np.ones((4, 3))) == (0.0, 1.0, 4, 3, 0.0)


def test_sign_test_is_binomial() -> None:
    x = np.array([1.0] * 45 + [-1.0] * 31 + [0.0] * 43)
    assert sign_test(x) == (45, 31, pytest.approx(stats.binomtest(45, 76).pvalue))


def test_paired_t_is_scipys() -> None:
    x = np.random.default_rng(1).normal(0.3, 1, 20)
    found, expected = paired_t(x), stats.ttest_1samp(x, 0)
    assert (found.t, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert (found.low, found.high) == pytest.approx(tuple(expected.confidence_interval()))
    assert found.effect == pytest.approx(x.mean() / x.std(ddof=1))


def test_equivalence_is_two_one_sided_tests() -> None:
    x = np.array([0.1, 0.25, -0.1, 0.05, 0.3, -0.2, 0.15, 0.02])
    assert equivalence(x, 0.2).p == pytest.approx(0.03334988218872795)  # statsmodels 0.15.0, ttost_paired
    sides = (
        stats.ttest_1samp(x, -0.2, alternative="greater").pvalue,
        stats.ttest_1samp(x, 0.2, alternative="less").pvalue,
    )
    assert equivalence(x, 0.2).p == pytest.approx(max(sides))
    assert equivalence(np.full(4, 0.1), 0.2).p == 0 and equivalence(np.full(4, 0.3), 0.2).p == 1
    assert np.isnan(equivalence(np.array([0.1]), 0.2).p)
    with pytest.raises(ValueError, match="above 0"):
        equivalence(x, 0)


@pytest.mark.parametrize("levels", [3, 100])
def test_friedman_is_scipys(levels: int) -> None:
    table = np.random.default_rng(levels).integers(0, levels, (14, 5)).astype(float)
    found, expected = friedman(table), stats.friedmanchisquare(*table.T)
    assert (found.chi2, found.p) == pytest.approx((expected.statistic, expected.pvalue))
    assert friedman(np.tile([1.0, 2, 3], (6, 1))).W == pytest.approx(1)
    for bad in (table[:1], table[:, :2], np.where(table == table.max(), np.nan, table)):
        with pytest.raises(ValueError, match="at least 2 and 3"):
            friedman(bad)


def test_adjusted_p_values() -> None:
    p = [0.00063, 0.01328, 0.51445, 0.1973, 0.00083, 0.08125, 0.10994, 0.00408, 0.39638]
    by_holm = [0.00567, 0.07968, 0.79276, 0.5919, 0.00664, 0.40625, 0.43976, 0.02856, 0.79276]
    by_bh = [0.003735, 0.02988, 0.51445, 0.25367142857, 0.003735, 0.14625, 0.16491, 0.01224, 0.4459275]
    assert holm(p) == pytest.approx(by_holm)  # statsmodels 0.15.0, multipletests
    assert benjamini_hochberg(p) == pytest.approx(by_bh)
    assert benjamini_hochberg(p) == pytest.approx(stats.false_discovery_control(p).tolist())
    gapped = benjamini_hochberg([0.01, float("nan"), 0.02])
    assert gapped[0] == gapped[2] == pytest.approx(0.02) and np.isnan(gapped[1])
    with pytest.raises(ValueError, match="from 0 to 1"):
        benjamini_hochberg([1.5])
