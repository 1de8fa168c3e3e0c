"""Pictures of a training run, of what it moves, and of the recordings that go into it.

Curves, counts and rows are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from gsv_lab.figures.style import GREEN, ORANGE, PALETTE, RED, canvas, flat, picture, words

Curve = tuple[Any, Any]


@picture
def training_curves(
    curves: Mapping[str, Mapping[str, Curve]],
    *,
    smooth: int = 1,
    unit: str = "step",
    marks: Mapping[str, float] | None = None,
    log: bool = False,
    spread: Mapping[str, Mapping[str, Curve]] | None = None,
    title: str = "",
) -> Figure:
    """One panel a quantity, one line a split or run: {"mel": {"train": (steps, values), "valid": ...}, ...}.

    Args:
        curves: panels by name, lines by name.
        smooth: running mean over so many points; the raw values stay as a pale line.
        unit: of the first of each pair.
        marks: {label: step}, dotted lines in every panel, such as where the discriminators start.
        log: logarithmic values.
        spread: panel -> line -> lower and upper ends of its values, drawn as bars.
        title: above the picture.

    Raises:
        ValueError: no curve at all.
    """
    if not curves:
        raise ValueError("training_curves needs at least one panel")
    columns = min(3, len(curves))
    rows = -(-len(curves) // columns)
    figure, axes = canvas(rows, columns, 0.4 + 2.3 * rows, title=title)
    names = list(dict.fromkeys(line for panel in curves.values() for line in panel))
    for axis, (panel, lines) in zip(axes.flat, curves.items(), strict=False):
        axis.set_title(panel)
        for line, (steps, values) in lines.items():
            colour = PALETTE[names.index(line) % len(PALETTE)]
            at, height = flat(steps), flat(values)
            few = "o" if len(at) < 12 else None
            if smooth > 1 and len(at) > smooth:
                axis.plot(at, height, color=colour, alpha=0.25, linewidth=0.8)
                height = np.convolve(height, np.ones(smooth) / smooth, mode="valid")
                at = at[smooth - 1 :]
            axis.plot(at, height, color=colour, label=line, marker=few, markersize=3)
            if spread and line in spread.get(panel, {}):
                axis.vlines(at, *map(flat, spread[panel][line]), color=colour, linewidth=1, alpha=0.7)
        for label, step in (marks or {}).items():
            axis.axvline(step, color="#888888", linestyle=":", linewidth=1)
            axis.annotate(label, (step, 0.98), xycoords=("data", "axes fraction"), rotation=90, va="top", ha="right",
                          fontsize=8, color="#666666")  # fmt: skip
        if log:
            axis.set_yscale("log")
        axis.grid(axis="y")
        axis.set_xlabel(unit)
    for axis in list(axes.flat)[len(curves) :]:
        axis.set_visible(False)
    for axis in [axis for axis in axes.flat if axis.get_legend_handles_labels()[0]][:1]:
        axis.legend()
    return figure


@picture
def moved_parameters(counts: Mapping[str, Mapping[str, int]], *, title: str = "") -> Figure:
    """How many parameters each method moves, one bar a method, one colour a component.

    Args:
        counts: method -> {component: parameters}; a component that stays as it is may be missing.
        title: above the picture.

    Raises:
        ValueError: no method at all.
    """
    if not counts:
        raise ValueError("moved_parameters needs at least one method")
    parts = list(dict.fromkeys(part for row in counts.values() for part, n in row.items() if n))
    figure, axes = canvas(1, 1, 1.1 + 0.36 * len(counts), title=title)
    axis = axes[0, 0]
    left = np.zeros(len(counts))
    for number, part in enumerate(parts):
        widths = np.array([row.get(part, 0) / 1e6 for row in counts.values()])
        axis.barh(range(len(counts)), widths, left=left, color=PALETTE[number % len(PALETTE)], label=part)
        left += widths
    for place, total in enumerate(left):
        axis.annotate(f"{total:.2f} M", (total, place), (4, 0), textcoords="offset points", va="center", fontsize=9)
    axis.set_yticks(range(len(counts)), [words(method) for method in counts])
    axis.set_ylim(len(counts) - 0.5, -0.5)
    axis.set_xlim(0, 1.12 * max(float(left.max()), 1e-6))
    axis.set_xlabel("parameters that learn, millions")
    axis.legend(loc="lower right")
    return figure


_GRADES = ((GREEN, "good"), (ORANGE, "usable"), (RED, "poor"))
_COLUMNS: tuple[tuple[str, str, str, float, float], ...] = (
    ("seconds", "length", "{:.1f} s", 3.0, 1.0),
    ("snr_db", "noise distance", "{:.0f} dB", 30.0, 10.0),
    ("level", "level", "{:.0f} dBFS", -30.0, -45.0),
    ("clipping", "clipped", "{:.2%}", 0.001, 0.01),
    ("silence", "silence", "{:.0%}", 0.4, 0.7),
    ("band_hz", "band up to", "{:.0f} Hz", 6500.0, 4500.0),
    ("phone_coverage", "phones", "{:.0%}", 0.5, 0.25),
)


@picture
def slice_quality(rows: Sequence[Mapping[str, Any]], *, most: int = 40, title: str = "") -> Figure:
    """A table of recordings with every measure coloured by what it means for cloning: good, usable, poor.

    Args:
        rows: one mapping a slice with `name` and any of `seconds`, `snr_db` (dB), `level` (dBFS), `clipping` (share),
            `silence` (share), `band_hz` (Hz), `phone_coverage` (share); None or a missing key stays blank.
        most: draw at most so many; the rest is counted in the title.
        title: above the picture.

    Raises:
        ValueError: no rows.
    """
    if not rows:
        raise ValueError("slice_quality needs at least one row")
    shown = [column for column in _COLUMNS if any(row.get(column[0]) is not None for row in rows)]
    left = f"{title}  " if title else ""
    more = f"first {most} of {len(rows)} slices" if len(rows) > most else f"{len(rows)} slices"
    rows = rows[:most]
    figure, axes = canvas(1, 1, 0.9 + 0.26 * (len(rows) + 1), title=f"{left}{more}")
    axis = axes[0, 0]
    axis.set_xlim(-2.2, len(shown))
    axis.set_ylim(len(rows) + 0.7, -1.0)
    axis.axis("off")
    for x, (_, label, *_) in enumerate(shown):
        axis.text(x + 0.5, -0.5, label, ha="center", va="center", weight="bold", fontsize=9)
    for y, row in enumerate(rows):
        name = str(row.get("name", y + 1))
        axis.text(-0.08, y + 0.5, name if len(name) <= 30 else "…" + name[-29:], ha="right", va="center", fontsize=9)
        for x, (key, _, form, good, poor) in enumerate(shown):
            if row.get(key) is None:
                continue
            value = float(row[key])
            colour = _GRADES[grade(value, good, poor)][0]
            axis.add_patch(Rectangle((x + 0.03, y + 0.06), 0.94, 0.88, facecolor=colour, alpha=0.3, linewidth=0))
            axis.text(x + 0.5, y + 0.5, form.format(value), ha="center", va="center", fontsize=9)
    for x, (colour, label) in enumerate(_GRADES):
        axis.add_patch(Rectangle((x + 0.03, len(rows) + 0.25), 0.3, 0.35, facecolor=colour, alpha=0.3, linewidth=0))
        axis.text(x + 0.38, len(rows) + 0.43, label, va="center", fontsize=9)
    return figure


def grade(value: float, good: float, poor: float) -> int:
    """0 good, 1 usable, 2 poor; more is better if `good` is above `poor`, less is better otherwise."""
    sign = 1.0 if good > poor else -1.0
    return 0 if sign * value >= sign * good else 1 if sign * value >= sign * poor else 2


__all__ = ["moved_parameters", "slice_quality", "training_curves"]
