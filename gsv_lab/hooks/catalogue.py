"""Which taps a model has: their names, how they are asked for, the generated table.

Idea: a tap's name is the path of its component and its own name, `semantic_gpt.layers.3.attention.pattern`. Whoever
asks for a name that does not exist gets an error with the nearest ones; nothing is matched silently. No model is run
here.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator, Mapping
from fnmatch import fnmatchcase
from typing import Any, NamedTuple

from torch import nn

from gsv_lab.errors import HookError, one_line
from gsv_lab.hooks.tap import BoundTap, Component

COMPILED = "_orig_mod."
"""What torch.compile puts before the names of the modules that it wraps."""


def require(fact: object, code: str, problem: str, expected: str = "", action: str = "") -> None:
    """A `HookError` where something is not so."""
    if not fact:
        raise HookError(code, problem, expected, action)


class Point(NamedTuple):
    """A tap of a model.

    `name` from the root; `bound`, the function that the component calls; `rate` of its time axis in frames a second;
    `origin`, class and sizes of the component's parameters, which differ from those of another model's.
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
    found: dict[str, Point] = {}
    for path, component in _components(root):
        origin = ""
        for name, bound in component.taps().items():
            origin = origin or _origin(component)
            rate = bound.tap.rate
            if isinstance(rate, str):
                rate = getattr(component, rate)
            full = f"{path}.{name}".replace(COMPILED, "").lstrip(".")
            found[full] = Point(full, bound, rate, origin)
    require(
        found,
        "PROBE_ROOT",
        f"{type(root).__name__} has no taps",
        "a loaded lab, or a module of gsv_lab.nn",
    )
    return found


def _components(root: Any) -> Iterator[tuple[str, Component]]:
    """Path and component, each component once."""
    parts = root.components() if hasattr(root, "components") else {"": root}
    seen: set[nn.Module] = set()
    for name, module in parts.items():
        if not isinstance(module, nn.Module):
            continue
        for path, inner in module.named_modules(seen, name):
            if isinstance(inner, Component):
                yield path, inner


def _origin(component: Component) -> str:
    sizes = {}
    for key, parameter in component.named_parameters():
        sizes[key.replace(COMPILED, "")] = tuple(parameter.shape)
    return f"{type(component).__qualname__} {sizes}"


def match(pattern: str, found: Mapping[str, Point]) -> list[Point]:
    """The taps whose names match a glob, in the order of the model; `*` also stands for several parts of a name.

    Raises:
        HookError: TAP_UNKNOWN with the nearest names, nothing matches.
    """
    matching = [point for name, point in found.items() if fnmatchcase(name, pattern)]
    if not matching:
        raise HookError("TAP_UNKNOWN", f"No tap matches '{pattern}'", nearest(pattern, found))
    return matching


def fold(name: str, letter: str = "N") -> str:
    """A name without its layer numbers: `layers.3.mlp` -> `layers.N.mlp`."""
    parts = [letter if part.isdigit() else part for part in name.split(".")]
    return ".".join(parts)


def nearest(wanted: str, names: Iterable[str]) -> str:
    """The names most like one that does not exist, as text for an error; layer numbers are shown as `*`."""
    wanted = fold(wanted, "*").strip("*.")
    length = 1 + wanted.count(".")
    ends = {}
    for name in names:
        folded = fold(name, "*")
        end = ".".join(folded.split(".")[-length:])
        ends[end] = folded
    close = difflib.get_close_matches(wanted, ends, 3, 0.0)
    return " or ".join(ends[end] for end in close)


class Table(list[dict[str, Any]]):
    """Rows of equal keys that print as a Markdown table."""

    def __str__(self) -> str:
        if not self:
            return ""
        titles = list(self[0])
        lines = [_line(titles), _line(["---"] * len(titles))]
        for row in self:
            lines.append(_line(row.values()))
        return "\n".join(lines)

    _repr_markdown_ = __str__


def _line(cells: Iterable[Any]) -> str:
    texts = [f"{cell:.4g}" if isinstance(cell, float) else one_line(cell).replace("|", "\\|") for cell in cells]
    return f"| {' | '.join(texts)} |"


def catalogue(root: Any) -> Table:
    """Every tap of a model: `name` (layers count once, N is their number), `axes`, `rate` in Hz (several where layers
    differ in it, none where no axis is time), `unit`, `meaning`.
    """
    rows: dict[str, dict[str, Any]] = {}
    for name, bound, rate, _ in points(root).values():
        tap = bound.tap
        new = {"name": fold(name), "axes": " ".join(tap.axes), "rate": ""}
        row = rows.setdefault(fold(name), new)
        rates = row["rate"].split()
        if rate and f"{rate:g}" not in rates:
            rates.append(f"{rate:g}")
        row["rate"] = " ".join(rates)
        row["unit"] = tap.unit
        row["meaning"] = tap.meaning
    return Table(rows.values())
