"""Tests that may be looked at any time: they stay quiet under the null however long one looks, and find effects."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.special import comb

from gsv_lab.evaluation.statistics.sequential import anytime_mean, betting_capital, mixture_capital


def test_looking_after_every_rater_keeps_the_error_of_one_look() -> None:
    rng = np.random.default_rng(0)
    rich = {"betting": 0, "mixture": 0, "naive": 0}
    for _ in range(400):
        x = (rng.random(150) < 0.5).astype(float)
        rich["betting"] += betting_capital(x, np.array([0.5])).max() >= 20
        rich["mixture"] += mixture_capital(x).max() >= 20
        k = np.cumsum(x)
        rich["naive"] += any(stats.binomtest(int(k[n - 1]), n).pvalue < 0.05 for n in range(10, 150, 10))
    assert rich["betting"] <= 30 and rich["mixture"] <= 30  # 5 % of 400 is 20
    assert rich["naive"] > 45


def test_capital_is_a_martingale() -> None:
    """Over all 2^8 sequences the mean capital is 1, whatever is bet."""
    every = np.array([[int(bit) for bit in f"{n:08b}"] for n in range(256)], dtype=float)
    for capital in (lambda x: betting_capital(x, np.array([0.5]))[-1, 0], lambda x: mixture_capital(x)[-1]):
        assert np.mean([capital(x) for x in every]) == pytest.approx(1)


def test_mixture_by_its_integral() -> None:
    x = np.array([1.0, 1, 0, 1])
    share = np.linspace(0, 1, 100_001)
    integral = np.trapezoid(share**3 * (1 - share), share)
    assert mixture_capital(x)[-1] == pytest.approx(integral * 16, rel=1e-6)
    assert mixture_capital(x)[-1] == pytest.approx(16 / (5 * comb(4, 3)))


def test_effects_are_found_and_the_interval_holds_the_mean() -> None:
    rng = np.random.default_rng(1)
    held = found = 0
    for _ in range(60):
        x = rng.beta(6, 4, 60)
        result = anytime_mean(x, 0, 1, 0.5)
        held += result.low <= 0.6 <= result.high
        found += result.p < 0.05
        assert result.n == 60 and result.low <= x.mean() <= result.high
    assert held >= 55 and found > 20


def test_values_of_any_scale() -> None:
    x = np.random.default_rng(2).uniform(0, 1, 30)
    unit, moved = anytime_mean(x, 0, 1, 0.4), anytime_mean(8 * x - 4, -4, 4, -0.8)
    assert moved.p == pytest.approx(unit.p) and (moved.low, moved.high) == pytest.approx(
        (8 * unit.low - 4, 8 * unit.high - 4)
    )


def test_first_rater_alone_says_little() -> None:
    assert anytime_mean(np.array([1.0]), 0, 1, 0.5).p > 0.3
    for bad in (np.array([]), np.array([2.0])):
        with pytest.raises(ValueError, match="expected values from 0 to 1"):
            anytime_mean(bad, 0, 1, 0.5)
    with pytest.raises(ValueError, match="null between"):
        anytime_mean(np.array([0.5]), 0, 1, 1.0)
