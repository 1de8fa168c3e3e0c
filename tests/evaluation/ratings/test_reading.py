"""Tables in any delimiter, matrices with or without names, exports of other programs."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest

from gsv_lab.errors import DataError
from gsv_lab.evaluation.ratings.formats import READERS, known_columns, read_votes
from gsv_lab.evaluation.ratings.matrices import read_matrix
from gsv_lab.evaluation.ratings.tables import from_records, is_missing, number, read_tables

from .vote_files import panel_file, ratings, write

VOTES = np.random.default_rng(0).integers(1, 6, (7, 4)).tolist()
HEADS = {"none": [], "judges": [f"judge{n}" for n in range(1, 5)], "names": ["ann", "bob", "cai", "dan"]}
FIRSTS = {
    "none": ("", []),
    "words": ("wav", [f"clip {n}" for n in range(7)]),
    "item": ("Item", [str(n + 1) for n in range(7)]),
    "pandas": ("", [str(n) for n in range(7)]),
    "counts": ("take", [str(n + 1) for n in range(7)]),
    "numbers": ("recording", [str(101 + 7 * n) for n in range(7)]),
}


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    rows = [["r1", "an item, or two", "A; B", "4,5"], ["r2", 'said "so"', "C|D", "3"]]
    path = write(tmp_path / "x.csv", ("rater", "item", "system", "score"), rows, delimiter)
    found = read_tables([path])
    assert found.columns == ("rater", "item", "system", "score") and [list(row) for row in found.rows] == rows
    assert found.lines == ["line 2", "line 3"] and found.files[0]["rows"] == 2


def test_white_space_and_odd_ends(tmp_path: Path) -> None:
    (tmp_path / "x.txt").write_bytes(b'\xef\xbb\xbfrater  item   score\r\nr1 "item 1"  4\r\n\r\n  r2  i2  5  \r\n')
    assert read_tables([tmp_path / "x.txt"]).rows == [("r1", "item 1", "4"), ("r2", "i2", "5")]
    (tmp_path / "y.txt").write_text("rater;item;score\nr1;i;4\n", encoding="utf-16")
    assert read_tables([tmp_path / "y.txt"]).rows == [("r1", "i", "4")]


def test_packed_files_are_known_by_their_content(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(gzip.compress(b"rater,score\nr,1\n"))
    assert read_tables([tmp_path / "x.csv"]).rows == [("r", "1")]


def test_files_of_one_test_are_put_together(tmp_path: Path) -> None:
    one = write(tmp_path / "one.csv", ("rater", "score"), [["r", "1"]])
    two = write(tmp_path / "two.csv", ("rater", "score"), [["s", "2"]])
    found = read_tables([one, two])
    assert found.rows == [("r", "1"), ("s", "2")] and found.lines[1] == "line 2 of two.csv"
    with pytest.raises(DataError, match=r"'odd.csv' has the columns rater, vote. Expected the columns rater, score"):
        read_tables([one, write(tmp_path / "odd.csv", ("rater", "vote"), [["r", "1"]])])


def test_numbers() -> None:
    cells = {"4": 4.0, "4.5": 4.5, "4,5": 4.5, "-3": -3.0, "+1": 1.0, ".5": 0.5, "1e2": 100.0}
    assert {cell: number(cell) for cell in cells} == cells
    assert not [
        cell for cell in ("", "x", "nan", "inf", "1,2,3", "1.2,3", "0x1", "1_0", "--1") if number(cell) is not None
    ]
    assert all(map(is_missing, ("", "NaN", "N/A", "null", "-", "."))) and not is_missing("0")


@pytest.mark.parametrize("missing", ["", "nan", "NA"])
@pytest.mark.parametrize("first", FIRSTS)
@pytest.mark.parametrize("head", HEADS)
def test_matrices_with_and_without_names(tmp_path: Path, head: str, first: str, missing: str) -> None:
    if head == "none" and first not in ("none", "words") or (head, first) == ("names", "none"):
        head, first = "judges", "none"  # without headings numbers are votes
    heading, names = FIRSTS[first]
    rows = [[*names[n : n + 1], *map(str, row)] for n, row in enumerate(VOTES)]
    rows[2][-1] = missing
    columns = [*([heading] if names else []), *HEADS[head]] if HEADS[head] else []
    found = read_matrix(write(tmp_path / "m.csv", columns, rows))
    assert found.columns == tuple(HEADS[head] or "1234") and found.rows == tuple(names or "1234567")
    assert found.votes[0] == VOTES[0] and found.votes[2] == [*VOTES[2][:-1], None] and len(found.votes) == 7


def test_headings_that_count(tmp_path: Path) -> None:
    rows = [[str((row + column) % 5 + 1) for column in range(6)] for row in range(4)]
    path = write(tmp_path / "m.csv", [str(n) for n in range(1, 7)], rows)
    assert len(read_matrix(path).votes) == 4
    pandas = write(
        tmp_path / "p.csv", ["", *map(str, range(4))], [[str(n), *map(str, row)] for n, row in enumerate(VOTES)]
    )
    assert read_matrix(pandas).rows == tuple("0123456") and read_matrix(pandas).columns == tuple("0123")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("1,2\n3", "[DATA_ROW]"),
        ("a,b\n", "nothing below it"),
        ("item\na\nb\n", "names and no votes"),
        ("item,a,a\nx,1,2\n", "are called 'a'"),
        ("item,a,b\nx,1,2\nx,3,4\n", "are called 'x'"),
        ("item,a,b\nx,1,good\n", "Line 2, column b: 'good' is no vote"),
        ("", "is empty"),
        ('a,"b\n', "[DATA_ROW]"),
    ],
)
def test_bad_matrices(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "m.csv").write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_matrix(tmp_path / "m.csv")
    assert said in f"{caught.value} [{caught.value.code}]"


def test_webmushra(tmp_path: Path) -> None:
    head = (
        "session_test_id",
        "email",
        "age",
        "session_uuid",
        "trial_id",
        "rating_stimulus",
        "rating_score",
        "rating_time",
        "rating_comment",
    )
    rows = [
        ["demo", "", "30", person, trial, stimulus, str(score + (trial == "t2")), "1000", "it, was \"good\""]
        for person in ("u1", "u2", "u3") for trial in ("t1", "t2")
        for stimulus, score in (("reference", 98 - 18 * (person == "u3")), ("C1", 20 + ord(person[1])), ("anchor", 20))
    ]  # fmt: skip
    path = write(tmp_path / "mushra.csv", head, rows)
    found = ratings(path, "--design", "mushra", "--anchor", "anchor", output=tmp_path / "out")
    assert found["program"] == "webMUSHRA" and found["reference"] == ["reference"]
    assert found["screening"]["removed"] == ["u3"] and found["counts"]["items"] == 2
    assert set(found["systems"]) == {"C1", "anchor", "reference"}


def test_older_webmushra_knows_persons_by_what_they_wrote() -> None:
    columns = (
        "session_test_id",
        "email",
        "age",
        "trial_id",
        "rating_stimulus",
        "rating_score",
        "rating_time",
        "rating_comment",
    )
    known = known_columns(columns)
    assert known is not None and known.columns["rater"] == "email+age"
    single = known_columns(("session_test_id", "name", "trial_id", "stimuli_rating", "stimuli", "rating_time"))
    assert single is not None and single.columns == {
        "rater": "name",
        "item": "trial_id",
        "system": "stimuli",
        "score": "stimuli_rating",
    }
    assert known_columns(("rater", "score")) is None


def test_webmushra_paired_comparison(tmp_path: Path) -> None:
    head = (
        "session_test_id",
        "name",
        "trial_id",
        "choice_reference",
        "choice_non_reference",
        "choice_answer",
        "choice_time",
    )
    words = ["correct", "correct", "incorrect", "undecided"]
    rows = [["t", f"p{n}", "trial", "ref", "C1", word, "9"] for n, word in enumerate(words)]
    found = ratings(write(tmp_path / "pc.csv", head, rows), "--design", "abx", output=tmp_path / "out")
    assert (found["systems"]["C1"]["n"], found["systems"]["C1"]["right"], found["counts"]["missing"]) == (3, 2, 1)


def test_p808_toolkit(tmp_path: Path) -> None:
    head = ("HITId", "workerid", "file", "short_file_name", "vote", "question_type", "condition")
    rows = [
        ["H", f"W{worker}", f"https://x/{system}_{n}.wav", f"{system}_{n}", str((worker + n) % 5 + 1), "MOS", system]
        for worker in range(4) for system in ("c01", "c02") for n in range(3)
    ]  # fmt: skip
    found = ratings(write(tmp_path / "votes.csv", head, rows), "--design", "acr", output=tmp_path / "out")
    assert found["program"] == "P.808 toolkit" and set(found["systems"]) == {"c01", "c02"}
    assert (found["counts"]["raters"], found["counts"]["items"]) == (4, 6)
    two = known_columns(("HITId", "workerid", "file", "vote", "model", "noise"))
    assert two is not None and two.columns["system"] == "model+noise"


def test_one_more_format_is_one_more_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As results of a listening test are read: records, with a key."""
    from gsv_lab.evaluation.ratings.formats import Reader

    def read(paths: object, key: Path | None) -> object:
        assert key is not None
        records = [{"rater": f"r{n}", "item": "i", "system": key.stem, "score": n} for n in range(3)]
        return from_records(records, [{"name": "blind", "sha256": "", "rows": 3}])

    monkeypatch.setattr(
        "gsv_lab.evaluation.ratings.formats.READERS",
        [*READERS, Reader("panel", lambda begin: begin[:1] == b"{", read, True)],
    )  # type: ignore[arg-type]
    (tmp_path / "votes.json").write_text("{}", encoding="utf-8")
    found = read_votes([tmp_path / "votes.json"], tmp_path / "A.json")
    assert found.rows[2] == ("r2", "i", "A", "2") and found.lines[0] == "vote 1"
    with pytest.raises(ValueError, match="is blind. Expected the key"):
        read_votes([tmp_path / "votes.json"])
    table = panel_file(tmp_path / "a.csv")
    with pytest.raises(DataError, match="The files are table and panel"):
        read_votes([table, tmp_path / "votes.json"], tmp_path / "A.json")


def test_records() -> None:
    assert from_records([{"a": None, "b": 1.5}]).rows == [("", "1.5")]
    for bad in ([], [{"a": 1}, {"b": 2}]):
        with pytest.raises(DataError, match=r"no results|Vote 2 has b"):
            from_records(bad)
