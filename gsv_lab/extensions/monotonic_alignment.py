"""Where in the text a code stands: a monotonic alignment that SemanticGPT is given, and goes on with by itself.

phone of the last code -> added to that code's embedding; hidden step -> advance -> phone of the next code -> its scores

Attention finds out by itself where it is in the text, but only after far more speech than a laptop can read. Here the
network is given the phone that each code speaks, and says before every code how many phones to go on. It says no phone
twice, passes over M - 2 at most between two codes, and cannot stop before the end. The rule that chooses an advance is
handed in by whoever decodes.
Letters: B batch, A rows still running, P phones (as columns, padding on the left), T codes, S = T + 1 scored steps, D
width, M advances.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import BoundTap, Component, Tap
from gsv_lab.nn.interfaces import ChooseAdvance
from gsv_lab.nn.kv_cache import KVCache
from gsv_lab.nn.semantic_gpt import Codes, PaddedText, SemanticGPT
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeInt, PositiveInt

LONGEST_DURATION = 15
"""Codes; the network does not see how much longer a phone lasts."""

SURE = 1e4
"""Nat by which what has to come is likelier than anything else."""


@dataclass
class AlignmentState:
    """Where each row of a decode stands.

    Args:
        embedded: (A, P, D) phones as they entered the first layer.
        read: (A, P, D) phones as they left the last layer.
        column: (A,) column of the phone that is spoken.
        duration: (A,) codes since it began.
        start: (A,) column of the phone at which the decode began.
        stayed: (A,) new codes on the phone that is spoken.
        longest: (A, P) most new codes on each phone, or None.
        made: codes since the decode began.
    """

    embedded: Tensor
    read: Tensor
    column: Tensor
    duration: Tensor
    start: Tensor
    stayed: Tensor
    longest: Tensor | None = None
    made: int = 0

    def select(self, rows: Tensor) -> None:
        """Keep only these rows of the batch."""
        self.embedded = self.embedded[rows]
        self.read = self.read[rows]
        self.column = self.column[rows]
        self.duration = self.duration[rows]
        self.start = self.start[rows]
        self.stayed = self.stayed[rows]
        if self.longest is not None:
            self.longest = self.longest[rows]

    def longer_by(self, codes: int) -> Tensor:
        """(A,) whether the present phone would be too long with so many codes more."""
        if self.longest is None:
            return torch.zeros_like(self.column, dtype=torch.bool)
        return self.stayed + codes > self.longest.gather(1, self.column[:, None])[:, 0]


class AlignedCache(KVCache):
    """The cache of a decode with the alignment of each row."""

    state: AlignmentState | None = None

    @property
    def columns(self) -> Tensor | None:  # type: ignore[override]
        """(A,) column of the phone that each row's newest code speaks."""
        return None if self.state is None else self.state.column

    @property
    def may_stop(self) -> Tensor | None:  # type: ignore[override]
        """(A,) true at the last phone, or at the one before, for a closing mark takes no time."""
        if self.state is None:
            return None
        return self.state.column >= self.state.read.shape[1] - 2

    def select(self, rows: Tensor) -> None:
        """Keep only these rows of the batch."""
        super().select(rows)
        if self.state is not None:
            self.state.select(rows)


