"""How the controls of an explorer are laid out: rows that wrap, labels whole, sliders long enough for a hand."""

from __future__ import annotations

from collections.abc import Iterable

import ipywidgets

TRACK = 160
"""Pixels of a slider's track at least."""
_LETTER, _READOUT, _GAP = 7.5, 92, 34

STYLE = """
.gsv-explorer .gsv-row { align-items: flex-start; }
.gsv-explorer .widget-label { width: auto; max-width: none; overflow: visible; text-overflow: clip; }
.gsv-explorer .widget-readout { min-width: 4.5em; width: auto; max-width: none; overflow: visible; }
.gsv-explorer .slider-container { min-width: TRACKpx; }
.gsv-busy { min-height: 1.6em; color: #666; font-style: italic; }
.gsv-output { overflow-x: auto; }
.gsv-explorer.jupyter-widgets-disconnected::after { display: block; padding: 0.3em 0.6em; color: #7a3300;
  border-left: 4px solid #D55E00;
  content: "The kernel behind this panel is gone. Run the setup cell and this cell again."; }
.gsv-explorer.jupyter-widgets-disconnected .gsv-busy { display: none; }
""".replace("TRACK", str(TRACK))
"""Rules for all explorers; the last two are for a panel whose kernel was restarted."""


def fit(control: ipywidgets.Widget) -> ipywidgets.Widget:
    """Give a control the room that its label needs, and a slider its track; hands it back."""
    control.style.description_width = "initial"
    layout = control.layout
    label = _LETTER * len(control.description)
    if isinstance(control, ipywidgets.Checkbox):
        control.indent = False
        layout.width = "auto"
    elif control.has_trait("readout"):  # a slider
        least = round(label + TRACK + _READOUT + _GAP)
        layout.width, layout.min_width, layout.max_width = "auto", f"{least}px", f"{least + 200}px"
        layout.flex = f"1 1 {least}px"
    else:
        layout.width = layout.width or "auto"
        layout.max_width = "100%"
    layout.margin = "2px 14px 2px 2px"
    return control


def row(widgets: Iterable[ipywidgets.Widget]) -> ipywidgets.Box:
    """Widgets beside each other, in as many lines as the page's width asks for."""
    layout = ipywidgets.Layout(display="flex", flex_flow="row wrap", width="100%", overflow="visible")
    box = ipywidgets.Box(list(widgets), layout=layout)
    box.add_class("gsv-row")
    return box
