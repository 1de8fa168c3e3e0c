"""Right and wrong answers to the exercises of notebooks 05 to 08; `test_checks.py` tries them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.hooks.record import Record, Records
from gsv_lab.teaching.exercises import ablation, latents, leaks, timbre
from gsv_lab.teaching.exercises.card import Exercise


def pool(frames: Tensor, mask: Tensor) -> Tensor:
    return (frames * mask).sum(-1, keepdim=True) / mask.sum(-1, keepdim=True)


def between(middle: Any, form: Any = lambda low, high: 12 * math.log2(high / low), voiced: bool = True) -> Any:
    """How far two curves are apart: a middle of each (voiced frames), and what is made of the two."""

    def answer(before: Tensor, after: Tensor) -> Any:
        return form(*(float(middle(curve[curve > 0] if voiced else curve)) for curve in (before, after)))

    return answer


def counts(alignment: Tensor) -> Tensor:
    known = alignment[alignment.sum(-1) > 0]
    return known.argmax(-1).bincount(minlength=alignment.shape[-1])


def aligned(*frames: int, heads: int = 0) -> Record:
    """Which of four phones each frame gets, -1 for none; of so many heads."""
    values = torch.tensor([[float(phone == frame) for phone in range(4)] for frame in frames])
    if not heads:
        return Record("prior.phone_alignment", ("batch", "frame", "phone"), [values[None]])
    every = values.expand(1, heads, -1, -1)
    return Record("prior.cross_attention.pattern", ("batch", "head", "frame", "phone"), [every])


def undo(y: Tensor, shift: Any) -> Tensor:
    kept, moved = y.flip(0).chunk(2)
    return torch.cat([kept, moved - shift(kept)])


def couple(z: Tensor, shift: Any) -> Tensor:
    kept, moved = z.chunk(2)
    return torch.cat([kept, moved + shift(kept)]).flip(0)


def halves(y: Tensor, change: Any, flip: bool = True) -> Tensor:
    return torch.cat(change(*(y.flip(0) if flip else y).chunk(2)))


def squares(real: Tensor, fake: Tensor) -> Tensor:
    return (1 - real).square().mean() + fake.square().mean()


def fooled(fake: Tensor) -> Tensor:
    return (1 - fake).square().mean()


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
WITHOUT_EDIT = (timbre.one_phone, ablation.given_back)
MODULES = (timbre, latents, leaks, ablation)
CASES: list[tuple[Exercise, tuple[Any, ...], list[tuple[Any, ...]]]] = [
    (timbre.pool, (pool,), [
        (lambda x, m: pool(x, m)[..., 0],), (lambda x, m: x.mean(1, keepdim=True),),
        (lambda x, m: pool(x, m).mean(0, keepdim=True),), (lambda x, m: x.mean(-1, keepdim=True),),
        (lambda x, m: (x * m).mean(-1, keepdim=True),), (lambda x, m: (x * m).sum(-1, keepdim=True),),
        (lambda x, m: x.masked_fill(m == 0, -9).amax(-1, keepdim=True),), (lambda x, m: pool(x, m) + 1,),
        (lambda x, m: x,),
    ]),
    (timbre.semitones, (between(Tensor.median),), [
        (between(Tensor.median, lambda a, b: b - a),), (between(Tensor.median, lambda a, b: b / a),),
        (between(Tensor.median, lambda a, b: math.log2(b / a)),),
        (between(Tensor.median, lambda a, b: 12 * math.log2(a / b)),),
        (between(Tensor.median, lambda a, b: 12 * math.log(b / a)),), (between(Tensor.mean, voiced=False),),
        (between(Tensor.mean),), (between(Tensor.median, lambda a, b: float("nan")),), (between(Tensor.max),),
        (between(Tensor.median, voiced=False),),
    ]),
    (timbre.frames_per_phone, (counts,), [
        (lambda x: x.argmax(-1),), (lambda x: x.argmax(-1).bincount(minlength=5),),
        (lambda x: x.argmax(-1).bincount(),), (lambda x: x.sum(0),), (lambda x: (x > 0).sum(0),),
        (lambda x: 2 * counts(x),), (lambda x: counts(x).roll(1),), (lambda x: x,), (lambda x: counts(x)[:3],),
    ]),
    (timbre.unmoved, ("none",), [("text",), ("codes",), ("voice",), ("nobody",)]),
    (timbre.one_phone, (aligned(0, 0, 2, 3), aligned(0, 0, -1, 3)), [
        (aligned(0, 0, 2, 3), aligned(0, 0, 2, 3)), (aligned(0, 0, 2, 3), aligned(-1, -1, -1, -1)),
        (aligned(0, 0, 2, 3), aligned(0, 0, -1, -1)), (aligned(0, 0, 2, 3), aligned(-1, 0, 2, 3)),
        (aligned(0, 0, 2, 3, heads=2), aligned(0, 0, 2, 3)),
    ]),
    (latents.draw, (lambda m, s, n, k: m + n * s.exp() * k,), [
        (lambda m, s, n, k: m,), (lambda m, s, n, k: m + n * s * k,), (lambda m, s, n, k: m + n * (s / 2).exp() * k,),
        (lambda m, s, n, k: m + n * s.exp(),), (lambda m, s, n, k: (m + n * s.exp()) * k,),
        (lambda m, s, n, k: n * s.exp() * k,), (lambda m, s, n, k: m + s.exp() * k,),
        (lambda m, s, n, k: m - n * s.exp() * k,), (lambda m, s, n, k: m[:2],),
    ]),
    (latents.undo, (undo,), [
        (lambda y, f: y,), (lambda y, f: y.flip(0),), (lambda y, f: halves(y, lambda a, b: [a, b + f(a)]),),
        (couple,), (lambda y, f: halves(y, lambda a, b: [a, b - f(a)], False),),
        (lambda y, f: halves(y, lambda a, b: [a, b - f(a)], False).flip(0),),
        (lambda y, f: halves(y, lambda a, b: [a, b - f(b)]),),
        (lambda y, f: undo(y, f) + 0.5,), (lambda y, f: y[:2],),
    ]),
    (latents.reach, (lambda x: 1 + sum((k - 1) * d for k, d in x),), [
        (lambda x: sum(k for k, _ in x),), (lambda x: 1 + sum(k - 1 for k, _ in x),),
        (lambda x: sum((k - 1) * d for k, d in x),), (lambda x: 1 + sum(k * d - 1 for k, d in x),),
        (lambda x: max(1 + (k - 1) * d for k, d in x),), (lambda x: 7,),
    ]),
    (latents.adversarial, (squares, fooled), [
        (lambda r, f: squares(f, r), fooled), (lambda r, f: f.square().mean(), fooled),
        (lambda r, f: (1 - r).mean() + f.mean(), fooled), (lambda r, f: 3 * squares(r, f), fooled),
        (lambda r, f: squares(r, f) + 1, fooled),
        (squares, lambda f: f.square().mean()), (squares, lambda f: -f.mean()),
        (squares, lambda f: 3 * fooled(f)),
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
