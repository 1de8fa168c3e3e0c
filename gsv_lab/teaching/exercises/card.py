"""Exercises that check themselves: a rule looks at an answer, a card says what it found.

    @exercise("Rates")
    def code_of(answer):
        got = ask(answer, 5)
        expect(got == 2, "Two frames share a code: which one does frame 5 belong to?")
        return "50 frames and 25 codes a second are the same second."      # shown when it is right

    code_of(my_function)      # draws a card, gives True or False

A wrong answer never stops a notebook: the card carries a hint. Only with `GSV_LAB_GRADING=1` does it raise.
"""

from __future__ import annotations

import builtins
import functools
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from gsv_lab.errors import on_page
from gsv_lab.system.environment import grading

OPEN = "Still open: put your answer in the place of None (or of the dots) and run the cell again."


class Hint(Exception):
    """What a rule says to a wrong answer."""


class CheckFailed(AssertionError):
    """A wrong answer while grading."""


@dataclass(frozen=True)
class Card:
    """What a check found: `title` of the exercise, whether it `passed`, and a `message`, the hint if it did not."""

    title: str
    passed: bool
    message: str

    def __repr__(self) -> str:
        return f"{'passed' if self.passed else 'not yet'} | {self.title} | {self.message}"

    def _repr_html_(self) -> str:
        colour, sign = ("#009E73", "✓") if self.passed else ("#D55E00", "→")
        style = f"border-left:5px solid {colour};padding:0.4em 0.9em;margin:0.3em 0;max-width:52em"
        return (
            f'<div class="gsv-check" style="{style}"><b style="color:{colour}">{sign} {on_page(self.title)}</b>'
            f"<br>{on_page(self.message)}</div>"
        )


class Exercise:
    """A question with its rule; calling it draws a card.

    Args:
        title: heading of the card.
        rule: takes the answers, raises `Hint` where they are wrong, and returns a sentence for where they are right.
    """

    def __init__(self, title: str, rule: Callable[..., str]) -> None:
        self.title, self.rule = title, rule
        functools.update_wrapper(self, rule)

    def card(self, *answers: Any) -> Card:
        """What the rule finds; draws nothing and never raises for a wrong answer."""
        try:
            expect(not any(answer is None or answer is ... for answer in answers), OPEN)
            return Card(self.title, True, self.rule(*answers))
        except Hint as hint:
            return Card(self.title, False, str(hint))

    def __call__(self, *answers: Any) -> bool:
        """Whether the answers are right; draws the card.

        Raises:
            CheckFailed: a wrong answer with `GSV_LAB_GRADING=1`.
        """
        card = self.card(*answers)
        draw(card)
        if grading() and not card.passed:
            raise CheckFailed(repr(card))
        return card.passed


def exercise(title: str) -> Callable[[Callable[..., str]], Exercise]:
    """Decorator: make an `Exercise` of a rule."""
    return functools.partial(Exercise, title)


def draw(thing: Any) -> None:
    """Show something in a notebook; elsewhere write its `repr` to the standard output."""
    # IPython puts `display` among the builtins of its kernels, so nothing has to be imported for it.
    show = getattr(builtins, "display", None)
    if show is None:
        sys.stdout.write(f"{thing!r}\n")
    else:
        show(thing)


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


def shape_of(value: Any) -> tuple[int, ...]:
    """Shape of a tensor, array or nested list; () for a number."""
    if hasattr(value, "shape"):
        return tuple(int(n) for n in value.shape)
    return (len(value), *shape_of(value[0])) if isinstance(value, list | tuple) and value else ()


def expect_shape(value: Any, shape: tuple[int, ...], of: str) -> None:
    """A `Hint` that names both shapes where they differ."""
    found = shape_of(value)
    expect(found == shape, f"{of} must have the shape {shape}, yours has {found}.")
