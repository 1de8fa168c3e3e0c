"""Explorer of notebook 12: two runs of a grid side by side, by the settings that differ and by a measure.

Letters: P speakers, S seeds.
"""

from __future__ import annotations

import ipywidgets

from gsv_lab.errors import on_page
from gsv_lab.evaluation.grids.grid_file import BASE
from gsv_lab.evaluation.grids.measuring import HIGHER_IS_BETTER
from gsv_lab.evaluation.grids.packing import Packed
from gsv_lab.teaching.exercises.grid_views import Pair, measures, paired, settings
from gsv_lab.teaching.widgets.explorer import Explorer, State
from gsv_lab.teaching.widgets.player import picture_html

NOTHING = "The same run twice: nothing differs."
NO_VALUES = "These two have no values of this measure together."


class RunDiff(Explorer):
    """What two runs differ in, and by how much one lies above the other on the same speakers with the same seeds.

    state: `run`, `against`, `measure`; `render` gives HTML text.

    Args:
        grid: a finished grid.
    """

    def __init__(self, grid: Packed) -> None:
        self.grid = grid
        names = [arm.name for arm in grid.arms]
        dropdown = ipywidgets.Dropdown
        super().__init__(
            {
                "run": dropdown(options=[*names, BASE], value=names[0], description="run"),
                "against": dropdown(options=[BASE, *names], value=BASE, description="against"),
                "measure": dropdown(options=measures(grid), description="measure"),
            }
        )

    def render(self, state: State) -> str:
        """The settings as a diff, and below them the differences: all together, by seed, by speaker."""
        one, other, measure = (str(state[name]) for name in ("run", "against", "measure"))
        if one == other:
            return f"<p>{NOTHING}</p>"
        pair = paired(self.grid, one, other, measure)
        return self.diff(one, other) + (f"<p>{NO_VALUES}</p>" if pair is None else compared(pair, one, other, measure))

    def diff(self, one: str, other: str) -> str:
        """Settings that differ, as YAML of dotted keys: the line of the run that it is compared with, then its own."""
        lines = []
        for key, own, theirs in settings(self.grid, one, other):
            for sign, value, colour in (("-", theirs, "#ffe3d6"), ("+", own, "#d8f3e8")):
                lines.append(f'<div style="background:{colour}">{on_page(f"{sign} {key}: {value}")}</div>')
        shown = "".join(lines) or "<div>no setting: the seeds alone</div>"
        return f'<pre class="gsv-diff" style="white-space:pre-wrap;line-height:1.3">{shown}</pre>'


def compared(pair: Pair, one: str, other: str, measure: str) -> str:
    """Differences as a picture, and in a sentence."""
    from gsv_lab import figures

    found = pair.found
    alone = float("nan")
    rows = {"all": (found.value, found.low, found.high)}
    rows |= {
        f"seed {seed}": (float(value), alone, alone) for seed, value in zip(pair.seeds, pair.off.mean(0), strict=True)
    }
    rows |= {name: (float(value), alone, alone) for name, value in zip(pair.speakers, pair.off.mean(1), strict=True)}
    better = 1 if measure.rpartition("/")[2] in HIGHER_IS_BETTER else -1
    sure = found.low > 0 or found.high < 0
    figure = figures.forest(rows, f"{one} minus {other}: {measure}", sure=["all"] * sure, better=better)
    over = (
        f"{found.speakers} speakers and {found.seeds} seeds"
        if found.seeds > 1
        else f"{found.speakers} speakers, one seed"
    )
    ends = f"{found.low:+.4g} to {found.high:+.4g}, p = {found.p:.2g}"
    says = f"{found.value:+.4g} ({ends}), over {over}. One look by itself: nothing is corrected here."
    return f"<p>{on_page(says)}</p>{picture_html(figure)}"
