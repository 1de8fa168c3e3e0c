"""The one look of all pictures, and the small parts that they share.

Pictures are `matplotlib.figure.Figure` objects made without pyplot: nothing is registered anywhere, so nothing leaks in
a training loop, and no setting of the reader's own notebook is touched. Each picture function is wrapped in `@picture`,
which applies the look for the time of the call.

Colours: the eight of Okabe and Ito, which colour-blind eyes can distinguish; `magma` for energy, `viridis` for shares,
`RdBu` for signed differences. Time is in seconds. Letters: T samples, F frames, P phones, C codes.
Nothing here writes a file.
"""

from __future__ import annotations

import functools
import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, ParamSpec

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.rcsetup import cycler
from numpy.typing import NDArray
from PIL import Image

from gsv_lab.errors import printable

Floats = NDArray[np.float64]
P = ParamSpec("P")

INK, SKY, GREEN, ORANGE, BLUE, RED, PINK, YELLOW = (
    "#222222", "#56B4E9", "#009E73", "#E69F00", "#0072B2", "#D55E00", "#CC79A7", "#F0E442",
)  # fmt: skip
PALETTE = (BLUE, ORANGE, GREEN, RED, PINK, SKY, INK, YELLOW)
ENERGY, SHARE, SIGNED, CYCLE = "magma", "viridis", "RdBu_r", "twilight_shifted"
WIDTH = 9.0
"""Inches; a notebook cell shows 9 inches at 100 dots an inch without shrinking."""

_LOOK: dict[str, Any] = {
    "axes.axisbelow": True, "axes.edgecolor": "#888888", "axes.grid": False, "axes.labelsize": 10,
    "axes.linewidth": 0.8, "axes.prop_cycle": cycler(color=PALETTE), "axes.spines.right": False,
    "axes.spines.top": False, "axes.titlelocation": "left", "axes.titlesize": 10.5, "figure.dpi": 100,
    "figure.titlesize": 11.5, "font.size": 10,
    "grid.color": "#dddddd", "grid.linewidth": 0.6, "image.aspect": "auto", "image.interpolation": "nearest",
    "image.origin": "lower", "legend.fontsize": 9, "legend.frameon": False, "lines.linewidth": 1.4, "savefig.dpi": 100,
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "xtick.labelsize": 9,
    "ytick.labelsize": 9, "figure.facecolor": "white", "axes.facecolor": "white", "axes.unicode_minus": True,
}  # fmt: skip
_HANZI = ("Noto Sans CJK SC", "Source Han Sans SC", "WenQuanYi Micro Hei", "PingFang SC", "Microsoft YaHei", "SimHei")


class Picture(Figure):
    """A Figure that a notebook shows even if pyplot was never imported."""

    def _repr_png_(self) -> bytes:
        return png(self)


@contextmanager
def look() -> Iterator[None]:
    """The look of the project for the time of the block; the settings from before come back after it."""
    names = {font.name for font in fontManager.ttflist}
    families = ["DejaVu Sans", *(name for name in _HANZI if name in names)]
    with matplotlib.rc_context({**_LOOK, "font.family": families}):
        yield


def picture(draw: Callable[P, Figure]) -> Callable[P, Figure]:
    """Decorator: run a picture function in the project's look."""

    @functools.wraps(draw)
    def styled(*args: P.args, **kwargs: P.kwargs) -> Figure:
        with look():
            return draw(*args, **kwargs)

    return styled


def png(figure: Figure, dpi: float = 100.0, colours: int = 0) -> bytes:
    """The picture as the bytes of a PNG, for reports and notebooks.

    Args:
        figure: to draw.
        dpi: points an inch.
        colours: at most so many (up to 256), which needs less than half of the bytes; 0 keeps them all.
    """
    buffer = io.BytesIO()
    with look():
        figure.savefig(buffer, format="png", dpi=dpi)
    if colours:
        image = Image.open(buffer).convert("RGB")
        few = image.quantize(colours, Image.Quantize.MEDIANCUT, dither=Image.Dither.FLOYDSTEINBERG)
        buffer = io.BytesIO()
        few.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def canvas(
    rows: int = 1,
    columns: int = 1,
    height: float = 2.5,
    *,
    title: str = "",
    heights: Sequence[float] | None = None,
    widths: Sequence[float] | None = None,
    share_time: bool = False,
) -> tuple[Picture, NDArray[Any]]:
    """An empty figure with (rows, columns) axes, `height` inches tall; -> (figure, array of axes, always 2-D)."""
    figure = Picture(figsize=(WIDTH, height), layout="constrained")
    if title:
        figure.suptitle("\n".join(map(words, title.split("\n"))), x=0.01, ha="left")
    axes = figure.subplots(rows, columns, squeeze=False, sharex=share_time, height_ratios=heights, width_ratios=widths)
    return figure, axes


