"""Checks of notebook 03, "A codebook of speech".

Letters: N vectors, D width, K codes. Each check takes the answer, and draws a card; `.card(...)` gives the card alone.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gsv_lab.teaching.exercises.card import ask, exercise, expect, expect_shape


@exercise("The nearest code")
def nearest(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """`nearest(vectors, table)`: (N, D), (K, D) -> (N,) numbers of the nearest rows of the table."""
    random = torch.Generator().manual_seed(0)
    vectors = torch.randn(40, 3, generator=random)
    table = torch.randn(6, 3, generator=random) * torch.tensor([0.3, 3.0, 1.0, 1.0, 0.5, 2.0])[:, None]
    distance = torch.cdist(vectors, table)
    right = distance.argmin(1)
    found = torch.as_tensor(ask(answer, vectors, table))
    expect(tuple(found.shape) != (6,), "One answer a code. Asked is one answer a vector: search along the other axis.")
    expect(tuple(found.shape) != (40, 3), "Those are vectors. Asked are the numbers of their codes.")
    expect(tuple(found.shape) != (40, 6), "Those are the distances to all codes. Which one is the smallest?")
    expect_shape(found, (40,), "The codes of 40 vectors")
    expect(not found.is_floating_point(), "Those are distances. Where does the smallest one stand? A whole number.")
    expect(not torch.equal(found, distance.argmax(1)), "Those are the farthest codes.")
    product = "The largest product is not the smallest distance: long codes would win everything."
    expect(not torch.equal(found, (vectors @ table.T).argmax(1)), product)
    wrong = int((found != right).sum())
    expect(wrong == 0, f"{wrong} of 40 vectors have a nearer code than the one you gave.")
    return "|x − e|² = |x|² − 2 x·e + |e|²: the kit computes it so, with one matrix product."


_USES = ([0, 1, 2, 3], [5, 5, 5, 5], [0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 0, 1, 2, 3])


@exercise("Perplexity")
def perplexity(answer: Callable[[Tensor, int], Any]) -> str:
    """`perplexity(codes, n_codes)`: how many codes are really in use."""
    entropies, given = [], []
    for uses in _USES:
        share = torch.bincount(torch.tensor(uses), minlength=8) / len(uses)
        entropies.append(float(torch.special.entr(share.double()).sum()))
        given.append(float(ask(answer, torch.tensor(uses), 8)))
    expect(not any(math.isnan(g) for g in given), "NaN: codes that are never used give 0 · log 0. Leave them out.")

    def looks_like(others: list[float]) -> bool:
        return all(math.isclose(g, o, rel_tol=1e-3, abs_tol=1e-3) for g, o in zip(given, others, strict=True))

    expect(not looks_like(entropies), "That is the entropy in nats. One step is missing to a number of codes.")
    bits = [e / math.log(2) for e in entropies]
    expect(not looks_like(bits), "That is the entropy in bits. One step is missing to a number of codes.")
    mixed = "Bits and nats are mixed: exp belongs to log, 2 ** belongs to log2."
    expect(not looks_like([2**e for e in entropies]) and not looks_like([math.exp(b) for b in bits]), mixed)
    expect(not looks_like([math.exp(-e) for e in entropies]), "One over it: the entropy has a minus before the sum.")
    used = "That counts the codes that occur. One that occurs once in a thousand should count for less."
    expect(not looks_like([float(len(set(u))) for u in _USES]), used)
    for uses, g, e in zip(_USES, given, entropies, strict=True):
        expect(math.isclose(g, math.exp(e), rel_tol=1e-3), f"For {uses} it is {math.exp(e):.2f}, yours says {g:.2f}.")
    return "As many codes, all used alike, would be as hard to guess."


@exercise("Straight through")
def straight_through(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """`straight_through(x, rounded)`: the value of `rounded`, the gradient of `x`."""
    x = torch.tensor([0.2, 1.7, -0.6], requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 3.0])
    found = ask(answer, x, torch.round(x))
    expect_shape(found, (3,), "The result")
    expect(not torch.allclose(found, x), "What goes on is x itself: nothing was rounded.")
    value = f"The value should be {torch.round(x).tolist()}, yours is {found.tolist()}."
    expect(torch.allclose(found, torch.round(x)), value)
    expect(found.requires_grad, "No gradient can come back at all. Something of x has to stay in the result.")
    (found * weights).sum().backward()
    gradient = torch.zeros(3) if x.grad is None else x.grad
    flat = "The value is right, but the gradient is zero: as with rounding alone, x never learns."
    is_sum = found.grad_fn is not None and "Round" not in found.grad_fn.name()
    detach = " Twice x with opposite signs cancels. Which bracket should be detached?" if is_sum else ""
    expect(bool(gradient.any()), flat + detach)
    right = f"The gradient of x should be {weights.tolist()}, as without rounding; yours is {gradient.tolist()}."
    expect(torch.allclose(gradient, weights), right)
    return "The gradient is not the true one, but it works: the step is small, and the nearest code rarely changes."


@exercise("Reviving dead codes")
def revive(answer: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> str:
    """`revive(table, counts, vectors, below)`: a new table, codes used less than `below` replaced by vectors."""
    random = torch.Generator().manual_seed(1)
    table, vectors = torch.randn(8, 4, generator=random), 5 + torch.randn(50, 4, generator=random)
    counts = torch.tensor([9.0, 0.0, 3.0, 0.2, 7.0, 0.0, 1.5, 4.0])
    before, dead = table.clone(), counts < 1.0
    found = ask(answer, table, counts, vectors, 1.0)
    expect(torch.equal(table, before), "The table that you were handed is changed itself. Work on table.clone().")
    expect_shape(found, (8, 4), "The new table")
    expect(not torch.equal(found, table), "Nothing was revived: codes 1, 3 and 5 are used less than once.")
    expect(torch.equal(found[~dead], table[~dead]), "A living code was moved. Dead are only counts below the limit.")
    moved = (found != table).any(1)
    expect(bool(moved[dead].all()), "Some dead codes are left: 0.2 uses a step is less than 1, too.")
    new = found[dead]
    known = (new[:, None] == vectors[None]).all(-1).any(1)
    mean = "All of them went to the mean of the data, where the next step sees no difference between them."
    expect(not torch.allclose(new, vectors.mean(0).expand_as(new)), mean)
    expect(bool(known.all()), "A revived code should be one of the vectors, so that at least that one will choose it.")
    same = "Dead codes became the same vector: one of them will win, the others die again."
    expect(len(torch.unique(new, dim=0)) == len(new), same)
    return "A code that nothing chooses learns nothing; beside real data it gets another chance."
