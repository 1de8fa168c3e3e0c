"""Checks of notebook 09, "One minute of a voice": recordings, the low-rank update, and what curves say.

Those on whether a voice got better are in `verdicts.py`.
Letters: r rank. Each check takes the answer and gives a card.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from gsv_lab.inference.adapters import DOWN, UP, merge
from gsv_lab.system.seeds import seeded
from gsv_lab.teaching.exercises import tuning_kit as kit
from gsv_lab.teaching.exercises.answers import named, numbers, plain
from gsv_lab.teaching.exercises.card import ask, exercise, expect, number
from gsv_lab.teaching.exercises.tuning_kit import POOR, Curve

DIAGNOSES: dict[str, tuple[str, ...]] = {
    "rate too high": ("rate", "learning rate", "learning rate too high", "too fast", "too high a rate"),
    "repeater": ("overfitting", "over-fitted", "over-trained", "by heart", "memorised", "too many steps"),
    "leak": ("leakage", "data leak", "held-out clips in training", "held out clips in training"),
}
"""What can be wrong with a run, with the other names that it goes by."""
PATIENTS = {"A": "leak", "B": "rate too high", "C": "repeater"}
"""What is wrong with each of the three runs of the notebook."""


@exercise(
    "Which slices go?",
    "Three faults: one slice is buried in noise, one is cut off at full scale, and one says something else than its "
    "text.",
    "Read the columns: the smallest signal-to-noise ratio, any clipping at all, and the lowest fit of the text.",
)
def judged(answer: Sequence[str]) -> str:
    """Names of the slices to leave out."""
    listed = isinstance(answer, list | tuple | set) and all(isinstance(name, str) for name in answer)
    expect(listed and answer, 'A list of names, such as ["clip_1", "clip_2"].')
    given = {plain(name) for name in answer}
    noisy, clipped, wrong = (plain(name) for name in POOR)
    known = {plain(f"clip_{number}") for number in range(1, 9)}
    expect(given <= known, "There are slices clip_1 to clip_8.")
    good = sorted(given - {noisy, clipped, wrong})
    expect(len(good) < 5, "Nothing is left to learn from. Three of the eight are poor.")
    few = "Less speech for no reason: {} is clean, and fits its text. A short slice, or a quiet one, is no poor one."
    expect(not good, few.format(f"clip_{good[0][-1]}" if good else ""))
    expect(noisy in given, "One lies only a few dB above its noise. The voice would learn to hiss.")
    expect(clipped in given, "One has flat tops: samples at full scale. Distortion is learnt like a voice.")
    expect(wrong in given, "Two are found by ear. The third sounds fine: it is the text that is wrong. See the fit.")
    return "A wrong text is the worst of the three: nothing sounds wrong, and prior and text drift apart."


def _updated_cases() -> list[tuple[Tensor, Tensor, Tensor, float]]:
    draw = seeded(5)
    shapes = [(6, 6, 2, 8.0), (6, 4, 3, 1.5), (3, 7, 2, 5.0)]
    return [
        (torch.randn(out, inside, generator=draw), torch.randn(r, inside, generator=draw),
         torch.randn(out, r, generator=draw), alpha)
        for out, inside, r, alpha in shapes
    ]  # fmt: skip


def _merged(weight: Tensor, down: Tensor, up: Tensor, alpha: float) -> Tensor:
    """What the kit's own adapters make of the same update."""
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=False)
    layer.weight.data.copy_(weight)
    merge(nn.ModuleDict({"layer": layer}), {f"layer{DOWN}": down, f"layer{UP}": alpha / len(down) * up})
    return layer.weight.data


@exercise(
    "A low-rank update",
    "A goes from the layer's inputs down to r numbers, B from these up to its outputs. Before the first step nothing "
    "may have changed, and yet something must be able to learn.",
    "begin: `torch.randn(rank, weight.shape[1])` and `torch.zeros(len(weight), rank)`. updated: "
    "`weight + alpha / len(A) * B @ A`.",
)
def low_rank(begin: Callable[[Tensor, int], Any], updated: Callable[[Tensor, Tensor, Tensor, float], Any]) -> str:
    """`begin(weight, rank)` -> A, B; `updated(weight, A, B, alpha)` -> the weight with its update."""
    cases = _updated_cases()
    for weight, down, up, alpha in cases:
        kept = weight.clone()
        given = numbers(ask(updated, weight, down.clone(), up.clone(), alpha), "The weight")
        expect(torch.equal(weight, kept), "The base weight was changed in place. Other voices need it as it was.")
        _check_update(given, weight, down, up, alpha)
    _check_beginning(begin, cases[1][0])
    return "The same as `gsv_lab.inference.adapters.merge`. After tuning, W' is a plain weight: nothing gets slower."


