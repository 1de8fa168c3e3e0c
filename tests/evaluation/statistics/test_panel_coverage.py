"""Intervals of mean opinions hold the truth as often as they promise; those that forget raters or items do not."""

from __future__ import annotations

import pytest

from gsv_lab.evaluation.statistics import panel_coverage
from gsv_lab.evaluation.statistics.panel_coverage import METHODS, SIZES, Coverage, coverage, table

PUBLISHED = {
    (10, 20): {"t": 50.7, "rater": 93.7, "item": 61.2, "twoway": 94.9},
    (20, 20): {"t": 46.1, "rater": 92.1, "item": 67.1, "twoway": 94.5},
    (20, 50): {"t": 34.0, "rater": 92.5, "item": 49.4, "twoway": 93.5},
    (50, 20): {"t": 42.3, "rater": 89.5, "item": 79.8, "twoway": 96.5},
}
"""Coverage in per cent of 1,500 simulations, nominal 95 %: raters and items."""
CLUSTERED = ("t", "rater", "item", "twoway")


def misses(rows: list[Coverage], points: float) -> dict[str, tuple[float, float]]:
    """Coverages further from the published ones than so many points."""
    found = {row.method: (100 * row.share, PUBLISHED[row.raters, row.items][row.method]) for row in rows}
    return {method: pair for method, pair in found.items() if abs(pair[0] - pair[1]) > points}


@pytest.mark.parametrize("size", [(20, 20), (50, 20)])
def test_coverage_in_small(size: tuple[int, int]) -> None:
    rows = coverage(*size, repeats=500, methods=CLUSTERED, seed=7)
    assert not misses(rows, 6)
    primary = rows[-1]
    assert primary.method == "twoway" and 0.92 <= primary.share <= 0.985 and primary.width <= 1.2


def test_pigeonhole_in_small() -> None:
    (found,) = coverage(20, 20, repeats=100, methods=["pigeonhole"], draws=300, seed=1)
    assert 0.86 <= found.share <= 0.99 and 0.85 < found.width < 1.2


def test_table_has_every_size_and_method() -> None:
    rows = [row for size in ((4, 3), (3, 5)) for row in coverage(*size, repeats=5, draws=20)]
    lines = table(rows).splitlines()
    assert lines[0] == "| raters x items | " + " | ".join(METHODS) + " |"
    assert [line.split(" | ")[0] for line in lines[2:]] == ["| 4 x 3", "| 3 x 5"]
    assert rows == [row for size in ((4, 3), (3, 5)) for row in coverage(*size, repeats=5, draws=20)]


@pytest.mark.slow
def test_coverage_of_the_full_size(capsys: pytest.CaptureFixture[str]) -> None:
    """The goal: 93 to 97 % of 2,000 panels of 20 x 20, at most 1.2 times as wide as an oracle's interval."""
    for size in SIZES:
        rows = coverage(*size, methods=CLUSTERED)
        assert not misses(rows, 3), size
        if size == (20, 20):
            assert 0.93 <= rows[-1].share <= 0.97 and rows[-1].width <= 1.2
    panel_coverage.main()
    assert len(capsys.readouterr().out.splitlines()) == 2 + len(SIZES)
