"""What a measure found, and the names under which the file of claims finds measures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from gsv_lab.evaluation.claims.material import Material


@dataclass(frozen=True)
class Measured:
    """A number with what is known of it.

    Args:
        value: in the unit of the claim.
        low: lower end of the 95 % interval, of a time that of the range from the fifth to the 95th percentile; None
            where there is none.
        high: upper end.
        n: how many `over` the interval is made; 0 for a count.
        over: what was sampled: `speakers`, `clips`, `runs`, ...
        subject: what was measured.
        exact: a count, which needs no interval.
        instead: why this is not what the claim is about; empty if it is. It then decides nothing.
        note: what else a reader must know.
        details: more that was found, in words -> number.
    """

    value: float
    low: float | None = None
    high: float | None = None
    n: int = 0
    over: str = ""
    subject: str = ""
    exact: bool = False
    instead: str = ""
    note: str = ""
    details: Mapping[str, float] = field(default_factory=dict)


class Measure(NamedTuple):
    """How something is measured, and whether the number comes from a clock or a machine."""

    run: Callable[[Material], Measured]
    clock: bool


MEASURES: dict[str, Measure] = {}
"""By the names of `measure` in the file of claims."""


def measure(name: str, clock: bool = False) -> Callable[[Callable[[Material], Measured]], Callable[..., Measured]]:
    """A function that measures, under a name of the file of claims.

    Args:
        name: in the file.
        clock: the number is one of this machine: it stands in `timing.json` and never in `results.json`.

    Raises:
        ValueError: there is one of that name.
    """

    def register(run: Callable[[Material], Measured]) -> Callable[..., Measured]:
        if name in MEASURES:
            raise ValueError(f"there are two measures called {name!r}")
        MEASURES[name] = Measure(run, clock)
        return run

    return register
