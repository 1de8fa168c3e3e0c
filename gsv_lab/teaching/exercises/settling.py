"""Checks of notebook 12, "Reproduce and ablate": claims, the faults of a sketch, verdicts, what a test must see.

What is ablated is checked in `contrasts.py`. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import numpy as np

from gsv_lab.evaluation.claims.file import read_claims
from gsv_lab.evaluation.claims.rule import CONTRADICTED, INCONCLUSIVE, SUPPORTED
from gsv_lab.evaluation.statistics.components import PLANNING, Components
from gsv_lab.teaching.exercises import reproducing, sketches
from gsv_lab.teaching.exercises.answers import named
from gsv_lab.teaching.exercises.card import ask, exercise, expect, number
from gsv_lab.teaching.exercises.measuring import ONE_NUMBER, Rule, refuse

ASKED = (
    "gpt-below-100m", "mos-one-minute", "vctk-similarity", "characters-400-ms", "latency-300-ms", "pilot-27-percent",
)  # fmt: skip
"""Claims that the first exercise asks about; three can be measured as they stand."""
_TAKEN = {
    "gpt-below-100m": "Parameters can be counted: nothing is missing.",
    "mos-one-minute": "That is expensive, not impossible: 40 people, 40 sentences, and the voice is named.",
    "characters-400-ms": "Text length, time and card are named. Who has that card can measure it.",
}
_MISSED = {
    "vctk-similarity": "Of what to what, by which encoder, on how many seconds? Each answer gives another number.",
    "latency-300-ms": "Which text, which card? And does the first sample count, or the last?",
    "pilot-27-percent": "Who counted what, of how many patients? No measurement of yours can tell.",
}


@cache
def _vague() -> frozenset[str]:
    """Those of `ASKED` that the file of claims calls unmeasurable."""
    return frozenset(claim.id for claim in read_claims().claims if claim.id in ASKED and claim.unmeasurable)


def _names(answer: Any, of: str) -> list[Any]:
    """An answer that is a list, tuple or set."""
    expect(isinstance(answer, list | tuple | set | frozenset), of)
    return [*answer]


@exercise(
    "Measurable or not",
    "Could two people who never met measure it, and have to agree on what the number means?",
    "Three of the six leave out what is compared, on which text or machine, or who was counted.",
)
def measurable(answer: Sequence[str]) -> str:
    """Ids out of `ASKED` that cannot be measured as they are stated."""
    of = "A list of ids, such as ['pilot-27-percent'], out of the six."
    given = {named(name, {claim: () for claim in ASKED}) for name in _names(answer, of)}
    right = _vague()
    expect(given != set(ASKED), "All six? Then nothing could ever be shown of any system. Some name all that it takes.")
    expect(given, "None? Try to write down, for each, what you would measure, on what, and by whom it is counted.")
    for name in ASKED:
        expect(name not in given or name in right, f"{name}: {_TAKEN.get(name, '')}")
    for name in ASKED:
        expect(name in given or name not in right, f"One is missing. {_MISSED.get(name, '')}")
    return (
        "Not measurable is no verdict on the system, but on the sentence. The nearest claim that can be measured can."
    )


_HARMLESS = {
    3: "Line 3 counts 0, 1, 2 ...: one number for each place. That is as it should be.",
    4: "Line 4 says where each phone stands, which has to be said once. Where is it said again?",
    9: "Line 9 makes the wave, and its comment says so. Look at what comes after it.",
    14: "Line 14 makes a wave by `speaker`, as its name says. What happens to it then?",
}
_OVERLOOKED = {
    sketches.TWICE: "One is missing: what does `x` hold of the places after line 4, and what after the next line?",
    sketches.UNLIKE: "One is missing: look at the shapes of both arguments of the loss.",
    sketches.UNSAFE: "One is missing: a file from somebody else. What may it ask of the one who opens it?",
    sketches.AGAIN: "One is missing: who made the wave of line 14 a wave, and what is then done to it?",
}


@exercise(
    "Four faults",
    "Write down the shape of every tensor, line by line; and ask of every call whether its work was done already.",
    "One fault in each part: the writer, the loss; two in `speak`.",
)
def faults(answer: Sequence[int]) -> str:
    """Numbers of the lines of `sketches.SKETCH` with a fault."""
    of = "A list of four line numbers, such as [1, 2, 6, 8]."
    lines = len(sketches.SKETCH.splitlines())
    given = {number(line, of) for line in _names(answer, of)}
    expect(all(line == int(line) and 1 <= line <= lines for line in given if math.isfinite(line)), of)
    expect(all(map(math.isfinite, given)), of)
    expect(given, "An empty list: then the sketch would work. It stops at the first batch.")
    right = {sketches.TWICE, sketches.UNLIKE, sketches.UNSAFE, sketches.AGAIN}
    for line in sorted(given - right):
        expect(False, _HARMLESS.get(int(line), f"Line {line:g} does what it says. Take it out of the list."))
    for line in sorted(right - given):
        expect(False, _OVERLOOKED[line])
    return "Two stop at once, one is silent, and the worst one works: it runs whatever the file says."


@exercise(
    "From an interval to a verdict",
    "Where does each end lie: below what is accepted, inside, or above? Do both lie in the same place?",
    "Both inside: supported. Both below least, or both above most: contradicted. All else: inconclusive.",
)
def decided(answer: Callable[[float, float, float, float], Any]) -> str:
    """`verdict(low, high, least, most)` -> "supported", "contradicted" or "inconclusive"."""
    inf = math.inf
    cases = [
        (4.1, 4.3, 4.0, inf), (3.7, 3.9, 4.0, inf), (3.9, 4.2, 4.0, inf), (3.7, 4.5, 4.0, inf), (6.0, 7.0, 5.0, 10.0),
        (4.0, 12.0, 5.0, 10.0), (11.0, 12.0, 5.0, 10.0), (0.2, 0.3, -inf, 0.2), (0.5, 0.5, -inf, 0.7),
        (5.0, 10.0, 5.0, 10.0), (9.0, 12.0, 5.0, 10.0), (0.3, 0.4, -inf, 0.2),
    ]  # fmt: skip
    names: dict[str, tuple[str, ...]] = {SUPPORTED: (), CONTRADICTED: (), INCONCLUSIVE: ()}
    given = [named(ask(answer, *case), names) for case in cases]

    def by(rule: Callable[[float, float, float, float], str]) -> bool:
        return given == [rule(*case) for case in cases]

    def middle(low: float, high: float, least: float, most: float) -> str:
        return SUPPORTED if least <= (low + high) / 2 <= most else CONTRADICTED

    def strict(low: float, high: float, least: float, most: float) -> str:
        return SUPPORTED if least <= low and high <= most else CONTRADICTED

    def lenient(low: float, high: float, least: float, most: float) -> str:
        return SUPPORTED if low <= most and high >= least else CONTRADICTED

    def both_out(low: float, high: float, least: float, most: float) -> str:
        inside = [least <= end <= most for end in (low, high)]
        return SUPPORTED if all(inside) else INCONCLUSIVE if any(inside) else CONTRADICTED

    def least_only(low: float, high: float, least: float, most: float) -> str:
        return reproducing.verdict(low, high, least, inf)

    expect(not by(middle), "That asks the middle alone. 4.05 with an interval from 3.7 to 4.4 shows nothing.")
    expect(not by(strict), "What is not shown is not refuted: from 3.9 to 4.2 both answers are still possible.")
    expect(not by(lenient), "A claim is not supported because it is possible. The whole interval must be inside.")
    whole = "From 4 to 12, where 5 to 10 is claimed: both ends are outside, but on two sides, and 7 is inside."
    expect(not by(both_out), whole)
    expect(not by(least_only), "Some claims have an upper end, too: 11 to 12 MB are not 5 to 10 MB.")
    for case, said in zip(cases, given, strict=True):
        low, high, least, most = case
        right = reproducing.verdict(*case)
        expect(said == right, f"{low:g} to {high:g}, accepted {least:g} to {most:g}: {right}; yours says {said}.")
    return (
        "One rule for all claims, fixed before any number is seen: then nobody can be kinder to the result they like."
    )


@exercise(
    "What must be seen to claim 4.0",
    "The lower bound is the mean less 1.645 errors. It has to be 4.0. So what is the mean?",
    "4 + 1.645 * root of (c.rater**2 + c.rater_system**2) / K + c.stimulus**2 / M + c.residual**2 / (K * m).",
)
def to_claim(answer: Callable[[int, int, int, Components], Any]) -> str:
    """`to_claim(raters, sentences, each, c)` -> the MOS whose lower bound is 4.0."""
    other = Components(1.0, 0.6, 0.3, 0.2, 0.9)
    cases = [(20, 20, 20, PLANNING), (40, 40, 20, PLANNING), (15, 60, 12, other), (8, 30, 10, other)]
    given = [number(ask(answer, *case), ONE_NUMBER) for case in cases]

    def changed(
        z: float = 1.645, base: float = 4.0, rater: float = 1, own: float = 1, stimulus: float = 1, shared: str = "m",
        root: bool = True,
    ) -> Rule:  # fmt: skip
        def rule(raters: int, sentences: int, each: int, c: Components) -> float:
            heard = {"m": each, "M": sentences, "": 1}[shared]
            square = (rater * c.rater**2 + own * c.rater_system**2) / raters + stimulus * c.stimulus**2 / sentences
            square += c.residual**2 / (raters * heard)
            return float(base + z * (np.sqrt(square) if root else square))

        return rule

    mistakes: list[tuple[Rule, str]] = [
        (changed(z=1.96), "With 1.96 both sides are guarded. Only 'not lower than 4.0' is claimed: one side, 1.645."),
        (changed(z=-1.645), "Minus: that is the lower bound if 4.0 is *seen*. You need what must be seen."),
        (changed(base=0.0), "That is the margin alone. Above which number has it to lie?"),
        (
            changed(rater=0),
            "Strict and mild raters: in one MOS their level does *not* cancel, as it does in a difference.",
        ),
        (changed(own=0), "Raters have tastes, too: rater.system belongs to the part that K divides."),
        (changed(stimulus=0), "Other sentences, other votes: the part of the stimulus is missing."),
        (changed(shared="M"), "The residual averages over the sentences that one rater *hears*, m, not over all M."),
        (changed(shared=""), "A rater hears m sentences: the residual is divided by K and by m."),
        (changed(root=False), "Those are squares. The root is missing."),
        (
            lambda *case: 4.0,
            "4.0 seen: then the lower bound lies below it, and half of all such tests lie lower still.",
        ),
    ]
    refuse(given, cases, mistakes)
    right = [reproducing.to_claim(*case) for case in cases]
    # 1.64 and 1.645 are as good as all digits.
    expect(
        np.allclose(given, right, atol=2e-3),
        f"For 20 raters and 20 sentences it is {right[0]:.2f}; yours is {given[0]:.4g}.",
    )
    return "4.22 with 20 raters and 20 sentences. 'MOS 4.0' with no interval claims next to nothing."
