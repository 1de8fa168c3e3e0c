"""Right and wrong answers to the exercises of notebooks 05 and 06; `test_checks.py` tries them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.hooks.record import Record
from gsv_lab.teaching.exercises import latents, links, timbre
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


def voiced_mean(mel: Tensor, voiced: Tensor) -> Tensor:
    return mel[:, voiced].mean(1, keepdim=True)


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


def values(m_q: Tensor, s_q: Tensor, m_p: Tensor, s_p: Tensor, half: float = 0.5, own: float = 1.0) -> Tensor:
    """The divergence of two normal distributions, value by value."""
    return s_p - s_q - half + (own * (2 * s_q).exp() + (m_q - m_p) ** 2) / (2 * (2 * s_p).exp())


def nats(*arguments: Tensor, **parts: float) -> Tensor:
    return values(*arguments, **parts).sum(0).mean()


def by_deviations(m_q: Tensor, s_q: Tensor, m_p: Tensor, s_p: Tensor) -> Tensor:
    return (s_p - s_q - 0.5 + (s_q.exp() + (m_q - m_p) ** 2) / (2 * s_p.exp())).sum(0).mean()


def four(*names: str) -> dict[str, str]:
    return dict(zip("ABCD", names, strict=True))


WITHOUT_EDIT = (timbre.one_phone,)
MODULES = (timbre, latents, links)
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
    (timbre.moved, ("height",), [("shape",), ("both",), ("none",), ("loudness",)]),
    (timbre.unmoved, ("none",), [("text",), ("codes",), ("voice",), ("the recording",)]),
    (timbre.one_phone, (aligned(0, 0, 2, 3), aligned(0, 0, -1, 3)), [
        (aligned(0, 0, 2, 3), aligned(0, 0, 2, 3)), (aligned(0, 0, 2, 3), aligned(-1, -1, -1, -1)),
        (aligned(0, 0, 2, 3), aligned(0, 0, -1, -1)), (aligned(0, 0, 2, 3), aligned(-1, 0, 2, 3)),
        (aligned(0, 0, 2, 3, heads=2), aligned(0, 0, 2, 3)),
    ]),
    (timbre.channel, (lambda x, v: x - voiced_mean(x, v),), [
        (voiced_mean,), (lambda x, v: x[:, v],), (lambda x, v: x - x.mean(1, keepdim=True),),
        (lambda x, v: x - x[:, v].mean(),), (lambda x, v: x - x.mean(0, keepdim=True),),
        (lambda x, v: x / voiced_mean(x, v),),
        (lambda x, v: (x - voiced_mean(x, v)) / x[:, v].std(1, keepdim=True),),
        (lambda x, v: x - voiced_mean(x, v) + 1,), (lambda x, v: "the room",),
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
    (latents.divergence, (nats,), [
        (lambda *x: values(*x).sum(0),), (lambda *x: values(*x).mean(),), (lambda *x: values(*x).sum(),),
        (lambda a, b, c, d: nats(c, d, a, b),), (lambda *x: nats(*x, half=0.0),), (lambda *x: nats(*x, own=0.0),),
        (by_deviations,), (lambda *x: -nats(*x),),
    ]),
    (links.name_links, (four("prior", "vocoder", "gpt", "recogniser"),), [
        (four("gpt", "gpt", "gpt", "gpt"),), (four("gpt", "gpt", "gpt", "recogniser"),),
        (four("vocoder", "vocoder", "gpt", "recogniser"),), (four("prior", "gpt", "gpt", "recogniser"),),
        (four("prior", "vocoder", "recogniser", "recogniser"),), (four("prior", "vocoder", "gpt", "vocoder"),),
        (four("prior", "vocoder", "gpt", "the cable"),), ({"A": "prior"},), ("prior",),
    ]),
    (links.needed, ("no phones",), [("copy",), ("no codes",), ("predicted codes",), ("the discriminator",)]),
]  # fmt: skip

ALSO_RIGHT: list[tuple[Exercise, tuple[Any, ...]]] = [
    (timbre.pool, (lambda x, m: np.asarray((x * m).sum(-1, keepdim=True) / m.sum(-1, keepdim=True), float),)),
    (timbre.pool, (lambda x, m: pool(x.double(), m),)),
    (timbre.moved, ("Height",)), (timbre.moved, ("level",)), (timbre.unmoved, ("None",)),
    (timbre.semitones, (lambda a, b: 12 * np.log2(np.median(b[b > 0]) / np.median(a[a > 0])),)),
    (timbre.semitones, (lambda a, b: 12 * (b[b > 0].log2().median() - a[a > 0].log2().median())[None],)),
    (timbre.frames_per_phone, (lambda x: counts(x).tolist(),)), (timbre.frames_per_phone, (lambda x: counts(x) * 1.0,)),
    (timbre.channel, (lambda x, v: x.numpy() - x.numpy()[:, v.numpy()].mean(1)[:, None],)),
    (latents.draw, (lambda m, s, n, k: (m.double() + k * torch.exp(s.double()) * n.double()).tolist(),)),
    (latents.reach, (lambda x: torch.tensor(1 + sum((k - 1) * d for k, d in x)),)),
    (latents.reach, (lambda x: 1.0 + sum((k - 1) * d for k, d in x),)),
    (latents.adversarial, (lambda r, f: squares(r, f) / 2, lambda f: fooled(f) / 2)),
    (latents.adversarial, (lambda r, f: np.mean((r.numpy() - 1) ** 2) + np.mean(f.numpy() ** 2), fooled)),
    (latents.divergence, (lambda *x: nats(*x).item(),)), (latents.divergence, (lambda *x: nats(*x)[None],)),
    (links.name_links, (four("Prior and flow", "posterior and vocoder", "SemanticGPT", "recordings"),)),
    (links.needed, ("codes only",)), (links.needed, ("No_Phones",)),
]  # fmt: skip
"""Other right answers: another library or type, another spelling, an equivalent formula."""
