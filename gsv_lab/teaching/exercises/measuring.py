"""Checks of notebook 10, "Numbers that stand for ears".

Of one clip each; those of many clips are in `pooling.py`.
Letters: A and B frames, D coefficients, K pairs of frames. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import numpy as np

from gsv_lab.teaching.exercises import metrics
from gsv_lab.teaching.exercises.answers import named, numbers
from gsv_lab.teaching.exercises.card import ask, ask_either, exercise, expect, number
from gsv_lab.teaching.exercises.metrics import DECIBEL, NO_NOISE, WHOLE_KHZ

ONE_NUMBER = "One number is asked for."
METRICS: dict[str, tuple[str, ...]] = {
    "SSIM": ("structural similarity",),
    "SI-SNR": ("SI-SDR", "snr"),
    "MCD": ("mel-cepstral distortion",),
    "cosine": ("cos", "similarity", "speaker similarity"),
}
Rule = Callable[..., float]


class Measures(Protocol):
    """What measures a changed copy: the explorer of the notebook, or anything with the same two methods."""

    def ranges(self) -> Mapping[str, tuple[float, float]]:
        """Least and most of every setting."""
        ...

    def values(self, settings: Mapping[str, float]) -> Mapping[str, float]:
        """`METRICS` of a copy with some settings moved."""
        ...


def like(given: Sequence[float], rule: Rule, cases: Sequence[tuple[Any, ...]]) -> bool:
    """Whether answers are those that a rule gives."""
    return all(math.isclose(g, rule(*case), rel_tol=1e-4, abs_tol=1e-5) for g, case in zip(given, cases, strict=True))


def refuse(given: Sequence[float], cases: Sequence[tuple[Any, ...]], mistakes: Sequence[tuple[Rule, str]]) -> None:
    """A `Hint` where answers are those of a known mistake."""
    for rule, hint in mistakes:
        expect(not like(given, rule, cases), hint)


@exercise(
    "Worst of four",
    "SI-SNR subtracts the recording from the copy, sample by sample. Which copy has every sample in another place?",
    "What the ear cannot tell from the recording, if it hears it alone.",
)
def worst(prediction: str, found: Mapping[str, Mapping[str, float]]) -> str:
    """The name of a copy; what was measured of each."""
    scores = {name: found[name]["SI-SNR"] for name in metrics.COPIES}
    said = named(prediction, {name: () for name in scores})
    lowest = min(scores, key=lambda name: scores[name])
    expect(said != "quieter" or lowest == "quieter", "Its *scale* does not count: that is what SI stands for.")
    noisy = f"Its noise lies 10 dB below the speech, and so SI-SNR says {scores['noisy']:.0f} dB. One is far worse."
    expect(said != "noisy" or lowest == "noisy", noisy)
    muffled = f"Most of the energy of speech is low: {scores['muffled']:.0f} dB, although every S is gone."
    expect(said != "muffled" or lowest == "muffled", muffled)
    expect(said == lowest, f"It gets {scores[said]:.0f} dB; one is worse.")
    return f"{scores[lowest]:.0f} dB, for a perfect copy. SI-SNR needs copies whose samples lie in the same places."


@exercise(
    "Between floor and ceiling",
    "How far is the score above the floor, as a share of how far the ceiling is above it?",
    "(score - floor) / (ceiling - floor).",
)
def placed(answer: Callable[[float, float, float], Any]) -> str:
    """`place(score, floor, ceiling)` -> 0 at the floor, 1 at the ceiling."""
    cases = [(0.75, 0.5, 0.9), (0.4, 0.5, 0.9), (0.95, 0.5, 0.9), (0.8, 0.6, 0.8)]
    given = [number(ask_either(answer, *case), ONE_NUMBER) for case in cases]
    mistakes: list[tuple[Rule, str]] = [
        (lambda s, f, c: s / c, "That is the share of the ceiling. A stranger would not get 0 then."),
        (lambda s, f, c: s - f, "How far above the floor, but not yet as a share of the way to the ceiling."),
        (lambda s, f, c: (s - f) / c, "Divide by the way from floor to ceiling, not by the ceiling."),
        (lambda s, f, c: (s - f) / (1 - f), "A cosine of 1 is not the ceiling: nobody is that much like themselves."),
        (lambda s, f, c: (c - s) / (c - f), "Turned round: the ceiling gets 0, the floor 1."),
        (
            lambda s, f, c: min(1.0, max(0.0, (s - f) / (c - f))),
            "Do not cut off at 0 and 1: below the floor or above the ceiling is something that one wants to know.",
        ),
        (lambda s, f, c: (s - c) / (c - f), "Counted from the ceiling downwards. The floor should get 0."),
    ]
    refuse(given, cases, mistakes)
    right = like(given, metrics.place, cases)
    expect(right, f"For 0.75 between 0.5 and 0.9 it should be 0.625, and yours is {given[0]:.4g}.")
    return "Now two systems can be compared that were measured with clips of other lengths, even with another encoder."


@exercise(
    "The way back",
    "Begin in the last cell. Of the three cells that lead here, the one with the smallest sum comes before.",
    "Collect (i - 1, j - 1), (i - 1, j), (i, j - 1) where no number is below 0, take the min by total, and turn "
    "the list round at the end.",
)
def path(answer: Callable[[Any], Any]) -> str:
    """`path(total)`: (A, B) summed costs -> K pairs (i, j), from the first corner to the last."""
    random = np.random.default_rng(3)
    shapes = [(12, 9), (7, 7), (1, 5), (6, 1)]
    for shape in shapes:
        cost = random.uniform(0.1, 1.0, shape)
        total = metrics.summed(cost)
        _check_path(ask(answer, total.copy()), cost, total)
    return "Its pairs say which moment of the clone belongs to which moment of the recording, whatever the tempo."


def _check_path(given: Any, cost: np.ndarray, total: np.ndarray) -> None:
    found = numbers(given, "The path").numpy()
    expect(found.ndim == 2 and found.shape[1:] == (2,), "The path is a list of pairs (i, j).")
    expect(np.isfinite(found).all() and (found == found.round()).all(), "The pairs are numbers of frames: integers.")
    cells = found.astype(int)
    rows, columns = cost.shape
    outside = "leaves the matrix. With a number below 0 Python counts from the end: at the edges fewer steps are left."
    inside = (cells >= 0).all() and (cells[:, 0] < rows).all() and (cells[:, 1] < columns).all()
    expect(inside, f"For {rows} by {columns} frames your path {outside}")
    first, last = tuple(cells[0].tolist()), tuple(cells[-1].tolist())
    corners = ((0, 0), (rows - 1, columns - 1))
    expect((first, last) != corners[::-1] or rows * columns == 1, "From the end to the beginning. Turn it round.")
    expect(first == corners[0], f"It begins at {first}. The first frames belong together, too: (0, 0).")
    expect(last == corners[1], f"It ends at {last}, and the last corner is {corners[1]}.")
    steps = np.diff(cells, axis=0)
    known = {tuple(step) for step in steps.tolist()} <= {(1, 0), (0, 1), (1, 1)}
    expect(known, "It jumps: each step goes on by one frame in one of the two, or in both.")
    spent = float(cost[cells[:, 0], cells[:, 1]].sum())
    forwards = cells.tolist() == _greedy(total)
    early = "You went forwards to the smallest neighbour. Whether a cell was worth it shows only at the end: come back."
    expect(not forwards or spent <= total[-1, -1] + 1e-6, early)
    dear = f"A path, but not the cheapest: it costs {spent:.2f}, and {total[-1, -1]:.2f} is enough."
    expect(spent <= total[-1, -1] + 1e-6, f"{dear} Which of the three cells before has the smallest sum?")


def _greedy(total: np.ndarray) -> list[list[int]]:
    """Forwards, always to the smallest sum."""
    i = j = 0
    cells = [[0, 0]]
    while (i, j) != (total.shape[0] - 1, total.shape[1] - 1):
        onwards = [(i + a, j + b) for a, b in ((1, 1), (1, 0), (0, 1))]
        i, j = min((c for c in onwards if c[0] < total.shape[0] and c[1] < total.shape[1]), key=lambda c: total[c])
        cells.append([i, j])
    return cells


def _mcd(one: Any, other: Any, steps: Any, first: int = 1, power: float = 0.5, scale: float = DECIBEL) -> np.ndarray:
    off = one[steps[:, 0], first:] - other[steps[:, 1], first:]
    return np.asarray(scale * (off**2).sum(axis=1) ** power)


def _side_by_side(one: Any, other: Any, steps: Any) -> float:
    size = min(len(one), len(other))
    return float(_mcd(one, other, np.repeat(np.arange(size)[:, None], 2, axis=1)).mean())


@exercise(
    "Mel-cepstral distortion",
    "Take the frames of both along the path, leave out c0, and one distance a pair: the root of the sum of squares.",
    "off = one[steps[:, 0], 1:] - other[steps[:, 1], 1:], with steps = np.array(pairs); then the mean of the roots "
    "over the pairs, times 10 * np.sqrt(2) / np.log(10).",
)
def mcd(answer: Callable[[Any, Any, Any], Any]) -> str:
    """`mcd(one, other, pairs)`: cepstra (A, D) and (B, D), K pairs -> dB."""
    random = np.random.default_rng(4)
    cases = []
    for rows, columns in ((20, 15), (11, 11)):
        one, other = random.normal(0, 0.3, (rows, 14)), random.normal(0, 0.3, (columns, 14))
        one[:, 0] += 2.0
        steps = np.array(metrics.cheapest_path(metrics.summed(random.uniform(0.1, 1.0, (rows, columns)))))
        cases.append((one, other, steps))
    given = [number(ask(answer, one.copy(), other.copy(), steps.copy()), ONE_NUMBER) for one, other, steps in cases]
    mistakes: list[tuple[Rule, str]] = [
        (lambda a, b, p: _mcd(a, b, p, 0).mean(), "c0 is in it. It is the level, which a volume control may change."),
        (_side_by_side, "Frame 1 with 1, 2 with 2: who speaks faster is compared with another phone. Use the path."),
        (
            lambda a, b, p: _mcd(a, b, p, scale=1.0).mean(),
            "The distance of the cepstra, not yet in dB: the constant is missing.",
        ),
        (
            lambda a, b, p: _mcd(a, b, p, scale=DECIBEL / math.sqrt(2)).mean(),
            "The root of 2 is missing: a cosine has a mean square of one half, and 20 / 10 squared is 4.",
        ),
        (lambda a, b, p: _mcd(a, b, p).sum(), "That is the sum. A long sentence would be worse than a short one."),
        (
            lambda a, b, p: float(np.sqrt((_mcd(a, b, p) ** 2).mean())),
            "The root was drawn last, over all pairs. Kubichek's measure is the mean of the roots, one a pair.",
        ),
        (lambda a, b, p: _mcd(a, b, p, power=1.0).mean(), "The root is missing."),
        (
            lambda a, b, p: DECIBEL * np.abs(a[p[:, 0], 1:] - b[p[:, 1], 1:]).sum(axis=1).mean(),
            "Absolute values were added. The measure adds squares and draws the root.",
        ),
        (lambda a, b, p: 0.0, "0 dB is for equal spectra only."),
    ]
    refuse(given, cases, mistakes)
    right = [metrics.distortion(*case) for case in cases]
    off = f"For a pair of cepstra it should be {right[0]:.3f} dB, and yours is {given[0]:.4g}."
    expect(like(given, metrics.distortion, cases), off)
    return "0 for equal spectra. It depends on bands, window and trimming, so compare it within one program only."


@exercise(
    "Fool a metric",
    "Change something that cannot be heard when the copy is played alone, or something that is plain to hear. Which "
    "number does the opposite of your ear?",
    'For example metric = "SI-SNR" with a short delay: settings = {"delay": 5}.',
)
def fooled(metric: str, settings: Mapping[str, float], explorer: Measures) -> str:
    """Name of a metric; the settings that were moved; the explorer that measures them."""
    name = named(metric, METRICS)
    expect(isinstance(settings, Mapping) and settings, 'Settings by name, as {"delay": 5}: at least one.')
    ranges = explorer.ranges()
    strange = [key for key in settings if key not in ranges]
    expect(not strange, f"There is no setting {strange[:1]}; there are {', '.join(ranges)}.")
    moved = {key: number(value, f"{key} should be a number.") for key, value in settings.items()}
    wide = [key for key, value in moved.items() if not ranges[key][0] <= value <= ranges[key][1]]
    expect(not wide, f"{wide[:1]} is outside of the slider: {[ranges[key] for key in wide][:1]}.")
    before, after = (explorer.values(chosen)[name] for chosen in ({}, moved))
    said = f"{name} went from {before:.2f} to {after:.2f}"
    verdict = _verdict(name, before, after)
    ear = _ear(moved)
    expect(ear, f"{said}, but this change can be heard by some and not by others. Take one that nobody would miss.")
    expect(verdict, f"{said}, which is neither the same nor much worse. Go on in this direction.")
    expect(ear != verdict, f"{said}, and so says the ear: {ear}. They agree; nobody is fooled.")
    return f"{said}: {verdict}. The ear says: {ear}. A metric answers its own question, not yours."


def _verdict(name: str, before: float, after: float) -> str:
    """What a metric says of a copy: "the same", "much worse", or nothing clear."""
    same, worse = {
        "SSIM": (after > 0.9, after < 0.7),
        "SI-SNR": (after > 30, after < 3),
        "MCD": (after < 1, after > 4),
        "cosine": (abs(after - before) < 0.03, after < before - 0.12),
    }[name]
    return "the same" if same else "much worse" if worse else ""


def _ear(moved: Mapping[str, float]) -> str:
    """What a listener says who hears the copy alone, "the same" or "much worse"; nothing where people differ.

    A delay, a decibel and a shorter clip of the same voice are not heard; plain to hear are noise at 10 dB, a band
    below that of a telephone, and a quarter of the amplitude.
    """
    gain, noise, band = moved.get("gain", 0.0), moved.get("noise", NO_NOISE), moved.get("band", WHOLE_KHZ)
    if noise <= 10 or band <= 2 or abs(gain) >= 12:
        return "much worse"
    return "the same" if abs(gain) <= 1 and noise >= NO_NOISE and band >= WHOLE_KHZ else ""
