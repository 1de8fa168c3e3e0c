"""Every check: right answers pass, the unanswered form stays open, and each typical mistake gets a hint of its own."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.teaching.exercises import frames, hear, phones, timbre
from gsv_lab.teaching.exercises.card import OPEN, CheckFailed, Exercise, Hint, ask, exercise, expect
from gsv_lab.teaching.exercises.notebook import solution_of
from gsv_lab.text import lexicon

from . import (
    cases_claims,
    cases_codes,
    cases_first,
    cases_measured,
    cases_metrics,
    cases_people,
    cases_sound,
    cases_tuning,
)

TABLES = (
    cases_first,
    cases_codes,
    cases_sound,
    cases_measured,
    cases_tuning,
    cases_metrics,
    cases_people,
    cases_claims,
)
CASES = [case for table in TABLES for case in table.CASES]
ALSO_RIGHT = [case for table in TABLES for case in table.ALSO_RIGHT]
WITHOUT_EDIT = [check for table in TABLES for check in getattr(table, "WITHOUT_EDIT", ())]
"""Their starter form runs without an edit."""
NAMES = [f"{case[0].rule.__module__.rsplit('.', 1)[1]}.{case[0].rule.__name__}" for case in CASES]


def test_every_check_is_tried_here() -> None:
    modules = [module for table in TABLES for module in table.MODULES]
    existing = {id(x) for module in modules for x in vars(module).values() if isinstance(x, Exercise)}
    assert existing == {id(case[0]) for case in CASES}
    assert len(CASES) >= 45 and all(len(wrong) >= 3 for _, _, wrong in CASES)


@pytest.mark.parametrize(("check", "right", "wrong"), CASES, ids=NAMES)
def test_right_answers_pass_and_wrong_ones_get_hints_of_their_own(
    check: Exercise, right: tuple[Any, ...], wrong: list[tuple[Any, ...]]
) -> None:
    card = check.card(*right)
    assert card.passed and card.message, card
    given = [check.card(*answers) for answers in wrong]
    assert not [card for card in given if card.passed]
    hints = [card.message for card in given]
    assert len(set(hints)) == len(hints), hints
    assert OPEN not in hints and all(len(hint) < 300 for hint in hints)


@pytest.mark.parametrize(("check", "right", "wrong"), cases_first.CASES, ids=lambda value: getattr(value, "name", ""))
def test_each_mistake_is_named(check: Exercise, right: tuple[Any, ...], wrong: list[tuple[Any, ...]]) -> None:
    for answers, begins in zip(wrong, cases_first.HINTS[check.name], strict=True):
        assert check.card(*answers).message.startswith(begins), answers


@pytest.mark.parametrize(("check", "answers"), ALSO_RIGHT, ids=lambda value: getattr(value, "name", None))
def test_a_right_answer_in_other_words_passes(check: Exercise, answers: tuple[Any, ...]) -> None:
    assert check.card(*answers).passed, check.card(*answers)


@pytest.mark.parametrize(("check", "right", "wrong"), CASES, ids=NAMES)
def test_unanswered_exercises_stay_open(check: Exercise, right: tuple[Any, ...], wrong: list[Any]) -> None:
    if check in WITHOUT_EDIT:
        card = check.card(*wrong[0])
        assert card.is_open and "nothing is" in card.message and "First try" in card.solution().code
        return
    empty = [(lambda *_: None) if callable(answer) else None for answer in right]
    card = check.card(*empty)
    assert not card.passed and card.message == OPEN


ODD = ("?", "", True, -1, math.nan, math.inf, 1j, [], [1], [[1], [1, 2]], ["a"], {}, {"a": 1}, {1, 2}, object(),
       torch.zeros(0), torch.zeros(3), [torch.ones(2), torch.ones(3)], np.array(["a"]))  # fmt: skip
"""Answers that no exercise asks for."""


@pytest.mark.filterwarnings("ignore:Casting complex")
@pytest.mark.parametrize(("check", "right", "wrong"), CASES, ids=NAMES)
def test_no_answer_stops_a_notebook(check: Exercise, right: tuple[Any, ...], wrong: list[Any]) -> None:
    """Whatever is handed over, or comes out of a function that is."""
    for odd in ODD:
        given = [(lambda *_, odd=odd: odd) if callable(answer) else odd for answer in right]
        card = check.card(*given)
        assert not card.passed and 0 < len(card.message) < 300, (odd, card)


def test_a_function_that_stops_becomes_a_hint() -> None:
    card = frames.frame_at.card(lambda seconds, hop, rate: 1 / 0)
    assert not card.passed and "ZeroDivisionError" in card.message
    with pytest.raises(Hint, match="by its name"):
        ask(3)


def test_a_check_gives_its_card_and_raises_only_when_grading(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    @exercise("Two & two", "Count <your> fingers.", "It is one less than five.")
    def four(answer: int) -> str:
        """Four."""
        expect(answer == 4, "Not <four>, see `a < b`.")
        return "Yes."

    monkeypatch.delenv("GSV_LAB_GRADING", raising=False)
    assert repr(four(4)) == "passed | Two & two | Yes."
    assert repr(four(5)) == "not yet | Two & two | Not <four>, see `a < b`." and not four(None).passed
    assert not capsys.readouterr().out
    page = four(5)._repr_html_()
    assert "Two &amp; two" in page and "Not &lt;four&gt;, see <code>a &lt; b</code>." in page
    assert page.index("Hint 2</summary>Count &lt;your&gt; fingers.") < page.index("Hint 3</summary>It is one less")
    assert "Hint" not in four(4)._repr_html_()
    assert four.__doc__ == "Four."
    monkeypatch.setenv("GSV_LAB_GRADING", "1")
    assert four(4).passed
    with pytest.raises(CheckFailed, match="Not <four>"):
        four(5)


def test_a_solution_is_shown_after_an_attempt() -> None:
    wrong = timbre.pool(lambda frames, mask: frames.mean(-1, keepdim=True))
    shown = wrong.solution()
    assert "def pool(frames, mask):" in shown.code and "mask.sum" in shown.code and "SOLUTION" not in shown.code
    assert "<br>" in shown._repr_html_() and repr(shown) == shown.code
    assert "First try" in timbre.pool(lambda frames, mask: None).solution().code
    assert (
        "def pool" in timbre.pool(lambda x, m: (x * m).sum(-1, keepdim=True) / m.sum(-1, keepdim=True)).solution().code
    )


def test_the_next_cell_goes_on_with_the_readers_own_where_it_is_right() -> None:
    mine, kits = cases_first.in_numpy, frames.kit_triangles
    assert frames.triangles.built(mine, kits) == (mine, "yours")
    spare, whose = frames.triangles.built(lambda edges, bins: None, kits)
    assert spare is kits and "'Triangles on the mel scale' is still open" in whose
    assert frames.triangles.built(spare, kits) == (spare, whose), "the cell is run again"
    halved = cases_first.f0(50.0, 60.0, 45.0)
    assert hear.octave_lower.built([1], [2], cases_first.BEFORE, halved) == ([1], "yours")
    assert hear.octave_lower.built([], [2], cases_first.BEFORE, cases_first.BEFORE)[0] == [2]


def test_every_exercise_has_its_solution_and_three_steps_of_help() -> None:
    for check, *_ in CASES:
        assert solution_of(check.name).strip() and "SOLUTION" not in solution_of(check.name)
    assert not [check.name for check, *_ in CASES if len(set(check.hints)) != 2]


def test_the_cases_of_the_past_tense_are_those_of_the_dictionary() -> None:
    for word, (stem, ending) in phones.STEMS.items():
        past = "stopped" if word == "stop" else f"{word}ed"
        assert stem in lexicon.readings(word) and (*stem, *ending) in lexicon.readings(past)


def test_valleys_get_deeper_with_the_window() -> None:
    depths = [frames.valley(seconds, 100.0) for seconds in (0.01, 0.025, 0.04)]
    assert depths[0] < 3 and depths[0] < depths[1] < 10 < depths[2]
    # Twice the pitch needs half the window.
    assert frames.valley(0.0125, 200.0) < 10 < frames.valley(0.02, 200.0)
