"""Interventions as data: what to do to which tap, where in it, and when.

An edit is a small frozen record that can be printed, written to YAML and swept over; `probe(..., edits=[...])` carries
it out. Only the chosen region of a tensor is replaced, in a copy; its shape never changes. All that is known here of a
model is a tap's name, axes and rate, and a tensor.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor

from gsv_lab.errors import HookError
from gsv_lab.hooks.catalogue import Point, nearest, require
from gsv_lab.hooks.record import Record, Records, axis_index, check_origin
from gsv_lab.system.files import read_file
from gsv_lab.system.seeds import check_seed, seeded

OVER = {"mean": "time", "resample": "time", "steer": "dim"}
"""Kinds with an axis of their own choice."""

NEED_SOURCE = ("steer", "swap", "patch_from")
NEED_FLOATS = ("mean", "scale", "noise", "steer")


@dataclass(frozen=True)
class Edit:
    """One intervention; made by the functions below or by `from_yaml`.

    Args:
        kind: one of `KINDS`.
        target: glob of tap names.
        source: for `steer`, `swap` and `patch_from`: records, the path of their file, one record, or a tensor.
        by: factor of `scale` and `steer`, standard deviation of `noise`.
        over: axis of `mean`, `resample`, `steer`, `freeze`; empty for the default of the kind.
        seed: of `resample` and `noise`.
        where: axis -> one entry, or a span (first, end) of entries, whose end may be None; all of an axis that is not
            named. Any axis of the tap can be named (`head=3`), and besides `frames` or `seconds` for the one that is
            time, and `step` for the call: a decode calls a tap once for the prompt and once for each step, a stream
            once for each chunk.

    Raises:
        HookError: EDIT_KIND; EDIT_VALUE, the arguments do not fit the kind.
    """

    kind: str
    target: str
    source: Any = None
    by: float = 1.0
    over: str = ""
    seed: int = 0
    where: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        require(
            self.kind in KINDS,
            "EDIT_KIND",
            f"There is no edit '{self.kind}'",
            nearest(self.kind, KINDS),
        )
        with_source = self.source is not None
        both_times = {"seconds", "frames"} <= self.where.keys()
        fits = isinstance(self.target, str) and with_source == (self.kind in NEED_SOURCE) and not both_times
        problem = f"Arguments of {self.kind} of {self.target}"
        expected = f"a glob, a source for {NEED_SOURCE} only, and not both seconds and frames"
        require(fits, "EDIT_VALUE", problem, expected)
        spans = {}
        for axis, entries in self.where.items():
            first, end = (entries, entries + 1) if isinstance(entries, int) else entries
            spans[axis] = (first, end)
        object.__setattr__(self, "by", float(self.by))  # YAML reads 1e-2 as text
        object.__setattr__(self, "where", spans)


def zero(target: str, **where: Any) -> Edit:
    """Nothing passes: zeros. For `where` see `Edit`, here and below."""
    return Edit("zero", target, where=where)


def mean(target: str, over: str = "time", **where: Any) -> Edit:
    """Every entry becomes the region's mean along an axis: what is there, but not when."""
    return Edit("mean", target, over=over, where=where)


def resample(target: str, over: str = "time", seed: int = 0, **where: Any) -> Edit:
    """The region in a random order along an axis; over "batch" it takes the values of other items."""
    return Edit("resample", target, over=over, seed=seed, where=where)


def scale(target: str, by: float, **where: Any) -> Edit:
    """The region times a number."""
    return Edit("scale", target, by=by, where=where)


def noise(target: str, by: float, seed: int = 0, **where: Any) -> Edit:
    """Normal noise of standard deviation `by` is added."""
    return Edit("noise", target, by=by, seed=seed, where=where)


def steer(target: str, source: Any, by: float = 1.0, over: str = "dim", **where: Any) -> Edit:
    """A direction (a number for each entry of the axis `over`) is added `by` times, everywhere in the region."""
    return Edit("steer", target, source, by, over, where=where)


