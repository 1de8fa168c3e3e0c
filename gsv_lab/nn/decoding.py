"""The loop that turns scores into sequences: stopping, prompts, batches, chunks.

texts (list of (P,)), prompts (list of (N,)) -> new codes (list of (T,))

One generator function, `steps`, makes one code for every running row and hands out what it saw; `generate` collects it,
`stream` cuts it into chunks. Rows of different length are padded on the left; a row that ends leaves the batch.
Letters: A rows still running, P phones, N prompt codes, T new codes, C context features, G speaker width, V classes.
Knows of the network only `forward(..., cache=)`, `step` and `eos`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TYPE_CHECKING, Literal, NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.nn.gpt_layer import Cache
from gsv_lab.nn.sampling import Sampling, draw, occurred, penalise, probabilities

if TYPE_CHECKING:
    from gsv_lab.nn.semantic_gpt import SemanticGPT

PULL = 0.1
"""Nat by which a move's score changes for every phone that the pointer is off its wanted pace."""

Reason = Literal["stop", "argmax_stop", "early_stop", "max_new"]


class Step(NamedTuple):
    """What one step saw and chose, for the A rows that were still running.

    `number` counts new codes from 0; `rows` are the numbers of the rows; `logits` (A, V) are untouched; `probabilities`
    (A, V or V - 1) are what was drawn from (without the stop class while stop is not allowed); `codes` (A,) were drawn;
    `ended` says for each row why it ends with this step, or None. A drawn stop token is no code. `places` (A,) say
    which phone each code speaks, where the network has a pointer into the text.
    """

    number: int
    rows: tuple[int, ...]
    logits: Tensor
    probabilities: Tensor
    codes: Tensor
    ended: tuple[Reason | None, ...]
    places: Tensor | None = None


class Generated(NamedTuple):
    """New codes (T,) of each text, without prompt and stop, and why each ended."""

    codes: tuple[Tensor, ...]
    reasons: tuple[Reason, ...]


class Chunk(NamedTuple):
    """Some new codes (T,) of a stream; `final` is true for the last chunk."""

    codes: Tensor
    final: bool