class MonotonicAlignment(Component):
    """The layers that add to every code step its phone, and let the step choose the next one.

    Why: monotonic by construction, and words are followed after minutes of training.
    Source: the idea of VALL-E R, arXiv:2406.07855, section 3.2, which predicts the next phone beside the next code.
    Differs from it: the step says how many phones to go on (0 to `max_advance`), and the code is scored after that.

    Args:
        dim: width D.
        max_advance: most phones that one code may pass; M = max_advance + 1.
    """

    advance = Tap("batch token advance", rate=25.0, unit="nat", meaning="scores of going on by 0, 1, 2, ... phones")
    phone = Tap("batch token dim", rate=25.0, meaning="what the chosen phone adds before the code is scored")

    def __init__(self, dim: int, max_advance: int) -> None:
        super().__init__()
        self.max_advance = max_advance
        self.duration_embedding = nn.Embedding(LONGEST_DURATION + 1, dim)
        self.current_phone = nn.Linear(dim, dim, bias=False)
        self.next_phone = nn.Linear(dim, dim, bias=False)
        self.decide = nn.Linear(dim, max_advance + 1)
        self.join = nn.Sequential(nn.Linear(3 * dim, dim), nn.ReLU(), nn.Linear(dim, dim))

    def code_inputs(self, embedded: Tensor, columns: Tensor, duration: Tensor) -> Tensor:
        """What is added to the embeddings of codes: phones (B, P, D), columns and duration (B, T) -> (B, T, D)."""
        following = (columns + 1).clamp(max=embedded.shape[1] - 1)
        current = self.current_phone(gather_phones(embedded, columns))
        coming = self.next_phone(gather_phones(embedded, following))
        return current + coming + self.duration_embedding(duration)

    def scores(self, steps: Tensor) -> Tensor:
        """Scores of the advances: (B, S, D) -> (B, S, M)."""
        return self.advance(self.decide(steps))

    def teacher_forced(self, steps: Tensor, read: Tensor, columns: Tensor) -> Tensor:
        """Steps (B, T + 1, D), phones read (B, P, D), columns (B, T) -> steps ready to be scored."""
        self.scores(steps)
        # The step that ends the sequence stays where the last code was.
        columns = torch.cat([columns, columns[:, -1:]], dim=1)
        return self._with_phone(steps, read, columns, durations(columns))

    def go_on(self, step: Tensor, state: AlignmentState, choose: ChooseAdvance | None) -> Tensor:
        """Choose the next advance, never beyond the last phone: newest step (A, 1, D) -> ready to be scored."""
        scores = self.scores(step)[:, 0]
        target = state.column[:, None] + torch.arange(self.max_advance + 1, device=scores.device)
        blocked = target >= state.read.shape[1]
        # At the last phone there is nowhere to go: there the decode ends, see `AlignedSemanticGPT.step`.
        blocked[:, 0] = state.longer_by(1) & ~blocked[:, 1]
        scores = scores.masked_fill(blocked, float("-inf"))
        state.made += 1
        if choose is None:
            advance = scores.argmax(-1)
        else:
            advance = choose(scores, state.made, state.column - state.start)
        longer = (state.duration + 1).clamp(max=LONGEST_DURATION)
        state.duration = torch.where(advance > 0, 0, longer)
        state.stayed = torch.where(advance > 0, 1, state.stayed + 1)
        state.column = state.column + advance
        return self._with_phone(step, state.read, state.column[:, None], state.duration[:, None])

    def _with_phone(self, steps: Tensor, read: Tensor, columns: Tensor, duration: Tensor) -> Tensor:
        phones = gather_phones(read, columns)
        joined = torch.cat([steps, phones, self.duration_embedding(duration)], dim=-1)
        return steps + self.phone(self.join(joined))


class AlignedSemanticGPT(SemanticGPT):
    """A SemanticGPT with a `MonotonicAlignment`: see `SemanticGPT` for all arguments but one.

    Args:
        max_advance: most phones that one code may pass.

    Raises:
        ConfigError: `phone_index` is missing or has another shape than the codes; those of `SemanticGPT`.
    """

    def __init__(
        self,
        n_phones: PositiveInt = 732,
        n_codes: PositiveInt = 1024,
        context_dim: NonNegativeInt = 1024,
        dim: PositiveInt = 512,
        n_heads: PositiveInt = 16,
        n_layers: PositiveInt = 24,
        ffn_dim: PositiveInt = 2048,
        dropout: ClosedUnitInterval = 0.1,
        attention_dropout: ClosedUnitInterval | None = None,
        speaker_dim: NonNegativeInt = 0,
        max_advance: PositiveInt = 4,
    ) -> None:
        super().__init__(
            n_phones,
            n_codes,
            context_dim,
            dim,
            n_heads,
            n_layers,
            ffn_dim,
            dropout,
            attention_dropout,
            speaker_dim,
        )
        self.max_advance = max_advance
        self.monotonic_alignment = MonotonicAlignment(dim, max_advance)

    def new_cache(self) -> AlignedCache:
        """An empty cache for one decode."""
        return AlignedCache()

    def advance_scores(self) -> BoundTap | None:
        """The tap of the scores (B, T + 1, M) of going on in the text."""
        return self.monotonic_alignment.advance

    def step(self, codes: Tensor, cache: AlignedCache) -> Tensor:  # type: ignore[override]
        """One more code: (A,) and the cache of all before -> logits of the next one (A, V).

        Where the last phone would be too long with it, the stop class is by far the likeliest.
        """
        state = cache.state
        assert state is not None, "a decode begins with forward"
        x = self._embed_codes(codes[:, None], cache.speaker, cache.n_codes, cache.skip)
        column, duration = state.column[:, None], state.duration[:, None]
        x = x + self.monotonic_alignment.code_inputs(state.embedded, column, duration)
        x = self._run(x, cache.mask(x.dtype), cache)
        cache.n_codes += 1
        logits = self._score(self.monotonic_alignment.go_on(x, state, cache.choose))[:, 0]
        return self.stopping(logits, state.longer_by(0))

    def stopping(self, logits: Tensor, rows: Tensor) -> Tensor:
        """Logits (A, V) in which the stop class is by far the likeliest in some rows (A,)."""
        stop = torch.where(rows, logits.max(-1).values + SURE, logits[:, self.eos])
        return torch.cat([logits[:, : self.eos], stop[:, None]], dim=1)

    def _embed_past(self, past: Codes, embedded_text: Tensor, text: PaddedText, voice: Tensor | None) -> Tensor:
        x = super()._embed_past(past, embedded_text, text, voice)
        columns = _columns(past, text.skip)
        duration = durations(columns, past.valid)
        return x + self.monotonic_alignment.code_inputs(embedded_text, columns, duration)

    def _before_scores(  # type: ignore[override]
        self,
        steps: Tensor,
        read: Tensor,
        embedded_text: Tensor,
        text: PaddedText,
        past: Codes,
        cache: AlignedCache | None,
    ) -> Tensor:
        columns = _columns(past, text.skip)
        if cache is None:
            return self.monotonic_alignment.teacher_forced(steps, read, columns)
        cache.state, newest = _begin(steps, embedded_text, read, columns, text.skip, past.valid)
        cache.state.longest = cache.longest
        return self.monotonic_alignment.go_on(newest, cache.state, cache.choose)


