"""Right and wrong answers to the exercises of notebook 10; `test_checks.py` tries them."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch

from gsv_lab.teaching.exercises import measuring, metrics, pooling
from gsv_lab.teaching.exercises.card import Exercise
from gsv_lab.teaching.exercises.metrics import DECIBEL, t_quantile

FOUND = {"delayed": {"SI-SNR": -70.0}, "quieter": {"SI-SNR": math.inf}, "noisy": {"SI-SNR": 10.0},
         "muffled": {"SI-SNR": 14.0}, "the clone": {"SI-SNR": -90.0}}  # fmt: skip


class Measured:
    """Stands in for the explorer: each setting moves each measure as it does in the notebook, in whole steps."""

    def ranges(self) -> Mapping[str, tuple[float, float]]:
        return {"delay": (0, 200), "gain": (-30, 12), "noise": (0, 60), "band": (1, 8), "seconds": (1, 5)}

    def values(self, settings: Mapping[str, float]) -> Mapping[str, float]:
        noise, band, delay = settings.get("noise", 60), settings.get("band", 8), settings.get("delay", 0)
        worse = (noise < 60) + (band < 8)
        return {"SSIM": 1 - 0.4 * worse - delay / 200, "SI-SNR": -70.0 if delay else math.inf if not worse else 10.0,
                "MCD": 9.0 * worse, "cosine": 0.95 - 0.3 * worse - 0.2 * (settings.get("seconds", 5) < 2)}  # fmt: skip


def forwards(total: Any) -> Any:
    """Greedily from the beginning, to the smallest sum."""
    cells = [(0, 0)]
    while cells[-1] != (total.shape[0] - 1, total.shape[1] - 1):
        i, j = cells[-1]
        onwards = [(i + 1, j + 1), (i + 1, j), (i, j + 1)]
        cells.append(
            min((c for c in onwards if c[0] < total.shape[0] and c[1] < total.shape[1]), key=lambda c: total[c])
        )
    return cells


def around(total: Any) -> Any:
    """Along the first column, then along the last row."""
    return [(i, 0) for i in range(total.shape[0])] + [(total.shape[0] - 1, j) for j in range(1, total.shape[1])]


def wraps(total: Any) -> Any:
    """Goes on below 0 at an edge, as who forgets that Python counts from the end."""
    return [(-1, 0), *metrics.cheapest_path(total)]


def distance(one: Any, other: Any, path: Any, first: int = 1) -> Any:
    return ((one[path[:, 0], first:] - other[path[:, 1], first:]) ** 2).sum(axis=1)


def straight(one: Any, other: Any, path: Any) -> float:
    size = min(len(one), len(other))
    return metrics.distortion(one, other, np.repeat(np.arange(size)[:, None], 2, axis=1))


def share(errors: Any, words: Any) -> float:
    return 1 - errors.sum() / words.sum()


def by_means(values: Any, speaker: Any, t: Any) -> tuple[float, float, int]:
    means = np.array([values[speaker == name].mean() for name in np.unique(speaker)])
    return means.mean(), means.std(ddof=1), len(means)


def ends(middle: float, half: float) -> tuple[float, float]:
    return middle - half, middle + half


def as_interval(rule: Callable[..., Any]) -> Callable[[Any, Any, Any], Any]:
    """An answer out of mean, deviation and number of the speakers' means, and t."""
    return lambda values, speaker, t: rule(*by_means(values, speaker, t), t)


def over_clips(values: Any, speaker: Any, t: Any) -> Any:
    return ends(values.mean(), t(len(values) - 1) * values.std(ddof=1) / math.sqrt(len(values)))


def paired(first: Any, second: Any, speaker: Any, rule: Callable[..., Any], missing: bool = False) -> Any:
    clips = [clip for clip in speaker if missing or (clip in first and clip in second)]
    off = np.array([second.get(clip, 0.0) - first.get(clip, 0.0) for clip in clips])
    who = np.array([speaker[clip] for clip in clips])
    return rule(off, who)


def over_speakers(off: Any, who: Any) -> Any:
    return (by_means(off, who, t_quantile)[0], *metrics.interval(off, who))


