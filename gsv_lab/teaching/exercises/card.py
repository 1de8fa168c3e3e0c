"""Exercises that check themselves: a rule looks at an answer, a card says what it found.

    @exercise("Rates", "Both clocks begin at 0, and one is twice as fast.", "Divide by two and drop the rest.")
    def code_of(answer):
        got = ask(answer, 5)
        expect(got == 2, "Two frames share a code: which one does frame 5 belong to?")
        return "50 frames and 25 codes a second are the same second."      # shown when it is right

    card = code_of(my_function)      # the last line of a cell draws it
    card.solution()                  # after an attempt: how it can be done

There are three steps of help: the rule's own hint, which knows the mistake, then two that can be unfolded on the card.
A wrong answer never stops a notebook. Only with `GSV_LAB_GRADING=1` does it raise.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.errors import on_page
from gsv_lab.system.environment import grading
from gsv_lab.teaching.course.progress import remember
from gsv_lab.teaching.exercises.notebook import solution_of

STILL_OPEN = "Still open: "
"""How the message of an exercise that nobody has tried yet begins."""
OPEN = f"{STILL_OPEN}put your answer in the place of None (or of the dots) and run the cell again."
_UNREADABLE = "The check cannot read this answer. Is it the number, text, list or tensor that is asked for?"


class Hint(Exception):
    """What a rule says to a wrong answer."""


class CheckFailed(AssertionError):
    """A wrong answer while grading."""


@dataclass(frozen=True)
class Solution:
    """How an exercise can be solved: `code`, or a sentence on why it is not shown."""

    code: str

    def __repr__(self) -> str:
        return self.code

    def _repr_html_(self) -> str:
        lines = "<br>".join(on_page(line) if line else "" for line in self.code.splitlines())
        style = "border-left:5px solid #0072B2;padding:0.4em 0.9em;margin:0.3em 0;white-space:pre-wrap"
        return f'<div class="gsv-solution" style="{style}"><code>{lines}</code></div>'


@dataclass(frozen=True)
class Card:
    """What a check found.

    Args:
        title: of the exercise.
        passed: whether the answer is right.
        message: the hint that fits the mistake, or a sentence for a right answer.
        hints: further hints, one step nearer to the answer each.
        check: module and name of the check, such as `timbre.pool`.
    """

    title: str
    passed: bool
    message: str
    hints: tuple[str, ...] = ()
    check: str = ""

    @property
    def is_open(self) -> bool:
        """Whether there is no answer yet."""
        return self.message.startswith(STILL_OPEN)

    def solution(self) -> Solution:
        """The solution, after an attempt.

        Raises:
            DataError: NOTEBOOK_SOURCE, no notebook has this exercise.
        """
        if self.is_open:
            return Solution("First try it yourself: the solution is shown after an attempt, right or wrong.")
        return Solution(solution_of(self.check))

    def __repr__(self) -> str:
        return f"{'passed' if self.passed else 'not yet'} | {self.title} | {self.message}"

    def _repr_html_(self) -> str:
        colour, sign = ("#009E73", "✓") if self.passed else ("#D55E00", "→")
        style = f"border-left:5px solid {colour};padding:0.4em 0.9em;margin:0.3em 0;max-width:52em"
        steps = () if self.passed else self.hints
        folded = [
            f"<details><summary>Hint {number}</summary>{_text(hint)}</details>" for number, hint in enumerate(steps, 2)
        ]
        return (
            f'<div class="gsv-check" style="{style}"><b style="color:{colour}">{sign} {on_page(self.title)}</b>'
            f"<br>{_text(self.message)}{''.join(folded)}</div>"
        )


def _text(words: str) -> str:
    """Words for a page; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", on_page(words))


