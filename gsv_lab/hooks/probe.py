"""Watching and editing: the one context that puts observers into taps and takes them out again.

    with probe(lab, "prior.cross_attention.pattern", edits=[zero("flow.z", head=1)]) as records:
        speech = lab.speak(text, voice)
    records["prior.cross_attention.pattern"].mean("head").show()

Idea: nothing is watched that was not named, nothing stays attached, and what was recorded is what passed: memory is
counted while it is spent, and a tensor that was written into after it was recorded is an error, not a wrong picture.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from threading import get_ident
from typing import Any, Literal

import torch
from torch import Tensor

from gsv_lab.errors import HookError
from gsv_lab.hooks.catalogue import Point, match, points, require
from gsv_lab.hooks.edits import Applied, Edit
from gsv_lab.hooks.record import Record, Records
from gsv_lab.hooks.tap import Observer
from gsv_lab.system.compiler import uncompiled


@contextmanager
def probe(
    root: Any,
    *globs: str,
    edits: Sequence[Edit] = (),
    limit_mb: float = 256,
    every: int = 1,
    keep: Literal["cpu", "device"] = "cpu",
    dtype: torch.dtype | None = None,
    grads: bool = False,
) -> Iterator[Records]:
    """Watch the taps that match, and edit, inside a `with` block; gives the `Records`, which fill as the model runs.

    Edits come before recording, in their order. Compiled modules run uncompiled inside the block. Other threads that
    run the model meanwhile are neither watched nor edited, and may have a probe of their own.

    Args:
        root: a loaded lab, or any module with components inside.
        globs: names of taps, `*` for any part of a name; none watches nothing.
        edits: interventions.
        limit_mb: memory that the records may take, in MB (10^6 bytes).
        every: record one call in so many; edits act on all.
        keep: records go to the CPU, or stay on the device of the model.
        dtype: type in which numbers are kept, for example `torch.float16`; whole numbers stay as they are.
        grads: also keep the gradients of a `backward` inside the block.

    Raises:
        HookError: TAP_UNKNOWN, PROBE_ROOT, PROBE_NESTED, PROBE_OPTION and those of `Applied` on entry; TAP_AXES,
            MEMORY_LIMIT while the model runs; RECORD_CHANGED, EDIT_UNUSED, GRADIENT_MISSING on exit.
    """
    require(
        keep in ("cpu", "device") and limit_mb > 0 and every >= 1,
        "PROBE_OPTION",
        f"keep={keep!r}, limit_mb={limit_mb:g}, every={every}",
        "keep 'cpu' or 'device', limit_mb above 0, every 1 or more",
    )
    fit = isinstance(edits, Sequence) and all(isinstance(edit, Edit) for edit in edits)
    require(fit, "PROBE_OPTION", f"edits={edits!r:.60}", 'a list of edits, such as [zero("flow.z")]')
    found = points(root)
    require(
        not any(get_ident() in point.bound.claims for point in found.values()),
        "PROBE_NESTED",
        "A probe of this model is open already in this thread",
        "one",
        "Give it these taps and edits too",
    )
    session = _Session(limit_mb * 1e6, every, keep, dtype, grads)
    for glob in globs:
        session.watch(match(glob, found))
    for edit in edits:
        session.edit(edit, match(edit.target, found))
    with uncompiled(), ExitStack() as stack:
        for point in found.values():
            stack.callback(point.bound.observe, point.bound.live())
            stack.callback(point.bound.claims.discard, get_ident())
            session.attach(point, stack)
        yield session.records
        session.check_results()


@dataclass
class _Session:
    """What the observers of one open probe share; arguments as in `probe`, the limit in bytes."""

    limit: float
    every: int
    keep: str
    dtype: torch.dtype | None
    grads: bool
    records: Records = field(default_factory=Records)
    applied: list[Applied] = field(default_factory=list)
    sizes: Counter[str] = field(default_factory=Counter)
    borrowed: list[tuple[str, Tensor, int]] = field(default_factory=list)

    def watch(self, chosen: Sequence[Point]) -> None:
        """Note the taps that are to be recorded, each once."""
        for point in chosen:
            if point.name not in self.records.watched:
                self.records.watched.append(point.name)

    def edit(self, edit: Edit, chosen: Sequence[Point]) -> None:
        """Note an edit at each of its taps."""
        for point in chosen:
            self.applied.append(Applied(edit, point))

    def attach(self, point: Point, stack: ExitStack) -> None:
        """Claim a tap, and put an observer into it if it is watched or edited."""
        point.bound.claims.add(get_ident())
        point.bound.path = point.name
        edits = [run for run in self.applied if run.name == point.name]
        kept = point.name in self.records.watched
        if edits or kept:
            point.bound.observe(self.observer(point, edits, kept, stack))

    def observer(self, point: Point, edits: list[Applied], kept: bool, stack: ExitStack) -> Observer:
        """What is put into one tap."""
        tap = point.bound.tap
        record = Record(
            point.name,
            tap.axes,
            [],
            point.rate,
            tap.unit,
            tap.meaning,
            self.every,
            point.origin,
        )
        calls = 0

        def observe(value: Tensor) -> Tensor:
            nonlocal calls
            fits = value.dim() == len(tap.axes)
            problem = f"{point.name} got a tensor of shape {tuple(value.shape)}"
            require(fits, "TAP_AXES", problem, f"the axes {' '.join(tap.axes)}")
            for edit in edits:
                value = edit(value, calls)
            if kept and calls % self.every == 0:
                self.note(record, value, stack)
            calls += 1
            return value

        return observe

    def note(self, record: Record, value: Tensor, stack: ExitStack) -> None:
        """Record one tensor, and wait for its gradient if gradients are kept."""
        self.records.setdefault(record.name, record)
        record.steps.append(self.copy(record.name, value))
        if self.grads and value.requires_grad:
            receive = partial(self.receive, record, len(record) - 1)
            stack.callback(value.register_hook(receive).remove)

    def receive(self, record: Record, index: int, gradient: Tensor) -> None:
        """Keep the gradient of one recorded tensor."""
        record.cotangents[index] = self.copy(record.name, gradient)

    def copy(self, name: str, value: Tensor) -> Tensor:
        """The tensor to keep: detached, and where nothing has to be copied, borrowed and looked at again on exit."""
        dtype = value.dtype
        if self.dtype is not None and value.is_floating_point():
            dtype = self.dtype
        device = "cpu" if self.keep == "cpu" else value.device
        kept = value.detach().to(device, dtype)
        self.spend(name, kept.nbytes)
        own = kept.data_ptr() != value.data_ptr()
        small_view = not own and kept.untyped_storage().nbytes() > 2 * kept.nbytes
        # Tensors of inference mode have no counter; a small view would keep all of a large tensor alive.
        if value.is_inference() or small_view:
            with torch.inference_mode(False):
                return kept.clone()
        if not own:
            self.borrowed.append((name, kept, kept._version))
        return kept

    def spend(self, name: str, size: int) -> None:
        """Count bytes of a tap's records; a HookError MEMORY_LIMIT where all records take more than the limit."""
        self.sizes[name] += size
        if self.sizes.total() <= self.limit:
            return
        largest = [f"{tap} {taken / 1e6:.1f} MB" for tap, taken in self.sizes.most_common(5)]
        problem = f"The records take more than {self.limit / 1e6:g} MB, most in {', '.join(largest)}"
        raise HookError(
            "MEMORY_LIMIT",
            problem,
            "fewer taps, every=, dtype=torch.float16 or a larger limit_mb=",
        )

    def check_results(self) -> None:
        """That records are what passed, that gradients came, and that every edit was carried out."""
        changed = {name for name, kept, version in self.borrowed if kept._version != version}
        require(
            not changed,
            "RECORD_CHANGED",
            f"Written into after it was recorded: {', '.join(sorted(changed))}",
            "no writing in place",
        )
        require(
            any(record.cotangents for record in self.records.values()) or not self.grads,
            "GRADIENT_MISSING",
            "No gradient came to a watched tap",
            "a backward() inside the block",
        )
        # What another thread ran was not edited, and not forgotten either.
        done = {id(run.edit) for run in self.applied if run.used or None in run.observers.values()}
        for run in self.applied:
            require(
                id(run.edit) in done,
                "EDIT_UNUSED",
                f"Never carried out: {run.edit.kind} of '{run.edit.target}'",
                "code in the block that runs it, up to its step",
            )
