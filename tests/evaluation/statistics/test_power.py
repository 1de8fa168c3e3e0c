"""Sample sizes: the planning table, and simulated panels that reach the promised power."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.evaluation.statistics import power
from gsv_lab.evaluation.statistics.components import PLANNING
from gsv_lab.evaluation.statistics.panels import Panel, opinions
from gsv_lab.evaluation.statistics.power import SIZES, difference_error, opinion_error, plan, power_of, raters_needed

TABLE = {
    (10, 20): (0.34, 0.47, 4.29),
    (20, 20): (0.27, 0.40, 4.22),
    (40, 40): (0.19, 0.28, 4.16),
    (80, 80): (0.13, 0.20, 4.11),
}
"""Raters and sentences, 20 of them a rater: half-width, smallest difference, MOS needed to claim 4.0."""


@pytest.mark.parametrize("size", SIZES)
def test_the_planning_table(size: tuple[int, int]) -> None:
    found = plan(*size)
    assert (found.half_width, found.difference, found.to_claim) == pytest.approx(TABLE[size], abs=0.005)


def test_the_command_prints_it(capsys: pytest.CaptureFixture[str]) -> None:
    power.main()
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 2 + len(SIZES) and lines[2] == "| 10 | 20 | 0.34 | 0.47 | 4.29 |"


def test_errors_are_those_of_simulated_panels() -> None:
    panel = Panel({"A": 3.0, "B": 3.0}, 12, 15, per_rater=8)
    means = []
    for seed in range(800):
        votes = opinions(np.random.default_rng(seed), panel)
        means.append([votes.score[votes.system == system].mean() for system in (0, 1)])
    drawn = np.array(means)
    assert drawn[:, 0].std() == pytest.approx(opinion_error(12, 15, 8), rel=0.07)
    assert (drawn[:, 0] - drawn[:, 1]).std() == pytest.approx(difference_error(12, 15, 8), rel=0.07)


def test_smallest_difference_has_the_promised_power() -> None:
    found = plan(20, 20)
    assert power_of(found.difference, difference_error(20, 20, 20)) == pytest.approx(0.8, abs=1e-4)
    assert power_of(0, 1.0) == pytest.approx(0.05)
    needed = raters_needed(0.4, 20, 20)
    assert needed is not None and needed <= 20
    assert power_of(0.4, difference_error(needed, 20, 20)) >= 0.8 > power_of(0.4, difference_error(needed - 1, 20, 20))
    assert raters_needed(0.1, 20, 20, PLANNING) is None


def test_bad_plans() -> None:
    for sizes in ((0, 20, 20), (10, 20, 21), (10, 0, 0)):
        with pytest.raises(ValueError, match="raters"):
            plan(*sizes)
