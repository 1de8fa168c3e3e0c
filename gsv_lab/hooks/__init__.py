"""Look inside and intervene: taps that components declare, a `probe` that watches and edits, records that draw.

Idea: `with probe(lab, "prior.mean", edits=[zero("flow.z")]) as records: ...`. This package knows no component by name.
"""

from __future__ import annotations

from gsv_lab.hooks.catalogue import Table, catalogue, taps_page
from gsv_lab.hooks.edits import (  # isort: skip
    Edit, freeze, from_yaml, mean, noise, patch_from, resample, scale, steer, swap, to_yaml, zero,
)  # fmt: skip
from gsv_lab.hooks.probe import probe
from gsv_lab.hooks.record import Comparison, Record, Records, compare
from gsv_lab.hooks.tap import ALL_TAPS, BoundTap, Component, Tap, watched

__all__ = [
    "ALL_TAPS", "BoundTap", "Comparison", "Component", "Edit", "Record", "Records", "Table", "Tap", "catalogue",
    "compare", "freeze", "from_yaml", "mean", "noise", "patch_from", "probe", "resample", "scale", "steer", "swap",
    "taps_page", "to_yaml", "watched", "zero",
]  # fmt: skip
