"""Differences between systems: pictures, tables, and how many tests were asked."""

from __future__ import annotations

import re

import pytest

from gsv_lab import figures
from gsv_lab.evaluation.report.differences import ROWS, differences, p_value, pair, short_names

from .result_maker import results


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> list[tuple[dict[str, tuple[float, ...]], set[str], int]]:
    """What forests were asked to show; a small picture comes back."""
    calls = []
    small = figures.forest({"a": (0.0, 0.0, 0.0)})

    def forest(rows, title="", *, sure=(), better=0):  # type: ignore[no-untyped-def]
        calls.append((dict(rows), {*sure}, better))
        return small

    monkeypatch.setitem(vars(figures), "forest", forest)
    monkeypatch.setitem(vars(figures), "png", lambda figure, dpi=100.0, colours=0: b"png")
    return calls


def row(a: str, b: str, value: float, holm: float | None, **more: object) -> dict[str, object]:
    return {
        "a": a, "b": b, "language": "en", "measure": "word_error", "evaluator": "whisper-base", "value": value,
        "t": [value - 0.02, value + 0.02], "bootstrap": [value - 0.01, value + 0.01], "p": holm, "p_holm": holm,
        "unit": "speaker", "speakers": 4, "items": 8, **more,
    }  # fmt: skip


def test_natural_comes_first_and_shares_are_points(drawn: list) -> None:  # type: ignore[type-arg]
    rows = [row("one", "two", 0.1, 0.04), row("one", "natural", 0.25, 0.0004), row("two", "natural", 0.15, None)]
    whole = "".join(differences({"differences": rows, "settings": {"level": 0.95}}))
    assert "2 tests were asked" in whole and "Holm p is below 0.05" in whole and "of 95 % and" in whole
    ((shown, sure, better),) = drawn
    assert list(shown) == ["one − natural", "two − natural", "one − two"] and better == -1
    assert shown["one − natural"] == pytest.approx((25.0, 23.0, 27.0))
    assert sure == {"one − natural", "one − two"}
    cells = re.findall(r"<td[^>]*>(.*?)</td>", whole)
    assert cells[0] == "one − natural" and cells[1].startswith("<strong>") and "+25.0" in cells[1]
    assert "+23.0 to +27.0" in cells[1] and "Holm p &lt; 0.001" in cells[1]
    assert "<strong>" not in cells[3] and "Holm" not in cells[3]
    assert "points, lower is better" in whole


def test_long_lists_are_cut_in_the_picture_only(drawn: list) -> None:  # type: ignore[type-arg]
    rows = [row(f"system {n}", "natural", 0.1, 1.0, t=None, unit="clip") for n in range(ROWS + 3)]
    whole = "".join(differences({"differences": rows, "settings": {"level": 0.9}}))
    ((shown, sure, _),) = drawn
    assert len(shown) == ROWS and not sure and "3 more in the table" in whole
    assert all(pair(found) in whole for found in rows) and "this speaker only" in whole
    assert f"All {ROWS + 3} differences" in whole and "below 0.1." in whole


def test_one_system_has_no_differences() -> None:
    (only,) = differences({"differences": [], "settings": {"level": 0.95}})
    assert "no two systems" in only


def test_side_measures_stand_in_the_fold_only(drawn: list) -> None:  # type: ignore[type-arg]
    found = results(systems=("natural", "espeak"), each=1)
    whole = "".join(differences(found))
    seen, folded = whole.split("<details>", 1)
    assert "speaking rate" in folded and "speaking rate" not in seen and "warmth" in seen
    assert len(drawn) == len(re.findall("<img", whole))


def test_names_stay_different_when_they_are_shortened() -> None:
    assert short_names(["short − natural"]) == {"short − natural": "short − natural"}
    long = short_names(["a very long name of a system − natural"])
    assert len(*long.values()) <= 22 and "…" in [*long.values()][0]
    same = [f"a very long {n} name of a system − natural" for n in (1, 2)]
    assert short_names(same) == {name: name for name in same}
    assert (p_value(0.0004), p_value(0.04), p_value(None)) == ("< 0.001", "0.040", "–")
