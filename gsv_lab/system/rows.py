"""Which rows of a batch are at hand, where several processes share one.

A part that treats the first rows of a batch otherwise than the rest asks `first_rows`, which counts those of the whole
batch. Without a sharing around it, the rows at hand are the batch.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field

from gsv_lab.errors import ConfigError


@dataclass(frozen=True)
class Rows:
    """Rows of a batch that are dealt to processes one by one, as cards are.

    Args:
        size: of the whole batch.
        rank: number of this process.
        ranks: of all processes.
        parts: number of rows at hand of some first rows -> number of those, see `first_rows`.
    """

    size: int
    rank: int
    ranks: int
    parts: dict[int, int] = field(default_factory=dict)

    def own(self, size: int | None = None) -> list[int]:
        """Numbers of the rows that this process has of the first `size` ones; of all if None."""
        return list(range(self.rank, self.size if size is None else size, self.ranks))

    def whole(self, count: int) -> int:
        """How many rows of the whole batch stand behind `count` rows at hand; 0 where that is not known.

        A process without any row has one that counts for nothing.
        """
        return self.size if count == max(1, len(self.own())) else self.parts.get(count, 0)


_SHARED: ContextVar[Rows | None] = ContextVar("rows", default=None)


@contextmanager
def sharing(rows: Rows) -> Iterator[None]:
    """Context in which only some rows of a batch are at hand."""
    token = _SHARED.set(rows)
    try:
        yield
    finally:
        _SHARED.reset(token)


def first_rows(share: float, count: int) -> int:
    """How many of `count` rows at hand belong to the first `share` of the whole batch.

    Raises:
        ConfigError: STRATEGY_UNAVAILABLE, a process would have none of them, or nothing but them.
    """
    rows = _SHARED.get()
    if rows is None or rows.whole(count) != rows.size:
        return round(share * count)
    first = round(share * rows.size)
    rest = rows.size - first
    if min(first or rest, rest or first) < rows.ranks:
        problem = f"{rows.ranks} processes share {rows.size} windows, of which {first} are made from the prior"
        raise ConfigError(
            "STRATEGY_UNAVAILABLE", problem, f"at least {rows.ranks} of both kinds", "Take more windows, or one process"
        )
    found = len(rows.own(first))
    if found:
        rows.parts[found] = first
    return found
