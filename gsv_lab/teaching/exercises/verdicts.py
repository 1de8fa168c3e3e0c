"""Checks of notebook 09 on what came out: whether a tuned voice is better, and whether it repeats its training.

Letters: N sentences or frames, M frames, D coefficients. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gsv_lab.teaching.exercises import tuning_kit as kit
from gsv_lab.teaching.exercises.card import Hint, ask, exercise, expect, number
from gsv_lab.teaching.exercises.measuring import ONE_NUMBER, Rule, like, refuse
from gsv_lab.teaching.exercises.metrics import t_quantile

Pair = tuple[np.ndarray, np.ndarray]


def _cases() -> list[Pair]:
    """Cosines of sentences before and after: what each known mistake gets wrong is in one of them."""
    random = np.random.default_rng(4)
    spread = random.normal(0.70, 0.06, 12)
    noise = random.normal(0, 0.03, 12)
    noise -= noise.mean()
    few = np.array([0.60, 0.71, 0.78])
    return [
        (spread, spread + 0.012 + 0.2 * noise),  # surely better, though all sentences differ
        (spread, spread + 0.008 + noise),  # higher on average, and it could be nothing
        (spread, spread - 0.02 + 0.2 * noise),  # surely worse
        (few, few + np.array([0.004, 0.030, 0.024])),  # three sentences: 1.96 is too little
        (spread, spread + 0.02 + 0.1 * noise - 0.05 * (np.arange(12) == 4)),  # better but for one sentence
        (spread, spread - 0.004 + noise),  # lower on average, and it could be nothing
        (spread, spread + 0.02 + 0.1 * noise),  # a little better, in every sentence
        (spread, spread + 0.12 + 0.1 * noise),  # better in every sentence, by far
    ]


def _low(off: np.ndarray, t: float = 0.0) -> float:
    """Lower end of the t interval of a mean; with another quantile where one is given."""
    return float(off.mean() - (t or t_quantile(len(off) - 1)) * off.std(ddof=1) / math.sqrt(len(off)))


def _high(off: np.ndarray) -> float:
    return float(2 * off.mean() - _low(off))


def _unpaired(before: np.ndarray, after: np.ndarray) -> bool:
    error = math.sqrt(before.var(ddof=1) / len(before) + after.var(ddof=1) / len(after))
    return bool(after.mean() - before.mean() > t_quantile(2 * len(before) - 2) * error)


@exercise(
    "Better?",
    "One difference a sentence, then the t interval of their mean (10). Better means that all of it lies above 0.",
    "off = after - before; half = t(len(off) - 1) * off.std(ddof=1) / np.sqrt(len(off)); off.mean() - half > 0.",
)
def better(answer: Callable[[Any, Any, Any], Any]) -> str:
    """`better(before, after, t)`: cosines (N,) of the same sentences, t(degrees) -> whether the tuned one is better."""
    cases = _cases()
    given = [_truth(ask(answer, before.copy(), after.copy(), t_quantile)) for before, after in cases]
    offs = [after - before for before, after in cases]

    def seen(rule: Callable[[np.ndarray], Any]) -> list[bool]:
        return [bool(rule(off)) for off in offs]

    mistakes: list[tuple[list[bool], str]] = [
        (seen(lambda off: off.mean() > 0), "Only the means were compared. Case 2 is higher by less than its noise."),
        ([_unpaired(*case) for case in cases], "Two groups, as if the sentences were not the same. Some sentences suit "
         "a voice better than others; that drops out of the differences."),
        (seen(lambda off: not _low(off) <= 0 <= _high(off)), "An interval below 0 is sure as well: surely *worse*."),
        (seen(lambda off: _low(off, 1.96) > 0), "1.96 is for very many sentences. For three it is t(2) = 4.30."),
        (seen(lambda off: (off > 0).all()), "Every sentence had to gain. One that loses does not outweigh eleven."),
        (seen(lambda off: _high(off) > 0), "The upper end: what lies below *could* be worse. Ask the lower end."),
        (seen(lambda off: _high(off) < 0), "Before minus after: surely worse was found."),
        (seen(lambda off: off.mean() > t_quantile(len(off) - 1) * off.std(ddof=1)), "That is the spread of single "
         "sentences. Their mean is surer by the root of their number."),
        (seen(lambda off: True), "Always yes. That is what a shop says."),
        (seen(lambda off: False), "Always no."),
    ]  # fmt: skip
    for wrong, hint in mistakes:
        expect(given != wrong, hint)
    wanted = [kit.better(*case) for case in cases]
    first = next((place for place, pair in enumerate(zip(given, wanted, strict=True)) if pair[0] != pair[1]), 0)
    expect(given == wanted, f"Case {first + 1} of {len(cases)} should be {wanted[first]}.")
    return "Else the answer is: stay with the zero-shot voice. It costs nothing, and has forgotten nothing."


def _truth(value: Any) -> bool:
    """Yes or no, in whatever form."""
    truth = isinstance(value, bool | np.bool_) or (hasattr(value, "dtype") and str(value.dtype).endswith("bool"))
    expect(truth, "True or False is asked for.")
    try:
        return bool(value)
    except (ValueError, RuntimeError):
        raise Hint("One True or False for all sentences together.") from None


def _distances(made: Any, frames: Any) -> Any:
    return np.linalg.norm(made[:, None] - frames[None], axis=-1)


@exercise(
    "Stretch: does it repeat?",
    "For each made frame: how far is the nearest of the frames that were learnt from, and how far the nearest of the "
    "others? Count how often the first is nearer.",
    "a = np.linalg.norm(made[:, None] - heard[None], axis=-1).min(1), b the same with fresh; (a < b).mean().",
)
def copied(answer: Callable[[Any, Any, Any], Any]) -> str:
    """`copied(made, heard, fresh)`: frames (N, D) made, (M, D) learnt from, (M, D) of other speech -> share."""
    random = np.random.default_rng(7)
    cases = []
    for share, scale in ((0.8, 0.05), (0.0, 0.05), (0.3, 0.4)):
        heard, fresh = (random.normal(0, 1, (40, 4)) for _ in range(2))
        heard += [3.0, 0, 0, 0] * (random.random((40, 1)) < 0.3)
        source = np.where(random.random((25, 1)) < share, heard[:25], fresh[:25])
        cases.append((source + random.normal(0, scale, source.shape), heard, fresh))
    given = [number(ask(answer, *(part.copy() for part in case)), ONE_NUMBER) for case in cases]

    def both(rule: Callable[[Any], Any]) -> Callable[[Any, Any, Any], tuple[Any, Any]]:
        return lambda made, heard, fresh: (rule(_distances(made, heard)), rule(_distances(made, fresh)))

    nearest, mean = both(lambda far: far.min(axis=1)), both(lambda far: far.mean(axis=1))
    other_way = both(lambda far: far.min(axis=0))

    def of(pair: Callable[..., tuple[Any, Any]], rule: Callable[[Any, Any], Any]) -> Rule:
        return lambda *case: float(rule(*pair(*case)))

    mistakes: list[tuple[Rule, str]] = [
        (of(nearest, lambda a, b: (a > b).mean()), "The other way round: the share that is nearer to *other* speech."),
        (of(mean, lambda a, b: (a < b).mean()), "The mean distance to all frames. A copy lies near *one* of them."),
        (of(other_way, lambda a, b: (a < b).mean()), "The nearest made frame of each recorded one. Ask the made ones."),
        (of(nearest, lambda a, b: (a < b).sum()), "A count. As a share of the made frames it can be compared."),
        (of(nearest, lambda a, b: a.mean() / b.mean()), "A ratio of distances: a few far frames decide it. Count."),
        (of(nearest, lambda a, b: a.mean()), "How near the training is. But how near is other speech of the voice?"),
        (of(nearest, lambda a, b: (a < 0.1).mean()), "A fixed threshold would be another one for every recording."),
        (of(nearest, lambda a, b: (a**2).mean() < (b**2).mean()), "Yes or no. How often?"),
    ]
    refuse(given, cases, mistakes)
    right = like(given, kit.copied, cases)
    expect(right, f"For the first case it is {kit.copied(*cases[0]):.3f}, and yours is {given[0]:.4g}.")
    return "One half: it lies no nearer to its training than to other speech. Towards 1 it repeats what it heard."
