"""Checks of notebook 01, "From waveform to frames", and the mel scale that its cells use.

Letters: M filters, K bins, N samples of a frame. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gsv_lab.nn.spectral import LinearSpectrogram
from gsv_lab.teaching.exercises.answers import named
from gsv_lab.teaching.exercises.card import ask, ask_either, exercise, expect, expect_shape, number

_MOMENTS = ((0.0, 320, 0), (0.5, 320, 25), (0.0199, 320, 0), (1.239, 160, 123), (2.017, 320, 100))
"""Seconds, hop, and the frame at 16 kHz."""


@exercise(
    "The frame at a moment",
    "Go by way of the samples: which one sounds at that moment, and how many whole hops lie before it?",
    "seconds * sample_rate is the sample; // hop counts the whole hops.",
)
def frame_at(answer: Callable[[float, int, int], int]) -> str:
    """`frame_at(seconds, hop, sample_rate)` gives the number of the frame whose hop covers the moment."""
    whole = "A frame has a whole number: 24.9 hops are inside frame 24."
    given = [number(ask(answer, seconds, hop, 16000), whole) for seconds, hop, _ in _MOMENTS]
    expect(all(g.is_integer() for g in given), whole)
    got = [int(g) for g in given]
    if got == [round(s * 16000 / h) for s, h, _ in _MOMENTS]:
        expect(False, "Rounded to the nearest: at 0.0199 s the first hop of 20 ms is not over yet.")
    expect(got != [int(s * 16000) for s, _, _ in _MOMENTS], "That is the number of the sample. How many hops are that?")
    for (seconds, hop, frame), found in zip(_MOMENTS, got, strict=True):
        expect(found == frame, f"{seconds} s with hop {hop} lies in frame {frame}, yours is {found}.")
    return "Frame k covers samples k·hop to (k+1)·hop; its window reaches further on both sides."


@exercise(
    "50 frames, 25 codes",
    "Both clocks begin at 0, and one is twice as fast.",
    "Divide by two and drop the rest; the other way, 2 * code is the first of the two frames.",
)
def rates(code_of: Callable[[int], int], frames_of: Callable[[int], tuple[int, int]]) -> str:
    """`code_of(frame)` and `frames_of(code)`, the two frames of a code in any order."""
    codes = [number(ask(code_of, frame), "code_of should give one number.") for frame in range(8)]
    expect(codes != [2 * frame for frame in range(8)], "Codes are the slower ones: frame 6 cannot belong to code 12.")
    expect(codes != [frame / 2 for frame in range(8)], "Frame 5 belongs to code 2.5? Two frames share one whole code.")
    expect(codes != [round(frame / 2) for frame in range(8)], "Rounding gives code 1 one frame and code 2 three.")
    got = " ".join(f"{code:g}" for code in codes)
    expect(codes == [0, 0, 1, 1, 2, 2, 3, 3], f"Frames 0 to 7 should give 0 0 1 1 2 2 3 3, yours {got}.")
    pairs = [_pair(ask(frames_of, code)) for code in range(4)]
    expect(all(len(pair) == 2 for pair in pairs), "frames_of should give two numbers, the frames of the code.")
    expect(pairs != [(2 * c - 1, 2 * c) for c in range(4)], "Code 0 would begin before the recording, at frame -1.")
    back = all(ask(code_of, frame) == code for code, pair in enumerate(pairs) for frame in pair)
    expect(back, f"Your two functions disagree: frames {pairs[1]} of code 1 do not all lead back to it.")
    expect(pairs == [(2 * c, 2 * c + 1) for c in range(4)], f"Code 3 has the frames 6 and 7, yours {pairs[3]}.")
    return "Every time axis of the kit knows its rate, so that you need not do this by hand again."


def _pair(given: Any) -> tuple[int, ...]:
    values = sorted(given) if isinstance(given, set | frozenset | range) else np.ravel(given).tolist()
    return tuple(sorted(int(value) for value in values))


@exercise(
    "Two windows, two losses",
    "The vocal folds close every 10 ms, a phone lasts about 80 ms. Which of the two is longer than which window?",
    "Pitch needs a window with several periods in it; words need one that is shorter than a phone.",
)
def two_windows(loses_melody: Any, loses_words: Any) -> str:
    """Which of the windows of 10, 40 and 160 ms loses the melody, and which the words."""
    melody, words = (_milliseconds(answer) for answer in (loses_melody, loses_words))
    choice = "Choose two of the three windows: 10, 40 and 160, in ms."
    expect({melody, words} <= {10.0, 40.0, 160.0}, choice)
    expect(melody != words, "The same window for both? What it cannot show in time, it shows in frequency.")
    swapped = (melody, words) == (160.0, 10.0)
    expect(not swapped, "The other way round: 160 ms hold sixteen periods of a low voice, and two whole phones.")
    expect(40.0 not in (melody, words), "40 ms are in between, and lose some of both. Which two are at the ends?")
    return "A short window knows when, a long one knows which frequency. Now listen to both."


def _milliseconds(answer: Any) -> float:
    if isinstance(answer, str):
        found = re.search(r"\d+\.?\d*", answer)
        answer = float(found[0]) if found else None
    value = number(answer, "Answer with two numbers, the milliseconds of the windows.")
    return round(value * 1000 if 0 < value < 1 else value, 6)


@exercise(
    "A window that shows harmonics",
    "How many periods of 100 Hz does the ear need, or a Fourier transform, to see that they repeat?",
    "Three to six periods; a period of 100 Hz is 0.01 s.",
)
def window(answer: float) -> str:
    """Seconds of a window that separates the harmonics of a 100 Hz voice, and still follows speech."""
    seconds = number(answer, "Answer with seconds, a number above 0.")
    expect(seconds > 0, "Answer with seconds, a number above 0.")
    expect(seconds < 1, "In seconds, please: 25 ms are 0.025.")
    depth = valley(seconds, 100.0)
    periods = seconds * 100
    short = f"Your window holds {periods:.1f} periods of 10 ms; the level between harmonics falls by {depth:.1f} dB."
    expect(depth >= 10, f"{short} It takes a few periods to see that they repeat.")
    expect(seconds <= 0.08, "Harmonics show, but the window is longer than most phones, and runs them into each other.")
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


@exercise(
    "One frame by hand",
    "Three steps: cut a piece of n_fft samples, multiply it by the window, transform it.",
    "The piece begins at k * hop - (n_fft - hop) // 2; torch.hann_window, torch.fft.rfft and abs do the rest.",
)
def frame(answer: Callable[[Any, int, int, int], Any]) -> str:
    """`frame(wave, k, n_fft, hop)`: (T,) samples -> (n_fft / 2 + 1,) magnitudes of frame k."""
    wave = torch.randn(4000, generator=torch.Generator().manual_seed(0))
    wave[1500:] *= 3
    k, n_fft, hop = 9, 640, 160
    given = torch.as_tensor(ask_either(answer, wave, k, n_fft, hop)).detach()
    expect(not given.is_complex(), "Still complex: its absolute value is the magnitude, its angle is the phase.")
    found = given.double().flatten()
    both = "All n_fft values: for a real wave the upper half mirrors the lower. `rfft` leaves it out."
    expect(found.numel() != n_fft, both)
    expect(found.numel() != hop // 2 + 1, "Only one hop was transformed: the window is n_fft samples long.")
    expect_shape(found, (n_fft // 2 + 1,), "The magnitudes of a frame")
    start = k * hop - (n_fft - hop) // 2
    pieces = {0: wave[start : start + n_fft], 1: wave[k * hop : k * hop + n_fft]}
    hann = torch.hann_window(n_fft)
    centred, late = (torch.fft.rfft(piece * hann).abs().double() for piece in pieces.values())
    expect(not _close(found, centred**2), "That is the power. The magnitude is its root.")
    bare = "Without the window: its edges cut the wave off, and that smears every frequency over the others."
    expect(not _close(found, torch.fft.rfft(pieces[0]).abs().double()), bare)
    early = "Your piece begins at k * hop. The frame shall be centred on the middle of its hop: see the formula."
    expect(not _close(found, late), early)
    true = LinearSpectrogram(n_fft, hop)(wave[None])[0, :, k].double()
    expect(_close(found, true), "The magnitudes differ from the kit's. Check the first sample, and the window.")
    return "That is one column of every spectrogram of the kit; all frames at once are one matrix product."


def _close(found: Tensor, right: Tensor) -> bool:
    # 2 %, since a Hann window may count its last zero or not.
    return bool((found - right).abs().max() < 0.02 * right.max())


def mel(hertz: Any) -> NDArray[np.float64]:
    """Slaney's mel scale: straight up to 1 kHz, logarithmic above; see `gsv_lab.nn.spectral.mel_filters`."""
    hz = np.asarray(hertz, dtype=np.float64)
    return np.where(hz < 1000, 3 * hz / 200, 15 + 27 * np.log(np.maximum(hz, 1) / 1000) / np.log(6.4))


