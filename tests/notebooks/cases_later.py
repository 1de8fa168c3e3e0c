"""Right and wrong answers to the exercises of notebooks 04 to 06; `test_checks.py` tries them."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor

from gsv_lab.hooks.record import Record
from gsv_lab.teaching.exercises import gpt, latents, timbre
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


WITHOUT_EDIT = (timbre.one_phone,)
MODULES = (gpt, timbre, latents)
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
]  # fmt: skip
