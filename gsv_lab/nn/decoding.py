"""The loop that turns scores into sequences: stopping, prompts, batches.

texts (list of (P,)), prompts (list of (N,)) -> new codes (list of (T,))

One generator function, `steps`, makes one code for every running row and hands out what it saw; `generate` collects it.
Rows of different length are padded on the left; a row that ends leaves the batch.
Letters: A rows still running, P phones, N prompt codes, T new codes, C context features, G speaker width, V classes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.nn.interfaces import DecodingCache, SemanticGPTRole
from gsv_lab.nn.sampling import Sampling, draw, occurred, penalise, probabilities

RATE_GUIDANCE = 0.1
"""Nat by which the score of going on in the text changes for every phone that a row is off its wanted rate."""

Reason = Literal["stop", "argmax_stop", "early_stop", "max_new"]


class Step(NamedTuple):
    """What one step saw and chose, for the A rows that were still running.

    `number` counts new codes from 0; `rows` are the numbers of the rows; `logits` (A, V) are untouched; `probabilities`
    (A, V or V - 1) are what was drawn from (without the stop class while stop is not allowed); `codes` (A,) were drawn;
    `ended` says for each row why it ends with this step, or None. A drawn stop token is no code. `phone_index` (A,)
    says which phone each code speaks, where the network knows.
    """

    number: int
    rows: tuple[int, ...]
    logits: Tensor
    probabilities: Tensor
    codes: Tensor
    ended: tuple[Reason | None, ...]
    phone_index: Tensor | None = None


class Generated(NamedTuple):
    """New codes (T,) of each text, without prompt and stop, why each ended, and the phone of each code (T,) or None."""

    codes: tuple[Tensor, ...]
    reasons: tuple[Reason, ...]
    phone_index: tuple[Tensor, ...] | None


class Inputs(NamedTuple):
    """What a batch of B rows is decoded from.

    `phones`: for each row (P_i,) phone ids, those of the prompt's text first. `context`: for each row (C, P_i), or None
    for zeros. `prompt`: for each row (N_i,) codes of the reference, N_i may be 0, or None. `phone_index`: for each row
    (N_i,) phones that the prompt's codes speak; networks with `max_advance` need them. `speaker` (B, G, 1), or None.
    `longest`: for each row (P_i,) most new codes on each phone, which such networks keep, or None.
    """

    phones: Sequence[Tensor] | Tensor
    context: Sequence[Tensor] | Tensor | None = None
    prompt: Sequence[Tensor] | Tensor | None = None
    phone_index: Sequence[Tensor] | Tensor | None = None
    speaker: Tensor | None = None
    longest: Sequence[Tensor] | Tensor | None = None


def pad_left(rows: Sequence[Tensor] | Tensor) -> tuple[Tensor, Tensor | None]:
    """Stack rows of different length: (..., L_i) each -> (B, ..., L) and a mask (B, 1, L), None if all are equal."""
    lengths = torch.tensor([row.shape[-1] for row in rows])
    longest = int(lengths.max())
    padded = [functional.pad(row, (longest - row.shape[-1], 0)) for row in rows]
    stacked = torch.stack(padded)
    if bool((lengths == longest).all()):
        return stacked, None
    columns = torch.arange(longest)
    mask = columns >= longest - lengths[:, None]
    return stacked, mask[:, None].to(stacked.device)


@torch.no_grad()
def steps(
    gpt: SemanticGPTRole,
    inputs: Inputs,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[Step]:
    """Decode a batch and yield every step, until all rows have ended.

    Args:
        gpt: the network; put it in eval mode first.
        inputs: texts and prompts.
        sampling: the rule; None: the defaults.
        generator: source of randomness.
    """
    sampling = sampling or Sampling()
    cache = gpt.new_cache()
    cache.choose = partial(_choose_advance, sampling=sampling, generator=generator)
    cache.longest = None if inputs.longest is None else pad_left(inputs.longest)[0]
    logits, seen = _start(gpt, inputs, sampling, cache)
    lengths = torch.tensor([row.shape[-1] for row in inputs.phones])
    padding = (lengths.max() - lengths).to(logits.device)
    rows = list(range(len(inputs.phones)))
    for number in range(sampling.max_new):
        allowed = _allowed(logits, gpt.eos, number, sampling, cache)
        scores = penalise(allowed, seen[:, : allowed.shape[1]], sampling.repetition_penalty)
        p = probabilities(scores, None, sampling)
        codes = draw(p, generator)
        ended = _ended(number, codes, scores, gpt.eos, sampling)
        phone_index = None if cache.columns is None else cache.columns - padding[rows]
        yield Step(number, tuple(rows), logits, p, codes, ended, phone_index)
        going = [i for i, reason in enumerate(ended) if reason is None]
        if not going:
            return
        if len(going) < len(rows):
            keep = torch.tensor(going, device=codes.device)
            rows = [rows[i] for i in going]
            codes = codes[keep]
            seen = seen[keep]
            cache.select(keep)
        seen = seen.scatter(1, codes[:, None], True)
        logits = gpt.step(codes, cache)


def _start(
    gpt: SemanticGPTRole,
    inputs: Inputs,
    sampling: Sampling,
    cache: DecodingCache,
) -> tuple[Tensor, Tensor]:
    """Read texts and prompts into the cache: logits of the first new code (B, V), and which codes occurred (B, V)."""
    phones, phone_mask = pad_left(inputs.phones)
    context = None if inputs.context is None else pad_left(inputs.context)[0]
    phone_index = None if inputs.phone_index is None else pad_left(inputs.phone_index)[0]
    if inputs.prompt is None:
        prompt, prompt_mask = phones.new_zeros(len(phones), 0), None
    else:
        prompt, prompt_mask = pad_left(inputs.prompt)
    logits = gpt(
        phones,
        context,
        prompt,
        phone_mask,
        prompt_mask,
        phone_index=phone_index,
        speaker=inputs.speaker,
        cache=cache,
    )
    last = logits[:, -1]
    if prompt_mask is not None and cache.columns is None:
        # A row without a prompt, beside rows that have one, starts from its last phone.
        last = torch.where(prompt_mask.any(-1), last, logits[:, 0])
    if not sampling.penalise_prompt:
        return last, torch.zeros_like(last, dtype=torch.bool)
    counted = None if prompt_mask is None else prompt_mask[:, 0]
    return last, occurred(prompt, gpt.eos + 1, counted)


def _choose_advance(
    scores: Tensor,
    made: int,
    passed: Tensor,
    *,
    sampling: Sampling,
    generator: torch.Generator | None,
) -> Tensor:
    """How many phones to go on: drawn at the temperature of the codes, the likeliest where codes are greedy.

    Rows behind the wanted rate of codes for a phone are moved on, rows ahead of it are held back.
    """
    if sampling.codes_per_phone is not None:
        late = made / sampling.codes_per_phone - passed
        onward = scores[:, 1:] + RATE_GUIDANCE * late[:, None]
        scores = torch.cat([scores[:, :1], onward], dim=1)
    if sampling.top_k == 1:
        return scores.argmax(-1)
    return draw((scores / max(sampling.temperature, 1e-5)).softmax(-1), generator)


def _allowed(
    logits: Tensor,
    eos: int,
    number: int,
    sampling: Sampling,
    cache: DecodingCache,
) -> Tensor:
    """Scores (A, V) of the codes that may come, without the stop class where it may not."""
    if number < sampling.min_new:
        return logits[:, :eos]
    if cache.may_stop is None:
        return logits
    blocked = torch.zeros_like(logits, dtype=torch.bool)
    blocked[:, eos] = ~cache.may_stop
    return logits.masked_fill(blocked, float("-inf"))


def _ended(number: int, codes: Tensor, scores: Tensor, eos: int, sampling: Sampling) -> tuple[Reason | None, ...]:
    """Why each row ends at this step, or None."""
    drawn = (codes == eos).tolist()
    best = (scores.argmax(-1) == eos).tolist() if sampling.argmax_stop else drawn
    otherwise: Reason | None = None
    if number + 1 == sampling.max_new:
        otherwise = "max_new"
    if sampling.early_stop is not None and number + 1 > sampling.early_stop:
        otherwise = "early_stop"
    reasons: list[Reason | None] = []
    for is_stop, is_best in zip(drawn, best, strict=True):
        reasons.append("stop" if is_stop else "argmax_stop" if is_best else otherwise)
    return tuple(reasons)


def counts(reason: Reason | None, sampling: Sampling) -> bool:
    """Whether the code drawn in a step belongs to the result."""
    if reason == "early_stop":
        return sampling.early_stop_last == "keep"
    return reason in (None, "max_new")


def generate(
    gpt: SemanticGPTRole,
    inputs: Inputs,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Generated:
    """New codes for every text of a batch. Arguments as in `steps`; `on_step` is called with every step."""
    sampling = sampling or Sampling()
    codes: list[list[int]] = [[] for _ in inputs.phones]
    phones: list[list[int]] = [[] for _ in inputs.phones]
    reasons: list[Reason] = ["max_new"] * len(codes)
    for step in steps(gpt, inputs, sampling, generator):
        for position, row in enumerate(step.rows):
            reason = step.ended[position]
            if counts(reason, sampling):
                codes[row].append(int(step.codes[position]))
                if step.phone_index is not None:
                    phones[row].append(int(step.phone_index[position]))
            if reason is not None:
                reasons[row] = reason
        if on_step is not None:
            on_step(step)
    device = inputs.phones[0].device
    aligned = _tensors(phones, device) if gpt.max_advance else None
    return Generated(_tensors(codes, device), tuple(reasons), aligned)


def _tensors(rows: list[list[int]], device: torch.device) -> tuple[Tensor, ...]:
    return tuple(torch.tensor(row, dtype=torch.int64, device=device) for row in rows)