def _begin(
    steps: Tensor,
    embedded: Tensor,
    read: Tensor,
    columns: Tensor,
    skip: Tensor | None,
    valid: Tensor | None,
) -> tuple[AlignmentState, Tensor]:
    """Where each row of a decode stands after its prompt, and its newest step (A, 1, D).

    Args:
        steps: (A, T + 1, D) from the last phone on.
        embedded: see `AlignmentState`.
        read: see `AlignmentState`.
        columns: (A, T) of the prompt's codes; T may be 0.
        skip: (A,) padding columns before the first phone, or None.
        valid: (A, T) which codes are real, or None for all.
    """
    first = torch.zeros_like(read[:, 0, 0], dtype=torch.int64) if skip is None else skip
    # -1: nothing has been spoken, so the first phone begins even where the first code does not go on.
    column, duration, newest = first, torch.full_like(first, -1), steps[:, -1]
    if columns.shape[1]:
        spoken = torch.ones_like(first, dtype=torch.bool) if valid is None else valid.any(1)
        column = torch.where(spoken, columns[:, -1], column)
        duration = torch.where(spoken, durations(columns, valid)[:, -1], duration)
        newest = torch.where(spoken[:, None], newest, steps[:, 0])
    return AlignmentState(embedded, read, column, duration, column, torch.zeros_like(column)), newest[:, None]


def gather_phones(phones: Tensor, columns: Tensor) -> Tensor:
    """Phones (B, P, D) at columns (B, T) -> (B, T, D)."""
    return phones.gather(1, columns[..., None].expand(-1, -1, phones.shape[-1]))


def _columns(past: Codes, skip: Tensor | None) -> Tensor:
    """Phone index of the codes (B, T) as columns of texts that are padded by `skip` (B,) on the left."""
    phone_index = past.phone_index
    if phone_index is None:
        if past.codes.shape[1]:
            raise ConfigError(
                "CONFIG_INCONSISTENT",
                "A SemanticGPT with monotonic alignment needs the phone of each code",
                "phone_index, one for each code",
            )
        phone_index = past.codes
    if phone_index.shape != past.codes.shape:
        raise ConfigError(
            "CONFIG_INCONSISTENT",
            f"phone_index is {tuple(phone_index.shape)}, codes are {tuple(past.codes.shape)}",
            "one index for each code",
        )
    return phone_index if skip is None else phone_index + skip[:, None]


def durations(columns: Tensor, valid: Tensor | None = None) -> Tensor:
    """Codes since the phone of each code began: columns (B, T) -> (B, T), 0 at every new phone.

    `valid` (B, T) is false at padding, where nothing is counted.
    """
    at = torch.arange(columns.shape[1], device=columns.device).expand_as(columns)
    begins = torch.ones_like(columns, dtype=torch.bool)
    begins[:, 1:] = columns[:, 1:] != columns[:, :-1]
    if valid is not None:
        begins[:, 1:] |= ~valid[:, :-1]
    since = torch.where(begins, at, 0).cummax(1).values
    return (at - since).clamp(max=LONGEST_DURATION)


def monotonic_path(phone_index: Tensor, max_advance: int) -> Tensor:
    """Aligned phones of codes (B, T), -1 in silence, as paths (B, T) that a monotonic alignment can take.

    Silence stays at the phone before it; a leap over more than `max_advance` phones is spread over the codes that
    follow.
    """
    furthest = phone_index.clamp(min=0).cummax(1).values
    # The path w(t) = min over s <= t of furthest(s) + max_advance * (t - s), with w = 0 before the first code.
    ramp = max_advance * torch.arange(1, phone_index.shape[1] + 1, device=phone_index.device)
    return torch.minimum(ramp + (furthest - ramp).cummin(1).values, ramp)
