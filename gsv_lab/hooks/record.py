"""What a probe recorded: tensors with named axes and a sense of time, under the names of their taps.

Idea: a decode calls a tap once for every step and streaming once for every chunk, so a record is a list. `stacked` and
`joined` make one tensor of it, `at` and `align` speak in seconds, `show` draws. Shapes are those of the declared axes.
The drawing lives in `gsv_lab.figures`, the comparison of two sets of records in `comparison.py`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.errors import HookError
from gsv_lab.hooks.catalogue import nearest, require
from gsv_lab.system.files import save_bytes

TIME_AXES = ("sample", "frame", "token", "step", "query")
"""Names of axes that run through time; the first of them that a tap has is the one its rate belongs to."""

GROWING_AXES = ("token", "step", "query")
"""Names of axes of which a decode step brings one position."""

HEADER = "gsv_lab_records"
"""Key of a file's header that says what its tensors mean."""


def axis_index(name: str, axes: tuple[str, ...], axis: str) -> int:
    """Where an axis of a tap stands; "time" stands for the one that runs through time.

    Raises:
        HookError: AXIS_UNKNOWN, the tap has no such axis.
    """
    found = axis
    if axis == "time":
        found = next((known for known in TIME_AXES if known in axes), axis)
    require(
        found in axes,
        "AXIS_UNKNOWN",
        f"{name} has no axis '{axis}'",
        f"one of {', '.join(axes)}",
    )
    return axes.index(found)


