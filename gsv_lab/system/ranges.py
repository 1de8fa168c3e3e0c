"""Ranges of numbers as types: `width: PositiveInt` in a constructor is the only place where the range is written.

To Python and jsonargparse an alias is the plain `int` or `float` inside it, so a network that uses one needs no
library. `gsv_lab.system.config_checks.check_ranges` reads the ranges of the constructors that a configuration names.
"""

from __future__ import annotations

import math
from typing import Annotated, NamedTuple


class Range(NamedTuple):
    """Finite numbers between two bounds.

    Args:
        least: lower bound.
        most: upper bound, included.
        above: the lower bound itself is excluded.
    """

    least: float
    most: float = math.inf
    above: bool = False

    def holds(self, value: float) -> bool:
        """Whether a number lies in the range; infinity and NaN never do."""
        if not -math.inf < value < math.inf or value > self.most:
            return False
        return value > self.least if self.above else value >= self.least

    def __str__(self) -> str:
        """The range in words."""
        if self.least == -math.inf:
            return "a number"
        lower = f"above {self.least:g}" if self.above else f"from {self.least:g}"
        if math.isfinite(self.most):
            return f"a number {lower} to {self.most:g}"
        return f"a number {lower}" if self.above else f"a number {lower} on"


PositiveInt = Annotated[int, Range(0, above=True)]
NonNegativeInt = Annotated[int, Range(0)]
PositiveFloat = Annotated[float, Range(0, above=True)]
NonNegativeFloat = Annotated[float, Range(0)]
ClosedUnitInterval = Annotated[float, Range(0, 1)]
Finite = Annotated[float, Range(-math.inf)]
Seed = Annotated[int, Range(-math.inf)]
"""Any whole number; see `gsv_lab.system.seeds.check_seed`."""
