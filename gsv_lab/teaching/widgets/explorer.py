"""What all explorers share: controls whose values are the state, one place where the result is drawn.

    explorer = WindowExplorer(wave, 16000)
    explorer.view                       # in a notebook: controls and result
    explorer.set(window_ms=60)          # the same as moving the slider, and waits for the result
    explorer.snapshot()                 # the result alone, for paper

A control's `value` is an observable trait; a change of any draws anew, through `render`. Nothing is drawn while a
slider is being dragged, and while something is being made only the last change counts: see `requests.py`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import ipywidgets

from gsv_lab.errors import ConfigError, LabError, on_page
from gsv_lab.teaching.widgets.busy import BUSY, BusyNote
from gsv_lab.teaching.widgets.layout import fit, row
from gsv_lab.teaching.widgets.player import picture_html
from gsv_lab.teaching.widgets.requests import ENDING, ONE_AT_A_TIME, Requests

State = Mapping[str, Any]
"""The value of every control by name."""


class Explorer(ABC):
    """Controls and what they make.

    Args:
        controls: name -> widget with a `value`, in the order of the panel.
    """

    def __init__(self, controls: Mapping[str, ipywidgets.ValueWidget]) -> None:
        self.controls = dict(controls)
        self.output = ipywidgets.HTML()
        self.output.add_class("gsv-output")
        self.note = BusyNote()
        self.requests = Requests(self._answer, self._show_busy, self._show_fault)
        self._quiet = False
        self._jobs: list[Callable[[], None]] = []
        for control in self.controls.values():
            fit(control)
            if control.has_trait("continuous_update"):
                control.continuous_update = False
            control.observe(self._changed, "value")

    @property
    def state(self) -> dict[str, Any]:
        """The value of every control by name, as it is now."""
        return {name: control.value for name, control in self.controls.items()}

    def set(self, **values: Any) -> None:
        """Give controls new values; draws once, and is done when that is drawn.

        Raises:
            ConfigError: CONTROL_UNKNOWN; nothing is changed then.
        """
        unknown = [name for name in values if name not in self.controls]
        if unknown:
            raise ConfigError("CONTROL_UNKNOWN", f"There is no control {unknown[0]!r}", ", ".join(self.controls))
        with self._without_drawing():
            for name, value in values.items():
                self.controls[name].value = value
        self.draw()

    @abstractmethod
    def render(self, state: State) -> Any:
        """The result for a state: a matplotlib Figure, or HTML text. It reads no control: they may have moved on."""

    def draw(self) -> None:
        """Put the result for the present state into the panel, or the error that a mistake of the reader raised."""
        self.requests.now()

    @property
    def view(self) -> ipywidgets.VBox:
        """Controls above, result below; draws first if nothing was drawn yet."""
        if not self.output.value:
            self.draw()
        view = ipywidgets.VBox([*self.panel(), self.note, self.output])
        view.add_class("gsv-explorer")
        return view

    def panel(self) -> list[ipywidgets.Widget]:
        """The rows of controls."""
        return [row(self.controls.values())]

    def snapshot(self) -> Any:
        """The result alone, a Figure or HTML text, for pages where no widget lives."""
        with ONE_AT_A_TIME:
            return self.picture(self.state)

    def picture(self, state: State) -> Any:
        """What `snapshot` gives for a state; the same as in the panel, if an explorer has nothing better for paper."""
        return self.render(state)

    def later(self, job: Callable[[], None]) -> None:
        """Do a job, then draw; in a kernel in the background. A job that still waits is not done twice."""
        if job not in self._jobs:
            self._jobs.append(job)
        self.requests.put()

    def _answer(self) -> None:
        while self._jobs:
            self._jobs.pop(0)()
        state = self.state
        try:
            result = self.render(state)
        except LabError as error:
            result = f"<p><b>{on_page(error)}</b></p>"
        page = result if isinstance(result, str) else picture_html(result)
        if not ENDING.is_set():
            self.output.value = page

    def _show_busy(self, busy: bool) -> None:
        if not ENDING.is_set():
            self.note.value = BUSY if busy else ""

    def _show_fault(self, fault: Exception) -> None:
        self.output.value = f"<p><b>This stopped with {type(fault).__name__}: {on_page(fault)}</b></p>"

    def _changed(self, _: Any) -> None:
        if not self._quiet:
            self.requests.put()

    @contextmanager
    def _without_drawing(self) -> Iterator[None]:
        self._quiet = True
        try:
            yield
        finally:
            self._quiet = False
