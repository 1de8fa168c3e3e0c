"""What looking inside costs: an idle tap, a decode full of idle taps, the attention of a whole decode recorded.

Rows of `gsv-lab bench`. Everything is timed in this process, in turns, so that a machine that grows busy meanwhile
slows both sides alike. The file knows SemanticGPT and its taps, and nothing of goals or reports.
"""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from gsv_lab.hooks.probe import probe
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.semantic_gpt import SemanticGPT

CAPTURE_MB = 100.0
"""Memory that recording all heads of a decode may take, `limit_mb` of the probe: 100 phones and 200 codes at v2's size
need 77 MB."""


class _Lone(Component):
    """A component with one tap."""

    x = Tap("batch")


def idle_call(repeats: int = 200, number: int = 2000) -> list[float]:
    """Nanoseconds of `component.tap(x)` while nobody watches: the fastest repeat, which other work moves least."""
    names = {"part": _Lone(), "x": torch.zeros(1)}
    return [min(timeit.repeat("part.x(x)", globals=names, repeat=repeats, number=number)) / number * 1e9]


@contextmanager
def identities(model: nn.Module) -> Iterator[int]:
    """Every tap of a model replaced by a function that gives its argument back, inside the block; -> how many."""
    found = [(part, name) for part in model.modules() if isinstance(part, Component) for name in part.taps()]
    taps = [vars(part)[name] for part, name in found]
    for part, name in found:
        vars(part)[name] = _identity()
    try:
        yield len(found)
    finally:
        for (part, name), tap in zip(found, taps, strict=True):
            vars(part)[name] = tap


def _identity() -> Any:
    def give_back(value: Tensor) -> Tensor:
        return value

    vars(give_back)["live"] = None
    return give_back


def decode(gpt: SemanticGPT, phones: int = 100, codes: int = 200) -> Tensor:
    """A greedy decode of exactly so many codes from a text of so many phones; what is said does not matter."""
    text = (torch.arange(phones) * 7 % gpt.n_phones)[None]
    sampling = Sampling(top_k=1, repetition_penalty=1.0, min_new=codes, max_new=codes)
    speaker = torch.zeros(1, gpt.speaker_dim, 1) if gpt.speaker_dim else None
    return gpt.generate(text, sampling=sampling, speaker=speaker)


def idle_decode(gpt: SemanticGPT, runs: int = 20, warmups: int = 3, codes: int = 100) -> list[float]:
    """Per cent that idle taps add to a decode, against the same with every tap an identity; one value for each pair."""

    def bare() -> float:
        with identities(gpt):
            return seconds(lambda: decode(gpt, 60, codes))

    pairs = [_pair(number, lambda: seconds(lambda: decode(gpt, 60, codes)), bare) for number in range(warmups + runs)]
    return [100 * (idle / plain - 1) for idle, plain in pairs[warmups:]]


def capture(gpt: SemanticGPT, runs: int = 3, phones: int = 100, codes: int = 200, limit_mb: float = CAPTURE_MB
            ) -> tuple[list[float], float]:  # fmt: skip
    """All heads of all layers recorded over a decode: time over that of the unwatched one, for each pair; and the MB.

    Raises:
        HookError: MEMORY_LIMIT, the records need more than `limit_mb`.
    """
    taken = 0.0

    def watched() -> float:
        nonlocal taken
        with probe(gpt, "layers.*.attention.pattern", limit_mb=limit_mb) as records:
            spent = seconds(lambda: decode(gpt, phones, codes))
        taken = sum(step.nbytes for record in records.values() for step in record.steps) / 1e6
        return spent

    pairs = [_pair(number, watched, lambda: seconds(lambda: decode(gpt, phones, codes))) for number in range(runs + 1)]
    return [slow / plain for slow, plain in pairs[1:]], taken


def v2_size() -> SemanticGPT:
    """SemanticGPT as large as the released v2, with random weights."""
    return SemanticGPT(dropout=0.0).eval()


def _pair(number: int, first: Callable[[], float], second: Callable[[], float]) -> tuple[float, float]:
    # Who goes first alternates: a machine that gets slower, or warmer, must not favour one side.
    if number % 2:
        late = second()
        return first(), late
    return first(), second()


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock time of a call, without gradients."""
    with torch.no_grad():
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
