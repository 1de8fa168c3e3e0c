"""The one rule from a number to a verdict: both ends of its interval lie where the claim wants them, or both beside it.

    supported       both ends fulfil the claim
    contradicted    both ends lie beyond it, on the same side
    inconclusive    the ends disagree, or there is no interval: one sample only, or samples that do not vary

An exact count is its own interval. What was not measured, and what cannot be measured as it is stated, has no number,
and the rule is not asked.
"""

from __future__ import annotations

import math
from typing import Literal

from gsv_lab.evaluation.claims.measured import Measured

SUPPORTED, CONTRADICTED, INCONCLUSIVE = "supported", "contradicted", "inconclusive"
NOT_MEASURABLE, NOT_MEASURED = "not measurable as stated", "not measured"
VERDICTS = (SUPPORTED, CONTRADICTED, INCONCLUSIVE, NOT_MEASURABLE, NOT_MEASURED)

Direction = Literal["above", "at_least", "below", "at_most", "between"]
Threshold = float | list[float]
"""A number, or the two ends of `between`, which belong to it."""
WORDS = {"above": "above", "at_least": "at least", "below": "below", "at_most": "at most", "between": "between"}


def verdict(measured: Measured, direction: Direction, threshold: Threshold) -> str:
    """`SUPPORTED`, `CONTRADICTED` or `INCONCLUSIVE`.

    >>> verdict(Measured(0.78, 0.74, 0.82, n=3), "above", 0.85)
    'contradicted'
    """
    ends = interval_of(measured)
    if ends is None:
        return INCONCLUSIVE
    first, second = (side(end, direction, threshold) for end in ends)
    if first != second:
        return INCONCLUSIVE
    return CONTRADICTED if first else SUPPORTED


def interval_of(measured: Measured) -> tuple[float, float] | None:
    """The interval that a verdict may rest on; None where there is none, or where nothing varied."""
    if measured.exact:
        return measured.value, measured.value
    if measured.low is None or measured.high is None or measured.n < 2 or measured.low == measured.high:
        return None
    return measured.low, measured.high


def side(value: float, direction: Direction, threshold: Threshold) -> int:
    """Where a number lies: 0 where the claim wants it, -1 below that, 1 above."""
    low, high = accepted(direction, threshold)
    if value < low or (direction == "above" and value == low):
        return -1
    return int(value > high or (direction == "below" and value == high))


def accepted(direction: Direction, threshold: Threshold) -> tuple[float, float]:
    """Least and largest number that a claim allows; `above` and `below` leave out the end itself.

    Raises:
        ValueError: a threshold of another form.
    """
    if direction == "between":
        if not isinstance(threshold, list) or len(threshold) != 2 or threshold[0] > threshold[1]:
            raise ValueError(f"'between' has the threshold {threshold!r}, expected two numbers, the lower one first")
        return threshold[0], threshold[1]
    if isinstance(threshold, list):
        raise ValueError(f"'{direction}' has the threshold {threshold!r}, expected one number")
    return (threshold, math.inf) if direction in ("above", "at_least") else (-math.inf, threshold)


def asked(direction: Direction, threshold: Threshold, unit: str) -> str:
    """What a claim asks for, in words.

    >>> asked("between", [5, 10], "MB")
    'between 5 and 10 MB'
    """
    numbers = threshold if isinstance(threshold, list) else [threshold]
    return f"{WORDS[direction]} {' and '.join(f'{number:,.10g}' for number in numbers)} {unit}".rstrip()