def unpaired(first: Any, second: Any, speaker: Any) -> Any:
    rows = [
        by_means(np.array([*table.values()]), np.array([speaker[c] for c in table]), None) for table in (second, first)
    ]
    apart = rows[0][0] - rows[1][0]
    error = math.sqrt(sum(sd**2 / n for _, sd, n in rows))
    return (apart, *ends(apart, t_quantile(2 * rows[0][2] - 2) * error))


def in_order(first: Any, second: Any, speaker: Any) -> Any:
    off = np.array([*second.values()]) - np.array([*first.values()])
    return over_speakers(off, np.array([speaker[clip] for clip in first]))


MODULES = (measuring, pooling)
CASES: list[tuple[Exercise, tuple[Any, ...], list[tuple[Any, ...]]]] = [
    (measuring.worst, ("delayed", FOUND), [
        ("quieter", FOUND), ("noisy", FOUND), ("muffled", FOUND), ("nobody", FOUND),
        ("delayed", FOUND | {"noisy": {"SI-SNR": -99.0}}),
    ]),
    (measuring.placed, (metrics.place,), [
        (lambda s, f, c: s / c,), (lambda s, f, c: s - f,), (lambda s, f, c: (s - f) / c,),
        (lambda s, f, c: (s - f) / (1 - f),), (lambda s, f, c: (c - s) / (c - f),),
        (lambda s, f, c: min(1.0, max(0.0, (s - f) / (c - f))),), (lambda s, f, c: (s - c) / (c - f),),
        (lambda s, f, c: "0.5",), (lambda s, f, c: 0.5,),
    ]),
    (measuring.path, (metrics.cheapest_path,), [
        (lambda total: metrics.cheapest_path(total)[::-1],), (lambda total: metrics.cheapest_path(total)[1:],),
        (lambda total: metrics.cheapest_path(total)[:-1],), (lambda total: metrics.cheapest_path(total)[::2] + [
            (total.shape[0] - 1, total.shape[1] - 1)],), (forwards,), (around,), (wraps,),
        (lambda total: total,), (lambda total: 0.5 * np.array(metrics.cheapest_path(total)),), (lambda total: "path",),
    ]),
    (measuring.mcd, (metrics.distortion,), [
        (lambda a, b, p: DECIBEL * np.sqrt(distance(a, b, p, 0)).mean(),), (straight,),
        (lambda a, b, p: np.sqrt(distance(a, b, p)).mean(),),
        (lambda a, b, p: DECIBEL / math.sqrt(2) * np.sqrt(distance(a, b, p)).mean(),),
        (lambda a, b, p: DECIBEL * np.sqrt(distance(a, b, p)).sum(),),
        (lambda a, b, p: DECIBEL * np.sqrt(distance(a, b, p).mean()),),
        (lambda a, b, p: DECIBEL * distance(a, b, p).mean(),), (lambda a, b, p: 0.0,),
        (lambda a, b, p: DECIBEL * np.abs(a[p[:, 0], 1:] - b[p[:, 1], 1:]).sum(axis=1).mean(),),
        (lambda a, b, p: metrics.distortion(a, b, p[:, ::-1]),), (lambda a, b, p: 3.0,), (lambda a, b, p: p,),
    ]),
    (measuring.fooled, ("SI-SNR", {"delay": 5}, Measured()), [
        ("volume", {"delay": 5}, Measured()), ("SSIM", {}, Measured()), ("SSIM", {"pitch": 2}, Measured()),
        ("SSIM", {"delay": "much"}, Measured()), ("SSIM", {"delay": 900}, Measured()),
        ("SSIM", {"gain": -6}, Measured()), ("SSIM", {"delay": 40}, Measured()), ("cosine", {"noise": 0}, Measured()),
        ("MCD", {"delay": 5}, Measured()),
    ]),
    (pooling.retained, (metrics.retained,), [
        (lambda e, w, a, b: max(0, 1 - (e / w).mean()) / (1 - (a / b).mean()),),
        (lambda e, w, a, b: max(0, 1 - (e / w).mean()) / share(a, b),), (lambda e, w, a, b: share(e, w) / share(a, b),),
        (lambda e, w, a, b: min(1, max(0, share(e, w) / share(a, b))),), (lambda e, w, a, b: max(0, share(e, w)),),
        (lambda e, w, a, b: (1 - share(e, w)) / (1 - share(a, b)),),
        (lambda e, w, a, b: share(a, b) / max(1e-9, share(e, w)),), (lambda e, w, a, b: share(a, b) - share(e, w),),
        (lambda e, w, a, b: 1.0,), (lambda e, w, a, b: e,),
    ]),
    (pooling.interval, (metrics.interval,), [
        (over_clips,), (lambda v, s, t: ends(v.mean(), t(3) * by_means(v, s, t)[1] / 2),),
        (as_interval(lambda m, sd, n, t: ends(m, t(n - 1) * sd * math.sqrt((n - 1) / n) / math.sqrt(n))),),
        (as_interval(lambda m, sd, n, t: ends(m, 1.96 * sd / math.sqrt(n))),),
        (as_interval(lambda m, sd, n, t: ends(m, t(n) * sd / math.sqrt(n))),),
        (as_interval(lambda m, sd, n, t: ends(m, t(15) * sd / math.sqrt(n))),),
        (as_interval(lambda m, sd, n, t: ends(m, t(n - 1) * sd / 4)),),
        (as_interval(lambda m, sd, n, t: ends(m, t(n - 1) * sd)),),
        (as_interval(lambda m, sd, n, t: (m, t(n - 1) * sd / math.sqrt(n))),),
        (lambda v, s, t: metrics.interval(v, s)[::-1],),
        (lambda v, s, t: 1.0,), (lambda v, s, t: (1.0, 1.0),), (lambda v, s, t: (1.0, 2.0),), (lambda v, s, t: v,),
        (lambda v, s, t: (math.nan, 2.0),),
    ]),
    (pooling.advantage, (metrics.advantage,), [
        (lambda a, b, s: paired(a, b, s, lambda off, who: (off.mean(), *over_clips(off, who, t_quantile))),),
        (unpaired,), (lambda a, b, s: paired(a, b, s, over_speakers, missing=True),), (in_order,),
        (lambda a, b, s: paired(a, b, s, lambda off, who: (off.mean(), *metrics.interval(off, who))),),
        (lambda a, b, s: metrics.advantage(b, a, s),), (lambda a, b, s: (*metrics.advantage(a, b, s)[:1], 9.0, 9.5),),
        (lambda a, b, s: tuple(np.array(metrics.advantage(a, b, s))[[0, 2, 1]]),), (lambda a, b, s: 0.5,),
        (lambda a, b, s: (9.0, 8.0, 9.5),),
    ]),
]  # fmt: skip
ALSO_RIGHT: list[tuple[Exercise, tuple[Any, ...]]] = [
    (measuring.worst, (" Delayed ", FOUND)), (measuring.placed, (lambda s, f, c: 1 - (c - s) / (c - f),)),
    (measuring.placed, (lambda s, f, c: torch.tensor((s - f) / (c - f), dtype=torch.float64),)),
    (measuring.path, (lambda total: np.array(metrics.cheapest_path(total)),)),
    (measuring.path, (lambda total: torch.tensor(metrics.cheapest_path(total)),)),
    (measuring.mcd, (lambda a, b, p: np.mean([DECIBEL * np.linalg.norm(a[i][1:] - b[j][1:]) for i, j in p]),)),
    (measuring.fooled, ("si snr", {"delay": 1, "gain": 1}, Measured())),
    (measuring.fooled, ("MCD", {"gain": -20}, Measured())),
    (measuring.fooled, ("Cosine", {"seconds": 1.2}, Measured())),
    (measuring.fooled, ("ssim", {"delay": 100.0}, Measured())),
    (pooling.retained, (lambda e, w, a, b: torch.tensor(max(0.0, share(e, w)) / share(a, b)),)),
    (pooling.interval, (lambda v, s, t: list(metrics.interval(v, s)),)),
    (pooling.interval, (lambda v, s, t: np.array(metrics.interval(v, s)),)),
    (pooling.advantage, (lambda a, b, s: np.array(metrics.advantage(a, b, s)),)),
]  # fmt: skip
