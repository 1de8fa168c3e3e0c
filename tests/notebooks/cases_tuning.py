"""Right and wrong answers to the exercises of notebook 09; `test_checks.py` tries them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.teaching.exercises import tuning, tuning_kit, verdicts
from gsv_lab.teaching.exercises.card import Exercise
from gsv_lab.teaching.exercises.metrics import t_quantile

POOR = [*tuning_kit.POOR]
RIGHT = {"A": "leak", "B": "rate too high", "C": "repeater"}


def started(change: Callable[[Tensor, Tensor], Any]) -> tuple[Any, Any]:
    """A right update, and a beginning that is changed."""
    return (lambda w, r: change(*tuning_kit.begin(w, r)), tuning_kit.updated)


def added(rule: Callable[[Tensor, Tensor, Tensor, float], Any]) -> tuple[Any, Any]:
    """A right beginning, and another update."""
    return (tuning_kit.begin, rule)


def in_place(w: Tensor, a: Tensor, b: Tensor, alpha: float) -> Tensor:
    w += alpha / len(a) * b @ a
    return w


def lowest(pairs: Any) -> Any:
    return min(pairs, key=lambda pair: pair[1])


def near(held_out: Any, margin: float) -> list[Any]:
    return [pair for pair in held_out if pair[1] <= lowest(held_out)[1] + margin]


def first_rise(trained: Any, held_out: Any, margin: float) -> int:
    for (step, loss), (_, later) in zip(held_out, held_out[1:], strict=False):
        if later > loss:
            return step
    return held_out[-1][0]


def half(off: Any, t: float) -> float:
    return t * off.std(ddof=1) / math.sqrt(len(off))


def decided(rule: Callable[[Any, float], Any]) -> Any:
    """A decision out of the differences and the half width of their interval."""
    return lambda before, after, t: rule(after - before, half(after - before, t(len(before) - 1)))


def unpaired(before: Any, after: Any, t: Any) -> bool:
    error = math.sqrt(before.var(ddof=1) / len(before) + after.var(ddof=1) / len(after))
    return after.mean() - before.mean() > t(2 * len(before) - 2) * error


def far(made: Any, frames: Any) -> Any:
    return np.linalg.norm(made[:, None] - frames[None], axis=-1)


def share(rule: Callable[[Any, Any], Any], join: Callable[[Any], Any] = lambda d: d.min(1)) -> Any:
    return lambda made, heard, fresh: rule(join(far(made, heard)), join(far(made, fresh)))


MODULES = (tuning, verdicts)
CASES: list[tuple[Exercise, tuple[Any, ...], list[tuple[Any, ...]]]] = [
    (tuning.judged, (POOR,), [
        ("clip_3",), (["clip_9"],), ([f"clip_{n}" for n in range(1, 9)],), (["clip_3", "clip_5", "clip_6"],),
        (["clip_1", *POOR],), (["clip_5", "clip_8"],), (["clip_3", "clip_8"],), (["clip_3", "clip_5"],),
    ]),
    (tuning.low_rank, (tuning_kit.begin, tuning_kit.updated), [
        started(lambda a, b: (a, torch.randn(b.shape))), started(lambda a, b: (b, a)), started(lambda a, b: (a.T, b.T)),
        started(lambda a, b: (0 * a, b)), started(lambda a, b: (0 * a, 1 + b)), started(lambda a, b: a),
        started(lambda a, b: (torch.ones_like(a), b)), started(lambda a, b: (a[:1], b[:, :1])),
        added(lambda w, a, b, alpha: w + b @ a), added(lambda w, a, b, alpha: w + alpha * b @ a),
        added(lambda w, a, b, alpha: w + len(a) / alpha * b @ a), added(lambda w, a, b, alpha: b @ a),
        added(lambda w, a, b, alpha: alpha / len(a) * b @ a), added(lambda w, a, b, alpha: w),
        added(lambda w, a, b, alpha: w - alpha / len(a) * b @ a), added(in_place),
        added(lambda w, a, b, alpha: w + alpha / len(a) * (b @ a).T),
        added(lambda w, a, b, alpha: w + alpha / len(a) * torch.outer(b.sum(1), a.sum(0))),
        added(lambda w, a, b, alpha: a @ b), added(lambda w, a, b, alpha: w + 1),
    ]),
    (tuning.stopped, (tuning_kit.stop,), [
        (lambda trained, held, m: lowest(trained)[0],), (lambda trained, held, m: held[-1][0],),
        (lambda trained, held, m: lowest(held)[0],), (lambda trained, held, m: held.index(near(held, m)[0]),),
        (lambda trained, held, m: near(held, m)[0][1],), (lambda trained, held, m: near(held, m)[-1][0],),
        (first_rise,), (lambda trained, held, m: held[0][0],),
        (lambda trained, held, m: max(held, key=lambda pair: pair[1])[0],),
        (lambda trained, held, m: tuning_kit.stop(trained, held, m * lowest(held)[1]),),
        (lambda trained, held, m: 33,), (lambda trained, held, m: held,),
    ]),
    (tuning.diagnosed, (RIGHT,), [
        ({"A": "repeater", "B": "rate too high", "C": "leak"},),
        ({"A": "rate too high", "B": "leak", "C": "repeater"},),
        ({"A": "leak", "B": "repeater", "C": "rate too high"},),
        ({"A": "rate too high", "B": "repeater", "C": "leak"},), ({"A": "leak", "B": "leak", "C": "repeater"},),
        ("leak",), (RIGHT | {"A": "flu"},),
    ]),
    (verdicts.better, (tuning_kit.better,), [
        (lambda b, a, t: a.mean() > b.mean(),), (unpaired,), (decided(lambda d, h: abs(d.mean()) > h),),
        (lambda b, a, t: (a - b).mean() > half(a - b, 1.96),), (lambda b, a, t: bool((a > b).all()),),
        (decided(lambda d, h: d.mean() + h > 0),), (decided(lambda d, h: d.mean() + h < 0),),
        (lambda b, a, t: (a - b).mean() > t(len(a) - 1) * (a - b).std(ddof=1),), (lambda b, a, t: True,),
        (lambda b, a, t: False,), (lambda b, a, t: 0.7,), (lambda b, a, t: a > b,), (lambda b, a, t: len(a) == 12,),
    ]),
    (verdicts.copied, (tuning_kit.copied,), [
        (share(lambda a, b: (a > b).mean()),), (share(lambda a, b: (a < b).mean(), lambda d: d.mean(1)),),
        (share(lambda a, b: (a < b).mean(), lambda d: d.min(0)),), (share(lambda a, b: (a < b).sum()),),
        (share(lambda a, b: a.mean() / b.mean()),), (share(lambda a, b: a.mean()),),
        (share(lambda a, b: (a < 0.1).mean()),), (share(lambda a, b: (a**2).mean() < (b**2).mean()),),
        (lambda m, h, f: 0.5,), (lambda m, h, f: m,),
    ]),
]  # fmt: skip
ALSO_RIGHT: list[tuple[Exercise, tuple[Any, ...]]] = [
    (tuning.judged, (("Clip 8", "clip3", "clip_5"),)), (tuning.judged, ({"clip_3", "clip_5", "clip_8"},)),
    (tuning.low_rank, (
        lambda w, r: [torch.rand(r, w.shape[1]) - 0.5, torch.zeros(w.shape[0], r)],
        lambda w, a, b, alpha: (w.T + a.T @ b.T * alpha / a.shape[0]).T,
    )),
    (tuning.low_rank, (
        lambda w, r: (np.random.default_rng(0).normal(size=(r, w.shape[1])), np.zeros((len(w), r))),
        lambda w, a, b, alpha: w.numpy() + alpha / len(a) * np.einsum("or,ri->oi", b, a),
    )),
    (tuning.stopped, (lambda trained, held, m: torch.tensor(tuning_kit.stop(trained, held, m)),)),
    (tuning.stopped, (lambda trained, held, m: min(near(held, m))[0],)),
    (tuning.diagnosed, ({"C": "over-fitting", "A": "Leak", "B": "learning rate"},)),
    (verdicts.better, (lambda b, a, t: np.bool_(tuning_kit.better(b, a, t)),)),
    (verdicts.better, (lambda b, a, t: torch.tensor(tuning_kit.better(b, a, t_quantile)),)),
    (verdicts.copied, (lambda m, h, f: torch.tensor(tuning_kit.copied(m, h, f)),)),
    (verdicts.copied, (lambda m, h, f: 1 - (far(m, h).min(1) >= far(m, f).min(1)).mean(),)),
]  # fmt: skip
