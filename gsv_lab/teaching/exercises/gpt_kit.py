"""What notebook 04 goes on with where an exercise is still open, and a loop made by hand.

Letters: N codes, V classes (codes and stop).
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.nn.sampling import keep_top_k, penalise
from gsv_lab.teaching.exercises.excerpt import Run


def nats(logits: Tensor, codes: Tensor, stop: int) -> Tensor:
    """Cross-entropy: (N + 1, V), (N,) -> the mean of minus log-probability, the stop included, in nats."""
    return functional.cross_entropy(logits, torch.cat([codes, torch.tensor([stop])]))


def chances(logits: Tensor, temperature: float, k: int) -> Tensor:
    """What a code is drawn from: (V,) -> (V,), 0 for all but the k best."""
    return keep_top_k((logits / temperature)[None], k).softmax(-1)[0]


def less_again(logits: Tensor, used: Tensor, penalty: float) -> Tensor:
    """Logits (V,) in which the codes that occurred are less likely: (V,)."""
    seen = torch.zeros(len(logits), dtype=torch.bool)
    seen[used] = True
    return penalise(logits[None], seen[None], penalty)[0]


def write(
    scores: Callable[[list[int]], Tensor], choose: Callable[[Tensor, list[int]], int], stop: int, most: int
) -> list[int]:
    """Code after code until `stop` is chosen, or `most` are written.

    Args:
        scores: of the next code (V,), given the codes so far.
        choose: one class, given its scores and the codes so far.
        stop: the class that ends the codes; no code itself.
        most: codes.
    """
    codes: list[int] = []
    while len(codes) < most:
        code = choose(scores(codes), codes)
        if code == stop:
            break
        codes.append(code)
    return codes


def monotonic_path(advances: Tensor, phones: int) -> Tensor:
    """Which of so many phones each code speaks, given how many phones to go on before it: (N,) -> (N,)."""
    return advances.cumsum(0).clamp(max=phones - 1)


def advances(run: Run, phones: int) -> Tensor:
    """How many phones each code of a run goes on before it speaks: (N,).

    For networks without monotonic alignment as if all phones took equally long.
    """
    index = run.phone_index
    if index is None:
        index = torch.arange(len(run.codes)) * phones // max(1, len(run.codes))
    return index.diff(prepend=index.new_zeros(1))


def going_back(n: int) -> Tensor:
    """The order in which N codes come where a decode goes back twice by a sixth of them, two thirds of the way on."""
    start, end = n // 2, n * 2 // 3
    stretch = torch.arange(start, end)
    return torch.cat([torch.arange(end), stretch, stretch, torch.arange(end, n)])
