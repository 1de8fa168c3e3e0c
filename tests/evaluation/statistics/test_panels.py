"""Simulated panels: their deviations, scales, gaps, and that every design gives what it promises."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.evaluation.statistics.components import Components
from gsv_lab.evaluation.statistics.panels import REFERENCE, Panel, opinions, simulate, simulate_pairs


def test_deviations_are_those_asked_for() -> None:
    panel = Panel({"A": 3.0}, 300, 200, components=Components(0, 0.5, 0.3, 0.4, 0.7))
    votes = opinions(np.random.default_rng(0), panel)
    table = votes.score.reshape(300, 200)
    assert table.mean(1).std() == pytest.approx(np.sqrt(0.5**2 + 0.3**2), rel=0.1)
    assert table.mean(0).std() == pytest.approx(0.4, rel=0.15)
    left = table - table.mean(1, keepdims=True) - table.mean(0) + table.mean()
    assert left.std() == pytest.approx(0.7, rel=0.02) and table.mean() == pytest.approx(3, abs=0.15)


@pytest.mark.parametrize(
    ("design", "levels"), [("acr", range(1, 6)), ("smos", range(1, 6)), ("ccr", range(-3, 4)), ("abx", (0, 1))]
)
def test_scales(design: str, levels: range) -> None:
    votes = simulate(design, Panel(raters=15, items=10), seed=2)
    assert set(votes.score.tolist()) <= set(levels) and len(set(votes.score.tolist())) > 1
    assert votes.systems == (("B", "C") if design in ("ccr", "abx") else ("A", "B", "C"))
    again = simulate(design, Panel(raters=15, items=10), seed=2)
    assert (votes.score == again.score).all()


def test_mushra_has_a_hidden_reference_in_every_trial() -> None:
    votes = simulate("mushra", Panel(raters=10, items=8, per_rater=5))
    own = votes.of_system(REFERENCE)
    assert len(own) == 50 and own.score.mean() > 95 and votes.score.min() >= 0 and votes.score.max() <= 100
    for name in ("A", "B", "C"):
        assert len(votes.of_system(name)) == 50 and votes.of_system(name).score.mean() < own.score.mean()


def test_raters_judge_so_many_items_of_every_system() -> None:
    votes = opinions(np.random.default_rng(0), Panel(raters=9, items=12, per_rater=4))
    for rater in range(9):
        own = votes.where(votes.rater == rater)
        assert len(own) == 12 and len(own.items) == 4
    lost = simulate("acr", Panel(raters=20, items=20, missing=0.25))
    assert len(lost) == pytest.approx(900, abs=60)


def test_careless_raters_vote_anything() -> None:
    votes = opinions(np.random.default_rng(0), Panel({"A": 5.0, "B": 1.0}, 6, 200, careless=1))
    last = votes.where(votes.rater == 5)
    means = [last.score[last.system == system].mean() for system in (0, 1)]
    assert means == pytest.approx([3, 3], abs=0.3)


def test_preference_follows_the_means() -> None:
    choices = simulate_pairs(Panel(raters=20, items=10), 1)
    wins, ties = choices.tables()
    assert not ties.any() and wins[0, 1] > wins[1, 0] and wins[0, 2] > wins[2, 0] and len(choices) == 600
    undecided = simulate_pairs(Panel(raters=20, items=10), 1, 0.4)
    assert 0 < undecided.tie.mean() < 0.5
    assert len(simulate_pairs(Panel(raters=20, items=10, missing=0.5), 1)) < 400


def test_what_is_alike_cannot_be_told_apart() -> None:
    alike = Components(0, 0.4, 0, 0, 0.7)
    votes = simulate("abx", Panel({"A": 3.0, "B": 3.0, "C": 5.0}, 60, 40, components=alike), 1)
    assert votes.of_system("B").score.mean() == pytest.approx(0.5, abs=0.03)
    assert votes.of_system("C").score.mean() > 0.75
    with pytest.raises(ValueError, match="expected acr"):
        simulate("pairs", Panel())
