"""Pictures of listening tests: means with intervals, shares of votes, differences of all pairs, raters.

Letters: S systems, V kinds of votes, R raters. Arrays and lists in, a Figure out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gsv_lab.figures.style import BLUE, INK, ORANGE, RED, SHARE, SIGNED, canvas, flat, matrix, picture, words

_WRITTEN = 16
"""Most systems of a matrix whose numbers are written into its cells."""


@picture
def opinion_scores(
    rows: Mapping[str, tuple[float, Mapping[str, tuple[float, float]]]], title: str = "", *, label: str = "mean vote"
) -> Figure:
    """Mean of each system with one interval or several, the widest and palest one first.

    Args:
        rows: system -> (mean, interval's name -> (low, high)); an interval without numbers is left out.
        title: above the picture.
        label: of the axis.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError("there is no system to draw")
    kinds = list(dict.fromkeys(kind for _, intervals in rows.values() for kind in intervals))
    styles = {
        kind: (6.0 - 4.0 * n / max(1, len(kinds) - 1), ("#c9d8e6", BLUE, ORANGE, INK)[n % 4])
        for n, kind in enumerate(kinds)
    }
    figure, axes = canvas(1, 1, 0.9 + 0.26 * len(rows) + 0.3 * bool(title), title=title)
    axis = axes[0, 0]
    for place, (mean, intervals) in enumerate(rows.values()):
        for kind, (low, high) in intervals.items():
            width, colour = styles[kind]
            if np.isfinite([low, high]).all():
                axis.plot([low, high], [place, place], color=colour, linewidth=width, solid_capstyle="butt")
        axis.plot(mean, place, "o", markersize=5, color=INK, zorder=5)
    for kind, (width, colour) in styles.items():
        axis.plot([], [], color=colour, linewidth=width, label=words(kind))
    axis.set_yticks(range(len(rows)), [words(name) for name in rows])
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xlabel(words(label))
    axis.grid(axis="x")
    if kinds:
        axis.legend(loc="best", fontsize=8)
    return figure


@picture
def vote_shares(shares: Any, systems: Sequence[str], votes: Sequence[str], title: str = "") -> Figure:
    """(S, V) how often each kind of vote was given to each system, as stacked bars.

    Args:
        shares: counts or shares; every row is scaled to 1.
        systems: names of the rows.
        votes: names of the columns, the lowest first.
        title: above the picture.

    Raises:
        ValueError: a shape that does not fit the names.
    """
    table = matrix(shares, "shares")
    if table.shape != (len(systems), len(votes)):
        raise ValueError(f"shares have shape {table.shape}, expected {(len(systems), len(votes))}")
    table = table / np.maximum(table.sum(axis=1, keepdims=True), 1e-12)
    height = max(0.9 + 0.26 * len(systems), 0.6 + 0.2 * len(votes))  # of the bars, and of what they mean
    figure, axes = canvas(1, 1, height + 0.3 * bool(title), title=title)
    axis, left = axes[0, 0], np.zeros(len(systems))
    colours = colormaps[SHARE](np.linspace(0.1, 0.95, len(votes)))
    for column, name in enumerate(votes):
        axis.barh(
            range(len(systems)), table[:, column], left=left, color=colours[column], label=words(name), height=0.8
        )
        left = left + table[:, column]
    axis.set_yticks(range(len(systems)), [words(name) for name in systems])
    axis.set_ylim(len(systems) - 0.4, -0.6)
    axis.set_xlim(0, 1)
    axis.set_xlabel("share of votes")
    figure.legend(loc="outside right upper", fontsize=8, title="vote", title_fontsize=8)
    return figure


@picture
def pair_matrix(
    differences: Any, names: Sequence[str], sure: Any, title: str = "", *, label: str = "row minus column"
) -> Figure:
    """(S, S) differences of all pairs; cells that could be nothing are white and hatched.

    Args:
        differences: of the row minus the column; NaN where there is none.
        names: of rows and columns.
        sure: (S, S) true where the difference is sure.
        title: above the picture.
        label: of the colours.

    Raises:
        ValueError: a shape that does not fit the names.
    """
    values, known = matrix(differences, "differences"), np.asarray(sure, dtype=bool)
    if not values.shape == known.shape == (len(names), len(names)):
        raise ValueError(f"differences have shape {values.shape}, expected {(len(names), len(names))}")
    figure, axes = canvas(1, 1, min(10.5, 1.6 + 0.3 * len(names)), title=title)
    axis = axes[0, 0]
    reach = float(np.nanmax(np.abs(values), initial=0.0)) if np.isfinite(values).any() else 1.0
    image = axis.imshow(
        np.where(known, values, np.nan), cmap=SIGNED, vmin=-(reach or 1), vmax=reach or 1, origin="upper"
    )
    for (row, column), value in np.ndenumerate(values):
        if not np.isfinite(value):
            continue
        if not known[row, column]:
            box = Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, hatch="////", edgecolor="#cccccc", linewidth=0)
            axis.add_patch(box)
        if len(names) <= _WRITTEN:
            strong = known[row, column] and abs(value) > 0.6 * reach
            colour = "white" if strong else INK
            axis.text(column, row, f"{value:+.2f}", ha="center", va="center", fontsize=7, color=colour)
    axis.set_xticks(range(len(names)), [words(name) for name in names], rotation=90)
    axis.set_yticks(range(len(names)), [words(name) for name in names])
    figure.colorbar(image, ax=axis, label=words(label), pad=0.01)
    return figure


