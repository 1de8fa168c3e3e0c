"""Changes of recordings in training: speed and equalisation of waves, masks on spectrograms.

An `Alteration` is put on a window and on its reference alike, so that the speaker vector has to carry it. The codes of
the window stay those of the recording, on a stretched time axis.
Letters: T samples, F frames at 50 Hz, M bands.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat
from gsv_lab.system.registry import Configurable

CURVES = 6
"""Cosines over the frequency axis of which an equalisation is made: none is narrower than a sixth of it."""


@dataclass(frozen=True)
class Alteration:
    """One change of a voice, or none.

    Args:
        speed: 1.1 plays 1.1 times as fast: a smaller, higher voice.
        levels: of the equalisation's cosines, dB; empty for none.
    """

    speed: float = 1.0
    levels: np.ndarray = field(default_factory=lambda: np.zeros(0))

    def source_frames(self, frames: int) -> int:
        """How many frames of a recording give about so many altered ones; both even."""
        return round(frames * self.speed / 2) * 2

    def length(self, frames: int) -> int:
        """What so many frames of a recording become; an even number remains one."""
        if self.speed == 1:
            return frames
        return max(2, round(frames / self.speed / 2) * 2)

    def wave(self, wave: np.ndarray, frames: int, hop: int = 320) -> Tensor:
        """The wave of F `frames` of a recording, (F * hop,) or less at its end, altered.

        Returns (F' * hop,) with F' = `length(F)`; where nothing is altered, the recording as it is.
        """
        if self.speed == 1 and not len(self.levels):
            return torch.from_numpy(wave)
        whole = frames * hop
        size = self.length(frames) * hop
        bins = size // 2 + 1
        spectrum = np.fft.rfft(wave, whole)
        altered = np.zeros(bins, complex)
        shared = min(bins, len(spectrum))
        altered[:shared] = spectrum[:shared] * (size / whole)
        if len(self.levels):
            altered *= self.gain(bins)
        made = np.fft.irfft(altered, size)
        loudest = max(1.0, np.abs(made).max())
        return torch.from_numpy((made / loudest).astype(np.float32))

    def gain(self, bins: int) -> np.ndarray:
        """Factor of the equalisation on every bin of a spectrum: (bins,)."""
        # Cosines over a warped axis: half of it lies below 1.1 kHz of 8, where voices differ most.
        axis = np.log1p(np.linspace(0, 50, bins)) / np.log(51.0)
        numbers = np.arange(1, len(self.levels) + 1)
        curves = np.cos(np.pi * np.outer(numbers, axis))
        return 10 ** (self.levels @ curves / 20)

    def frames(self, values: np.ndarray, each: int = 1) -> Tensor:
        """The value at each place of the altered time axis, taken from the nearest one; a code has `each` values."""
        latent_frames = self.length(len(values) * 2 // each)
        count = latent_frames * each // 2
        index = (np.arange(count) + 0.5) * (len(values) / count)
        return torch.from_numpy(values[index.astype(np.int64)])

    def pitch(self, values: np.ndarray) -> Tensor:
        """Log-F0 and voicing (2 F, 2) of the altered voice: faster is higher."""
        moved = self.frames(values, 4)
        moved[:, 0] += float(np.log(len(values) / len(moved)))
        return moved


class SpeedAndEQAugmentation(Configurable):
    """Recordings played faster or slower and equalised, so that a few speakers become many.

    Source: speed perturbation, Ko et al. 2015 (Interspeech), here drawn anew for every window; equalisation after
    SpecAugment's idea of training on what varies, Park et al. 2019, arXiv:1904.08779.

    Args:
        speed: largest change of speed, as a natural logarithm: 0.15 is 0.86 to 1.16.
        eq_db: standard deviation of the equalisation's gain over frequency, dB.
        share: of windows that are altered.
    """

    def __init__(
        self, speed: NonNegativeFloat = 0.15, eq_db: NonNegativeFloat = 3.0, share: ClosedUnitInterval = 0.7
    ) -> None:
        self.speed = speed
        self.eq_db = eq_db
        self.share = share

    def draw(self, random: np.random.Generator) -> Alteration:
        """An alteration, or one that changes nothing."""
        speed = float(np.exp(random.uniform(-self.speed, self.speed)))
        levels = random.standard_normal(CURVES)
        if random.random() >= self.share:
            return Alteration()
        return Alteration(speed, levels * self.eq_db * np.sqrt(2 / CURVES))


class SpectralMask(NamedTuple):
    """A stretch of bands or frames of a spectrogram that is overwritten.

    `axis` 0 for bands, 1 for frames; `start` and `width` on it.
    Source: SpecAugment, Park et al. 2019, arXiv:1904.08779.
    """

    axis: int
    start: int
    width: int

    @classmethod
    def draw(cls, random: np.random.Generator, axis: int, narrower_than: int, starts: int) -> SpectralMask:
        """A mask whose width and start are below these numbers."""
        width = int(random.integers(0, narrower_than))
        return cls(axis, int(random.integers(0, starts)), width)

    def fill(self, spectrogram: Tensor, value: float | Tensor) -> None:
        """Overwrite the stretch of a spectrogram (M, F); what lies outside of it is left out."""
        stop = self.start + self.width
        if self.axis == 0:
            spectrogram[self.start : stop] = value
        else:
            spectrogram[:, self.start : stop] = value