@dataclass(frozen=True, eq=False)
class Record:
    """What passed one tap, one tensor a call.

    Args:
        name: the tap's name, from the probed root.
        axes: name of each axis, in order.
        steps: the tensors.
        rate: frames per second of the time axis, None where no axis is time.
        unit, meaning: see `gsv_lab.hooks.tap.Tap`.
        every: of so many calls one was kept.
        origin: class and sizes of the tap's component, see `gsv_lab.hooks.catalogue.Point`.
        start: seconds at which the first frame begins.
        cotangents: index in `steps` -> gradient of what `backward` was called on, where the probe kept gradients.
    """

    name: str
    axes: tuple[str, ...]
    steps: list[Tensor] = field(default_factory=list)
    rate: float | None = None
    unit: str = ""
    meaning: str = ""
    every: int = 1
    origin: str = ""
    start: float = 0.0
    cotangents: dict[int, Tensor] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.steps)

    def __getitem__(self, calls: slice) -> Record:
        return self._with(self.steps[calls], self.axes)

    def __repr__(self) -> str:
        sizes = []
        for axis, size in zip(self.axes, self.steps[-1].shape, strict=True):
            sizes.append(f"{axis} {size}")
        rate = f", {self.rate:g} Hz" if self.rate else ""
        return f"Record({self.name}: {len(self)} x ({', '.join(sizes)}){rate})"

    @property
    def value(self) -> Tensor:
        """The tensor of a tap that was called once.

        Raises:
            HookError: RECORD_CALLS, it was called more often.
        """
        problem = f"{self.name} holds {len(self)} calls"
        require(len(self) == 1, "RECORD_CALLS", problem, "one", "Use steps or stacked()")
        return self.steps[0]

    def mean(self, *axes: str) -> Record:
        """Averages over named axes; padding (NaN) does not count."""
        where = [axis_index(self.name, self.axes, axis) for axis in axes]
        kept = tuple(axis for i, axis in enumerate(self.axes) if i not in where)
        means = [_real(step).nanmean(where) for step in self.steps]
        return self._with(means, kept)

    def select(self, axis: str, index: int) -> Record:
        """One entry of a named axis, which is dropped: `select("head", 3)`."""
        at = axis_index(self.name, self.axes, axis)
        size = min(step.shape[at] for step in self.steps)
        problem = f"{self.name} has no {axis} {index}"
        require(0 <= index < size, "AXIS_RANGE", problem, f"{axis} 0 to {size - 1}")
        return self._dropped(at, index)

    def stacked(self) -> Record:
        """All calls in one tensor with a new first axis `step`; axes that grow are padded with NaN.

        Where calls bring one position each (a decode), the axis of that position gives way to `step`, and of a longer
        call (the prompt) only the last position stays, the one that made the next code:
        `batch head query key` -> `step batch head key`.
        """
        last = self
        growing = self._growing()
        if growing:
            last = self._dropped(self.axes.index(growing), -1)
        first = "call" if "step" in last.axes else "step"
        return self._with([torch.stack(last._padded())], (first, *last.axes))

    def joined(self) -> Record:
        """All calls one after the other along the axis that runs: time, or the queries of an attention."""
        axis = axis_index(self.name, self.axes, self._growing() or "time")
        return self._with([torch.cat(self._padded(axis), axis)], self.axes)

    @property
    def times(self) -> Tensor:
        """Seconds at the middle of every frame: (F,)."""
        axis, rate = self._clock()
        frames = torch.arange(self.value.shape[axis]).double()
        return self.start + (frames + 0.5) / rate

    def at(self, seconds: float) -> Record:
        """The frame that sounds at a time; its axis is dropped.

        Raises:
            HookError: AXIS_RANGE, outside the record; TIME_RATE, the rate is not known.
        """
        axis, rate = self._clock()
        frame = math.floor((seconds - self.start) * rate + 1e-6)
        return self.select(self.axes[axis], frame)

    def align(self, other: Record) -> Record:
        """This record at the frames of another: for each the own frame that sounds at its middle.

        Raises:
            HookError: TIME_RANGE, the two last different times (by more than a frame of the slower one); TIME_RATE.
        """
        axis, rate = self._clock()
        _, other_rate = other._clock()
        end = float(self.times[-1]) + 0.5 / rate
        other_end = float(other.times[-1]) + 0.5 / other_rate
        apart = max(abs(end - other_end), abs(self.start - other.start))
        problem = f"{self.name} lasts to {end:.3f} s, {other.name} to {other_end:.3f} s"
        frame = max(1 / rate, 1 / other_rate)
        require(apart <= frame + 1e-6, "TIME_RANGE", problem, "records of one sound")
        index = ((other.times - self.start) * rate + 1e-6).floor().long()
        index = index.clamp(0, len(self.times) - 1)
        aligned = self.value.index_select(axis, index.to(self.value.device))
        return replace(self._with([aligned], self.axes), rate=other.rate, start=other.start)

    def gradient(self) -> Record:
        """The gradients that `backward` sent through the tap; empty where none came (see `probe(..., grads=True)`)."""
        steps = [self.cotangents[call] for call in sorted(self.cotangents)]
        return self._with(steps, self.axes)

    def show(self, **options: Any) -> Any:
        """Draws itself: the Figure of `gsv_lab.figures.draw(record, **options)`."""
        from gsv_lab import figures

        return figures.draw(self, **options)

    def _with(self, steps: list[Tensor], axes: tuple[str, ...]) -> Record:
        return replace(self, steps=steps, axes=axes, cotangents={})

    def _dropped(self, at: int, index: int) -> Record:
        steps = [step.select(at, index) for step in self.steps]
        return self._with(steps, self.axes[:at] + self.axes[at + 1 :])

    def _clock(self) -> tuple[int, float]:
        """Which axis is time, and its frames a second."""
        problem = f"{self.name} has no time axis of known rate"
        require(self.rate, "TIME_RATE", problem, "a record with a rate")
        return axis_index(self.name, self.axes, "time"), float(self.rate or 0)

    def _growing(self) -> str:
        """The axis of which a decode step brings one position; empty where calls are not the steps of a decode."""
        if len(self) < 2:
            return ""
        for i, axis in enumerate(self.axes):
            shortest = min(step.shape[i] for step in self.steps)
            if shortest == 1 and axis in GROWING_AXES:
                return axis
        return ""

    def _padded(self, keep: int = -1) -> list[Tensor]:
        """All calls in the size of the largest, NaN behind shorter ones; the axis `keep` stays as it is."""
        shapes = [step.shape for step in self.steps]
        largest = [max(sizes) for sizes in zip(*shapes, strict=True)]
        missing = []
        for shape in shapes:
            room = [whole - size for whole, size in zip(largest, shape, strict=True)]
            if keep >= 0:
                room[keep] = 0
            missing.append(room)
        if not any(any(room) for room in missing):
            return self.steps
        if "batch" in self.axes:
            batch = self.axes.index("batch")
            grown = any(room[batch] for room in missing)
            require(
                not grown,
                "RECORD_CALLS",
                f"The batch of {self.name} changed",
                "one text at a time",
            )
        padded = []
        for step, room in zip(self.steps, missing, strict=True):
            # `pad` wants a pair (before, after) for each axis, the last axis first.
            pairs: list[int] = []
            for size in reversed(room):
                pairs += (0, size)
            padded.append(functional.pad(_real(step), pairs, value=math.nan))
        return padded


