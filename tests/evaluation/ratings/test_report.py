"""The report: its parts and pictures, from the numbers of ratings.json."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from gsv_lab import figures
from gsv_lab.evaluation.ratings.report import page_of
from gsv_lab.evaluation.statistics.panels import Panel

from .vote_files import panel_file, ratings

HEADINGS = {
    "acr": ["Decisions", "Raters kept", "Systems", "Differences", "Agreement", "Where votes differ", "Raters"],
    "ccr": [
        "Decisions",
        "Raters kept",
        "Systems",
        "Against 0",
        "Differences",
        "Agreement",
        "Where votes differ",
        "Raters",
    ],
    "pairs": ["Decisions", "Strengths", "Pairs"],
    "abx": ["Decisions", "Right answers"],
}
PICTURES = {"acr": 4, "ccr": 3, "pairs": 1, "abx": 0}


class Tags(HTMLParser):
    """Checks that every tag is closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.mark.parametrize("design", HEADINGS)
def test_parts(tmp_path: Path, design: str) -> None:
    panel = Panel({"A": 4.0, "B": 3.6, "C": 3.0}, 10, 6)
    found = ratings(
        panel_file(tmp_path / "a.csv", design, panel), "--design", design, "--anytime", output=tmp_path / "out"
    )
    page = (tmp_path / "out" / "ratings.html").read_text(encoding="utf-8")
    assert re.findall(r"<h[23]>(.*?)</h[23]>", page) == HEADINGS[design]
    assert page.count("<img") == page.count("data:image/png") == PICTURES[design]
    assert "<script" not in page and "http" not in page and page == page_of(found)
    tags = Tags()
    tags.feed(page)
    assert not tags.open


def test_numbers_are_those_of_the_results(tmp_path: Path) -> None:
    path = panel_file(tmp_path / "a.csv", "mushra", Panel({"A": 4.4, "B": 3.0, "low": 1.6}, 10, 6, careless=2))
    options = ["--reference", "reference", "--anchor", "low", "--margin", "5", "--primary", "A", "B"]
    found = ratings(path, "--design", "mushra", *options, output=tmp_path / "out")
    page = (tmp_path / "out" / "ratings.html").read_text(encoding="utf-8")
    for name, entry in found["systems"].items():
        assert f"<td>{name}</td>" in page and f"<strong>{entry['mean']:.3f}</strong>" in page
        assert f"± {entry['intervals']['twoway']['half']:.3f}" in page
    assert (
        f"{len(found['pairs'])} pairs" in page and "Decided to count: A minus B" in page and "p (equivalence)" in page
    )
    kept = found["screening"]["after"]["raters"]
    assert f"kept {kept} with" in page and all(f"{name} (" in page for name in found["screening"]["removed"])
    assert ("mean of all raters" in page) == bool(found["screening"]["removed"])


def test_a_floor_is_said(tmp_path: Path) -> None:
    found = ratings(panel_file(tmp_path / "a.csv"), "--design", "acr", output=tmp_path / "out")
    changed = json.loads(json.dumps(found))
    changed["systems"]["A"]["intervals"]["twoway"]["floor"] = "rater"
    assert "(that of raters)" in page_of(changed)


def test_pictures_show_what_they_are_given() -> None:
    rows = {"A": (4.0, {"wide": (3.5, 4.5), "thin": (3.9, 4.1)}), "B$": (3.0, {"wide": (float("nan"), float("nan"))})}
    axis = figures.opinion_scores(rows, label="vote").axes[0]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["A", r"B\$"]
    spans = [line.get_xdata().tolist() for line in axis.lines if len(line.get_xdata()) == 2]
    assert [3.5, 4.5] in spans and [3.9, 4.1] in spans and len(spans) == 2
    shares = figures.vote_shares([[1, 3], [2, 2]], ["A", "B"], ["1", "2"]).axes[0]
    assert [round(bar.get_width(), 2) for bar in shares.patches] == [0.25, 0.5, 0.75, 0.5]
    pairs = figures.pair_matrix([[0, 1.5], [-1.5, 0]], ["A", "B"], [[False, True], [True, False]]).axes[0]
    assert {"+1.50", "-1.50"} <= {text.get_text() for text in pairs.texts} and len(pairs.patches) == 2
    raters = figures.rater_scatter([0.1, -0.2], [0.5, 0.9], ["r", "s"], removed=["s"]).axes[0]
    assert {text.get_text() for text in raters.texts} == {"r", "s"}
    for bad in (
        lambda: figures.opinion_scores({}),
        lambda: figures.vote_shares([[1, 2]], ["A"], ["1"]),
        lambda: figures.pair_matrix([[0, 1], [1, 0]], ["A"], [[True]]),
        lambda: figures.rater_scatter([1], [1, 2], ["r"]),
    ):
        with pytest.raises(ValueError):
            bad()
