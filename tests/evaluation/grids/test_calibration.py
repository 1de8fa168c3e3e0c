"""What a grid says is true as often as it promises: trained cells of one base against each other, and a planted effect.

Source of the numbers in docs/ablations.md, "How often it is right".
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pytest

import gsv_lab
import small_grids
from gsv_lab.evaluation.grids.cell import measured
from gsv_lab.evaluation.grids.items import Item
from gsv_lab.evaluation.grids.run import Ablated
from gsv_lab.evaluation.statistics.replicates import detectable, replicated_difference, seed_deviation

MEASURE, BATCHES, DRAWS = "mel", 20, 200
SEEDS = tuple(range(20))
CORPUS = {**small_grids.CORPUS, "n_speakers": 12, "n_clips": 60}
WORSE = {"task.init_args.learning_rate": 5.0e-4}
"""The part that is made worse on purpose: it learns at a third of the rate."""

Cells = Mapping[int, Sequence[Item]]
"""Seed -> what was measured of its cell."""


def cells(root: Path, found: Ablated, ablation: str) -> dict[int, list[Item]]:
    keys = {arm.seed: arm.cells["sovits"] for arm in found.plan.arms if arm.ablation == ablation}
    return {seed: [row for row in measured(root, key) if row.measure == MEASURE] for seed, key in keys.items()}


def values(cells: Cells, seeds: Sequence[int]) -> tuple[list[float], list[str], list[int]]:
    rows = [(row.value, row.speaker, number) for number, seed in enumerate(seeds) for row in cells[seed]]
    numbers, speakers, places = zip(*rows, strict=True)
    return list(numbers), list(speakers), list(places)


def p_of(first: Cells, of_first: Sequence[int], second: Cells, of_second: Sequence[int]) -> float:
    """P value of a grid that had trained these seeds alone."""
    (one, speakers, seeds), (other, _, _) = values(first, of_first), values(second, of_second)
    return replicated_difference(one, other, speakers, seeds).p


@pytest.mark.slow
def test_chance_is_rarely_taken_for_an_effect_and_a_planted_one_is_found(tmp_path: Path) -> None:
    base = small_grids.sovits_base(tmp_path / "base", BATCHES, corpus={"init_args": CORPUS}, valid_speakers=6)
    found = gsv_lab.ablate(base, {"worse": WORSE}, SEEDS, output=tmp_path / "grid")
    assert not found.failed
    usual, worse = (cells(tmp_path / "grid", found, name) for name in ("base", "worse"))
    random = np.random.default_rng(0)
    chance = []
    for _ in range(DRAWS):
        drawn = random.permutation(SEEDS)[:6]
        chance.append(p_of(usual, drawn[:3], usual, drawn[3:]))
    smallest = detectable(seed_deviation(*values(usual, SEEDS)), seeds=3)
    effect = float(np.mean(values(worse, SEEDS)[0]) - np.mean(values(usual, SEEDS)[0]))
    seen = []
    for _ in range(100):
        drawn = random.permutation(SEEDS)[:3]
        seen.append(p_of(worse, drawn, usual, drawn))
    told = f"planted {effect:.4f}, detectable {smallest:.4f}; found {np.mean(np.array(seen) < 0.05):.0%}"
    print(f"\nchance: {np.mean(np.array(chance) < 0.05):.1%} of {DRAWS}; {told}")
    assert 0.01 <= np.mean(np.array(chance) < 0.05) <= 0.09
    assert 0 < effect < 1.1 * smallest, "the planted effect is larger than what is told beforehand"
    assert np.mean(np.array(seen) < 0.05) >= 0.5
