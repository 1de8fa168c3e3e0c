"""One rule from a number with its interval to a verdict."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gsv_lab.evaluation.claims.measured import Measured
from gsv_lab.evaluation.claims.rule import CONTRADICTED, INCONCLUSIVE, SUPPORTED, accepted, asked, verdict

CASES = (
    ("above", 0.85, (0.86, 0.90), SUPPORTED),
    ("above", 0.85, (0.85, 0.90), INCONCLUSIVE),
    ("at_least", 0.85, (0.85, 0.90), SUPPORTED),
    ("above", 0.85, (0.74, 0.82), CONTRADICTED),
    ("at_least", 4.0, (3.9, 4.2), INCONCLUSIVE),
    ("at_least", 4.0, (3.5, 3.99), CONTRADICTED),
    ("above", 4.0, (3.5, 4.0), CONTRADICTED),
    ("below", 400, (300, 399), SUPPORTED),
    ("below", 400, (300, 400), INCONCLUSIVE),
    ("at_most", 400, (300, 400), SUPPORTED),
    ("below", 400, (400, 800), CONTRADICTED),
    ("at_most", 400, (400, 800), INCONCLUSIVE),
    ("between", [5, 10], (5, 10), SUPPORTED),
    ("between", [5, 10], (4, 7), INCONCLUSIVE),
    ("between", [5, 10], (4, 11), INCONCLUSIVE),
    ("between", [5, 10], (1, 4), CONTRADICTED),
    ("between", [5, 10], (11, 12), CONTRADICTED),
)


@pytest.mark.parametrize("direction, threshold, ends, expected", CASES)
def test_both_ends_decide(direction, threshold, ends, expected) -> None:  # noqa: ANN001
    measured = Measured(sum(ends) / 2, *ends, n=5, over="clips")
    assert verdict(measured, direction, threshold) == expected
    assert verdict(Measured(ends[0], n=5), direction, threshold) == INCONCLUSIVE


@pytest.mark.parametrize(
    "value, expected", [(4.9, CONTRADICTED), (5, SUPPORTED), (10, SUPPORTED), (10.1, CONTRADICTED)]
)
def test_a_count_needs_no_interval(value: float, expected: str) -> None:
    assert verdict(Measured(value, exact=True), "between", [5, 10]) == expected


@pytest.mark.parametrize(
    "measured",
    [Measured(9.0), Measured(9.0, 8.0, 10.0, n=1), Measured(9.0, 9.0, 9.0, n=20), Measured(9.0, None, 10.0, n=20)],
)
def test_nothing_is_decided_without_an_interval(measured: Measured) -> None:
    """One sample, samples that do not vary, half an interval."""
    assert verdict(measured, "above", 1.0) == INCONCLUSIVE


@given(st.floats(-5, 5), st.floats(0.01, 3), st.floats(-5, 5), st.sampled_from(["above", "at_least"]))
def test_opposite_claims_are_not_both_supported(value: float, half: float, limit: float, direction: str) -> None:
    measured = Measured(value, value - half, value + half, n=9)
    other = {"above": "at_most", "at_least": "below"}[direction]
    pair = (verdict(measured, direction, limit), verdict(measured, other, limit))  # type: ignore[arg-type]
    assert pair in {(SUPPORTED, CONTRADICTED), (CONTRADICTED, SUPPORTED), (INCONCLUSIVE, INCONCLUSIVE)}


def test_thresholds_have_the_form_of_their_direction() -> None:
    assert accepted("above", 2.0) == (2.0, math.inf) and accepted("at_most", 2.0) == (-math.inf, 2.0)
    for direction, threshold in (("between", 3.0), ("between", [3.0]), ("between", [4.0, 3.0]), ("above", [1.0, 2.0])):
        with pytest.raises(ValueError, match="expected"):
            accepted(direction, threshold)  # type: ignore[arg-type]
    assert asked("below", 100_000_000, "parameters") == "below 100,000,000 parameters"
