"""Which taps a model has: their names, how they are asked for, the generated table.

Idea: a tap's name is the path of its component and its own name, `semantic_gpt.layers.3.attention.pattern`. Whoever
asks for a name that does not exist is told the nearest ones; nothing is matched silently. This file runs no model.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from torch import nn

from gsv_lab.errors import HookError
from gsv_lab.hooks.tap import BoundTap, Component


def require(fact: object, code: str, problem: str, expected: str = "", action: str = "") -> None:
    """A `HookError` where something is not so."""
    if not fact:
        raise HookError(code, problem, expected, action)


class Point(NamedTuple):
    """A tap of a model: its full name, the function that the component calls, the frames per second of its time axis,
    and what tells its component from one of another model (class and sizes of the parameters).
    """

    name: str
    bound: BoundTap
    rate: float | None
    origin: str


def points(root: Any) -> dict[str, Point]:
    """All taps of a model by name.

    Args:
        root: a module, or an object with `components() -> {name: module}`, as a loaded lab.

    Raises:
        HookError: PROBE_ROOT, there is no tap in it.
    """
    found, memo = dict[str, Point](), set[nn.Module]()
    for part, module in (root.components() if hasattr(root, "components") else {"": root}).items():
        for path, inner in module.named_modules(memo, part) if isinstance(module, nn.Module) else ():
            for name, bound in inner.taps().items() if isinstance(inner, Component) else ():
                # torch.compile keeps what it wraps under a name of its own.
                full = f"{path}.{name}".replace("_orig_mod.", "").lstrip(".")
                rate = getattr(inner, bound.tap.rate) if isinstance(bound.tap.rate, str) else bound.tap.rate
                sizes = {key.replace("_orig_mod.", ""): tuple(p.shape) for key, p in inner.named_parameters()}
                found[full] = Point(full, bound, rate, f"{type(inner).__qualname__} {sizes}")
    require(found, "PROBE_ROOT", f"{type(root).__name__} has no taps", "a loaded lab, or a module of gsv_lab.nn")
    return found


def match(pattern: str, found: Mapping[str, Point]) -> list[Point]:
    """The taps whose names match a glob, in the order of the model; `*` also stands for several parts of a name.

    Raises:
        HookError: TAP_UNKNOWN with the nearest names, nothing matches.
    """
    if matching := [point for name, point in found.items() if fnmatchcase(name, pattern)]:
        return matching
    raise HookError("TAP_UNKNOWN", f"No tap matches '{pattern}'", nearest(pattern, found))


def fold(name: str, letter: str = "N") -> str:
    """A name without its layer numbers: `layers.3.mlp` -> `layers.N.mlp`."""
    return ".".join(letter if part.isdigit() else part for part in name.split("."))


def nearest(wanted: str, names: Iterable[str]) -> str:
    """The names most like one that does not exist, as text for an error; layer numbers are shown as `*`."""
    wanted = fold(wanted, "*").strip("*.")
    ends = {".".join(name.split(".")[-1 - wanted.count(".") :]): name for name in (fold(n, "*") for n in names)}
    return " or ".join(ends[end] for end in difflib.get_close_matches(wanted, ends, 3, 0.0))


class Table(list[dict[str, Any]]):
    """Rows of equal keys that print as a Markdown table."""

    def __str__(self) -> str:
        rows = [[*self[0]], ["---"] * len(self[0]), *(row.values() for row in self)] if self else []
        cells = [[f"{value:.4g}" if isinstance(value, float) else str(value) for value in row] for row in rows]
        return "\n".join(f"| {' | '.join(row)} |" for row in cells)

    _repr_markdown_ = __str__


def catalogue(root: Any) -> Table:
    """Every tap of a model: `name` (layers count once, N is their number), `axes`, `rate` in Hz (several where layers
    differ in it, none where no axis is time), `unit`, `meaning`.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, bound, rate, _ in points(root).values():
        row = rows.setdefault(fold(name), {"name": fold(name), "axes": " ".join(bound.tap.axes), "rate": ""})
        row["rate"] = " ".join(dict.fromkeys([*row["rate"].split(), *([f"{rate:g}"] if rate else [])]))
        row |= {"unit": bound.tap.unit, "meaning": bound.tap.meaning}
    return Table(rows.values())
