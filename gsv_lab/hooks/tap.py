"""Named points of a network that can be watched and edited.

A component declares its taps in the class body and calls them in `forward`:

    class Attend(Component):
        pattern = Tap("batch head query key", meaning="attention weights")

        def forward(self, query, key):
            weights = self.pattern((query @ key.transpose(-1, -2)).softmax(-1))

An unwatched tap gives its argument back at once. Taps are plain objects, not modules, so that `print(model)` and
state dicts stay clean. This file does not know who watches: `probe.py` puts a listener into a tap and takes it out.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from torch import Tensor, nn

Listener = Callable[[Tensor], Tensor]


class Tap:
    """Declaration of a point worth looking at.

    Args:
        axes: names of the tensor's axes in order, for example `"batch dim frame"`.
        rate: frames per second of the time axis (the axis named `frame`, `token` or `sample`); None where no axis is time.
            A string names an attribute of the component that holds the rate.
        unit: physical unit of the values, for example `"nat"`; empty for plain numbers.
        meaning: one line for the catalogue.
    """

    __slots__ = ("axes", "meaning", "name", "rate", "unit")

    def __init__(self, axes: str, *, rate: float | str | None = None, unit: str = "", meaning: str = "") -> None:
        self.axes = tuple(axes.split())
        self.rate = rate
        self.unit = unit
        self.meaning = meaning
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name


class BoundTap:
    """A tap of one component instance. Calling it returns the tensor, through the listener if there is one.

    `live` is the listener or None. Code that would compute a tensor only to be watched asks `if self.pattern.live:` first.
    """

    __slots__ = ("live", "tap")

    def __init__(self, tap: Tap) -> None:
        self.tap = tap
        self.live: Listener | None = None

    def __call__(self, value: Tensor) -> Tensor:
        if self.live is None:
            return value
        return self.live(value)

    def __deepcopy__(self, memo: dict[int, Any]) -> BoundTap:
        return BoundTap(self.tap)

    def __reduce__(self) -> tuple[Any, ...]:
        return BoundTap, (self.tap,)


class Component(nn.Module):
    """A part of the pipeline: a module with declared taps. Roles (see `gsv_lab.nn.roles`) derive from it."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Component:
        self = super().__new__(cls)
        # In the instance dictionary, so that `self.tap` is found before nn.Module's slow attribute search.
        for name, tap in declared_taps(cls).items():
            self.__dict__[name] = BoundTap(tap)
        return self

    def taps(self) -> dict[str, BoundTap]:
        """The taps of this very component (not of its parts) by name."""
        return {name: self.__dict__[name] for name in declared_taps(type(self))}


def declared_taps(cls: type) -> dict[str, Tap]:
    """The taps declared in a class and its bases, base classes first."""
    found: dict[str, Tap] = {}
    for base in reversed(cls.__mro__):
        found.update({name: value for name, value in vars(base).items() if isinstance(value, Tap)})
    return found
