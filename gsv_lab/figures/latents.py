"""Pictures of the way from latent to sound: the flow, the spread of latents, the stages of a vocoder.

Letters: D dimensions, F frames, T samples. Arrays, tensors and lists are welcome.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from gsv_lab.figures.strips import draw_wave
from gsv_lab.figures.style import (
    BLUE,
    ENERGY,
    GREEN,
    INK,
    ORANGE,
    RED,
    SIGNED,
    array,
    canvas,
    flat,
    heat,
    matrix,
    picture,
    seconds,
)


@picture
def flow_densities(
    steps: Mapping[str, Any], mean: Any = None, log_scale: Any = None, *, limit: float = 4.0, title: str = ""
) -> Figure:
    """What the flow does to the distribution of a latent, step by step, against the standard normal.

    Each value is put in units of what the prior expects, (z - mean) / exp(log_scale), if those are given: after a good
    flow the density is the bell. The number is the mean squared value, 1 for the bell.

    Args:
        steps: {"posterior z": (D, F), "after step 1": (D, F), ...} in order.
        mean: (D, F) of the prior; 0 if None.
        log_scale: (D, F) of the prior; 0 if None.
        limit: the axis runs from minus to plus this.
        title: above the picture.
    """
    figure, axes = canvas(1, len(steps), 2.8, title=title)
    grid = np.linspace(-limit, limit, 61)
    bell = np.exp(-0.5 * grid**2) / np.sqrt(2 * np.pi)
    centre = 0.0 if mean is None else matrix(mean, "mean")
    scale = 1.0 if log_scale is None else np.exp(matrix(log_scale, "log_scale"))
    highest = 0.0
    for axis, (name, values) in zip(axes[0], steps.items(), strict=True):
        z = ((matrix(values, name) - centre) / scale).reshape(-1)
        share, _ = np.histogram(z, bins=grid)
        density = share / len(z) / np.diff(grid)
        highest = max(highest, float(density.max()))
        axis.stairs(density, grid, fill=True, color=BLUE, alpha=0.45)
        axis.plot(grid, bell, color=ORANGE, label="standard normal")
        outside = float((np.abs(z) > limit).mean())
        axis.set_title(f"{name}\nmean square {np.mean(z**2):.2f}\n{outside:.1%} outside", fontsize=9)
        axis.set_yticks([])
        axis.spines["left"].set_visible(False)
    for axis in axes[0]:
        axis.set_ylim(0, 1.25 * max(highest, float(bell.max())))
    axes[0, 0].legend(loc="upper left")
    # One label for all: side by side they would run into each other.
    figure.supxlabel("deviations from the prior" if mean is not None or log_scale is not None else "value", fontsize=9)
    return figure


@picture
def latent_spread(mean: Any, log_scale: Any, rate: float, *, title: str = "") -> Figure:
    """Which dimensions of a latent carry something: spread of the mean over time against the noise around it.

    (D, F) means and log standard deviations -> left: the means over time, dimensions sorted by their signal; right:
    both spreads for each dimension. A dimension whose mean moves less than its noise carries nothing.
    """
    centre, noise = matrix(mean, "mean"), np.exp(matrix(log_scale, "log_scale"))
    if centre.shape != noise.shape:
        raise ValueError(f"mean has shape {centre.shape}, log_scale {noise.shape}")
    moved, around = centre.std(axis=1), np.sqrt((noise**2).mean(axis=1))
    order = np.argsort(-(moved / np.maximum(around, 1e-12)), kind="stable")
    useful = int((moved > around).sum())
    head = f"{useful} of {len(centre)} dimensions move more than their noise"
    figure, axes = canvas(1, 2, 3.6, title=f"{title}: {head}" if title else head, widths=[1.7, 1])
    bound = float(np.quantile(np.abs(centre), 0.995)) or 1.0
    extent = (0.0, centre.shape[1] / rate, len(centre) - 0.5, -0.5)
    image = heat(axes[0, 0], centre[order][::-1], extent, SIGNED, vmin=-bound, vmax=bound)
    figure.colorbar(image, ax=axes[0, 0], label="mean", pad=0.01)
    axes[0, 0].set_ylabel("dimension, most telling first")
    seconds(axes[0, 0], centre.shape[1] / rate)
    row = np.arange(len(centre))
    axes[0, 1].plot(moved[order], row, color=BLUE, label="deviation of the mean")
    axes[0, 1].plot(around[order], row, color=ORANGE, label="noise around it")
    axes[0, 1].set_ylim(len(centre) - 0.5, -0.5)
    axes[0, 1].set_xlim(left=0)
    axes[0, 1].set_xlabel("standard deviation")
    axes[0, 1].legend()
    return figure


@picture
def vocoder_stages(
    stages: Mapping[str, tuple[Any, float]],
    wave: Any = None,
    sample_rate: int = 16000,
    *,
    start: float = 0.0,
    length: float | None = None,
    title: str = "",
) -> Figure:
    """What a vocoder holds after each stage, all on one time axis: more and more samples a second, at last the wave.

    Args:
        stages: {name: ((C, n) activations or (n,) signal, values per second)} in order.
        wave: (T,) the result.
        sample_rate: of the wave, Hz.
        start: seconds where the picture begins.
        length: seconds shown; everything if None. Some 50 ms show the single periods.
        title: above the picture.
    """
    signals = {name: (matrix(np.atleast_2d(array(values)), name), rate) for name, (values, rate) in stages.items()}
    rows = len(signals) + (wave is not None)
    figure, axes = canvas(rows, 1, 0.7 + 1.15 * rows, title=title, share_time=True)
    duration = max(values.shape[1] / rate for values, rate in signals.values())
    for axis, (name, (values, rate)) in zip(axes[:, 0], signals.items(), strict=False):
        if len(values) == 1:
            draw_wave(axis, values[0], round(rate), start, length)
        else:
            spread = values.std(axis=1)
            size = np.abs(values[np.argsort(-spread, kind="stable")])
            size /= max(float(np.quantile(size, 0.99)), 1e-9)
            heat(axis, size, (0.0, values.shape[1] / rate, 0.0, float(len(values))), ENERGY, vmin=0, vmax=1)
        axis.set_ylabel("channel" if len(values) > 1 else "")
        axis.set_title(f"{name}: {len(values)} channels, {rate:g} values a second each")
    if wave is not None:
        draw_wave(axes[-1, 0], wave, sample_rate, start, length)
        axes[-1, 0].set_title(f"wave: {sample_rate} values a second")
    axes[-1, 0].set_xlim(start, min(duration, start + length) if length else duration)
    axes[-1, 0].set_xlabel("time in s")
    return figure


@picture
def excitation(
    harmonic: Any,
    noise: Any,
    sample_rate: int,
    f0: Any,
    f0_rate: float,
    *,
    start: float = 0.0,
    length: float = 0.08,
    title: str = "",
) -> Figure:
    """A source-filter vocoder taken apart: harmonic part and noise part (T,) over some periods, and the pitch (F,).

    Args:
        harmonic: what the pulses became.
        noise: what the noise became.
        sample_rate: Hz.
        f0: Hz, 0 where unvoiced.
        f0_rate: values of `f0` per second.
        start: seconds where the close-up begins.
        length: seconds of the close-up.
        title: above the picture.
    """
    figure, axes = canvas(3, 1, 4.4, title=title, heights=[1.0, 1.1, 1.1])
    voice, breath, pitch = flat(harmonic), flat(noise), flat(f0)
    axes[0, 0].plot((np.arange(len(pitch)) + 0.5) / f0_rate, np.where(pitch > 0, pitch, np.nan), color=INK)
    axes[0, 0].axvspan(start, start + length, color=GREEN, alpha=0.3, linewidth=0)
    axes[0, 0].set_ylabel("F0 in Hz")
    axes[0, 0].set_title("pitch; the parts below show the green stretch")
    seconds(axes[0, 0], len(voice) / sample_rate, label=False)
    window = slice(int(start * sample_rate), int((start + length) * sample_rate))
    time = np.arange(len(voice))[window] / sample_rate
    top = max(float(np.abs(np.concatenate([voice[window], breath[window]])).max(initial=0)), 1e-6)
    for axis, part, name, colour in (
        (axes[1, 0], voice, "harmonic part", BLUE), (axes[2, 0], breath, "noise part", RED),
    ):  # fmt: skip
        axis.plot(time, part[window], color=colour, linewidth=0.9)
        axis.set_ylim(-1.05 * top, 1.05 * top)
        axis.set_xlim(start, start + length)
        axis.set_title(f"{name}: {10 * np.log10(np.mean(part**2) + 1e-12):.0f} dB over all")
    axes[2, 0].set_xlabel("time in s")
    return figure


__all__ = ["excitation", "flow_densities", "latent_spread", "vocoder_stages"]
