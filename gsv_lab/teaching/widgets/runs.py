"""Explorer of notebook 09: two runs beside each other, their curves and what their settings differ in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import ipywidgets

from gsv_lab.errors import on_page
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.player import picture_html
from gsv_lab.training.runs import Run, differences

SPLITS = ("train", "valid")


class RunChooser(Explorer):
    """Curves of one or two runs under a tag, smoothed by a running mean.

    state: `run` and `beside`, names of runs; `tag`, a tag of TensorBoard, those of training and held-out clips under
    one name; `smoothing`, points of the mean. `render` gives HTML text: a picture, and a table of what differs.

    Args:
        runs: name -> run, such as those of `gsv_lab.training.runs.find`.
        first: the tag that is shown at first, if there is one of this name.
    """

    def __init__(self, runs: Mapping[str, Run], first: str = "kl") -> None:
        self.runs = dict(runs)
        self.curves = {name: by_name(run.scalars()) for name, run in self.runs.items()}
        tags = list(dict.fromkeys(tag for curves in self.curves.values() for tag in curves))
        names = list(self.runs)
        dropdown = ipywidgets.Dropdown
        super().__init__(
            {
                "run": dropdown(options=names, value=names[0], description="run"),
                "beside": dropdown(options=names, value=names[min(1, len(names) - 1)], description="beside"),
                "tag": dropdown(options=tags, value=first if first in tags else tags[0], description="tag"),
                "smoothing": ipywidgets.IntSlider(1, min=1, max=15, description="smoothing (points)"),
            }
        )

    def render(self, state: State) -> str:
        """The picture, and under it the settings that differ."""
        chosen = dict.fromkeys((state["run"], state["beside"]))
        missing = [name for name in chosen if state["tag"] not in self.curves[name]]
        lines = [f"<p>{on_page(name)} has no {on_page(state['tag'])}.</p>" for name in missing]
        shown = [picture_html(self.picture(state))] if len(missing) < len(chosen) else []
        return "".join([*lines, *shown, self.table(*chosen)])

    def picture(self, state: State) -> Any:
        """A Figure: a panel a tag, a line a run; empty axes where neither has it."""
        from gsv_lab.figures import training_curves

        panels: dict[str, dict[str, Any]] = {}
        for name in dict.fromkeys((state["run"], state["beside"])):
            for tag, rows in self.curves[name].get(state["tag"], {}).items():
                steps, values = zip(*rows, strict=True)
                panels.setdefault(tag, {})[name] = (steps, values)
        return training_curves(panels or {state["tag"]: {}}, smooth=state["smoothing"], unit="step")

    def table(self, run: str, beside: str = "") -> str:
        """What differs between two runs, a row a setting."""
        if not beside or run == beside:
            return "<p>Choose another run beside it, and its settings are compared.</p>"
        rows = differences(self.runs[run], self.runs[beside])
        head = "".join(f"<th>{on_page(title)}</th>" for title in ("setting", run, beside))
        cells = ("".join(f'<td style="text-align:left">{on_page(cell)}</td>' for cell in row) for row in rows)
        body = "".join(f"<tr>{row}</tr>" for row in cells)
        return f"<table><tr>{head}</tr>{body}</table>" if rows else "<p>All settings are the same.</p>"


def by_name(scalars: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """`train/mel` and `valid/mel` under `mel`, any other tag under its own name: name -> panel -> (step, value)."""
    found: dict[str, dict[str, Any]] = {}
    for tag, rows in scalars.items():
        split, _, name = tag.partition("/")
        known = split in SPLITS and bool(name)
        found.setdefault(name if known else tag, {})[tag] = rows
    return found
