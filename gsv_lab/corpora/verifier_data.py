"""Batches for the speaker verifier: a few crops each of a few speakers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from gsv_lab.corpora.data import SpeechData
from gsv_lab.corpora.stream import fixed_batches


class VerifierBatch(NamedTuple):
    """`wave` (B, 1, T) crops of one length, `speaker` (B,) class of each."""

    wave: Tensor
    speaker: Tensor


class VerifierData(SpeechData):
    """See `SpeechData`. Speakers are drawn evenly, their clips within.

    Args:
        speakers: speakers in a batch.
        crops: crops of each.
        crop_seconds: shortest and longest crop; all crops of a batch are equally long.
    """

    def __init__(
        self,
        store: str,
        corpora: Sequence[str] = (),
        train: Sequence[str] = ("train",),
        valid: Sequence[str] = ("dev_speaker",),
        speakers: int = 24,
        crops: int = 2,
        crop_seconds: tuple[float, float] = (1.6, 3.5),
        exclude: Sequence[str] = (),
        boost: Mapping[str, float] | None = None,
        valid_batches: int = 4,
        seed: int = 1234,
    ) -> None:
        super().__init__(store, corpora, train, valid, 96.0, 30.0, 1.2, exclude, boost, valid_batches, seed)
        self.speakers, self.crops, self.crop_seconds = speakers, crops, tuple(crop_seconds)

    def setup(self, stage: str = "fit") -> None:
        """Adds the clips of each speaker; classes are numbered in alphabetical order."""
        super().setup(stage)
        self.clips = {name: self.by_speaker(indices) for name, indices in self.chosen.items()}

    def draw(self, n: int, split: str = "train") -> VerifierBatch:
        """Batch number `n` of a split."""
        random = np.random.default_rng((self.seed, 6, n))
        names = list(self.clips[split])
        low, high = self.crop_seconds
        length = (
            int(random.uniform(low, high) * self.store.sample_rate)
            if split == "train"
            else int(high * self.store.sample_rate)
        )
        picked = random.choice(len(names), min(self.speakers, len(names)), replace=False)
        waves = [
            self.crop(int(random.choice(self.clips[split][names[k]])), length, random)
            for k in picked
            for _ in range(self.crops)
        ]
        return VerifierBatch(torch.stack(waves)[:, None], torch.from_numpy(np.repeat(picked, self.crops)))

    def crop(self, index: int, length: int, random: np.random.Generator) -> Tensor:
        """A crop with another gain and sometimes noise; short clips are repeated."""
        samples = self.store.rows[index].samples
        start = int(random.integers(0, max(1, samples - length)))
        wave = np.resize(self.store.wave(index, start, length), length)
        if random.random() < 0.5:
            level = float(np.sqrt(np.mean(wave**2))) * 10 ** (-random.uniform(10, 35) / 20)
            wave = wave + random.normal(0, level, length).astype(np.float32)
        return torch.from_numpy((wave * 10 ** (random.uniform(-6, 6) / 20)).astype(np.float32))

    def train_dataloader(self) -> DataLoader:
        """Endless."""
        return self.stream(self.draw)

    def val_dataloader(self) -> DataLoader:
        """Unheard speakers, always the same crops."""
        return fixed_batches([self.draw(k, "valid") for k in range(self.valid_batches)])
