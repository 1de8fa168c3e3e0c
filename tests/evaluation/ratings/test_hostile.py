"""Bad input: one error each, with what was wrong, and nothing written."""

from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path

import pytest

from gsv_lab.cli import main
from gsv_lab.evaluation.statistics.panels import Panel, simulate

from .vote_files import COLUMNS, panel_file, ratings, rows_of, write

ROWS = rows_of(simulate("acr", Panel(raters=5, items=4)))
MUSHRA = rows_of(simulate("mushra", Panel(raters=5, items=4)))
Change = Callable[[list[list[str]]], list[list[str]]]


def same(rows: list[list[str]]) -> list[list[str]]:
    return rows


def more(*cells: str) -> Change:
    return lambda rows: [*rows, list(cells)]


TABLES: dict[str, tuple[str, Change, str]] = {
    "above the scale": ("acr", more("r1", "i9", "A", "6"), "Line 62: the vote is 6. Expected votes from 1 to 5"),
    "below the scale": ("acr --scale 0 10", more("r1", "i9", "A", "-1"), "votes from 0 to 10"),
    "another test": ("acr", lambda rows: MUSHRA, "[VOTE_RANGE]"),
    "a word": ("acr", more("r1", "i9", "A", "good"), "Line 62: 'good' is no vote"),
    "infinity": ("acr", more("r1", "i9", "A", "inf"), "'inf' is no vote"),
    "one rater": ("acr", lambda rows: [row for row in rows if row[0] == "r1"], "All votes are of one rater, 'r1'"),
    "one item": ("acr", lambda rows: [row for row in rows if row[1] == "i1"], "All votes are of one item, 'i1'"),
    "no rows": ("acr", lambda rows: [], "No row with a vote passes"),
    "nothing passes": ("acr --where system=Z", same, "No row with a vote passes"),
    "no votes": ("acr", lambda rows: [[*row[:3], ""] for row in rows], "No row with a vote passes"),
    "nameless rater": ("acr", more("", "i1", "A", "3"), "Line 62 names no rater"),
    "missing reference": ("mushra --scale 1 5 --reference R", same, "No vote is on the reference 'R'"),
    "unknown anchor": ("mushra --scale 1 5 --anchor low", same, "[SYSTEM_UNKNOWN]"),
    "unknown primary": ("acr --primary A Z", same, "No vote is on the system 'Z'"),
    "unknown column": ("acr --rater listener", same, "There is no column 'listener' for --rater"),
    "misspelt column": ("acr --rater ratter", same, "Did you mean rater?"),
    "unknown part": ("acr --item item+text", same, "There is no column 'text' for --item"),
    "unknown filter": ("acr --where valid=1", same, "There is no column 'valid' for --where"),
    "no filter": ("acr --where item", same, "--where is 'item'. Expected COLUMN=PATTERN"),
    "twice the file": (
        "acr",
        lambda rows: rows + rows,
        "60 of 120 rows are copies of others, first line 2 and line 62",
    ),
    "a trial twice": ("mushra --scale 1 5", more(*ROWS[0]), "1 vote repeats a rater, item and system"),
    "ragged": ("acr", more("r1", "i1"), "Line 62 has 2 cells. Expected 4"),
    "everybody screened": (
        "acr --screen panel-correlation",
        lambda rows: [[*row[:3], "3"] for row in rows],
        "leaves no vote",
    ),
}
"""What is wrong -> options behind --design, what becomes of the rows, what is said."""


