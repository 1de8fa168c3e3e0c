"""What a probe heard: tensors with named axes and a sense of time, under the names of their taps.

Idea: a decode calls a tap once for every step and streaming once for every chunk, so a record is a list. `stacked` and
`joined` make one tensor of it, `at` and `align` speak in seconds, `show` draws. Shapes are those of the declared axes.
This file does not know networks, nor how the tensors got here; the drawing lives in `gsv_lab.figures`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

import safetensors.torch
import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.errors import HookError
from gsv_lab.hooks.catalogue import Table, nearest, require
from gsv_lab.system.files import save_bytes

TIME_AXES = ("sample", "frame", "token", "step", "query")
"""Names of axes that run through time; the first of them that a tap has is the one its rate belongs to."""


def axis_index(name: str, axes: tuple[str, ...], axis: str) -> int:
    """Where an axis of a tap stands; "time" stands for the one that runs through time.

    Raises:
        HookError: AXIS_UNKNOWN, the tap has no such axis.
    """
    found = next((known for known in TIME_AXES if known in axes), axis) if axis == "time" else axis
    require(found in axes, "AXIS_UNKNOWN", f"{name} has no axis '{axis}'", f"one of {', '.join(axes)}")
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
        origin: tells the tap's component from those of other models, see `gsv_lab.hooks.catalogue.Point`.
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
        sizes = ", ".join(f"{axis} {n}" for axis, n in zip(self.axes, self.steps[-1].shape, strict=True))
        return f"Record({self.name}: {len(self)} x ({sizes}){f', {self.rate:g} Hz' if self.rate else ''})"

    @property
    def value(self) -> Tensor:
        """The tensor of a tap that was called once.

        Raises:
            HookError: RECORD_CALLS, it was called more often.
        """
        require(len(self) == 1, "RECORD_CALLS", f"{self.name} holds {len(self)} calls", "one", "Use steps or stacked()")
        return self.steps[0]

    def mean(self, *axes: str) -> Record:
        """Averages over named axes; padding (NaN) does not count."""
        where = [axis_index(self.name, self.axes, axis) for axis in axes]
        kept = tuple(axis for i, axis in enumerate(self.axes) if i not in where)
        return self._with([(1.0 * s).nanmean(where) for s in self.steps], kept)

    def select(self, axis: str, index: int) -> Record:
        """One entry of a named axis, which is dropped: `select("head", 3)`."""
        at = axis_index(self.name, self.axes, axis)
        size = min(s.shape[at] for s in self.steps)
        require(0 <= index < size, "AXIS_RANGE", f"{self.name} has no {axis} {index}", f"{axis} 0 to {size - 1}")
        return self._dropped(at, index)

    def stacked(self) -> Record:
        """All calls in one tensor with a new first axis `step`; axes that grow are padded with NaN.

        Where calls bring one position each (a decode), the axis of that position gives way to `step`, and of a longer
        call (the prompt) only the last position stays, the one that made the next code:
        `batch head query key` -> `step batch head key`.
        """
        last = self._dropped(self.axes.index(axis), -1) if (axis := self._running()) else self
        return self._with([torch.stack(last._padded())], ("call" if "step" in last.axes else "step", *last.axes))

    def joined(self) -> Record:
        """All calls one after the other along the axis that runs: time, or the queries of an attention."""
        axis = axis_index(self.name, self.axes, self._running() or "time")
        return self._with([torch.cat(self._padded(axis), axis)], self.axes)

    @property
    def times(self) -> Tensor:
        """Seconds at the middle of every frame: (F,)."""
        return self.start + (torch.arange(self.value.shape[self._clock()]) + 0.5).double() / self.rate

    def at(self, seconds: float) -> Record:
        """The frame that sounds at a time; its axis is dropped.

        Raises:
            HookError: AXIS_RANGE, outside the record; TIME_RATE, the rate is not known.
        """
        axis = self.axes[self._clock()]
        return self.select(axis, math.floor((seconds - self.start) * self.rate + 1e-6))

    def align(self, other: Record) -> Record:
        """This record at the frames of another: for each the own frame that sounds at its middle.

        Raises:
            HookError: TIME_RANGE, the two last different times (by more than a frame of the slower one); TIME_RATE.
        """
        end, other_end = (float(r.times[-1]) + 0.5 / r.rate for r in (self, other))
        same = max(abs(end - other_end), abs(self.start - other.start)) <= max(1 / self.rate, 1 / other.rate) + 1e-6
        problem = f"{self.name} lasts to {end:.3f} s, {other.name} to {other_end:.3f} s"
        require(same, "TIME_RANGE", problem, "records of one sound")
        index = ((other.times - self.start) * self.rate + 1e-6).floor().long().clamp(0, len(self.times) - 1)
        taken = self.value.index_select(self._clock(), index.to(self.value.device))
        return replace(self._with([taken], self.axes), rate=other.rate, start=other.start)

    def gradient(self) -> Record:
        """The gradients that `backward` sent through the tap; empty where none came (see `probe(..., grads=True)`)."""
        return self._with([self.cotangents[call] for call in sorted(self.cotangents)], self.axes)

    def show(self, **options: Any) -> Any:
        """Draws itself: the Figure of `gsv_lab.figures.draw(record, **options)`."""
        from gsv_lab import figures

        return figures.draw(self, **options)

    def _with(self, steps: list[Tensor], axes: tuple[str, ...]) -> Record:
        return replace(self, steps=steps, axes=axes, cotangents={})

    def _dropped(self, at: int, index: int) -> Record:
        return self._with([s.select(at, index) for s in self.steps], self.axes[:at] + self.axes[at + 1 :])

    def _clock(self) -> int:
        require(self.rate, "TIME_RATE", f"{self.name} has no time axis of known rate", "a record with a rate")
        return axis_index(self.name, self.axes, "time")

    def _running(self) -> str:
        # The axis of which a decode step brings one position, empty where calls are not the steps of a decode.
        axes = [axis for i, axis in enumerate(self.axes) if len(self) > 1 and min(s.shape[i] for s in self.steps) == 1]
        return next((axis for axis in axes if axis in ("token", "step", "query")), "")

    def _padded(self, keep: int = -1) -> list[Tensor]:
        sizes = [max(sizes) for sizes in zip(*(s.shape for s in self.steps), strict=True)]
        rooms = [[0 if i == keep else sizes[i] - n for i, n in enumerate(s.shape)] for s in self.steps]
        ragged = {axis for room in rooms for axis, missing in zip(self.axes, room, strict=True) if missing}
        require("batch" not in ragged, "RECORD_CALLS", f"The batch of {self.name} changed", "one text at a time")
        pads = [[n for missing in reversed(room) for n in (0, missing)] if ragged else [] for room in rooms]
        return [functional.pad(1.0 * s, n, value=math.nan) if n else s for s, n in zip(self.steps, pads, strict=True)]


class Records(dict[str, Record]):
    """What a probe heard: tap name -> record, in the order of the first call.

    Args:
        records: one for each tap that something passed.
        watched: names of all taps that were listened to.
        path: the file that holds the same, or empty.
    """

    def __init__(self, records: Iterable[Record] = (), watched: Iterable[str] = (), path: str = "") -> None:
        super().__init__({record.name: record for record in records})
        self.watched, self.path = [*watched], path

    def __missing__(self, name: str) -> Record:
        require(name not in self.watched, "TAP_SILENT", f"Nothing passed {name}", "code in the block that runs it")
        raise HookError("TAP_UNKNOWN", f"No tap '{name}' was watched", nearest(name, [*self.watched, *self]))

    def save(self, path: str | Path) -> Path:
        """One safetensors file: the tensors, and in its header what they mean. Gradients are not saved."""
        header = [{**vars(r), "steps": len(r), "cotangents": {}} for r in self.values()]
        # Clones, since the format refuses tensors that share memory, as two halves of one projection do.
        tensors = {f"{r.name}:{i}": s.clone().contiguous() for r in self.values() for i, s in enumerate(r.steps)}
        self.path = str(save_bytes(path, safetensors.torch.save(tensors, {"gsv_lab_records": json.dumps(header)})))
        return Path(self.path)

    @classmethod
    def load(cls, path: str | Path) -> Records:
        """Reads what `save` wrote.

        Raises:
            HookError: RECORD_FILE, the file is missing or something else.
        """
        try:
            with safetensors.safe_open(str(path), framework="pt") as file:
                rows = json.loads((file.metadata() or {})["gsv_lab_records"])
                for row in rows:
                    row["steps"] = [file.get_tensor(f"{row['name']}:{i}") for i in range(row["steps"])]
                return cls([Record(**{**row, "axes": tuple(row["axes"])}) for row in rows], path=str(path))
        except (OSError, safetensors.SafetensorError, KeyError, TypeError, ValueError) as error:
            raise HookError("RECORD_FILE", f"{Path(path).name} holds no records", "a file of records.save()") from error


class Comparison(NamedTuple):
    """Two sets of records of one model; `clean` is the baseline."""

    clean: Records
    edited: Records

    def table(self) -> Table:
        """One row for every tap that both have, in the order of the baseline.

        `first` is the first call that differs by more than rounding. Over the `calls` of one shape: the `largest`
        difference, `relative` (norm of the difference over that of the baseline), and the `cosine`. `note` says where
        calls do not correspond.
        """
        return Table(_row(self.clean[name], self.edited[name]) for name in self.clean if name in self.edited)


def _row(a: Record, b: Record) -> dict[str, object]:
    both = [(x.double(), y.double()) for x, y in zip(a.steps, b.steps, strict=False)]
    same = [(x.flatten(), y.flatten()) for x, y in both if x.shape == y.shape]
    other = (i for i, (x, y) in enumerate(both) if x.shape != y.shape or not x.allclose(y, rtol=1e-4, atol=1e-5))
    x, y = (torch.cat(side) for side in zip(*same, strict=True)) if same else torch.full((2, 1), math.nan)
    return {
        "tap": a.name, "calls": len(same), "first": next(other, ""),
        "largest": float((y - x).abs().max()), "relative": float((y - x).norm() / x.norm()),
        "cosine": float(x @ y / (x.norm() * y.norm())),
        "note": "" if len(a) == len(b) == len(same) else f"{len(a)} and {len(b)} calls, {len(same)} of one shape",
    }  # fmt: skip


def compare(clean: Records, edited: Records) -> Comparison:
    """Sets a run beside its baseline: `compare(clean, edited).table()`.

    Raises:
        HookError: TAP_UNKNOWN, no tap in common; RECORD_OTHER_MODEL, taps of one name belong to different components.
    """
    common = clean.keys() & edited.keys()
    require(common, "TAP_UNKNOWN", "The two sets of records have no tap in common", "records of the same taps")
    for name in common:
        check_origin(clean[name], edited[name].origin)
    return Comparison(clean, edited)


def check_origin(record: Record, origin: str) -> None:
    """That a record comes from such a component.

    Raises:
        HookError: RECORD_OTHER_MODEL, it does not.
    """
    require(record.origin == origin, "RECORD_OTHER_MODEL", f"{record.name} comes from another model", "the same sizes")
