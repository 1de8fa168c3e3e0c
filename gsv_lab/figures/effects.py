"""What a change did: cost of every head, cost against what a head looks like, how far swapped voices went, and by how
much systems differ.

Letters: L layers, H heads, N heads or pairs. Lists and arrays in, a Figure out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gsv_lab.figures.style import BLUE, INK, ORANGE, RED, SIGNED, canvas, flat, matrix, picture, words

_UNSURE = "#999999"
"""What could be nothing is grey, never coloured like an effect."""


@picture
def head_costs(
    change: Any,
    layers: Sequence[str],
    heads: Sequence[Any],
    name: str = "loss",
    title: str = "",
    *,
    low: Any = None,
    high: Any = None,
    reach: float | None = None,
) -> Figure:
    """(L, H) what every head is worth: the change of a measure without it, red where it rises.

    A cell whose interval holds 0 could be nothing: it stays white and is hatched.

    Args:
        change: NaN where a layer has fewer heads.
        layers: labels of the rows.
        heads: labels of the columns.
        name: of the measure.
        title: above the picture.
        low: (L, H) lower ends of the intervals; None where there are none.
        high: upper ends.
        reach: change at which colours end, so that several pictures share one scale; None: the largest one here.

    Raises:
        ValueError: a shape that does not fit the labels.
    """
    values = matrix(change, "change")
    if values.shape != (len(layers), len(heads)):
        raise ValueError(f"change has shape {values.shape}, expected {(len(layers), len(heads))}")
    bottom, top = (np.full(values.shape, np.nan) if ends is None else matrix(ends, "ends") for ends in (low, high))
    unsure = (bottom <= 0) & (top >= 0)
    figure, axes = canvas(1, 1, 1.3 + 0.34 * len(layers), title=title)
    axis, largest = axes[0, 0], float(np.nanmax(np.abs(values)))
    reach = reach or largest or 1.0
    shown = np.where(unsure, 0.0, values)
    image = axis.imshow(shown, cmap=SIGNED, vmin=-reach, vmax=reach, aspect="auto", origin="upper")
    for (row, column), value in np.ndenumerate(values):
        if np.isfinite(value):
            colour = "white" if abs(shown[row, column]) > 0.6 * reach else INK
            axis.text(column, row, f"{value:+.2g}", ha="center", va="center", fontsize=8, color=colour)
        if unsure[row, column]:
            box = (column - 0.5, row - 0.5)
            axis.add_patch(Rectangle(box, 1, 1, fill=False, hatch="////", edgecolor="#cccccc", linewidth=0, zorder=1))
    if unsure.any():
        axis.set_title("hatched: the interval holds 0", loc="right", fontsize=8)
    axis.set_xticks(range(len(heads)), [str(head) for head in heads])
    axis.set_yticks(range(len(layers)), layers)
    axis.set_xlabel("head")
    extend = "both" if largest > reach else "neither"
    figure.colorbar(image, ax=axis, label=f"change of {name}", pad=0.01, extend=extend)
    return figure


@picture
def cost_scatter(
    along: Any, cost: Any, low: Any, high: Any, names: Sequence[str], *, cost_label: str = "cost in nats per code",
    along_label: str = "follows the phones (diagonality)", title: str = "",
) -> Figure:  # fmt: skip
    """(N,) for every head, how it looks against what its loss costs, with the interval of the cost.

    Heads that surely cost something (their whole interval lies above 0), and the three that look best, carry a name.

    Args:
        along: how well each head looks, such as the diagonality of its alignment.
        cost: rise of the loss without it.
        low: lower end of the cost's interval.
        high: upper end.
        names: of the heads, such as layer.head.
        cost_label: of the vertical axis.
        along_label: of the horizontal axis.
        title: above the picture.

    Raises:
        ValueError: unequally many values.
    """
    x, y, bottom, top = (flat(values) for values in (along, cost, low, high))
    if not len(x) == len(y) == len(bottom) == len(top) == len(names):
        raise ValueError(f"{len(x)} looks, {len(y)} costs and {len(names)} names must be equally many")
    figure, axes = canvas(1, 1, 3.8, title=title)
    axis, best = axes[0, 0], {*np.argsort(-x)[:3].tolist()}
    for number, name in enumerate(names):
        sure = bottom[number] > 0
        reach = [[max(y[number] - bottom[number], 0.0)], [max(top[number] - y[number], 0.0)]]
        colour = RED if sure else _UNSURE
        axis.errorbar(x[number], y[number], reach, fmt="o", markersize=5, linewidth=1, color=colour)
        if sure or number in best:
            axis.annotate(name, (x[number], y[number]), fontsize=8, xytext=(4, 3), textcoords="offset points")
    axis.axhline(0, color=INK, linewidth=0.8, linestyle=":")
    for colour, label in ((RED, "surely costs something"), (_UNSURE, "could be nothing")):
        axis.plot([], [], "o", color=colour, label=label)
    axis.set_xlabel(along_label)
    axis.set_ylabel(cost_label)
    axis.set_xlim(left=min(-0.02, float(x.min(initial=0.0))))
    axis.legend(loc="best")
    return figure


@picture
def shift_scatter(shifts: Mapping[str, tuple[Any, Any]], titles: Sequence[str] = (), title: str = "") -> Figure:
    """Of every pair of voices, the shift that a swap should have made against the one it made, in natural logarithms.

    Args:
        shifts: name of what shifts -> (wanted (N,), made (N,)).
        titles: above each panel.
        title: above the picture.

    Raises:
        ValueError: unequally many shifts wanted and made, or titles.
    """
    if titles and len(titles) != len(shifts):
        raise ValueError(f"{len(titles)} titles for {len(shifts)} panels")
    figure, axes = canvas(1, len(shifts), 3.4, title=title)
    for number, (axis, (name, pair)) in enumerate(zip(axes[0], shifts.items(), strict=True)):
        wanted, made = (flat(values) for values in pair)
        if len(wanted) != len(made):
            raise ValueError(f"{len(wanted)} shifts of {name} wanted and {len(made)} made")
        reach = 1.1 * max(1e-3, float(np.nanmax(np.abs(wanted))))
        axis.plot([-reach, reach], [-reach, reach], color=ORANGE, linestyle="--", label="all the way")
        axis.axhline(0, color=INK, linewidth=0.8, linestyle=":", label="stayed")
        axis.scatter(wanted, made, s=14, color=BLUE, zorder=3)
        axis.set_xlabel(f"{name}: from A to B, ln")
        axis.set_ylabel("moved by the swap, ln")
        axis.set_title(titles[number] if titles else name)
        axis.legend(loc="upper left")
        axis.grid()
    return figure


@picture
def forest(
    rows: Mapping[str, tuple[float, float, float]],
    title: str = "",
    *,
    sure: Collection[str] = (),
    better: int = 0,
) -> Figure:
    """Differences with their intervals, one under the other, on both sides of none.

    Args:
        rows: name of a difference -> (value, low, high); low and high are NaN where there is no interval.
        title: what differs, with its unit.
        sure: names of those that are filled, the others are hollow.
        better: 1 or -1, the side that is better; 0 for none.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError("a forest needs at least one row")
    figure, axes = canvas(1, 1, 0.8 + 0.26 * len(rows) + 0.3 * bool(title), title=title)
    axis = axes[0, 0]
    axis.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    for place, (name, (value, low, high)) in enumerate(rows.items()):
        colour, fill = (BLUE, BLUE) if name in sure else (_UNSURE, "white")
        axis.plot([low, high], [place, place], color=colour, linewidth=2.2 if name in sure else 1.4)
        axis.plot(value, place, "o", markersize=6, color=colour, markerfacecolor=fill)
    axis.set_yticks(range(len(rows)), [words(name) for name in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    ends = [0.0, *(end for row in rows.values() for end in row if np.isfinite(end))]
    margin = 0.08 * (max(ends) - min(ends)) or 1.0
    axis.set_xlim(min(ends) - margin, max(ends) + margin)
    axis.locator_params(axis="x", nbins=5)
    axis.set_xlabel({1: "better →", -1: "← better"}.get(better, ""))
    axis.grid(axis="x")
    return figure


__all__ = ["cost_scatter", "forest", "head_costs", "shift_scatter"]
