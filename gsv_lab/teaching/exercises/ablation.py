"""Checks of notebook 08, "Break it on purpose".

Letters: H heads, S steps, D width. Each check takes the answer, and draws a card; `.card(...)` gives the card alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor

from gsv_lab.hooks.record import Records
from gsv_lab.teaching.exercises.card import ask, exercise, expect, expect_shape


@exercise("What is there, but not when")
def averaged(answer: Callable[[Tensor, int], Tensor]) -> str:
    """`averaged(x, axis)`: any tensor -> the same shape, along one axis nothing but the mean."""
    x = torch.randn(2, 3, 5, 4, generator=torch.Generator().manual_seed(0))
    before = x.clone()
    found = torch.as_tensor(ask(answer, x, 2))
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
    twice = torch.as_tensor(ask(answer, before[0], 0))
    right = before[0].mean(0, keepdim=True).expand(3, 5, 4)
    expect(twice.shape == right.shape and torch.allclose(twice, right, atol=1e-6), "It only works for axis 2.")
    return "The model gets a usual value; zero may be one that it never met."


@exercise("How much was lost?")
def share_lost(answer: Callable[[float, float, float], Any]) -> str:
    """`share_lost(clean, broken, nothing)`: three losses -> 0 for no harm, 1 for as bad as knowing nothing."""
    cases = ((3.0, 3.0, 6.0, 0.0), (3.0, 6.0, 6.0, 1.0), (2.0, 3.0, 6.0, 0.25), (4.0, 3.5, 6.0, -0.25))
    given = [float(ask(answer, clean, broken, nothing)) for clean, broken, nothing, _ in cases]
    right = [share for *_, share in cases]

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
    assert is_like(lambda c, b, n: (b - c) / (n - c)) and right
    return "Now losses of different models and texts compare."


_COSTS = ((0.40, -0.05, 0.85), (0.10, 0.06, 0.14), (-0.20, -0.30, -0.10), (0.25, 0.15, 0.35), (0.00, -0.02, 0.02),
          (0.12, 0.01, 0.23))  # fmt: skip
_ROWS = [{"head": n, "nats": c, "nats_low": low, "nats_high": high} for n, (c, low, high) in enumerate(_COSTS)]


@exercise("Heads that matter")
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
    return "Of 24 heads, one in 40 or so will pass by chance alone. The intervals do not change that."


@exercise("One, the other, and both")
def interplay(answer: Callable[[float, float, float, float], Any]) -> str:
    """`interplay(clean, without_a, without_b, without_both)`: by how much both cost more than each alone, added."""
    cases = ((3.0, 3.0, 3.0, 4.5, 1.5), (3.0, 3.4, 3.2, 3.6, 0.0), (2.0, 3.0, 3.0, 3.0, -1.0))
    given = [float(ask(answer, *case[:4])) for case in cases]

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


@exercise("Give it back")
def given_back(clean: Records, broken: Records, repaired: Records) -> str:
    """Records of two taps in three runs: clean, broken at the first, and broken but with the second given back."""
    first, second = clean
    nothing = f"Nothing is given back yet: add an edit of {second} to the list."
    expect(not torch.equal(broken[second].value, repaired[second].value), nothing)
    healed = f"{first} is whole again: it was to stay broken, and only the second was to be given back."
    expect(not torch.equal(clean[first].value, repaired[first].value), healed)
    expect(torch.equal(broken[first].value, repaired[first].value), f"{first} is broken in another way than before.")
    zeros = f"{second} is zero now, which breaks more. `patch_from` puts in what it was in another run."
    expect(bool(repaired[second].value.any()), zeros)
    other = f"{second} is neither what it was clean nor broken. Hand the records of the clean run to `patch_from`."
    expect(torch.allclose(clean[second].value, repaired[second].value), other)
    return "What comes back with it passes this tap; what is still lost passes elsewhere."
