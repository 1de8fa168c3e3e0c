"""What a probe heard at one tap: tensors with named axes and a sense of time, one for each call.

Idea: a decode calls a tap once for every step and streaming once for every chunk, so a record is a list. `stacked` and
`joined` make one tensor of it, `at` and `align` speak in seconds, `show` draws. Shapes are those of the declared axes.
This file does not know networks, nor how the tensors got here; the drawing lives in `gsv_lab.figures`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.errors import HookError

if TYPE_CHECKING:
    from matplotlib.figure import Figure

RATED_AXES = ("sample", "frame", "token", "step")
"""Names of axes that a rate can belong to, in this order."""
TIME_AXES = (*RATED_AXES, "query")
"""Names of axes along which one call follows the other."""


def axis_index(name: str, axes: tuple[str, ...], axis: str) -> int:
    """Where an axis of a tap stands.

    Raises:
        HookError: AXIS_UNKNOWN, the tap has none of that name.
    """
    if axis not in axes:
        raise HookError("AXIS_UNKNOWN", f"{name} has no axis '{axis}'", f"one of {', '.join(axes)}")
    return axes.index(axis)


def time_axis(axes: tuple[str, ...]) -> str:
    """The axis that runs through time; empty where there is none."""
    return next((axis for axis in TIME_AXES if axis in axes), "")


@dataclass(frozen=True, eq=False)
class Record:
    """What passed one tap, one tensor a call.

    Args:
        name: the tap's name, from the probed root.
        axes: name of each axis, in order.
        steps: the tensors.
        rate: frames per second of the time axis, None where no axis is time.
        unit, meaning, view: see `gsv_lab.hooks.tap.Tap`.
        every: of so many calls one was kept.
        origin: tells the tap's component from those of other models, see `gsv_lab.hooks.catalogue.Point`.
        start: seconds at which the first frame begins.
        cotangents: call -> gradient of what `backward` was called on, where the probe kept gradients.
    """

    name: str
    axes: tuple[str, ...]
    steps: list[Tensor] = field(default_factory=list)
    rate: float | None = None
    unit: str = ""
    meaning: str = ""
    view: str = ""
    every: int = 1
    origin: str = ""
    start: float = 0.0
    cotangents: dict[int, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, calls: slice) -> Record:
        return self._with(self.steps[calls], self.axes)

    def __repr__(self) -> str:
        sizes = [f"{axis} {n}" for axis, n in zip(self.axes, self.steps[-1].shape, strict=True)] if self.steps else []
        return f"Record({self.name}: {len(self)} x ({', '.join(sizes)}){f', {self.rate:g} Hz' if self.rate else ''})"

    @property
    def value(self) -> Tensor:
        """The tensor of a tap that was called once.

        Raises:
            HookError: RECORD_CALLS, it was called more often.
        """
        if len(self) != 1:
            raise HookError("RECORD_CALLS", f"{self.name} holds {len(self)} calls", "one", "Use steps, stacked or joined")
        return self.steps[0]

    def mean(self, *axes: str) -> Record:
        """Averages over named axes; padding (NaN) does not count."""
        where = [axis_index(self.name, self.axes, axis) for axis in axes]
        steps = [(s if s.is_floating_point() else s.float()).nanmean(where) for s in self.steps]
        return self._with(steps, tuple(axis for axis in self.axes if axis not in axes))

    def select(self, axis: str, index: int) -> Record:
        """One entry of a named axis, which is dropped: `select("head", 3)`."""
        at = axis_index(self.name, self.axes, axis)
        size = min(s.shape[at] for s in self.steps)
        if not -size <= index < size:
            raise HookError("AXIS_RANGE", f"{self.name} has no {axis} {index}", f"0 to {size - 1}")
        return self._with([s.select(at, index) for s in self.steps], _without(self.axes, at))

    def stacked(self) -> Record:
        """All calls in one tensor with a new first axis `step`; axes that grow are padded with NaN.

        Where calls bring one position each (a decode), the axis of that position gives way to `step`, and of a longer call
        (the prompt) only the last position stays, which made the next code: `batch head query key` -> `step batch head key`.
        """
        axis, steps, axes = self._running(), self.steps, self.axes
        if axis is not None:
            steps, axes = [s.select(axis, -1) for s in steps], _without(axes, axis)
        new = "call" if "step" in axes else "step"
        return self._with([torch.stack(self._padded(steps, axes))], (new, *axes))

    def joined(self) -> Record:
        """All calls one after the other along the axis that runs (time, or the queries of attention), others padded."""
        axis = axis_index(self.name, self.axes, time_axis(self.axes))
        axis = self._running() or axis
        return self._with([torch.cat(self._padded(self.steps, self.axes, axis), axis)], self.axes)

    @property
    def times(self) -> Tensor:
        """Seconds at the middle of every frame: (F,)."""
        return self.start + (torch.arange(self.value.shape[self._clock()]) + 0.5).double() / self.rate

    def at(self, seconds: float | tuple[float, float]) -> Record:
        """The frame that sounds at a time (its axis is dropped), or all frames between two times.

        Raises:
            HookError: TIME_RANGE, outside the record; TIME_RATE, no axis is time.
        """
        axis, rate = self._clock(), self.rate
        n = min(s.shape[axis] for s in self.steps)
        first, end = seconds if isinstance(seconds, tuple) else (seconds, math.nan)
        a = math.floor((first - self.start) * rate + 1e-6)
        b = a + 1 if math.isnan(end) else math.ceil((end - self.start) * rate - 1e-6)
        if not 0 <= a < b <= n:
            limits = f"{self.start:g} to {self.start + n / rate:g} s"
            raise HookError("TIME_RANGE", f"{self.name} was asked for {seconds} s", f"a time within {limits}")
        if math.isnan(end):
            return self._with([s.select(axis, a) for s in self.steps], _without(self.axes, axis))
        part = self._with([s.narrow(axis, a, b - a) for s in self.steps], self.axes)
        return replace(part, start=self.start + a / rate)

    def align(self, other: Record) -> Record:
        """This record at the frames of another: for each the own frame that sounds at its middle.

        Raises:
            HookError: TIME_RANGE, the two last different times (by more than a frame of the slower one).
        """
        mine, theirs = self.times, other.times
        late = abs((mine[-1] + 0.5 / self.rate) - (theirs[-1] + 0.5 / other.rate))
        if max(late, abs(self.start - other.start)) > 1 / min(self.rate, other.rate) + 1e-6:
            lengths = f"{self.name} ends at {mine[-1]:.2f} s, {other.name} at {theirs[-1]:.2f} s"
            raise HookError("TIME_RANGE", lengths, "records of one sound")
        index = ((theirs - self.start) * self.rate + 1e-6).floor().long().clamp(0, len(mine) - 1)
        part = self._with([self.value.index_select(self._clock(), index.to(self.value.device))], self.axes)
        return replace(part, rate=other.rate, start=other.start)

    def gradient(self) -> Record:
        """The gradients that `backward` sent through the tap, same axes (`probe(..., grads=True)`).

        Raises:
            HookError: GRADIENT_MISSING, none came.
        """
        if not self.cotangents:
            raise HookError("GRADIENT_MISSING", f"No gradient came to {self.name}", "backward() in probe(..., grads=True)")
        return self._with([self.cotangents[i] for i in sorted(self.cotangents)], self.axes)

    def show(self, **options: Any) -> Figure:
        """Draws itself: `gsv_lab.figures.draw(record, **options)`."""
        from gsv_lab import figures

        return figures.draw(self, **options)

    def _with(self, steps: list[Tensor], axes: tuple[str, ...]) -> Record:
        rate = self.rate if any(axis in RATED_AXES for axis in axes) else None
        return replace(self, steps=steps, axes=axes, rate=rate, cotangents={})

    def _clock(self) -> int:
        if time_axis(self.axes) not in RATED_AXES or not self.rate:
            axes = " ".join(self.axes)
            raise HookError("TIME_RATE", f"{self.name} ({axes}) has no time axis of known rate", "such a record")
        return self.axes.index(time_axis(self.axes))

    def _running(self) -> int | None:
        # The axis of which a decode step brings one position.
        axis = next((i for i, axis in enumerate(self.axes) if axis in ("token", "step", "query")), None)
        return axis if axis is not None and len(self) > 1 and min(s.shape[axis] for s in self.steps) == 1 else None

    def _padded(self, steps: list[Tensor], axes: tuple[str, ...], keep: int = -1) -> list[Tensor]:
        sizes = [max(s.shape[i] for s in steps) for i in range(len(axes))]
        padded = []
        for step in steps:
            room = [0 if i == keep else size - n for i, (n, size) in enumerate(zip(step.shape, sizes, strict=True))]
            if "batch" in axes and room[axes.index("batch")]:
                raise HookError("RECORD_CALLS", f"The batch of {self.name} changed between calls", "one text at a time")
            amounts = [n for missing in reversed(room) for n in (0, missing)]
            floating = step if step.is_floating_point() or not any(amounts) else step.float()
            padded.append(functional.pad(floating, amounts, value=math.nan) if any(amounts) else step)
        return padded


def _without(axes: tuple[str, ...], index: int) -> tuple[str, ...]:
    return axes[:index] + axes[index + 1 :]