def _check_update(given: Tensor, weight: Tensor, down: Tensor, up: Tensor, alpha: float) -> None:
    """A `Hint` for a known mistake in an updated weight."""
    product, rank = up @ down, len(down)
    transposed = "Transposed: that is the update of the layer turned round. B A, not (B A)ᵀ."
    mistakes: list[tuple[Tensor, str]] = [
        (product, "Unscaled, and W itself is gone. W' is W plus something."),
        (alpha / rank * product, "That is the update alone. The layer still needs its W."),
        (weight + product, "Unscaled: the factor alpha / r is missing, so that another r needs another learning rate."),
        (weight + alpha * product, "Scaled by alpha alone. Divide by r: twice the rank should not be twice the step."),
        (weight + rank / alpha * product, "The factor is upside down: alpha / r."),
        (weight, "Nothing changed. Where is B A?"),
        (weight - alpha / rank * product, "The sign: the update is added."),
        (weight + alpha / rank * up.sum(1, keepdim=True) * down.sum(0), "Summed over r first, which leaves rank one."),
    ]
    if weight.shape[0] == weight.shape[1]:
        mistakes.append((weight + alpha / rank * product.T, transposed))
    for wrong, hint in mistakes:
        expect(given.shape != wrong.shape or not torch.allclose(given, wrong, atol=1e-5), hint)
    expect(given.shape == weight.shape, f"W' must have the shape of W, {tuple(weight.shape)}; is B before A?")
    right = torch.allclose(given, _merged(weight, down, up, alpha), atol=1e-5)
    expect(right, "Not W + alpha / r B A. Write it in this order.")


def _check_beginning(begin: Callable[[Tensor, int], Any], weight: Tensor) -> None:
    """A `Hint` for a known mistake in how the update starts."""
    rank, (out, inside) = 2, weight.shape
    pair = ask(begin, weight.clone(), rank)
    expect(isinstance(pair, list | tuple) and len(pair) == 2, "begin gives two tensors: A, B.")
    down, up = (numbers(part, name) for part, name in zip(pair, "AB", strict=True))
    shapes = (tuple(down.shape), tuple(up.shape))
    wanted = ((rank, inside), (out, rank))
    expect(shapes != wanted[::-1], "B, A: the other way round, please.")
    turned = f"A and B are transposed. For a weight (out, in) A is (r, in), here {wanted[0]}, and B (out, r)."
    expect(shapes != tuple(shape[::-1] for shape in wanted), turned)
    expect(shapes == wanted, f"A is {shapes[0]} and B {shapes[1]}; they should be {wanted[0]} and {wanted[1]}.")
    zero = not down.any(), not up.any()
    expect(zero != (True, True), "A and B are both zero: then so are the gradients of both, and nothing ever learns.")
    expect(zero != (True, False), "A is zero and B is not. It works, but peft, the paper and its rates have B zero.")
    expect(zero[1], "B is not zero at the start: the voice is another one before it has heard anybody.")
    alike = "The rows of A are alike. They would get alike gradients for ever, a rank of one. Draw them at random."
    expect(int(torch.linalg.matrix_rank(down)) == rank, alike)


