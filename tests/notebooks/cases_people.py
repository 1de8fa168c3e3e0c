"""Right and wrong answers to the exercises of notebook 11; `test_checks.py` tries them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from scipy.stats import binom, binomtest, norm

from gsv_lab.evaluation.statistics.components import PLANNING
from gsv_lab.teaching.exercises import decisions, listeners, opinions
from gsv_lab.teaching.exercises.card import Exercise
from gsv_lab.teaching.exercises.opinions import tail

SQUARE = ["ABDC", "BCAD", "CDBA", "DACB"]


def rms(wave: Any) -> float:
    return math.sqrt((wave**2).mean())


def squares(score: Any, rater: Any, item: Any, factor: bool = True, n: float = 0) -> tuple[float, float, float]:
    """Squared errors over raters, over items, and of single votes, by loops."""
    w = (score - score.mean()) / (n or len(score))
    found = []
    for names in (rater, item):
        kinds = sorted({*names.tolist()})
        total = sum(w[names == kind].sum() ** 2 for kind in kinds)
        found.append(total * (len(kinds) / (len(kinds) - 1) if factor else 1))
    return found[0], found[1], (w**2).sum()


def two_way(score: Any, rater: Any, item: Any) -> float:
    by_rater, by_item, own = squares(score, rater, item)
    return math.sqrt(by_rater + by_item - own)


def of_squares(rule: Callable[..., float], **changes: Any) -> Callable[[Any, Any, Any], float]:
    return lambda s, r, i: math.sqrt(max(0.0, rule(*squares(s, r, i, **changes))))


def references(rule: Callable[[Any], bool], turned: bool = False) -> Callable[[Any, Any, Any], list[str]]:
    """An answer that looks at each rater's votes on the reference."""
    return lambda rater, system, score: [
        name
        for name in sorted({*rater.tolist()})
        if bool(rule(score[(rater == name) & (system == "Reference")])) != turned
    ]


def raters(
    gap: float,
    m: int,
    c: Any,
    two: float = 2,
    z: float = 2.8,
    own: Any = None,
    stimulus: float = 1,
    up: Any = math.ceil,
) -> float:
    left = (gap / z) ** 2 / two - stimulus * c.stimulus**2 / m
    return math.inf if left <= 0 else up((c.rater_system**2 + c.residual**2 / m if own is None else own(c, m)) / left)


def negative(gap: float, m: int, c: Any) -> float:
    return math.ceil((c.rater_system**2 + c.residual**2 / m) / ((gap / 2.8) ** 2 / 2 - c.stimulus**2 / m))


def unsquared(gap: float, m: int, c: Any) -> float:
    left = (gap / 2.8) ** 2 / 2 - c.stimulus / m
    return math.inf if left <= 0 else math.ceil((c.rater_system + c.residual / m) / left)


def both_sides(
    off: Any, margin: float, tail: Any, ddof: int = 1, df: int = 1, root: bool = True
) -> tuple[float, float]:
    error = off.std(ddof=ddof) / (math.sqrt(len(off)) if root else 1)
    return tuple(tail((margin + sign * off.mean()) / error, len(off) - df) for sign in (1, -1))  # type: ignore[return-value]


def ordinary(off: Any) -> float:
    return 2 * tail(abs(off.mean()) / (off.std(ddof=1) / math.sqrt(len(off))), len(off) - 1)


def arrays(first: Any, second: Any) -> tuple[Any, Any, Any]:
    both = [key for key in first if key in second]
    off = np.array([second[key] - first[key] for key in both])
    return off, np.array([key[0] for key in both]), np.array([key[1] for key in both])


def matched(rule: Callable[..., Any]) -> Callable[[Any, Any], Any]:
    return lambda first, second: rule(*arrays(first, second))


def table(votes: Any) -> tuple[Any, Any, Any]:
    return np.array([*votes.values()]), np.array([k[0] for k in votes]), np.array([k[1] for k in votes])


