"""How many raters and sentences a test needs.

With K raters, M sentences and m of them judged by each rater, for each system:

    Var(MOS) = (rater^2 + rater.system^2) / K + stimulus^2 / M + residual^2 / (K m)
    Var(difference) = 2 (rater.system^2 / K + stimulus^2 / M + residual^2 / (K m))

The rater's own level cancels in a difference. `python -m gsv_lab.evaluation.statistics.power` prints the table of
`docs/ratings.md`. These are large-sample figures with the normal deviate; a t of few raters is wider.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from scipy.special import ndtr, ndtri

from gsv_lab.evaluation.statistics.components import PLANNING, Components

SIZES = ((10, 20), (20, 20), (40, 40), (80, 80))


class Plan(NamedTuple):
    """What a test of one size can tell: half-width of the 95 % interval of a MOS, the smallest difference that is
    found with the wanted power, and the MOS that must be seen to claim the threshold on one side.
    """

    raters: int
    sentences: int
    half_width: float
    difference: float
    to_claim: float


def opinion_error(raters: int, sentences: int, per_rater: int, components: Components = PLANNING) -> float:
    """Standard error of one MOS."""
    c = components
    of_raters = (c.rater**2 + c.rater_system**2) / raters
    return float(np.sqrt(of_raters + c.stimulus**2 / sentences + c.residual**2 / (raters * per_rater)))


def difference_error(raters: int, sentences: int, per_rater: int, components: Components = PLANNING) -> float:
    """Standard error of the difference of two systems that the same raters judged."""
    c = components
    one = c.rater_system**2 / raters + c.stimulus**2 / sentences + c.residual**2 / (raters * per_rater)
    return float(np.sqrt(2 * one))


def power_of(difference: float, error: float, alpha: float = 0.05) -> float:
    """Chance to find a true difference by a two-sided test."""
    reach = float(ndtri(1 - alpha / 2))
    return float(ndtr(abs(difference) / error - reach) + ndtr(-abs(difference) / error - reach))


def plan(
    raters: int,
    sentences: int,
    per_rater: int = 20,
    components: Components = PLANNING,
    power: float = 0.8,
    alpha: float = 0.05,
    threshold: float = 4.0,
) -> Plan:
    """What a test can tell.

    Args:
        raters: K.
        sentences: M.
        per_rater: m, of each system.
        components: of votes.
        power: chance to find the smallest difference.
        alpha: of the tests; half of it at either end of the interval.
        threshold: MOS that is claimed by its lower bound, one-sided.

    Raises:
        ValueError: a number below 1, or more sentences for a rater than there are.
    """
    if min(raters, sentences, per_rater) < 1 or per_rater > sentences:
        raise ValueError(f"{raters} raters, {sentences} sentences, {per_rater} for each rater of each system")
    error = opinion_error(raters, sentences, per_rater, components)
    reach = float(ndtri(1 - alpha / 2))
    found = (reach + float(ndtri(power))) * difference_error(raters, sentences, per_rater, components)
    return Plan(raters, sentences, reach * error, found, threshold + float(ndtri(1 - alpha)) * error)


def raters_needed(
    difference: float,
    sentences: int,
    per_rater: int,
    components: Components = PLANNING,
    power: float = 0.8,
    alpha: float = 0.05,
) -> int | None:
    """Fewest raters who find a difference with the wanted power; None if the sentences alone are too few."""
    wanted = (difference / float(ndtri(1 - alpha / 2) + ndtri(power))) ** 2 / 2
    left = wanted - components.stimulus**2 / sentences
    if left <= 0:
        return None
    return int(np.ceil((components.rater_system**2 + components.residual**2 / per_rater) / left))


def table(plans: Iterable[Plan]) -> str:
    """Plans as a Markdown table."""
    heads = ("raters", "sentences", "95 % half-width of one MOS", "smallest difference", "MOS to claim 4.0")
    lines: list[tuple[object, ...]] = [heads, ("---",) * len(heads)]
    lines += [(p.raters, p.sentences, f"{p.half_width:.2f}", f"{p.difference:.2f}", f"{p.to_claim:.2f}") for p in plans]
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines) + "\n"


def main() -> None:
    """Print the table of usual sizes."""
    sys.stdout.write(table(plan(*size) for size in SIZES))


if __name__ == "__main__":
    main()
