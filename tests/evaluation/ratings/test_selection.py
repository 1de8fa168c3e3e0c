"""Filters, composed names, missing and repeated votes, known items, and which votes raters are judged by."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsv_lab.evaluation.statistics.panels import REFERENCE, Panel, simulate

from .vote_files import COLUMNS, panel_file, ratings, rows_of, write


@pytest.fixture
def rows() -> list[list[str]]:
    return rows_of(simulate("acr", Panel(raters=8, items=6), seed=1))


def test_filters_are_patterns(tmp_path: Path, rows: list[list[str]]) -> None:
    path = write(tmp_path / "a.csv", (*COLUMNS, "valid"), [[*row, str(int(row[0] != "r8"))] for row in rows])
    options = [path, "--design", "acr"]
    found = ratings(
        *options, "--where", "valid=1", "--where", "item=i[1-3]", "--where", "item=i5", output=tmp_path / "1"
    )
    assert (found["counts"]["raters"], found["counts"]["items"], found["counts"]["votes"]) == (7, 4, 7 * 4 * 3)
    found = ratings(*options, "--where", "system!=C", "--where", "item != i1", output=tmp_path / "2")
    assert set(found["systems"]) == {"A", "B"} and found["counts"]["items"] == 5
    assert found["decisions"]["where"] == ["system!=C", "item != i1"]


def test_composed_names(tmp_path: Path, rows: list[list[str]]) -> None:
    parts = [[row[0], "speaker", row[1], "" if row[2] == "C" else row[2], row[3]] for row in rows]
    path = write(tmp_path / "a.csv", ("rater", "target", "text", "source", "score"), parts)
    found = ratings(
        path, "--design", "acr", "--item", "target+text", "--system", "target+source", output=tmp_path / "out"
    )
    assert set(found["systems"]) == {"speaker|A", "speaker|B", "speaker|"}
    assert "speaker|A / speaker|i1" in found["items"]


def test_missing_votes_are_counted(tmp_path: Path, rows: list[list[str]]) -> None:
    for number, cell in enumerate(("", "nan", "NA", "-")):
        rows[number][3] = cell
    found = ratings(write(tmp_path / "a.csv", COLUMNS, rows), "--design", "acr", output=tmp_path / "out")
    assert (found["counts"]["missing"], found["counts"]["votes"], found["counts"]["rows"]) == (4, 140, 144)


def test_names_that_look_like_missing_votes(tmp_path: Path, rows: list[list[str]]) -> None:
    named = [[row[0], row[1], {"A": "NA", "B": "none"}.get(row[2], row[2]), row[3]] for row in rows]
    found = ratings(write(tmp_path / "a.csv", COLUMNS, named), "--design", "acr", output=tmp_path / "out")
    assert set(found["systems"]) == {"NA", "none", "C"}


def test_the_order_of_rows_changes_nothing(tmp_path: Path, rows: list[list[str]]) -> None:
    first = ratings(write(tmp_path / "a.csv", COLUMNS, rows), "--design", "acr", output=tmp_path / "1")
    second = ratings(write(tmp_path / "b.csv", COLUMNS, rows[::-1]), "--design", "acr", output=tmp_path / "2")
    first.pop("files"), second.pop("files")
    assert first == second


@pytest.mark.parametrize("how", ["", "keep", "drop", "refuse"])
def test_repeated_votes(tmp_path: Path, rows: list[list[str]], how: str, capsys: pytest.CaptureFixture[str]) -> None:
    """One copy of a row, and one other vote on the same."""
    other = [*rows[1][:3], "1" if rows[1][3] != "1" else "2"]
    path = write(tmp_path / "a.csv", COLUMNS, [*rows, rows[0], other])
    options = [path, "--design", "acr", *(["--duplicates", how] if how else [])]
    if how == "refuse":
        with pytest.raises(AssertionError):
            ratings(*options, output=tmp_path / "out")
        assert "2 votes repeat a rater, item and system, first line 2 and line 146" in capsys.readouterr().err
        return
    found = ratings(*options, output=tmp_path / "out")
    assert (found["counts"]["votes"], found["counts"]["repeated"], found["counts"]["copies"]) == (
        (145, 1, 1) if how == "drop" else (146, 2, 1)
    )
    assert any("repeat" in text for text in found["warnings"])


def test_a_filter_on_what_is_played_does_not_change_who_is_kept(tmp_path: Path) -> None:
    """Nobody is judged by the three trials of a corpus; whoever failed in all is out of both."""
    votes = simulate("mushra", Panel(raters=6, items=20), seed=1)
    rows = [[*row, "P" if int(row[1][1:]) <= 3 else "Q"] for row in rows_of(votes)]
    for row in rows:
        if row[2] == REFERENCE:
            missed = row[0] == "r1" and row[1] == "i1" or row[0] == "r2" and int(row[1][1:]) > 14
            row[3] = "50" if missed else "100"
    path = write(tmp_path / "m.csv", (*COLUMNS, "corpus"), rows)
    options = [path, "--design", "mushra", "--reference", REFERENCE]
    for number, filters in enumerate(([], ["corpus=P"], ["corpus=Q"], ["item=i1"] + ["item=i2"], ["system=[AB]"])):
        where = [word for one in filters for word in ("--where", one)]
        assert ratings(*options, *where, output=tmp_path / str(number))["screening"]["removed"] == ["r2"], filters
    some = ratings(*options, "--where", "rater=r[13456]", output=tmp_path / "others")
    assert some["screening"]["removed"] == [] and some["counts"]["raters"] == 5


def test_votes_out_of_the_scale_matter_where_they_are_used(tmp_path: Path, rows: list[list[str]]) -> None:
    other = [[*row, "nat"] for row in rows] + [[*row[:3], "77", "sim"] for row in rows]
    path = write(tmp_path / "a.csv", (*COLUMNS, "question"), other)
    found = ratings(path, "--design", "acr", "--where", "question=nat", output=tmp_path / "out")
    assert found["counts"]["votes"] == 144 and found["counts"]["repeated"] == 0


def test_known_items_screen_and_are_no_votes(tmp_path: Path, rows: list[list[str]]) -> None:
    plain = [[*row, "", ""] for row in rows]
    checks = [
        ["r1", "g", "gold", "3", "5", ""],
        ["r2", "g", "gold", "4", "5", ""],
        ["r3", "t", "trap", "1", "", "2"],
        ["r4", "t", "trap", "2", "", "2"],
    ]
    path = write(tmp_path / "a.csv", (*COLUMNS, "gold", "must"), plain + checks)
    found = ratings(path, "--design", "acr", "--gold", "gold", "--trap", "must", output=tmp_path / "out")
    assert found["screening"]["removed"] == ["r1", "r3"] and set(found["systems"]) == {"A", "B", "C"}
    assert found["counts"]["checks"] == 4 and found["decisions"]["screening"] == ["gold", "trap"]
    assert found["screening"]["not_judged"] == ["r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8"]


def test_a_column_called_method_may_be_anything(tmp_path: Path, rows: list[list[str]]) -> None:
    path = write(tmp_path / "a.csv", ("rater", "item", "method", "score"), rows)
    assert set(ratings(path, "--design", "acr", "--system", "method", output=tmp_path / "out")["systems"]) == {
        "A",
        "B",
        "C",
    }


def test_rules_by_name(tmp_path: Path) -> None:
    path = panel_file(tmp_path / "a.csv", "acr", Panel(raters=16, items=12, careless=2), seed=3)
    options = [path, "--design", "acr", "--screen", "same-button", "panel-correlation", "bt500", "outlying-votes"]
    found = ratings(*options, output=tmp_path / "out")
    assert {"r15", "r16"} <= set(found["screening"]["removed"]) and found["screening"]["outlying_votes"] is not None
    assert found["systems_before"]["A"]["n"] == 192 > found["systems"]["A"]["n"]
    assert [rule["rule"] for rule in found["screening"]["rules"]] == ["same-button", "panel-correlation", "bt500"]
    none = ratings(path, "--design", "acr", "--screen", "none", output=tmp_path / "none")
    assert none["systems_before"] == none["systems"] and none["screening"]["rules"] == []


def test_mushra_without_a_named_reference_is_not_screened(tmp_path: Path) -> None:
    path = panel_file(tmp_path / "m.csv", "mushra")
    found = ratings(path, "--design", "mushra", output=tmp_path / "out")
    (refused,) = found["screening"]["refused"]
    assert refused["rule"] == "hidden-reference" and "not named (--reference)" in refused["reason"]
    assert any(text.startswith("Not screened by hidden-reference") for text in found["warnings"])
    assert "Not screened by hidden-reference" in (tmp_path / "out" / "ratings.html").read_text(encoding="utf-8")


def test_raters_who_never_rated_the_reference_stay_and_are_named(tmp_path: Path) -> None:
    votes = simulate("mushra", Panel(raters=6, items=5))
    kept = [row for row in rows_of(votes) if (row[0], row[2]) != ("r3", REFERENCE)]
    path = write(tmp_path / "m.csv", COLUMNS, kept)
    found = ratings(path, "--design", "mushra", "--reference", REFERENCE, output=tmp_path / "out")
    assert found["screening"]["not_judged"] == ["r3"] and any("1 raters by: r3" in text for text in found["warnings"])
