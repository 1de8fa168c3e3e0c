"""Guided attention: showing one head of an attention layer what forced alignment already knows.

On a few hours of speech an attention needs very long to find out that frames follow phones; a loss on one head shows it
the way, the others stay free. Letters: B batch, Q queries (frames or codes), P phones.
"""

from __future__ import annotations

from types import TracebackType

from torch import Tensor

from gsv_lab.hooks.tap import BoundTap


class Watch:
    """Context that keeps what passes a tap, with its gradient; an observer that was there before goes on observing.

    Args:
        tap: to watch; None watches nothing, and `seen` stays empty.
    """

    def __init__(self, tap: BoundTap | None) -> None:
        self.tap = tap
        self.seen: list[Tensor] = []

    def __enter__(self) -> Watch:
        if self.tap is None:
            return self
        before = self.before = self.tap.live()

        def keep(value: Tensor) -> Tensor:
            value = value if before is None else before(value)
            self.seen.append(value)
            return value

        self.tap.observe(keep)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        value: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self.tap is not None:
            self.tap.observe(self.before)


def guided_attention_loss(pattern: Tensor, phone_index: Tensor) -> Tensor:
    """Negative log of the attention that each query pays to its own phone, a mean in nats over those that have one.

    pattern (B, Q, P), phone_index (B, Q) phone of each query or -1 -> ()

    Source: the idea of Tachibana et al. 2018, arXiv:1710.08969, 4.1, with an alignment in place of the diagonal.
    """
    known = phone_index >= 0
    columns = phone_index.clamp(min=0)[..., None]
    paid = pattern.float().gather(-1, columns).squeeze(-1)
    loss = -paid.clamp(min=1e-5).log() * known
    return loss.sum() / known.sum().clamp(min=1)
