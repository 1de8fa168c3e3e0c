"""Which taps a model has: names, strict addressing, the generated table.

Idea: a tap's name is the path of its component and its own name, `semantic_gpt.layers.3.attention.pattern`. Whoever asks
for a name that does not exist is told the nearest ones; nothing is matched silently. This file runs no model.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from torch import nn

from gsv_lab.errors import HookError
from gsv_lab.hooks.tap import BoundTap, Component


@dataclass(frozen=True)
class Point:
    """A tap of a model: its full name, the function that the component calls, and the component."""

    name: str
    bound: BoundTap
    component: Component

    @property
    def rate(self) -> float | None:
        """Frames per second of the time axis."""
        rate = self.bound.tap.rate
        return getattr(self.component, rate) if isinstance(rate, str) else rate

    @property
    def origin(self) -> str:
        """What tells the component from one of another model: its class and the sizes of its parameters."""
        sizes = {name.replace("_orig_mod.", ""): tuple(p.shape) for name, p in self.component.named_parameters()}
        return f"{type(self.component).__qualname__} {sizes}"


def points(root: Any) -> dict[str, Point]:
    """All taps of a model by name.

    Args:
        root: a module, or an object with `components() -> {name: module}`, as a loaded lab.
    Raises:
        HookError: PROBE_ROOT, there is no tap in it.
    """
    parts = root.components() if hasattr(root, "components") else {"": root}
    found: dict[str, Point] = {}
    memo: set[nn.Module] = set()
    for part, module in parts.items():
        for path, inner in module.named_modules(memo, part) if isinstance(module, nn.Module) else ():
            for name, bound in inner.taps().items() if isinstance(inner, Component) else ():
                full = f"{path}.{name}".replace("_orig_mod.", "").lstrip(".")
                found[full] = Point(full, bound, inner)
    if not found:
        raise HookError("PROBE_ROOT", f"{type(root).__name__} has no taps", "a loaded lab, or a module of gsv_lab.nn")
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
    wanted = fold(wanted, "*")

    def likeness(name: str) -> float:
        pairs = (wanted, name), (wanted.rpartition(".")[2], name.rpartition(".")[2])
        return sum(difflib.SequenceMatcher(None, *pair).ratio() for pair in pairs)

    return " or ".join(sorted({fold(name, "*") for name in names}, key=likeness, reverse=True)[:3])


class Table(list[Any]):
    """Rows (named tuples of one kind) that print as a Markdown table."""

    def __str__(self) -> str:
        titles = list(self[0]._fields) if self else []
        lines = [titles, ["---"] * len(titles), *([_cell(value) for value in row] for row in self)]
        return "\n".join("| " + " | ".join(line) + " |" for line in lines)

    _repr_markdown_ = __str__


def _cell(value: object) -> str:
    if isinstance(value, tuple):
        return " ".join(map(_cell, value))
    return "" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)


class Row(NamedTuple):
    """One line of the catalogue. `rate` has two values, the lowest and the highest, where layers differ in it."""

    name: str
    axes: tuple[str, ...]
    rate: tuple[float, ...]
    unit: str
    meaning: str


def catalogue(root: Any) -> Table:
    """A `Row` for every tap of a model; layers count once, their number is written N."""
    rows: dict[str, Row] = {}
    for point in points(root).values():
        tap, name = point.bound.tap, fold(point.name)
        rates = {*rows[name].rate} if name in rows else set()
        rates |= {float(point.rate)} if point.rate else set()
        rows[name] = Row(name, tap.axes, tuple(sorted({min(rates), max(rates)})) if rates else (), tap.unit, tap.meaning)
    return Table(rows.values())


def taps_page(root: Any, notebooks: Mapping[str, str] | None = None) -> str:
    """The page `docs/taps.md`: the catalogue, and for each tap the notebooks that use it.

    Args:
        root: the model, see `points`.
        notebooks: title -> source text. A notebook uses a tap if one of its string literals is the tap's name or a glob of it.
    """
    kind = NamedTuple("Line", [("tap", str), *((name, Any) for name in Row._fields[1:]), ("notebooks", str)])  # type: ignore[misc]
    literals = {title: re.findall(r"""["']([\w.*\[\]?-]+)["']""", text) for title, text in (notebooks or {}).items()}
    full, lines = points(root), Table()
    for row in catalogue(root):
        names = [name for name in full if fold(name) == row.name]
        users = [t for t, found in literals.items() if any(fnmatchcase(n, glob) for n in names for glob in found)]
        lines.append(kind(f"`{row.name}`", *row[1:], ", ".join(users)))
    return f"# Taps\n\nGenerated from the declarations; rates are in Hz. N is the number of a layer.\n\n{lines}\n"
