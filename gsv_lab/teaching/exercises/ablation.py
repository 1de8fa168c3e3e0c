"""Checks of notebook 08, "Break it on purpose".

Letters: H heads, S steps, D width. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gsv_lab.evaluation.ablation import HeadGrid
from gsv_lab.hooks.record import Records
from gsv_lab.teaching.exercises.answers import numbers
from gsv_lab.teaching.exercises.breaking import layer_of
from gsv_lab.teaching.exercises.card import STILL_OPEN, ask, exercise, expect, expect_shape, number

_ONE = "One number is asked for."


@exercise(
    "What is there, but not when",
    "A mean shortens an axis. Keep it with length 1 (keepdim=True), then spread it to the old shape.",
    "x.mean(axis, keepdim=True).expand_as(x)",
)
def averaged(answer: Callable[[Tensor, int], Tensor]) -> str:
    """`averaged(x, axis)`: any tensor -> the same shape, along one axis nothing but the mean."""
    x = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    before = x.clone()
    found = numbers(ask(answer, x, 2))
    expect(torch.equal(x, before), "The tensor that you were handed is changed itself. Others may still need it.")
    mean = before.mean(2, keepdim=True)
    expect(tuple(found.shape) != (2, 3, 4), "The axis is gone. An edit must leave the shape: keepdim, then expand_as.")
    expect(tuple(found.shape) != (2, 3, 1, 4), "Nearly: the axis has length 1 now. Spread the mean out again.")
    expect_shape(found, (2, 3, 5, 4), "The edited tensor")
    expect(not torch.equal(found, before), "Nothing was changed.")
    expect(not torch.allclose(found, torch.zeros(())), "Those are zeros: that removes what is always there as well.")
    whole = "One number for everything. Only along the axis that was named should differences vanish."
    expect(not torch.allclose(found, before.mean().expand_as(before)), whole)
    other = [n for n in (0, 1, 3) if torch.allclose(found, before.mean(n, keepdim=True).expand_as(before), atol=1e-6)]
    expect(not other, f"Averaged along axis {other[:1]}, and axis 2 was asked for.")
    expect(not torch.allclose(found, before - mean, atol=1e-6), "You kept what differs and removed the mean.")
    expect(torch.allclose(found, mean.expand_as(before), atol=1e-6), "Along axis 2 every entry should be the mean.")
    twice = numbers(ask(answer, before[0], 0))
    right = before[0].mean(0, keepdim=True).expand(3, 5, 4)
    expect(twice.shape == right.shape and torch.allclose(twice, right, atol=1e-6), "It only works for axis 2.")
    return "The model gets a usual value; zero may be one that it never met."


@exercise(
    "How much was lost?",
    "Move the scale so that clean becomes 0, then stretch it so that nothing becomes 1.",
    "(broken - clean) over (nothing - clean).",
)
def share_lost(answer: Callable[[float, float, float], Any]) -> str:
    """`share_lost(clean, broken, nothing)`: three losses -> 0 for no harm, 1 for as bad as knowing nothing."""
    cases = ((3.0, 3.0, 6.0, 0.0), (3.0, 6.0, 6.0, 1.0), (2.0, 3.0, 6.0, 0.25), (4.0, 3.5, 6.0, -0.25))
    given = [number(ask(answer, *losses), _ONE) for *losses, _ in cases]

    def is_like(rule: Callable[[float, float, float], float]) -> bool:
        return all(math.isclose(g, rule(*case[:3]), abs_tol=1e-6) for g, case in zip(given, cases, strict=True))

    expect(not is_like(lambda c, b, n: b - c), "Those are nats. Which part is that of all that could be lost?")
    expect(not is_like(lambda c, b, n: (b - c) / c), "Compared with the clean loss, knowing nothing would not be 1.")
    expect(not is_like(lambda c, b, n: b / n), "An unbroken model should give 0: start counting at the clean loss.")
    expect(not is_like(lambda c, b, n: (n - b) / (n - c)), "That is what is left: 1 for no harm.")
    expect(not is_like(lambda c, b, n: (c - b) / (n - c)), "The sign: a higher loss is harm.")
    cut = "Some breaks help: a loss that falls is below 0, and worth knowing. Do not cut it off."
    expect(not is_like(lambda c, b, n: max(0.0, (b - c) / (n - c))), cut)
    for (clean, broken, nothing, share), g in zip(cases, given, strict=True):
        hint = f"From {clean} to {broken}, where knowing nothing is {nothing}: {share:g}, yours is {g:g}."
        expect(math.isclose(g, share, abs_tol=1e-6), hint)
    return "Now losses of different models and texts compare."


_COSTS = ((0.40, -0.05, 0.85), (0.10, 0.06, 0.14), (-0.20, -0.30, -0.10), (0.25, 0.15, 0.35), (0.00, -0.02, 0.02),
          (0.12, 0.01, 0.23))  # fmt: skip
_ROWS = [{"head": n, "nats": c, "nats_low": low, "nats_high": high} for n, (c, low, high) in enumerate(_COSTS)]


@exercise(
    "Heads that matter",
    "Two steps: keep the rows whose lower end lies above 0, then sort what is left.",
    "sure = [row for row in rows if row['nats_low'] > 0]; then sorted(sure, key=lambda row: -row['nats']).",
)
def worth(answer: Callable[[Sequence[dict[str, Any]]], Sequence[int]]) -> str:
    """`worth(rows)`: cost of each head with its interval -> numbers of the heads that surely cost, dearest first."""
    found = [int(head) for head in ask(answer, [dict(row) for row in _ROWS])]
    expect(set(found) <= set(range(6)), "Give the numbers of the heads, row['head'].")
    expect(found != [0, 3, 5, 1, 4, 2], "All six, sorted. Which of them *surely* cost something?")
    chance = "Head 0 has the highest cost, and yet its interval reaches below 0: that could be chance."
    expect(0 not in found, chance)
    expect(2 not in found, "Without head 2 the loss *falls*, surely so. That is no cost.")
    expect(4 not in found, "Head 4 costs nothing that differs from 0 beyond chance.")
    missing = [head for head in (3, 5, 1) if head not in found]
    expect(not missing, f"Head {missing[:1]} is missing: its whole interval lies above 0.")
    expect(found != [1, 5, 3], "The dearest first: the other way round.")
    expect(found == [3, 5, 1], f"By cost: 0.25, 0.12, 0.10. Yours is in the order {found}.")
    return "Of 40 heads that do nothing, about one passes by chance alone. Intervals do not change that."


@exercise(
    "One, the other, and both",
    "Three costs, each a loss minus clean: of A, of B, of both. Take the first two from the third.",
    "(without_both - clean) - (without_a - clean) - (without_b - clean).",
)
def interplay(answer: Callable[[float, float, float, float], Any]) -> str:
    """`interplay(clean, without_a, without_b, without_both)`: by how much both cost more than each alone, added."""
    cases = ((3.0, 3.0, 3.0, 4.5, 1.5), (3.0, 3.4, 3.2, 3.6, 0.0), (2.0, 3.0, 3.0, 3.0, -1.0))
    given = [number(ask(answer, *losses), _ONE) for *losses, _ in cases]

    def is_like(rule: Callable[[float, float, float, float], float]) -> bool:
        return all(math.isclose(g, rule(*case[:4]), abs_tol=1e-6) for g, case in zip(given, cases, strict=True))

    expect(
        not is_like(lambda c, a, b, ab: ab - c),
        "That is what both cost. How much of it did each cost alone?",
    )
    expect(not is_like(lambda c, a, b, ab: ab - a - b), "The clean loss was taken off twice, and should be once.")
    expect(not is_like(lambda c, a, b, ab: ab - max(a, b)), "Costs add up; do not compare with the worse one only.")
    expect(not is_like(lambda c, a, b, ab: a + b - ab - c), "The sign: above 0 if both together are worse.")
    expect(not is_like(lambda c, a, b, ab: abs(ab - a - b + c)), "The sign says which of the two cases it is: keep it.")
    for (*losses, right), g in zip(cases, given, strict=True):
        expect(math.isclose(g, right, abs_tol=1e-6), f"For {losses} it is {right:g}, yours is {g:g}.")
    return "Above 0: one stands in for the other. Below 0: they work in a row, and one break is enough."


@exercise(
    "Give it back",
    "A second edit in the same list: its target is the later tap, its source are the records of the clean run.",
    "edits += [patch_from(taps[1], whole)]",
)
def given_back(clean: Records, broken: Records, repaired: Records) -> str:
    """Records of two taps in three runs: clean, broken at the first, and broken but with the second given back."""
    first, second = clean
    nothing = f"{STILL_OPEN}nothing is given back yet. Add an edit of {second} to the list."
    expect(not torch.equal(broken[second].value, repaired[second].value), nothing)
    healed = f"{first} is whole again: it was to stay broken, and only the second was to be given back."
    expect(not torch.equal(clean[first].value, repaired[first].value), healed)
    expect(torch.equal(broken[first].value, repaired[first].value), f"{first} is broken in another way than before.")
    zeros = f"{second} is zero now, which breaks more. `patch_from` puts in what it was in another run."
    expect(bool(repaired[second].value.any()), zeros)
    other = f"{second} is neither what it was clean nor broken. Hand the records of the clean run to `patch_from`."
    expect(torch.allclose(clean[second].value, repaired[second].value), other)
    return "What comes back with it passes this tap; what is still lost passes elsewhere."


@exercise(
    "Which head is the dearest?",
    "Look for a bright line from the upper left to the lower right: a head that moves on in the text as codes go on.",
    "It is in layer 1, and one head there has a far sharper line than its neighbours.",
)
def dearest(prediction: str, grid: HeadGrid) -> str:
    """A prediction, layer.head as in "0.3", before the grid is seen; the grid of all heads."""
    rows = {f"{layer_of(row['tap'])}.{row['head']}": row for row in grid.rows}
    said = str(prediction).strip().replace(",", ".").replace(" ", "")
    expect(said in rows, f"{prediction!r} is no head. Write layer.head, such as {next(iter(rows))}.")
    ranked = sorted(rows, key=lambda name: -rows[name]["nats"])
    place = ranked.index(said)
    cost, low, high = (rows[said][key] for key in ("nats", "nats_low", "nats_high"))
    harmless = (
        f"Without {said} the loss changes by {cost:+.3f} nats, from {low:+.3f} to {high:+.3f}: that could be nothing."
    )
    expect(not low <= 0 <= high, harmless)
    expect(place > len(ranked) // 2 or cost > 0, f"Without {said} the loss falls by {-cost:.3f} nats.")
    other = f"{said} costs {cost:+.3f} nats, which is number {place + 1} of {len(ranked)}. Another costs more."
    expect(place == 0, other)
    second = rows[ranked[1]]["nats"]
    return f"{cost:+.2f} nats, from {low:+.2f} to {high:+.2f}; the next one, {ranked[1]}, costs {second:+.2f}."


@exercise(
    "What did the patch bring back?",
    "The whole way leads from broken down to clean. Which part of it is done when the loss is patched?",
    "(broken - patched) over (broken - clean).",
)
def brought_back(answer: Callable[[float, float, float], Any]) -> str:
    """`brought_back(clean, broken, patched)`: three losses -> 0 for a patch without effect, 1 for a whole repair."""
    cases = ((2.0, 4.0, 4.0, 0.0), (2.0, 4.0, 2.0, 1.0), (2.0, 6.0, 5.0, 0.25), (1.0, 2.0, 2.5, -0.5))
    given = [number(ask(answer, *losses), _ONE) for *losses, _ in cases]

    def is_like(rule: Callable[[float, float, float], float]) -> bool:
        return all(math.isclose(g, rule(*case[:3]), abs_tol=1e-6) for g, case in zip(given, cases, strict=True))

    expect(not is_like(lambda c, b, p: b - p), "Those are nats. Which part is that of all that was broken?")
    left = "That is what is still lost: 1 for a patch without effect. Count what came back."
    expect(not is_like(lambda c, b, p: (p - c) / (b - c)), left)
    expect(not is_like(lambda c, b, p: (p - b) / (b - c)), "The sign: a loss that falls is something that came back.")
    expect(not is_like(lambda c, b, p: (b - p) / b), "Compared with the broken loss, a whole repair would not be 1.")
    cut = "A patch can make it worse, and that is worth knowing: do not cut off what is below 0."
    expect(not is_like(lambda c, b, p: max(0.0, (b - p) / (b - c))), cut)
    for (*losses, share), g in zip(cases, given, strict=True):
        expect(
            math.isclose(g, share, abs_tol=1e-6),
            f"For clean, broken, patched {losses} it is {share:g}, yours is {g:g}.",
        )
    return "Now patches at different places compare, as shares of one and the same damage."


@exercise(
    "Stretch: how few heads are enough?",
    "One head is taken at a time, and after each the costs of the others are asked for again: they have changed.",
    "While heads are left: best = min(rest, key=lambda h: cost([*gone, h])); stop if that cost is above the limit.",
)
def prune(answer: Callable[[Sequence[Any], Callable[[Sequence[Any]], float], float], Any]) -> str:
    """`prune(heads, cost, limit)`: names, what the loss of a list of them costs, the most that may be lost -> the heads
    that go, in the order in which they go: always the one after whose loss the cost is least.
    """
    alone = {"a": 0.0, "b": 0.0, "c": 0.3, "d": 0.1, "e": 1.0}
    asked: list[tuple[str, ...]] = []

    def cost(gone: Sequence[str]) -> float:
        asked.append(tuple(gone))
        return sum(alone[name] for name in gone) + (0.9 if {"a", "b"} <= set(gone) else 0.0)

    found = [str(name) for name in ask(answer, list(alone), cost, 0.5)]
    twice = "The same head stood twice in a list whose cost was asked for."
    expect(all(len(set(gone)) == len(gone) for gone in asked), twice)
    expect(set(found) <= set(alone), f"{sorted(set(found) - set(alone))} are no heads.")
    expect(len(set(found)) == len(found), "A head can go only once.")
    expect(asked, "The costs were never asked for: cost([...]) says what the loss of a list of heads costs.")
    both = "a and b cost nothing alone, but 0.9 together: one stands in for the other. Ask again after each loss."
    expect(not {"a", "b"} <= set(found), both)
    total = cost(found)
    expect(total <= 0.5, f"The loss of {found} costs {total:.1f}, and 0.5 was the limit.")
    expect("e" not in found, "e alone costs 1.")
    expect(len(found) > 1, f"After {found} others could still go within the limit.")
    expect(found[0] in "ab", f"{found[0]} went first, though a costs nothing.")
    expect(len(found) == 3, f"After {found} another could still go: c and d cost 0.3 and 0.1.")
    expect(found[1:] == ["d", "c"], f"The cheapest first: d costs less than c, and yours go in the order {found}.")
    return "What is left is a circuit: enough for this loss on these clips, and not the only one that would be."
