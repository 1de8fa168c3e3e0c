"""Interventions as data: what to do to which tap, where in it, and when.

An edit is a small frozen record that can be printed, written to YAML and swept over; `probe(..., edits=[...])` carries
it out. Only the chosen region of a tensor is replaced, in a copy; its shape never changes.
This file does not know models: it sees a tap's name, axes and rate, and a tensor.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab.errors import HookError
from gsv_lab.hooks.catalogue import Point, nearest, require
from gsv_lab.hooks.record import Record, Records, axis_index, check_origin

# What a region becomes: from the edit at work, what the region is, and the same region of the source (None without one).
KINDS: dict[str, Callable[[Applied, Tensor, Any], Tensor]] = {
    "zero": lambda run, part, source: torch.zeros_like(part),
    "mean": lambda run, part, source: part.mean(run.over, keepdim=True),
    "resample": lambda run, part, source: part.index_select(run.over, run.order(part.shape[run.over]).to(part.device)),
    "scale": lambda run, part, source: part * run.edit.by,
    "noise": lambda run, part, source: part + run.edit.by * torch.randn(part.shape, generator=run.random).to(part),
    "steer": lambda run, part, source: part + run.edit.by * run.fit(source.reshape(-1, *[1] * run.after), part),
    "swap": lambda run, part, source: source,
    "freeze": lambda run, part, source: run.held.setdefault("", part.detach()) if run.over is None else part.narrow(run.over, 0, 1),
    "patch_from": lambda run, part, source: source,
}
OVER = {"mean": "time", "resample": "time", "steer": "dim"}
NEED_SOURCE, NEED_FLOATS = ("steer", "swap", "patch_from"), ("mean", "scale", "noise", "steer")


@dataclass(frozen=True)
class Edit:
    """One intervention; made by the functions below or by `from_yaml`.

    Args:
        kind: one of `KINDS`.
        target: glob of tap names.
        source: for `steer`, `swap` and `patch_from`: records, the path of their file, one record, or a tensor.
        by: factor of `scale` and `steer`, standard deviation of `noise`.
        over: axis of `mean`, `resample`, `steer`, `freeze`; empty for the default of the kind, "time" for what is time.
        seed: of `resample` and `noise`.
        head: a head or several; None for all, as below.
        seconds, frames: span of time (first, end), in each call.
        step: a call, or a span of calls (first, end), None for an open end. A decode calls a tap once for the prompt
            and once for each step, a stream once for each chunk.

    Raises:
        HookError: EDIT_KIND; EDIT_VALUE, the arguments do not fit the kind.
    """

    kind: str
    target: str
    source: Any = None
    by: float = 1.0
    over: str = ""
    seed: int = 0
    head: int | tuple[int, ...] | None = None
    seconds: tuple[float, float] | None = None
    frames: tuple[int, int] | None = None
    step: int | tuple[int, int | None] | None = None

    def __post_init__(self) -> None:
        require(self.kind in KINDS, "EDIT_KIND", f"There is no edit '{self.kind}'", nearest(self.kind, KINDS))
        fits = (self.kind in NEED_SOURCE) != (self.source is None) and not (self.seconds and self.frames)
        expected = f"a glob; a source for {', '.join(NEED_SOURCE)} only; seconds or frames, not both"
        require(
            fits and isinstance(self.target, str), "EDIT_VALUE", f"{self.kind} '{self.target}' does not fit together", expected
        )
        object.__setattr__(self, "by", float(self.by))  # YAML reads 1e-2 as text
        if self.head is not None:
            object.__setattr__(self, "head", (self.head,) if isinstance(self.head, int) else tuple(self.head))
        for name in ("seconds", "frames", "step"):
            if (span := getattr(self, name)) is not None:
                first, end = (span, span + 1) if isinstance(span, int) else span
                object.__setattr__(self, name, (first, end))


def zero(target: str, **where: Any) -> Edit:
    """Nothing passes: zeros. `where` is any of `head`, `seconds`, `frames`, `step` of `Edit`, here and below."""
    return Edit("zero", target, **where)


def mean(target: str, over: str = "time", **where: Any) -> Edit:
    """Every entry becomes the region's mean along an axis: what is there, but not when."""
    return Edit("mean", target, over=over, **where)


