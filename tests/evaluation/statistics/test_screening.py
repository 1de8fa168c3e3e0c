"""Screening rules on votes of which it is known who is careless."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.evaluation.statistics import screening
from gsv_lab.evaluation.statistics.panels import REFERENCE, Panel, simulate
from gsv_lab.evaluation.statistics.votes import Votes


def reference_votes(low: dict[str, int], items: int = 20) -> Votes:
    """Votes on the hidden reference and a system; so many of a rater's on the reference are 89, the others 90."""
    rows = []
    for rater, count in low.items():
        for item in range(items):
            rows.append((rater, f"i{item}", REFERENCE, 89.0 if item < count else 90.0))
            rows.append((rater, f"i{item}", "A", 10.0))
    raters, names, systems, scores = zip(*rows, strict=True)
    return Votes.of(raters, names, systems, scores)


def test_hidden_reference_is_below_90_in_more_than_15_per_cent() -> None:
    found = screening.hidden_reference(reference_votes({"none": 0, "three": 3, "four": 4}), REFERENCE)
    assert found.removed == ("four",) and found.values == {"none": 0, "three": 0.15, "four": 0.2}
    assert "90" in found.limit and "15%" in found.limit
    with pytest.raises(ValueError):
        screening.hidden_reference(reference_votes({"a": 0}), "other")


def test_same_button() -> None:
    scores = {"button": [3, 3, 3, 3, 3, 3, 3, 3, 3, 4], "person": [1, 5, 3, 2, 4, 3, 2, 5, 1, 2], "once": [4]}
    rows = [(name, f"i{n}", "A", float(vote)) for name, votes in scores.items() for n, vote in enumerate(votes)]
    raters, items, systems, votes = zip(*rows, strict=True)
    found = screening.same_button(Votes.of(raters, items, systems, votes))
    assert found.removed == () and found.values["button"] == pytest.approx(np.var(scores["button"], ddof=1))
    assert screening.same_button(Votes.of(raters, items, systems, votes), 0.11).removed == ("button",)
    assert "once" not in found.values


@pytest.mark.parametrize("rule", [screening.panel_correlation, screening.outlying_counts])
def test_careless_raters_are_found(rule: object) -> None:
    panel = Panel({"A": 4.5, "B": 3.5, "C": 2.5, "D": 1.5}, raters=24, items=12, careless=3)
    votes = simulate("acr", panel, seed=4)
    found = rule(votes)  # type: ignore[operator]
    careless = {"r22", "r23", "r24"}
    assert set(found.removed) <= careless and set(found.values) == set(votes.raters)
    if rule is screening.panel_correlation:
        assert set(found.removed) == careless and max(found.values[name] for name in careless) < 0.4


def test_panel_correlation_is_that_with_the_others() -> None:
    votes = simulate("acr", Panel(raters=6, items=8, missing=0.2), seed=1)
    found = screening.panel_correlation(votes)
    _, stimulus = votes.stimuli()
    for number, name in enumerate(votes.raters):
        pairs = []
        for vote, place in zip(votes.score[votes.rater == number], stimulus[votes.rater == number], strict=True):
            others = votes.score[(votes.rater != number) & (stimulus == place)]
            if len(others):
                pairs.append((vote, others.mean()))
        assert found.values[name] == pytest.approx(np.corrcoef(np.array(pairs).T)[0, 1])


def test_bt500_by_hand() -> None:
    """19 raters at 3 and one at 5 and 1 in turn: far beyond sqrt(20) deviations never, since one is 4.36 away."""
    rng = np.random.default_rng(0)
    quiet = np.clip(np.round(rng.normal(3, 0.7, (19, 40))), 1, 5)
    wild = np.tile([1.0, 5.0], 20)[None]
    table = np.concatenate([quiet, wild])
    rater, item = np.indices(table.shape).reshape(2, -1)
    votes = Votes.of([f"r{n}" for n in rater], [f"i{n}" for n in item], ["A"] * len(rater), table.ravel())
    found = screening.outlying_counts(votes)
    high = low = 0
    for column in table.T:
        left = column - column.mean()
        kurtosis = (left**4).mean() / (left**2).mean() ** 2
        reach = (2 if 2 <= kurtosis <= 4 else np.sqrt(20)) * column.std(ddof=1)
        high += left[-1] >= reach
        low += left[-1] <= -reach
    assert found.values["r19"] == pytest.approx((high + low) / 40)
    assert ("r19" in found.removed) == ((high + low) / 40 > 0.05 and abs(high - low) < 0.3 * (high + low))
    assert found.removed == ("r19",)


def test_known_items() -> None:
    given = {"good": [(4.0, 5.0), (2.0, 2.0)], "bad": [(3.0, 5.0), (2.0, 2.0)]}
    assert screening.checks(given, 1.0, "gold").removed == ("bad",)
    found = screening.checks(given, 0.0, "trap")
    assert found.removed == ("good", "bad") and found.values["bad"] == 0.5


def test_outlying_votes() -> None:
    scores = [0.0] * 30 + [1.0] * 30 + [-3.0]
    votes = Votes.of([f"r{n}" for n in range(61)], ["i"] * 61, ["A"] * 61, scores)
    z = (np.array(scores) - np.mean(scores)) / np.std(scores)
    assert screening.outlying_votes(votes).tolist() == (np.abs(z) >= 3.29).tolist()
    assert screening.outlying_votes(votes).sum() == 1
    assert not screening.outlying_votes(votes, 99).any()


def test_missing_answers_on_known_items_count_as_missed() -> None:
    given = {"silent": [(float("nan"), 1.0)]}
    assert screening.checks(given, 1.0, "gold").removed == ("silent",)
