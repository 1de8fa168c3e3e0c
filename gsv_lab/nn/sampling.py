"""From scores to one code: the sampling rule as small pure functions.

logits (B, V) -> probabilities (B, V) -> codes (B,)

The order of operations is that of the released GPT-SoVITS: repetition penalty, top-p, temperature, top-k, softmax, then
a race of exponential clocks. Each function stands alone, so that a notebook can call, plot or replace it.
Letters: B rows, V classes, N codes so far.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from gsv_lab.errors import ConfigError
from gsv_lab.nn.ops import drawing_device
from gsv_lab.system.ranges import Range

COLDEST = 1e-5
"""The least temperature; a temperature of 0 stands for it."""


@dataclass(frozen=True)
class Sampling:
    """How codes are drawn and when a decode ends. Defaults are those of the released model.

    Args:
        top_k: number of best codes that stay in the draw; None or 0: all. 1 is greedy.
        top_p: probability mass that stays in the draw, in (0, 1]; 1: all.
        top_p_rule: "released": before the temperature, and without the class that crosses the mass; "paper": after it,
            and with that class, as in `keep_top_p`'s source.
        temperature: divides the scores; below 1 sharper, above 1 flatter.
        repetition_penalty: divides positive and multiplies negative scores of codes that occurred; 1: off.
        penalise_prompt: codes of the prompt count as occurred.
        min_new: codes that are made before stop is allowed.
        max_new: codes made at most.
        argmax_stop: also end where stop has the best score, though another code was drawn.
        early_stop: end once more than this many codes are made (the released rule); None: only `max_new` limits.
        early_stop_last: on an early stop "keep" or "drop" the last code. The released single decode keeps it, its
            batched decode drops it.
        codes_per_phone: codes that a network with a monotonic alignment should make for each phone on average; None:
            as many as it would by itself.

    Raises:
        ConfigError: PARAM_RANGE, a value outside its range.
    """

    top_k: int | None = 15
    top_p: float = 1.0
    top_p_rule: Literal["released", "paper"] = "released"
    temperature: float = 1.0
    repetition_penalty: float = 1.35
    penalise_prompt: bool = True
    min_new: int = 11
    max_new: int = 1500
    argmax_stop: bool = True
    early_stop: int | None = None
    early_stop_last: Literal["keep", "drop"] = "keep"
    codes_per_phone: float | None = None

    def __post_init__(self) -> None:
        self._check("top_k", Range(0))
        self._check("top_p", Range(0, 1, above=True))
        self._check("temperature", Range(0, 10))
        self._check("repetition_penalty", Range(0, 10, above=True))
        self._check("max_new", Range(1))
        self._check("min_new", Range(0, self.max_new))
        self._check("early_stop", Range(1))
        self._check("codes_per_phone", Range(0, above=True))
        self._check_choice("top_p_rule", "released", "paper")
        self._check_choice("early_stop_last", "keep", "drop")

    def _check(self, name: str, allowed: Range) -> None:
        value = vars(self)[name]
        if value is not None and not allowed.holds(value):
            raise ConfigError("PARAM_RANGE", f"{name} is {value}", str(allowed))

    def _check_choice(self, name: str, *choices: str) -> None:
        value = vars(self)[name]
        if value not in choices:
            raise ConfigError("PARAM_RANGE", f"{name} is {value}", " or ".join(choices))


def occurred(codes: Tensor, n_classes: int, mask: Tensor | None = None) -> Tensor:
    """Which classes occur in each row: codes (B, N), mask (B, N) true where a code counts -> (B, V) bool."""
    weights = torch.ones_like(codes)
    if mask is not None:
        weights = mask.to(codes.dtype)
    counts = codes.new_zeros(codes.shape[0], n_classes)
    return counts.scatter_add(1, codes, weights) > 0


def penalise(logits: Tensor, seen: Tensor, penalty: float) -> Tensor:
    """Scores of classes that occurred, made smaller: (B, V), seen (B, V) bool -> (B, V).

    Source: Keskar et al. 2019, arXiv:1909.05858, section 4.1; negative scores are multiplied, so that they sink too.
    """
    if penalty == 1.0:
        return logits
    smaller = torch.where(logits < 0, logits * penalty, logits / penalty)
    return torch.where(seen, smaller, logits)


def keep_top_p(logits: Tensor, p: float, crossing: bool = False) -> Tensor:
    """-inf outside the best classes whose probabilities sum to at most `p`; the best always stays: (B, V) -> (B, V).

    With `crossing` also the class stays with which the sum exceeds `p`.
    Source: Holtzman et al. 2020, arXiv:1904.09751, section 3.1, whose set has that class.
    """
    if p >= 1.0:
        return logits
    ordered, order = logits.sort(dim=-1, descending=True)
    mass = ordered.softmax(-1)
    total = mass.cumsum(-1)
    if crossing:
        total = total - mass
    drop = total > p
    drop[:, 0] = False
    drop = torch.zeros_like(drop).scatter(1, order, drop)
    return logits.masked_fill(drop, float("-inf"))


def keep_top_k(logits: Tensor, k: int | None) -> Tensor:
    """-inf below the k-th best score; ties with it stay: (B, V) -> (B, V). None or 0: unchanged."""
    if not k or k >= logits.shape[-1]:
        return logits
    best = logits.topk(k, dim=-1).values
    return logits.masked_fill(logits < best[:, -1:], float("-inf"))


def probabilities(logits: Tensor, seen: Tensor | None, sampling: Sampling) -> Tensor:
    """The distribution that a code is drawn from: logits (B, V), seen (B, V) bool -> (B, V), rows sum to 1."""
    if seen is not None:
        logits = penalise(logits, seen, sampling.repetition_penalty)
    temperature = max(sampling.temperature, COLDEST)
    if sampling.top_p_rule == "paper":
        logits = keep_top_p(logits / temperature, sampling.top_p, crossing=True)
    else:
        logits = keep_top_p(logits, sampling.top_p) / temperature
    return keep_top_k(logits, sampling.top_k).softmax(-1)


def draw(p: Tensor, generator: torch.Generator | None = None) -> Tensor:
    """One class for each row: (B, V) -> (B,) int64.

    Every class waits for an exponential time of rate p; the first wins, and it is class v with probability p[v].
    Cheaper than a cumulative sum and free of host synchronisation. Times are drawn on the generator's own device, so
    that one seed draws the same times wherever the network runs.
    """
    waiting = torch.empty(p.shape, device=drawing_device(p, generator), dtype=torch.float32)
    waiting = waiting.exponential_(1.0, generator=generator)
    return (p / waiting.to(p.device)).argmax(-1)