@pytest.mark.parametrize("case", TABLES)
def test_bad_tables(tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    options, change, said = TABLES[case]
    path = write(tmp_path / "a.csv", COLUMNS, change([list(row) for row in ROWS]))
    assert main(["ratings", str(path), "--design", *options.split(), "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1 and "Traceback" not in error
    assert sorted(file.name for file in tmp_path.iterdir()) == ["a.csv"]


FILES = {
    "empty": (b"", "'a.csv' is empty"),
    "no text": (bytes(range(256)), "is no UTF-8"),
    "cut short": (gzip.compress(b"rater,item,system,score\nr,i,A,3\n" * 50)[:40], "is damaged"),
    "a bomb": (gzip.compress(bytes(300 * 2**20), 9), "unpacks to more than 256 MiB"),
    "another format": (b'{"votes": []}', "[FORMAT_UNKNOWN]"),
    "one column": (b"x\n1\n", "There is no column 'rater'"),
    "a column twice": (b"rater,rater,item\nr,r,i\n", "Two columns of 'a.csv' are called 'rater'"),
    "a heading without a name": (b"rater,,item\nr,r,i\n", "Column 2 of 'a.csv' has no name"),
    "several designs": (
        b"rater,item,system,score,design\nr,i,A,3,acr\ns,j,A,3,ccr\n",
        "votes of several kinds: acr, ccr",
    ),
    "choices among ratings": (
        b"rater,item,system,score,winner,loser\nr,i,A,3,,\ns,j,A,,A,B\n",
        "Line 3 is a choice between two",
    ),
    "an endless cell": (b'rater,item,system,score\nr,i,A,"3\n' + b"x" * 200_000, "is no table"),
}


@pytest.mark.parametrize("case", FILES)
def test_bad_files(tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.csv").write_bytes(FILES[case][0])
    assert main(["ratings", str(tmp_path / "a.csv"), "--design", "acr", "--output", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert FILES[case][1] in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


CALLS = {
    "no file": ([], "There is no file of votes"),
    "no such file": (["nowhere.csv"], "[DATA_MISSING]"),
    "a folder": (["."], "it is a folder"),
    "a file twice": (["a.csv", "./a.csv"], "A file is given twice"),
    "a key": (["a.csv", "--key", "a.csv"], "which is not blind"),
    "a scale upside down": (["a.csv", "--scale", "5", "1"], "the lower one first"),
    "no number": (["a.csv", "--margin", "0"], "0 is not a number above 0"),
    "both": (["a.csv", "--reference", "A", "--anchor", "A"], "'A' is both reference and anchor"),
    "no such rule": (["a.csv", "--screen", "mood"], "A screening rule is 'mood'"),
    "a rule and none": (["a.csv", "--screen", "none", "bt500"], "rules, or none"),
    "decide with votes": (["a.csv", "--decide"], "--decide takes no votes"),
}


@pytest.mark.parametrize("case", CALLS)
def test_bad_calls(
    tmp_path: Path, case: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "a.csv", COLUMNS, ROWS)
    assert main(["ratings", *CALLS[case][0], "--design", "acr", "--output", "out"]) == 2
    error = capsys.readouterr().err
    assert CALLS[case][1] in error and error.count("\n") == 1 and not (tmp_path / "out").exists()


def test_designs_that_do_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = str(write(tmp_path / "a.csv", COLUMNS, ROWS))
    for options, said in (
        (["pairs"], "There is no column 'winner'"),
        (["abx"], "is neither right nor wrong"),
        (["matrix"], "no vote. Expected a number"),
        (["matrix", "--where", "item=i1"], "A matrix has no columns"),
        (["matrix", path.replace("a.csv", "b.csv")], "[USAGE]"),
        (["pairs", "--screen", "bt500"], "Screening is for ratings"),
        (["abx", "--scale", "0", "1"], "abx has no scale"),
        (["mushra", "--reference", "A", "--reference", "B"], "the one hidden reference"),
        (["cmos"], "'cmos'"),
    ):
        assert main(["ratings", path, "--output", str(tmp_path / "out"), "--design", *options]) == 2
        assert said in capsys.readouterr().err
    twice = [["r", f"x{n}", f"y{n}"] for n in range(12)] * 2
    path = str(write(tmp_path / "t.csv", ("rater", "winner", "loser"), twice))
    assert main(["ratings", path, "--design", "pairs", "--output", str(tmp_path / "out")]) == 2
    assert "12 of 24 rows are copies" in capsys.readouterr().err
    self = str(write(tmp_path / "p.csv", ("rater", "winner", "loser"), [["r", "a", "a"]]))
    assert main(["ratings", self, "--design", "pairs", "--output", str(tmp_path / "out")]) == 2
    assert "compares 'a' with itself" in capsys.readouterr().err


def test_votes_that_are_all_the_same(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", COLUMNS, [[*row[:3], "3"] for row in ROWS])
    found = ratings(path, "--design", "acr", "--margin", "0.2", output=tmp_path / "out")
    assert "All votes are the same: nothing can be told from them." in found["warnings"]
    for entry in found["systems"].values():
        assert entry["sd"] == 0 and entry["intervals"]["twoway"]["half"] == 0
    for pair in found["pairs"]:
        assert (pair["W"], pair["p"], pair["p_holm"], pair["zeros"], pair["equivalence"]["p"]) == (0, 1, 1, 5, 0)
    assert found["friedman"]["p"] == 1 and found["agreement"]["alpha_ordinal"] is None


def test_systems_that_share_no_rater(tmp_path: Path) -> None:
    rows = [row for row in ROWS if (row[2] == "A") == (row[0] in ("r1", "r2")) and row[2] != "C"]
    found = ratings(write(tmp_path / "a.csv", COLUMNS, rows), "--design", "acr", output=tmp_path / "out")
    (pair,) = found["pairs"]
    assert (pair["n"], pair["diff"], pair["p"], pair["p_holm"]) == (0, None, None, None)
    assert pair["twoway"]["diff"] == pytest.approx(found["systems"]["A"]["mean"] - found["systems"]["B"]["mean"])


def test_a_system_with_one_rater_has_no_primary_interval(tmp_path: Path) -> None:
    rows = [row for row in ROWS if row[2] != "C" or row[0] == "r1"]
    found = ratings(write(tmp_path / "a.csv", COLUMNS, rows), "--design", "acr", output=tmp_path / "out")
    assert found["systems"]["C"]["intervals"]["twoway"]["half"] is None
    assert "No primary interval for C: one rater or one item." in found["warnings"]


def test_names_are_shown_and_never_obeyed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    nasty = '<script>alert("x")</script>\x1b[31m'
    rows = [[row[0].replace("r1", nasty), row[1], row[2].replace("A", nasty), row[3]] for row in ROWS]
    found = ratings(write(tmp_path / "a.csv", COLUMNS, rows), "--design", "acr", output=tmp_path / "out")
    page = (tmp_path / "out" / "ratings.html").read_text(encoding="utf-8")
    assert nasty in found["systems"] and "<script" not in page and "&lt;script&gt;" in page and "\x1b" not in page
    assert "\x1b" not in capsys.readouterr().out


def test_other_files_are_not_overwritten(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = panel_file(tmp_path / "a.csv")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.txt").write_text("years of work", encoding="utf-8")
    assert main(["ratings", str(path), "--design", "acr", "--output", str(tmp_path / "out")]) == 2
    assert "[OUTPUT_EXISTS]" in capsys.readouterr().err
    assert (tmp_path / "out" / "thesis.txt").read_text(encoding="utf-8") == "years of work"


def test_damaged_decisions_are_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, output = panel_file(tmp_path / "a.csv"), tmp_path / "out"
    output.mkdir()
    for text in ("{", "[1]"):
        (output / "decisions.json").write_text(text, encoding="utf-8")
        assert main(["ratings", str(path), "--design", "acr", "--output", str(output)]) == 2
        assert "decisions.json" in capsys.readouterr().err
