"""How the learning rate moves, each way as a class of its own.

A schedule gives a share of the task's learning rate. `Cosine` and `Exponential` follow the budget, so that slow and
fast machines both finish them; those of the released trainers count optimizer steps, and since the released tasks have
a learning rate of 1, what they give are the rates themselves.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod

from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from gsv_lab.system.registry import Configurable


class Schedule(Configurable, ABC):
    """A share of the learning rate for every optimizer step."""

    @abstractmethod
    def rate(self, step: int, per_epoch: int = 0, progress: float = 0.0) -> float:
        """The share of a step, counted from 0.

        Args:
            step: its number.
            per_epoch: steps of one pass over the data; 0 where the data do not say.
            progress: share of the budget that is used.
        """


class Constant(Schedule):
    """The whole learning rate, all the time."""

    def rate(self, step: int, per_epoch: int = 0, progress: float = 0.0) -> float:
        """See the class."""
        return 1.0


class Cosine(Schedule):
    """Down in half a cosine over the budget.

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.

    Args:
        end: share at the end of the budget.
    """

    def __init__(self, end: ClosedUnitInterval = 0.05) -> None:
        self.end = end

    def rate(self, step: int, per_epoch: int = 0, progress: float = 0.0) -> float:
        """See the class."""
        cosine = 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))
        return self.end + (1 - self.end) * cosine


class Exponential(Schedule):
    """Down by the same factor in equal parts of the budget.

    Args:
        end: share at the end of the budget.
    """

    def __init__(self, end: PositiveFloat = 0.05) -> None:
        self.end = end

    def rate(self, step: int, per_epoch: int = 0, progress: float = 0.0) -> float:
        """See the class."""
        return self.end ** min(1.0, progress)


class FirstThenConstant(Schedule):
    """One step at one rate, all others at another: what the released SemanticGPT trainer really does.

    Its configuration names a warm-up and a cosine (`WarmUpCosine`), but the computed value is replaced by a constant,
    from the second step on.

    Args:
        first: rate of step 0.
        then: rate of every later step.

    >>> [FirstThenConstant().rate(n) for n in (0, 1, 5000)]
    [0.01, 0.002, 0.002]
    """

    def __init__(self, first: PositiveFloat = 0.01, then: PositiveFloat = 0.002) -> None:
        self.first, self.then = first, then

    def rate(self, step: int, per_epoch: int = 0, progress: float = 0.0) -> float:
        """See the class."""
        return self.then if step else self.first


class WarmUpCosine(Schedule):
    """Up in a straight line, down in half a cosine, then flat: what the released configuration of SemanticGPT asks for.

    Source: Loshchilov and Hutter 2017, arXiv:1608.03983, eq. 5, without restarts.

    Args:
        start: rate of step 0.
        peak: rate at the end of the warm-up.
        end: rate from `decay` on.
        warm_up: steps of the way up.
        decay: steps until `end`, the warm-up included.

    Raises:
        ValueError: `decay` does not come after `warm_up`.
    """

    def __init__(
        self,
        start: NonNegativeFloat = 1e-5,
        peak: PositiveFloat = 0.01,
        end: NonNegativeFloat = 1e-4,
        warm_up: NonNegativeInt = 2000,
        decay: PositiveInt = 40000,
    ) -> None:
        if not 0 <= warm_up < decay:
            raise ValueError(f"decay is {decay} and warm_up {warm_up}; decay must be greater")
        self.start, self.peak, self.end, self.warm_up, self.decay = start, peak, end, warm_up, decay

    def rate(self, step: int, per_epoch: int = 0, progress: float = 0.0) -> float:
        """See the class."""
        if step < self.warm_up:
            return self.start + (self.peak - self.start) * step / self.warm_up
        share = min(1.0, (step - self.warm_up) / (self.decay - self.warm_up))
        return self.end + (self.peak - self.end) * 0.5 * (1 + math.cos(math.pi * share))


class EpochDecay(Schedule):
    """The same factor after every pass over the data, as the released SoVITS trainer does.

    Args:
        peak: rate before any decay.
        decay: factor of an epoch.
        steps_per_epoch: optimizer steps in an epoch; 0 for those of one pass over the data.
        ahead: epochs that are counted before the first; the released trainer steps its scheduler once too often.

    Raises:
        ValueError: `steps_per_epoch` is negative.
    """

    def __init__(
        self,
        peak: PositiveFloat = 1e-4,
        decay: ClosedUnitInterval = 0.999875,
        steps_per_epoch: NonNegativeInt = 0,
        ahead: NonNegativeInt = 0,
    ) -> None:
        if steps_per_epoch < 0:
            raise ValueError(f"steps_per_epoch is {steps_per_epoch}, expected 0 or more")
        self.peak, self.decay, self.steps_per_epoch, self.ahead = peak, decay, steps_per_epoch, ahead

    def rate(self, step: int, per_epoch: int = 0, progress: float = 0.0) -> float:
        """See the class."""
        steps = self.steps_per_epoch or per_epoch
        epochs = step // steps if steps else 0
        return self.peak * self.decay ** (epochs + self.ahead)
