"""Picture of a text and of what was heard of it: where words are left out, said again or looped.

Letters: F frames, P phones of the text, W words, R recognised phones. Arrays, tensors and lists are welcome.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gsv_lab.figures.style import INK, ORANGE, RED, SHARE, SKY, canvas, flat, heat, matrix, picture


@picture
def completeness(
    pattern: Any,
    rate: float,
    words: Sequence[tuple[str, int, int]],
    *,
    heard: Sequence[str] = (),
    times: Any = (),
    belongs: Sequence[int] = (),
    skipped: Sequence[int] = (),
    repeated: Sequence[tuple[int, int]] = (),
    title: str = "",
) -> Figure:
    """(F, P) where in the text a model was, and on it the words that were heard, left out (red) and said again.

    A dot is a recognised phone in the row of its word: a row without dots was not heard, dots that go back down were
    said again.

    Args:
        pattern: weights of the phones, one row a frame.
        rate: frames per second.
        words: of W words the label, and the numbers of its first and its last phone.
        heard: R names of recognised phones, shown above.
        times: (R,) where each begins, in seconds.
        belongs: (R,) number of the word that each belongs to, -1 for none.
        skipped: numbers of the words that were left out.
        repeated: stretches of words that were said again: first, and one after the last.
        title: above the picture.

    Raises:
        ValueError: `heard`, `times` and `belongs` differ in number, or a word lies outside the pattern.
    """
    weights, begins = matrix(pattern, "pattern"), flat(times)
    if not len(heard) == len(begins) == len(belongs):
        raise ValueError(f"{len(heard)} phones, {len(begins)} times and {len(belongs)} words must be equally many")
    frames, count = weights.shape
    if any(not 0 <= first <= last < count for _, first, last in words):
        raise ValueError(f"a word lies outside the {count} phones of the pattern")
    body = 1.2 + min(7.0, 0.16 * max(len(words), 10))
    figure, axes = canvas(2, 1, body + 0.9, title=title, heights=[0.35, body], share_time=True)
    axis = axes[1, 0]
    heat(axis, weights.T, (0.0, frames / rate, -0.5, count - 0.5), SHARE, vmin=0, vmax=max(float(weights.max()), 1e-9))
    axis.set_xlim(0.0, max([frames / rate, *begins]))
    again = {word for first, last in repeated for word in range(first, last)}
    _word_rows(axis, words, set(skipped), again)
    _dots(axis, words, begins, belongs, again)
    _names(axes[0, 0], heard, begins, belongs)
    axis.set_xlabel("time in s")
    return figure


def _word_rows(axis: Axes, words: Sequence[tuple[str, int, int]], skipped: set[int], again: set[int]) -> None:
    """Words at the left, as many as fit; those left out are a red row, those said again have an orange label."""
    room = 72 * (axis.figure.get_figheight() - 1.6) / max(len(words), 1)
    every = max(1, int(np.ceil(7 / max(room, 0.1))))
    marked = skipped | again
    shown = [number for number in range(len(words)) if number % every == 0 or number in marked]
    middles = [(words[number][1] + words[number][2]) / 2 for number in shown]
    axis.set_yticks(middles, [words[number][0] for number in shown], fontsize=min(9.0, max(6.0, room * every * 0.8)))
    for number, label in zip(shown, axis.get_yticklabels(), strict=True):
        label.set_color(RED if number in skipped else ORANGE if number in again else INK)
    for number in skipped:
        _, first, last = words[number]
        axis.axhspan(first - 0.5, last + 0.5, facecolor=RED, alpha=0.45, linewidth=0)


def _dots(
    axis: Axes, words: Sequence[tuple[str, int, int]], times: Any, belongs: Sequence[int], again: set[int]
) -> None:
    known = [(time, word) for time, word in zip(times, belongs, strict=True) if word >= 0]
    rows = [(words[word][1] + words[word][2]) / 2 for _, word in known]
    colours = [ORANGE if word in again else "white" for _, word in known]
    axis.scatter([time for time, _ in known], rows, s=16, c=colours, edgecolors=INK, linewidths=0.6, zorder=3)


def _names(axis: Axes, heard: Sequence[str], times: Any, belongs: Sequence[int]) -> None:
    """The recognised phones at their times, in three heights so that neighbours do not cover each other."""
    for number, (name, time, word) in enumerate(zip(heard, times, belongs, strict=True)):
        height = 0.2 + 0.3 * (number % 3)
        colour = INK if word >= 0 else "#888888"
        axis.text(time, height, name, ha="left", va="center", fontsize=7, color=colour, clip_on=True)
        axis.axvline(time, ymax=0.08, color=SKY, linewidth=0.6)
    axis.set_ylim(0, 1)
    axis.set_yticks([])
    axis.set_ylabel("heard", rotation=0, ha="right", va="center")
    axis.tick_params(bottom=False, labelbottom=False)


__all__ = ["completeness"]
