"""The catalogue of measures agrees with itself, and values are written as it says."""

from __future__ import annotations

import pytest

from gsv_lab.evaluation.catalogue import GROUPS, MEASURES, direction, named, shortfall, shown, unit_of


def test_groups_and_weights_exist() -> None:
    for name, known in MEASURES.items():
        assert known.group in GROUPS or not known.group, name
        assert not known.weight or not MEASURES[known.weight].group, f"{name} is weighed by something that is shown"
        assert known.ideal is None or known.better == 0, name
    assert {known.group for known in MEASURES.values()} - {""} == {*GROUPS} - {"other"}
    errors = {name: known.weight for name, known in MEASURES.items() if known.weight}
    assert errors == {f"{unit}_error": f"{unit}_count" for unit in ("word", "char", "syllable", "phone")}


def test_an_unknown_measure_is_a_plain_mean_without_opinion() -> None:
    mine = named("my_own")
    assert (mine.heading, mine.group, mine.weight, mine.better) == ("my_own", "other", "", 0)
    assert shortfall("my_own", 3.0) is None and direction("my_own") == ""


@pytest.mark.parametrize(
    ("measure", "value", "options", "text"),
    [
        ("word_error", 0.0625, {}, "6.2"),
        ("word_error", 1.5, {"unit": True}, "150.0 %"),
        ("similarity", -0.5, {}, "−0.500"),
        ("dnsmos", 0.25, {"signed": True}, "+0.25"),
        ("dnsmos", -0.001, {"signed": True}, "0.00"),
        ("band_hz", 7812.4, {"unit": True}, "7812 Hz"),
        ("stoi", float("nan"), {}, "–"),
        ("stoi", None, {"unit": True}, "–"),
    ],
)
def test_values_as_they_are_shown(measure: str, value: float | None, options: dict[str, bool], text: str) -> None:
    assert shown(measure, value, **options) == text


def test_differences_of_shares_are_points() -> None:
    assert (unit_of("word_error"), unit_of("word_error", difference=True)) == ("%", "points")
    assert (unit_of("dnsmos"), unit_of("dnsmos", difference=True)) == ("of 5", "")
    assert unit_of("mcd", difference=True) == "dB"


def test_what_is_wrong_with_a_clip() -> None:
    assert shortfall("word_error", 0.0) is None and shortfall("word_error", 0.5) == 0.5
    assert shortfall("similarity", 0.2) > shortfall("similarity", 0.9)  # type: ignore[operator]
    assert shortfall("nearest", 1.0) is None and shortfall("nearest", 0.0) == 0.0
    assert shortfall("duration_ratio", 0.4) == pytest.approx(0.6) == shortfall("duration_ratio", 1.6)
    assert shortfall("f0_offset", -80.0) == 80.0 and shortfall("duration_ratio", 1.0) is None
    assert shortfall("mcd", float("nan")) is None and shortfall("ceiling", 0.1) is None
    assert direction("duration_ratio") == "near 1 is better" and direction("mcd") == "lower is better"
