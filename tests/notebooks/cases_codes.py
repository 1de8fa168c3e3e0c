"""Right and wrong answers to the exercises of notebooks 03 and 04; `test_checks.py` tries them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.teaching.exercises import codebook, gpt, gpt_kit, live
from gsv_lab.teaching.exercises.card import Exercise


def entropy(codes: Tensor, base: float = np.e) -> float:
    share = torch.bincount(codes).double() / len(codes)
    return float(torch.special.entr(share).sum()) / np.log(base)


def replaced(rows: Callable[[Tensor, Tensor], Tensor], where: Callable[[Tensor, float], Tensor] | None = None) -> Any:
    def answer(table: Tensor, counts: Tensor, vectors: Tensor, below: float) -> Tensor:
        dead = counts < below if where is None else where(counts, below)
        out = table.clone()
        out[dead] = rows(vectors, dead)
        return out

    return answer


def in_place(table: Tensor, counts: Tensor, vectors: Tensor, below: float) -> Tensor:
    table[counts < below] = vectors[:3]
    return table


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


def spoils(logits: Tensor, used: Tensor, penalty: float) -> Tensor:
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


def averages(n: Callable[..., Any], m: Callable[..., Any]) -> Any:
    """Averages of counts and sums: each new part made of (vectors, codes, number of codes), then blended."""

    def answer(counts: Tensor, sums: Tensor, vectors: Tensor, codes: Tensor, decay: float) -> Any:
        one, many = n(codes, len(counts)), m(vectors, codes, len(counts))
        return decay * counts + (1 - decay) * one, decay * sums + (1 - decay) * many

    return answer


def times(codes: Tensor, k: int) -> Tensor:
    return torch.bincount(codes, minlength=k).float()


def total(vectors: Tensor, codes: Tensor, k: int) -> Tensor:
    return torch.zeros(k, vectors.shape[1]).index_add_(0, codes, vectors)


def mean(vectors: Tensor, codes: Tensor, k: int) -> Tensor:
    return total(vectors, codes, k) / times(codes, k).clamp(min=1)[:, None]


def only_chosen(counts: Tensor, sums: Tensor, vectors: Tensor, codes: Tensor, decay: float) -> Any:
    new_counts, new_sums = live.follow(counts, sums, vectors, codes, decay)
    chosen = times(codes, len(counts)) > 0
    return torch.where(chosen, new_counts, counts), torch.where(chosen[:, None], new_sums, sums)


def followed(change: Callable[[Tensor, Tensor, Tensor, Tensor], Any]) -> Any:
    """What is made of the old counts and sums and of the new ones."""

    def answer(counts: Tensor, sums: Tensor, vectors: Tensor, codes: Tensor, decay: float) -> Any:
        return change(counts, sums, *live.follow(counts, sums, vectors, codes, decay))

    return answer


def spoils_counts(counts: Tensor, sums: Tensor, vectors: Tensor, codes: Tensor, decay: float) -> Any:
    new = live.follow(counts, sums, vectors, codes, decay)
    counts.copy_(new[0])
    return new


def left_over(
    rest: Callable[[Tensor, Tensor], Tensor], joined: Callable[[Tensor, Tensor], Tensor] = lambda a, b: a + b
) -> Any:
    """A second book for what is made of the vectors and the first rows, and how the rows are joined."""

    def answer(vectors: Tensor, first: Tensor, second: Tensor) -> Any:
        one = live.nearest(vectors, first)
        two = live.nearest(rest(vectors, first[one]), second)
        return one, two, joined(first[one], second[two])

    return answer


def loop(
    asks: Callable[[list[int]], Any] = lambda codes: codes,
    shows: Callable[[list[int]], Any] = lambda codes: codes,
    gives: Callable[[list[int], int], Any] = lambda codes, stop: codes,
    bound: Callable[[int], int] = lambda most: most,
    best: bool = False,
) -> Any:
    """A free run, each part of which can be changed."""

    def answer(scores: Any, choose: Any, stop: int, most: int) -> Any:
        codes: list[int] = []
        for _ in range(bound(most)):
            logits = scores(asks(codes))
            code = int(logits.argmax()) if best else choose(logits, shows(codes))
            if code == stop:
                return gives(codes, stop)
            codes.append(code)
        return codes

    return answer


def deaf(scores: Any, choose: Any, stop: int, most: int) -> list[int]:
    """Goes on after the stop."""
    codes: list[int] = []
    while len(codes) < most:
        code = choose(scores(codes), codes)
        codes += [code] if code != stop else []
    return codes


def begins_with_stop(scores: Any, choose: Any, stop: int, most: int) -> list[int]:
    codes = [stop]
    while len(codes) <= most and (code := choose(scores(codes), codes)) != stop:
        codes.append(code)
    return codes[1:]


CASES: list[tuple[Exercise, tuple[Any, ...], list[tuple[Any, ...]]]] = [
    (codebook.nearest, (lambda x, t: torch.cdist(x, t).argmin(1),), [
        (lambda x, t: torch.cdist(x, t).argmin(0),), (lambda x, t: torch.cdist(x, t).argmax(1),),
        (lambda x, t: (x @ t.T).argmax(1),), (lambda x, t: torch.cdist(x, t).min(1).values,),
        (lambda x, t: t[torch.cdist(x, t).argmin(1)],), (lambda x, t: torch.cdist(x, t),),
        (lambda x, t: torch.zeros(40, dtype=torch.int64),),
    ]),
    (codebook.perplexity, (lambda c, n: np.exp(entropy(c)),), [
        (lambda c, n: entropy(c),), (lambda c, n: entropy(c, 2),), (lambda c, n: len(set(c.tolist())),),
        (lambda c, n: 2 ** entropy(c),), (lambda c, n: np.exp(-entropy(c)),), (lambda c, n: float("nan"),),
        (lambda c, n: n,),
    ]),
    (codebook.straight_through, (lambda x, r: x + (r - x).detach(),), [
        (lambda x, r: x,), (lambda x, r: r,), (lambda x, r: r.detach(),), (lambda x, r: x + (r - x),),
        (lambda x, r: 2 * x + (r - 2 * x).detach(),), (lambda x, r: r + 1,),
    ]),
    (codebook.revive, (replaced(lambda v, d: v[: int(d.sum())]),), [
        (in_place,), (lambda t, c, v, b: t,), (replaced(lambda v, d: v[: int(d.sum())], lambda c, b: c < 2),),
        (replaced(lambda v, d: v[: int(d.sum())], lambda c, b: c == 0),), (replaced(lambda v, d: v.mean(0)),),
        (replaced(lambda v, d: v[0]),), (replaced(lambda v, d: torch.randn(int(d.sum()), 4)),),
    ]),
    (codebook.follow, (averages(times, total),), [
        (averages(lambda c, k: times(c, k) / len(c), total),), (averages(times, mean),), (only_chosen,),
        (lambda n, m, x, c, d: live.follow(n, m, x, c, 1 - d),), (lambda n, m, x, c, d: live.follow(n, m, x, c, 0.0),),
        (followed(lambda n, m, new, sums: (sums, new)),), (followed(lambda n, m, new, sums: (n, sums)),),
        (followed(lambda n, m, new, sums: (new, m)),), (followed(lambda n, m, new, sums: (new, sums / new[:, None])),),
        (followed(lambda n, m, new, sums: (new, sums + 1)),), (followed(lambda n, m, new, sums: new),),
        (spoils_counts,), (followed(lambda n, m, new, sums: (new[:2], sums)),),
    ]),
    (codebook.shuffled, ("same words",), [("noise",), ("other words",), ("other voice",), ("length",), ("music",)]),
    (codebook.residual, (left_over(lambda x, e: x - e),), [
        (left_over(lambda x, e: x),), (left_over(lambda x, e: e - x),),
        (left_over(lambda x, e: x - e, lambda a, b: a),), (left_over(lambda x, e: x - e, lambda a, b: b),),
        (left_over(lambda x, e: x - e, lambda a, b: a - b),),
        (left_over(lambda x, e: x - 0.5 * e),), (lambda x, a, b: live.residual(x, a, b)[:2],),
        (lambda x, a, b: live.residual(x.flip(0), a, b),), (lambda x, a, b: (x[:3], x[:3], x),),
    ]),
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
        (spoils,), (lambda x, s, p: x.clone(),), (lambda x, s, p: factor(x, s, lambda y: y / p, lambda y: y / p),),
        (lambda x, s, p: factor(x, s, lambda y: y * p, lambda y: y * p),), (twice,),
        (lambda x, s, p: factor(x, s, lambda y: y - p, lambda y: y - p),), (lambda x, s, p: x / p,),
        (lambda x, s, p: factor(x, s, lambda y: y - 1, lambda y: y - 1),), (lambda x, s, p: x[:3],),
    ]),
    (gpt.write, (loop(),), [
        (loop(asks=lambda codes: codes[-1:]),), (loop(gives=lambda codes, stop: [*codes, stop]),), (loop(best=True),),
        (loop(bound=lambda most: most + 1),), (loop(bound=lambda most: 10**6),), (deaf,), (begins_with_stop,),
        (loop(shows=lambda codes: codes[-1:]),), (loop(gives=lambda codes, stop: codes[:-1]),),
        (lambda scores, choose, stop, most: len(loop()(scores, choose, stop, most)),),
    ]),
    (gpt.greedy, ("repeat",), [("change",), ("stop",), ("nothing",), ("sing",)]),
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
]  # fmt: skip
MODULES = (codebook, gpt)

ALSO_RIGHT: list[tuple[Exercise, tuple[Any, ...]]] = [
    (codebook.nearest, (lambda x, t: torch.cdist(x, t).argmin(1).tolist(),)),
    (codebook.nearest, (lambda x, t: ((x[:, None] - t) ** 2).sum(-1).numpy().argmin(1),)),
    (codebook.nearest, (lambda x, t: live.nearest(x, t).float(),)),
    (codebook.perplexity, (lambda c, n: 2 ** torch.tensor(entropy(c, 2)),)),
    (codebook.straight_through, (lambda x, r: r.detach() + x - x.detach(),)),
    (codebook.follow, (lambda *given: [part.numpy() for part in live.follow(*given)],)),
    (codebook.follow, (lambda *given: tuple(part.double() for part in live.follow(*given)),)),
    (codebook.revive, (live.revived,)),
    (codebook.shuffled, ("Words",)),
    (codebook.shuffled, ("the same words",)),
    (codebook.residual, (lambda *given: [part.tolist() for part in live.residual(*given)],)),
    (gpt.nats, (gpt_kit.nats,)),
    (gpt.nats, (lambda x, c, s: nats(x, c, s).numpy(),)),
    (gpt.chances, (gpt_kit.chances,)),
    (gpt.chances, (lambda x, t, k: cut(x / t, k).softmax(-1).tolist(),)),
    (gpt.less_again, (gpt_kit.less_again,)),
    (gpt.less_again, (lambda x, s, p: np.asarray(gpt_kit.less_again(x, s, p)),)),
    (gpt.write, (gpt_kit.write,)),
    (gpt.write, (lambda *given: torch.tensor(gpt_kit.write(*given)),)),
    (gpt.write, (loop(asks=lambda codes: torch.tensor(codes), shows=lambda codes: tuple(codes)),)),
    (gpt.greedy, ("repeats",)),
    (gpt.greedy, ("Loop",)),
    (gpt.monotonic_path, (gpt_kit.monotonic_path,)),
    (gpt.monotonic_path, (lambda a, p: np.minimum(np.cumsum(a.numpy()), p - 1).tolist(),)),
    (gpt.monotonic_path, (lambda a, p: gpt_kit.monotonic_path(a, p).float(),)),
]
"""Right answers in other clothes: numpy, lists, other numbers and names, other formulas; what the kit has itself."""
