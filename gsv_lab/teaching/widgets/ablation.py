"""Explorer of notebook 08: a grid of all heads, each taken away by the chosen edit, some of them for good.

Letters: L layers, H heads.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import ipywidgets
import numpy as np

from gsv_lab.evaluation.ablation import HeadGrid, head_grid
from gsv_lab.hooks import Edit, Table, mean, probe, resample, zero
from gsv_lab.inference.lab import Lab
from gsv_lab.teaching.exercises.breaking import MIX, layer_of, mean_of, nats_per_code
from gsv_lab.teaching.exercises.patient import Patient
from gsv_lab.teaching.widgets.explorer import Explorer, State

EDITS: dict[str, Callable[..., Edit]] = {"zero": zero, "mean": mean, "resample": resample}


class AblationExplorer(Explorer):
    """What every head of SemanticGPT costs if it is taken away, while the chosen ones are gone already.

    state: `edit`, `gone`; `render` gives a Figure. `grid` is the last one, `cost` what the chosen ones cost.

    Args:
        lab: a loaded lab, or the patient of notebook 08.
        parts: what the measure runs over, see `nats_per_code`; a few keep it quick.
        reach: nats at which colours end, the same for all choices; None: the largest cost of the first grid.
    """

    def __init__(self, lab: Lab | Patient, parts: Sequence[Any], reach: float | None = None) -> None:
        self.lab, self.reach = lab, reach
        self.measure = nats_per_code(lab, parts)
        self.grid: HeadGrid | None = None
        self.cost = 0.0
        with probe(lab, MIX) as records:
            self.measure_clean = mean_of(self.measure)
        self.heads = []
        for tap, record in records.items():
            self.heads += [(tap, head) for head in range(record.steps[0].shape[1])]
        names = [(f"layer {layer_of(tap)}, head {head}", (tap, head)) for tap, head in self.heads]
        high = ipywidgets.Layout(height="9em")
        super().__init__(
            {
                "edit": ipywidgets.Dropdown(options=list(EDITS), value="zero", description="take away by"),
                "gone": ipywidgets.SelectMultiple(options=names, value=(), description="gone already", layout=high),
            }
        )

    def run(self, state: State) -> HeadGrid:
        """Measure without each head in turn; heads that are gone already cost nothing more."""
        edit, gone = EDITS[state["edit"]], state["gone"]
        always = [edit(tap, head=head) for tap, head in gone]
        grid = head_grid(self.lab, MIX, self.measure, edit, always=always)
        self.cost = grid.clean["nats"] - self.measure_clean
        nothing = {"nats": 0.0, "nats_low": 0.0, "nats_high": 0.0}
        rows = [row | nothing if (row["tap"], row["head"]) in gone else row for row in grid.rows]
        self.grid = HeadGrid(grid.clean, Table(rows), grid.unit)
        if self.reach is None:
            self.reach = float(np.nanmax(np.abs(self.grid.matrix("nats")[2])))
        return self.grid

    def render(self, state: State) -> Any:
        """The grid, with what the heads that are gone cost together in the title."""
        grid = self.run(state)
        title = f"{grid.clean['nats']:.2f} nats per code"
        if state["gone"]:
            title += f", of which {self.cost:+.2f} by {len(state['gone'])} heads that are gone already"
        return grid.figure("nats", title, self.reach)
