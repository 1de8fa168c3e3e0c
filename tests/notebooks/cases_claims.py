"""Right and wrong answers to the exercises of notebook 12; `test_checks.py` tries them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from made_grids import made_grid

from gsv_lab.evaluation.statistics.intervals import benjamini_hochberg
from gsv_lab.evaluation.statistics.intervals import holm as kits_holm
from gsv_lab.teaching.exercises import contrasts, grid_views, reproducing, settling
from gsv_lab.teaching.exercises.card import Exercise

GRID = made_grid()
BASE = grid_views.load_base()
VAGUE = ["vctk-similarity", "latency-300-ms", "pilot-27-percent"]
FAULTS = [5, 10, 13, 15]
KL = "task.init_args.weights.kl: 1.0"
CONTRAST = {"ablation": "no_flow", "measure": "sovits/kl", "expect": "higher"}


def verdict(low: float, high: float, least: float, most: float) -> str:
    if least <= low and high <= most:
        return "supported"
    return "contradicted" if high < least or low > most else "inconclusive"


def both_out(low: float, high: float, least: float, most: float) -> str:
    inside = [least <= low <= most, least <= high <= most]
    return "supported" if all(inside) else "inconclusive" if any(inside) else "contradicted"


def seen(
    z: float = 1.645, base: float = 4.0, rater: float = 1, own: float = 1, stimulus: float = 1, root: bool = True,
    residual: Callable[[int, int, int], float] = lambda k, m, each: k * each,
) -> Callable[..., float]:  # fmt: skip
    def rule(k: int, m: int, each: int, c: Any) -> float:
        square = (rater * c.rater**2 + own * c.rater_system**2) / k + stimulus * c.stimulus**2 / m
        square += c.residual**2 / residual(k, m, each)
        return base + z * (math.sqrt(square) if root else square)

    return rule


def holm(p: Any, cap: float = 1.0, running: bool = True, back: bool = True, step: int = -1) -> Any:
    ranked = sorted(range(len(p)), key=lambda place: p[place])
    found, before = [0.0] * len(p), 0.0
    for rank, place in enumerate(ranked):
        value = p[place] * (len(p) - rank if step < 0 else rank + 1)
        before = max(before, value) if running else value
        found[place if back else rank] = min(cap, before)
    return found


def squares(off: Any, ddof: int = 1) -> tuple[float, float, float]:
    """Mean squares of speakers, of seeds and of the rest, by loops."""
    n_speakers, n_seeds = off.shape
    mean = off.mean()
    speakers = n_seeds * sum((row.mean() - mean) ** 2 for row in off) / (n_speakers - ddof)
    seeds = n_speakers * sum((column.mean() - mean) ** 2 for column in off.T) / (n_seeds - ddof)
    rest = sum(
        (off[i, j] - off[i].mean() - off[:, j].mean() + mean) ** 2 for i in range(n_speakers) for j in range(n_seeds)
    )
    return speakers, seeds, rest / ((n_speakers - 1) * (n_seeds - 1))


def error(rule: Callable[[float, float, float], float], ddof: int = 1) -> Callable[[Any], float]:
    return lambda off: math.sqrt(max(0.0, rule(*squares(off, ddof))) / off.size)


def whole(speakers: float, seeds: float, rest: float) -> float:
    return max(speakers + seeds - rest, speakers, seeds)


def with_(**changes: Any) -> tuple[Any, Any]:
    return {**CONTRAST, **changes}, GRID


MODULES = (settling, contrasts)
CASES: list[tuple[Exercise, tuple[Any, ...], list[tuple[Any, ...]]]] = [
    (settling.measurable, (VAGUE,), [
        ([],), (list(settling.ASKED),), (["mos"],), ([*VAGUE, "gpt-below-100m"],), ([*VAGUE, "mos-one-minute"],),
        ([*VAGUE, "characters-400-ms"],), (VAGUE[1:],), (VAGUE[:1] + VAGUE[2:],), (VAGUE[:2],), ("pilot-27-percent",),
    ]),
    (settling.faults, (FAULTS,), [
        ([],), ([5, 10, 13, 16],), ([4, 10, 13, 15],), ([3, 10, 13, 15],), ([5, 9, 13, 15],), ([5, 10, 13, 14],),
        ([5, 10, 12, 15],), (FAULTS[1:],), ([5, 13, 15],), ([5, 10, 15],), (FAULTS[:3],),
    ]),
    (settling.decided, (verdict,), [
        (lambda a, b, least, most: "supported" if least <= (a + b) / 2 <= most else "contradicted",),
        (lambda a, b, least, most: "supported" if least <= a and b <= most else "contradicted",),
        (lambda a, b, least, most: "supported" if a <= most and b >= least else "contradicted",), (both_out,),
        (lambda a, b, least, most: verdict(a, b, least, math.inf),), (lambda *_: "inconclusive",), (lambda *_: "true",),
    ]),
    (settling.to_claim, (seen(),), [
        (seen(z=1.96),), (seen(z=-1.645),), (seen(base=0),), (seen(rater=0),), (seen(own=0),), (seen(stimulus=0),),
        (seen(residual=lambda k, m, each: k * m),), (seen(residual=lambda k, m, each: k),), (seen(root=False),),
        (lambda *_: 4.0,), (lambda *_: 4.5,), (lambda *_: "high",),
    ]),
    (contrasts.own_overlay, (KL, BASE), [
        ("", BASE), ("kl", BASE), ("a: [", BASE), ("seed: 3", BASE), ("trainer.max_batches: 10", BASE),
        ("name: mine", BASE), ("data.init_args.windows: 4", BASE), ("task.init_args.weights.kl: 0.2", BASE),
        ("task.init_args.weights: {kl: 1.0, mel: 10.0}", BASE), ("task.init_args.wieghts.kl: 1.0", BASE), (3, BASE),
    ]),
    (contrasts.registered, (CONTRAST, GRID), [
        ("no_flow", GRID), ({**CONTRAST, "measure": None}, GRID), with_(measure=["sovits/kl", "sovits/mel"]),
        with_(ablation="base"), with_(ablation="no_ears"), with_(measure="kl"), with_(expect="worse"),
        with_(expect="different"),
    ]),
    (contrasts.corrected, (holm,), [
        (lambda p: p,), (lambda p: np.minimum(1, len(p) * p),), (lambda p: len(p) * p,),
        (lambda p: benjamini_hochberg(p.tolist()),), (lambda p: holm(p, back=False),),
        (lambda p: holm(p, running=False),), (lambda p: holm(p, step=1),), (lambda p: holm(p, cap=math.inf),),
        (lambda p: p / 2,), (lambda p: p[:2],), (lambda p: "sure",),
    ]),
    (contrasts.crossed, (error(whole),), [
        (lambda off: off.std(ddof=1) / math.sqrt(off.size),), (error(lambda p, s, r: p),), (error(lambda p, s, r: s),),
        (error(lambda p, s, r: max(p, s)),), (error(lambda p, s, r: p + s),), (error(lambda p, s, r: p + s - r),),
        (error(lambda p, s, r: r),), (error(whole, ddof=0),), (lambda off: error(whole)(off) ** 2,),
        (lambda off: math.sqrt(whole(*squares(off))),), (lambda off: 0.5,), (lambda off: off,),
    ]),
]  # fmt: skip
ALSO_RIGHT: list[tuple[Exercise, tuple[Any, ...]]] = [
    (settling.measurable, (set(VAGUE),)), (settling.measurable, (["VCTK similarity", *VAGUE[1:]],)),
    (settling.faults, (tuple(reversed(FAULTS)),)), (settling.decided, (reproducing.verdict,)),
    (settling.to_claim, (reproducing.to_claim,)), (settling.to_claim, (seen(z=1.64),)),
    (contrasts.own_overlay, ({"task": {"init_args": {"weights": {"kl": 0.0}}}}, BASE)),
    (contrasts.own_overlay, ("sizes: {hidden: 96}", BASE)),
    (contrasts.registered, (grid_views.usual(GRID), GRID)), (contrasts.registered, with_(measure="sovits/mel")),
    (contrasts.corrected, (lambda p: kits_holm(p.tolist()),)), (contrasts.crossed, (grid_views.crossed_error,)),
]  # fmt: skip
