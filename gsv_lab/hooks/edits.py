"""Interventions as data: what to do to which tap, where in it, and when.

An edit is a small frozen record that can be printed, written to YAML and swept over; `probe(..., edits=[...])` carries
it out. Only the chosen region of a tensor is replaced, in a copy; its shape never changes.
This file does not know models: it sees a tap's name, axes and rate, and a tensor.
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
        require(self.kind in KINDS, "EDIT_KIND", f"There is no edit '{self.kind}'", nearest(self.kind, KINDS))
        fits = (self.kind in NEED_SOURCE) != (self.source is None) and isinstance(self.target, str)
        fits, given = fits and not {"seconds", "frames"} <= {*self.where}, f"Arguments of {self.kind} of {self.target}"
        require(fits, "EDIT_VALUE", given, f"a glob, a source for {NEED_SOURCE} only, and not both seconds and frames")
        object.__setattr__(self, "by", float(self.by))  # YAML reads 1e-2 as text
        pairs = {axis: (n, n + 1) if isinstance(n, int) else n for axis, n in self.where.items()}
        object.__setattr__(self, "where", {axis: (first, end) for axis, (first, end) in pairs.items()})


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
        self.edit, self.name, self.used, self.first = edit, point.name, 0, dict[int, Tensor]()
        axes = point.bound.tap.axes
        require(not point.bound.tap.read_only, "EDIT_READ_ONLY", f"{self.name} is only for looking", "another tap")
        over = edit.over or OVER.get(edit.kind)
        self.over: Any = axis_index(self.name, axes, over) if over else None
        self.spans, self.sources = dict(self._spans(point.rate, axes)), self._sources(edit.source, point)
        self.random = torch.Generator().manual_seed(edit.seed + zlib.crc32(self.name.encode()))

    def _spans(self, rate: float | None, axes: tuple[str, ...]) -> Iterable[tuple[int, tuple[Any, Any]]]:
        for axis, (first, end) in self.edit.where.items():
            if axis == "seconds":
                require(rate, "TIME_RATE", f"{self.name} has no rate", "frames instead of seconds")
                first, end = math.floor(first * rate + 1e-6), None if end is None else math.ceil(end * rate - 1e-6)
            if axis != "step":
                yield axis_index(self.name, axes, "time" if axis in ("seconds", "frames") else axis), (first, end)

    def _sources(self, source: Any, point: Point) -> list[Tensor]:
        source = Records.load(source) if isinstance(source, str | Path) else source
        source = source[self.name] if isinstance(source, Mapping) else source
        if not isinstance(source, Record):
            return [] if source is None else [torch.as_tensor(source)]
        check_origin(source, point.origin)
        fits, given = source.every == 1 and (len(source) == 1 or self.edit.kind == "patch_from"), f"{source!r}"
        require(fits, "RECORD_CALLS", f"{given} as source", "a single call, or for patch_from all of them")
        return source.steps

    def __call__(self, value: Tensor, call: int) -> Tensor:
        """What goes on instead of the tensor of call number `call`."""
        first, end = self.edit.where.get("step", (0, None))
        if call < first or (end is not None and call >= end):
            return value
        fits = value.is_floating_point() or self.edit.kind not in NEED_FLOATS
        require(fits, "EDIT_TYPE", f"{self.edit.kind} of {self.name}, whole numbers", "zero, swap, resample or freeze")
        spans = {i: slice(*self._within(f"entries on axis {i}", *s, value.shape[i])) for i, s in self.spans.items()}
        region, edited, source = tuple(spans.get(i, slice(None)) for i in range(value.dim())), value.clone(), None
        if self.sources:
            number = call if self.edit.kind == "patch_from" else 0
            source = self.sources[self._within("calls of its source", number, number + 1, len(self.sources))[0]]
            source = (source[region] if source.shape == value.shape else source).to(value)
        try:
            edited[region] = KINDS[self.edit.kind](self, value[region], source)
        except RuntimeError as error:
            problem = f"{self.edit.kind} of {self.name} does not bring the shape of what it replaces"
            raise HookError("EDIT_SHAPE", problem, f"{tuple(value[region].shape)}") from error
        self.used += 1
        return edited

    def _within(self, what: str, first: int, end: int | None, size: int) -> tuple[int, int]:
        end = size if end is None else end
        problem = f"{self.edit.kind} of {self.name} needs the {what} {first} to {end}"
        require(0 <= first < end <= size, "AXIS_RANGE", problem, f"a span within 0 to {size}")
        return first, end

    def order(self, size: int) -> Tensor:
        """A random order of so many entries, two at least."""
        self._within("entries to shuffle", 0, 2, size)
        return torch.randperm(size, generator=self.random)


# What a region becomes: from the edit at work, what it is, and the same region of the source (None without one).
KINDS: dict[str, Callable[[Applied, Tensor, Any], Tensor]] = {
    "zero": lambda run, part, _: torch.zeros_like(part),
    "mean": lambda run, part, _: part.mean(run.over, keepdim=True),
    "resample": lambda run, part, _: part.index_select(run.over, run.order(part.shape[run.over]).to(part.device)),
    "scale": lambda run, part, _: part * run.edit.by,
    "noise": lambda run, part, _: part + run.edit.by * torch.randn(part.shape, generator=run.random).to(part),
    "steer": lambda run, part, source: part + run.edit.by * source.reshape(-1, *[1] * (part.dim() - 1 - run.over)),
    "swap": lambda run, part, source: source,
    "freeze": lambda run, part, _: run.first.setdefault(0, part) if run.over is None else part.narrow(run.over, 0, 1),
    "patch_from": lambda run, part, source: source,
}

_MODES = ((), ("answer",), ("content",))
RECIPES = {f"reference_{i}": tuple(zero(f"*cross_attention.{tap}") for tap in taps) for i, taps in enumerate(_MODES)}
"""Hidden test modes of the reference prior, which sums content, the text's answer and the speaker: mode 0 with all,
mode 1 without the answer, mode 2 without the content."""


def to_yaml(edits: Iterable[Edit]) -> str:
    """Edits as a YAML list of what differs from the defaults; records are written as the path of their file.

    Raises:
        HookError: EDIT_VALUE, the source is in memory only.
    """

    def plain(value: Any) -> Any:
        value = getattr(value, "path", "") or value
        require(not isinstance(value, Record | Records), "EDIT_VALUE", "A source is in memory only", "saved records")
        return value.tolist() if isinstance(value, Tensor) else str(value) if isinstance(value, Path) else value

    rows = [{f.name: plain(getattr(edit, f.name)) for f in fields(Edit)} for edit in edits]
    unsaid: dict[str, Any] = {**{f.name: f.default for f in fields(Edit)}, "where": {}}
    return yaml.safe_dump([{k: v for k, v in row.items() if v != unsaid[k]} for row in rows], sort_keys=False)


def from_yaml(text: str | Path) -> list[Edit]:
    """Edits from YAML text, or from a file given as a `Path`.

    Raises:
        HookError: EDIT_VALUE, it is no list of edits; EDIT_KIND.
    """
    try:
        return [Edit(**row) for row in yaml.safe_load(text.read_text("utf-8") if isinstance(text, Path) else text)]
    except HookError:
        raise
    except (OSError, TypeError, AttributeError, ValueError, yaml.YAMLError) as error:
        raise HookError("EDIT_VALUE", f"No edits: {error}", "a YAML list of mappings, as to_yaml writes it") from error
