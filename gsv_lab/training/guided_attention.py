"""Guided attention: telling one head of an attention layer what forced alignment already knows.

On a few hours of speech an attention needs very long to find out that frames follow phones; a loss on one head shows it
the way, the others stay free. Letters: B batch, Q queries (frames or codes), P phones.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any

from torch import Tensor

from gsv_lab.hooks.tap import BoundTap


class Watch:
    """Context that keeps what passes a tap, with its gradient; a listener that was there before goes on listening."""

    def __init__(self, tap: Any) -> None:
        self.tap: BoundTap = tap  # any attribute of a module counts as "Tensor | Module" for type checkers
        self.seen: list[Tensor] = []

    def __enter__(self) -> Watch:
        before = self.before = self.tap.live

        def keep(value: Tensor) -> Tensor:
            value = value if before is None else before(value)
            self.seen.append(value)
            return value

        self.tap.live = keep
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.tap.live = self.before


def guide_loss(pattern: Tensor, positions: Tensor) -> Tensor:
    """Negative log of the attention that each query pays to its own phone, a mean in nats over those that have one.

    pattern (B, Q, P), positions (B, Q) phone of each query or -1 -> ()

    Source: the idea of Tachibana et al. 2018, arXiv:1710.08969, 4.1, with an alignment in place of the diagonal.
    """
    known = positions >= 0
    paid = pattern.float().gather(-1, positions.clamp(min=0)[..., None]).squeeze(-1)
    return -(paid.clamp(min=1e-5).log() * known).sum() / known.sum().clamp(min=1)