def in_order(first: Any, second: Any) -> Any:
    size = min(len(first), len(second))
    off = np.array([*second.values()])[:size] - np.array([*first.values()])[:size]
    _, rater, item = table(first)
    return off.mean(), two_way(off, rater[:size], item[:size])


def apart(first: Any, second: Any) -> float:
    return math.hypot(two_way(*table(first)), two_way(*table(second)))


MODULES = (listeners, decisions)
CASES: list[tuple[Exercise, tuple[Any, ...], list[tuple[Any, ...]]]] = [
    (listeners.square, (SQUARE,), [
        (["ABDC", "BCAD", "CDBA"],), (["ABEC", "BCAE", "CEBA", "EACB"],), (["AABC", "BCAD", "CDBA", "DACB"],),
        (["ABCD"] * 4,), (["ABCD", "BADC", "ACBD", "DCBA"],), (["ABCD", "BCDA", "CDAB", "DABC"],),
        (["ABCD", "BADC", "CDAB", "DCBA"],),
    ]),
    (listeners.gain, (lambda w, d: 10 ** (d / 20) / rms(w),), [
        (lambda w, d: 10 ** (d / 10) / rms(w),), (lambda w, d: 10 ** (d / 20) / np.abs(w).max(),),
        (lambda w, d: rms(w) / 10 ** (d / 20),), (lambda w, d: 10 ** (d / 20),),
        (lambda w, d: d - 20 * math.log10(rms(w)),), (lambda w, d: 10 ** (d / 20) / rms(w) ** 2,),
        (lambda w, d: 10 ** (d / 20) / np.abs(w).mean(),), (lambda w, d: 10 ** (-d / 20) / rms(w),),
        (lambda w, d: 2.0,), (lambda w, d: w,),
    ]),
    (listeners.error, (two_way,), [
        (of_squares(lambda r, i, p: r + i),), (of_squares(lambda r, i, p: r + i - 2 * p),),
        (of_squares(lambda r, i, p: r),), (of_squares(lambda r, i, p: i),), (of_squares(lambda r, i, p: p),),
        (lambda s, r, i: s.std(ddof=1) / math.sqrt(len(s)),), (lambda s, r, i: two_way(s, r, i) ** 2,),
        (of_squares(lambda r, i, p: r + i - p, factor=False),), (of_squares(lambda r, i, p: r + i - p, n=1),),
        (lambda s, r, i: sum(map(math.sqrt, squares(s, r, i)[:2])),), (lambda s, r, i: 0.3,), (lambda s, r, i: s,),
    ]),
    (listeners.left_out, (references(lambda v: (v < 90).mean() > 0.15),), [
        (lambda r, s, v: [n for n in sorted({*r.tolist()}) if (v[r == n] < 90).mean() > 0.15],),
        (references(lambda v: (v < 90).mean() > 0.15, turned=True),), (references(lambda v: (v < 90).any()),),
        (references(lambda v: v.mean() < 90),), (references(lambda v: (v < 90).mean() >= 0.15),),
        (references(lambda v: (v <= 90).mean() > 0.15),), (references(lambda v: (v < 90).sum() > 3),),
        (lambda r, s, v: [],), (lambda r, s, v: ["ann", "bob"],), (lambda r, s, v: ["nobody"],),
    ]),
    (decisions.needed, (raters,), [
        (lambda d, m, c: raters(d, m, c, two=1),), (lambda d, m, c: raters(d, m, c, z=1.96),),
        (lambda d, m, c: raters(d, m, c, stimulus=0),),
        (lambda d, m, c: raters(d, m, c, own=lambda c, m: c.rater_system**2 + c.residual**2),),
        (lambda d, m, c: raters(d, m, c, own=lambda c, m: c.rater**2 + c.rater_system**2 + c.residual**2 / m),),
        (unsquared,), (lambda d, m, c: raters(d, m, c, up=math.floor),), (lambda d, m, c: raters(d, m, c, up=float),),
        (negative,), (lambda d, m, c: 20,), (lambda d, m, c: "many",),
    ]),
    (decisions.by_chance, (lambda k, n: sum(math.comb(n, j) for j in range(k, n + 1)) / 2**n,), [
        (lambda k, n: math.comb(n, k) / 2**n,), (lambda k, n: binom.sf(k, n, 0.5),),
        (lambda k, n: binom.cdf(k, n, 0.5),), (lambda k, n: binom.cdf(k - 1, n, 0.5),),
        (lambda k, n: binomtest(k, n).pvalue,), (lambda k, n: norm.sf((k - n / 2) / math.sqrt(n / 4)),),
        (lambda k, n: k / n,), (lambda k, n: 0.5**k,), (lambda k, n: 0.5,), (lambda k, n: "rare",),
    ]),
    (decisions.equal, (lambda o, m, tail: max(both_sides(o, m, tail)),), [
        (lambda o, m, tail: min(both_sides(o, m, tail)),), (lambda o, m, tail: ordinary(o),),
        (lambda o, m, tail: 1 - ordinary(o),), (lambda o, m, tail: 1 - max(both_sides(o, m, tail)),),
        (lambda o, m, tail: sum(both_sides(o, m, tail)),), (lambda o, m, tail: 2 * max(both_sides(o, m, tail)),),
        (lambda o, m, tail: max(both_sides(o, m, tail, ddof=0)),),
        (lambda o, m, tail: max(both_sides(o, m, tail, df=0)),),
        (lambda o, m, tail: max(both_sides(o, m, tail, root=False)),), (lambda o, m, tail: both_sides(o, m, tail)[0],),
        (lambda o, m, tail: both_sides(o, m, tail)[1],), (lambda o, m, tail: 0.04,), (lambda o, m, tail: True,),
    ]),
    (decisions.matched, (opinions.matched,), [
        (lambda a, b: (table(b)[0].mean() - table(a)[0].mean(), apart(a, b)),),
        (lambda a, b: (arrays(a, b)[0].mean(), apart(a, b)),), (in_order,),
        (matched(lambda o, r, i: (-o.mean(), two_way(o, r, i))),),
        (matched(lambda o, r, i: (o.mean(), math.sqrt(squares(o, r, i)[0]))),),
        (matched(lambda o, r, i: (o.mean(), math.sqrt(squares(o, r, i)[1]))),),
        (matched(lambda o, r, i: (o.mean(), o.std(ddof=1) / math.sqrt(len(o)))),),
        (matched(lambda o, r, i: (o.mean(), math.sqrt(sum(squares(o, r, i)[:2])))),),
        (matched(lambda o, r, i: (two_way(o, r, i), o.mean())),), (lambda a, b: 0.5,), (lambda a, b: (9.0, 0.1),),
        (matched(lambda o, r, i: (o.mean(), 0.123)),),
    ]),
]  # fmt: skip
ALSO_RIGHT: list[tuple[Exercise, tuple[Any, ...]]] = [
    (listeners.square, ([[*row] for row in SQUARE],)), (listeners.square, (["a b d c", "B,C,A,D", "CDBA", "DACB"],)),
    (listeners.square, (tuple(row[::-1] for row in SQUARE),)),
    (listeners.gain, (lambda w, d: torch.tensor(10 ** (d / 20) / rms(w)),)),
    (listeners.error, (opinions.two_way_error,)), (listeners.left_out, (opinions.left_out,)),
    (listeners.left_out, (lambda r, s, v: np.array(sorted(opinions.left_out(r, s, v), reverse=True)),)),
    (decisions.needed, (opinions.needed,)),
    (decisions.needed, (lambda d, m, c: float(raters(d, m, c, z=1.96 + 0.84)),)),
    (decisions.by_chance, (opinions.by_chance,)), (decisions.equal, (opinions.equal,)),
    (decisions.matched, (matched(lambda o, r, i: np.array([o.mean(), two_way(o, r, i)])),)),
]  # fmt: skip
assert raters(0.2, 20, PLANNING) == math.inf
