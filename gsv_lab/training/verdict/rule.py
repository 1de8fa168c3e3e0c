"""The rule that chooses: measures of every step in, a decision out.

A step is *better* if it foretells the held-out seconds surely better than the untuned voice. It is *harmed* if,
against the untuned voice, it is surely further from the speaker, or surely worse by more than a tolerance in phones,
words or copied speech. Of the steps that are better and not harmed the earliest is used whose loss on held-out speech
is not surely above their lowest.

"Surely" is: the 95 % interval of the paired differences does not hold none (the tolerance). Pairs are seconds of the
held-out clips, and texts, whose seeds are averaged before. The earliest is taken since longer training goes on to cost
clearness after it has ceased to bring anything; so does the one-standard-error rule, Breiman et al. 1984,
Classification and Regression Trees, section 3.4.3.
Letters: S seconds, N texts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gsv_lab.evaluation.statistics.intervals import Difference, difference

HELD_OUT = "held_out"


class Harm(NamedTuple):
    """How a step may be worse than the untuned voice: `better` is 1 where more is better, else -1."""

    better: int
    tolerance: float
    words: str


HARMS: dict[str, Harm] = {
    "similarity": Harm(1, 0.0, "further from the speaker"),
    "phone_error": Harm(-1, 0.05, "less clear"),
    "forgetting": Harm(-1, 0.05, "less clear on texts of other kinds"),
    "terms": Harm(-1, 0.05, "less clear on the terms"),
    "wrong_words": Harm(-1, 0.02, "skips or repeats words"),
    "copied": Harm(-1, 0.05, "says what it was tuned on"),
}


class Step(NamedTuple):
    """What was measured of one step: means by measure, paired differences to the untuned voice, and its `harms` in
    words; `better` says whether it foretells the held-out seconds surely better.
    """

    step: int
    means: dict[str, float]
    differences: dict[str, Difference]
    better: bool
    harms: tuple[str, ...]


class Choice(NamedTuple):
    """The step to use, 0 for the untuned voice; what was found of the steps that spoke; why; and in what the last step
    is worse than an earlier one, nothing where it is not over-trained.
    """

    step: int
    steps: tuple[Step, ...]
    words: str
    over_trained: tuple[str, ...]


Table = Mapping[int, Mapping[str, np.ndarray]]
"""Step -> measure -> (N,) one value a text, or (S,) one a second for `HELD_OUT`; 0 is the untuned voice."""


def choose(table: Table, losses: Mapping[int, np.ndarray]) -> Choice:
    """Apply the rule.

    Args:
        table: the steps that spoke, in their order, with the same measures each.
        losses: of every step, on held-out speech (S,).
    """
    steps = tuple(_step(number, measures, table[0]) for number, measures in table.items())
    good = {step.step: step for step in steps if step.better and not step.harms}
    chosen = good[_earliest({number: losses[number] for number in good})] if good else steps[0]
    return Choice(chosen.step, steps, _words(chosen, steps), _over_trained(steps, losses))


def _earliest(losses: Mapping[int, np.ndarray]) -> int:
    """The first step whose losses are not surely above those of the best one."""
    best = min(losses.values(), key=lambda values: float(values.mean()))
    return min(step for step, values in losses.items() if not paired(values, best).low > 0)


def _step(number: int, measures: Mapping[str, np.ndarray], untuned: Mapping[str, np.ndarray]) -> Step:
    means = {name: float(values.mean()) for name, values in measures.items()}
    found = {name: paired(values, untuned[name]) for name, values in measures.items()}
    harms = []
    for name, harm in HARMS.items():
        if name in found and number:
            worse = -found[name].high if harm.better > 0 else found[name].low
            if worse > harm.tolerance:
                harms.append(harm.words)
    return Step(number, means, found, bool(number) and found[HELD_OUT].high < 0, tuple(harms))


def paired(first: np.ndarray, second: np.ndarray) -> Difference:
    """How much higher the first values are, pair by pair, with a 95 % interval over the pairs."""
    return difference(first, second, [""] * len(first))


def _over_trained(steps: Sequence[Step], losses: Mapping[int, np.ndarray]) -> tuple[str, ...]:
    """The harms of the last step, and whether it foretells held-out speech surely worse than the best step."""
    best = min(losses.values(), key=lambda values: float(values.mean()))
    worse = paired(losses[max(losses)], best).low > 0
    return (*(["foretells held-out speech worse"] if worse else []), *steps[-1].harms)


def _words(chosen: Step, steps: Sequence[Step]) -> str:
    """The decision in words, without a full stop."""
    if chosen.step:
        return f"use step {chosen.step}"
    reasons = sorted({harm for step in steps if step.better for harm in step.harms})
    if reasons:
        return f"zero-shot is as good: every step that foretells held-out speech better is {', or '.join(reasons)}"
    return "zero-shot is as good: no step foretells held-out speech surely better"
