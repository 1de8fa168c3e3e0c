"""The plain tables of an experiment: how long and where a training runs, and by which recipe.

They stand at the top of a configuration as `trainer` and `recipe`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from gsv_lab.system.registry import Configurable


@dataclass
class TrainerSettings:
    """How long and how a training runs. Time is the budget, so that slow and fast machines both finish their schedule.

    Args:
        minutes: wall-clock budget of the whole training, over all resumptions.
        max_batches: stop after this many batches instead; 0 for the time budget alone.
        device: `auto` (a GPU of CUDA where there is one, else the CPU), `cpu`, `cuda`, `cuda:1`, `mps`.
        precision: `32`, `bf16`, `fp16`, or `auto` (bf16 where the processor or GPU has it). Spectra, losses, and sums
            are in 32 whatever it is.
        validate_every: batches between validations.
        checkpoint_every: batches between two checkpoints, which keep the averaged weights under their number, beside
            the last ones; 0 for none.
        average_decay: share of the moving average of the weights that a batch keeps; 0 takes the last weights.
        save_every_minutes: minutes between states saved for resuming.
        log_every: batches between log entries.
        workers: processes that prepare batches; 0 prepares them in the training process.
        processes: that train together, each on some rows of every batch, one on each GPU or several on the CPU.
    """

    minutes: PositiveFloat = 60.0
    max_batches: NonNegativeInt = 0
    device: str = "auto"
    precision: str = "auto"
    validate_every: PositiveInt = 500
    checkpoint_every: NonNegativeInt = 0
    average_decay: ClosedUnitInterval = 0.999
    save_every_minutes: PositiveFloat = 3.0
    log_every: PositiveInt = 20
    workers: NonNegativeInt = 0
    processes: PositiveInt = 1


@dataclass
class Recipe:
    """How the steps of a training are made, whatever its task: what is said here takes the place of the task's own.

    Args:
        schedule: a `gsv_lab.training.schedules.Schedule`, the share of the learning rate at each step.
        accumulate: batches whose gradients a step takes the mean of; 0 for as many as the task takes, one as a rule.
        rates: part -> factor on its learning rate. Parts are those of the task (`flow`, `vocoder`, `discriminators`
            ...), and `text`, what reads the text in a prior; where several hold a tensor, their factors are multiplied.
        weight_warm_up: loss -> batches in which its weight rises from 0 in a straight line.
    """

    schedule: Configurable | None = None
    accumulate: NonNegativeInt = 0
    rates: dict[str, NonNegativeFloat] = field(default_factory=dict)
    weight_warm_up: dict[str, PositiveInt] = field(default_factory=dict)