def words(text: str) -> str:
    """A text from outside as a picture shows it: what cannot be printed written out, dollars without a formula."""
    return printable(text).replace("$", r"\$")


def flat(values: Any) -> Floats:
    """Any tensor, array or list of numbers as a one-dimensional float array."""
    return array(values).reshape(-1)


def array(values: Any) -> Floats:
    """Any tensor, array or list of numbers as a float array; leading axes of length 1 are dropped down to two."""
    if hasattr(values, "detach"):
        values = values.detach().float().cpu().numpy()
    found = np.asarray(values, dtype=np.float64)
    while found.ndim > 2 and found.shape[0] == 1:
        found = found[0]
    return found


def matrix(values: Any, name: str) -> Floats:
    """A two-dimensional float array, or an error that names the argument.

    Raises:
        ValueError: another number of axes.
    """
    found = array(values)
    if found.ndim != 2 or not found.size:
        raise ValueError(f"{name} must have two axes and at least one value, got shape {found.shape}")
    return found


def heat(axis: Axes, values: Floats, extent: tuple[float, float, float, float], colours: str, **options: Any) -> Any:
    """Draw (rows, columns) as colours, first row at the bottom; extent = (left, right, bottom, top) in axis units."""
    return axis.imshow(values, extent=extent, cmap=colours, aspect="auto", origin="lower", **options)


def loudness_range(values: Floats, span: float) -> tuple[float, float]:
    """Colour limits: from `span` under the loudest to the loudest."""
    top = float(np.nanmax(values))
    return top - span, top


def phone_bands(axis: Axes, phones: Sequence[str], start: Any, end: Any, *, size: float = 10.0) -> None:
    """A row of boxes, one a phone, each with its label; labels stand in two rows where one would be too tight.

    Phones without length own no time and are left out. Call it after the time axis has its limits.
    """
    start, end = timed(phones, start, end)
    left, right = axis.get_xlim()
    points = (axis.figure.get_figwidth() - 1.0) * 72 / max(right - left, 1e-9)
    shown = [(label, a, b) for label, a, b in zip(phones, start, end, strict=True) if b > a]
    room = np.array([(b - a) * points / (0.68 * max(len(label), 1)) for label, a, b in shown])
    rows = 1 if len(room) == 0 or np.percentile(room, 10) >= 0.8 * size else 2
    for number, (label, a, b) in enumerate(shown):
        axis.axvspan(a, b, color=(SKY, YELLOW)[number % 2], alpha=0.35, linewidth=0)
        fitted = min(size, room[number] * (1 if rows == 1 else 1.9))
        if fitted >= 4.5:
            height = 0.5 if rows == 1 else (0.73, 0.27)[number % 2]
            axis.text((a + b) / 2, height, label, transform=axis.get_xaxis_transform(), ha="center", va="center",
                      fontsize=fitted, clip_on=True)  # fmt: skip
    axis.set_yticks([])
    axis.tick_params(bottom=False)
    for side in ("left", "right", "top", "bottom"):
        axis.spines[side].set_visible(False)


def phone_lines(axis: Axes, start: Any, end: Any, colour: str = "white") -> None:
    """Thin lines at the boundaries of the phones."""
    start, end = flat(start), flat(end)
    for edge in np.unique(np.concatenate([start[end > start], end[end > start]])):
        axis.axvline(edge, color=colour, linewidth=0.5, alpha=0.5)


def seconds(axis: Axes, duration: float, label: bool = True) -> None:
    """Time axis from 0 to `duration` seconds."""
    axis.set_xlim(0.0, max(duration, 1e-6))
    if label:
        axis.set_xlabel("time in s")


def timed(phones: Sequence[str], start: Any, end: Any) -> tuple[Floats, Floats]:
    """Start and end as arrays, checked against the number of phones.

    Raises:
        ValueError: their numbers differ.
    """
    start, end = flat(start), flat(end)
    if not len(phones) == len(start) == len(end):
        raise ValueError(f"{len(phones)} phones, {len(start)} starts and {len(end)} ends must be equally many")
    return start, end


def log_spectrogram(wave: Any, sample_rate: int, window: float = 0.025, hop: float = 0.005) -> tuple[Floats, float]:
    """(T,) -> (bins, F) power in dB and the frames per second; frame f is centred at (f + 0.5) hops."""
    samples = flat(wave)
    size, step = max(16, round(window * sample_rate)), max(1, round(hop * sample_rate))
    frames = max(1, len(samples) // step)
    padded = np.pad(samples, (size // 2, size + step))[step // 2 :]
    pieces = np.lib.stride_tricks.sliding_window_view(padded, size)[::step][:frames]
    fft = 1 << (size - 1).bit_length()
    power = np.abs(np.fft.rfft(pieces * np.hanning(size), fft)) ** 2 / np.hanning(size).sum() ** 2
    return 10.0 * np.log10(power.T + 1e-12), sample_rate / step
