"""Batches for SoVITS: windows of speech with their codes, phones, pitch, and a reference of the same speaker.

Letters: B batch, T samples, D content width, F50 frames at 50 Hz, F25 codes, F100 pitch frames, P phones, R samples of
the reference.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from gsv_lab.corpora.augmentation import Alteration, SpeedAndEQAugmentation
from gsv_lab.corpora.data import SpeechData, padded
from gsv_lab.corpora.stream import fixed_batches
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

FRAME_RATE = 50
HOP = 320


class SoVITSBatch(NamedTuple):
    """One batch, channel-first; shorter windows are padded with zeros on the right.

    `wave` (B, 1, T), `frames` (B,) valid latent frames, `codes` (B, F25), `phones` (B, P), `phone_lengths` (B,),
    `positions` (B, F50) phone of each frame counted within the window or -1, `log_f0` and `voicing` (B, 1, F100),
    `reference` (B, 1, R), `reference_frames` (B,), `reference_log_f0` and `reference_voicing` (B, 1, R / 160).
    Where the task needs them: `content` (B, D, F50), constant over each code, and `verification` (B, V), vectors of a
    verification network.
    """

    wave: Tensor
    frames: Tensor
    codes: Tensor
    phones: Tensor
    phone_lengths: Tensor
    positions: Tensor
    log_f0: Tensor
    voicing: Tensor
    reference: Tensor
    reference_frames: Tensor
    reference_log_f0: Tensor
    reference_voicing: Tensor
    content: Tensor | None = None
    verification: Tensor | None = None


class SoVITSData(SpeechData):
    """See `SpeechData`; a batch is a fixed number of windows, drawn by time and weight.

    Args:
        windows: windows in a batch.
        window_seconds: length of a window; shorter clips are taken whole.
        other_clip: share of references taken from another clip of the speaker, if there is one.
        augmentation: how the voices of training are varied; None leaves them as they are.
        balance: 0 draws every second of speech alike, 1 every speaker of a language; a language keeps its share.
        worst_fit: see `SpeechData.worst_fit`.
        codebook: weights of the quantizer, or of a SoVITS that holds it, whose codes are read; a relative path lies
            below the cache folder. Empty for that of the task, or for a store with the codes of one codebook.
    """

    reference_seconds = 5.0
    """Longest reference."""

    def __init__(
        self,
        store: str,
        train: Sequence[str] = ("train",),
        valid: Sequence[str] = ("valid",),
        windows: PositiveInt = 12,
        window_seconds: PositiveFloat = 4.0,
        other_clip: ClosedUnitInterval = 0.5,
        augmentation: SpeedAndEQAugmentation | None = None,
        balance: ClosedUnitInterval = 0.0,
        worst_fit: float = -4.0,
        codebook: str = "",
        exclude: Sequence[str] = (),
        boost: Mapping[str, NonNegativeFloat] | None = None,
        valid_batches: PositiveInt = 3,
        seed: NonNegativeInt = 1234,
    ) -> None:
        super().__init__(
            store,
            train=train,
            valid=valid,
            batch_seconds=windows * window_seconds,
            longest=30.0,
            exclude=exclude,
            boost=boost,
            valid_batches=valid_batches,
            seed=seed,
        )
        self.windows = windows
        self.worst_fit = worst_fit
        self.other_clip = other_clip
        self.augmentation = augmentation
        self.balance = balance
        self.codebook = codebook
        self.window_frames = round(window_seconds * FRAME_RATE) // 2 * 2
        self.reference_samples = round(self.reference_seconds * FRAME_RATE) * HOP

    def missing(self, field: str) -> str:
        """Content is a track of the store."""
        return "" if field == "content" else super().missing(field)

    def setup(self, stage: str = "fit") -> None:
        """Adds the clips of each speaker and the odds of each clip."""
        super().setup(stage)
        self.find_codes(self.codebook)
        self.mates = self.by_speaker(self.chosen["train"] + self.chosen["valid"])
        rows = [self.store.rows[i] for i in self.chosen["train"]]
        odds = np.array([row.samples * self.weight(row) for row in rows], float)
        speakers = [row.speaker for row in rows]
        languages = [row.language for row in rows]
        self._odds = balanced(odds, speakers, languages, self.balance)

    def batches_per_epoch(self) -> int:
        """As many windows as there are clips."""
        return math.ceil(len(self.chosen["train"]) / self.windows)

    def draw(self, n: int) -> SoVITSBatch:
        """Training batch number `n`."""
        random = np.random.default_rng((self.seed, 3, n))
        picked = random.choice(len(self._odds), self.windows, p=self._odds)
        return self.collate([self.chosen["train"][k] for k in picked], n)

    def train_dataloader(self) -> DataLoader:
        """Endless windows, from the batch at which the training stands."""
        return self.stream(self.draw)

    def val_dataloader(self) -> DataLoader:
        """The same windows every time, languages mixed."""
        order = np.random.default_rng(7).permutation(self.chosen["valid"])
        batches = []
        for start in range(0, len(order), self.windows)[: self.valid_batches]:
            indices = order[start : start + self.windows].tolist()
            batches.append(self.collate(indices, None))
        return fixed_batches(batches)

    def collate(self, indices: Sequence[int], n: int | None) -> SoVITSBatch:
        """See `SpeechData.collate`."""
        random = np.random.default_rng((self.seed, 4, 0 if n is None else n))
        alterations = []
        for _ in indices:
            if n is None or self.augmentation is None:
                alterations.append(Alteration())
            else:
                alterations.append(self.augmentation.draw(random))
        windows = []
        for index, alteration in zip(indices, alterations, strict=True):
            windows.append(self.window(index, random, alteration))
        return pad_windows(windows)

    def window(self, index: int, random: np.random.Generator, alteration: Alteration) -> dict[str, Tensor]:
        """One window of a clip with everything that belongs to it, unpadded, altered."""
        codes = self.codes(index)
        whole = len(codes) * 2
        frames = min(alteration.source_frames(self.window_frames), whole)
        start = int(random.integers(0, (whole - frames) // 2 + 1)) * 2
        stop = start + frames
        positions = self.store.track("positions", index)[start:stop].astype(np.int64)
        symbols = self.store.track("symbols", index).astype(np.int64)
        spoken = positions[positions >= 0]
        first, last = 0, 1
        if len(spoken):
            first, last = int(spoken.min()), int(spoken.max()) + 1
        within = np.where(positions >= 0, positions - first, -1)
        reference, reference_pitch = self._reference(index, random, alteration)
        wave = self.store.wave(index, start * HOP, frames * HOP)
        window = {
            "wave": alteration.wave(wave, frames),
            "codes": alteration.frames(codes[start // 2 : stop // 2]),
            "phones": torch.from_numpy(symbols[first:last]),
            "positions": alteration.frames(within, 2),
            "pitch": alteration.pitch(self._pitch(index, start, frames)),
            "reference": reference,
            "reference_pitch": reference_pitch,
        }
        if "content" in self.needs:
            content = self.store.track("content", index)[start // 2 : stop // 2]
            by_code = alteration.frames(content.astype(np.float32))
            window["content"] = by_code.repeat_interleave(2, dim=0)
        return window

    def _pitch(self, index: int, start: int, frames: int) -> np.ndarray:
        """Log-F0 and voicing of some latent frames: (2 * frames, 2); a missing last frame repeats the one before."""
        pitch = self.store.track("pitch", index)[start * 2 : (start + frames) * 2]
        missing = frames * 2 - len(pitch)
        return np.pad(pitch.astype(np.float32), ((0, missing), (0, 0)), mode="edge")

    def _reference(self, index: int, random: np.random.Generator, alteration: Alteration) -> tuple[Tensor, Tensor]:
        """Whole frames of the same speaker: another clip, or a passage of its own in this one; and their pitch."""
        mates = self.mates[self.store.rows[index].speaker]
        if len(mates) > 1 and random.random() < self.other_clip:
            index = int(random.choice([i for i in mates if i != index]))
        code = 2 * HOP
        samples = self.store.rows[index].samples // code * code
        wanted = int(random.uniform(0.5, 1.0) * self.reference_samples)
        length = min(samples, wanted // code * code)
        start = int(random.integers(0, (samples - length) // HOP + 1)) * HOP
        frames = length // HOP
        wave = self.store.wave(index, start, length)
        pitch = self._pitch(index, start // HOP, frames)
        return alteration.wave(wave, frames), alteration.pitch(pitch)


def balanced(odds: np.ndarray, speakers: Sequence[str], groups: Sequence[str], power: float) -> np.ndarray:
    """Odds of clips, adding up to 1, in which each speaker's sum is raised to 1 - `power` and each group's is kept."""

    def sums(names: Sequence[str], values: np.ndarray) -> np.ndarray:
        index = np.unique(names, return_inverse=True)[1]
        return np.bincount(index, values)[index]

    moved = odds * sums(speakers, odds) ** -power
    moved *= sums(groups, odds) / sums(groups, moved)
    return moved / moved.sum()


def pad_windows(windows: Sequence[Mapping[str, Tensor]]) -> SoVITSBatch:
    """Windows of different length -> one batch."""
    frames = torch.tensor([len(window["codes"]) * 2 for window in windows])
    wave = torch.zeros(len(windows), int(frames.max()) * HOP)
    for row, window in zip(wave, windows, strict=True):
        row[: len(window["wave"])] = window["wave"]
    pitch = padded(windows, "pitch")
    reference_pitch = padded(windows, "reference_pitch")
    content = None
    if "content" in windows[0]:
        content = padded(windows, "content").transpose(1, 2)
    return SoVITSBatch(
        wave=wave[:, None],
        frames=frames,
        codes=padded(windows, "codes").long(),
        phones=padded(windows, "phones").long(),
        phone_lengths=torch.tensor([len(window["phones"]) for window in windows]),
        positions=padded(windows, "positions", -1).long(),
        log_f0=pitch[:, None, :, 0],
        voicing=pitch[:, None, :, 1],
        reference=padded(windows, "reference")[:, None],
        reference_frames=torch.tensor([len(window["reference"]) // HOP for window in windows]),
        reference_log_f0=reference_pitch[:, None, :, 0],
        reference_voicing=reference_pitch[:, None, :, 1],
        content=content,
    )
