"""The subject model: known biases and inconsistencies, the plain mean where all are alike, collapse of weights."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.evaluation.statistics.subjects import subject_model
from gsv_lab.evaluation.statistics.votes import Votes


def table(matrix: np.ndarray) -> Votes:
    """Votes of a matrix (J, R); NaN is missing."""
    item, rater = np.nonzero(~np.isnan(matrix))
    return Votes.of([f"r{n}" for n in rater], [f"i{n}" for n in item], ["A"] * len(item), matrix[item, rater])


def panel(spread: np.ndarray, items: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Votes (J, R), qualities and biases of raters with known inconsistencies."""
    rng = np.random.default_rng(0)
    quality, bias = rng.uniform(1, 5, items), rng.normal(0, 0.4, len(spread))
    bias -= bias.mean()
    return quality[:, None] + bias + spread * rng.normal(size=(items, len(spread))), quality, bias


def error(found: np.ndarray, truth: np.ndarray) -> float:
    return float(np.sqrt(((found - truth) ** 2).mean()))


def test_known_raters_are_found() -> None:
    spread = np.repeat([0.6, 0.8, 1.6], 8)
    votes, quality, bias = panel(spread)
    found = subject_model(table(votes))
    assert found.weights == "p910" and found.steps < 100
    assert found.bias == pytest.approx(bias, abs=0.2) and found.bias.mean() == pytest.approx(0, abs=1e-12)
    assert found.inconsistency == pytest.approx(spread, rel=0.15)
    assert error(found.quality, quality) < 0.85 * error(found.mos, quality)


def test_a_good_rater_in_a_small_panel_does_not_come_to_decide_alone() -> None:
    """P.910's own weights end at an inconsistency of 0; the correction recovers all twelve."""
    spread = np.linspace(0.3, 1.5, 12)
    votes, quality, _ = panel(spread)
    found = subject_model(table(votes))
    assert found.weights == "corrected" and found.inconsistency == pytest.approx(spread, rel=0.1)
    best = 1 / np.sqrt((1 / spread**2).sum())
    assert error(found.quality, quality) < 1.1 * best < 0.8 * error(found.mos, quality)


def test_estimates_solve_their_own_equations() -> None:
    votes = panel(np.repeat([0.6, 0.8, 1.6], 8))[0]
    votes[np.random.default_rng(1).random(votes.shape) < 0.2] = np.nan
    found = subject_model(table(votes))
    left = votes - found.quality[:, None] - found.bias
    assert found.weights == "p910" and found.inconsistency == pytest.approx(np.nanstd(left, axis=0), abs=1e-6)
    weights = np.where(np.isnan(votes), 0, 1 / found.inconsistency**2)
    expected = (np.nan_to_num(votes - found.bias) * weights).sum(1) / weights.sum(1)
    assert found.quality == pytest.approx(expected, abs=1e-6)
    assert np.nanmean(left, axis=0) == pytest.approx(0, abs=1e-6)
    counts = (~np.isnan(votes)).sum(1)
    assert found.sos == pytest.approx(np.nanstd(left, axis=1) / np.sqrt(counts), abs=1e-9)


def test_equally_consistent_raters_give_the_plain_mean() -> None:
    votes, quality, _ = panel(np.ones(10), 3000)
    found = subject_model(table(votes))
    assert error(found.quality, found.mos) < 0.1 < error(found.mos, quality)
    assert found.mos == pytest.approx(votes.mean(1))


def test_two_votes_on_each_item_weigh_alike() -> None:
    rng = np.random.default_rng(3)
    votes = np.full((60, 15), np.nan)
    for row in votes:
        row[rng.choice(15, 2, replace=False)] = rng.normal(3, 1, 2)
    found = subject_model(table(votes))
    assert found.weights == "equal" and found.inconsistency.min() > 0.02 * found.inconsistency.max()


def test_votes_without_spread() -> None:
    found = subject_model(table(np.full((5, 4), 3.0)))
    assert found.quality.tolist() == [3.0] * 5 and not found.bias.any() and not found.inconsistency.any()
    with pytest.raises(ValueError, match="no votes"):
        subject_model(table(np.full((2, 2), 1.0)).where(np.zeros(4, dtype=bool)))
