"""Checks of notebook 03, "A codebook of speech".

Letters: N vectors, D width, K codes. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from gsv_lab.teaching.exercises import live
from gsv_lab.teaching.exercises.answers import named, numbers
from gsv_lab.teaching.exercises.card import ask, exercise, expect, expect_shape, number


def tensors(answer: Callable[..., Any], names: str, *arguments: Any) -> tuple[Tensor, ...]:
    """What a function with several results gives, each as a tensor.

    Raises:
        Hint: not as many results as `names`, words with commas between them, says.
    """
    given = ask(answer, *arguments)
    wanted = f"Return {names.count(',') + 1} things in this order: {names}."
    expect(isinstance(given, tuple | list) and len(given) == names.count(",") + 1, wanted)
    return tuple(numbers(value, f"Each of {names}") for value in given)


def is_near(one: Tensor, other: Tensor) -> bool:
    """Whether two tensors have one shape and the same values, whatever their type."""
    return one.shape == other.shape and torch.allclose(one.double(), other.double(), atol=1e-4)


@exercise(
    "The nearest code",
    "You need the distance of every vector to every row, (N, K), and then a minimum along one of its axes.",
    "torch.cdist gives all distances at once; argmin(dim=1) says where each row is smallest.",
)
def nearest(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """`nearest(vectors, table)`: (N, D), (K, D) -> (N,) numbers of the nearest rows of the table."""
    random = torch.Generator().manual_seed(0)
    vectors = torch.randn(40, 3, generator=random)
    table = torch.randn(6, 3, generator=random) * torch.tensor([0.3, 3.0, 1.0, 1.0, 0.5, 2.0])[:, None]
    distance = torch.cdist(vectors, table)
    right = distance.argmin(1)
    found = numbers(ask(answer, vectors, table))
    expect(tuple(found.shape) != (40, 1), "Nearly: (40, 1) has one axis too many. One number a vector is (40,).")
    expect(tuple(found.shape) != (6,), "One answer a code. Asked is one answer a vector: search along the other axis.")
    expect(tuple(found.shape) != (40, 3), "Those are vectors. Asked are the numbers of their codes.")
    expect(tuple(found.shape) != (40, 6), "Those are the distances to all codes. Which one is the smallest?")
    expect_shape(found, (40,), "The codes of 40 vectors")
    whole = bool((found == found.round()).all())
    expect(whole, "Those are distances. Where does the smallest one stand? A whole number.")
    expect(not torch.equal(found.long(), distance.argmax(1)), "Those are the farthest codes.")
    product = "The largest product is not the smallest distance: long codes would win everything."
    expect(not torch.equal(found.long(), (vectors @ table.T).argmax(1)), product)
    wrong = int((found != right).sum())
    expect(wrong == 0, f"{wrong} of 40 vectors have a nearer code than the one you gave.")
    return "|x − e|² = |x|² − 2 x·e + |e|²: the kit computes it so, with one matrix product."


_USES = ([0, 1, 2, 3], [5, 5, 5, 5], [0, 0, 1, 1], [0, 0, 0, 0, 0, 0, 0, 1, 2, 3])


@exercise(
    "Perplexity",
    "First the share of each code among all tokens, then the entropy of these shares, then its exponential.",
    "torch.bincount counts; leave out shares of 0; exp(-sum(p * log p)).",
)
def perplexity(answer: Callable[[Tensor, int], Any]) -> str:
    """`perplexity(codes, n_codes)`: how many codes are really in use."""
    entropies, given = [], []
    for uses in _USES:
        share = torch.bincount(torch.tensor(uses), minlength=8) / len(uses)
        entropies.append(float(torch.special.entr(share.double()).sum()))
        given.append(number(ask(answer, torch.tensor(uses), 8), "One number is asked for."))
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


@exercise(
    "Straight through",
    "Write the result as x plus a difference. Which part of it should have a gradient, and which none?",
    "The difference (rounded - x) gives the value. Detach it as a whole.",
)
def straight_through(answer: Callable[[Tensor, Tensor], Tensor]) -> str:
    """`straight_through(x, rounded)`: the value of `rounded`, the gradient of `x`."""
    x = torch.tensor([0.2, 1.7, -0.6], requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 3.0])
    found = ask(answer, x, torch.round(x))
    expect(isinstance(found, Tensor), "A gradient needs a tensor: stay in torch.")
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


@exercise(
    "Follow the data",
    "Two averages go on side by side: how many vectors chose each row, and the sum of those vectors. Both keep `decay` "
    "of the old value.",
    "torch.bincount(codes, minlength=len(counts)) counts; torch.zeros_like(sums).index_add_(0, codes, vectors) sums. "
    "Then decay * old + (1 - decay) * new, for each.",
)
def follow(answer: Callable[[Tensor, Tensor, Tensor, Tensor, float], Any]) -> str:
    """`follow(counts, sums, vectors, codes, decay)`: (K,), (K, D), (N, D), (N,) -> new counts (K,), sums (K, D)."""
    random = torch.Generator().manual_seed(2)
    vectors, codes = torch.randn(9, 3, generator=random), torch.tensor([0, 2, 2, 0, 3, 2, 0, 0, 3])
    counts, sums, decay = torch.tensor([2.0, 1.0, 4.0, 3.0]), torch.randn(4, 3, generator=random), 0.75
    old_counts, old_sums = counts.clone(), sums.clone()
    new_counts, new_sums = tensors(answer, "counts, sums", counts, sums, vectors, codes, decay)
    kept = torch.equal(counts, old_counts) and torch.equal(sums, old_sums)
    expect(kept, "The averages that you were handed are changed themselves. Make new ones.")
    swapped = new_counts.shape == (4, 3) and new_sums.shape == (4,)
    expect(not swapped, "They come in the other order: counts first, then sums.")
    expect_shape(new_counts, (4,), "The new counts")
    expect_shape(new_sums, (4, 3), "The new sums")
    right_counts, right_sums = live.follow(counts, sums, vectors, codes, decay)
    other_counts, other_sums = live.follow(counts, sums, vectors, codes, 1 - decay)
    swap = "Decay is what is kept of the old: 0.75 old and 0.25 new, yours has it the other way round."
    expect(not is_near(new_counts, other_counts) and not is_near(new_sums, other_sums), swap)
    fresh = "Those are the counts of this step alone. The average keeps most of the old ones."
    expect(not is_near(new_counts, live.follow(counts, sums, vectors, codes, 0.0)[0]), fresh)
    expect(not is_near(new_counts, counts), "The counts are the old ones: codes are chosen in this step, too.")
    share = live.follow(counts, sums, vectors, codes, decay)[0] - 0.25 * torch.bincount(codes) * (8 / 9)
    expect(not is_near(new_counts, share), "Those are shares. Count how many vectors chose each code.")
    forgot = "A row that nothing chose fades as well: its average keeps only `decay` of what it was."
    expect(not is_near(new_counts[1], counts[1]), forgot)
    unlike = f"The counts should be {right_counts.tolist()}, yours {new_counts.tolist()}."
    expect(is_near(new_counts, right_counts), unlike)
    expect(not is_near(new_sums, sums), "The sums are the old ones: the vectors are missing.")
    means = 0.25 * (right_sums - decay * sums) / (right_counts - decay * counts).clamp(min=1e-9)[:, None]
    mean = "Those are means. Sum the vectors of a code: the division by the counts comes last, for the table."
    expect(not is_near(new_sums, decay * sums + means), mean)
    table = "That is the table already. Give the sums; who asks divides them by the counts."
    expect(not is_near(new_sums, right_sums / right_counts[:, None]), table)
    expect(not is_near(new_sums[1], sums[1]), f"The counts are right, the sums are not. {forgot}")
    right = torch.isclose(new_sums.double(), right_sums.double(), atol=1e-4).all(1)
    expect(bool(right.all()), f"The counts are right. {int((~right).sum())} of 4 rows of the sums are not.")
    return "sums / counts is the mean of what chose a row lately: k-means that never stops."


@exercise(
    "Reviving dead codes",
    "Make a mask of the dead rows, and draw as many different vectors as there are dead rows.",
    "table = table.clone(), then table[dead] = vectors[torch.randperm(len(vectors))[: dead.sum()]].",
)
def revive(answer: Callable[[Tensor, Tensor, Tensor, float], Tensor]) -> str:
    """`revive(table, counts, vectors, below)`: a new table, codes used less than `below` replaced by vectors."""
    random = torch.Generator().manual_seed(1)
    table, vectors = torch.randn(8, 4, generator=random), 5 + torch.randn(50, 4, generator=random)
    counts = torch.tensor([9.0, 0.0, 3.0, 0.2, 7.0, 0.0, 1.5, 4.0])
    before, dead = table.clone(), counts < 1.0
    found = numbers(ask(answer, table, counts, vectors, 1.0))
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


@exercise(
    "Before you listen",
    "Only the prior reads the codes. Which arrows of the drawing above end at it as well?",
    "The phones, and when each of them is spoken, are as they were. So what a word is made of is still known.",
)
def shuffled(answer: str) -> str:
    """What nano says when its codes come in random order, phones, times and voice as they were."""
    hints = {
        "noise": "Codes are not the only thing that the prior reads. What else goes into it in the drawing above?",
        "other words": "Which words are said is in the phones, too, and those kept their order.",
        "other voice": "Who speaks is in the speaker vector, which is the same.",
        "length": "As many codes as before, 25 a second: the length cannot change.",
    }
    names = {
        "noise": ("silence",),
        "same words": ("same", "words"),
        "other words": ("different words",),
        "other voice": ("another voice", "voice"),
        "length": ("other length", "another length"),
    }
    given = named(answer, names)
    expect(given not in hints, hints.get(given, ""))
    return "The words survive, since the phones come by another way. What suffers is how they are said."


@exercise(
    "Stretch: a second book for the rest",
    "What the first book could not say is vectors minus their code vectors. The second book rounds that.",
    "one = nearest row of first to vectors; two = nearest row of second to vectors - first[one]; "
    "the sum is first[one] + second[two].",
)
def residual(answer: Callable[[Tensor, Tensor, Tensor], Any]) -> str:
    """`residual(vectors, first, second)`: (N, D), (K1, D), (K2, D) -> codes (N,), codes (N,), their sum (N, D)."""
    random = torch.Generator().manual_seed(4)
    vectors, first = torch.randn(30, 3, generator=random), torch.randn(5, 3, generator=random)
    second = 0.4 * torch.randn(7, 3, generator=random)
    one, two, total = tensors(answer, "codes, codes, sum", vectors, first, second)
    expect_shape(one, (30,), "The codes of the first book")
    expect_shape(two, (30,), "The codes of the second book")
    expect_shape(total, (30, 3), "The sum of the code vectors")
    best = live.nearest(vectors, first)
    left = vectors - first[best]
    expect(torch.equal(one.long(), best), "The first book works as in exercise 1: the nearest row to each vector.")
    whole = "The second book rounds the vectors themselves. It should round what the first left over."
    expect(not torch.equal(two.long(), live.nearest(vectors, second)), whole)
    sign = "What is left over is vector minus code vector; yours has the other sign."
    expect(not torch.equal(two.long(), live.nearest(-left, second)), sign)
    wrong = int((two.long() != live.nearest(left, second)).sum())
    expect(wrong == 0, f"{wrong} of 30 rests have a nearer row in the second book.")
    expect(not is_near(total, first[best]), "The sum lacks the second book.")
    expect(not is_near(total, second[two.long()]), "The sum lacks the first book.")
    minus = "The code vectors are subtracted. Both are steps from nothing towards the vector: add them."
    expect(not is_near(total, first[best] - second[two.long()]), minus)
    expect(is_near(total, first[best] + second[two.long()]), "The codes are right, the sum of their rows is not.")
    return "This is a residual quantizer; codecs such as EnCodec stack eight of them, and VALL-E reads those."
