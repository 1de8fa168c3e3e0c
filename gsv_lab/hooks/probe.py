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
    session = _Session(Records(watched=watched), limit_mb * 1e6, every, keep, dtype, grads)
    with ExitStack() as stack:
        if "torch._dynamo" in sys.modules:  # nothing can be compiled where it was never imported
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        for name, point in found.items():
            stack.callback(vars(point.bound).update, claimed=False, live=point.bound.live)
            point.bound.claimed, point.bound.path = True, name
            if (mine := [run for run in applied if run.name == name]) or name in watched:
                point.bound.live = session.listener(point, mine, name in watched, stack)
        yield session.records
    changed = ", ".join(sorted({name for name, kept, version in session.borrowed if kept._version != version}))
    require(not changed, "RECORD_CHANGED", f"Written into after it was recorded: {changed}", "no writing in place")
    came = not grads or any(record.cotangents for record in session.records.values())
    require(came, "GRADIENT_MISSING", "No gradient came to a watched tap", "a backward() inside the block")
    for edit in edits:
        done, what = any(run.used for run in applied if run.edit is edit), f"{edit.kind} of '{edit.target}'"
        require(done, "EDIT_UNUSED", f"Never carried out: {what}", "code in the block that runs it, up to its step")


class _Session:
    """What the listeners of one open probe share."""

    def __init__(self, records: Records, limit: float, every: int, keep: str, dtype: Any, grads: bool) -> None:
        self.records, self.limit, self.every, self.keep, self.dtype = records, limit, every, keep, dtype
        self.grads, self.sizes, self.borrowed = grads, Counter[str](), list[tuple[str, Tensor, int]]()

    def listener(self, point: Point, edits: list[Applied], kept: bool, stack: ExitStack) -> Listener:
        """What is put into one tap."""
        tap, calls = point.bound.tap, 0
        record = Record(point.name, tap.axes, [], point.rate, tap.unit, tap.meaning, self.every, point.origin)

        def hear(value: Tensor) -> Tensor:
            nonlocal calls
            fits, problem = value.dim() == len(tap.axes), f"{point.name} got a tensor of shape {tuple(value.shape)}"
            require(fits, "TAP_AXES", problem, f"the axes {' '.join(tap.axes)}")
            for edit in edits:
                value = edit(value, calls)
            if kept and calls % self.every == 0:
                self.records.setdefault(point.name, record).steps.append(self.copy(point.name, value))
                if self.grads and value.requires_grad:
                    stack.callback(value.register_hook(partial(self.receive, record, len(record) - 1)).remove)
            calls += 1
            return value

        return hear

    def receive(self, record: Record, index: int, gradient: Tensor) -> None:
        """Keeps the gradient of one recorded tensor."""
        record.cotangents[index] = self.copy(record.name, gradient)

    def copy(self, name: str, value: Tensor) -> Tensor:
        """The tensor to keep: detached, and where nothing has to be copied, borrowed and looked at again on exit."""
        dtype = self.dtype if self.dtype and value.is_floating_point() else value.dtype
        kept = value.detach().to("cpu" if self.keep == "cpu" else value.device, dtype)
        self.sizes[name] += kept.nbytes
        if self.sizes.total() > self.limit:
            most = ", ".join(f"{tap} {size / 1e6:.1f} MB" for tap, size in self.sizes.most_common(5))
            problem = f"The records take more than {self.limit / 1e6:g} MB, most in {most}"
            raise HookError("MEMORY_LIMIT", problem, "fewer taps, every=, dtype=torch.float16 or a larger limit_mb=")
        own = kept.data_ptr() != value.data_ptr()
        # Tensors of inference mode have no counter; a small view would keep all of a large tensor alive.
        if value.is_inference() or (not own and kept.untyped_storage().nbytes() > 2 * kept.nbytes):
            with torch.inference_mode(False):
                return kept.clone()
        if not own:
            self.borrowed.append((name, kept, kept._version))
        return kept
