"""Look inside and intervene: taps that components declare, a `probe` that watches and edits, records that draw.

Idea: `with probe(lab, "prior.mean", edits=[zero("flow.z")]) as records: ...`. No component is known here by name.
"""

from __future__ import annotations

from .catalogue import Table, catalogue
from .comparison import Comparison, compare
from .edits import Edit, freeze, from_yaml, mean, noise, patch_from, resample, scale, steer, swap, to_yaml, zero
from .probe import probe
from .record import Record, Records
from .tap import ALL_TAPS, BoundTap, Component, Tap, watched

__all__ = [
    "ALL_TAPS", "BoundTap", "Comparison", "Component", "Edit", "Record", "Records", "Table", "Tap", "catalogue",
    "compare", "freeze", "from_yaml", "mean", "noise", "patch_from", "probe", "resample", "scale", "steer", "swap",
    "to_yaml", "watched", "zero",
]  # fmt: skip
