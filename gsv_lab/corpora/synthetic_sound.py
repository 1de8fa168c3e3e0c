"""Speech-like sound from source and filter: how the clips of the synthetic corpus are made.

The source are pulses at F0 and noise; the filter are the resonances of the vocal tract, all frames at once in the STFT
domain. Vowels sit near the formants of average adult men; consonants are caricatures: nasals are vowels with a low
first formant, fricatives bands of noise, stops a gap and a burst.
Source: Fant 1960, "Acoustic theory of speech production".
Letters: T samples, F frames (FRAME_RATE a second), P phones, K frequencies. Times are seconds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]

SAMPLE_RATE = 16000
FRAME_RATE = 100.0
HOP = 160
N_FFT = 640


class Sound(NamedTuple):
    """How a phone is made: resonances in Hz, strength of the voice, and a band of noise (strength; Hz; Hz)."""

    formants: tuple[float, float, float]
    voice: float
    noise: float = 0.0
    centre: float = 2500.0
    width: float = 1000.0


VOWELS = {
    "IY": Sound((280, 2250, 2950), 1.0),
    "EH": Sound((540, 1840, 2480), 1.0),
    "AE": Sound((680, 1700, 2400), 1.0),
    "AA": Sound((730, 1100, 2450), 1.0),
    "AO": Sound((560, 830, 2400), 1.0),
    "UW": Sound((310, 880, 2250), 1.0),
    "ER": Sound((490, 1350, 1690), 1.0),
    "AH": Sound((630, 1200, 2400), 1.0),
}
SONORANTS = {
    "M": Sound((250, 1000, 2200), 0.35),
    "N": Sound((250, 1550, 2500), 0.35),
    "L": Sound((360, 1050, 2700), 0.5),
    "R": Sound((330, 1060, 1400), 0.5),
    "W": Sound((300, 650, 2200), 0.5),
    "Y": Sound((260, 2300, 3000), 0.5),
}
FRICATIVES = {
    "S": Sound((300, 1750, 2650), 0.0, 0.5, 6000, 900),
    "SH": Sound((300, 1900, 2500), 0.0, 0.5, 3200, 800),
    "F": Sound((300, 950, 2300), 0.0, 0.15, 5500, 3000),
    "HH": Sound((500, 1500, 2500), 0.0, 0.15, 1500, 900),
    "Z": Sound((300, 1750, 2650), 0.3, 0.3, 6000, 900),
    "V": Sound((300, 950, 2300), 0.4, 0.1, 5500, 3000),
}
BURSTS = {
    "P": Sound((300, 900, 2300), 0.0, 0.5, 900, 500),
    "T": Sound((300, 1750, 2650), 0.0, 0.5, 4800, 900),
    "K": Sound((300, 2000, 2300), 0.0, 0.5, 2200, 500),
    "B": Sound((300, 900, 2300), 0.3, 0.3, 900, 500),
    "D": Sound((300, 1750, 2650), 0.3, 0.3, 4800, 900),
    "G": Sound((300, 2000, 2300), 0.3, 0.3, 2200, 500),
}
SOUNDS = {**VOWELS, **SONORANTS, **FRICATIVES, **BURSTS}


class Speaker(NamedTuple):
    """The factors of a voice: mean pitch in Hz, tract length (1 = 17.5 cm), share of breath from 0 to 1."""

    name: str
    pitch: float
    tract: float
    breath: float


@dataclass(frozen=True)
class Script:
    """Content and prosody of a clip, without a speaker: phones with times in seconds, and a curve in semitones (F,)."""

    phones: tuple[str, ...]
    start: Floats
    end: Floats
    duration: float
    prosody: Floats


class Frames(NamedTuple):
    """How each frame sounds: `formants` (F, 3) in Hz of a tract of length 1; strength of `voice` and `noise` (F,), and
    the `centre` and `width` of the noise in Hz (F,).
    """

    formants: Floats
    voice: Floats
    noise: Floats
    centre: Floats
    width: Floats


def synthesize(script: Script, speaker: Speaker, rng: np.random.Generator) -> tuple[NDArray[np.float32], Floats]:
    """The wave of a script (T,), and its F0 in Hz, 0 where unvoiced (F,)."""
    frames = frames_of(script)
    pitch = speaker.pitch * 2.0 ** (script.prosody / 12.0)
    return wave_of(frames, pitch, speaker, rng), np.where(frames.voice > 0.1, pitch, 0.0)


def wave_of(frames: Frames, pitch: Floats, speaker: Speaker, rng: np.random.Generator) -> NDArray[np.float32]:
    """The wave (T,) of F frames with their pitch in Hz (F,), in the voice of a speaker."""
    samples = len(pitch) * HOP
    sources = np.stack([_pulses(pitch, samples), rng.standard_normal(samples)])
    wave = _filtered(sources, _filters(frames, speaker))
    rms = np.sqrt(np.mean(wave**2) + 1e-12)
    wave = 0.08 * wave / rms + 3e-4 * rng.standard_normal(samples)
    wave *= min(1.0, 0.95 / float(np.abs(wave).max()))
    return wave.astype(np.float32)


def frames_of(script: Script) -> Frames:
    """Cut phones into constant segments, look up each frame's, and let the values glide from one to the next."""
    ends, sounds = _segments(script)
    middle = (np.arange(len(script.prosody)) + 0.5) / FRAME_RATE
    which = np.searchsorted(ends, middle, side="right").clip(0, len(sounds) - 1)
    rows = [[*s.formants, s.voice, s.noise, s.centre, s.width] for s in sounds]
    constant = np.array(rows)[which]
    # The tract moves within 60 ms; the voice and the noise start and stop within 20.
    formants = np.exp(smooth(np.log(constant[:, :3]), 6))
    loudness = smooth(constant[:, 3:5], 2)
    return Frames(formants, loudness[:, 0], loudness[:, 1], constant[:, 5], constant[:, 6])


