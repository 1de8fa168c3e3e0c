"""What all explorers share: controls whose values are the state, one place where the result is drawn.

    explorer = WindowExplorer(wave, 16000)
    explorer.view                       # in a notebook: controls and result
    explorer.set(window_ms=60)          # the same as moving the slider
    explorer.snapshot()                 # the result alone, for paper

A control's `value` is an observable trait; a change of any draws anew, through `render`. Nothing is drawn while a
slider is being dragged.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ipywidgets

from gsv_lab.errors import LabError, on_page
from gsv_lab.teaching.widgets.player import picture_html


class Explorer(ABC):
    """Controls and what they make.

    Args:
        controls: name -> widget with a `value`, in the order of the panel.
    """

    def __init__(self, controls: Mapping[str, ipywidgets.ValueWidget]) -> None:
        self.controls = dict(controls)
        self.output = ipywidgets.HTML()
        self._quiet = False
        for control in self.controls.values():
            if control.has_trait("continuous_update"):
                control.continuous_update = False
            control.observe(self._changed, "value")

    @property
    def state(self) -> dict[str, Any]:
        """The value of every control by name."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Give controls new values; draws once."""
        with self._without_drawing():
            for name, value in values.items():
                self.controls[name].value = value
        self.draw()

    @abstractmethod
    def render(self) -> Any:
        """The result for the present state: a matplotlib Figure, or HTML text."""

    def draw(self) -> None:
        """Put the result into the panel, or the error that a mistake of the reader raised."""
        try:
            result = self.render()
        except LabError as error:
            result = f"<p><b>{on_page(error)}</b></p>"
        self.output.value = result if isinstance(result, str) else picture_html(result)

    @property
    def view(self) -> ipywidgets.VBox:
        """Controls above, result below; draws first if nothing was drawn yet."""
        if not self.output.value:
            self.draw()
        return ipywidgets.VBox([*self.panel(), self.output])

    def panel(self) -> list[ipywidgets.Widget]:
        """The rows of controls."""
        return [ipywidgets.HBox(list(self.controls.values()))]

    def snapshot(self) -> Any:
        """The result alone, a Figure or HTML text, for pages where no widget lives."""
        return self.render()

    def _changed(self, _: Any) -> None:
        if not self._quiet:
            self.draw()

    @contextmanager
    def _without_drawing(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False
