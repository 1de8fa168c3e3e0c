"""Pictures along one time axis: wave, spectrogram, phones, codes, pitch.

Letters: T samples, F frames, P phones, N tokens. Everywhere `phones`, `start`, `end` are (P,) labels and seconds, as an
`Alignment` gives them; `rate` is frames per second, `sample_rate` samples per second.
Arrays, tensors and lists are welcome.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from gsv_lab.figures.style import (
    BLUE,
    CYCLE,
    ENERGY,
    INK,
    PALETTE,
    array,
    canvas,
    flat,
    heat,
    log_spectrogram,
    loudness_range,
    matrix,
    phone_bands,
    phone_lines,
    picture,
    seconds,
    words,
)

SPAN_DB = 70.0


@picture
def waveform(
    wave: Any, sample_rate: int, phones: Sequence[str] = (), start: Any = (), end: Any = (), *, title: str = ""
) -> Figure:
    """(T,) samples, with phones above if given."""
    heights = [0.35, 1.4] if phones else [1.4]
    figure, axes = canvas(len(heights), 1, 0.6 + sum(heights), title=title, heights=heights, share_time=True)
    duration = draw_wave(axes[-1, 0], wave, sample_rate)
    seconds(axes[-1, 0], duration)
    if phones:
        phone_bands(axes[0, 0], phones, start, end)
        phone_lines(axes[-1, 0], start, end, "#999999")
    return figure


@picture
def spectrogram(
    wave: Any,
    sample_rate: int,
    *,
    window: float = 0.025,
    hop: float = 0.005,
    f0: Any = None,
    f0_rate: float = 100.0,
    top: float | None = None,
    title: str = "",
) -> Figure:
    """(T,) -> power in dB over time and frequency, with the pitch (F,) in Hz on an axis of its own if given.

    Args:
        wave: samples.
        sample_rate: Hz.
        window: seconds; long windows show harmonics, short ones show pulses.
        hop: seconds.
        f0: Hz, 0 or NaN where unvoiced.
        f0_rate: values of `f0` per second.
        top: highest frequency shown, Hz; half the sample rate if None.
        title: above the picture.
    """
    figure, axes = canvas(1, 1, 2.8, title=title)
    axis = axes[0, 0]
    image = draw_spectrogram(axis, wave, sample_rate, window, hop, top)
    if f0 is None:
        figure.colorbar(image, ax=axis, label="level in dB", pad=0.01)
    else:
        # On the axis in kHz a voice would be a line at the very bottom.
        pitch = axis.twinx()
        draw_f0(pitch, f0, f0_rate, SPOT)
        highest = float(np.nanmax(np.append(flat(f0), 100.0)))
        pitch.set_ylim(0, 2 * highest)
        pitch.set_ylabel("F0 in Hz (green)")
        pitch.spines["right"].set_visible(True)
    seconds(axis, len(flat(wave)) / sample_rate)
    return figure


@picture
def phone_strip(
    wave: Any,
    sample_rate: int,
    phones: Sequence[str] = (),
    start: Any = (),
    end: Any = (),
    *,
    mel: Any = None,
    rate: float | None = None,
    words: Sequence[str] = (),
    word_start: Any = (),
    word_end: Any = (),
    title: str = "",
) -> Figure:
    """Wave, spectrogram and phones on one time axis: what was said when.

    Args:
        wave: (T,) samples.
        sample_rate: Hz.
        phones: (P,) labels.
        start: (P,) seconds.
        end: (P,) seconds.
        mel: (M, F) log-mel shown in place of the spectrogram.
        rate: frames per second of `mel`.
        words: labels of the words above the phones.
        word_start: seconds.
        word_end: seconds.
        title: above the picture.
    """
    tops = [0.3] * bool(words) + [0.45] * bool(phones)
    figure, axes = canvas(len(tops) + 2, 1, sum(tops) + 3.6, title=title, heights=[*tops, 1.9, 0.9], share_time=True)
    rows = axes[:, 0]
    duration = draw_wave(rows[-1], wave, sample_rate)
    seconds(rows[-1], duration)
    if mel is None:
        draw_spectrogram(rows[-2], wave, sample_rate)
    else:
        draw_mel(rows[-2], mel, _needed(rate, "rate", "mel"))
    rows[-2].set_xlim(0, duration)
    if phones:
        phone_bands(rows[len(tops) - 1], phones, start, end)
        phone_lines(rows[-2], start, end)
        rows[len(tops) - 1].set_ylabel("phones", rotation=0, ha="right", va="center")
    if words:
        phone_bands(rows[0], words, word_start, word_end)
        rows[0].set_ylabel("words", rotation=0, ha="right", va="center")
    return figure


@picture
def pipeline_strip(
    phones: Sequence[str],
    start: Any,
    end: Any,
    codes: Any,
    code_rate: float,
    mel: Any,
    mel_rate: float,
    wave: Any,
    sample_rate: int,
    *,
    title: str = "",
) -> Figure:
    """The whole way on one time axis: phones, codes (N,) at 25 Hz, mel (M, F), wave (T,)."""
    figure, axes = canvas(4, 1, 5.0, title=title, heights=[0.45, 0.6, 1.9, 0.9], share_time=True)
    rows = axes[:, 0]
    duration = draw_wave(rows[3], wave, sample_rate)
    seconds(rows[3], duration)
    phone_bands(rows[0], phones, start, end)
    draw_codes(rows[1], codes, code_rate)
    draw_mel(rows[2], mel, mel_rate)
    phone_lines(rows[2], start, end)
    for row, name in ((rows[0], "phones"), (rows[1], f"codes\n{code_rate:g} a second")):
        row.set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


@picture
def code_ribbon(
    codes: Any,
    rate: float,
    phones: Sequence[str] = (),
    start: Any = (),
    end: Any = (),
    *,
    others: Mapping[str, Any] | None = None,
    title: str = "",
) -> Figure:
    """(N,) codes as coloured tiles with their numbers; runs of one code merge. `others` adds ribbons to compare with.

    Equal colour means equal code; neighbouring colours mean nothing, codes have no order.
    """
    ribbons = {"codes": codes, **(others or {})}
    heights = [0.45] * bool(phones) + [0.6] * len(ribbons)
    figure, axes = canvas(len(heights), 1, sum(heights) + 0.8, title=title, heights=heights, share_time=True)
    seconds(axes[-1, 0], max(len(flat(c)) for c in ribbons.values()) / rate)
    if phones:
        phone_bands(axes[0, 0], phones, start, end)
    for axis, (name, values) in zip(axes[-len(ribbons) :, 0], ribbons.items(), strict=True):
        draw_codes(axis, values, rate)
        axis.set_ylabel(name, rotation=0, ha="right", va="center")
    return figure


@picture
def f0_overlay(
    contours: Mapping[str, Any],
    rate: float,
    *,
    mel: Any = None,
    mel_rate: float | None = None,
    semitones: bool = False,
    title: str = "",
) -> Figure:
    """Pitch curves (F,) in Hz by name, 0 or NaN where unvoiced, over each other; a mel (M, F) below if given.

    With `semitones` each curve is relative to its own median, so that melodies of different voices compare.
    """
    if not contours:
        raise ValueError("f0_overlay needs at least one contour")
    heights = [2.0] + [1.3] * (mel is not None)
    figure, axes = canvas(len(heights), 1, sum(heights) + 0.7, title=title, heights=heights, share_time=True)
    axis = axes[0, 0]
    for number, (name, values) in enumerate(contours.items()):
        curve = np.where(flat(values) > 0, flat(values), np.nan)
        median = float(np.nanmedian(curve)) if np.isfinite(curve).any() else float("nan")
        drawn = 12 * np.log2(curve / median) if semitones else curve
        draw_f0(axis, drawn, rate, PALETTE[number % len(PALETTE)], label=f"{name} (median {median:.0f} Hz)", keep=True)
    axis.grid(axis="y")
    axis.set_ylabel("semitones from the median" if semitones else "F0 in Hz")
    low, high = axis.get_ylim()
    axis.set_ylim(low, high + 0.18 * (high - low))  # room for the legend
    axis.legend(loc="upper right", ncols=2)
    longest = max(len(flat(values)) for values in contours.values()) / rate
    if mel is not None:
        draw_mel(axes[1, 0], mel, _needed(mel_rate, "mel_rate", "mel"))
    seconds(axes[-1, 0], longest)
    return figure


@picture
def spectrogram_pair(
    waves: Mapping[str, Any],
    sample_rate: int,
    *,
    timings: Mapping[str, tuple[Any, Any, Any]] | None = None,
    top: float | None = None,
    title: str = "",
) -> Figure:
    """Spectrograms of several waves under each other with one scale of time and colour: reference and result.

    `timings` gives (phones, start, end) under a wave's name, drawn above it.
    """
    timings = timings or {}
    heights = [h for name in waves for h in ([0.4] if name in timings else []) + [1.6]]
    figure, axes = canvas(len(heights), 1, sum(heights) + 0.6, title=title, heights=heights, share_time=True)
    rows = iter(axes[:, 0])
    seconds(axes[-1, 0], max(len(flat(wave)) for wave in waves.values()) / sample_rate)
    for name, wave in waves.items():
        if name in timings:
            phone_bands(next(rows), *timings[name])
        axis = next(rows)
        draw_spectrogram(axis, wave, sample_rate, top=top)
        axis.text(0.006, 0.94, words(name), transform=axis.transAxes, color="white", va="top", weight="bold")
        if name in timings:
            phone_lines(axis, *timings[name][1:])
    return figure


SPOT = "#7CFC9A"
"""Light green: the only of our lines that stands out on every colour of `magma`."""


def draw_wave(axis: Axes, wave: Any, sample_rate: int, start: float = 0.0, length: float | None = None) -> float:
    """The wave as its extremes in 2,000 steps, so that no peak is lost; -> seconds of the whole wave."""
    whole = flat(wave)
    first = max(0, round(start * sample_rate))
    samples = whole[first:] if length is None else whole[first : first + max(2, round(length * sample_rate))]
    block = max(1, -(-len(samples) // 2000))
    blocks = np.pad(samples, (0, -len(samples) % block), mode="edge").reshape(-1, block)
    time = (first + (np.arange(len(blocks)) + 0.5) * block) / sample_rate
    if block == 1:
        axis.plot(time, samples, color=BLUE, linewidth=0.8)
    else:
        axis.fill_between(time, blocks.min(axis=1), blocks.max(axis=1), color=BLUE, linewidth=0.4)
    peak = max(float(np.abs(samples).max()) if len(samples) else 0.0, 1e-3)
    axis.set_ylim(-1.05 * peak, 1.05 * peak)
    axis.set_ylabel("wave")
    return len(whole) / sample_rate


def draw_spectrogram(
    axis: Axes, wave: Any, sample_rate: int, window: float = 0.025, hop: float = 0.005, top: float | None = None
) -> Any:
    """Power in dB, the loudest 70 dB of it; -> the image."""
    level, rate = log_spectrogram(wave, sample_rate, window, hop)
    low, high = loudness_range(level, SPAN_DB)
    extent = (0.0, level.shape[1] / rate, 0.0, sample_rate / 2000.0)
    image = heat(axis, level, extent, ENERGY, vmin=low, vmax=high)
    axis.set_ylim(0, (top or sample_rate / 2) / 1000.0)
    axis.set_ylabel("kHz")
    return image


def draw_mel(axis: Axes, mel: Any, rate: float, limits: tuple[float, float] | None = None) -> Any:
    """Log-mel (M, F), lowest band at the bottom; -> the image."""
    values = matrix(mel, "mel")
    low, high = limits or (float(np.quantile(values, 0.02)), float(values.max()))
    image = heat(axis, values, (0.0, values.shape[1] / rate, 0.0, float(len(values))), ENERGY, vmin=low, vmax=high)
    axis.set_ylabel("mel band")
    return image


def draw_codes(axis: Axes, codes: Any, rate: float) -> None:
    """Coloured tiles; the number stands in each run that is wide enough for it."""
    values = flat(codes).astype(np.int64)
    # Multiplying by an odd constant spreads neighbouring numbers over the colour circle.
    shade = (values * 157 % 512) / 512.0
    heat(axis, shade[None], (0.0, len(values) / rate, 0.0, 1.0), CYCLE, vmin=0.0, vmax=1.0)
    edges = np.flatnonzero(np.diff(values)) + 1
    points = (axis.figure.get_figwidth() - 1.0) * 72 / max(float(np.diff(axis.get_xlim())[0]), 1e-9)
    for a, b in zip(np.append(0, edges), np.append(edges, len(values)), strict=True):
        axis.axvline(b / rate, color="white", linewidth=0.6)
        room, label = (b - a) / rate * points, str(values[a])
        upright = room >= 5.0 * len(label)
        if room >= 6.5:
            axis.text((a + b) / 2 / rate, 0.5, label, ha="center", va="center", rotation=0 if upright else 90,
                      fontsize=7.5 if upright else 6.5, color=_readable(shade[a]), clip_on=True)  # fmt: skip
    axis.set_yticks([])


def draw_f0(axis: Axes, f0: Any, rate: float, colour: str, *, label: str = "", keep: bool = False) -> None:
    """A pitch curve, broken where unvoiced; with `keep` zero and negative values are values (semitones)."""
    values = array(f0).reshape(-1)
    curve = values if keep else np.where(values > 0, values, np.nan)
    axis.plot((np.arange(len(curve)) + 0.5) / rate, curve, color=colour, linewidth=1.6, label=label or None)


def _readable(shade: float) -> str:
    red, green, blue, _ = matplotlib.colormaps[CYCLE](shade)
    return INK if 0.3 * red + 0.6 * green + 0.1 * blue > 0.5 else "white"


def _needed(value: float | None, name: str, what: str) -> float:
    if value is None:
        raise ValueError(f"{what} needs {name}, its frames per second")
    return value


__all__ = ["code_ribbon", "f0_overlay", "phone_strip", "pipeline_strip", "spectrogram", "spectrogram_pair", "waveform"]
