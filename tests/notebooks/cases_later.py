"""Right and wrong answers to the exercises of notebooks 04, 07 and 08; `test_checks.py` tries them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.hooks.record import Record, Records
from gsv_lab.teaching.exercises import ablation, gpt, leaks
from gsv_lab.teaching.exercises.card import Exercise


def picked(logits: Tensor, codes: Tensor, stop: int) -> Tensor:
    truth = torch.cat([codes, torch.tensor([stop])])
    return logits[torch.arange(len(truth)), truth]


def nats(logits: Tensor, codes: Tensor, stop: int) -> Tensor:
    return -picked(logits.log_softmax(-1), codes, stop).mean()


def late(logits: Tensor, codes: Tensor, stop: int) -> Tensor:
    return -logits.log_softmax(-1)[torch.arange(1, len(logits)), codes].mean()


def cut(logits: Tensor, k: int, largest: bool = True) -> Tensor:
    chosen = logits.topk(k, largest=largest).indices
    return torch.full_like(logits, -torch.inf).scatter(0, chosen, logits[chosen])


def factor(logits: Tensor, used: Tensor, down: Any, up: Any) -> Tensor:
    changed = logits.clone()
    changed[used] = torch.where(logits[used] < 0, up(logits[used]), down(logits[used]))
    return changed


def in_place(logits: Tensor, used: Tensor, penalty: float) -> Tensor:
    logits[used] = logits[used] / penalty
    return logits


def twice(logits: Tensor, used: Tensor, penalty: float) -> Tensor:
    for code in used.tolist():
        logits = factor(logits, torch.tensor([code]), lambda x: x / penalty, lambda x: x * penalty)
    return logits


def attends(query: Tensor, key: Tensor, value: Tensor, cache: list[Any], root: float = 0.5) -> Tensor:
    cache.append((key, value))
    keys, values = (torch.stack(rows) for rows in zip(*cache, strict=True))
    return (keys @ query / len(query) ** root).softmax(0) @ values


def only_before(query: Tensor, key: Tensor, value: Tensor, cache: list[Any]) -> Tensor:
    before = [*cache]
    cache.append((key, value))
    return attends(query, *before[-1], before[:-1]) if before else torch.zeros(4)


def itself(query: Tensor, key: Tensor, value: Tensor, cache: list[Any]) -> Tensor:
    cache.append((key, value))
    return value


def evenly(query: Tensor, key: Tensor, value: Tensor, cache: list[Any]) -> Tensor:
    cache.append(value)
    return torch.stack(cache).mean(0)


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


WHOLE, BROKEN = run(1.0, 2.0), run(5.0, 6.0)
WITHOUT_EDIT = (ablation.given_back,)
MODULES = (gpt, leaks, ablation)
CASES: list[tuple[Exercise, tuple[Any, ...], list[tuple[Any, ...]]]] = [
    (gpt.nats, (nats,), [
        (lambda x, c, s: -nats(x, c, s),), (lambda x, c, s: 7 * nats(x, c, s),),
        (lambda x, c, s: nats(x, c, s) / math.log(2),), (lambda x, c, s: nats(x[:-1], c[:-1], int(c[-1])),), (late,),
        (lambda x, c, s: -picked(x, c, s).mean(),), (lambda x, c, s: picked(x.softmax(-1), c, s).mean(),),
        (lambda x, c, s: (x[:-1].argmax(-1) == c).sum() / 7 + (x[-1].argmax() == s) / 7,), (lambda x, c, s: 1.0,),
    ]),
    (gpt.chances, (lambda x, t, k: cut(x / t, k).softmax(-1),), [
        (lambda x, t, k: (x / t).softmax(-1),), (lambda x, t, k: (x / t).softmax(-1) * (cut(x, k) > -torch.inf),),
        (lambda x, t, k: cut(x, k).softmax(-1),), (lambda x, t, k: cut(x * t, k).softmax(-1),),
        (lambda x, t, k: cut(x / t, k, False).softmax(-1),), (lambda x, t, k: (x / t).topk(k).values.softmax(-1),),
        (lambda x, t, k: cut(x / t, k + 1).softmax(-1),), (lambda x, t, k: 0 * cut(x, k),),
        (lambda x, t, k: cut(x / t, k).softmax(-1) ** 2,), (lambda x, t, k: cut(x / t**2, k).softmax(-1),),
    ]),
    (gpt.less_again, (lambda x, s, p: factor(x, s, lambda y: y / p, lambda y: y * p),), [
        (in_place,), (lambda x, s, p: x.clone(),), (lambda x, s, p: factor(x, s, lambda y: y / p, lambda y: y / p),),
        (lambda x, s, p: factor(x, s, lambda y: y * p, lambda y: y * p),), (twice,),
        (lambda x, s, p: factor(x, s, lambda y: y - p, lambda y: y - p),), (lambda x, s, p: x / p,),
        (lambda x, s, p: factor(x, s, lambda y: y - 1, lambda y: y - 1),), (lambda x, s, p: x[:3],),
    ]),
    (gpt.monotonic_path, (lambda a, p: a.cumsum(0).clamp(max=p - 1),), [
        (lambda a, p: a.cumsum_(0),), (lambda a, p: a,), (lambda a, p: a.cumsum(0),),
        (lambda a, p: (a.cumsum(0) - a).clamp(max=p - 1),), (lambda a, p: a.cumsum(0) % p,),
        (lambda a, p: (a.cumsum(0) + 1).clamp(max=p - 1),), (lambda a, p: (a > 0).long().cumsum(0).clamp(max=p - 1),),
        (lambda a, p: a.flip(0).cumsum(0).flip(0),), (lambda a, p: a.cumsum(0).clamp(max=p - 2),),
        (lambda a, p: a.sum(),),
    ]),
    (gpt.cached, (attends,), [
        (lambda q, k, v, m: v,), (lambda q, k, v, m: attends(q, k, v, m, 0.0),), (only_before,), (itself,), (evenly,),
        (lambda q, k, v, m: attends(q, k, v, m, 1.0),), (lambda q, k, v, m: attends(q, k, v, m)[:2],),
        (lambda q, k, v, m: attends(q, k, v, m) / 0,),
    ]),
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
]  # fmt: skip