def _segments(script: Script) -> tuple[list[float], list[Sound]]:
    """Stretches of constant sound, silence among them: the end of each in seconds, and how it is made."""
    ends: list[float] = []
    sounds: list[Sound] = []
    for phone, start, end in zip(script.phones, script.start, script.end, strict=True):
        sound = SOUNDS[phone]
        before = sounds[-1] if sounds else sound
        ends += [float(start), float(end)]
        sounds += [_silent(before), sound]
        if phone in BURSTS:
            closure = sound._replace(noise=0.0, voice=0.15 if phone in ("B", "D", "G") else 0.0)
            ends.insert(-1, float(end - min(0.025, (end - start) / 2)))
            sounds.insert(-1, closure)
    ends.append(script.duration)
    sounds.append(_silent(sounds[-1]))
    return ends, sounds


def _silent(sound: Sound) -> Sound:
    return sound._replace(voice=0.0, noise=0.0)


def smooth(values: Floats, width: int) -> Floats:
    """Each column of (F, D) as its mean over `width` frames, weighted by a Hann window."""
    kernel = np.hanning(width + 2)[1:-1]
    margins = ((width // 2, (width - 1) // 2), (0, 0))
    padded = np.pad(values, margins, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    return windows @ (kernel / kernel.sum())


def _filters(frames: Frames, speaker: Speaker) -> NDArray[np.complex64]:
    """What each frame does to the pulses and to the noise: (2, F, K)."""
    k = np.linspace(0, SAMPLE_RATE / 2, N_FFT // 2 + 1, dtype=np.float32)
    tract = _resonances(frames.formants / speaker.tract, k, speaker.tract)
    # A breathy voice loses its upper harmonics and gains noise in their place.
    corner = 500.0 * (1.0 - 0.8 * speaker.breath)
    tilt = (1.0 / (1.0 + 1j * k / corner)).astype(np.complex64)
    strength = _column(frames.voice)
    centre = np.asarray(frames.centre, dtype=np.float32)[:, None] / speaker.tract
    band = np.exp(-0.5 * ((k - centre) / _column(frames.width)) ** 2)
    voiced = tract * strength
    noisy = voiced * (0.2 * speaker.breath) + band * _column(frames.noise)
    return np.stack([voiced * tilt, noisy]).astype(np.complex64)


def _column(values: Floats) -> NDArray[np.float32]:
    return np.asarray(values, dtype=np.float32)[:, None]


def _pulses(pitch: Floats, samples: int) -> Floats:
    """An impulse a period, each split between the two samples beside it: (F,) in Hz -> (T,)."""
    time = np.arange(samples)
    centres = (np.arange(len(pitch)) + 0.5) * HOP
    cycles = np.cumsum(np.interp(time, centres, pitch)) / SAMPLE_RATE
    whole = np.arange(1, int(cycles[-1]) + 1)
    at = np.interp(whole, cycles, time)
    left = np.minimum(at.astype(np.int64), samples - 2)
    frame = np.minimum(left // HOP, len(pitch) - 1)
    height = np.sqrt(SAMPLE_RATE / pitch[frame])
    wave = np.zeros(samples)
    np.add.at(wave, left, height * (1.0 - (at - left)))
    np.add.at(wave, left + 1, height * (at - left))
    return wave


def _resonances(formants: Floats, k: NDArray[np.float32], tract: float) -> NDArray[np.complex64]:
    """Product of second-order resonances, two fixed ones above the three given: (F, 3) in Hz -> (F, K)."""
    fixed = np.array([[3500.0, 4500.0, 5500.0]]) / tract
    response = np.ones((1, len(k)), dtype=np.complex64)
    for group in (fixed, formants):
        for centre in np.asarray(group, dtype=np.float32).T:
            square = (centre**2)[:, None]
            width = (50.0 + 0.04 * centre)[:, None]
            resonance = square / (square - k**2 + 1j * (k * width))
            response = response * resonance.astype(np.complex64)
    return response


def _filtered(sources: Floats, filters: NDArray[np.complex64]) -> Floats:
    """Each frame's own filter, by overlapping and adding Hann windows of two hops: (2, T), (2, F, K) -> (T,)."""
    frames = filters.shape[1]
    padded = np.pad(sources, ((0, 0), (HOP // 2, HOP // 2))).astype(np.float32)
    window = np.hanning(2 * HOP + 1)[:-1].astype(np.float32)
    pieces = np.lib.stride_tricks.sliding_window_view(padded, 2 * HOP, axis=1)
    pieces = pieces[:, ::HOP] * window
    spectrum = (np.fft.rfft(pieces, N_FFT) * filters).sum(axis=0)
    shaped = np.fft.irfft(spectrum, N_FFT).reshape(frames, -1, HOP)
    blocks = shaped.shape[1]
    wave = np.zeros((frames + blocks, HOP))
    for block in range(blocks):
        wave[block : block + frames] += shaped[:, block]
    start = HOP // 2
    return wave.reshape(-1)[start : start + frames * HOP]
