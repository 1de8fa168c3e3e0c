"""Watching and editing: the one context that attaches listeners to taps and takes them out again.

    with probe(lab, "prior.cross_attention.pattern", edits=[zero("flow.z", head=1)]) as records:
        speech = lab.speak(text, voice)
    records["prior.cross_attention.pattern"].mean("head").show()

Idea: nothing is watched that was not named, nothing stays attached, and what was recorded is what passed: memory is
counted while it is spent, and a tensor that was written into after it was recorded is an error, not a wrong picture.
This file does not know what the model computes.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Literal

import torch
from torch import Tensor

from gsv_lab.errors import HookError
from gsv_lab.hooks.catalogue import Point, match, points, require
from gsv_lab.hooks.edits import Applied, Edit
from gsv_lab.hooks.record import Record, Records
from gsv_lab.hooks.tap import Listener


@contextmanager
def probe(
    root: Any, *globs: str, edits: Sequence[Edit] = (), limit_mb: float = 256, every: int = 1,
    keep: Literal["cpu", "device"] = "cpu", dtype: torch.dtype | None = None, grads: bool = False,
) -> Iterator[Records]:  # fmt: skip
    """Watch the taps that match, and edit, inside a `with` block; gives the `Records`, which fill as the model runs.

    Edits come before recording, in their order. Compiled modules run uncompiled inside the block.

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
    given, known = f"{keep=}, {limit_mb=}, {every=}", keep in ("cpu", "device") and limit_mb > 0 and every >= 1
    require(known, "PROBE_OPTION", given, "keep 'cpu' or 'device', limit_mb above 0, every 1 or more")
    found = points(root)
    free = not any(point.bound.claimed for point in found.values())
    require(free, "PROBE_NESTED", "A probe of this model is open already", "one", "Give it these taps and edits too")
    watched = {point.name: point for glob in globs for point in match(glob, found)}
    applied = [Applied(edit, point) for edit in edits for point in match(edit.target, found)]
    session = _Session(limit_mb * 1e6, every, keep, dtype, grads, Records(watched=watched))
    with ExitStack() as stack:
        if "torch._dynamo" in sys.modules:  # nothing can be compiled where it was never imported
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        for name, point in found.items():
            point.bound.claimed, point.bound.path = True, name
            stack.callback(setattr, point.bound, "claimed", False)
            mine = [run for run in applied if run.name == name]
            if mine or name in watched:
                before, point.bound.live = point.bound.live, session.listener(point, mine, name in watched, stack)
                stack.callback(setattr, point.bound, "live", before)
        yield session.records
    changed = sorted({name for name, kept, version in session.borrowed if kept._version != version})
    problem = f"Written into after it was recorded: {', '.join(changed)}"
    require(not changed, "RECORD_CHANGED", problem, "no writing in place", "Mend the component that comes after it")
    came = not grads or any(record.cotangents for record in session.records.values())
    require(came, "GRADIENT_MISSING", "No gradient came to a watched tap", "a backward() inside the block")
    for edit in edits:
        done = any(run.used for run in applied if run.edit is edit)
        action = "Run its component in the block, and reach the step"
        require(done, "EDIT_UNUSED", f"The edit {edit.kind} of '{edit.target}' was never carried out", "", action)


@dataclass
class _Session:
    """What the listeners of one open probe share."""

    limit: float
    every: int
    keep: str
    dtype: torch.dtype | None
    grads: bool
    records: Records
    sizes: Counter[str] = field(default_factory=Counter)
    borrowed: list[tuple[str, Tensor, int]] = field(default_factory=list)

    def listener(self, point: Point, edits: list[Applied], kept: bool, stack: ExitStack) -> Listener:
        """What is put into one tap."""
        tap, calls = point.bound.tap, 0
        about = (tap.unit, tap.meaning, self.every, point.origin)
        record = Record(point.name, tap.axes, [], point.rate, *about)

        def hear(value: Tensor) -> Tensor:
            nonlocal calls
            problem = f"{point.name} got a tensor of shape {tuple(value.shape)}"
            require(value.dim() == len(tap.axes), "TAP_AXES", problem, f"the axes {' '.join(tap.axes)}")
            for edit in edits:
                value = edit(value, calls)
            if kept and calls % self.every == 0:
                self.records.setdefault(point.name, record).steps.append(self.copy(point.name, value))
                if self.grads and value.requires_grad:
                    receive = partial(self.receive, record, len(record) - 1)
                    stack.callback(value.register_hook(receive).remove)
            calls += 1
            return value

        return hear

    def receive(self, record: Record, index: int, gradient: Tensor) -> None:
        """Keeps the gradient of one recorded tensor."""
        record.cotangents[index] = self.copy(record.name, gradient)

    def copy(self, name: str, value: Tensor) -> Tensor:
        """The tensor to keep: detached, and where nothing has to be copied, borrowed and looked at again on exit."""
        kept = value.detach()
        kept = kept.to(self.dtype) if self.dtype and kept.is_floating_point() else kept
        self.sizes[name] += kept.nbytes
        if self.sizes.total() > self.limit:
            most = ", ".join(f"{tap} {size / 1e6:.1f} MB" for tap, size in self.sizes.most_common(5))
            problem = f"The records take more than {self.limit / 1e6:g} MB, most in {most}"
            action = "Watch fewer taps, keep one call in several (every=), or float16 (dtype=), or raise limit_mb"
            raise HookError("MEMORY_LIMIT", problem, "", action)
        kept = kept.cpu() if self.keep == "cpu" else kept
        own = kept.data_ptr() != value.data_ptr()
        # Tensors of inference mode have no counter; a small view would keep all of a large tensor alive.
        if value.is_inference() or (not own and kept.untyped_storage().nbytes() > 2 * kept.nbytes):
            with torch.inference_mode(False):
                return kept.clone()
        if not own:
            self.borrowed.append((name, kept, kept._version))
        return kept
