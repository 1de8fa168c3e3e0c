"""The picture that suits a recorded tensor, chosen by the names of its axes.

A tap declares what its axes mean ("batch head frame phone"); that is enough to draw it truly: time in seconds, phones
by name, decode steps as a triangle. Of a record it only uses what the record shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gsv_lab.figures.attention import alignment, alignments, triangle_attention
from gsv_lab.figures.strips import code_ribbon, draw_wave
from gsv_lab.figures.style import (
    BLUE,
    ENERGY,
    SIGNED,
    array,
    canvas,
    heat,
    phone_bands,
    phone_lines,
    picture,
    seconds,
)

TIME = ("frame", "token", "sample", "step")
_SMALL = ("batch", "one", "channel")


def draw(
    record: Any, *, phones: Any = (), start: Any = (), end: Any = (), seconds: bool = True, title: str | None = None
) -> Figure:
    """A record of `gsv_lab.hooks`, drawn after its axes; several calls become one along the axis that runs.

    Args:
        record: with `name`, `axes`, `rate`, `unit`, `start`, `value`, `stacked()` and `joined()`.
        phones: labels of the phone or first keys, or anything with `symbols`.
        start: (P,) seconds, for phones above a time axis.
        end: (P,) seconds.
        seconds: False counts frames.
        title: above the picture; the tap's name and meaning if None.

    Raises:
        ValueError: more than two axes are left; says which to reduce.
    """
    labels = list(getattr(phones, "symbols", phones))
    if len(record) > 1:
        record = record.stacked() if "key" in record.axes else record.joined()
    head = f"{record.name}: {record.meaning}" if record.meaning else record.name
    rate = record.rate if seconds else None
    title = head if title is None else title
    return tensor_view(
        record.value, record.axes, rate=rate, unit=record.unit, phones=labels, start=start, end=end,
        offset=record.start, title=title,
    )  # fmt: skip


@picture
def tensor_view(
    values: Any,
    axes: Sequence[str],
    *,
    rate: float | None = None,
    unit: str = "",
    phones: Sequence[str] = (),
    start: Any = (),
    end: Any = (),
    offset: float = 0.0,
    title: str = "",
) -> Figure:
    """Any tensor of at most two axes that matter, drawn after its axis names.

    Axes of length 1 are dropped; of a batch the first item is shown. What is left decides:
    (frame, phone) an alignment, one a head if there is a head axis; (query | step, key) a triangle; (time,) a line, a
    wave or a ribbon of codes; two axes with time a heat map over seconds; two without a heat map; one without bars.

    Args:
        values: the tensor.
        axes: a name for each of its axes.
        rate: of the time axis, per second; without it time is counted in frames.
        unit: of the values.
        phones: labels of the phone axis, or above the time axis if `start` and `end` are given.
        start: (P,) seconds.
        end: (P,) seconds.
        offset: seconds at which the first frame begins.
        title: above the picture.

    Raises:
        ValueError: names and axes differ in number, or more than two axes are left; says which to reduce.
    """
    found, names = _reduced(values, tuple(axes))
    if names in (("frame", "phone"), ("query", "phone")) and len(phones) == found.shape[1]:
        return alignment(found, rate or 1.0, phones, title=title)
    if names == ("head", "frame", "phone") and len(phones) == found.shape[2]:
        return alignments({f"head {i}": head for i, head in enumerate(found)}, rate or 1.0, phones, title=title)
    if len(names) > 2:
        raise ValueError(f"a picture shows two axes, not {' '.join(names)!r}: choose or average one of them")
    if names[-1:] == ("key",) and len(names) == 2:
        return triangle_attention(found, phones=phones, rate=None, title=title)
    if names == ("token",) and np.isfinite(found).all() and (found == np.round(found)).all() and not unit:
        return code_ribbon(found, rate or 1.0, phones if len(_flat(start)) else (), start, end, title=title)
    banded = bool(phones) and len(_flat(start)) > 0 and bool(rate) and any(n in TIME for n in names)
    heights = [0.4] * banded + [2.6 if len(names) == 2 else 1.8]
    figure, rows = canvas(len(heights), 1, sum(heights) + 0.9, title=title, heights=heights, share_time=banded)
    axis = rows[-1, 0]
    if len(names) == 2:
        _map(figure, axis, found, names, rate, unit, offset)
    else:
        _line(axis, found, names[0] if names else "", rate, unit, offset)
    if banded:
        phone_bands(rows[0, 0], phones, start, end)
        phone_lines(axis, start, end, "white" if len(names) == 2 else "#999999")
    elif len(names) == 2 and names[0] == "phone" and len(phones) == len(found):
        axis.set_yticks(np.arange(len(phones)) + 0.5, phones, fontsize=8)
    return figure


def _flat(values: Any) -> Any:
    return array(values).reshape(-1)


def _reduced(values: Any, axes: tuple[str, ...]) -> tuple[Any, tuple[str, ...]]:
    found: Any = np.asarray(values.detach().float().cpu() if hasattr(values, "detach") else values, dtype=np.float64)
    if found.ndim != len(axes):
        raise ValueError(f"the values have {found.ndim} axes, the names are {' '.join(axes)!r}")
    if "batch" in axes:
        found = found.take(0, axis=axes.index("batch"))
        axes = tuple(n for n in axes if n != "batch")
    keep = [i for i, name in enumerate(axes) if found.shape[i] > 1 or (name in TIME and name not in _SMALL)]
    found = found.reshape([found.shape[i] for i in keep])
    names = tuple(axes[i] for i in keep)
    if len(names) == 2 and names[0] in TIME and names[1] not in ("phone", "key", *TIME):
        return found.T, names[::-1]
    return found, names


def _map(
    figure: Figure, axis: Any, values: Any, names: tuple[str, ...], rate: float | None, unit: str, offset: float
) -> None:
    timed = names[1] in TIME and bool(rate)
    left, right = (offset, offset + values.shape[1] / rate) if timed and rate else (0.0, float(values.shape[1]))
    extent = (left, right, 0.0, float(len(values)))
    finite = values[np.isfinite(values)]
    # Logarithms of energies cross zero without meaning anything by it.
    two_sided = len(finite) > 0 and finite.min() < 0 < finite.max() and names[0] not in ("band", "bin")
    bound = (float(np.quantile(np.abs(finite), 0.99)) or 1.0) if len(finite) else 1.0
    limits = (-bound, bound) if two_sided else (None, None)
    image = heat(axis, values, extent, SIGNED if two_sided else ENERGY, vmin=limits[0], vmax=limits[1])
    figure.colorbar(image, ax=axis, label=unit or None, pad=0.01)
    axis.set_ylabel(names[0])
    axis.set_xlabel("time in s" if timed else names[1])


def _line(axis: Any, values: Any, name: str, rate: float | None, unit: str, offset: float) -> None:
    values = np.atleast_1d(values)
    if name == "sample" and rate:
        seconds(axis, draw_wave(axis, values, round(rate)))
    elif name in TIME:
        first = offset if rate else 0.0
        axis.plot(first + (np.arange(len(values)) + 0.5) / (rate or 1.0), values, color=BLUE)
        axis.set_xlim(first, first + len(values) / (rate or 1.0))
        axis.set_xlabel("time in s" if rate else name)
    else:
        axis.bar(np.arange(len(values)), values, color=BLUE, width=1.0 if len(values) > 80 else 0.8)
        axis.set_xlabel(name)
    if unit:
        axis.set_ylabel(unit)


__all__ = ["tensor_view"]
