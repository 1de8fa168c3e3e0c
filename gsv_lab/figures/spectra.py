"""Pictures of frames: mels side by side, and the filters that make them.

Letters: M mel bands, F frames, K frequency bins. Arrays, tensors and lists are welcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gsv_lab.figures.strips import draw_mel, draw_wave
from gsv_lab.figures.style import PALETTE, SIGNED, canvas, heat, matrix, phone_bands, picture, seconds


@picture
def mel_compare(
    reference: Any,
    result: Any,
    rate: float,
    *,
    names: tuple[str, str] = ("reference", "result"),
    limit: float | None = None,
    title: str = "",
) -> Figure:
    """Two log-mels (M, F) on one colour scale and their difference, result minus reference.

    Red is too much energy, blue too little. Unequal lengths are compared over the shorter one. The mean absolute
    difference stands in the last row.

    Args:
        reference: log-mel.
        result: log-mel with as many bands.
        rate: frames per second.
        names: what the two are called.
        limit: difference at the ends of the colour scale; its 99th percentile if None.
        title: above the picture.
    """
    first, second = matrix(reference, names[0]), matrix(result, names[1])
    if len(first) != len(second):
        raise ValueError(f"{names[0]} has {len(first)} bands, {names[1]} has {len(second)}")
    frames = min(first.shape[1], second.shape[1])
    difference = second[:, :frames] - first[:, :frames]
    limits = (float(np.quantile(first, 0.02)), float(max(first.max(), second.max())))
    bound = limit or max(float(np.quantile(np.abs(difference), 0.99)), 1e-3)
    figure, axes = canvas(3, 1, 5.4, title=title, share_time=True)
    rows = axes[:, 0]
    for row, values, name in ((rows[0], first, names[0]), (rows[1], second, names[1])):
        image = draw_mel(row, values, rate, limits)
        row.set_title(name)
    figure.colorbar(image, ax=rows[:2].tolist(), label="log energy", pad=0.01)
    extent = (0.0, frames / rate, 0.0, float(len(first)))
    image = heat(rows[2], difference, extent, SIGNED, vmin=-bound, vmax=bound)
    rows[2].set_title(f"{names[1]} − {names[0]}: mean absolute difference {np.abs(difference).mean():.2f}")
    rows[2].set_ylabel("mel band")
    figure.colorbar(image, ax=rows[2], label="difference", pad=0.01)
    seconds(rows[2], max(first.shape[1], second.shape[1]) / rate)
    return figure


@picture
def feature_stack(
    wave: Any,
    sample_rate: int,
    features: Mapping[str, tuple[Any, float]],
    phones: Sequence[str] = (),
    start: Any = (),
    end: Any = (),
    *,
    title: str = "",
) -> Figure:
    """A wave and what was computed from it, each with its own number of frames, on one time axis.

    Args:
        wave: (T,) samples.
        sample_rate: Hz.
        features: {name: ((D, F) values, frames per second)}; values of both signs get the two-sided colours.
        phones: labels above, if given.
        start: seconds.
        end: seconds.
        title: above the picture.
    """
    heights = [0.4] * bool(phones) + [0.8] + [1.4] * len(features)
    figure, axes = canvas(len(heights), 1, 0.8 + 1.1 * sum(heights), title=title, heights=heights, share_time=True)
    rows = axes[bool(phones) :, 0]
    duration = draw_wave(rows[0], wave, sample_rate)
    seconds(axes[-1, 0], duration)
    if phones:
        phone_bands(axes[0, 0], phones, start, end)
    rows[0].set_title(f"wave: {sample_rate} samples a second")
    for row, (name, (values, rate)) in zip(rows[1:], features.items(), strict=True):
        table = matrix(values, name)
        if (table < 0).any() and (table > 0).any() and "mel" not in name:
            bound = float(np.quantile(np.abs(table), 0.99)) or 1.0
            extent = (0.0, table.shape[1] / rate, 0.0, float(len(table)))
            heat(row, table, extent, SIGNED, vmin=-bound, vmax=bound)
        else:
            draw_mel(row, table, rate)
        row.set_ylabel("dimension")
        row.set_title(f"{name}: {len(table)} values, {rate:g} times a second")
    return figure


@picture
def filter_bank(weights: Any, sample_rate: int, *, every: int = 1, title: str = "") -> Figure:
    """(M, K) weights of mel filters over frequency: triangles on top, the whole matrix below.

    Args:
        weights: one filter a row, bins from 0 Hz to half the sample rate.
        sample_rate: Hz.
        every: draw only every n-th triangle.
        title: above the picture.
    """
    bank = matrix(weights, "weights")
    frequency = np.linspace(0, sample_rate / 2000.0, bank.shape[1])
    figure, axes = canvas(2, 1, 4.2, title=title, share_time=True)
    for number in range(0, len(bank), every):
        colour = PALETTE[number // every % len(PALETTE)]
        axes[0, 0].plot(frequency, bank[number], color=colour, linewidth=1.0)
    axes[0, 0].set_ylabel("weight")
    axes[0, 0].set_ylim(bottom=0)
    image = heat(axes[1, 0], bank, (0.0, sample_rate / 2000.0, 0.0, float(len(bank))), "Greys", vmin=0)
    figure.colorbar(image, ax=axes[1, 0], label="weight", pad=0.01)
    axes[1, 0].set_ylabel("mel band")
    axes[1, 0].set_xlabel("frequency in kHz")
    axes[1, 0].set_xlim(0, sample_rate / 2000.0)
    return figure


__all__ = ["feature_stack", "filter_bank", "mel_compare"]