def resample(target: str, over: str = "time", seed: int = 0, **where: Any) -> Edit:
    """The region in a random order along an axis; over "batch" it takes the values of other items."""
    return Edit("resample", target, over=over, seed=seed, **where)


def scale(target: str, by: float, **where: Any) -> Edit:
    """The region times a number."""
    return Edit("scale", target, by=by, **where)


def noise(target: str, by: float, seed: int = 0, **where: Any) -> Edit:
    """Normal noise of standard deviation `by` is added."""
    return Edit("noise", target, by=by, seed=seed, **where)


def steer(target: str, source: Any, by: float = 1.0, over: str = "dim", **where: Any) -> Edit:
    """A direction (a number for each entry of the axis `over`) is added `by` times, everywhere in the region."""
    return Edit("steer", target, source, by, over, **where)


def swap(target: str, source: Any, **where: Any) -> Edit:
    """The region of another run's only call takes the place of this one, or a tensor does; sizes of 1 are stretched."""
    return Edit("swap", target, source, **where)


def freeze(target: str, over: str = "", **where: Any) -> Edit:
    """The region stays what it was in the first edited call; with an axis, what it is at its beginning along that."""
    return Edit("freeze", target, over=over, **where)


def patch_from(target: str, source: Any, **where: Any) -> Edit:
    """The region of the same tap and the same call of another run takes the place of this one."""
    return Edit("patch_from", target, source, **where)


RECIPES = {
    "reference_test_0": (),
    "reference_test_1": (zero("*cross_attention.answer"),),
    "reference_test_2": (zero("*cross_attention.content"),),
}
"""The hidden test modes of the reference prior: all three summands; without the text's answer; without the content."""


def to_yaml(edits: Iterable[Edit]) -> str:
    """Edits as a YAML list of what differs from the defaults; records are written as the path of their file.

    Raises:
        HookError: EDIT_VALUE, the source is in memory only.
    """
    import yaml

    def plain(value: Any) -> Any:
        if isinstance(value, Record | Records):
            value = getattr(value, "path", "")
            require(value, "EDIT_VALUE", "The source of an edit is in memory only", "records that were saved")
        value = value.tolist() if isinstance(value, Tensor) else str(value) if isinstance(value, Path) else value
        return list(value) if isinstance(value, tuple) else value

    rows = [[(f.name, getattr(edit, f.name), f.default) for f in fields(Edit)] for edit in edits]
    shown = [{name: plain(value) for name, value, default in row if value is not default} for row in rows]
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True)


def from_yaml(text: str | Path) -> list[Edit]:
    """Edits from YAML text, or from a file given as a `Path`.

    Raises:
        HookError: EDIT_VALUE, it is no list of edits, or one has an unknown key or lacks one; EDIT_KIND.
    """
    import yaml

    try:
        return [Edit(**row) for row in yaml.safe_load(text.read_text("utf-8") if isinstance(text, Path) else text)]
    except HookError:
        raise
    except (OSError, TypeError, ValueError, yaml.YAMLError) as error:
        keys = ", ".join(f.name for f in fields(Edit))
        raise HookError("EDIT_VALUE", f"No edits: {error}", f"a YAML list of mappings with keys of {keys}") from error


