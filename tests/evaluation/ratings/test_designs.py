"""Each design end to end, on panels whose truth is known; keys of ratings.json; decisions before and after."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy import stats

from gsv_lab.cli import main
from gsv_lab.evaluation.statistics.panels import Panel, simulate, simulate_pairs

from .vote_files import COLUMNS, choice_rows, panel_file, ratings, rows_of, write

PANEL = Panel({"A": 4.3, "B": 3.2, "C": 2.0}, 16, 10)


@pytest.mark.parametrize("design", ["acr", "smos", "mushra"])
def test_ratings_find_the_order(tmp_path: Path, design: str) -> None:
    found = ratings(panel_file(tmp_path / "a.csv", design, PANEL), "--design", design, output=tmp_path / "out")
    means = {name: entry["mean"] for name, entry in found["systems"].items()}
    assert means["A"] > means["B"] > means["C"]
    for entry in found["systems"].values():
        assert set(entry["intervals"]) == {"t", "rater", "item", "twoway", "pigeonhole"}
        for interval in entry["intervals"].values():
            assert {"half", "half_196", "low", "high", "se", "df"} <= set(interval)
    pairs = {(pair["a"], pair["b"]): pair for pair in found["pairs"]}
    assert pairs["A", "C"]["p_holm"] < 0.01 and pairs["A", "C"]["twoway"]["low"] > 0
    assert pairs["A", "C"]["sign"]["minus"] == 0 and found["friedman"]["p"] < 0.001
    assert set(found["subjects"]) == {f"r{n}" for n in range(1, 17)} and found["agreement"]["icc2k"] > 0.9
    assert found["components"]["system"] > found["components"]["rater"]
    assert found["schema"] == 1 and found["design"] == design


def test_tests_are_those_of_scipy(tmp_path: Path) -> None:
    votes = simulate("acr", PANEL, seed=4)
    path = write(tmp_path / "a.csv", COLUMNS, rows_of(votes))
    found = ratings(path, "--design", "acr", "--margin", "0.5", "--primary", "C", "A", output=tmp_path / "out")
    table = votes.score.reshape(3, 16, 10).mean(2)
    (pair,) = (entry for entry in found["pairs"] if (entry["a"], entry["b"]) == ("B", "C"))
    apart = table[1] - table[2]
    expected = stats.wilcoxon(apart)
    assert (pair["W"], pair["p"]) == pytest.approx((expected.statistic, expected.pvalue))
    assert pair["t"]["p"] == pytest.approx(stats.ttest_rel(table[1], table[2]).pvalue)
    assert found["friedman"]["chi2"] == pytest.approx(stats.friedmanchisquare(*table).statistic)
    assert found["primary"]["diff"] == pytest.approx((table[2] - table[0]).mean())
    assert pair["equivalence"] == {"margin": 0.5, "p": pytest.approx(1, abs=0.01)}


def test_friedman_leaves_reference_and_anchors_out(tmp_path: Path) -> None:
    path = panel_file(tmp_path / "a.csv", "mushra", Panel({"A": 4.3, "B": 3.2, "C": 3.1, "low": 1.5}, 12, 6))
    found = ratings(path, "--design", "mushra", "--reference", "reference", "--anchor", "low", output=tmp_path / "out")
    assert found["friedman"]["systems"] == 3 and len(found["pairs"]) == 10
    two = ratings(path, "--design", "mushra", "--where", "system=[AB]", output=tmp_path / "two")
    assert two["friedman"]["chi2"] is None and "three systems" in two["friedman"]["reason"]


def test_comparison_ratings(tmp_path: Path) -> None:
    votes = simulate("ccr", PANEL, seed=2)
    rows = [
        [*row[:3], str(min(3, int(row[3]) + 1)) if n % 2 else row[3], "BA" if n % 2 else "AB"]
        for n, row in enumerate(rows_of(votes))
    ]
    path = write(tmp_path / "a.csv", (*COLUMNS, "order"), rows)
    found = ratings(path, "--design", "ccr", output=tmp_path / "out")
    for entry in found["systems"].values():
        assert entry["against_zero"]["p"] < 0.05 and entry["against_zero"]["diff"] < 0
        effect = entry["order_effect"]
        assert (effect["first"], effect["second"]) == ("AB", "BA") and effect["mean"] == pytest.approx(-1, abs=0.4)
    alone = write(
        tmp_path / "b.csv", ("rater", "item", "score"), [[row[0], row[1], row[3]] for row in rows if row[2] == "B"]
    )
    assert list(ratings(alone, "--design", "ccr", output=tmp_path / "alone")["systems"]) == ["all"]


def test_pairs_with_ties_and_blocks(tmp_path: Path) -> None:
    rows = []
    for block, seed in (("x", 1), ("y", 2)):
        rows += [[block, *row] for row in choice_rows(simulate_pairs(PANEL, seed, 0.4))]
    path = write(tmp_path / "p.csv", ("content", "who", "better", "worse", "undecided"), rows)
    columns = ["--rater", "who", "--winner", "better", "--loser", "worse", "--tie", "undecided"]
    found = ratings(path, "--design", "pairs", *columns, "--block", "content", output=tmp_path / "out")
    strengths = found["bradley_terry"]
    assert set(strengths) == {f"{block}|{name}" for block in "xy" for name in "ABC"}
    assert sum(np.exp(list(strengths.values()))) == pytest.approx(1) and found["tie"] > 0
    for block in "xy":
        assert strengths[f"{block}|A"] > strengths[f"{block}|B"] > strengths[f"{block}|C"]
    for entry in found["strengths"].values():
        assert entry["low"] < entry["centred"] < entry["high"]
    assert {entry["group"] for entry in found["strengths"].values()} == {1, 2}
    whole = ratings(path, "--design", "pairs", *columns, output=tmp_path / "whole")
    assert set(whole["bradley_terry"]) == {"A", "B", "C"} and len(whole["pairs"]) == 3
    pair = whole["pairs"][0]
    decided = stats.binomtest(pair["wins"], pair["wins"] + pair["losses"])
    assert pair["p"] == pytest.approx(decided.pvalue) and pair["low"] == pytest.approx(decided.proportion_ci().low)
    assert pair["share"] == pytest.approx((pair["wins"] + pair["ties"] / 2) / pair["n"])
    assert pair["by_rater"]["low"] < pair["share"] < pair["by_rater"]["high"]


def test_pairs_without_raters_or_without_a_maximum(tmp_path: Path) -> None:
    path = write(tmp_path / "p.csv", ("winner", "loser"), [["a", "b"], ["a", "b"], ["b", "c"], ["a", "c"], ["", "c"]])
    found = ratings(path, "--design", "pairs", "--duplicates", "keep", output=tmp_path / "out")
    assert found["bradley_terry"] == {} and found["counts"]["missing"] == 1
    assert [text for text in found["warnings"] if text.startswith("There are no strengths")]
    assert [pair["n"] for pair in found["pairs"]] == [2, 1, 1] and found["pairs"][0]["by_rater"]["low"] is None


def test_identification(tmp_path: Path) -> None:
    votes = simulate("abx", Panel({"A": 3.0, "B": 3.0, "C": 5.0}, 20, 10), seed=1)
    rows = [[row[0], row[1], row[2], "X" if row[3] == "1" else "Y", "X"] for row in rows_of(votes)]
    path = write(tmp_path / "a.csv", ("rater", "item", "system", "answer", "right"), rows)
    found = ratings(path, "--design", "abx", "--anytime", output=tmp_path / "out")
    one = found["systems"]["C"]
    test = stats.binomtest(one["right"], one["n"])
    assert (
        one["n"] == 200
        and one["p"] == pytest.approx(test.pvalue)
        and one["high"] == pytest.approx(test.proportion_ci().high)
    )
    assert (
        one["p_greater"] < 0.01
        and one["anytime"]["p"] < 0.05
        and one["anytime"]["low"] < one["share"] < one["anytime"]["high"]
    )
    scored = write(tmp_path / "b.csv", COLUMNS, rows_of(votes))
    assert ratings(scored, "--design", "abx", output=tmp_path / "b")["systems"]["C"]["right"] == one["right"]
    bare = write(tmp_path / "c.csv", ("rater", "score"), [["r1", "right"], ["r1", "wrong"], ["r2", "unknown"]])
    assert ratings(bare, "--design", "abx", output=tmp_path / "c")["systems"]["all"]["n"] == 2


def test_matrix_of_a_panel(tmp_path: Path) -> None:
    votes = simulate("acr", Panel({"A": 3.0}, 6, 40), seed=1)
    table = votes.score.reshape(6, 40)
    rows = [[f"clip{item}", *(f"{vote:g}" for vote in table[:, item])] for item in range(40)]
    path = write(tmp_path / "m.csv", ("clip", *(f"p{n}" for n in range(6))), rows)
    found = ratings(path, "--design", "matrix", output=tmp_path / "out")
    assert found["systems"]["all"]["mean"] == pytest.approx(table.mean()) and found["pairs"] == []
    assert found["items"]["clip3"]["mos"] == pytest.approx(table[:, 3].mean())
    assert found["counts"]["raters"] == 6 and found["agreement"]["icc_stimuli"] == 40


def test_votes_that_may_be_looked_at_any_time(tmp_path: Path) -> None:
    path = panel_file(tmp_path / "a.csv", "acr", Panel({"A": 4.5, "B": 2.0}, 60, 8))
    (pair,) = ratings(path, "--design", "acr", "--anytime", output=tmp_path / "out")["pairs"]
    assert pair["p"] < pair["anytime"]["p"] < 0.05 and pair["anytime"]["low"] > 0


def test_share_of_same(tmp_path: Path) -> None:
    votes = simulate("smos", Panel({"A": 3.0, "B": 2.0}, 8, 6))
    path = write(tmp_path / "a.csv", COLUMNS, [[*row[:3], str(min(4, int(row[3])))] for row in rows_of(votes)])
    found = ratings(path, "--design", "smos", "--scale", "1", "4", "--same-from", "3", output=tmp_path / "out")
    own = votes.of_system("A").score
    assert found["systems"]["A"]["share_same"] == pytest.approx((own >= 3).mean())
    assert sum(found["systems"]["A"]["votes"].values()) == 48


def test_equal_runs_are_equal_bytes(tmp_path: Path) -> None:
    path = panel_file(tmp_path / "a.csv")
    for name in ("1", "2"):
        ratings(path, "--design", "acr", output=tmp_path / name)
    for file in ("ratings.json", "ratings.html", "decisions.json"):
        assert (tmp_path / "1" / file).read_bytes() == (tmp_path / "2" / file).read_bytes()


def test_decisions_come_before_the_votes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path, output = panel_file(tmp_path / "a.csv"), tmp_path / "out"
    options = ["--design", "acr", "--output", str(output), "--draws", "50"]
    assert main(["ratings", "--decide", *options, "--screen", "same-button"]) == 0
    assert [file.name for file in output.iterdir()] == ["decisions.json"]
    decided = (output / "decisions.json").read_bytes()
    assert main(["ratings", str(path), *options, "--screen", "same-button"]) == 0
    results = json.loads((output / "ratings.json").read_text(encoding="utf-8"))
    assert results["decided"] == {"before_votes": True, "changed": []} and not results["warnings"]
    assert main(["ratings", str(path), *options, "--screen", "bt500", "--margin", "0.2"]) == 0
    results = json.loads((output / "ratings.json").read_text(encoding="utf-8"))
    assert results["decided"]["changed"] == ["screening", "margin"]
    assert results["warnings"][0] == "Changed since it was decided: screening, margin."
    assert (output / "decisions.json").read_bytes() == decided
    assert "Written down before the votes; changed since" in (output / "ratings.html").read_text(encoding="utf-8")
    capsys.readouterr()
    assert main(["ratings", "--decide", *options]) == 2 and "[OUTPUT_EXISTS]" in capsys.readouterr().err
    plain = ratings(path, "--design", "acr", output=tmp_path / "plain")
    assert plain["decided"] == {"before_votes": False, "changed": []}


def test_many_votes_are_quick(tmp_path: Path) -> None:
    """60,000 votes within a minute and 1.5 GB, in a process of its own."""
    import sys

    from gsv_lab.system.machine import run_child

    panel = Panel({f"S{n}": 1.5 + n / 12 for n in range(30)}, 100, 20, missing=0.0)
    path = panel_file(tmp_path / "a.csv.gz", "acr", panel)
    code = "import sys; from gsv_lab.cli import main; sys.exit(main(sys.argv[1:]))"
    done = run_child(
        [sys.executable, "-c", code, "ratings", str(path), "--design", "acr", "--output", str(tmp_path / "out")]
    )
    assert done.code == 0, done.output
    found = json.loads((tmp_path / "out" / "ratings.json").read_text(encoding="utf-8"))
    assert found["counts"]["votes"] == 60_000 and done.seconds <= 60
    assert done.peak_mb is None or done.peak_mb <= 1536
