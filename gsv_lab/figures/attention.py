"""Pictures of attention: decode steps over keys, frames over phones.

Letters: S steps (queries), K keys, F frames, P phones. Arrays, tensors and lists are welcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gsv_lab.figures.measures import diagonality, monotone_path
from gsv_lab.figures.style import RED, SHARE, Floats, canvas, flat, heat, matrix, picture


@picture
def triangle_attention(
    pattern: Any, *, phones: Sequence[str] = (), prompt: int = 0, rate: float | None = None, title: str = ""
) -> Figure:
    """(S, K) attention of each decode step over phones, prompt codes and the codes made so far.

    Steps that could not see a key yet hold NaN and stay blank: codes are seen one step later than they are made, which
    gives the triangle. Colours are shares of the row's maximum, else early steps with few keys would outshine the rest.

    Args:
        pattern: weights, one row a step; a record's `.stacked()` gives it.
        phones: labels of the first keys, shown as ticks.
        prompt: number of keys after the phones that are prompt codes.
        rate: steps per second, for an axis in seconds; steps are counted if None.
        title: above the picture.
    """
    weights = matrix(pattern, "pattern")
    steps, keys = weights.shape
    if len(phones) + prompt > keys:
        raise ValueError(f"{len(phones)} phones and {prompt} prompt codes do not fit into {keys} keys")
    peak = np.nanmax(np.where(np.isnan(weights), -np.inf, weights), axis=1, keepdims=True)
    with np.errstate(invalid="ignore", divide="ignore"):
        shown = np.where(np.isfinite(peak) & (peak > 0), weights / peak, np.nan)
    figure, axes = canvas(1, 1, 4.2, title=title)
    axis = axes[0, 0]
    scale = 1.0 / rate if rate else 1.0
    image = heat(axis, shown, (0.0, float(keys), 0.0, steps * scale), SHARE, vmin=0, vmax=1)
    axis.set_ylim(steps * scale, 0.0)
    figure.colorbar(image, ax=axis, label="weight / largest of the step", pad=0.01)
    axis.set_ylabel("time in s" if rate else "decode step")
    for edge in (len(phones), len(phones) + prompt):
        if 0 < edge < keys:
            axis.axvline(edge, color=RED, linewidth=1)
    _key_labels(axis, phones, prompt, keys)
    return figure


def _key_labels(axis: Axes, phones: Sequence[str], prompt: int, keys: int) -> None:
    """Phones as ticks (all that fit without touching), and below each group of keys its name."""
    room = (axis.figure.get_figwidth() - 1.8) * 72 / max(keys, 1)
    size = 8.0
    every = max(1, int(np.ceil(0.95 * size / room)))
    shown = range(0, len(phones), every)
    axis.set_xticks([i + 0.5 for i in shown], [phones[i] for i in shown], rotation=90, fontsize=size)
    groups = ((0, len(phones), "phones"), (len(phones), len(phones) + prompt, "prompt codes"),
              (len(phones) + prompt, keys, "codes so far"))  # fmt: skip
    for first, last, name in groups:
        if last > first and last - first < keys and (last - first) * room > 5.0 * len(name):
            axis.text((first + last) / 2, 1.0, name, transform=axis.get_xaxis_transform(), ha="center", va="bottom",
                      fontsize=9)  # fmt: skip
    if not phones:
        axis.set_xlabel("key")


@picture
def alignment(
    pattern: Any,
    rate: float,
    phones: Sequence[str],
    *,
    path: bool = True,
    true_start: Any = None,
    true_end: Any = None,
    title: str = "",
) -> Figure:
    """(F, P) which phone each frame attends to, frames in seconds, with a diagonality score.

    Args:
        pattern: weights, one row a frame.
        rate: frames per second.
        phones: labels of the keys.
        path: draw the best monotone path.
        true_start: (P,) seconds; with `true_end` the aligned phones are outlined for comparison.
        true_end: (P,) seconds.
        title: above the picture.

    Raises:
        ValueError: labels and keys differ in number.
    """
    weights = _checked(pattern, phones)
    score = diagonality(weights)
    head = f"diagonality {score:.2f} (even weights: {min(1.0, 3 / len(phones)):.2f})"
    height = 1.4 + min(6.0, 0.17 * max(len(phones), 10))
    figure, axes = canvas(1, 1, height, title=f"{title}: {head}" if title else head)
    image = draw_alignment(axes[0, 0], weights, rate, phones, path=path)
    if true_start is not None and true_end is not None:
        box = np.array([-0.5, -0.5, 0.5, 0.5, -0.5])
        for number, (a, b) in enumerate(zip(flat(true_start), flat(true_end), strict=True)):
            axes[0, 0].plot([a, b, b, a, a], number + box, color="white", linewidth=0.8)
    axes[0, 0].set_xlabel("time in s")
    figure.colorbar(image, ax=axes[0, 0], label="weight", pad=0.01)
    return figure


@picture
def alignments(patterns: Mapping[str, Any], rate: float, phones: Sequence[str], *, title: str = "") -> Figure:
    """Several (F, P) alignments side by side, each with its diagonality: heads of a layer, or clean against edited."""
    columns = min(4, max(1, len(patterns)))
    rows = -(-len(patterns) // columns)
    figure, axes = canvas(rows, columns, 0.5 + rows * min(4.0, 1.0 + 0.11 * len(phones)), title=title, share_time=True)
    for axis, (name, pattern) in zip(axes.flat, patterns.items(), strict=False):
        weights = _checked(pattern, phones)
        draw_alignment(axis, weights, rate, phones, path=False, labels=axis in axes[:, 0])
        axis.set_title(f"{name}: {'diagonality ' if columns < 4 else ''}{diagonality(weights):.2f}")
    for axis in axes[-1]:
        axis.set_xlabel("time in s")
    for axis in list(axes.flat)[len(patterns) :]:
        axis.set_visible(False)
    return figure


def draw_alignment(
    axis: Axes, weights: Floats, rate: float, phones: Sequence[str], *, path: bool = True, labels: bool = True
) -> Any:
    """The weights with time to the right and phones upwards; -> the image."""
    frames, count = weights.shape
    top = float(np.nanmax(weights))
    image = heat(axis, weights.T, (0.0, frames / rate, -0.5, count - 0.5), SHARE, vmin=0, vmax=max(top, 1e-9))
    if path:
        axis.plot((np.arange(frames) + 0.5) / rate, monotone_path(weights), color="white", linewidth=1, linestyle=":")
    place = axis.get_subplotspec()
    rows = 1 if place is None else place.get_gridspec().nrows
    room = (axis.figure.get_figheight() / rows - 1.0 / rows - 0.3 * (rows > 1)) * 72 / max(count, 1)
    every = 1 if room >= 7 else int(np.ceil(7 / max(room, 0.1)))
    shown = range(0, count, every) if labels else range(0)
    axis.set_yticks(list(shown), [phones[i] for i in shown], fontsize=min(9.0, max(6.5, room * 0.8)))
    return image


def _checked(pattern: Any, phones: Sequence[str]) -> Floats:
    weights = matrix(pattern, "pattern")
    if weights.shape[1] != len(phones):
        raise ValueError(f"the pattern has {weights.shape[1]} keys, there are {len(phones)} phones")
    return weights


__all__ = ["alignment", "alignments", "triangle_attention"]