class Applied:
    """An edit at one tap of an open probe: checks that it fits, then changes what passes.

    Args:
        edit: the intervention.
        point: the tap.

    Raises:
        HookError: at once AXIS_UNKNOWN, TIME_RATE, EDIT_READ_ONLY, RECORD_OTHER_MODEL, RECORD_CALLS; when a tensor
            passes AXIS_RANGE, EDIT_SHAPE, EDIT_TYPE.
    """

    def __init__(self, edit: Edit, point: Point) -> None:
        self.edit, self.name, axes = edit, point.name, point.bound.tap.axes
        require(not point.bound.tap.read_only, "EDIT_READ_ONLY", f"The model does not go on with {self.name}", "another tap")
        require(point.rate or not edit.seconds, "TIME_RATE", f"{self.name} has no rate", "frames instead of seconds")
        ends = [end * (point.rate or 0) for end in edit.seconds or ()]
        self.frames = edit.frames or (ends and (math.floor(ends[0] + 1e-6), math.ceil(ends[1] - 1e-6)))
        wanted = (edit.over or OVER.get(edit.kind), edit.head and "head", self.frames and "time")
        self.over, self.head, self.time = (axis_index(self.name, axes, axis) if axis else None for axis in wanted)
        self.after = len(axes) - 1 - (self.over or 0)
        self.sources = self._sources(edit.source, point)
        self.random = torch.Generator().manual_seed(edit.seed + zlib.crc32(self.name.encode()))
        self.held: dict[str, Tensor] = {}
        self.used = 0

    def _sources(self, source: Any, point: Point) -> list[Tensor]:
        source = Records.load(source) if isinstance(source, str | Path) else source
        source = source[self.name] if isinstance(source, Mapping) else source
        if not isinstance(source, Record):
            return [] if source is None else [torch.as_tensor(source)]
        check_origin(source, point.origin)
        fits = source.every == 1 and (len(source) == 1 or self.edit.kind == "patch_from")
        problem = f"The source of {self.name} holds {len(source)} calls, one in {source.every}"
        require(fits, "RECORD_CALLS", problem, "all calls for patch_from, a single one otherwise")
        return source.steps

    def __call__(self, value: Tensor, call: int) -> Tensor:
        """What goes on instead of the tensor of call number `call`."""
        first, end = self.edit.step or (0, None)
        if call < first or (end is not None and call >= end):
            return value
        floats = value.is_floating_point() or self.edit.kind not in NEED_FLOATS
        require(floats, "EDIT_TYPE", f"{self.edit.kind} of {self.name}, whole numbers", "zero, swap, resample or freeze")
        where: list[Any] = [slice(None)] * value.dim()
        if self.head is not None:
            where[self.head] = [*self.edit.head]
            self._check("head", min(self.edit.head), max(self.edit.head), value.shape[self.head])
        if self.time is not None:
            where[self.time] = slice(*self.frames)
            self._check("frame", self.frames[0], self.frames[1] - 1, value.shape[self.time])
        source, edited, region = None, value.clone(), tuple(where)
        if self.sources:
            number = call if self.edit.kind == "patch_from" else 0
            self._check("call of its source", number, number, len(self.sources))
            source = self.sources[number]
            source = source[region] if source.shape == value.shape else source
        edited[region] = self.fit(KINDS[self.edit.kind](self, value[region], source), value[region])
        self.used += 1
        return edited

    def _check(self, what: str, first: int, last: int, size: int) -> None:
        problem = f"{self.edit.kind} of {self.name}: there is no {what} {first} to {last}"
        require(0 <= first <= last < size, "AXIS_RANGE", problem, f"{what} 0 to {size - 1}")

    def fit(self, new: Tensor, part: Tensor) -> Tensor:
        """A tensor in the shape, type and place of the region."""
        try:
            return new.to(part).broadcast_to(part.shape)
        except RuntimeError as error:
            problem = f"{self.edit.kind} of {self.name} brings the shape {tuple(new.shape)}"
            raise HookError("EDIT_SHAPE", problem, f"{tuple(part.shape)}") from error

    def order(self, size: int) -> Tensor:
        """A random order of so many entries, two at least."""
        self._check("second entry, number", 1, 1, size)
        return torch.randperm(size, generator=self.random)
