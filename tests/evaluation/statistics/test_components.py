"""Variance components by moments: mean squares, REML of statsmodels on small tables, recovery of known ones."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.evaluation.statistics.components import PLANNING, Components, variance_components
from gsv_lab.evaluation.statistics.panels import Panel, opinions
from gsv_lab.evaluation.statistics.votes import Votes

ONE = [
    [2.93, 2.02, 2.99, 3.36, 1.51, 3.12], [1.98, 2.0, 1.49, 2.48, 2.32, 2.77], [2.58, 2.49, 2.27, 2.16, 3.15, 2.85],
    [4.53, 3.67, 2.04, 3.7, 2.62, 4.05], [4.17, 2.21, 3.7, 3.76, 4.5, 3.63], [4.04, 2.21, 3.02, 2.73, 4.22, 4.24],
    [4.83, 3.04, 3.45, 3.51, 2.39, 3.4], [3.93, 2.17, 2.85, 2.77, 3.1, 3.05],
]  # fmt: skip
"""Votes of 8 raters (rows) on 6 items of one system."""
ONE_REML = {"rater": 0.46386695, "stimulus": 0.3594865, "residual": 0.61563815}
"""Deviations by restricted maximum likelihood, statsmodels 0.15.0, `y ~ 1` with crossed raters and items."""

THREE = [
    [[2.8, 4.05, 4.16, 4.31, 2.73], [3.44, 3.88, 3.52, 4.27, 4.36], [3.63, 5.46, 5.29, 4.81, 4.53],
     [2.57, 1.75, 3.09, 2.72, 1.15], [3.7, 3.89, 4.68, 3.59, 3.69], [2.89, 2.71, 3.77, 2.99, 3.19]],
    [[3.5, 4.89, 4.04, 3.31, 4.36], [5.04, 5.78, 3.2, 4.42, 4.73], [4.05, 3.93, 4.72, 2.95, 4.62],
     [4.18, 2.87, 3.08, 2.22, 3.72], [4.58, 5.31, 2.47, 2.93, 4.27], [4.07, 3.8, 2.54, 2.91, 3.29]],
    [[2.7, 1.87, 2.96, 3.17, 2.3], [3.82, 2.67, 3.57, 4.84, 3.37], [2.38, 3.54, 3.48, 4.67, 2.82],
     [1.67, 0.57, 2.65, 3.65, 0.99], [2.45, 2.69, 2.25, 2.84, 2.17], [2.39, 2.42, 2.2, 2.99, 1.56]],
]  # fmt: skip
"""Votes on 3 systems of 6 raters on 5 items."""
THREE_REML = {"rater": 0.60051224, "rater_system": 0.21770148, "stimulus": 0.47462809, "residual": 0.57591941}
"""Deviations by statsmodels 0.15.0, `y ~ system` with raters, raters by systems and stimuli."""


def table(scores: np.ndarray) -> Votes:
    """Votes (S, R, I)."""
    system, rater, item = np.indices(scores.shape).reshape(3, -1)
    names = [[f"{letter}{n}" for n in places] for letter, places in (("r", rater), ("i", item), ("s", system))]
    return Votes.of(*names, scores.ravel())


def mean_squares(scores: np.ndarray) -> Components:
    """The analysis of variance of a complete table (S, R, I), stimuli within systems."""
    S, R, I = scores.shape  # noqa: E741
    grand, s, r = scores.mean(), scores.mean((1, 2)), scores.mean((0, 2))
    rs, st = scores.mean(2), scores.mean(1)
    left = scores - rs[:, :, None] - st[:, None, :] + s[:, None, None]
    e = (left**2).sum() / (S * (R - 1) * (I - 1))
    stimulus = R * ((st - s[:, None]) ** 2).sum() / (S * (I - 1))
    both = I * ((rs - s[:, None] - r[None] + grand) ** 2).sum() / ((S - 1) * (R - 1))
    rater = S * I * ((r - grand) ** 2).sum() / (R - 1)
    system = R * I * ((s - grand) ** 2).sum() / (S - 1)
    variances = [
        (system - both - stimulus + e) / (R * I), (rater - both) / (S * I), (both - e) / I, (stimulus - e) / R, e,
    ]  # fmt: skip
    return Components(*(float(np.sqrt(max(0.0, variance))) for variance in variances))


def test_complete_tables_give_the_analysis_of_variance() -> None:
    for seed in range(5):
        scores = opinions(np.random.default_rng(seed), Panel(raters=6, items=7)).score.reshape(3, 6, 7)
        assert variance_components(table(scores)) == pytest.approx(mean_squares(scores), abs=1e-9)


def test_one_system_against_reml() -> None:
    found = variance_components(table(np.array(ONE)[None]))._asdict()
    assert {name: found[name] for name in ONE_REML} == pytest.approx(ONE_REML, abs=3e-5)
    assert np.isnan(found["system"]) and np.isnan(found["rater_system"])


def test_three_systems_against_reml() -> None:
    found = variance_components(table(np.array(THREE)))._asdict()
    assert {name: found[name] for name in THREE_REML} == pytest.approx(THREE_REML, abs=3e-5)


def test_reml_of_statsmodels_itself() -> None:
    formulas = pytest.importorskip("statsmodels.formula.api", reason="statsmodels is an oracle of tests alone")
    pandas = pytest.importorskip("pandas")
    scores = np.array(ONE)
    rater, item = np.indices(scores.shape).reshape(2, -1)
    frame = pandas.DataFrame({"y": scores.ravel(), "r": rater, "i": item, "g": 1})
    model = formulas.mixedlm("y ~ 1", frame, groups="g", vc_formula={"r": "0 + C(r)", "i": "0 + C(i)"})
    fit = model.fit(reml=True)
    found = dict(zip(model.exog_vc.names, np.sqrt(fit.vcomp), strict=True))
    assert (found["r"], found["i"]) == pytest.approx((ONE_REML["rater"], ONE_REML["stimulus"]), abs=1e-5)


def test_known_components_are_found_in_gapped_panels() -> None:
    """Half of the items a rater and lost votes; means over panels are the true variances."""
    truth = Components(0.0, 0.5, 0.3, 0.4, 0.7)
    found = []
    for seed in range(60):
        rng = np.random.default_rng(seed)
        panel = Panel({"A": 3.0, "B": 3.0, "C": 3.0, "D": 3.0}, 15, 12, per_rater=6, components=truth)
        votes = opinions(rng, panel)
        found.append(np.square(variance_components(votes.where(rng.random(len(votes)) > 0.2))))
    means = np.mean(found, axis=0)
    assert means[1:] == pytest.approx(np.square(truth)[1:], abs=0.035)
    assert means[0] < 0.02


def test_repeated_votes_are_not_taken_for_other_stimuli() -> None:
    votes = table(np.array(THREE))
    twice = Votes.of(
        [*[votes.raters[n] for n in votes.rater]] * 2, [*[votes.items[n] for n in votes.item]] * 2,
        [*[votes.systems[n] for n in votes.system]] * 2, np.tile(votes.score, 2),
    )  # fmt: skip
    assert variance_components(twice) == pytest.approx(variance_components(votes), abs=1e-9)


def test_nothing_varies() -> None:
    assert variance_components(table(np.full((3, 4, 5), 3.0))) == pytest.approx((0, 0, 0, 0, 0))
    with pytest.raises(ValueError, match="no votes"):
        variance_components(table(np.ones((1, 2, 2))).where(np.zeros(4, dtype=bool)))


def test_total_of_the_planning_values() -> None:
    assert PLANNING.total == pytest.approx(np.sqrt(0.98**2 + 0.41**2 + 0.23**2 + 0.35**2 + 0.72**2))