class Exercise:
    """A question with its rule; calling it gives a card.

    Args:
        title: heading of the card.
        rule: takes the answers, raises `Hint` where they are wrong, and returns a sentence for where they are right.
        hints: two further hints: which idea is missing, and nearly the answer.
    """

    def __init__(self, title: str, rule: Callable[..., str], hints: tuple[str, ...] = ()) -> None:
        self.title, self.rule, self.hints = title, rule, hints
        self.name = f"{rule.__module__.rsplit('.', 1)[-1]}.{rule.__name__}"
        functools.update_wrapper(self, rule)

    def card(self, *answers: Any) -> Card:
        """What the rule finds; never raises for a wrong answer."""
        try:
            expect(not any(answer is None or answer is ... for answer in answers), OPEN)
            passed, message = True, self.rule(*answers)
        except Hint as hint:
            passed, message = False, str(hint)
        except Exception as error:  # an answer may be anything, and none may stop a notebook
            passed, message = False, f"{_UNREADABLE} ({type(error).__name__}: {str(error)[:100]})"
        return Card(self.title, passed, message, self.hints, self.name)

    def built(self, mine: Any, kits: Any, *answers: Any) -> tuple[Any, str]:
        """What the next cell goes on with, and whose it is: the reader's own if it is right, else the kit's.

        Args:
            mine: what the reader built.
            kits: what the kit has for it.
            answers: what the rule takes; `mine` alone if none.
        """
        # A cell that is run twice hands over what it was given the first time.
        if mine is not kits and self.card(*(answers or (mine,))).passed:
            return mine, "yours"
        return kits, f"the kit's, since '{self.title}' is still open"

    def __call__(self, *answers: Any) -> Card:
        """What the rule finds.

        Raises:
            CheckFailed: a wrong answer with `GSV_LAB_GRADING=1`.
        """
        card = self.card(*answers)
        if grading() and not card.passed:
            raise CheckFailed(repr(card))
        if not card.is_open:
            remember(card.check, card.passed)
        return card


def exercise(title: str, *hints: str) -> Callable[[Callable[..., str]], Exercise]:
    """Decorator: make an `Exercise` of a rule.

    Args:
        title: heading of the card.
        hints: the second and the third hint, after the rule's own.
    """
    return functools.partial(Exercise, title, hints=hints)


def expect(fact: object, hint: str) -> None:
    """A `Hint` where something is not so."""
    if not fact:
        raise Hint(hint)


def ask(answer: Any, *arguments: Any) -> Any:
    """What the answer, a function, gives for some arguments.

    Raises:
        Hint: it is no function, it raises, or it gives None as the unanswered form does.
    """
    expect(callable(answer), "Hand the function over by its name, without calling it.")
    try:
        given = answer(*arguments)
    except Exception as error:  # whatever a student's function may raise becomes a hint
        raise Hint(f"Your function stopped with {type(error).__name__}: {error}") from error
    expect(given is not None and given is not ..., OPEN)
    return given


def ask_either(answer: Any, *arguments: Any) -> Any:
    """What the answer, a function, gives for numbers and tensors; where it stops at those, for tensors or arrays.

    Raises:
        Hint: it stops at all of them; see `ask`, of which it is the first.
    """
    try:
        return ask(answer, *arguments)
    except Hint:
        for form in (torch.as_tensor, np.asarray):
            with suppress(Hint):
                return ask(answer, *(form(x) if isinstance(x, Tensor | float) else x for x in arguments))
        raise


def number(value: Any, hint: str) -> float:
    """One number, whatever holds it: int, float, an array or tensor of one value.

    Raises:
        Hint: it is none.
    """
    is_number = isinstance(value, int | float) or hasattr(value, "item")
    expect(is_number and not isinstance(value, bool), hint)
    try:
        return float(value)
    except (TypeError, ValueError, RuntimeError):
        raise Hint(hint) from None


def shape_of(value: Any) -> tuple[int, ...]:
    """Shape of a tensor, array or nested list; () for a number."""
    if hasattr(value, "shape"):
        return tuple(int(n) for n in value.shape)
    return (len(value), *shape_of(value[0])) if isinstance(value, list | tuple) and value else ()


def expect_shape(value: Any, shape: tuple[int, ...], of: str) -> None:
    """A `Hint` that names both shapes where they differ."""
    found = shape_of(value)
    expect(found == shape, f"{of} must have the shape {shape}, yours has {found}.")
