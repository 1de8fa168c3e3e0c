"""Checks of notebook 10 on many clips: retained accuracy, intervals over speakers, differences on the same clips.

Letters: N clips, S speakers. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from gsv_lab.teaching.exercises import metrics
from gsv_lab.teaching.exercises.answers import numbers
from gsv_lab.teaching.exercises.card import ask, exercise, expect, number
from gsv_lab.teaching.exercises.measuring import ONE_NUMBER, Rule, like, refuse
from gsv_lab.teaching.exercises.metrics import t_quantile


def _rate(errors: Any, words: Any) -> float:
    return float(errors.sum() / words.sum())


@exercise(
    "Retained accuracy",
    "Add up errors and words over all clips, and only then divide, once for made and once for natural speech.",
    "max(0, 1 - errors.sum() / words.sum()) / (1 - natural_errors.sum() / natural_words.sum()).",
)
def retained(answer: Callable[[Any, Any, Any, Any], Any]) -> str:
    """`retained(errors, words, natural_errors, natural_words)`: (N,) each -> share of the natural accuracy."""
    tables = (
        ([3, 0, 2], [6, 20, 8], [1, 0, 1], [6, 20, 9]),
        ([0, 1, 0], [5, 12, 9], [2, 3, 1], [5, 12, 9]),
        ([9, 14, 6], [6, 9, 5], [1, 0, 0], [6, 9, 5]),
    )
    cases = [tuple(np.array(row, dtype=np.float64) for row in table) for table in tables]
    given = [number(ask(answer, *(row.copy() for row in case)), ONE_NUMBER) for case in cases]

    def unfloored(e: Any, w: Any, ne: Any, nw: Any) -> float:
        return (1 - _rate(e, w)) / (1 - _rate(ne, nw))

    def averaged(e: Any, w: Any, ne: Any, nw: Any) -> float:
        return max(0.0, 1 - float((e / w).mean())) / (1 - float((ne / nw).mean()))

    mistakes: list[tuple[Rule, str]] = [
        (averaged, "A mean of rates: one wrong word in a clip of two counts as much as ten in a clip of twenty. Pool."),
        (
            lambda *rows: float(max(0.0, 1 - (rows[0] / rows[1]).mean()) / (1 - _rate(*rows[2:]))),
            "The made speech is a mean of rates, the natural one is pooled. Pool both.",
        ),
        (unfloored, "More errors than words: accuracy below 0. Less than nothing is not retained, so floor it at 0."),
        (
            lambda *rows: min(1.0, max(0.0, unfloored(*rows))),
            "Cut off at 1, nobody sees that a recogniser hears made speech *better* than people. Leave that in.",
        ),
        (lambda e, w, ne, nw: max(0.0, 1 - _rate(e, w)), "That is the accuracy of made speech. As a share of natural?"),
        (
            lambda e, w, ne, nw: _rate(e, w) / _rate(ne, nw),
            "The ratio of the errors. With a good recogniser natural errors go to 0, and it to infinity.",
        ),
        (
            lambda e, w, ne, nw: (1 - _rate(ne, nw)) / max(1e-9, 1 - _rate(e, w)),
            "Upside down: above 1 although something is lost.",
        ),
        (lambda e, w, ne, nw: _rate(e, w) - _rate(ne, nw), "The difference of the error rates: a good measure, but "
         "here the ratio of the accuracies was asked for."),
    ]  # fmt: skip
    refuse(given, cases, mistakes)
    wanted = metrics.retained(*cases[0])
    right = like(given, metrics.retained, cases)
    expect(right, f"For 5 errors in 34 words, and 2 in 35 natural ones, it is {wanted:.4f}; yours is {given[0]:.4g}.")
    return "Above 1 the recogniser likes the machine better than people; then give both error rates, and no ratio."


def _ends(mean: float, spread: float, n: float, t: float) -> tuple[float, float]:
    half = t * spread / math.sqrt(n)
    return mean - half, mean + half


@exercise(
    "An interval over speakers",
    "First one mean for each speaker. From then on there are as many values as speakers, and nothing else.",
    "m = the means; half = t(len(m) - 1) * m.std(ddof=1) / np.sqrt(len(m)); (m.mean() - half, m.mean() + half).",
)
def interval(answer: Callable[[Any, Any, Any], Any]) -> str:
    """`interval(values, speaker, t)`: (N,) numbers and names of clips, t(degrees) -> low, high."""
    random = np.random.default_rng(6)
    speaker = np.repeat(["ann", "bob", "eve", "joe"], [6, 3, 2, 5])
    values = random.normal(0, 0.3, 16) + np.repeat([4.0, 5.2, 3.1, 4.4], [6, 3, 2, 5])
    order = random.permutation(16)
    values, speaker = values[order], speaker[order]
    given = numbers(ask(answer, values.copy(), speaker.copy(), t_quantile), "The interval").double().numpy()
    expect(given.shape != (), "One number. An interval has two ends: low and high.")
    expect(given.shape == (2,), "Two numbers, please: low and high.")
    expect(np.isfinite(given).all(), "Not finite. Is there a speaker without a clip in your means?")
    expect(given[0] != given[1], "Both ends are the same.")
    m = np.array([values[speaker == name].mean() for name in np.unique(speaker)])
    mean, sd, s, n = float(m.mean()), float(m.std(ddof=1)), len(m), len(values)
    half = t_quantile(s - 1) * sd / math.sqrt(s)
    mistakes: list[tuple[tuple[float, float], str]] = [
        (
            _ends(float(values.mean()), float(values.std(ddof=1)), n, t_quantile(n - 1)),
            "That is the interval over clips. Clips of one voice are alike: ten of them are not ten voices.",
        ),
        (_ends(float(values.mean()), sd, s, t_quantile(s - 1)), "Its middle is the mean over all clips: who has more "
         "clips counts more. Take the mean of the speakers' means."),
        (_ends(mean, float(m.std()), s, t_quantile(s - 1)), "Divided by S under the root: with few values the spread "
         "around their own mean is too small. ddof=1."),
        (_ends(mean, sd, s, 1.959964), "1.96 is for endless many speakers. For four it is t(3) = 3.18."),
        (_ends(mean, sd, s, t_quantile(s)), "One degree of freedom went for the mean: t(S - 1)."),
        (_ends(mean, sd, s, t_quantile(n - 1)), "t has the degrees of the clips. How many values went into the mean?"),
        (_ends(mean, sd, n, t_quantile(s - 1)), "Divided by the root of the number of clips. There are S means only."),
        (_ends(mean, sd, 1, t_quantile(s - 1)), "That is the spread of speakers. The mean of S is surer by a factor of "
         "the root of S."),
        ((mean, half), "Mean and half a width. The two ends were asked for."),
        ((mean + half, mean - half), "High and low. Turn them round."),
    ]  # fmt: skip
    for wrong, hint in mistakes:
        expect(not np.allclose(given, wrong, atol=1e-4), hint)
    right = np.allclose(given, [mean - half, mean + half], atol=1e-4)
    expect(right, f"It should reach from {mean - half:.3f} to {mean + half:.3f}, yours from {given[0]:.3f}.")
    return "More clips of the same people hardly narrow it. More people do."


@exercise(
    "Stretch: what differs on the same clips",
    "Only clips that both have. One difference a clip, one mean of these a speaker; from there on as before.",
    "off = np.array([second[c] - first[c] for c in first if c in second]), and the speakers of these clips; then "
    "the mean of the speakers' means, and `interval`.",
)
def advantage(answer: Callable[[Any, Any, Any], Any]) -> str:
    """`advantage(first, second, speaker)`: clip -> number, number, name -> difference, low, high."""
    random = np.random.default_rng(8)
    names = [f"clip{number:02}" for number in range(18)]
    speaker = {name: "abcd"[min(3, number // 5)] for number, name in enumerate(names)}
    level = {name: 5 + 2 * "abcd".index(speaker[name]) + random.normal() for name in names}
    first = {name: level[name] for name in names if name not in ("clip03", "clip17")}
    second = {name: level[name] + 0.5 + 0.1 * number % 0.7 for number, name in enumerate(names) if number not in (1, 7)}
    second = {name: second[name] for name in reversed(second)}
    found = numbers(ask(answer, dict(first), dict(second), dict(speaker)), "The answer").double().numpy()
    expect(found.shape == (3,), "Three numbers, please: difference, low, high.")
    right = np.array(metrics.advantage(first, second, speaker))
    mistakes = _unpaired(first, second, speaker)
    mistakes += [(right[[0, 2, 1]], "The high end stands before the low one."),
                 (-right[[0, 2, 1]], "The sign: second minus first was asked for.")]  # fmt: skip
    for wrong, hint in mistakes:
        expect(not np.allclose(found, wrong, atol=1e-4), hint)
    expect(np.allclose(found[0], right[0], atol=1e-4), f"It should be {right[0]:.3f}, and yours is {found[0]:.4g}.")
    expect(np.allclose(found, right, atol=1e-4), f"The interval is {right[1]:.3f} to {right[2]:.3f}.")
    return "What a clip or a speaker adds to both has dropped out, and the interval shrinks."


def _unpaired(first: Any, second: Any, speaker: Any) -> list[tuple[np.ndarray, str]]:
    """Mistakes of `advantage` with their hints."""
    common = [name for name in first if name in second]
    off = np.array([second[name] - first[name] for name in common])
    who = np.array([speaker[name] for name in common])
    over_clips = np.array([off.mean(), *_ends(off.mean(), off.std(ddof=1), len(off), t_quantile(len(off) - 1))])
    means, errors = [], []
    for system in (second, first):
        values, names = (np.array(x) for x in (list(system.values()), [speaker[name] for name in system]))
        each = np.array([values[names == name].mean() for name in np.unique(names)])
        means.append(each.mean())
        errors.append(each.var(ddof=1) / len(each))
    apart = means[0] - means[1]
    wide = t_quantile(2 * len(np.unique(who)) - 2) * math.sqrt(sum(errors))
    every = np.array([second.get(name, 0.0) - first.get(name, 0.0) for name in speaker])
    everybody = np.array([speaker[name] for name in speaker])
    zeros = [every[everybody == name].mean() for name in np.unique(everybody)]
    in_order = np.array(list(second.values())) - np.array(list(first.values()))
    of_first = np.array([speaker[name] for name in first])
    swapped = [in_order[of_first == name].mean() for name in np.unique(of_first)]
    return [
        (over_clips, "Over clips. The unit is still the speaker: clips of one voice gain alike."),
        (np.array([apart, apart - wide, apart + wide]), "Two groups, as if they were not the same clips: all that "
         "voices differ in is in the interval. Subtract clip by clip."),
        (np.array([np.mean(zeros), *metrics.interval(every, everybody)]), "A clip that is missing was taken for 0."),
        (np.array([off.mean(), *metrics.interval(off, who)]), "The difference is the mean over clips, the interval one "
         "over speakers. Both over speakers."),
        (np.array([np.mean(swapped), *metrics.interval(in_order, of_first)]), "You took the numbers in the order "
         "of the two tables. Which clip is which? Go by name."),
    ]  # fmt: skip