def corners(n_mels: int, top: float = 8000.0) -> Tensor:
    """Corners of `n_mels` triangles from 0 to `top` Hz, evenly spaced in mel: (n_mels + 2,) Hz."""
    even = np.linspace(0.0, float(mel(top)), n_mels + 2)
    hertz = np.where(even < 15, 200 * even / 3, 1000 * np.exp((even - 15) * np.log(6.4) / 27))
    return torch.from_numpy(hertz)


@exercise(
    "Hertz to mel",
    "Two branches, which meet at 1,000 Hz, where both give 15.",
    "3 * f / 200 below 1,000; above, 15 + 27 * log(f / 1000) / log(6.4).",
)
def mel_of(answer: Callable[[float], float]) -> str:
    """`mel_of(hertz)`: a frequency -> its place on Slaney's mel scale."""
    hertz = [0.0, 200.0, 500.0, 1000.0, 1500.0, 4000.0, 8000.0]
    found = np.array([number(ask_either(answer, f), "mel_of should give one number.") for f in hertz])
    right = mel(hertz)
    htk = 2595 * np.log10(1 + np.array(hertz) / 700)
    other = "That is the other mel scale, 2595 log10(1 + f / 700), of HTK. The kit uses Slaney's."
    expect(not np.allclose(found, htk, rtol=1e-3, atol=1e-3), other)
    low, high = np.array(hertz) < 1000, np.array(hertz) >= 1000
    is_low, is_high = (np.allclose(found[rows], right[rows], rtol=1e-3, atol=1e-3) for rows in (low, high))
    straight = "Straight all the way: above 1,000 Hz the scale is logarithmic."
    expect(not np.allclose(found, 3 * np.array(hertz) / 200), straight)
    missing = "Right below 1,000 Hz. Above, where the logarithm is 0 the scale stands at 15: is it added?"
    expect(not (is_low and np.allclose(found[high] + 15, right[high], rtol=1e-3)), missing)
    ten = np.allclose(found[high], 15 + 27 * np.log10(np.array(hertz)[high] / 1000), rtol=1e-3)
    expect(not ten, "The logarithm is divided by log(6.4), in the same base: 27 steps lead from 1,000 to 6,400 Hz.")
    worst = int(np.argmax(abs(found - right)))
    expect(is_low and is_high, f"{hertz[worst]:g} Hz is {right[worst]:.2f} mel, yours is {found[worst]:.2f}.")
    return "Equal steps on this scale are about equal steps for the ear."


