"""Pictures of speaker vectors, and of what can be read from a representation.

Letters: N clips, D dimensions, R taps (rows), C factors. Arrays, tensors and lists are welcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from gsv_lab.figures.measures import principal
from gsv_lab.figures.style import INK, PALETTE, SHARE, array, canvas, heat, matrix, picture

_HALO = [withStroke(linewidth=3, foreground="white")]
_MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")


@picture
def speaker_space(
    vectors: Any,
    speakers: Sequence[str],
    *,
    extra: Mapping[str, Any] | None = None,
    name_points: bool = True,
    title: str = "",
) -> Figure:
    """(N, D) vectors on their first two principal axes, one colour and mark a speaker, and how alike speakers are.

    Args:
        vectors: one a clip.
        speakers: (N,) who spoke it.
        extra: {name: (D,) vector} drawn as stars on the same axes, such as a cloned voice.
        name_points: write each speaker's name over their clips.
        title: above the picture.

    Raises:
        ValueError: vectors and names differ in number.
    """
    points = matrix(vectors, "vectors")
    if len(points) != len(speakers):
        raise ValueError(f"{len(points)} vectors, {len(speakers)} speakers")
    extra = extra or {}
    more = np.stack([array(v).reshape(-1) for v in extra.values()]) if extra else np.zeros((0, points.shape[1]))
    # The axes are those of the clips alone, so that an added voice cannot turn the picture.
    placed, share, more_placed = _project(points, more)
    names = list(dict.fromkeys(speakers))
    figure, axes = canvas(1, 2, 3.9, title=title, widths=[1.35, 1])
    for number, name in enumerate(names):
        own = placed[[s == name for s in speakers]]
        mark = _MARKS[(number + number // 8) % 8]
        axes[0, 0].scatter(own[:, 0], own[:, 1], s=26, color=PALETTE[number % 8], marker=mark, alpha=0.8)
        if name_points and len(names) <= 24:
            above = own[:, 0].mean(), own[:, 1].max()
            axes[0, 0].annotate(name, above, (0, 6), textcoords="offset points", fontsize=9, ha="center",
                                path_effects=_HALO)  # fmt: skip
    for name, place in zip(extra, more_placed, strict=True):
        axes[0, 0].scatter(*place, s=150, marker="*", color="white", edgecolor=INK, linewidth=1.2, zorder=5)
        axes[0, 0].annotate(name, place, fontsize=9, weight="bold", xytext=(0, -17), textcoords="offset points",
                            ha="center", path_effects=_HALO)  # fmt: skip
    axes[0, 0].set_xlabel(f"first axis, {share[0]:.0%} of the variance")
    axes[0, 0].set_ylabel(f"second axis, {share[1]:.0%}")
    axes[0, 0].margins(0.12)
    likeness = _likeness(points, [names.index(s) for s in speakers], len(names))
    size = len(names)
    image = heat(axes[0, 1], likeness[::-1], (-0.5, size - 0.5, size - 0.5, -0.5), SHARE, vmax=1.0)
    figure.colorbar(image, ax=axes[0, 1], label="mean cosine", pad=0.01)
    every = max(1, size // 24)
    ticks = list(range(0, size, every))
    axes[0, 1].set_xticks(ticks, [names[i] for i in ticks], rotation=90, fontsize=8)
    axes[0, 1].set_yticks(ticks, [names[i] for i in ticks], fontsize=8)
    axes[0, 1].set_title("likeness of different clips")
    return figure


def _project(points: Any, more: Any) -> tuple[Any, Any, Any]:
    placed, share = principal(points)
    # Least squares gives the axes back that `principal` turned the points onto.
    axes = np.linalg.lstsq(placed, points - points.mean(axis=0), rcond=None)[0]
    scale = np.maximum((axes**2).sum(axis=1), 1e-12)
    return placed, share, (more - points.mean(axis=0)) @ axes.T / scale


def _likeness(points: Any, owner: Sequence[int], count: int) -> Any:
    unit = points / np.maximum(np.linalg.norm(points, axis=1, keepdims=True), 1e-12)
    cosine = unit @ unit.T
    np.fill_diagonal(cosine, np.nan)  # a clip says nothing about its likeness to itself
    found = np.full((count, count), np.nan)
    groups = [np.flatnonzero(np.array(owner) == i) for i in range(count)]
    for i, one in enumerate(groups):
        for j, other in enumerate(groups):
            block = cosine[np.ix_(one, other)]
            if np.isfinite(block).any():
                found[i, j] = np.nanmean(block)
    return found


@picture
def leakage_matrix(
    scores: Any,
    taps: Sequence[str],
    factors: Sequence[str],
    *,
    chance: Any = None,
    control: Any = None,
    low: Any = None,
    high: Any = None,
    title: str = "",
) -> Figure:
    """(R, C) how well a probe reads each factor at each tap, with the control task and the chance line beside it.

    Colours run from chance (nothing leaks) to 1. Each cell holds the score, its interval if given, and under it the
    score of the control task (shuffled labels): where the two are close, the probe learned the labels, not the factor.

    Args:
        scores: from 0 to 1, such as accuracy or R squared.
        taps: labels of the rows.
        factors: labels of the columns, such as phone, speaker, F0.
        chance: (C,) score of guessing for each factor; 0 if None.
        control: (R, C) score of the control task.
        low: (R, C) lower end of the interval.
        high: (R, C) upper end.
        title: above the picture.

    Raises:
        ValueError: a shape that does not fit the labels.
    """
    table = matrix(scores, "scores")
    if table.shape != (len(taps), len(factors)):
        raise ValueError(f"scores has shape {table.shape}, expected {(len(taps), len(factors))}")
    base = np.zeros(len(factors)) if chance is None else array(chance).reshape(-1)
    above = np.clip((table - base) / np.maximum(1 - base, 1e-9), 0, 1)
    figure, axes = canvas(1, 1, 1.2 + 0.55 * len(taps), title=title)
    axis = axes[0, 0]
    extent = (-0.5, len(factors) - 0.5, len(taps) - 0.5, -0.5)
    image = heat(axis, above[::-1], extent, SHARE, vmin=0, vmax=1)
    figure.colorbar(image, ax=axis, label="from chance (0) to certain (1)", pad=0.01)
    axis.set_xticks(range(len(factors)), [f"{n}\nchance {c:.2f}" for n, c in zip(factors, base, strict=True)])
    axis.set_yticks(range(len(taps)), taps)
    for (row, column), value in np.ndenumerate(table):
        text = f"{value:.2f}"
        if low is not None and high is not None:
            text += f"  [{array(low)[row, column]:.2f}, {array(high)[row, column]:.2f}]"
        if control is not None:
            text += f"\ncontrol {array(control)[row, column]:.2f}"
        colour = INK if above[row, column] > 0.6 else "white"
        axis.text(column, row, text, ha="center", va="center", fontsize=8.5, color=colour)
    return figure


__all__ = ["leakage_matrix", "speaker_space"]
