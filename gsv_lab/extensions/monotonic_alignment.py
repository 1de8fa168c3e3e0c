"""Where in the text a code stands: a pointer that only moves forward.

place of the last code -> added to that code's embedding; hidden step -> move -> place of the next code -> its scores

Attention finds out by itself where it is in the text, but only after far more speech than a laptop can read. Here the
network is told the phone that each code speaks, and says before every code how many phones to go on. It says no phone
twice, passes over M - 2 at most between two codes, and cannot stop before the end.
Letters: B batch, P phones (as columns, padding on the left), T codes, S = T + 1 scored steps, D width, M moves.
Does not know how a move is chosen: decoding hands in the rule.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gsv_lab.hooks.tap import Component, Tap

Choose = Callable[[Tensor, int, Tensor], Tensor]
"""Scores of the moves (B, M), codes made with the next one, phones passed since the start (B,) -> moves (B,)."""

LONGEST_STAY = 15
"""Codes; whoever stays longer on a phone is not told how much longer."""


@dataclass
class Walk:
    """The pointer's state while decoding.

    Args:
        embedded: (B, P, D) phones as they entered the first layer.
        read: (B, P, D) phones as they left the last layer.
        column: (B,) where the pointer stands.
        stay: (B,) codes since it came there.
        start: (B,) where it set out.
        choose: the rule for moves; None takes the likeliest.
        made: codes since it set out.
    """

    embedded: Tensor
    read: Tensor
    column: Tensor
    stay: Tensor
    start: Tensor
    choose: Choose | None = None
    made: int = 0

    @property
    def may_stop(self) -> Tensor:
        """(B,) true at the last phone, or at the one before, for a closing mark takes no time."""
        return self.column >= self.read.shape[1] - 2

    def select(self, rows: Tensor) -> None:
        """Keeps only these rows of the batch."""
        self.embedded, self.read = self.embedded[rows], self.read[rows]
        self.column, self.stay, self.start = self.column[rows], self.stay[rows], self.start[rows]


class TextPointer(Component):
    """Tells every code step its phone, and lets the step choose the next one.

    Why: monotonic by construction, and words are followed after minutes of training.
    Source: the idea of VALL-E R, arXiv:2406.07855, section 3.2, which predicts the next phone beside the next code.
    Differs from it: the step says how many phones to go on (0 to `moves`), and the code is scored after that choice.

    Args:
        dim: width D.
        moves: most phones that one code may pass; M = moves + 1.
    """

    move = Tap("batch token move", rate=25.0, unit="nat", meaning="scores of going on by 0, 1, 2, ... phones")
    spoken = Tap("batch token dim", rate=25.0, meaning="what the chosen phone adds before the code is scored")

    def __init__(self, dim: int, moves: int) -> None:
        super().__init__()
        self.moves = moves
        self.stay = nn.Embedding(LONGEST_STAY + 1, dim)
        self.here, self.ahead = nn.Linear(dim, dim, bias=False), nn.Linear(dim, dim, bias=False)
        self.decide = nn.Linear(dim, moves + 1)
        self.join = nn.Sequential(nn.Linear(3 * dim, dim), nn.ReLU(), nn.Linear(dim, dim))

    def told(self, embedded: Tensor, columns: Tensor, stay: Tensor) -> Tensor:
        """What is added to the embeddings of codes: phones (B, P, D), columns (B, T), stay (B, T) -> (B, T, D)."""
        following = (columns + 1).clamp(max=embedded.shape[1] - 1)
        return self.here(rows(embedded, columns)) + self.ahead(rows(embedded, following)) + self.stay(stay)

    def scores(self, hidden: Tensor) -> Tensor:
        """(B, S, D) -> (B, S, M)."""
        return self.move(self.decide(hidden))

    def follow(self, hidden: Tensor, read: Tensor, columns: Tensor) -> Tensor:
        """Teacher forcing: steps (B, T + 1, D), phones read (B, P, D), columns (B, T) -> steps ready to be scored."""
        self.scores(hidden)
        # The step that ends the sequence stays where the last code was.
        columns = torch.cat([columns, columns[:, -1:]], dim=1)
        return self._ready(hidden, read, columns, stays(columns))

    def set_out(
        self,
        hidden: Tensor,
        embedded: Tensor,
        read: Tensor,
        columns: Tensor,
        skip: Tensor | None,
        valid: Tensor | None,
        choose: Choose | None,
    ) -> tuple[Walk, Tensor]:
        """The start of a decode: where each row stands after its prompt, and its newest step (B, 1, D).

        Args:
            hidden: (B, T + 1, D) steps from the last phone on.
            embedded: see `Walk`.
            read: see `Walk`.
            columns: (B, T) of the prompt's codes; T may be 0.
            skip: (B,) padding columns before the first phone, or None.
            valid: (B, T) which codes are real, or None for all.
            choose: see `Walk`.
        """
        first = torch.zeros_like(read[:, 0, 0], dtype=torch.int64) if skip is None else skip
        # -1: nothing has been spoken, so the first code arrives even where it does not move.
        column, stay, newest = first, torch.full_like(first, -1), hidden[:, -1]
        if columns.shape[1]:
            spoke = torch.ones_like(first, dtype=torch.bool) if valid is None else valid.any(1)
            column = torch.where(spoke, columns[:, -1], column)
            stay = torch.where(spoke, stays(columns, valid)[:, -1], stay)
            newest = torch.where(spoke[:, None], newest, hidden[:, 0])
        return Walk(embedded, read, column, stay, column, choose), newest[:, None]

    def go_on(self, hidden: Tensor, walk: Walk) -> Tensor:
        """Choose and make the next move, never beyond the last phone: newest step (B, 1, D) -> ready to be scored."""
        scores = self.scores(hidden)[:, 0]
        target = walk.column[:, None] + torch.arange(self.moves + 1, device=scores.device)
        scores = scores.masked_fill(target >= walk.read.shape[1], float("-inf"))
        walk.made += 1
        passed = walk.column - walk.start
        moves = scores.argmax(-1) if walk.choose is None else walk.choose(scores, walk.made, passed)
        walk.stay = torch.where(moves > 0, 0, (walk.stay + 1).clamp(max=LONGEST_STAY))
        walk.column = walk.column + moves
        return self._ready(hidden, walk.read, walk.column[:, None], walk.stay[:, None])

    def _ready(self, hidden: Tensor, read: Tensor, columns: Tensor, stay: Tensor) -> Tensor:
        joined = torch.cat([hidden, rows(read, columns), self.stay(stay)], dim=-1)
        return hidden + self.spoken(self.join(joined))


def rows(phones: Tensor, columns: Tensor) -> Tensor:
    """Phones (B, P, D) at columns (B, T) -> (B, T, D)."""
    return phones.gather(1, columns[..., None].expand(-1, -1, phones.shape[-1]))


def to_columns(places: Tensor | None, codes: Tensor, skip: Tensor | None) -> Tensor:
    """Places (B, T) as columns of texts that are padded by `skip` (B,) on the left.

    Raises:
        ValueError: places are missing, or of another shape than the codes.
    """
    if places is None:
        if codes.shape[1]:
            raise ValueError("this network has a pointer: say with `places` which phone each code speaks")
        places = codes
    if places.shape != codes.shape:
        raise ValueError(f"places are {tuple(places.shape)}, codes are {tuple(codes.shape)}")
    return places if skip is None else places + skip[:, None]


def stays(columns: Tensor, valid: Tensor | None = None) -> Tensor:
    """How many codes the pointer has stood where it stands: (B, T) -> (B, T), 0 at every arrival.

    `valid` (B, T) is false at padding, where nothing is counted.
    """
    at = torch.arange(columns.shape[1], device=columns.device).expand_as(columns)
    arrived = torch.ones_like(columns, dtype=torch.bool)
    arrived[:, 1:] = columns[:, 1:] != columns[:, :-1]
    if valid is not None:
        arrived[:, 1:] |= ~valid[:, :-1]
    since = torch.where(arrived, at, 0).cummax(1).values
    return (at - since).clamp(max=LONGEST_STAY)


def steady(positions: Tensor, moves: int) -> Tensor:
    """Aligned phones of codes (B, T), -1 in silence, as walks (B, T) that a pointer can make.

    Silence stays at the phone before it; a leap over more than `moves` phones is spread over the codes that follow.
    """
    furthest = positions.clamp(min=0).cummax(1).values
    # The walk w(t) = min over s <= t of furthest(s) + moves * (t - s), with w = 0 before the first code.
    ramp = moves * torch.arange(1, positions.shape[1] + 1, device=positions.device)
    return torch.minimum(ramp + (furthest - ramp).cummin(1).values, ramp)
