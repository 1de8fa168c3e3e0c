"""Networks made on first use, once, by whichever thread; results that are remembered."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from gsv_lab.evaluation.measures.sharing import OnFirstUse, Remembered, wave_key


def test_made_once_by_many_threads() -> None:
    made: list[int] = []

    def make() -> list[int]:
        time.sleep(0.05)
        made.append(1)
        return made

    shared = OnFirstUse(make)
    assert not made
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: shared(), range(8)))
    assert made == [1] and all(one is made for one in found)


def test_what_could_not_be_made_is_tried_again() -> None:
    attempts: list[int] = []

    def make() -> str:
        attempts.append(1)
        if len(attempts) == 1:
            raise OSError("no")
        return "made"

    shared = OnFirstUse(make)
    with pytest.raises(OSError):
        shared()
    assert shared() == shared() == "made" and len(attempts) == 2


def test_the_last_results_are_remembered_and_made_one_at_a_time() -> None:
    running: list[int] = []
    made: list[int] = []

    def make(number: int) -> int:
        running.append(1)
        assert len(running) == 1
        time.sleep(0.01)
        made.append(number)
        running.pop()
        return -number

    kept: Remembered[int] = Remembered(2)
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda number: kept.get(number, lambda: make(number)), [1, 2] * 4))
    assert found == [-1, -2] * 4 and sorted(made) == [1, 2]
    kept.get(1, lambda: make(1))
    kept.get(3, lambda: make(3))  # 2 was not asked for the longest time
    kept.get(1, lambda: make(1))
    assert sorted(made) == [1, 2, 3]
    kept.get(2, lambda: make(2))
    assert sorted(made) == [1, 2, 2, 3]


def test_a_wave_is_known_by_its_samples() -> None:
    wave = np.arange(8, dtype=np.float32)
    assert wave_key(wave) == wave_key(wave.copy()) == wave_key(np.arange(16, dtype=np.float32)[:8])
    assert len({wave_key(wave), wave_key(wave + 1), wave_key(wave[:7]), wave_key(wave[::-1])}) == 4
