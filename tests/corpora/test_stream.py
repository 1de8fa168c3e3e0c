"""Numbered batches: nothing lost, nothing too large, nothing that remembers."""

from __future__ import annotations

import numpy as np
import pytest

from gsv_lab.corpora.sovits_data import balanced
from gsv_lab.corpora.stream import BatchPlan, BatchStream

SECONDS = np.random.default_rng(0).uniform(1, 12, 60)


def test_every_clip_once_an_epoch_within_the_budget() -> None:
    plan = BatchPlan(SECONDS, 30.0, None, seed=1)
    for number in range(3):
        epoch = plan.epoch(number)
        assert sorted(np.concatenate(epoch)) == list(range(60))
        assert all(len(batch) * SECONDS[batch].max() <= 30.0 or len(batch) == 1 for batch in epoch)


def test_weights_repeat_clips_in_proportion() -> None:
    weights = np.where(np.arange(60) < 10, 2.5, 1.0)
    plan = BatchPlan(SECONDS, 30.0, weights, seed=1)
    counts = sum(np.bincount(np.concatenate(plan.epoch(e)), minlength=60) for e in range(40))
    assert abs(counts[:10].mean() / 40 - 2.5) < 0.15
    assert (counts[10:] == 40).all()


def test_a_batch_depends_on_its_number_alone() -> None:
    straight = BatchPlan(SECONDS, 30.0, None, seed=1)
    wanted = [straight[n] for n in range(40)]
    for n in (35, 3, 17):
        np.testing.assert_array_equal(BatchPlan(SECONDS, 30.0, None, seed=1)[n], wanted[n])
    assert any(
        (a.shape != b.shape) or (a != b).any()
        for a, b in zip(wanted, (BatchPlan(SECONDS, 30.0, None, 2)[n] for n in range(40)), strict=True)
    )


def test_stream_starts_anywhere() -> None:
    stream = iter(BatchStream(lambda n: n, start=7))
    assert [next(stream) for _ in range(4)] == [7, 8, 9, 10]


def test_balance_lifts_rare_speakers_and_keeps_the_languages() -> None:
    """One English speaker with nine tenths of the English clips; Mandarin has half as much as English."""
    odds = np.ones(30)
    speakers = ["a"] * 18 + ["b"] * 2 + ["c"] * 5 + ["d"] * 5
    languages = ["en"] * 20 + ["zh"] * 10

    def shares(power: float) -> dict[str, float]:
        made = balanced(odds, speakers, languages, power)
        assert made.sum() == pytest.approx(1.0)
        assert made[:20].sum() == pytest.approx(2 / 3)
        return {name: float(made[[s == name for s in speakers]].sum()) for name in "abcd"}

    assert shares(0.0) == pytest.approx({"a": 0.6, "b": 1 / 15, "c": 1 / 6, "d": 1 / 6})
    assert shares(1.0) == pytest.approx({"a": 1 / 3, "b": 1 / 3, "c": 1 / 6, "d": 1 / 6})
    half = shares(0.5)
    assert half["a"] / half["b"] == pytest.approx(3.0) and half["c"] == pytest.approx(half["d"])
