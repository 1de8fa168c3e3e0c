"""Clips for listening tests: short speech-like sounds, one folder for each system, each system a little different."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import soundfile

RATE = 16000
SYSTEMS = ("natural", "ours", "theirs")


def voice(number: int, seconds: float = 0.5, rate: int = RATE) -> np.ndarray:
    """A buzz with a broad spectrum under two syllables, and quiet edges: (T,)."""
    rng = np.random.default_rng(number)
    time = np.arange(round(seconds * rate)) / rate
    pitch = 100 + 20 * (number % 5)
    wave = sum(np.sin(2 * np.pi * pitch * k * time) / k**0.7 for k in range(1, int(rate / 2 / pitch)))
    syllables = np.abs(np.sin(2 * np.pi * time / seconds)) ** 0.5
    sound = 0.1 * syllables * wave / np.abs(wave).max() + 1e-5 * rng.normal(size=len(time))
    return np.pad(sound, round(0.05 * rate))


def folder_of_clips(
    place: Path, items: int = 4, systems: tuple[str, ...] = SYSTEMS, seconds: float = 0.5, rate: int = RATE
) -> Path:
    """A folder SYSTEM/ITEM.wav; systems differ in level."""
    for number, system in enumerate(systems):
        (place / system).mkdir(parents=True)
        for item in range(items):
            wave = voice(item + 10 * number, seconds, rate) * 0.6**number
            soundfile.write(place / system / f"item{item}.wav", wave, rate)
    return place
