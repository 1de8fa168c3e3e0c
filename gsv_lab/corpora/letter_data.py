"""Batches for letter-to-sound: dictionary words of one length together, so that nothing needs padding."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from gsv_lab.corpora.data import NumberedData
from gsv_lab.corpora.identity import words_identity
from gsv_lab.corpora.stream import fixed_batches
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt
from gsv_lab.system.seeds import check_seed
from gsv_lab.text import letters


class LetterBatch(NamedTuple):
    """`letters` (B, L); `phones` (sum of `lengths`,), one reading after the other; `lengths` (B,); the `words`."""

    letters: Tensor
    phones: Tensor
    lengths: Tensor
    words: list[str]


class LetterData(NumberedData):
    """Words of the CMU dictionary. A word with several readings shows another one in each epoch.

    Args:
        batch_words: words in a batch.
        seed: of the order and of the readings.
    """

    def __init__(self, batch_words: PositiveInt = 512, seed: NonNegativeInt = 1234) -> None:
        super().__init__()
        self.batch_words = batch_words
        self.seed = check_seed(seed)
        self._epoch: tuple[int, list[np.ndarray]] = (-1, [])

    def setup(self, stage: str = "fit") -> None:
        """Read the dictionary."""
        self.train_words, self.valid_words = letters.spellings()
        self._lengths = np.array([len(word) for word in self.train_words])
        self._per_epoch = len(self.plan(0))

    def identity(self) -> dict[str, str]:
        """Of the dictionary."""
        return {"the dictionary": words_identity([*self.train_words, *self.valid_words])}

    def plan(self, epoch: int) -> list[np.ndarray]:
        """Word indices of every batch of an epoch; each batch has words of one length."""
        if self._epoch[0] != epoch:
            random = np.random.default_rng((self.seed, 1, epoch))
            order = random.permutation(len(self._lengths))
            batches: list[np.ndarray] = []
            for length in np.unique(self._lengths):
                same = order[self._lengths[order] == length]
                pieces = math.ceil(len(same) / self.batch_words)
                batches += np.array_split(same, pieces)
            shuffled = [batches[i] for i in random.permutation(len(batches))]
            self._epoch = (epoch, shuffled)
        return self._epoch[1]

    def draw(self, n: int) -> LetterBatch:
        """Batch number `n`, counted from the beginning of the training."""
        random = np.random.default_rng((self.seed, 2, n))
        epoch, k = divmod(n, self._per_epoch)
        words = [self.train_words[i] for i in self.plan(epoch)[k]]
        return self.collate(words, random)

    @staticmethod
    def collate(words: list[str], random: np.random.Generator | None) -> LetterBatch:
        """A batch of words of one length; the first reading of each, or a random one."""
        picked = []
        for word in words:
            readings = letters.targets(word)
            number = 0 if random is None else int(random.integers(len(readings)))
            picked.append(readings[number])
        return LetterBatch(
            torch.tensor([letters.encode(word) for word in words]),
            torch.tensor([phone for reading in picked for phone in reading]),
            torch.tensor([len(reading) for reading in picked]),
            words,
        )

    def train_dataloader(self) -> DataLoader:
        """Endless, from the batch at which the training stands."""
        return self.stream(self.draw)

    def val_dataloader(self) -> DataLoader:
        """All held-out words, by length."""
        by_length: dict[int, list[str]] = {}
        for word in self.valid_words:
            by_length.setdefault(len(word), []).append(word)
        return fixed_batches([self.collate(words, None) for words in by_length.values()])
