"""Intervals of mean opinions: against hand-worked numbers, dummy-variable algebra, and each other's limits."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy import stats

from gsv_lab.evaluation.statistics.crossed import clustered, difference, mean_opinion, pigeonhole
from gsv_lab.evaluation.statistics.panels import Panel, opinions
from gsv_lab.evaluation.statistics.votes import Votes, natural, rater_means


def table(rows: list[tuple[str, str, str, float]]) -> Votes:
    raters, items, systems, scores = zip(*rows, strict=True)
    return Votes.of(raters, items, systems, scores)


@pytest.fixture
def panel() -> Votes:
    return opinions(np.random.default_rng(3), Panel({"A": 4.0, "B": 3.0}, raters=7, items=5))


def test_errors_worked_by_hand() -> None:
    # Scores 1 3 / 2 6 of raters r and s on items i and j: mean 3, residuals -2 0 / -1 3, all over 4.
    found = clustered(np.array([-2, 0, -1, 3]) / 4, np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1]))
    assert found.rater**2 == pytest.approx(2 / 1 * (4 + 4) / 16)
    assert found.item**2 == pytest.approx(2 / 1 * (9 + 9) / 16)
    assert found.twoway**2 == pytest.approx((16 + 36 - 14) / 16)
    assert (found.primary, found.floor) == (found.twoway, "")


def test_sandwich_by_matrices(panel: Votes) -> None:
    """The cluster-robust variance of a regression on nothing but a constant."""
    own = panel.of_system("A")
    left, n = own.score - own.score.mean(), len(own)
    bread = np.linalg.inv(np.ones((1, n)) @ np.ones((n, 1)))
    for cluster, count, kind in ((own.rater, 7, "rater"), (own.item, 5, "item")):
        sums = np.eye(count)[cluster].T @ (np.ones(n) * left)
        variance = (bread * (sums @ sums) * bread)[0, 0] * count / (count - 1)
        assert mean_opinion(own, 0).intervals[kind].se == pytest.approx(np.sqrt(variance))
    with_t = mean_opinion(own, 0).intervals["t"]
    assert (with_t.low, with_t.high) == pytest.approx(
        stats.t.interval(0.95, n - 1, own.score.mean(), stats.sem(own.score))
    )
    assert with_t.half_196 == pytest.approx(1.96 * stats.sem(own.score))


def test_one_vote_a_rater_makes_the_rater_interval_the_plain_one() -> None:
    rng = np.random.default_rng(0)
    votes = table([(f"r{n}", f"i{n % 4}", "A", float(score)) for n, score in enumerate(rng.normal(size=24))])
    found = mean_opinion(votes, 0).intervals
    assert found["rater"].half == pytest.approx(found["t"].half)


def test_degrees_of_freedom_and_widths(panel: Votes) -> None:
    found = mean_opinion(panel.of_system("B"), 0)
    df = {kind: interval.df for kind, interval in found.intervals.items()}
    assert df == {"t": 34, "rater": 6, "item": 4, "twoway": 4}
    for interval in found.intervals.values():
        t = stats.t.ppf(0.975, interval.df)
        assert interval.half == pytest.approx(t * interval.se) and interval.half_196 == pytest.approx(
            1.96 * interval.se
        )
        assert interval.high - interval.low == pytest.approx(2 * interval.half)


def test_floor_takes_the_larger_single_error_and_196_does_not() -> None:
    # Rater and item effects that cancel: the interaction is all there is, and the two-way variance is too small.
    scores = np.array([[1.0, 5, 1, 5], [5, 1, 5, 1], [1, 5, 1, 4]])
    rows = [(f"r{r}", f"i{i}", "A", scores[r, i]) for r, i in np.ndindex(3, 4)]
    found = mean_opinion(table(rows), 0)
    interval = found.intervals["twoway"]
    larger = max(found.intervals["rater"].se, found.intervals["item"].se)
    assert found.floor == ("rater" if found.intervals["rater"].se >= found.intervals["item"].se else "item")
    assert interval.se == larger and interval.half == pytest.approx(larger * stats.t.ppf(0.975, 2))
    assert np.isnan(interval.half_196) or interval.half_196 < 1.96 * larger


@pytest.mark.parametrize("missing", ["rater", "item"])
def test_one_rater_or_one_item_has_no_primary_interval(missing: str) -> None:
    rows = [("r", f"i{n}", "A", float(n)) if missing == "rater" else (f"r{n}", "i", "A", float(n)) for n in range(4)]
    found = mean_opinion(table(rows), 100)
    other = "item" if missing == "rater" else "rater"
    assert np.isnan(found.intervals["twoway"].half) and np.isnan(found.intervals[missing].half)
    assert found.intervals[other].half > 0


def test_votes_without_spread_have_intervals_of_no_width() -> None:
    votes = table([(r, i, "A", 3.0) for r, i in itertools.product("rst", "ij")])
    found = mean_opinion(votes, 50)
    assert {interval.half for interval in found.intervals.values()} == {0.0}


def test_order_and_names_do_not_matter(panel: Votes) -> None:
    own = panel.of_system("A")
    order = np.random.default_rng(1).permutation(len(own))
    moved = Votes.of(
        [own.raters[n] for n in own.rater[order]],
        [own.items[n] for n in own.item[order]],
        ["A"] * len(own),
        own.score[order],
    )
    for kind, interval in mean_opinion(own, 200, 5).intervals.items():
        assert mean_opinion(moved, 200, 5).intervals[kind] == pytest.approx(interval, nan_ok=True)


def test_pigeonhole_is_every_pair_of_draws_of_raters_and_items() -> None:
    """All 4 x 4 equally likely pairs of draws of two raters and two items, weighed by hand."""
    scores = np.array([[1.0, 2], [4, 9]])
    votes = table([(f"r{r}", f"i{i}", "A", scores[r, i]) for r, i in np.ndindex(2, 2)])
    every = [
        scores[np.ix_(r, i)].mean()
        for r in itertools.product((0, 1), repeat=2)
        for i in itertools.product((0, 1), repeat=2)
    ]
    drawn = pigeonhole(votes, 20_000, 1)
    assert drawn.mean() == pytest.approx(np.mean(every), abs=0.03) and drawn.std() == pytest.approx(
        np.std(every), rel=0.02
    )
    assert {*np.round(drawn, 9)} == {*np.round(every, 9)}
    assert (pigeonhole(votes, 50, 1) == pigeonhole(votes, 50, 1)).all()
    assert (pigeonhole(votes, 50, 1) != pigeonhole(votes, 50, 2)).any()


def test_draws_without_a_vote_are_left_out() -> None:
    votes = table([("r", "i", "A", 1.0), ("s", "j", "A", 2.0)])
    drawn = pigeonhole(votes, 400, 0)
    assert 0 < len(drawn) < 400 and np.isfinite(drawn).all()


def scored(votes: Votes, score: np.ndarray) -> Votes:
    return Votes(votes.raters, votes.items, votes.systems, votes.rater, votes.item, votes.system, score)


def test_difference_cancels_what_a_rater_adds_to_both(panel: Votes) -> None:
    value, interval, _ = difference(panel, 0, 1)
    assert value == pytest.approx(panel.of_system("A").score.mean() - panel.of_system("B").score.mean())
    back = difference(panel, 1, 0)[1]
    assert (back.low, back.high) == pytest.approx((-interval.high, -interval.low))
    shifted = scored(panel, panel.score + np.random.default_rng(0).normal(0, 5, 7)[panel.rater])
    assert difference(shifted, 0, 1)[1].se == pytest.approx(interval.se)
    single = mean_opinion(panel.of_system("A"), 0).intervals["twoway"].se
    assert mean_opinion(shifted.of_system("A"), 0).intervals["twoway"].se > 2 * single


def test_difference_of_complete_panels_is_that_of_the_differences(panel: Votes) -> None:
    first, second = panel.of_system("A"), panel.of_system("B")
    found = mean_opinion(scored(first, first.score - second.score), 0).intervals["twoway"]
    both = difference(panel, 0, 1)[1]
    assert (both.se, both.low, both.high, both.df) == pytest.approx((found.se, found.low, found.high, found.df))


def test_bad_arguments(panel: Votes) -> None:
    with pytest.raises(ValueError, match="at least one vote"):
        mean_opinion(panel.where(np.zeros(len(panel), dtype=bool)))
    with pytest.raises(ValueError, match="a share"):
        mean_opinion(panel, level=1.0)
    with pytest.raises(ValueError, match="equally many"):
        Votes.of(["r"], ["i"], ["s"], [1.0, 2.0])
    with pytest.raises(ValueError, match="finite"):
        Votes.of(["r"], ["i"], ["s"], [float("nan")])


def test_tables_of_votes() -> None:
    votes = table([("r10", "i", "B", 1.0), ("r9", "j", "A", 3.0), ("r9", "j", "A", 4.0), ("r9", "i", "A", 4.0)])
    assert votes.raters == ("r9", "r10") and votes.systems == ("A", "B")
    means = rater_means(votes)
    assert means[0, 0] == pytest.approx(11 / 3) and np.isnan(means[0, 1]) and np.isnan(means[1, 0]) and means[1, 1] == 1
    names, stimulus = votes.stimuli()
    assert names == [("A", "i"), ("A", "j"), ("B", "i")] and stimulus.tolist() == [2, 1, 1, 0]
    left = votes.without(["r9"])
    assert (left.raters, left.items, left.systems, left.score.tolist()) == (("r10",), ("i",), ("B",), [1.0])
    assert sorted(["a10b2", "a10b1", "a9", "b"], key=natural) == ["a9", "a10b1", "a10b2", "b"]