def swap(target: str, source: Any, **where: Any) -> Edit:
    """The region of another run's only call takes the place of this one, or a tensor does; sizes of 1 are stretched."""
    return Edit("swap", target, source, where=where)


def freeze(target: str, over: str = "", **where: Any) -> Edit:
    """The region stays what it was in the first edited call; with an axis, what it is at its beginning along that."""
    return Edit("freeze", target, over=over, where=where)


def patch_from(target: str, source: Any, **where: Any) -> Edit:
    """The region of the same tap and the same call of another run takes the place of this one."""
    return Edit("patch_from", target, source, where=where)


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
        tap = point.bound.tap
        require(
            not tap.read_only,
            "EDIT_READ_ONLY",
            f"{point.name} is only for looking",
            "another tap",
        )
        self.edit = edit
        self.name = point.name
        self.observers = point.bound.observers
        self.used = 0
        self.first: Tensor | None = None
        over = edit.over or OVER.get(edit.kind)
        self.over: Any = axis_index(self.name, tap.axes, over) if over else None
        self.spans = self._spans(point.rate, tap.axes)
        self.sources = self._sources(edit.source, point)
        self.random = seeded(check_seed(edit.seed) + zlib.crc32(self.name.encode()))

    def _spans(self, rate: float | None, axes: tuple[str, ...]) -> dict[int, tuple[int, int | None]]:
        """First entry and end on each axis that the edit restricts."""
        spans = {}
        for axis, (first, end) in self.edit.where.items():
            if axis == "step":
                continue
            if axis == "seconds":
                require(
                    rate,
                    "TIME_RATE",
                    f"{self.name} has no rate",
                    "frames instead of seconds",
                )
                first = math.floor(first * rate + 1e-6)
                end = None if end is None else math.ceil(end * rate - 1e-6)
            name = "time" if axis in ("seconds", "frames") else axis
            spans[axis_index(self.name, axes, name)] = (first, end)
        return spans

    def _sources(self, source: Any, point: Point) -> list[Tensor]:
        """The tensors that are to be put in, one for each call."""
        if source is None:
            return []
        if isinstance(source, str | Path):
            source = Records.load(source)
        if isinstance(source, Mapping):
            source = source[self.name]
        if not isinstance(source, Record):
            return [torch.as_tensor(source)]
        check_origin(source, point.origin)
        fits = source.every == 1 and (len(source) == 1 or self.edit.kind == "patch_from")
        require(
            fits,
            "RECORD_CALLS",
            f"{source!r} as source",
            "a single call, or for patch_from all of them",
        )
        return source.steps

    def __call__(self, value: Tensor, call: int) -> Tensor:
        """What goes on instead of the tensor of call number `call`."""
        edit = self.edit
        first, end = edit.where.get("step", (0, None))
        if call < first or (end is not None and call >= end):
            return value
        fits = value.is_floating_point() or edit.kind not in NEED_FLOATS
        problem = f"{edit.kind} of {self.name}, whole numbers"
        require(fits, "EDIT_TYPE", problem, "zero, swap, resample or freeze")
        region = self._region(value)
        source = self._source(value, region, call)
        edited = value.clone()
        try:
            edited[region] = KINDS[edit.kind](self, value[region], source)
        except RuntimeError as error:
            problem = f"{edit.kind} of {self.name} does not bring the shape of what it replaces"
            raise HookError("EDIT_SHAPE", problem, f"{tuple(value[region].shape)}") from error
        self.used += 1
        return edited

    def _region(self, value: Tensor) -> tuple[slice, ...]:
        """The part of a tensor that is edited."""
        region = [slice(None)] * value.dim()
        for axis, (first, end) in self.spans.items():
            first, end = self._within(f"entries on axis {axis}", first, end, value.shape[axis])
            region[axis] = slice(first, end)
        return tuple(region)

    def _source(self, value: Tensor, region: tuple[slice, ...], call: int) -> Tensor | None:
        """What the source has in the region's place."""
        if not self.sources:
            return None
        number = call if self.edit.kind == "patch_from" else 0
        self._within("calls of its source", number, number + 1, len(self.sources))
        source = self.sources[number]
        if source.shape == value.shape:
            source = source[region]
        return source.to(value)

    def _within(self, what: str, first: int, end: int | None, size: int) -> tuple[int, int]:
        """A span whose end may be open, checked against the size of its axis."""
        end = size if end is None else end
        problem = f"{self.edit.kind} of {self.name} needs the {what} {first} to {end}"
        require(
            0 <= first < end <= size,
            "AXIS_RANGE",
            problem,
            f"a span within 0 to {size}",
        )
        return first, end

    def shuffled(self, part: Tensor) -> Tensor:
        """The region in a random order along the edit's axis, of two entries at least."""
        size = part.shape[self.over]
        self._within("entries to shuffle", 0, 2, size)
        order = torch.randperm(size, generator=self.random)
        return part.index_select(self.over, order.to(part.device))

    def noisy(self, part: Tensor) -> Tensor:
        """The region with noise added."""
        drawn = torch.randn(part.shape, generator=self.random).to(part)
        return part + self.edit.by * drawn

    def steered(self, part: Tensor, direction: Tensor) -> Tensor:
        """The region with a direction (D,) along the edit's axis added."""
        behind = part.dim() - 1 - self.over
        direction = direction.reshape(-1, *[1] * behind)
        return part + self.edit.by * direction

    def frozen(self, part: Tensor) -> Tensor:
        """The region as it was first: along the edit's axis, or without one in the first edited call."""
        if self.over is not None:
            return part.narrow(self.over, 0, 1)
        if self.first is None:
            self.first = part
        return self.first


