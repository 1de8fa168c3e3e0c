"""Checks of notebook 11, "Ask people": before the votes, their interval, and who is left out.

What is concluded from votes is checked in `decisions.py`. Letters: T samples, N votes, R raters, I items.
Each check takes the answer and gives a card.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np

from gsv_lab.evaluation.statistics.votes import Floats, Ints, sums
from gsv_lab.teaching.exercises import opinions
from gsv_lab.teaching.exercises.answers import plain
from gsv_lab.teaching.exercises.card import ask, exercise, expect, number
from gsv_lab.teaching.exercises.measuring import ONE_NUMBER, Rule, like, refuse

LETTERS = "ABCD"


@exercise(
    "A Latin square by hand",
    "Begin with the row A B D C: its neighbours are 1, 2 and 3 steps apart. The next row moves every letter on.",
    "A B D C, then each letter one further (D becomes A): B C A D, and so on.",
)
def square(answer: Sequence[Sequence[str]]) -> str:
    """Four rows of the letters A to D, as strings or lists."""
    shape = "Four rows, one a rater, of four letters, as ['ABCD', ...]."
    expect(isinstance(answer, list | tuple) and all(isinstance(row, str | list | tuple) for row in answer), shape)
    rows = [[letter for letter in (plain(cell).upper() for cell in row) if letter] for row in answer]
    expect(len(rows) == 4 and all(len(row) == 4 for row in rows), shape)
    strange = sorted({letter for row in rows for letter in row} - set(LETTERS))
    expect(not strange, f"The systems are called A, B, C and D; there is {strange[:1]}.")
    for place, row in enumerate(rows, 1):
        twice = _twice(row)
        expect(not twice, f"Rater {place} hears {twice} twice, and another system never.")
    expect(len({*map(tuple, rows)}) > 1, "All hear the same order: the first system is always judged by fresh ears.")
    for place, column in enumerate(zip(*rows, strict=True), 1):
        twice = _twice(column)
        expect(not twice, f"{twice} stands at place {place} in two rows. What comes late is judged by tired ears.")
    behind = Counter(pair for row in rows for pair in pairwise(row))
    (before, after), times = behind.most_common(1)[0]
    often = f"{after} comes right behind {before} {times} times: it is always heard with {before} in the ear."
    expect(times == 1, f"{often} Each system should follow each other one once.")
    return "Every system stands once at each place, and once behind each other one. The kit makes such squares itself."


def _twice(letters: Sequence[str]) -> str:
    """A letter that is there more than once; empty where there is none."""
    return next((letter for letter, count in Counter(letters).items() if count > 1), "")


@exercise(
    "As loud as the others",
    "Which RMS is asked for, as an amplitude? And which does the clip have?",
    "10 ** (level / 20) over the root of the mean square of the samples.",
)
def gain(answer: Callable[[Any, float], Any]) -> str:
    """`gain(wave, level)`: (T,) samples, dBFS -> factor."""
    random = np.random.default_rng(5)
    cases = [(scale * random.laplace(size=800), level) for scale, level in ((0.05, -26.0), (0.2, -30.0), (0.01, -20.0))]
    given = [number(ask(answer, wave.copy(), level), ONE_NUMBER) for wave, level in cases]

    def rms(wave: Floats) -> float:
        return float(np.sqrt((wave**2).mean()))

    mistakes: list[tuple[Rule, str]] = [
        (lambda w, d: 10 ** (d / 10) / rms(w), "A tenfold amplitude is 20 dB, since its power is a hundredfold."),
        (lambda w, d: 10 ** (d / 20) / np.abs(w).max(), "That brings the *peak* there. One click decides it."),
        (lambda w, d: rms(w) / 10 ** (d / 20), "Upside down: the loud clip becomes louder."),
        (lambda w, d: 10 ** (d / 20), "That is the RMS that is asked for. The clip has one already: divide by it."),
        (lambda w, d: d - 20 * np.log10(rms(w)), "That is the change in dB. As a factor: 10 ** (dB / 20)."),
        (lambda w, d: 10 ** (d / 20) / rms(w) ** 2, "Divided by the mean square: the root is missing."),
        (lambda w, d: 10 ** (d / 20) / np.abs(w).mean(), "The mean of the absolute values. RMS is the root of the mean "
         "square."),
        (lambda w, d: 10 ** (-d / 20) / rms(w), "dBFS are below full scale: -26 dB is an RMS of 0.05, not of 20."),
    ]  # fmt: skip
    refuse(given, cases, mistakes)

    def right(wave: Floats, level: float) -> float:
        return float(10 ** (level / 20) / rms(wave))

    expect(like(given, right, cases), f"The first clip needs {right(*cases[0]):.4f}, and yours is {given[0]:.4g}.")
    return "What is louder is easily liked better. So level is taken out before anybody listens."


def _moves(score: Floats) -> Floats:
    return (score - score.mean()) / len(score)


def _of(moves: Floats, names: Ints, factor: bool = True) -> float:
    """Squared error over raters or items."""
    groups = sums(moves, names)
    count = len(groups)
    return float(groups @ groups) * (count / (count - 1) if factor else 1.0)


@exercise(
    "The two-way error",
    "Three sums: squares of the raters' sums of w, squares of the items' sums of w, and squares of w itself.",
    "by = lambda names: (n := len(set(names))) / (n - 1) * sum(w[names == x].sum() ** 2 for x in set(names)); then the "
    "root of by(rater) + by(item) - (w ** 2).sum().",
)
def error(answer: Callable[[Any, Any, Any], Any]) -> str:
    """`error(score, rater, item)`: (N,) votes and numbers of raters and items -> standard error of the mean."""
    cases = [_panel(seed, raters, items) for seed, raters, items in ((1, 6, 5), (2, 9, 4))]
    given = [number(ask(answer, *(column.copy() for column in case)), ONE_NUMBER) for case in cases]

    def parts(score: Floats, rater: Ints, item: Ints) -> tuple[float, float, float]:
        w = _moves(score)
        return _of(w, rater), _of(w, item), float(w @ w)

    def rule(combine: Callable[[float, float, float], float]) -> Rule:
        return lambda *case: float(np.sqrt(max(0.0, combine(*parts(*case)))))

    def plainly(score: Floats, rater: Ints, item: Ints) -> float:
        w = _moves(score)
        return float(np.sqrt(_of(w, rater, False) + _of(w, item, False) - w @ w))

    whole = rule(lambda r, i, p: r + i - p)
    mistakes: list[tuple[Rule, str]] = [
        (rule(lambda r, i, p: r + i), "Forgotten: to subtract. What each vote has of its own is in the sum over raters "
         "and in the sum over items, so it was counted twice. Take the sum of w squared away."),
        (rule(lambda r, i, p: r + i - 2 * p), "Taken away twice. The sum of w squared is in twice: leave it once."),
        (rule(lambda r, i, p: r), "That is the error over raters alone. Other sentences would have got other votes."),
        (rule(lambda r, i, p: i), "That is the error over items alone. Other people would have given other votes."),
        (rule(lambda r, i, p: p), "Every vote by itself, as if all were by different people on different sentences."),
        (lambda s, r, i: float(s.std(ddof=1) / np.sqrt(len(s))), "Deviation over the root of N: 30 votes by 6 people "
         "are taken for votes by 30 people."),
        (lambda *case: whole(*case) ** 2, "That is the square of the error: the root is missing."),
        (plainly, "R / (R - 1) and I / (I - 1) are missing: sums that were made around their own mean are too small."),
        (lambda s, r, i: len(s) * whole(s, r, i), "w is (score - mean) divided by N: yours is N times too large."),
        (lambda *case: sum(np.sqrt(parts(*case)[:2])), "Errors do not add up; their squares do."),
    ]  # fmt: skip
    refuse(given, cases, mistakes)
    right = opinions.two_way_error(*cases[0])
    expect(
        like(given, opinions.two_way_error, cases), f"For the first votes it is {right:.4f}; yours is {given[0]:.4g}."
    )
    return "An interval with it speaks of other listeners and of other sentences, which is what a paper claims."


def _panel(seed: int, raters: int, items: int) -> tuple[Floats, Ints, Ints]:
    """Votes of a small panel, one of which is missing."""
    random = np.random.default_rng(seed)
    level, quality = random.normal(0, 0.8, raters), random.normal(0, 0.9, items)
    score = 3.5 + level[:, None] + quality + random.normal(0, 0.4, (raters, items))
    rater, item = np.divmod(np.arange(raters * items), items)
    return score.ravel()[1:], rater[1:], item[1:]


_REFERENCE: Mapping[str, list[int]] = {
    "ann": [100] * 20,
    "bob": [88] + [100] * 19,
    "cem": [85, 86, 80] + [100] * 17,
    "dee": [80, 70, 85, 60] + [99] * 16,
    "eva": [90] * 6 + [97] * 14,
    "fay": [89] * 5 + [100] * 15,
    "gus": [0, 5] + [99] * 18,
    "hal": [82] + [100] * 4,
}
"""Votes of raters on the hidden reference; fair names that a known mistake treats otherwise."""


@exercise(
    "Who hears the reference?",
    "Look at the votes on `Reference` only, rater by rater. Which share of them is below 90?",
    "own = score[(rater == name) & (system == 'Reference')]; out if (own < 90).mean() > 0.15.",
)
def left_out(answer: Callable[[Any, Any, Any], Any]) -> str:
    """`left_out(rater, system, score)`: (N,) names, names, votes -> names of raters who are left out."""
    rows = [(name, system, vote) for name, votes in _REFERENCE.items() for place, own in enumerate(votes)
            for system, vote in (("codec", 55.0 + place), ("Reference", float(own)), ("Anchor", 15.0))]  # fmt: skip
    rater, system, score = (np.array(column) for column in zip(*rows, strict=True))
    found = ask(answer, rater.copy(), system.copy(), score.copy())
    names = f"The names of raters, as a list, of {', '.join(_REFERENCE)}."
    expect(isinstance(found, list | tuple | set | np.ndarray), names)
    expect(all(isinstance(name, str) for name in found), names)
    out = {str(name) for name in found}
    expect(out <= set(_REFERENCE), names)
    own = {name: np.array(votes, dtype=np.float64) for name, votes in _REFERENCE.items()}

    def those(rule: Callable[[Floats], bool]) -> set[str]:
        return {name for name, votes in own.items() if rule(votes)}

    right = those(lambda votes: bool((votes < 90).mean() > 0.15))
    mistakes: list[tuple[set[str], str]] = [
        (set(own), "Nobody stays. Are votes on other systems among those that you look at?"),
        (set(own) - right, "Turned round: these are the raters who stay."),
        (those(lambda v: bool((v < 90).any())), "One slip in twenty is human. The rule allows 15 % of the items."),
        (those(lambda v: bool(v.mean() < 90)), "The rule looks at single votes, not at their mean: gus slipped twice, "
         "and fay rates five of twenty at 89."),
        (those(lambda v: bool((v < 90).mean() >= 0.15)), "cem has exactly 15 %. *More than* 15 % goes."),
        (those(lambda v: bool((v <= 90).mean() > 0.15)), "eva gives 90 to six. *Below* 90 counts, 90 does not."),
        (those(lambda v: bool((v < 90).sum() > 3)), "hal judged five items only, and one of five is 20 %. Take the "
         "share of the rater's own votes on the reference."),
        (set(), "Nobody goes. Some put the hidden reference below 90 in more than 15 % of the items."),
    ]  # fmt: skip
    for wrong, hint in mistakes:
        expect(out != wrong, hint)
    expect(out == right, f"It should be {', '.join(sorted(right))}; yours is {', '.join(sorted(out))}.")
    return "Who does not hear that the reference is the reference says nothing about what is nearly as good."
