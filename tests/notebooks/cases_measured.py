"""Right and wrong answers to the exercises of notebooks 07 and 08; `test_checks.py` tries them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.evaluation.ablation import HeadGrid
from gsv_lab.evaluation.probes.leakage import Leakage
from gsv_lab.evaluation.probes.linear import Probed
from gsv_lab.evaluation.statistics.resampling import Estimate
from gsv_lab.figures import uncertainty
from gsv_lab.hooks import Table
from gsv_lab.hooks.record import Record, Records
from gsv_lab.teaching.exercises import ablation, breaking, leaks
from gsv_lab.teaching.exercises.card import Exercise


def last_clips(clip: Any, speaker: Any) -> Any:
    last = {name: clip[speaker == name].max() for name in set(speaker)}
    return np.array([number == last[name] for number, name in zip(clip, speaker, strict=True)])


def least_squares(x: Any, labels: Any, n: int, penalty: float, wanted: Any = None) -> Any:
    wanted = np.eye(n)[labels] if wanted is None else wanted
    return np.linalg.solve(x.T @ x + penalty * np.eye(x.shape[1]), x.T @ wanted)


def drawn(kinds: Any, labels: Any, random: Any, among: Any = None) -> Any:
    chosen = {kind: random.choice(labels if among is None else among) for kind in np.unique(kinds)}
    return np.array([chosen[kind] for kind in kinds])


def off(x: Any, speaker: Any, change: Any) -> Any:
    closed = x.copy()
    for name in set(speaker):
        closed[speaker == name] = change(x[speaker == name])
    return closed


def closes_in_place(x: Any, speaker: Any) -> Any:
    for name in set(speaker):
        x[speaker == name] -= x[speaker == name].mean(axis=0)
    return x


def spoils(x: Tensor, axis: int) -> Tensor:
    return x.copy_(x.mean(axis, keepdim=True).expand_as(x))


def run(first: float, second: float) -> Records:
    return Records([Record(f"layers.{n}.mix", ("batch", "dim"), [torch.full((1, 3), value)])
                    for n, value in enumerate((first, second))])  # fmt: skip


def matrix(**lows: float) -> Leakage:
    """A matrix whose column F0 has these lower ends, one a tap."""
    taps = tuple(f"part.{name}" for name in lows)
    probes = [
        Probed(tap, "f0", Estimate(low + 0.1, low, low + 0.2, 9, 3), 0.0, 0.0, 90, 4)
        for tap, low in zip(taps, lows.values(), strict=True)
    ]
    return Leakage(taps, ("f0",), tuple(probes), (), (9, 3))


def entropies(counts: Any) -> tuple[float, float, float]:
    """Of rows, columns, and both together, in nats."""
    p = np.asarray(counts) / np.sum(counts)
    return tuple(-sum(x * math.log(x) for x in part.ravel() if x) for part in (p.sum(1), p.sum(0), p))  # type: ignore[return-value]


def of_entropies(rule: Callable[[float, float, float], float]) -> Callable[[Any], float]:
    return lambda counts: rule(*entropies(counts))


def blind_to(x: Any, weights: Any) -> Any:
    return x - x @ weights @ np.linalg.pinv(weights)


def erases_in_place(x: Any, weights: Any) -> Any:
    x -= x @ weights @ np.linalg.pinv(weights)
    return x


def scaled(x: Any, weights: Any) -> Any:
    weights = weights / np.linalg.norm(weights, axis=0)
    return x - x @ weights @ weights.T


def cheapest_alone(heads: Any, cost: Any, limit: float) -> Any:
    gone: list[Any] = []
    for head in sorted(heads, key=lambda head: cost([head])):
        if sum(cost([one]) for one in [*gone, head]) <= limit:
            gone.append(head)
    return gone


def first_that_fit(heads: Any, cost: Any, limit: float) -> Any:
    gone: list[Any] = []
    for head in heads:
        gone += [head] * (cost([*gone, head]) <= limit)
    return gone


def asked(names: Any, question: str = "a") -> Callable[..., Any]:
    """An answer that asks for one cost, and gives the same names whatever that is."""

    def answer(heads: Any, cost: Any, limit: float) -> list[Any]:
        cost([*question])
        return [*names]

    return answer


ROUTE = matrix(mel=0.7, content=0.3, codes=-0.1, latent=0.02, speaker=0.5, envelopes=0.4)
COSTS = [(0.01, -0.01, 0.03), (0.5, 0.4, 0.6), (-0.2, -0.3, -0.1), (0.1, 0.05, 0.15)]
GRID = HeadGrid({"nats": 2.0}, Table(
    {"tap": f"semantic_gpt.layers.{n // 2}.attention.mix", "head": n % 2, "nats": c, "nats_low": low, "nats_high": high}
    for n, (c, low, high) in enumerate(COSTS)
))  # fmt: skip
WHOLE, BROKEN = run(1.0, 2.0), run(5.0, 6.0)
WITHOUT_EDIT = (ablation.given_back,)
MODULES = (leaks, ablation)
CASES: list[tuple[Exercise, tuple[Any, ...], list[tuple[Any, ...]]]] = [
    (leaks.held_out, (last_clips,), [
        (lambda c, s: last_clips(c, s).astype(int),), (lambda c, s: np.zeros(len(c), bool),),
        (lambda c, s: np.ones(len(c), bool),), (lambda c, s: np.arange(len(c)) % 4 == 0,), (lambda c, s: s == "bob",),
        (lambda c, s: (c >= 12) & (s != "eve"),), (lambda c, s: c >= 4,), (lambda c, s: last_clips(c, s)[:7],),
    ]),
    (leaks.fit, (least_squares,), [
        (lambda x, y, n, p: least_squares(x, y, n, p, y),), (lambda x, y, n, p: least_squares(x, y, n, p).T,),
        (lambda x, y, n, p: np.linalg.pinv(x) @ np.eye(n)[y],), (lambda x, y, n, p: x.T @ np.eye(n)[y],),
        (lambda x, y, n, p: least_squares(x, y, n, 10 * p),), (lambda x, y, n, p: least_squares(x, y, n, p) * np.inf,),
        (lambda x, y, n, p: np.linalg.solve(x.T @ x + 0 * p, x.T @ np.eye(n)[y])[:3],),
    ]),
    (leaks.control, (drawn,), [
        (lambda k, y, r: y,), (lambda k, y, r: r.permutation(y),), (lambda k, y, r: np.full(len(y), y[0]),),
        (lambda k, y, r: drawn(k, y, r, ["x", "y", "z"]),), (lambda k, y, r: drawn(k, y, r, ["aa", "iy"]),),
        (lambda k, y, r: np.where(k < 4, drawn(k, y, r), y),), (lambda k, y, r: drawn(k, y, r)[:5],),
    ]),
    (leaks.close_leak, (lambda x, s: off(x, s, lambda own: own - own.mean(axis=0)),), [
        (closes_in_place,), (lambda x, s: x.copy(),), (lambda x, s: x - x.mean(axis=0),),
        (lambda x, s: x - x.mean(axis=1, keepdims=True),), (lambda x, s: 0 * x,),
        (lambda x, s: off(x, s, lambda own: own.mean(axis=0)),),
        (lambda x, s: off(x, s, lambda own: own - np.median(own)),),
        (lambda x, s: off(x, s, lambda own: (own - own.mean(axis=0)) / own.std(axis=0)),), (lambda x, s: x[:4],),
    ]),
    (ablation.averaged, (lambda x, a: x.mean(a, keepdim=True).expand_as(x),), [
        (spoils,), (lambda x, a: x.mean(a),), (lambda x, a: x.mean(a, keepdim=True),), (lambda x, a: x,),
        (lambda x, a: 0 * x,), (lambda x, a: x.mean().expand_as(x),),
        (lambda x, a: x.mean(-1, keepdim=True).expand_as(x),),
        (lambda x, a: x - x.mean(a, keepdim=True),), (lambda x, a: x.mean(-2, keepdim=True).expand_as(x),),
        (lambda x, a: x.amax(a, keepdim=True).expand_as(x),),
    ]),
    (ablation.share_lost, (lambda c, b, n: (b - c) / (n - c),), [
        (lambda c, b, n: b - c,), (lambda c, b, n: (b - c) / c,), (lambda c, b, n: b / n,),
        (lambda c, b, n: (n - b) / (n - c),),
        (lambda c, b, n: (c - b) / (n - c),), (lambda c, b, n: max(0, (b - c) / (n - c)),), (lambda c, b, n: 0.5,),
    ]),
    (ablation.worth, (lambda rows: [3, 5, 1],), [
        (lambda rows: [0, 3, 5, 1, 4, 2],), (lambda rows: [0, 3, 5, 1],), (lambda rows: [3, 5, 1, 2],),
        (lambda rows: [3, 5, 1, 4],), (lambda rows: [3],), (lambda rows: [1, 5, 3],), (lambda rows: [5, 3, 1],),
        (lambda rows: [17],),
    ]),
    (ablation.interplay, (lambda c, a, b, ab: ab - a - b + c,), [
        (lambda c, a, b, ab: ab - c,), (lambda c, a, b, ab: ab - a - b,), (lambda c, a, b, ab: ab - max(a, b),),
        (lambda c, a, b, ab: a + b - ab - c,), (lambda c, a, b, ab: abs(ab - a - b + c),), (lambda c, a, b, ab: 1.5,),
    ]),
    (ablation.given_back, (WHOLE, BROKEN, run(5.0, 2.0)), [
        (WHOLE, BROKEN, BROKEN), (WHOLE, BROKEN, run(1.0, 2.0)), (WHOLE, BROKEN, run(7.0, 2.0)),
        (WHOLE, BROKEN, run(5.0, 0.0)), (WHOLE, BROKEN, run(5.0, 4.0)),
    ]),
    (leaks.told, (uncertainty,), [
        (of_entropies(lambda x, y, xy: x + y - xy),), (of_entropies(lambda x, y, xy: (x + y - xy) / math.log(2)),),
        (of_entropies(lambda x, y, xy: (x + y - xy) / y),), (of_entropies(lambda x, y, xy: (xy - y) / x),),
        (of_entropies(lambda x, y, xy: (x + y - xy) / xy),), (lambda counts: float("nan"),), (lambda counts: 1.0,),
        (lambda counts: 0.0,), (lambda counts: uncertainty(counts) ** 2,),
    ]),
    (leaks.route, ("part.codes", "speaker", ROUTE), [
        ("content", "speaker", ROUTE), ("part.latent", "part.speaker", ROUTE), ("codes", "mel", ROUTE),
        ("codes", "latent", ROUTE), ("codes", "envelopes", ROUTE), ("codes", "nowhere", ROUTE),
        ("codes", "speaker", matrix(mel=0.7, codes=0.3)), ("codes", "mel", matrix(mel=0.7, codes=0.0)),
    ]),
    (leaks.swapped, ("Other", 100.0, 200.0, 190.0), [
        ("own", 100.0, 200.0, 190.0), ("between", 100.0, 200.0, 190.0), ("nobody", 100.0, 200.0, 190.0),
        ("other", 100.0, 200.0, 105.0), ("other", 100.0, 200.0, float("nan")),
    ]),
    (leaks.erase, (blind_to,), [
        (erases_in_place,), (lambda x, w: x,), (lambda x, w: x - blind_to(x, w),), (lambda x, w: x - x @ w @ w.T,),
        (scaled,), (lambda x, w: 0 * x,), (lambda x, w: blind_to(x, w[:, :1]),), (lambda x, w: x[:, :4],),
    ]),
    (ablation.dearest, (" 0,1 ", GRID), [("0.0", GRID), ("1.0", GRID), ("1.1", GRID), ("7.7", GRID)]),
    (ablation.brought_back, (breaking.brought_back,), [
        (lambda c, b, p: b - p,), (lambda c, b, p: (p - c) / (b - c),), (lambda c, b, p: (p - b) / (b - c),),
        (lambda c, b, p: (b - p) / b,), (lambda c, b, p: max(0.0, (b - p) / (b - c)),), (lambda c, b, p: 0.5,),
    ]),
    (ablation.prune, (breaking.pruned,), [
        (cheapest_alone,), (first_that_fit,), (lambda heads, cost, limit: ["a", "c", "d"],), (asked("acd", "aa"),),
        (asked([0]),), (asked("a"),), (asked("ac"),), (asked("dca"),), (asked("ad"),), (asked("ae"),), (asked("aac"),),
    ]),
]  # fmt: skip
ALSO_RIGHT: list[tuple[Exercise, tuple[Any, ...]]] = [
    (leaks.held_out, (lambda c, s: last_clips(c, s).tolist(),)),
    (leaks.held_out, (lambda c, s: torch.from_numpy(np.isin(c, [0, 1, 2, 3])),)),
    (leaks.fit, (lambda *given: torch.from_numpy(least_squares(*given)).float(),)),
    (leaks.control, (lambda k, y, r: drawn(k, y, r).tolist(),)),
    (leaks.told, (lambda counts: torch.tensor(uncertainty(counts)),)),
    (leaks.route, ("codes", " part.speaker ", ROUTE)),
    (leaks.close_leak, (lambda x, s: torch.from_numpy(off(x, s, lambda own: own - own.mean(axis=0))),)),
    (leaks.swapped, (" other", 200.0, 100.0, 104.0)), (leaks.swapped, ("between", 100.0, 200.0, 141.0)),
    (leaks.erase, (lambda x, w: torch.from_numpy(blind_to(x, w)),)),
    (ablation.averaged, (lambda x, a: 0 * x + x.mean(a, keepdim=True),)),
    (ablation.share_lost, (lambda c, b, n: torch.tensor(1 - (n - b) / (n - c), dtype=torch.float64),)),
    (ablation.worth, (lambda rows: np.array([3, 5, 1]),)), (ablation.worth, (lambda rows: (3.0, 5.0, 1.0),)),
    (ablation.dearest, (0.1, GRID)), (ablation.interplay, (lambda c, a, b, ab: (ab - c) - (a - c) - (b - c),)),
    (ablation.brought_back, (lambda c, b, p: 1 - (p - c) / (b - c),)),
    (ablation.prune, (lambda *given: tuple(breaking.pruned(*given)),)),
]  # fmt: skip
