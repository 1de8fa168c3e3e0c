"""Checks of notebook 11, "Ask people": how many raters, ABX and chance, "no different" and "equal", matched votes.

Letters: n raters or answers. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.stats import binom, binomtest, norm

from gsv_lab.evaluation.statistics.components import PLANNING, Components
from gsv_lab.evaluation.statistics.crossed import clustered
from gsv_lab.teaching.exercises import opinions
from gsv_lab.teaching.exercises.answers import numbers
from gsv_lab.teaching.exercises.card import ask, exercise, expect, number
from gsv_lab.teaching.exercises.measuring import ONE_NUMBER, Rule, like, refuse
from gsv_lab.teaching.exercises.opinions import tail

_OTHER = Components(system=1.0, rater=0.6, rater_system=0.3, stimulus=0.2, residual=0.9)
Z = 2.8


def _raters(
    gap: float, sentences: int, c: Components, *, two: int = 2, z: float = Z, stimulus: float = 1.0, level: float = 0.0,
    shared: bool = True, squared: bool = True,
) -> float:  # fmt: skip
    """The number of raters, with parts of the formula changed as mistakes change them."""
    power = 2 if squared else 1
    left = gap**2 / (two * z**2) - stimulus * c.stimulus**power / sentences
    own = c.rater_system**power + level * c.rater**power + c.residual**power / (sentences if shared else 1)
    return math.inf if left <= 0 else math.ceil(own / left)


@exercise(
    "How many raters?",
    "Put the wanted error on the left, (difference / z) ** 2, and solve for K. The part of the sentences stays.",
    "left = (difference / 2.8) ** 2 / 2 - c.stimulus**2 / M; K = (c.rater_system**2 + c.residual**2 / M) / left, "
    "rounded up; math.inf where left is not above 0.",
)
def needed(answer: Callable[[float, int, Components], Any]) -> str:
    """`needed(difference, sentences, c)` -> raters, `math.inf` where no number of raters is enough."""
    cases = [(0.2, 150, PLANNING), (0.15, 80, _OTHER), (0.3, 50, PLANNING), (0.25, 15, _OTHER)]
    given = [number(ask(answer, *case), ONE_NUMBER) for case in cases]

    def changed(**changes: Any) -> Rule:
        return lambda gap, sentences, c: _raters(gap, sentences, c, **changes)

    def raw(gap: float, sentences: int, c: Components) -> float:
        left = gap**2 / (2 * Z**2) - c.stimulus**2 / sentences
        return (c.rater_system**2 + c.residual**2 / sentences) / left

    mistakes: list[tuple[Rule, str]] = [
        (changed(two=1), "Two systems have an error each, so the squared error of their difference is twice as large."),
        (changed(z=1.96), "With 1.96 the difference is found in half of all tests only. For 80 % it takes 2.8."),
        (changed(stimulus=0.0), "The sentences are drawn, too: stimulus squared over M does not go away with raters."),
        (changed(shared=False), "A rater's noise averages out over the sentences: residual squared is divided by M."),
        (
            changed(level=1.0),
            "Who is strict is strict with both systems: the rater's own level cancels in a difference.",
        ),
        (changed(squared=False), "These are deviations. Variances add: square them first."),
        (lambda *case: math.floor(raw(*case)), "Rounded down: with one rater less the test is a little too small."),
        (raw, "Nobody can ask a part of a rater. Round up."),
    ]
    refuse(given, cases, mistakes)
    right = opinions.needed(*cases[0])
    expect(
        like(given, opinions.needed, cases), f"For 0.2 MOS and 150 sentences it is {right}; yours is {given[0]:.5g}."
    )
    hopeless = number(ask(answer, 0.2, 20, PLANNING), "With 20 sentences no number of raters is enough: `math.inf`.")
    negative = f"For 20 sentences yours is {hopeless:.4g}: they alone make more error than is allowed. `math.inf`."
    expect(math.isinf(hopeless) and hopeless > 0, negative)
    return "With these deviations it takes 49 sentences at least to find 0.2 MOS, however many people listen."


@exercise(
    "ABX and chance",
    "Of all 2 ** n ways to guess, how many have so many right answers or more?",
    "sum(math.comb(n, k) for k in range(right, n + 1)) / 2**n.",
)
def by_chance(answer: Callable[[int, int], Any]) -> str:
    """`by_chance(right, n)` -> chance of so many right answers, or more, by guessing."""
    cases = [(9, 12), (31, 48), (12, 12), (5, 12)]
    given = [number(ask(answer, *case), ONE_NUMBER) for case in cases]
    mistakes: list[tuple[Rule, str]] = [
        (lambda k, n: binom.pmf(k, n, 0.5), "That is the chance of exactly so many. More right answers count as well."),
        (lambda k, n: binom.sf(k, n, 0.5), "That is the chance of more. So many itself belongs to it."),
        (lambda k, n: binom.cdf(k, n, 0.5), "That is the chance of so many or fewer: the other end."),
        (lambda k, n: binom.cdf(k - 1, n, 0.5), "That is the chance of fewer. Take it from 1."),
        (lambda k, n: binomtest(k, n).pvalue, "Two-sided. Who answers wrongly on purpose hears the difference, too; "
         "but the question here is whether people are *right* more often than by guessing."),
        (lambda k, n: norm.sf((k - n / 2) / math.sqrt(n / 4)), "The normal curve, a good guess for many answers. Count "
         "exactly: n is small."),
        (lambda k, n: k / n, "The share of right answers. By guessing half of them are right, too."),
        (lambda k, n: 0.5**k, "The chance to guess the first so many rightly, whatever comes then. The right answers "
         "may stand anywhere."),
    ]  # fmt: skip
    refuse(given, cases, mistakes)
    expect(like(given, opinions.by_chance, cases), f"9 of 12 by guessing: {opinions.by_chance(9, 12):.4f}; "
           f"yours is {given[0]:.4g}.")  # fmt: skip
    return "9 of 12 are three quarters, and still guessed in one test of 14. With few answers ABX finds nothing."


def _t(off: Any, shift: float, ddof: int = 1, root: bool = True) -> float:
    return float((off.mean() + shift) / (off.std(ddof=ddof) / (math.sqrt(len(off)) if root else 1.0)))


@exercise(
    "Equal within a margin",
    "Two questions: is the mean surely above -margin, and surely below +margin? Both have to be answered by yes.",
    "se = off.std(ddof=1) / sqrt(n); max(tail((off.mean() + margin) / se, n - 1), tail((margin - off.mean()) / se, "
    "n - 1)).",
)
def equal(answer: Callable[[Any, float, Callable[[float, float], float]], Any]) -> str:
    """`equal(off, margin, tail)`: (n,) differences of raters, margin, tail(t, degrees) -> p."""
    random = np.random.default_rng(7)
    cases = [(random.normal(mean, sd, n), margin)
             for mean, sd, n, margin in ((0.1, 0.4, 12, 0.4), (-0.2, 0.5, 9, 0.3), (0.3, 0.3, 15, 0.5))]  # fmt: skip
    given = [number(ask(answer, off.copy(), margin, tail), "One number is asked for, p.") for off, margin in cases]

    def both(off: Any, margin: float, ddof: int = 1, root: bool = True, df: int = 1) -> list[float]:
        """P values of both one-sided tests."""
        return [tail(_t(sign * off, margin, ddof, root), len(off) - df) for sign in (1, -1)]

    def different(off: Any) -> float:
        return 2 * tail(abs(_t(off, 0.0)), len(off) - 1)

    mistakes: list[tuple[Rule, str]] = [
        (lambda o, m: min(both(o, m)), "The smaller p. Both tests have to reject, so the worse one decides."),
        (lambda o, m: different(o), "That is the ordinary test, whether there is a difference. A large p says little."),
        (lambda o, m: 1 - different(o), "1 - p of the ordinary test: not to find a difference is no proof of equality. "
         "The margin is missing."),
        (lambda o, m: 1 - max(both(o, m)), "Turned round: `tail` should be asked for t of (mean + margin) and of "
         "(margin - mean)."),
        (lambda o, m: sum(both(o, m)), "The p values were added. Each test asks its own question; take the larger p."),
        (lambda o, m: 2 * max(both(o, m)), "Not doubled: each of the two tests looks at one side only."),
        (lambda o, m: max(both(o, m, ddof=0)), "Divided by n under the root: ddof=1."),
        (lambda o, m: max(both(o, m, df=0)), "One degree of freedom went for the mean: n - 1."),
        (lambda o, m: max(both(o, m, root=False)), "That is the spread of raters. The mean of n is surer by root n."),
        (lambda o, m: both(o, m)[0], "One side only: is the mean above -margin? It must be below +margin, too."),
        (lambda o, m: both(o, m)[1], "One side only: is the mean below +margin? It must be above -margin, too."),
    ]  # fmt: skip
    refuse(given, cases, mistakes)
    right = opinions.equal(*cases[0])
    expect(like(given, opinions.equal, cases), f"The first should give {right:.4f}, and yours is {given[0]:.4g}.")
    return "The margin is the claim: who says 'as good as' has to say within how much, before there is a vote."


@exercise(
    "Stretch: the same votes on both",
    "One difference for each rater and item that both have. Then these differences are votes like any others.",
    "both = [k for k in first if k in second]; off = np.array([second[k] - first[k] for k in both]); the mean, and "
    "two_way_error(off, raters, items).",
)
def matched(answer: Callable[[Any, Any], Any]) -> str:
    """`matched(first, second)`: (rater, item) -> vote, twice -> difference, error."""
    random = np.random.default_rng(9)
    raters, items = [f"r{n}" for n in range(7)], [f"i{n}" for n in range(6)]
    level, quality = dict(zip(raters, random.normal(0, 1, 7), strict=True)), dict(zip(items, random.normal(0, 0.8, 6),
                                                                                    strict=True))  # fmt: skip
    taste = dict(zip(raters, random.normal(0, 0.5, 7), strict=True))
    gift = dict(zip(items, random.normal(0, 0.5, 6), strict=True))
    keys = [(r, i) for r in raters for i in items]
    first = {k: 3 + level[k[0]] + quality[k[1]] + random.normal(0, 0.2) for k in keys if k != ("r0", "i0")}
    second = {k: first.get(k, 3.0) + 0.4 + taste[k[0]] + gift[k[1]] + random.normal(0, 0.2) for k in keys}
    second = {k: second[k] for k in reversed(keys) if k not in (("r3", "i2"), ("r6", "i5"))}
    found = numbers(ask(answer, dict(first), dict(second)), "The answer").double().numpy()
    expect(found.shape == (2,), "Two numbers, please: the difference and its error.")
    value, error = opinions.matched(first, second)
    for wrong, hint in _mismatched(first, second):
        expect(not np.allclose(found, wrong, atol=1e-5), hint)
    expect(math.isclose(found[0], value, abs_tol=1e-5), f"The difference is {value:.4f}, and yours is {found[0]:.4g}.")
    expect(math.isclose(found[1], error, abs_tol=1e-5), f"The error is {error:.4f}, and yours is {found[1]:.4g}.")
    return "What a rater or a sentence adds to both has dropped out: so few votes can show so small a difference."


def _mismatched(first: Any, second: Any) -> list[tuple[tuple[float, float], str]]:
    """Answers that match too little, or forget something, and what is said to them."""
    both = [key for key in first if key in second]
    off = np.array([second[key] - first[key] for key in both])
    rater, item = (np.array([key[place] for key in both]) for place in (0, 1))
    one = clustered((off - off.mean()) / len(off), rater, item)
    mean = float(off.mean())
    alone = []
    for votes in (first, second):
        score = np.array([*votes.values()])
        names = [np.array([key[place] for key in votes]) for place in (0, 1)]
        alone.append((float(score.mean()), opinions.two_way_error(score, names[0], names[1])))
    apart = math.hypot(alone[0][1], alone[1][1])
    size = min(len(first), len(second))
    straight = np.array([*second.values()])[:size] - np.array([*first.values()])[:size]
    keys = list(first)[:size]
    unsorted = opinions.two_way_error(straight, np.array([k[0] for k in keys]), np.array([k[1] for k in keys]))
    return [
        ((alone[1][0] - alone[0][0], apart), "Two systems, two errors: strict raters count in both. Match the votes."),
        ((mean, apart), "The difference is of matched votes, but its error is that of two separate means."),
        ((float(straight.mean()), unsorted), "Votes of different raters were subtracted: the tables are in another "
         "order. Look them up by rater and item."),
        ((-mean, one.twoway), "The sign: second minus first was asked for."),
        ((mean, one.rater), "The error over raters alone. The sentences were drawn, too."),
        ((mean, one.item), "The error over items alone. The raters were drawn, too."),
        ((mean, float(off.std(ddof=1) / math.sqrt(len(off)))), "Differences of one rater are alike, too: two-way, as "
         "in exercise 3."),
        ((mean, math.hypot(one.rater, one.item)), "Forgotten again: to subtract the sum of squares."),
        ((one.twoway, mean), "The error stands before the difference."),
    ]  # fmt: skip
