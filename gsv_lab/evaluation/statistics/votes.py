"""Votes of a listening test: who rated which item of which system, and how.

Raters and items are crossed: a rater judges many items, an item is judged by many raters. Whatever is computed from
votes depends on the names and not on the order of the rows.
Letters: N votes, R raters, I items, S systems, J stimuli (a stimulus is one item by one system).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Votes:
    """A table of N votes; `rater`, `item` and `system` are places in the lists of names.

    Args:
        raters: R names in natural order.
        items: I names.
        systems: S names.
        rater: (N,) which rater.
        item: (N,) which item.
        system: (N,) which system.
        score: (N,) the votes.
    """

    raters: tuple[str, ...]
    items: tuple[str, ...]
    systems: tuple[str, ...]
    rater: Ints
    item: Ints
    system: Ints
    score: Floats

    def __len__(self) -> int:
        return len(self.score)

    @classmethod
    def of(
        cls, raters: Sequence[str], items: Sequence[str], systems: Sequence[str], scores: Sequence[float] | Floats
    ) -> Votes:
        """The table of four columns of equal length.

        Raises:
            ValueError: lengths differ, or a score is not finite.
        """
        score = np.asarray(scores, dtype=np.float64)
        lengths = {len(raters), len(items), len(systems), len(score)}
        if len(lengths) != 1 or not np.isfinite(score).all():
            raise ValueError(f"columns have {sorted(lengths)} entries, expected equally many and finite scores")
        (rater_names, rater), (item_names, item), (system_names, system) = map(places, (raters, items, systems))
        return cls(rater_names, item_names, system_names, rater, item, system, score)

    def where(self, keep: NDArray[Any]) -> Votes:
        """Some of the votes, with the names that they need.

        Args:
            keep: (N,) true where a vote stays, or places of votes.
        """
        columns = []
        for names, place in ((self.raters, self.rater), (self.items, self.item), (self.systems, self.system)):
            used, found = np.unique(place[keep], return_inverse=True)
            columns.append((tuple(names[number] for number in used), found.astype(np.int64)))
        (raters, rater), (items, item), (systems, system) = columns
        return Votes(raters, items, systems, rater, item, system, self.score[keep])

    def of_system(self, name: str) -> Votes:
        """The votes of one system."""
        return self.where(self.system == self.systems.index(name))

    def without(self, raters: Iterable[str]) -> Votes:
        """The votes of all other raters."""
        away = set(raters)
        gone = np.array([name in away for name in self.raters], dtype=bool)
        return self.where(~gone[self.rater]) if len(self) else self

    def stimuli(self) -> tuple[list[tuple[str, str]], Ints]:
        """(system, item) of the J stimuli that have votes, and the stimulus of each vote (N,)."""
        pairs, stimulus = np.unique(self.system * len(self.items) + self.item, return_inverse=True)
        names = [(self.systems[pair // len(self.items)], self.items[pair % len(self.items)]) for pair in pairs.tolist()]
        return names, stimulus.astype(np.int64)


def places(names: Sequence[str]) -> tuple[tuple[str, ...], Ints]:
    """The distinct names in natural order, and for each entry its place among them."""
    order = tuple(sorted(set(names), key=natural))
    number = {name: place for place, name in enumerate(order)}
    return order, np.array([number[name] for name in names], dtype=np.int64)


def natural(name: str) -> tuple[list[str | int], str]:
    """A key that sorts numbers in names by their value.

    >>> sorted(["T10", "T9", "2", "10"], key=natural)
    ['2', '10', 'T9', 'T10']
    """
    parts = re.split(r"([0-9]+)", name)
    return [int(part) if number % 2 else part for number, part in enumerate(parts)], name


def sums(values: Floats, groups: Ints, count: int = 0) -> Floats:
    """Sum of the values of each group (G,), G at least `count`."""
    return np.asarray(np.bincount(groups, weights=values, minlength=count), dtype=np.float64)


def rater_means(votes: Votes) -> Floats:
    """Mean of each rater's votes for each system (R, S); NaN where there are none.

    Means of whole numbers are correctly rounded, so equal fractions are equal numbers.
    """
    shape = (len(votes.raters), len(votes.systems))
    cell = votes.rater * shape[1] + votes.system
    counts = np.bincount(cell, minlength=shape[0] * shape[1])
    with np.errstate(invalid="ignore"):
        return (sums(votes.score, cell, shape[0] * shape[1]) / counts).reshape(shape)
