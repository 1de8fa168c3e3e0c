"""Batches as a function of their number: what makes a training exactly resumable.

Batch `n` of a training depends on the seed and on `n` alone, never on what ran before. A training that was killed after
batch 4,711 asks for number 4,712 and goes on as if nothing had happened; so does one that has other worker processes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
from torch.utils.data import DataLoader, IterableDataset, get_worker_info


class BatchPlan:
    """Which clips make batch `n`: shuffled epochs, clips of like length together, a budget of seconds a batch.

    Args:
        seconds: length of each clip.
        budget: seconds a batch may hold; a longer clip makes a batch of its own.
        weights: how often each clip comes in an epoch; 1.5 means once, and once more in every other epoch.
        seed: everything random follows from it.
    """

    def __init__(self, seconds: Sequence[float], budget: float, weights: Sequence[float] | None, seed: int) -> None:
        self.seconds = np.asarray(seconds, dtype=np.float64)
        self.weights = np.ones(len(self.seconds)) if weights is None else np.asarray(weights, dtype=np.float64)
        self.budget, self.seed = budget, seed
        self._starts = [0]
        self._epoch: tuple[int, list[np.ndarray]] | None = None

    def epoch(self, number: int) -> list[np.ndarray]:
        """All batches of an epoch, each an array of clip indices."""
        if self._epoch is not None and self._epoch[0] == number:
            return self._epoch[1]
        random = np.random.default_rng((self.seed, 1, number))
        times = np.floor(self.weights + random.random(len(self.weights))).astype(int)
        order = np.repeat(np.arange(len(self.seconds)), times)
        # Lengths are blurred by a tenth before sorting, so that neighbours change from epoch to epoch.
        order = order[np.argsort(self.seconds[order] * random.uniform(0.9, 1.1, len(order)), kind="stable")]
        batches: list[list[int]] = [[]]
        longest = 0.0
        for index in order:
            longest = max(longest, self.seconds[index])
            if batches[-1] and longest * (len(batches[-1]) + 1) > self.budget:
                batches.append([])
                longest = self.seconds[index]
            batches[-1].append(int(index))
        arrays = [np.array(batch) for batch in batches]
        plan = [arrays[i] for i in random.permutation(len(arrays))]
        self._epoch = (number, plan)
        return plan

    def __getitem__(self, n: int) -> np.ndarray:
        """Clip indices of batch `n`, counted from the beginning of the training."""
        while self._starts[-1] <= n:
            self._starts.append(self._starts[-1] + len(self.epoch(len(self._starts) - 1)))
        epoch = int(np.searchsorted(self._starts, n, side="right")) - 1
        return self.epoch(epoch)[n - self._starts[epoch]]


def fixed_batches(batches: list[Any]) -> DataLoader:
    """A DataLoader that hands out the same finished batches every time, for validation."""
    return DataLoader(batches, batch_size=None)  # type: ignore[arg-type]


class BatchStream(IterableDataset):
    """Endless batches `make(start), make(start + 1), ...`, in this order also with several workers."""

    def __init__(self, make: Callable[[int], Any], start: int = 0) -> None:
        super().__init__()
        self.make, self.start = make, start

    def __iter__(self) -> Iterator[Any]:
        worker = get_worker_info()
        n, step = (self.start, 1) if worker is None else (self.start + worker.id, worker.num_workers)
        while True:
            yield self.make(n)
            n += step

    def loader(self, workers: int = 0) -> DataLoader:
        """A DataLoader that keeps the order of the batches."""
        return DataLoader(self, batch_size=None, num_workers=workers, persistent_workers=False)
