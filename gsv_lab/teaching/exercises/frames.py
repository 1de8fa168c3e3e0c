"""Checks of notebook 01, "From waveform to frames".

Letters: M filters, K bins. Each check takes the answer, and draws a card; `.card(...)` gives the card alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from gsv_lab.teaching.exercises.card import ask, exercise, expect, expect_shape

_MOMENTS = ((0.0, 320, 0), (0.5, 320, 25), (0.0199, 320, 0), (1.239, 160, 123), (2.017, 320, 100))
"""Seconds, hop, and the frame at 16 kHz."""


@exercise("The frame at a moment")
def frame_at(answer: Callable[[float, int, int], int]) -> str:
    """`frame_at(seconds, hop, sample_rate)` gives the number of the frame whose hop covers the moment."""
    given = [ask(answer, seconds, hop, 16000) for seconds, hop, _ in _MOMENTS]
    right = [frame for _, _, frame in _MOMENTS]
    expect(all(float(g).is_integer() for g in given), "A frame has a whole number: 24.9 hops are inside frame 24.")
    got = [int(g) for g in given]
    if got == [round(s * 16000 / h) for s, h, _ in _MOMENTS]:
        expect(False, "Rounded to the nearest: at 0.0199 s the first hop of 20 ms is not over yet.")
    expect(got != [int(s * 16000) for s, _, _ in _MOMENTS], "That is the number of the sample. How many hops are that?")
    for (seconds, hop, frame), found in zip(_MOMENTS, got, strict=True):
        expect(found == frame, f"{seconds} s with hop {hop} lies in frame {frame}, yours is {found}.")
    assert got == right
    return "Frame k covers samples k·hop to (k+1)·hop; its window reaches further on both sides."


@exercise("50 frames, 25 codes")
def rates(code_of: Callable[[int], int], frames_of: Callable[[int], tuple[int, int]]) -> str:
    """`code_of(frame)` and `frames_of(code)`, the two frames of a code."""
    codes = [ask(code_of, frame) for frame in range(8)]
    expect(codes != [2 * frame for frame in range(8)], "Codes are the slower ones: frame 6 cannot belong to code 12.")
    expect(codes != [frame / 2 for frame in range(8)], "Frame 5 belongs to code 2.5? Two frames share one whole code.")
    expect(codes != [round(frame / 2) for frame in range(8)], "Rounding gives code 0 one frame and code 2 three.")
    expect(codes == [0, 0, 1, 1, 2, 2, 3, 3], f"Frames 0 to 7 should give 0 0 1 1 2 2 3 3, yours {codes}.")
    pairs = [tuple(int(frame) for frame in np.ravel(ask(frames_of, code))) for code in range(4)]
    expect(all(len(pair) == 2 for pair in pairs), "frames_of should give two numbers, the frames of the code.")
    expect(pairs != [(2 * c - 1, 2 * c) for c in range(4)], "Code 0 would begin before the recording, at frame -1.")
    back = all(ask(code_of, frame) == code for code, pair in enumerate(pairs) for frame in pair)
    expect(back, f"Your two functions disagree: frames {pairs[1]} of code 1 do not all lead back to it.")
    expect(pairs == [(2 * c, 2 * c + 1) for c in range(4)], f"Code 3 has the frames 6 and 7, yours {pairs[3]}.")
    return "Every time axis of the kit knows its rate, so that you need not do this by hand again."


@exercise("Triangles on the mel scale")
def triangles(answer: Callable[[Any, Any], Any]) -> str:
    """`triangles(edges, bins)`: (M + 2,) corners and (K,) frequencies in Hz -> (M, K) weights with a peak of 1."""
    edges, bins = np.array([0.0, 200.0, 450.0, 800.0, 1400.0, 2300.0]), np.linspace(0, 2500, 101)
    given = ask(answer, edges, bins)
    found = np.asarray(given.detach() if hasattr(given, "detach") else given, dtype=np.float64)
    expect(found.shape != (101, 4), "The other way round: one filter a row, one frequency a column.")
    expect_shape(found, (4, 101), "The filters for 6 corners and 101 frequencies")
    rise = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
    fall = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
    right = np.clip(np.minimum(rise, fall), 0, None)
    uncut = "Some weights are below 0: outside of its triangle the weight of a filter is 0. Cut it off there."
    expect(float(found.min()) > -1e-6, uncut)
    larger = "Some weights are above 1. Where rise and fall cross, the smaller of the two counts."
    expect(float(found.max()) < 1 + 1e-6, larger)
    area = found.max(axis=1) < 0.5
    expect(not area.any(), "The peaks should be 1. (Equal area instead of equal height is a choice for later.)")
    wrong = np.flatnonzero(np.abs(found - right).max(axis=1) > 1e-4)
    rising = "it rises from edges[m] to edges[m + 1], and falls to edges[m + 2]."
    expect(not len(wrong), f"Filter {wrong[:1]} differs: {rising}")
    return "These are the filters of every mel spectrogram; only the corners and the height are a matter of taste."


@exercise("A window that shows harmonics")
def window(answer: float) -> str:
    """Seconds of a window that separates the harmonics of a 100 Hz voice, and still follows speech."""
    expect(isinstance(answer, int | float) and answer > 0, "Answer with seconds, a number above 0.")
    expect(answer < 1, "In seconds, please: 25 ms are 0.025.")
    depth = valley(answer, 100.0)
    periods = answer * 100
    short = f"Your window holds {periods:.1f} periods of 10 ms; the level between harmonics falls by {depth:.1f} dB."
    expect(depth >= 10, f"{short} It takes a few periods to see that they repeat.")
    expect(answer <= 0.08, "Harmonics show, but the window is longer than most phones, and runs them into each other.")
    return f"{periods:.1f} periods: the level falls by {depth:.0f} dB between harmonics. 200 Hz need half as much."


def valley(seconds: float, pitch: float, sample_rate: int = 16000) -> float:
    """Level in dB by which the spectrum of pulses at `pitch` Hz falls between its 5th and 6th harmonic.

    Args:
        seconds: length of the Hann window.
        pitch: Hz.
        sample_rate: Hz.
    """
    size = max(8, round(seconds * sample_rate))
    time = np.arange(size) / sample_rate
    pulses = sum(np.cos(2 * np.pi * pitch * k * time) for k in range(1, 21))
    level = 20 * np.log10(np.abs(np.fft.rfft(pulses * np.hanning(size), 1 << 16)) + 1e-9)
    hertz = np.arange(len(level)) * sample_rate / (1 << 16)
    peaks = [level[np.abs(hertz - k * pitch) < 0.2 * pitch].max() for k in (5, 6)]
    return float(min(peaks) - level[np.abs(hertz - 5.5 * pitch) < 0.2 * pitch].min())
