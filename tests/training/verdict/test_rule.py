"""The rule: made measures in, a known decision out. Every clause of it decides at least one case here."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pytest

from gsv_lab.training.verdict.judging import worth_hearing
from gsv_lab.training.verdict.rule import HARMS, HELD_OUT, Choice, choose

SECONDS = np.linspace(0.8, 1.2, 12)
TEXTS = {
    "similarity": np.linspace(0.7, 0.8, 8),
    "phone_error": np.linspace(0.2, 0.3, 8),
    "forgetting": np.linspace(0.1, 0.3, 6),
    "terms": np.linspace(0.2, 0.4, 6),
    "wrong_words": np.zeros(8),
    "copied": np.linspace(0.0, 0.01, 8),
}
WOBBLE = {12: np.tile([0.01, -0.01], 6), 8: np.tile([0.002, -0.002], 4), 6: np.tile([0.002, -0.002], 3)}


def moved(**by: float) -> dict[str, np.ndarray]:
    """The untuned measures, some moved by a number in nearly all pairs alike."""
    untuned = {HELD_OUT: SECONDS, **TEXTS}
    return {name: values + by[name] + WOBBLE[len(values)] if name in by else values for name, values in untuned.items()}


def chosen(steps: Mapping[int, dict[str, np.ndarray]]) -> Choice:
    table = {0: moved(), **steps}
    return choose(table, {step: measures[HELD_OUT] for step, measures in table.items()})


def test_the_earliest_step_is_used_whose_loss_is_not_surely_above_the_lowest() -> None:
    lowest = {**moved(), HELD_OUT: SECONDS - 0.101 - 3 * WOBBLE[12]}
    steps = {20: moved(held_out=-0.05), 40: moved(held_out=-0.1), 60: lowest, 80: moved(held_out=-0.1)}
    found = chosen(steps)
    assert found.step == 40 and found.words == "use step 40" and not found.over_trained
    assert [step.step for step in found.steps if step.better] == [20, 40, 60, 80]


def test_without_a_step_that_is_surely_better_zero_shot_is_as_good() -> None:
    unsure = {HELD_OUT: SECONDS - 0.05 + np.tile([0.3, -0.3], 6), **TEXTS}
    for measures in (moved(), moved(held_out=0.1), unsure):
        found = chosen({60: measures})
        assert (
            found.step == 0 and found.words == "zero-shot is as good: no step foretells held-out speech surely better"
        )


@pytest.mark.parametrize("name", HARMS)
def test_a_step_that_harms_is_not_used(name: str) -> None:
    """A little beyond the tolerance it is harm, within it is none; the direction counts."""
    harm = HARMS[name]
    for size, expected in ((harm.tolerance + 0.01, 0), (harm.tolerance - 0.01, 60), (-harm.tolerance - 0.05, 60)):
        found = chosen({60: moved(held_out=-0.1, **{name: -size * harm.better})})
        assert found.step == expected, (name, size)
        assert (harm.words in found.words) == (expected == 0)


def test_an_unsure_harm_is_none() -> None:
    shaken = moved(held_out=-0.1) | {"similarity": TEXTS["similarity"] - 0.01 + np.tile([0.1, -0.1], 4)}
    assert chosen({60: shaken}).step == 60


def test_an_over_trained_run_is_found_and_an_earlier_step_chosen() -> None:
    steps = {60: moved(held_out=-0.1), 600: moved(held_out=-0.05)}
    assert chosen(steps).over_trained == ("foretells held-out speech worse",) and chosen(steps).step == 60
    steps = {60: moved(held_out=-0.1), 600: moved(held_out=-0.1, phone_error=0.2, similarity=-0.1)}
    found = chosen(steps)
    assert found.step == 60 and found.over_trained == ("further from the speaker", "less clear")


def test_steps_that_did_not_speak_count_where_training_went_too_far() -> None:
    table = {0: moved(), 60: moved(held_out=-0.05)}
    losses = {0: SECONDS, 20: moved(held_out=-0.2)[HELD_OUT], 60: table[60][HELD_OUT]}
    assert choose(table, losses).over_trained == ("foretells held-out speech worse",)


def test_measures_that_a_family_has_no_network_for_decide_nothing() -> None:
    few = [
        {name: values for name, values in one.items() if name in (HELD_OUT, "copied")}
        for one in (moved(), moved(held_out=-0.1))
    ]
    found = choose(dict(zip((0, 60), few, strict=True)), {0: few[0][HELD_OUT], 60: few[1][HELD_OUT]})
    assert found.step == 60


def test_the_last_step_and_the_best_ones_are_heard() -> None:
    losses = {step: np.array([value]) for step, value in ((0, 1.0), (1, 0.9), (2, 0.5), (3, 0.6), (4, 0.7), (5, 2.0))}
    assert worth_hearing(losses, 5) == {0, 1, 2, 3, 4, 5}
    assert worth_hearing(losses, 3) == {0, 2, 3, 5}
    assert worth_hearing(losses, 1) == {0, 2, 5}