@exercise(
    "When to stop",
    "Steps are chosen by clips that nothing was learnt from. But their loss wobbles by about `margin`, so which of the "
    "steps near the lowest is the cheapest?",
    "lowest = min(loss for step, loss in held_out); then the first step whose loss is at most lowest + margin.",
)
def stopped(answer: Callable[[Curve, Curve, float], Any]) -> str:
    """`stop(trained, held_out, margin)`: (step, loss) pairs of both, the margin -> a step of `held_out`."""
    held = [(20, 0.708), (40, 0.69), (60, 0.712), (80, 0.68), (100, 0.668), (120, 0.674), (140, 0.66), (160, 0.671),
            (180, 0.69), (200, 0.70)]  # fmt: skip
    trained = [(5 * n, 0.9 - 0.003 * n + 0.05 * (n % 7 == 3) - 0.4 * (n == 38)) for n in range(1, 41)]
    cases: list[tuple[Curve, Curve, float]] = [(trained, held, 0.01), (trained, held, 0.025)]
    given = [_step(ask(answer, [*case[0]], [*case[1]], case[2])) for case in cases]

    def lowest(pairs: Curve) -> tuple[int, float]:
        return min(pairs, key=lambda pair: pair[1])

    near = [[pair for pair in case[1] if pair[1] <= lowest(case[1])[1] + case[2]] for case in cases]
    mistakes: list[tuple[Any, str]] = [
        ([lowest(case[0])[0] for case in cases], "The lowest *training* loss: it says how well the clips are known "
         "that are learnt from, and goes on falling while the voice gets worse."),
        ([case[1][-1][0] for case in cases], "The last step is where the budget ended. Nobody looked at a loss."),
        ([lowest(case[1])[0] for case in cases], "The very lowest held-out loss. Within the margin that is luck: an "
         "earlier step is as good, and has forgotten less."),
        ([case[1].index(rows[0]) for case, rows in zip(cases, near, strict=True)], "That is a place in the list. The "
         "step is the first number of the pair."),
        ([rows[0][1] for rows in near], "That is a loss. At which step?"),
        ([rows[-1][0] for rows in near], "The latest of the good ones. All are equally good, so take the cheapest."),
        ([_relative(*case[1:]) for case in cases], "The margin is in nat, not a share of the loss: lowest + margin."),
        ([40, 40], "You stopped where the loss rose for the first time. Held-out losses wobble."),
        ([case[1][0][0] for case in cases], "The first step of all."),
        ([lowest([(step, -loss) for step, loss in case[1]])[0] for case in cases], "The *highest* held-out loss."),
    ]  # fmt: skip
    for wrong, hint in mistakes:
        expect(given != wrong, hint)
    wanted = [kit.stop(*case) for case in cases]
    expect(given == wanted, f"With a margin of 0.01 it should be step {wanted[0]}, and yours is {given[0]:g}.")
    return "Early enough to have forgotten little, late enough to have learnt what the held-out clips can tell."


def _relative(held_out: Curve, margin: float) -> int:
    lowest = min(loss for _, loss in held_out)
    return next(step for step, loss in held_out if loss <= lowest * (1 + margin))


def _step(value: Any) -> float:
    return number(value, "One number is asked for: the step.")


@exercise(
    "Three patients",
    "Look at two gaps: how far the held-out loss lies above the training loss, and how far the first steps lie above "
    "those of the healthy run.",
    "A leak: both fall together. A rate too high: losses jump up in the first steps, and come down late. A repeater: "
    "training falls and falls, while the held-out loss turns and climbs.",
)
def diagnosed(answer: Mapping[str, str]) -> str:
    """Which of `DIAGNOSES` each of the runs A, B, C has."""
    shaped = isinstance(answer, Mapping) and set(answer) == set(PATIENTS)
    expect(shaped, 'A dictionary, as {"A": "leak", "B": ..., "C": ...}.')
    said = {letter: named(answer[letter], DIAGNOSES) for letter in PATIENTS}
    expect(len(set(said.values())) == len(PATIENTS), "Each has an illness of its own: no diagnosis fits twice.")
    off = {letter: name for letter, name in said.items() if name != PATIENTS[letter]}
    hints = {
        frozenset(("leak", "repeater")): "A leak and a repeater are taken for each other. Both know their training "
        "clips by heart; only one of them is *caught* at it by the held-out clips.",
        frozenset(("leak", "rate too high")): "The leak and the high rate are taken for each other. Which of them "
        "looks better than any honest run?",
        frozenset(("rate too high", "repeater")): "The high rate and the repeater are taken for each other. Whose "
        "held-out loss begins high and comes down, and whose climbs after it has fallen?",
    }
    mixed = frozenset(off.values())
    expect(mixed not in hints, hints.get(mixed, ""))
    expect(not off, "None is right, they went round in a circle. Begin with the run whose two losses fall together.")
    return "A leak is the worst: its curves are the most beautiful, and only somebody who checks the data finds it."
