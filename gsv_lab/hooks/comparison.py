"""Two sets of records of one model side by side: where an edited run left its baseline, and by how much."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gsv_lab.hooks.catalogue import Table, require
from gsv_lab.hooks.record import Record, Records, check_origin


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
        table = Table()
        for name, record in self.clean.items():
            if name in self.edited:
                table.append(_row(record, self.edited[name]))
        return table


def _row(clean: Record, edited: Record) -> dict[str, Any]:
    pairs = [(x.double(), y.double()) for x, y in zip(clean.steps, edited.steps, strict=False)]
    same = [(x.flatten(), y.flatten()) for x, y in pairs if x.shape == y.shape]
    x = y = torch.full((1,), math.nan, dtype=torch.float64)
    if same:
        x = torch.cat([one for one, _ in same])
        y = torch.cat([other for _, other in same])
    difference = y - x
    note = ""
    if not len(clean) == len(edited) == len(same):
        note = f"{len(clean)} and {len(edited)} calls, {len(same)} of one shape"
    return {
        "tap": clean.name,
        "calls": len(same),
        "first": _first_difference(pairs),
        "largest": float(difference.abs().max()),
        "relative": float(difference.norm() / x.norm()),
        "cosine": float(x @ y / (x.norm() * y.norm())),
        "note": note,
    }


def _first_difference(pairs: list[tuple[Tensor, Tensor]]) -> int | str:
    """The first call that differs by more than rounding; empty where none does."""
    for number, (x, y) in enumerate(pairs):
        if x.shape != y.shape or not x.allclose(y, rtol=1e-4, atol=1e-5):
            return number
    return ""


def compare(clean: Records, edited: Records) -> Comparison:
    """Sets a run beside its baseline: `compare(clean, edited).table()`.

    Raises:
        HookError: TAP_UNKNOWN, no tap in common; RECORD_OTHER_MODEL, taps of one name belong to different components.
    """
    common = clean.keys() & edited.keys()
    require(
        common,
        "TAP_UNKNOWN",
        "The two sets of records have no tap in common",
        "records of the same taps",
    )
    for name in common:
        check_origin(clean[name], edited[name].origin)
    return Comparison(clean, edited)
