"""Choices: Clopper and Pearson, maximum likelihood of Bradley, Terry and Davidson by another optimiser."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats
from scipy.optimize import minimize

from gsv_lab.evaluation.statistics.panels import Panel, simulate_pairs
from gsv_lab.evaluation.statistics.preference import Choices, bradley_terry, proportion, resampled, share_by_rater


def likelihood(wins: np.ndarray, ties: np.ndarray, log: np.ndarray, nu: float) -> float:
    p = np.exp(log)
    root = np.sqrt(np.outer(p, p))
    total = p[:, None] + p + nu * root
    with np.errstate(divide="ignore"):
        found = wins * np.log(p[:, None] / total)
        found += np.where(ties > 0, ties / 2 * np.log(np.maximum(nu, 1e-300) * root / total), 0)
    return float(found.sum())


def test_proportion_is_exact() -> None:
    found, expected = proportion(17, 25), stats.binomtest(17, 25)
    assert (found.low, found.high) == pytest.approx((0.4649992825026277, 0.8505045773864305))  # statsmodels, beta
    assert found.p == pytest.approx(expected.pvalue) and found.share == 0.68
    assert found.p_greater == pytest.approx(stats.binomtest(17, 25, alternative="greater").pvalue)
    assert proportion(0, 5).low == 0 and proportion(5, 5).high == 1
    for hits, n in ((3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="no more hits"):
            proportion(hits, n)


def test_share_by_raters_is_wider_than_by_answers() -> None:
    raters = np.repeat(np.arange(20), 30)
    hits = np.repeat(np.arange(20) < 12, 30).astype(float)
    low, high = share_by_rater(hits, raters)
    exact = proportion(360, 600)
    assert low == pytest.approx(0.4, abs=0.06) and high == pytest.approx(0.8, abs=0.06)
    assert high - low > 4 * (exact.high - exact.low)
    assert np.isnan(share_by_rater(hits[:30], raters[:30])).all()


@pytest.mark.parametrize("undecided", [0.0, 0.5])
def test_maximum_of_the_likelihood(undecided: float) -> None:
    panel = Panel({"A": 3.6, "B": 3.3, "C": 3.2, "D": 2.9}, 8, 6)
    choices = simulate_pairs(panel, 1, undecided)
    wins, ties = choices.tables()
    found = bradley_terry(wins, ties)
    assert np.exp(found.log).sum() == pytest.approx(1) and (found.tie > 0) == (undecided > 0)

    def loss(x: np.ndarray) -> float:
        return -likelihood(wins, ties, np.append(x[:3], 0), np.exp(x[3]) if undecided else 0.0)

    best = minimize(loss, np.zeros(4), method="BFGS", options={"gtol": 1e-8})
    assert -likelihood(wins, ties, found.log, found.tie) == pytest.approx(best.fun, abs=1e-6)
    assert found.log[:3] - found.log[3] == pytest.approx(best.x[:3], abs=1e-4)
    if undecided:
        assert found.tie == pytest.approx(np.exp(best.x[3]), rel=1e-3)


def test_two_items_are_the_share() -> None:
    found = bradley_terry(np.array([[0.0, 30], [10, 0]]))
    assert np.exp(found.log) == pytest.approx([0.75, 0.25]) and found.group.tolist() == [0, 0]
    tied = bradley_terry(np.array([[0.0, 30], [10, 0]]), np.array([[0.0, 20], [20, 0]]))
    p, q = np.exp(tied.log)
    assert [p / (p + q + tied.tie * np.sqrt(p * q)), p / q] == pytest.approx([0.5, 3])


def test_groups_that_were_never_compared_keep_the_level_of_the_equal_start() -> None:
    wins = np.zeros((4, 4))
    wins[0, 1], wins[1, 0], wins[2, 3], wins[3, 2] = 3, 1, 3, 1
    found = bradley_terry(wins)
    assert found.group.tolist() == [0, 0, 1, 1]
    assert np.exp(found.log) == pytest.approx(np.array([3, 1, 3, 1]) / 8)


def test_no_maximum() -> None:
    with pytest.raises(ValueError, match="always preferred"):
        bradley_terry(np.array([[0.0, 3, 1], [0, 0, 2], [0, 0, 0]]))
    with pytest.raises(ValueError, match="item number 2 was never compared"):
        bradley_terry(np.array([[0.0, 3, 0], [1, 0, 0], [0, 0, 0]]))
    only_ties = bradley_terry(np.zeros((2, 2)), np.array([[0.0, 4], [4, 0]]))
    assert np.exp(only_ties.log) == pytest.approx([0.5, 0.5]) and only_ties.tie == np.inf


def test_bootstrap_covers_the_truth() -> None:
    truth = {"A": 3.8, "B": 3.4, "C": 3.0}
    choices = simulate_pairs(Panel(truth, 30, 8), 3)
    found = bradley_terry(*choices.tables())
    drawn = resampled(choices, found, 200, 1)
    centred = found.log - found.log.mean()
    assert np.nanmean(drawn, axis=0) == pytest.approx(centred, abs=0.15)
    low, high = np.nanquantile(drawn, [0.025, 0.975], axis=0)
    assert ((low < centred) & (centred < high)).all() and (np.diff(centred) < 0).all()
    assert (resampled(choices, found, 20, 1) == resampled(choices, found, 20, 1)).all()


def test_draws_in_which_an_item_never_won_have_no_strengths() -> None:
    choices = Choices.of(["r", "s", "s"], ["a", "b", "a"], ["b", "a", "b"], [False] * 3)
    drawn = resampled(choices, bradley_terry(*choices.tables()), 60, 0)
    lost = np.isnan(drawn).all(axis=1)
    assert 0 < lost.sum() < 60 and (np.isnan(drawn).any(axis=1) == lost).all()


def test_tables_count_both_ways() -> None:
    choices = Choices.of(["r", "r", "s"], ["b", "a", "a"], ["a", "b", "b"], [False, False, True])
    wins, ties = choices.tables()
    assert choices.names == ("a", "b") and wins.tolist() == [[0, 1], [1, 0]] and ties.tolist() == [[0, 1], [1, 0]]
    weighted, _ = choices.tables(np.array([2.0, 0, 1]))
    assert weighted.tolist() == [[0, 0], [2, 0]]