# What a region becomes: from the edit at work, what it is, and the same region of the source (None without one).
KINDS: dict[str, Callable[[Applied, Tensor, Any], Tensor]] = {
    "zero": lambda run, part, source: torch.zeros_like(part),
    "mean": lambda run, part, source: part.mean(run.over, keepdim=True),
    "resample": lambda run, part, source: run.shuffled(part),
    "scale": lambda run, part, source: part * run.edit.by,
    "noise": lambda run, part, source: run.noisy(part),
    "steer": lambda run, part, source: run.steered(part, source),
    "swap": lambda run, part, source: source,
    "freeze": lambda run, part, source: run.frozen(part),
    "patch_from": lambda run, part, source: source,
}

RECIPES = {
    "reference_0": (),
    "reference_1": (zero("*cross_attention.answer"),),
    "reference_2": (zero("*cross_attention.content"),),
}
"""Hidden test modes of the reference prior, which sums content, the text's answer and the speaker: mode 0 with all,
mode 1 without the answer, mode 2 without the content."""


def to_yaml(edits: Iterable[Edit]) -> str:
    """Edits as a YAML list of what differs from the defaults; records are written as the path of their file.

    Raises:
        HookError: EDIT_VALUE, the source is in memory only.
    """
    rows = []
    for edit in edits:
        row = {}
        for part in fields(Edit):
            value = getattr(edit, part.name)
            default = {} if part.name == "where" else part.default
            if value is not default and value != default:
                row[part.name] = _plain(value)
        rows.append(row)
    return yaml.safe_dump(rows, sort_keys=False)


def _plain(value: Any) -> Any:
    """A value as YAML can hold it."""
    if isinstance(value, Records) and value.path:
        return value.path
    in_memory = isinstance(value, Record | Records)
    require(not in_memory, "EDIT_VALUE", "A source is in memory only", "saved records")
    if isinstance(value, Tensor):
        return value.tolist()
    return str(value) if isinstance(value, Path) else value


def from_yaml(text: str | Path) -> list[Edit]:
    """Edits from YAML text, or from a file given as a `Path`.

    Raises:
        HookError: EDIT_VALUE, it is no list of edits; EDIT_KIND.
    """
    try:
        rows = yaml.safe_load(read_file(text) if isinstance(text, Path) else text)
        return [Edit(**row) for row in rows]
    except HookError:
        raise
    except (OSError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise HookError(
            "EDIT_VALUE",
            f"No edits: {error}",
            "a YAML list of mappings, as to_yaml writes it",
        ) from error