def _real(value: Tensor) -> Tensor:
    """Whole numbers as real ones, which can hold NaN."""
    return 1.0 * value


class Records(dict[str, Record]):
    """What a probe recorded: tap name -> record, in the order of the first call.

    Args:
        records: one for each tap that something passed.
        watched: names of all taps that were watched.
        path: the file that holds the same, or empty.
    """

    def __init__(
        self,
        records: Iterable[Record] = (),
        watched: Iterable[str] = (),
        path: str = "",
    ) -> None:
        super().__init__()
        for record in records:
            self[record.name] = record
        self.watched = list(watched)
        self.path = path

    def __missing__(self, name: str) -> Record:
        require(
            name not in self.watched,
            "TAP_SILENT",
            f"Nothing passed {name}",
            "code in the block that runs it",
        )
        raise HookError(
            "TAP_UNKNOWN",
            f"No tap '{name}' was watched",
            nearest(name, [*self.watched, *self]),
        )

    def save(self, path: str | Path) -> Path:
        """One safetensors file: the tensors, and in its header what they mean. Gradients are not saved."""
        rows = []
        tensors = {}
        for record in self.values():
            row = dict(vars(record))
            row["steps"] = len(record)
            row["cotangents"] = {}
            rows.append(row)
            for number, step in enumerate(record.steps):
                # A clone, since the format refuses tensors that share memory, as two halves of one projection do.
                tensors[f"{record.name}:{number}"] = step.clone().contiguous()
        data = safetensors.torch.save(tensors, {HEADER: json.dumps(rows)})
        self.path = str(save_bytes(path, data))
        return Path(self.path)

    @classmethod
    def load(cls, path: str | Path) -> Records:
        """Reads what `save` wrote.

        Raises:
            HookError: RECORD_FILE, the file is missing or something else.
        """
        records = []
        try:
            with safetensors.safe_open(str(path), framework="pt") as file:
                header = file.metadata() or {}
                for row in json.loads(header[HEADER]):
                    name, calls = row["name"], range(row["steps"])
                    row["steps"] = [file.get_tensor(f"{name}:{number}") for number in calls]
                    row["axes"] = tuple(row["axes"])
                    records.append(Record(**row))
        except (
            OSError,
            safetensors.SafetensorError,
            KeyError,
            TypeError,
            ValueError,
        ) as error:
            problem = f"{Path(path).name} holds no records"
            raise HookError("RECORD_FILE", problem, "a file of records.save()") from error
        return cls(records, path=str(path))


def check_origin(record: Record, origin: str) -> None:
    """That a record comes from such a component.

    Raises:
        HookError: RECORD_OTHER_MODEL, it does not.
    """
    require(
        record.origin == origin,
        "RECORD_OTHER_MODEL",
        f"{record.name} comes from another model",
        "the same sizes",
    )