def pad_left(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """Stacks rows of different length: (..., L_i) each -> (B, ..., L) and a mask (B, 1, L), None if all are equal."""
    length = max(row.shape[-1] for row in rows)
    stacked = torch.stack([functional.pad(row, (length - row.shape[-1], 0)) for row in rows])
    if all(row.shape[-1] == length for row in rows):
        return stacked, None
    lengths = torch.tensor([row.shape[-1] for row in rows], device=stacked.device)
    return stacked, (torch.arange(length, device=stacked.device) >= length - lengths[:, None])[:, None]


@torch.no_grad()
def steps(
    gpt: SemanticGPT,
    phones: Sequence[Tensor] | Tensor,
    context: Sequence[Tensor] | Tensor | None = None,
    prompt: Sequence[Tensor] | Tensor | None = None,
    *,
    places: Sequence[Tensor] | Tensor | None = None,
    speaker: Tensor | None = None,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
) -> Iterator[Step]:
    """Decodes a batch and yields every step, until all rows have ended.

    Args:
        gpt: the network; put it in eval mode first.
        phones: for each row (P_i,) phone ids, those of the prompt's text first.
        context: for each row (C, P_i), or None for zeros.
        prompt: for each row (N_i,) codes of the reference, N_i may be 0; None: no prompt.
        places: for each row (N_i,) phones that the prompt's codes speak; a network with a pointer needs them.
        speaker: (B, G, 1), or None.
        sampling: the rule; None: the defaults.
        generator: source of randomness.
    """
    sampling = sampling or Sampling()
    cache = Cache()
    cache.choose = partial(_move, sampling=sampling, generator=generator)
    logits, seen = _start(gpt, phones, context, prompt, places, speaker, sampling, cache)
    skipped = _padding(list(phones))
    rows = list(range(len(phones)))
    for index in range(sampling.max_new):
        allowed = logits[:, : gpt.eos] if index < sampling.min_new else _no_early_stop(logits, gpt.eos, cache)
        scores = penalise(allowed, seen[:, : allowed.shape[1]], sampling.repetition_penalty)
        p = probabilities(scores, None, sampling)
        codes = draw(p, generator)
        ended = _ended(index, codes, scores, gpt.eos, sampling)
        spoken = None if cache.walk is None else cache.walk.column - skipped[rows].to(codes.device)
        yield Step(index, tuple(rows), logits, p, codes, ended, spoken)
        going = [i for i, reason in enumerate(ended) if reason is None]
        if not going:
            return
        if len(going) < len(rows):
            keep = torch.tensor(going, device=codes.device)
            rows = [rows[i] for i in going]
            codes, seen = codes[keep], seen[keep]
            cache.select(keep)
        seen = seen.scatter(1, codes[:, None], True)
        logits = gpt.step(codes, cache)


def _start(
    gpt: SemanticGPT,
    phones: Sequence[Tensor] | Tensor,
    context: Sequence[Tensor] | Tensor | None,
    prompt: Sequence[Tensor] | Tensor | None,
    places: Sequence[Tensor] | Tensor | None,
    speaker: Tensor | None,
    sampling: Sampling,
    cache: Cache,
) -> tuple[Tensor, Tensor]:
    """Reads texts and prompts into the cache: logits of the first new code (B, V), and which codes occurred (B, V)."""
    text, text_mask = pad_left(list(phones))
    features = None if context is None else pad_left(list(context))[0]
    told, told_mask = (text.new_zeros(len(text), 0), None) if prompt is None else pad_left(list(prompt))
    spoken = None if places is None else pad_left(list(places))[0]
    logits = gpt(text, features, told, text_mask, told_mask, places=spoken, speaker=speaker, cache=cache)
    last = logits[:, -1]
    if told_mask is not None and cache.walk is None:
        # A row without a prompt, beside rows that have one, starts from its last phone.
        last = torch.where(told_mask.any(-1), last, logits[:, 0])
    seen = occurred(told, gpt.eos + 1, None if told_mask is None else told_mask[:, 0])
    return last, seen if sampling.penalise_prompt else torch.zeros_like(seen)


def _padding(phones: Sequence[Tensor]) -> Tensor:
    """Columns that `pad_left` puts before each row: (B,)."""
    lengths = torch.tensor([row.shape[-1] for row in phones])
    return lengths.max() - lengths


def _move(
    scores: Tensor, made: int, passed: Tensor, *, sampling: Sampling, generator: torch.Generator | None
) -> Tensor:
    """A move of the pointer: drawn at the temperature of the codes, the likeliest where codes are greedy.

    Whoever is behind the wanted pace is pulled on, whoever is ahead held back.
    """
    if sampling.pace is not None:
        late = made / sampling.pace - passed
        scores = torch.cat([scores[:, :1], scores[:, 1:] + PULL * late[:, None]], dim=1)
    if sampling.top_k == 1:
        return scores.argmax(-1)
    return draw((scores / max(sampling.temperature, 1e-5)).softmax(-1), generator)


def _no_early_stop(logits: Tensor, eos: int, cache: Cache) -> Tensor:
    """Scores (A, V) without the stop class in rows whose pointer has not reached the end of the text."""
    if cache.walk is None:
        return logits
    stop = torch.zeros_like(logits, dtype=torch.bool)
    stop[:, eos] = ~cache.walk.may_stop
    return logits.masked_fill(stop, float("-inf"))


def _ended(index: int, codes: Tensor, scores: Tensor, eos: int, sampling: Sampling) -> tuple[Reason | None, ...]:
    """Why each row ends at this step, or None."""
    drawn = (codes == eos).tolist()
    best = (scores.argmax(-1) == eos).tolist() if sampling.argmax_stop else drawn
    otherwise: Reason | None = "max_new" if index + 1 == sampling.max_new else None
    if sampling.early_stop is not None and index + 1 > sampling.early_stop:
        otherwise = "early_stop"
    return tuple(
        "stop" if is_stop else "argmax_stop" if is_best else otherwise
        for is_stop, is_best in zip(drawn, best, strict=True)
    )


def _counts(reason: Reason | None, sampling: Sampling) -> bool:
    """Whether the code drawn in a step belongs to the result."""
    return reason in (None, "max_new") or (reason == "early_stop" and sampling.early_stop_last == "keep")


def generate(
    gpt: SemanticGPT,
    phones: Sequence[Tensor] | Tensor,
    context: Sequence[Tensor] | Tensor | None = None,
    prompt: Sequence[Tensor] | Tensor | None = None,
    *,
    places: Sequence[Tensor] | Tensor | None = None,
    speaker: Tensor | None = None,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
    on_step: Callable[[Step], None] | None = None,
) -> Generated:
    """New codes for every text of a batch. Arguments as in `steps`; `on_step` is called with every step."""
    sampling = sampling or Sampling()
    made: list[list[int]] = [[] for _ in range(len(phones))]
    reasons: list[Reason] = ["max_new"] * len(phones)
    for step in steps(
        gpt, phones, context, prompt, places=places, speaker=speaker, sampling=sampling, generator=generator
    ):
        for row, code, reason in zip(step.rows, step.codes.tolist(), step.ended, strict=True):
            if _counts(reason, sampling):
                made[row].append(code)
            if reason is not None:
                reasons[row] = reason
        if on_step is not None:
            on_step(step)
    device = phones[0].device
    return Generated(tuple(torch.tensor(row, dtype=torch.int64, device=device) for row in made), tuple(reasons))


def silence_likeness(gpt: SemanticGPT, silence: int) -> Tensor:
    """How much each code is like silence: cosine of its embedding to that of the code `silence`, (n_codes,) in [-1, 1].

    The released alphabet's silence is code 486.
    """
    table = gpt.code_embedding.weight.detach()[: gpt.n_codes]
    return functional.cosine_similarity(table, table[silence : silence + 1])


def stream(
    gpt: SemanticGPT,
    phones: Tensor,
    context: Tensor | None = None,
    prompt: Tensor | None = None,
    *,
    places: Tensor | None = None,
    speaker: Tensor | None = None,
    sampling: Sampling | None = None,
    generator: torch.Generator | None = None,
    chunk: int = 25,
    silence: Tensor | None = None,
    silent_enough: float = 0.3,
) -> Iterator[Chunk]:
    """New codes of one text in chunks, as soon as they are known.

    phones (1, P), context (1, C, P), prompt (1, N) -> Chunk(codes (T,), final); joined they are what `generate` gives.

    A chunk is held back for one step, to tell whether it is the last; only a decode that makes no code at all ends in
    an empty one.

    Args:
        gpt: the network, in eval mode.
        phones: ids of the prompt's text, then of the text to speak.
        context: their features, or None for zeros.
        prompt: codes of the reference, or None.
        places: (1, N) phones that the prompt's codes speak; a network with a pointer needs them.
        speaker: (1, G, 1), or None.
        sampling: the rule; None: the defaults.
        generator: source of randomness.
        chunk: codes in a chunk (25 are a second); with `silence` the least.
        silence: likeness of every code to silence (`silence_likeness`): chunks then end in the most silent pair of
            codes, at the latest after four times `chunk` codes.
        silent_enough: mean likeness that a pair must reach to be cut before that.
    """
    sampling = sampling or Sampling()
    pending: list[int] = []
    for step in steps(
        gpt, phones, context, prompt, places=places, speaker=speaker, sampling=sampling, generator=generator
    ):
        if _counts(step.ended[0], sampling):
            cut = len(pending) if silence is None else _silent_cut(pending, silence, chunk, silent_enough)
            if cut >= chunk:
                yield Chunk(torch.tensor(pending[:cut], device=phones.device), False)
                pending = pending[cut:]
            pending.append(int(step.codes[0]))
    yield Chunk(torch.tensor(pending, dtype=torch.int64, device=phones.device), True)


def _silent_cut(pending: list[int], silence: Tensor, chunk: int, silent_enough: float) -> int:
    """Number of pending codes to send: up to and with the first code of the most silent pair; 0 to wait on."""
    if len(pending) < chunk + 2:
        return 0
    likeness = silence[torch.tensor(pending, device=silence.device)]
    pair = (likeness[chunk - 1 : -1] + likeness[chunk:]) / 2
    best = int(pair.argmax())
    if float(pair[best]) < silent_enough and len(pending) < 4 * chunk:
        return 0
    return chunk + best
