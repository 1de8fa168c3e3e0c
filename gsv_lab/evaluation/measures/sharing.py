"""What several measures and threads share: networks that are made on first use, and what they found in a wave.

A rerun in which everything is known already thus loads no network.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from typing import Generic, TypeVar

import numpy as np

T = TypeVar("T")


class OnFirstUse(Generic[T]):
    """Makes something when it is asked for first; later calls, of any thread, give the same.

    Args:
        make: called once; where it raises, the next call tries again.
    """

    def __init__(self, make: Callable[[], T]) -> None:
        self._make = make
        self._made: list[T] = []
        self._lock = Lock()

    def __call__(self) -> T:
        """What was made."""
        with self._lock:
            if not self._made:
                self._made.append(self._make())
            return self._made[0]


class Remembered(Generic[T]):
    """The last few results by key. Each is made once, and one at a time, whichever threads ask.

    Args:
        size: how many are kept.
    """

    def __init__(self, size: int = 16) -> None:
        self.size = size
        self._kept: OrderedDict[Hashable, T] = OrderedDict()
        self._lock = Lock()

    def get(self, key: Hashable, make: Callable[[], T]) -> T:
        """The result of a key, made now if it is not kept."""
        with self._lock:
            if key not in self._kept:
                self._kept[key] = make()
            self._kept.move_to_end(key)
            while len(self._kept) > self.size:
                self._kept.popitem(last=False)
            return self._kept[key]


def wave_key(wave: np.ndarray) -> bytes:
    """Hash of samples (T,), which stands for them as a key."""
    return hashlib.sha256(np.ascontiguousarray(wave).tobytes()).digest()
