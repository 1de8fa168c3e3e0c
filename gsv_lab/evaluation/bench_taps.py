"""What looking inside costs: an idle tap, a decode full of idle taps, the attention of a whole decode recorded.

Rows of `gsv-lab bench`. Everything is timed in this process, in turns, so that a machine that grows busy meanwhile
slows both sides alike.
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
from gsv_lab.nn.decoding import Inputs, generate
from gsv_lab.nn.interfaces import SemanticGPTRole
from gsv_lab.nn.sampling import Sampling
from gsv_lab.nn.semantic_gpt import SemanticGPT

CAPTURE_MB = 100.0
"""Memory that recording all heads of a decode may take, `limit_mb` of the probe: 100 phones and 200 codes at v2's size
need 77 MB."""


class _OneTap(Component):
    """A component with one tap."""

    x = Tap("batch")


def idle_call(repeats: int = 200, number: int = 2000) -> list[float]:
    """Nanoseconds of `component.tap(x)` while nobody watches: the fastest repeat, which other work moves least."""
    names = {"part": _OneTap(), "x": torch.zeros(1)}
    times = timeit.repeat("part.x(x)", globals=names, repeat=repeats, number=number)
    return [min(times) / number * 1e9]


@contextmanager
def identities(model: nn.Module) -> Iterator[int]:
    """Every tap of a model replaced by a function that gives its argument back, inside the block; -> how many."""
    replaced = []
    for part in model.modules():
        if isinstance(part, Component):
            for name, tap in part.taps().items():
                replaced.append((part, name, tap))
                vars(part)[name] = _identity()
    try:
        yield len(replaced)
    finally:
        for part, name, tap in replaced:
            vars(part)[name] = tap


def _identity() -> Any:
    def give_back(value: Tensor) -> Tensor:
        return value

    vars(give_back)["live"] = lambda: None
    return give_back


def decode(gpt: SemanticGPTRole, phones: int = 100, codes: int = 200) -> Tensor:
    """A greedy decode of exactly so many codes from a text of so many phones; what is said does not matter."""
    device = next(gpt.parameters()).device
    text = torch.arange(phones, device=device) * 7 % gpt.n_phones
    sampling = Sampling(top_k=1, repetition_penalty=1.0, min_new=codes, max_new=codes)
    speaker = None
    if gpt.speaker_dim:
        speaker = torch.zeros(1, gpt.speaker_dim, 1, device=device)
    return generate(gpt, Inputs([text], speaker=speaker), sampling).codes[0]


def idle_decode(gpt: SemanticGPTRole, runs: int = 20, warmups: int = 3, codes: int = 100) -> list[float]:
    """Per cent that idle taps add to a decode, against the same with every tap an identity; one value for each pair."""

    def idle() -> float:
        return seconds(lambda: decode(gpt, 60, codes))

    def bare() -> float:
        with identities(gpt):
            return seconds(lambda: decode(gpt, 60, codes))

    added = []
    for with_taps, without in _pairs(warmups + runs, idle, bare)[warmups:]:
        added.append(100 * (with_taps / without - 1))
    return added


def capture(
    gpt: SemanticGPTRole,
    runs: int = 3,
    phones: int = 100,
    codes: int = 200,
    limit_mb: float = CAPTURE_MB,
) -> tuple[list[float], float]:
    """All heads of all layers recorded over a decode: time over that of the unwatched one, for each pair; and the MB.

    Raises:
        HookError: MEMORY_LIMIT, the records need more than `limit_mb`.
    """
    sizes = []

    def watched() -> float:
        with probe(gpt, "layers.*.attention.pattern", limit_mb=limit_mb) as records:
            spent = seconds(lambda: decode(gpt, phones, codes))
        sizes.append(sum(step.nbytes for record in records.values() for step in record.steps))
        return spent

    def unwatched() -> float:
        return seconds(lambda: decode(gpt, phones, codes))

    pairs = _pairs(runs + 1, watched, unwatched)
    slower = [slow / plain for slow, plain in pairs[1:]]
    return slower, sizes[-1] / 1e6


def v2_size() -> SemanticGPT:
    """SemanticGPT as large as the released v2, with random weights."""
    return SemanticGPT(dropout=0.0).eval()


def _pairs(count: int, first: Callable[[], float], second: Callable[[], float]) -> list[tuple[float, float]]:
    """Both timed so many times, in turns: a machine that gets slower, or warmer, must not favour one side."""
    pairs = []
    for number in range(count):
        if number % 2:
            late = second()
            pairs.append((first(), late))
        else:
            early = first()
            pairs.append((early, second()))
    return pairs


def seconds(call: Callable[[], object]) -> float:
    """Wall-clock time of a call, without gradients."""
    with torch.no_grad():
        start = time.perf_counter()
        call()
        return time.perf_counter() - start
