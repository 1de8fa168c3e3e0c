"""Batches for SoVITS: windows of speech with their codes, phones, pitch, and a reference of the same speaker.

Letters: B batch, T samples, F50 frames at 50 Hz, F25 codes, F100 pitch frames, P phones, R samples of the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from gsv_lab.corpora.augmentation import Disguise, Mask
from gsv_lab.corpora.data import SpeechData
from gsv_lab.corpora.stream import fixed_batches


class SoVITSBatch(NamedTuple):
    """One batch, channel-first; shorter windows are padded with zeros on the right.

    `wave` (B, 1, T), `frames` (B,) valid latent frames, `codes` (B, F25), `phones` (B, P), `phone_lengths` (B,),
    `positions` (B, F50) phone of each frame counted within the window or -1, `log_f0` and `voicing` (B, 1, F100),
    `reference` (B, 1, R), `reference_frames` (B,), `reference_log_f0` and `reference_voicing` (B, 1, R / 160).
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


class SoVITSData(SpeechData):
    """See `SpeechData`; a batch is a fixed number of windows, drawn by time and weight.

    Args:
        windows: windows in a batch.
        window_seconds: length of a window; shorter clips are taken whole.
        other_clip: share of references taken from another clip of the speaker, if there is one.
        disguise: how the voices of training are varied; None leaves them as they are.
        balance: 0 draws every second of speech alike, 1 every speaker of a language; a language keeps its share.
        worst_fit: see `SpeechData.worst_fit`.
    """

    reference_seconds = 5.0
    """Longest reference."""

    def __init__(
        self,
        store: str,
        corpora: Sequence[str] = (),
        train: Sequence[str] = ("train",),
        valid: Sequence[str] = ("valid",),
        windows: int = 12,
        window_seconds: float = 4.0,
        other_clip: float = 0.5,
        disguise: Disguise | None = None,
        balance: float = 0.0,
        worst_fit: float = -4.0,
        exclude: Sequence[str] = (),
        boost: Mapping[str, float] | None = None,
        valid_batches: int = 3,
        seed: int = 1234,
    ) -> None:
        super().__init__(
            store, corpora, train, valid, windows * window_seconds, 30.0, 1.0, exclude, boost, valid_batches, seed
        )
        self.windows, self.worst_fit, self.other_clip = windows, worst_fit, other_clip
        self.disguise, self.balance = disguise, balance
        self.window_frames = round(window_seconds * 50) // 2 * 2
        self.reference_samples = round(self.reference_seconds * 50) * 320

    def setup(self, stage: str = "fit") -> None:
        """Adds the clips of each speaker and the odds of each clip."""
        super().setup(stage)
        self.mates = self.by_speaker(self.chosen["train"] + self.chosen["valid"])
        rows = [self.store.rows[i] for i in self.chosen["train"]]
        odds = np.array([row.samples * self.weight(row) for row in rows], float)
        self._odds = balanced(odds, [row.speaker for row in rows], [row.language for row in rows], self.balance)

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
        size = self.windows
        starts = range(0, len(order), size)[: self.valid_batches]
        return fixed_batches([self.collate(order[k : k + size].tolist(), None) for k in starts])

    def collate(self, indices: Sequence[int], n: int | None) -> SoVITSBatch:
        """See `SpeechData.collate`."""
        random = np.random.default_rng((self.seed, 4, 0 if n is None else n))
        disguise = None if n is None else self.disguise
        masks = [disguise.draw(random) if disguise else Mask() for _ in indices]
        return pad_windows([self.window(index, random, mask) for index, mask in zip(indices, masks, strict=True)])

    def window(self, index: int, random: np.random.Generator, mask: Mask) -> dict[str, Tensor]:
        """One window of a clip with everything that belongs to it, unpadded, behind a mask."""
        codes = self.store.track("codes", index)
        whole = len(codes) * 2
        frames = min(mask.source_frames(self.window_frames), whole)
        start = int(random.integers(0, (whole - frames) // 2 + 1)) * 2
        positions = self.store.track("positions", index)[start : start + frames].astype(np.int64)
        symbols = self.store.track("symbols", index).astype(np.int64)
        spoken = positions[positions >= 0]
        first, last = (int(spoken.min()), int(spoken.max()) + 1) if len(spoken) else (0, 1)
        reference, its_pitch = self._reference(index, random, mask)
        return {
            "wave": mask.wave(self.store.wave(index, start * 320, frames * 320), frames),
            "codes": mask.frames(codes[start // 2 : (start + frames) // 2].astype(np.int64)),
            "phones": torch.from_numpy(symbols[first:last]),
            "positions": mask.frames(np.where(positions >= 0, positions - first, -1), 2),
            "pitch": mask.pitch(self._pitch(index, start, frames)),
            "reference": reference,
            "reference_pitch": its_pitch,
        }

    def _pitch(self, index: int, start: int, frames: int) -> np.ndarray:
        """Log-F0 and voicing of some latent frames: (2 * frames, 2); a missing last frame repeats the one before."""
        pitch = self.store.track("pitch", index)[start * 2 : (start + frames) * 2].astype(np.float32)
        return np.pad(pitch, ((0, frames * 2 - len(pitch)), (0, 0)), mode="edge")

    def _reference(self, index: int, random: np.random.Generator, mask: Mask) -> tuple[Tensor, Tensor]:
        """Whole frames of the same speaker: another clip, or a place of its own in this one; and their pitch."""
        mates = self.mates[self.store.rows[index].speaker]
        if len(mates) > 1 and random.random() < self.other_clip:
            index = int(random.choice([i for i in mates if i != index]))
        samples = self.store.rows[index].samples // 640 * 640
        length = min(samples, int(random.uniform(0.5, 1.0) * self.reference_samples) // 640 * 640)
        start = int(random.integers(0, (samples - length) // 320 + 1)) * 320
        frames = length // 320
        pitch = self._pitch(index, start // 320, frames)
        return mask.wave(self.store.wave(index, start, length), frames), mask.pitch(pitch)


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

    def padded(name: str, fill: float = 0) -> Tensor:
        return torch.nn.utils.rnn.pad_sequence([w[name] for w in windows], batch_first=True, padding_value=fill)

    frames = torch.tensor([len(w["codes"]) * 2 for w in windows])
    longest = int(frames.max())
    wave = torch.zeros(len(windows), longest * 320)
    for row, window in enumerate(windows):
        wave[row, : len(window["wave"])] = window["wave"]
    pitch, reference_pitch = padded("pitch"), padded("reference_pitch")
    return SoVITSBatch(
        wave=wave[:, None],
        frames=frames,
        codes=padded("codes").long(),
        phones=padded("phones").long(),
        phone_lengths=torch.tensor([len(w["phones"]) for w in windows]),
        positions=padded("positions", -1).long(),
        log_f0=pitch[:, None, :, 0],
        voicing=pitch[:, None, :, 1],
        reference=padded("reference")[:, None],
        reference_frames=torch.tensor([len(w["reference"]) // 320 for w in windows]),
        reference_log_f0=reference_pitch[:, None, :, 0],
        reference_voicing=reference_pitch[:, None, :, 1],
    )
