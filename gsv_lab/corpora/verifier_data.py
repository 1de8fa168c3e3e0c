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
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


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
        speakers: PositiveInt = 24,
        crops: PositiveInt = 2,
        crop_seconds: tuple[PositiveFloat, PositiveFloat] = (1.6, 3.5),
        exclude: Sequence[str] = (),
        boost: Mapping[str, NonNegativeFloat] | None = None,
        valid_batches: PositiveInt = 5,
        seed: NonNegativeInt = 1234,
    ) -> None:
        super().__init__(
            store,
            corpora,
            train,
            valid,
            longest=30.0,
            shortest=1.2,
            exclude=exclude,
            boost=boost,
            valid_batches=valid_batches,
            seed=seed,
        )
        self.speakers = speakers
        self.crops = crops
        self.crop_seconds = tuple(crop_seconds)

    def setup(self, stage: str = "fit") -> None:
        """Adds the clips of each speaker; classes are numbered in alphabetical order."""
        super().setup(stage)
        self.clips = {name: self.by_speaker(indices) for name, indices in self.chosen.items()}

    def draw(self, n: int, split: str = "train") -> VerifierBatch:
        """Batch number `n` of a split."""
        random = np.random.default_rng((self.seed, 6, n))
        clips = list(self.clips[split].values())
        low, high = self.crop_seconds
        seconds = random.uniform(low, high) if split == "train" else high
        length = int(seconds * self.store.sample_rate)
        picked = random.choice(len(clips), min(self.speakers, len(clips)), replace=False)
        waves = []
        for speaker in picked:
            for _ in range(self.crops):
                index = int(random.choice(clips[speaker]))
                waves.append(self.crop(index, length, random))
        classes = np.repeat(picked, self.crops)
        return VerifierBatch(torch.stack(waves)[:, None], torch.from_numpy(classes))

    def crop(self, index: int, length: int, random: np.random.Generator) -> Tensor:
        """A crop with another gain and sometimes noise; short clips are repeated."""
        samples = self.store.rows[index].samples
        start = int(random.integers(0, max(1, samples - length)))
        wave = np.resize(self.store.wave(index, start, length), length)
        if random.random() < 0.5:
            rms = float(np.sqrt(np.mean(wave**2)))
            level = rms * 10 ** (-random.uniform(10, 35) / 20)
            wave = wave + random.normal(0, level, length).astype(np.float32)
        gain = 10 ** (random.uniform(-6, 6) / 20)
        return torch.from_numpy((wave * gain).astype(np.float32))

    def train_dataloader(self) -> DataLoader:
        """Endless."""
        return self.stream(self.draw)

    def val_dataloader(self) -> DataLoader:
        """Speakers that are not trained on, always the same crops."""
        return fixed_batches([self.draw(k, "valid") for k in range(self.valid_batches)])
