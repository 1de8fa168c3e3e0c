"""Named points of a network that can be watched and edited.

A component declares its taps in the class body and calls them in `forward`:

    class Attend(Component):
        pattern = Tap("batch head query key", meaning="attention weights")

        def forward(self, query, key):
            weights = self.pattern((query @ key.transpose(-1, -2)).softmax(-1))

An unwatched tap gives its argument back at once. Taps are plain functions, not modules, so that `print(model)` and
state dicts stay clean and a call costs next to nothing. Observers are put into taps by `probe.py`.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from threading import get_ident
from typing import TYPE_CHECKING, Any, Protocol

from torch import Tensor, nn

from gsv_lab.system.registry import Configurable

Observer = Callable[[Tensor], Tensor]
"""What is put into a tap: it sees every tensor that passes and gives back the one to go on with."""


class Tap:
    """Declaration of a point worth looking at.

    Args:
        axes: names of the tensor's axes in order, for example `"batch dim frame"`.
        rate: frames per second of the time axis (the axis named `sample`, `frame`, `token` or `step`); None where no
            axis is time. A string names an attribute of the component that holds the rate.
        unit: physical unit of the values, for example `"nat"`; empty for plain numbers.
        meaning: one line for the catalogue.
        read_only: the component does not go on with what the tap gives back, so that an edit would do nothing.
    """

    def __init__(
        self,
        axes: str,
        *,
        rate: float | str | None = None,
        unit: str = "",
        meaning: str = "",
        read_only: bool = False,
    ) -> None:
        self.axes = tuple(axes.split())
        self.rate = rate
        self.unit = unit
        self.meaning = meaning
        self.read_only = read_only

    if TYPE_CHECKING:

        def __get__(self, component: object, owner: type) -> BoundTap: ...


class BoundTap(Protocol):
    """A tap of one component instance: a function that returns the tensor, through the observer if there is one.

    `observers` are by thread, so that nobody changes what another thread calculates; a thread that passes by one of
    another has None there. Code that would compute a tensor
    only to be watched asks `if self.pattern.live():` first. `path` is the tap's name from the root of the last probe
    that found it; `claims` are the threads in which that probe is open.
    """

    tap: Tap
    path: str
    observers: dict[int, Observer | None]
    claims: set[int]

    def __call__(self, value: Tensor) -> Tensor: ...

    def live(self) -> Observer | None:
        """The observer of this thread, or None."""

    def observe(self, observer: Observer | None) -> None:
        """Put an observer there for this thread; None takes it out."""


ALL_TAPS: weakref.WeakSet[Any] = weakref.WeakSet()
"""The taps of all components that live in this process."""


def _bind(name: str, tap: Tap) -> Any:
    observers: dict[int, Observer | None] = {}

    # Of all things that can be called and can hold an observer, a function is the cheapest: an object with `__call__`
    # costs twice as much, an identity module thirty times as much.
    def point(value: Tensor) -> Tensor:
        observer = live() if observers else None
        return value if observer is None else observer(value)

    def live() -> Observer | None:
        return observers.setdefault(get_ident(), None) if observers else None

    def observe(observer: Observer | None) -> None:
        observers[get_ident()] = observer
        if not any(observers.values()):
            observers.clear()

    vars(point).update(tap=tap, path=name, observers=observers, claims=set(), live=live, observe=observe)
    ALL_TAPS.add(point)
    return point


class Component(Configurable, nn.Module):
    """A part of the pipeline: a module with declared taps. Roles (see `gsv_lab.nn.interfaces`) derive from it."""

    def __new__(cls, *args: Any, **kwargs: Any) -> Component:
        self = super().__new__(cls)
        # In the instance dictionary, so that `self.tap` is found before nn.Module's slow attribute search.
        for name, tap in declared_taps(cls).items():
            self.__dict__[name] = _bind(name, tap)
        return self

    def __getstate__(self) -> dict[str, Any]:
        # Copies and pickles get fresh taps from `__new__`: the copy of a watched component is not watched.
        own = self.taps()
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in own}

    def taps(self) -> dict[str, BoundTap]:
        """The taps of this very component (not of its parts) by name."""
        return {name: self.__dict__[name] for name in declared_taps(type(self))}


def declared_taps(cls: type) -> dict[str, Tap]:
    """The taps declared in a class and its bases, base classes first."""
    declared = {}
    for base in reversed(cls.__mro__):
        for name, value in vars(base).items():
            if isinstance(value, Tap):
                declared[name] = value
    return declared


def watched() -> list[str]:
    """Names of all taps that have an observer of this thread now; empty where everything was put back."""
    return sorted(point.path for point in list(ALL_TAPS) if point.live())
