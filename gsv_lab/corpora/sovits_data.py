"""Batches for SoVITS: windows of speech with their codes, phones, pitch, and a reference of the same speaker.

Rate and hop are those of the store. Letters: B batch, T samples, D content width, V verification width, F50 frames at
50 Hz, F25 codes, F100 pitch frames, P phones, R samples of the reference.
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
from gsv_lab.corpora.data import SpeechData, Splits, padded
from gsv_lab.corpora.stream import fixed_batches
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

PITCH_FRAMES = 2
"""Frames of the track `pitch` for one latent frame."""


class SoVITSBatch(NamedTuple):
    """One batch, channel-first; shorter windows are padded with zeros on the right.

    `wave` (B, 1, T), `frames` (B,) valid latent frames, `codes` (B, F25), `phones` (B, P), `phone_lengths` (B,),
    `reference` (B, 1, R), `reference_frames` (B,).
    None where the store has not measured it: `positions` (B, F50), phone of each frame counted within the window or -1;
    `log_f0` and `voicing` (B, 1, F100), `reference_log_f0` and `reference_voicing`, two for each frame of the
    reference.
    None where the task does not need it: `content` (B, D, F50), and `verification` (B, V), the reference's vector of a
    verification network. `speaker` (B,), numbers, for views alone.
    """

    wave: Tensor
    frames: Tensor
    codes: Tensor
    phones: Tensor
    phone_lengths: Tensor
    positions: Tensor | None
    log_f0: Tensor | None
    voicing: Tensor | None
    reference: Tensor
    reference_frames: Tensor
    reference_log_f0: Tensor | None
    reference_voicing: Tensor | None
    content: Tensor | None = None
    verification: Tensor | None = None
    speaker: Tensor | None = None


class SoVITSItems(SpeechData):
    """What batches of windows and of whole clips share. Subclasses make one item of a clip in `window`; `other_clip`,
    `augmentation` and `codebook` are described at `SoVITSData`.
    """

    other_clip: float
    augmentation: SpeedAndEQAugmentation | None
    codebook: str

    def missing(self, field: str) -> str:
        """Content and verification vectors are tracks of the store."""
        return "" if field in ("content", "verification") else super().missing(field)

    def setup(self, stage: str = "fit") -> None:
        """Adds the tracks that there are and the clips of each speaker.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, the store has no verification vectors; those of `SpeechData`.
            DataError: those of `SpeechData`.
        """
        super().setup(stage)
        self.find_codes(self.codebook)
        self.check_ids()
        self.has_positions = self.store.has_track("positions")
        self.has_pitch = self.store.has_track("pitch")
        if "verification" in self.needs and not self.store.has_track("verification"):
            problem = f"The task needs 'verification' in its batches, and the store {self.store_folder} has none"
            expected = "a store that `gsv-lab store` made for v2Pro or v2ProPlus"
            raise ConfigError("CONFIG_INCONSISTENT", problem, expected)
        self.mates = self.by_speaker(self.chosen["train"] + self.chosen["valid"])

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
        speakers = torch.tensor([list(self.mates).index(self.store.rows[index].speaker) for index in indices])
        return pad_windows(windows, self.store.hop)._replace(speaker=speakers)

    def window(self, index: int, random: np.random.Generator, alteration: Alteration) -> dict[str, Tensor]:
        """One item of a clip with everything that belongs to it, unpadded, altered."""
        raise NotImplementedError

    def other(self, index: int, random: np.random.Generator) -> int:
        """The clip that the reference of a clip is taken from: as often as `other_clip` says another of its speaker."""
        mates = self.mates[self.store.rows[index].speaker]
        if len(mates) > 1 and random.random() < self.other_clip:
            return int(random.choice([i for i in mates if i != index]))
        return index

    def reference(self, index: int, start: int, frames: int, alteration: Alteration) -> dict[str, Tensor]:
        """Frames of a clip from sample `start` on as a reference: `reference` (R,), and where they are there
        `reference_pitch` (2 F, 2) and `verification` (V,), that of the clip as it was recorded.
        """
        hop = self.store.hop
        found = {"reference": alteration.wave(self.store.wave(index, start, frames * hop), frames, hop)}
        if self.has_pitch:
            found["reference_pitch"] = alteration.pitch(self.pitch(index, start // hop, frames))
        if "verification" in self.needs:
            vector = self.store.track("verification", index)[0].astype(np.float32)
            found["verification"] = torch.from_numpy(vector)
        return found

    def pitch(self, index: int, start: int, frames: int) -> np.ndarray:
        """Log-F0 and voicing of some latent frames: (2 * frames, 2); a missing last frame repeats the one before."""
        pitch = self.store.track("pitch", index)[start * PITCH_FRAMES : (start + frames) * PITCH_FRAMES]
        missing = frames * PITCH_FRAMES - len(pitch)
        return np.pad(pitch.astype(np.float32), ((0, missing), (0, 0)), mode="edge")


class SoVITSData(SoVITSItems):
    """See `SpeechData`; a batch is a fixed number of windows, drawn by time and weight.

    The phones of a window are found by alignment, so the store must have been aligned; `ReleasedSoVITSData`
    needs no alignment.

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
        train: Splits = ("train",),
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
        self.window_seconds = window_seconds
        self.worst_fit: float | None = worst_fit
        self.other_clip = other_clip
        self.augmentation = augmentation
        self.balance = balance
        self.codebook = codebook

    def setup(self, stage: str = "fit") -> None:
        """Adds the odds of each clip.

        Raises:
            DataError: CACHE_STALE, the store is not aligned; those of `SoVITSItems`.
        """
        super().setup(stage)
        if not self.has_positions:
            problem = f"The store {self.store_folder} is not aligned, which windows of {self.window_seconds:g} s need"
            raise DataError("CACHE_STALE", problem, "whole clips: gsv_lab.corpora.released_data.ReleasedSoVITSData")
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

    def window(self, index: int, random: np.random.Generator, alteration: Alteration) -> dict[str, Tensor]:
        """One window of a clip with everything that belongs to it, unpadded, altered."""
        codes = self.codes(index)
        whole = len(codes) * 2
        window_frames = round(self.window_seconds * self.store.frame_rate) // 2 * 2
        frames = min(alteration.source_frames(window_frames), whole)
        start = int(random.integers(0, (whole - frames) // 2 + 1)) * 2
        stop = start + frames
        hop = self.store.hop
        positions = self.store.track("positions", index)[start:stop].astype(np.int64)
        symbols = self.store.track("symbols", index).astype(np.int64)
        spoken = positions[positions >= 0]
        first, last = 0, 1
        if len(spoken):
            first, last = int(spoken.min()), int(spoken.max()) + 1
        within = np.where(positions >= 0, positions - first, -1)
        reference = self._reference(index, random, alteration)
        wave = self.store.wave(index, start * hop, frames * hop)
        window = {
            "wave": alteration.wave(wave, frames, hop),
            "codes": alteration.frames(codes[start // 2 : stop // 2]),
            "phones": torch.from_numpy(symbols[first:last]),
            "positions": alteration.frames(within, 2),
            **reference,
        }
        if self.has_pitch:
            window["pitch"] = alteration.pitch(self.pitch(index, start, frames))
        if "content" in self.needs:
            content = self.store.track("content", index)[start // 2 : stop // 2]
            by_code = alteration.frames(content.astype(np.float32))
            window["content"] = by_code.repeat_interleave(2, dim=0)
        return window

    def _reference(self, index: int, random: np.random.Generator, alteration: Alteration) -> dict[str, Tensor]:
        """Whole frames of the same speaker: another clip, or a passage of its own in this one; and what is known of
        them.
        """
        index = self.other(index, random)
        hop = self.store.hop
        code = 2 * hop
        samples = self.store.rows[index].samples // code * code
        longest = round(self.reference_seconds * self.store.frame_rate) * hop
        wanted = int(random.uniform(0.5, 1.0) * longest)
        length = min(samples, wanted // code * code)
        start = int(random.integers(0, (samples - length) // hop + 1)) * hop
        return self.reference(index, start, length // hop, alteration)


def balanced(odds: np.ndarray, speakers: Sequence[str], groups: Sequence[str], power: float) -> np.ndarray:
    """Odds of clips, adding up to 1, in which each speaker's sum is raised to 1 - `power` and each group's is kept."""

    def sums(names: Sequence[str], values: np.ndarray) -> np.ndarray:
        index = np.unique(names, return_inverse=True)[1]
        return np.bincount(index, values)[index]

    moved = odds * sums(speakers, odds) ** -power
    moved *= sums(groups, odds) / sums(groups, moved)
    return moved / moved.sum()


def pad_windows(windows: Sequence[Mapping[str, Tensor]], hop: int) -> SoVITSBatch:
    """Windows of different length, with frames of `hop` samples -> one batch."""
    known = windows[0].keys()
    frames = torch.tensor([len(window["codes"]) * 2 for window in windows])
    wave = torch.zeros(len(windows), int(frames.max()) * hop)
    for row, window in zip(wave, windows, strict=True):
        row[: len(window["wave"])] = window["wave"]
    log_f0, voicing = _padded_pitch(windows, "pitch")
    reference_log_f0, reference_voicing = _padded_pitch(windows, "reference_pitch")
    return SoVITSBatch(
        wave=wave[:, None],
        frames=frames,
        codes=padded(windows, "codes").long(),
        phones=padded(windows, "phones").long(),
        phone_lengths=torch.tensor([len(window["phones"]) for window in windows]),
        positions=padded(windows, "positions", -1).long() if "positions" in known else None,
        log_f0=log_f0,
        voicing=voicing,
        reference=padded(windows, "reference")[:, None],
        reference_frames=torch.tensor([len(window["reference"]) // hop for window in windows]),
        reference_log_f0=reference_log_f0,
        reference_voicing=reference_voicing,
        content=padded(windows, "content").transpose(1, 2) if "content" in known else None,
        verification=torch.stack([window["verification"] for window in windows]) if "verification" in known else None,
    )


def _padded_pitch(windows: Sequence[Mapping[str, Tensor]], name: str) -> tuple[Tensor | None, Tensor | None]:
    """Log-F0 and voicing (B, 1, F100) of an entry (F100, 2); None where the windows have none."""
    if name not in windows[0]:
        return None, None
    pitch = padded(windows, name)
    return pitch[:, None, :, 0], pitch[:, None, :, 1]
