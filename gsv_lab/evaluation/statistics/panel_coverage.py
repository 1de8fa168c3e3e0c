"""How often the intervals of a mean opinion hold the truth, on simulated panels whose true mean is known.

`python -m gsv_lab.evaluation.statistics.panel_coverage` prints the table of `docs/ratings.md` (two minutes). Every
repeat draws new raters and new sentences, each rater judges each sentence, and the intervals are those that reports
use. A 95 % interval should hold the true mean in 95 % of the repeats.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from scipy.special import stdtrit

from gsv_lab.evaluation.statistics.components import Components
from gsv_lab.evaluation.statistics.crossed import mean_opinion
from gsv_lab.evaluation.statistics.panels import Panel, opinions
from gsv_lab.evaluation.statistics.power import opinion_error
from gsv_lab.system.seeds import check_seed

EFFECTS = Components(system=0.0, rater=0.45, rater_system=0.25, stimulus=0.25, residual=0.65)
SIZES = ((10, 20), (20, 20), (20, 50), (50, 20))
METHODS = ("t", "rater", "item", "twoway", "pigeonhole")
TRUTH = 3.5


class Coverage(NamedTuple):
    """Of one kind of interval: share of the repeats that held the truth, and its mean half-width over that of an
    oracle who knows the true standard error and takes t of min(raters, items) - 1 degrees.
    """

    raters: int
    items: int
    method: str
    share: float
    width: float


def coverage(
    raters: int,
    items: int,
    repeats: int = 2000,
    methods: Iterable[str] = METHODS,
    draws: int = 500,
    seed: int = 0,
) -> list[Coverage]:
    """Coverage of each method.

    Args:
        raters: who judge all items.
        items: of one system.
        repeats: panels. The standard error of a coverage near 95 % is 0.5 points with 2,000 of them.
        methods: of `METHODS`.
        draws: resamples of the pigeonhole bootstrap, if it is among the methods.
        seed: of the panels.
    """
    rng = np.random.default_rng(check_seed(seed))
    panel = Panel({"A": TRUTH}, raters, items, components=EFFECTS)
    held = {method: 0 for method in methods}
    half = dict.fromkeys(held, 0.0)
    for repeat in range(repeats):
        found = mean_opinion(opinions(rng, panel), draws if "pigeonhole" in held else 0, repeat)
        for method in held:
            interval = found.intervals[method]
            held[method] += interval.low <= TRUTH <= interval.high
            half[method] += interval.half
    oracle = opinion_error(raters, items, items, EFFECTS) * float(stdtrit(min(raters, items) - 1, 0.975))
    return [Coverage(raters, items, method, held[method] / repeats, half[method] / repeats / oracle) for method in held]


def table(rows: Sequence[Coverage]) -> str:
    """Coverage in per cent, and the width over that of the oracle, as a Markdown table."""
    methods = list(dict.fromkeys(row.method for row in rows))
    lines = [["raters x items", *methods], ["---"] * (len(methods) + 1)]
    for size in dict.fromkeys((row.raters, row.items) for row in rows):
        cells = {row.method: f"{row.share:.1%} ({row.width:.2f})" for row in rows if (row.raters, row.items) == size}
        lines.append([f"{size[0]} x {size[1]}", *(cells[method] for method in methods)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines) + "\n"


def main() -> None:
    """Print the table of the full size: 2,000 panels."""
    sys.stdout.write(table([row for size in SIZES for row in coverage(*size)]))


if __name__ == "__main__":
    main()
