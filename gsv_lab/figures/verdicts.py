"""Claims with their verdicts, one under the other. Texts in, a Figure out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from matplotlib.figure import Figure

from gsv_lab.figures.style import GREEN, INK, ORANGE, RED, canvas, picture, words

_COLOURS = (GREEN, RED, ORANGE)
_OTHERS = "#999999"
_LONGEST = 62


@picture
def verdict_table(rows: Mapping[str, tuple[str, str]], verdicts: Sequence[str], title: str = "") -> Figure:
    """Claims, each with a mark in the column of its verdict, and beside it what was found.

    Args:
        rows: claim -> (verdict, what was found, in words).
        verdicts: the columns. The first is green, the second red, the third orange; the others grey, and hollow.
        title: above all.

    Raises:
        ValueError: no rows, or a verdict that has no column.
    """
    strange = {verdict for verdict, _ in rows.values()} - set(verdicts)
    if not rows or strange:
        raise ValueError(f"verdicts are {sorted(strange) or 'missing'}, expected some of {', '.join(verdicts)}")
    figure, axes = canvas(1, 1, 0.9 + 0.2 * len(rows) + 0.3 * bool(title), title=title)
    axis = axes[0, 0]
    axis.hlines(range(len(rows)), -0.5, len(verdicts) - 0.5, color="#dddddd", linewidth=0.6)
    for place, (verdict, found) in enumerate(rows.values()):
        column = verdicts.index(verdict)
        colour = _COLOURS[column] if column < len(_COLOURS) else _OTHERS
        axis.plot(
            column, place, "s", markersize=8, color=colour, markerfacecolor=colour if colour != _OTHERS else "white"
        )
        text = found if len(found) <= _LONGEST else f"{found[: _LONGEST - 1]}…"
        axis.text(len(verdicts) - 0.4, place, words(text), va="center", fontsize=8, color=INK)
    axis.set_yticks(range(len(rows)), [words(name) for name in rows], fontsize=8)
    axis.set_ylim(len(rows) - 0.4, -0.6)
    axis.set_xticks(range(len(verdicts)), [_lines(words(name)) for name in verdicts], fontsize=7.5)
    axis.xaxis.tick_top()
    axis.set_xlim(-0.5, 2.0 * len(verdicts))
    for side in ("bottom", "left", "top"):
        axis.spines[side].set_visible(False)
    axis.tick_params(length=0)
    return figure


def _lines(name: str) -> str:
    """The name of a column, broken where it is long."""
    return name.replace(" as ", "\nas ").replace("not ", "not\n")


__all__ = ["verdict_table"]