@picture
def rater_scatter(
    bias: Any, inconsistency: Any, names: Sequence[str], title: str = "", *, removed: Collection[str] = ()
) -> Figure:
    """(R,) how strict each rater is against how inconsistent; those left out, and the extreme ones, carry their name.

    Args:
        bias: above 0 gives higher votes than the others.
        inconsistency: standard deviation of what quality and bias leave.
        names: of the raters.
        title: above the picture.
        removed: names of raters that were left out.

    Raises:
        ValueError: unequally many values.
    """
    x, y = flat(bias), flat(inconsistency)
    if not len(x) == len(y) == len(names):
        raise ValueError(f"{len(x)} biases, {len(y)} inconsistencies and {len(names)} names must be equally many")
    figure, axes = canvas(1, 1, 3.6, title=title)
    axis = axes[0, 0]
    named = {*np.argsort(-y)[:3].tolist(), *np.argsort(-np.abs(x))[:3].tolist()}
    for place, name in enumerate(names):
        out = name in removed
        axis.plot(x[place], y[place], "x" if out else "o", markersize=5, color=RED if out else BLUE)
        if out or place in named:
            axis.annotate(words(name), (x[place], y[place]), fontsize=8, xytext=(4, 3), textcoords="offset points")
    axis.axvline(0, color=INK, linewidth=0.8, linestyle=":")
    axis.set_xlabel("bias (points)")
    axis.set_ylabel("inconsistency (points)")
    axis.set_ylim(bottom=0)
    axis.grid()
    return figure


@picture
def interval_coverage(
    rows: Mapping[str, Any], truth: float, title: str = "", *, shown: int = 60, label: str = "mean vote"
) -> Figure:
    """Intervals of many tests of one thing whose truth is known, a panel for each kind; red are those that miss it.

    Args:
        rows: kind of interval -> (tests, 2) lower and upper ends.
        truth: what the intervals should hold.
        title: above the picture.
        shown: tests that are drawn; the shares above the panels are of all.
        label: of the vertical axis.

    Raises:
        ValueError: no rows, or ends that are not pairs.
    """
    ends = {kind: matrix(values, kind) for kind, values in rows.items()}
    if not ends or any(values.shape[1] != 2 for values in ends.values()):
        raise ValueError(
            f"rows has {len(ends)} kinds, expected at least one, each with a lower and an upper end a test"
        )
    drawn = np.concatenate([values[:shown].ravel() for values in ends.values()])
    least, most = float(np.nanmin(drawn)), float(np.nanmax(drawn))
    margin = 0.03 * (most - least)
    figure, axes = canvas(1, len(ends), 2.9 + 0.3 * bool(title), title=title)
    for axis, (kind, values) in zip(axes[0], ends.items(), strict=True):
        held = (values[:, 0] <= truth) & (truth <= values[:, 1])
        for place, (low, high) in enumerate(values[:shown]):
            colour = BLUE if held[place] else RED
            axis.plot([place, place], [low, high], color=colour, linewidth=1.2, solid_capstyle="butt")
        axis.axhline(truth, color=INK, linewidth=0.8, linestyle=":")
        axis.set_title(f"{words(kind)}\n{held.mean():.0%} hold the truth")
        axis.set_xticks([])
        axis.set_ylim(least - margin, most + margin)
        axis.tick_params(labelleft=axis is axes[0, 0])
    axes[0, 0].set_ylabel(words(label))
    figure.supxlabel(f"simulated tests, {min(shown, *map(len, ends.values()))} of them drawn", fontsize=9)
    return figure


__all__ = ["interval_coverage", "opinion_scores", "pair_matrix", "rater_scatter", "vote_shares"]
