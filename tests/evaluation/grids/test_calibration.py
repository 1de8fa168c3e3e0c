"""What a grid says is true as often as it promises: trained cells of one base against each other, and a planted effect.

Source of the numbers in docs/ablations.md, "How often it is right".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

import gsv_lab
import small_grids
from gsv_lab.evaluation.grids.cell import measured
from gsv_lab.evaluation.grids.items import Item
from gsv_lab.evaluation.grids.run import Ablated
from gsv_lab.evaluation.statistics.replicates import detectable, replicated_difference, seed_deviation

MEASURES, BATCHES, DRAWS = ("mel", "f0", "guide", "voicing", "kl", "resynthesis_mel"), 20, 200
SEEDS = tuple(range(20))
CORPUS = {**small_grids.CORPUS, "n_speakers": 12, "n_clips": 60}
WORSE = {"task.init_args.learning_rate": 5.0e-4}
"""The part that is made worse on purpose: it learns at a third of the rate."""

Cells = Mapping[int, Sequence[Item]]
"""Seed -> what was measured of its cell."""


def cells(root: Path, found: Ablated, ablation: str, measure: str) -> dict[int, list[Item]]:
    keys = {arm.seed: arm.cells["sovits"] for arm in found.plan.arms if arm.ablation == ablation}
    return {seed: [row for row in measured(root, key) if row.measure == measure] for seed, key in keys.items()}


def values(cells: Cells, seeds: Sequence[int]) -> tuple[list[float], list[str], list[int]]:
    rows = [(row.value, row.speaker, number) for number, seed in enumerate(seeds) for row in cells[seed]]
    numbers, speakers, places = zip(*rows, strict=True)
    return list(numbers), list(speakers), list(places)


def p_of(first: Cells, of_first: Sequence[int], second: Cells, of_second: Sequence[int]) -> float:
    """P value of a grid that had trained these seeds alone."""
    (one, speakers, seeds), (other, _, _) = values(first, of_first), values(second, of_second)
    return replicated_difference(one, other, speakers, seeds).p


class Calibrated(NamedTuple):
    """Shares of draws with p < 0.05, and the planted effect beside the smallest that is told beforehand."""

    chance: float
    planted: float
    effect: float
    detectable: float


def calibrated(usual: Cells, worse: Cells) -> Calibrated:
    random = np.random.default_rng(0)
    drawn = [random.permutation(SEEDS)[:6] for _ in range(DRAWS)]
    chance = [p_of(usual, seeds[:3], usual, seeds[3:]) < 0.05 for seeds in drawn]
    drawn = [random.permutation(SEEDS)[:3] for _ in range(100)]
    planted = [p_of(worse, seeds, usual, seeds) < 0.05 for seeds in drawn]
    effect = float(np.mean(values(worse, SEEDS)[0]) - np.mean(values(usual, SEEDS)[0]))
    smallest = detectable(seed_deviation(*values(usual, SEEDS)), seeds=3)
    return Calibrated(float(np.mean(chance)), float(np.mean(planted)), effect, smallest)


@pytest.mark.slow
def test_chance_is_rarely_taken_for_an_effect_and_a_planted_one_is_found(tmp_path: Path) -> None:
    base = small_grids.sovits_base(tmp_path / "base", BATCHES, corpus={"init_args": CORPUS}, valid_speakers=6)
    root = tmp_path / "grid"
    grid = gsv_lab.ablate(base, {"worse": WORSE}, SEEDS, output=root)
    assert not grid.failed
    found = {name: calibrated(cells(root, grid, "base", name), cells(root, grid, "worse", name)) for name in MEASURES}
    print(*(f"\n{name}: {one}" for name, one in found.items()))
    one = found["mel"]
    assert 0.01 <= one.chance <= 0.09
    assert 0 < one.effect < 1.1 * one.detectable, "the planted effect is larger than what is told beforehand"
    assert one.planted >= 0.5
