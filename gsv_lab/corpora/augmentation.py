"""Voices that nobody has: recordings played faster or slower and through a filter, so that a few speakers become many.

A mask is one such change. It is put on a window and on its reference alike, so the speaker vector has to tell of it;
the codes of what is said stay those of the recording, on a stretched time axis.
Letters: T samples, F frames. Nothing here knows a store or a network.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import torch
from torch import Tensor

_CURVES = 6
"""Cosines over the frequency axis of which a filter is made: none is narrower than a sixth of it."""


@dataclass(frozen=True)
class Mask:
    """One change of a voice.

    Args:
        speed: 1.1 plays 1.1 times as fast: a smaller, higher voice.
        levels: of the filter's cosines, dB; empty for none.
    """

    speed: float = 1.0
    levels: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def source_frames(self, frames: int) -> int:
        """How many frames of a recording give about so many masked ones; both even."""
        return round(frames * self.speed / 2) * 2

    def length(self, frames: int) -> int:
        """What so many frames of a recording become; an even number remains one."""
        return max(2, round(frames / self.speed / 2) * 2) if self.speed != 1 else frames

    def wave(self, wave: np.ndarray, frames: int, hop: int = 320) -> Tensor:
        """F `frames` of a recording (F * hop,), or less at its end, played at the mask's speed and filtered.

        Returns (F' * hop,) with F' = `length(F)`; without a mask, the recording as it is.
        """
        if self.speed == 1 and not len(self.levels):
            return torch.from_numpy(wave)
        size = self.length(frames) * hop
        spectrum = np.fft.rfft(wave, frames * hop)
        bins = size // 2 + 1
        kept = np.zeros(bins, complex)
        kept[: min(bins, len(spectrum))] = spectrum[:bins] * (size / (frames * hop))
        if len(self.levels):
            # Bends over a warped axis: half of it lies below 1.1 kHz of 8, where voices differ most.
            axis = np.log1p(np.linspace(0, 50, bins)) / np.log(51.0)
            curve = np.cos(np.pi * np.outer(np.arange(1, len(self.levels) + 1), axis))
            kept *= 10 ** (self.levels @ curve / 20)
        made = np.fft.irfft(kept, size)
        return torch.from_numpy((made / max(1.0, np.abs(made).max())).astype(np.float32))

    def frames(self, values: np.ndarray, each: int = 1) -> Tensor:
        """What stands at each place of the new time axis, taken from the nearest one; `each` values are one code's."""
        count = self.length(len(values) * 2 // each) * each // 2
        index = ((np.arange(count) + 0.5) * (len(values) / count)).astype(np.int64)
        return torch.from_numpy(values[index])

    def pitch(self, values: np.ndarray) -> Tensor:
        """Log-F0 and voicing (2 F, 2) of the masked voice: faster is higher."""
        moved = self.frames(values, 4)
        moved[:, 0] += float(np.log(len(values) / len(moved)))
        return moved


class Disguise:
    """How far voices are changed.

    Source: speed perturbation, Ko et al. 2015 (Interspeech), here drawn anew for every window; filters after
    SpecAugment's idea of training on what varies, Park et al. 2019, arXiv:1904.08779.

    Args:
        speed: largest change of speed, as a natural logarithm: 0.15 is 0.86 to 1.16.
        filter_db: standard deviation of a filter's gain over frequency, dB.
        share: of windows that wear a mask.
    """

    def __init__(self, speed: float = 0.15, filter_db: float = 3.0, share: float = 0.7) -> None:
        self.speed, self.filter_db, self.share = speed, filter_db, share

    def draw(self, random: np.random.Generator) -> Mask:
        """A mask, or none."""
        speed, levels = float(np.exp(random.uniform(-self.speed, self.speed))), random.standard_normal(_CURVES)
        if random.random() >= self.share:
            return Mask()
        return Mask(speed, levels * self.filter_db * np.sqrt(2 / _CURVES))