@exercise(
    "What twenty bands lose",
    "Harmonics of a voice of 100 Hz are 100 Hz apart. How wide is the narrowest of 20 bands? See the corners.",
    "The narrowest is about 290 Hz wide: three harmonics fall into one band. What did their distance tell?",
)
def bands(answer: str) -> str:
    """What is lost when a sentence goes through 20 mel bands: words, melody, timing, or loudness."""
    names = {
        "words": ("phones", "vowels", "consonants"),
        "melody": ("pitch", "F0", "tone", "tones", "intonation", "harmonics", "frequency"),
        "timing": ("time", "length", "rhythm"),
        "loudness": ("level",),
    }
    hints = {
        "words": "Vowels differ by their formants, which are wider than a band. Whispered words are words, too.",
        "timing": "100 frames a second stay 100 frames a second: bands coarsen frequency, not time.",
        "loudness": "A band holds the whole energy of its frequencies: loudness stays.",
    }
    given = named(answer, names)
    expect(given not in hints, hints.get(given, ""))
    return "The distance of the harmonics is gone, and with it the pitch: the voice whispers."


@exercise(
    "Triangles on the mel scale",
    "Each triangle is the smaller of two straight lines, one that rises and one that falls.",
    "rise = (bins - low) / (middle - low), fall = (high - bins) / (high - middle); take the smaller, and 0 at least.",
)
def triangles(answer: Callable[[Any, Any], Any]) -> str:
    """`triangles(edges, bins)`: (M + 2,) corners and (K,) frequencies in Hz -> (M, K) weights with a peak of 1."""
    edges, bins = np.array([0.0, 200.0, 450.0, 800.0, 1400.0, 2300.0]), np.linspace(0, 2500, 101)
    found = bank(answer, torch.from_numpy(edges), torch.from_numpy(bins)).numpy()
    expect(found.shape != (101, 4), "The other way round: one filter a row, one frequency a column.")
    expect_shape(found, (4, 101), "The filters for 6 corners and 101 frequencies")
    right = kit_triangles(torch.from_numpy(edges), torch.from_numpy(bins)).numpy()
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


def kit_triangles(edges: Tensor, bins: Tensor) -> Tensor:
    """The kit's own: (M + 2,) corners and (K,) bins in Hz -> (M, K) weights with a peak of 1."""
    low, middle, high = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    return torch.minimum((bins - low) / (middle - low), (high - bins) / (high - middle)).clamp(min=0)


def bank(build: Callable[[Any, Any], Any], edges: Tensor, bins: Tensor) -> Tensor:
    """Filters (M, K) of a function of corners (M + 2,) and bins (K,), which may be written for torch or for numpy."""
    made = ask_either(build, edges, bins)
    return torch.as_tensor(np.asarray(made.detach() if isinstance(made, Tensor) else made, dtype=np.float64))
