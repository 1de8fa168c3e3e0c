"""Agreement against published tables: Shrout and Fleiss 1979, Krippendorff 2011."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.evaluation.statistics.agreement import METRICS, icc, krippendorff_alpha, split_half
from gsv_lab.evaluation.statistics.panels import Panel, simulate

SHROUT_FLEISS = [[9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7]]
FOUR_OBSERVERS = [
    [1, 2, 3, 3, 2, 1, 4, 1, 2, 0, 0, 0],
    [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, 0, 3],
    [0, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, 0],
    [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, 0],
]
"""Krippendorff's example C: four observers (rows), twelve units; 0 is missing."""


def test_six_forms_of_the_textbook() -> None:
    found = icc(np.array(SHROUT_FLEISS))
    assert found == pytest.approx((0.166, 0.290, 0.715, 0.443, 0.620, 0.909), abs=5e-4)


def test_icc_by_its_meaning() -> None:
    rng = np.random.default_rng(0)
    target, noise = rng.normal(0, 2, 3000), rng.normal(size=(3000, 5))
    strict = np.array([0.0, 1, -1, 2, -2])
    level, shifted = icc(target[:, None] + noise), icc(target[:, None] + noise + strict)
    assert level.icc1 == pytest.approx(0.8, abs=0.02) and level.icc1k == pytest.approx(20 / 21, abs=0.01)
    assert shifted.icc3 == pytest.approx(level.icc3) and shifted.icc2 == pytest.approx(4 / (4 + 1 + 2.5), abs=0.02)
    assert shifted.icc1 < shifted.icc2 < shifted.icc3


def test_icc_of_nothing() -> None:
    assert np.isnan(icc(np.full((3, 4), 2.0))).all()
    for bad in (np.ones((1, 4)), np.ones((4, 1)), np.array([[1, np.nan], [1, 2]])):
        with pytest.raises(ValueError, match="two targets"):
            icc(bad)


def units(rows: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    _, unit = np.nonzero(rows > 0)
    return rows[rows > 0].astype(float), unit


def test_alpha_of_the_published_example() -> None:
    values, unit = units(np.array(FOUR_OBSERVERS))
    found = {metric: krippendorff_alpha(values, unit, metric) for metric in METRICS}
    assert found == pytest.approx({"nominal": 0.743, "ordinal": 0.815, "interval": 0.849, "ratio": 0.797}, abs=5e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_alpha_from_all_pairs(metric: str) -> None:
    """The definition, pair by pair, with the distances written out."""
    rng = np.random.default_rng(4)
    values, unit = rng.integers(1, 6, 40).astype(float), rng.integers(0, 9, 40)
    counts = np.bincount(unit)
    kept = counts[unit] > 1
    x, u = values[kept], unit[kept]

    def distance(a: float, b: float) -> float:
        if metric == "nominal":
            return float(a != b)
        if metric == "interval":
            return (a - b) ** 2
        if metric == "ratio":
            return ((a - b) / (a + b)) ** 2
        low, high = min(a, b), max(a, b)
        between = ((x >= low) & (x <= high)).sum() - ((x == low).sum() + (x == high).sum()) / 2
        return float(between) ** 2 if a != b else 0.0

    every = [(i, j) for i in range(len(x)) for j in range(len(x)) if i != j]
    observed = sum(distance(x[i], x[j]) / (counts[u[i]] - 1) for i, j in every if u[i] == u[j]) / len(x)
    expected = sum(distance(x[i], x[j]) for i, j in every) / (len(x) * (len(x) - 1))
    assert krippendorff_alpha(values, unit, metric) == pytest.approx(1 - observed / expected)


def test_alpha_at_its_ends() -> None:
    unit = np.repeat(np.arange(50), 4)
    agreed = np.repeat(np.random.default_rng(0).integers(0, 5, 50), 4).astype(float)
    chance = np.random.default_rng(1).integers(0, 5, 200).astype(float)
    for metric in METRICS:
        assert krippendorff_alpha(agreed, unit, metric) == pytest.approx(1)
        assert krippendorff_alpha(chance, unit, metric) == pytest.approx(0, abs=0.1)
        assert np.isnan(krippendorff_alpha(np.full(200, 3.0), unit, metric))


def test_alpha_refuses_what_it_cannot_measure() -> None:
    with pytest.raises(ValueError, match="no unit has two votes"):
        krippendorff_alpha(np.ones(3), np.arange(3))
    with pytest.raises(ValueError, match="one of nominal"):
        krippendorff_alpha(np.ones(2), np.zeros(2, dtype=int), "cosine")
    with pytest.raises(ValueError, match="negative"):
        krippendorff_alpha(np.array([-1.0, 2]), np.zeros(2, dtype=int), "ratio")
    with pytest.raises(ValueError, match="at most"):
        krippendorff_alpha(np.arange(10_000.0), np.zeros(10_000, dtype=int), "ratio")


def test_halves_of_a_panel() -> None:
    apart = simulate("acr", Panel({"A": 4.5, "B": 3.5, "C": 2.5, "D": 1.5}, 20, 8), seed=0)
    assert split_half(apart, 20) == 1.0 and split_half(apart, 20, 3) == split_half(apart, 20, 3)
    alike = simulate("acr", Panel(dict.fromkeys("ABCDEFGH", 3.0), 20, 8), seed=0)
    assert split_half(alike, 50) < 0.9
    assert np.isnan(split_half(simulate("acr", Panel({"A": 4.0, "B": 3.0}, 20, 8))))
    assert np.isnan(split_half(simulate("acr", Panel(raters=3, items=4))))
