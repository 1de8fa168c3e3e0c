"""The page of an evaluation: what comes first, what every number says, and that nothing from outside is obeyed."""

from __future__ import annotations

import copy
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.catalogue import shown
from gsv_lab.evaluation.report.page import report_page

from .result_maker import NASTY, TIMING, results, write_sounds

Table = list[list[str]]


class Reader(HTMLParser):
    """Collects the tables of a page, the heading above each, and every element that loads something."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tables: dict[str, list[Table]] = {}
        self.sources: list[str] = []
        self.tags: list[str] = []
        self._titles = {1: "", 2: "", 3: "", 4: ""}
        self._level, self._cell = 0, False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See the class."""
        self.tags.append(tag)
        self.sources += [value or "" for name, value in attrs if name in ("src", "href", "srcset", "poster")]
        if re.fullmatch("h[1-4]", tag):
            self._level = int(tag[1])
            self._titles |= dict.fromkeys(range(self._level, 5), "")
        elif tag == "table":
            title = " / ".join(self._titles[level] for level in (2, 3, 4) if self._titles[level])
            self.tables.setdefault(title, []).append([])
            self._table = self.tables[title][-1]
        elif tag == "tr":
            self._table.append([])
        elif tag in ("td", "th"):
            self._table[-1].append("")
            self._cell = True

    def handle_endtag(self, tag: str) -> None:
        """See the class."""
        if tag in ("td", "th"):
            self._cell = False
        if re.fullmatch("h[1-4]", tag):
            self._level = 0

    def handle_data(self, data: str) -> None:
        """See the class."""
        if self._level:
            self._titles[self._level] += data
        if self._cell:
            self._table[-1][-1] += data


def few(found: dict[str, Any], *measures: str) -> dict[str, Any]:
    """Results with some measures only."""
    found = copy.deepcopy(found)
    for name in ("figures", "differences"):
        found[name] = [row for row in found[name] if row["measure"] in measures]
    return found


def figure(found: dict[str, Any], system: str, measure: str, evaluator: str, language: str = "en") -> dict[str, Any]:
    key = (system, language, measure, evaluator)
    return next(
        row for row in found["figures"] if (row["system"], row["language"], row["measure"], row["evaluator"]) == key
    )


@pytest.fixture(scope="module")
def made() -> dict[str, Any]:
    """Four systems, two languages, four speakers; without pictures of differences, which take long to draw."""
    return results() | {"differences": []}


@pytest.fixture(scope="module")
def plain(made: dict[str, Any]) -> str:
    return report_page(made, TIMING, {})


def test_the_page_needs_nothing_else(tmp_path: Path) -> None:
    found = few(results(speakers=("ann",), each=1), "word_error", "dnsmos")
    sounds = write_sounds(tmp_path, found)
    whole = report_page(found, TIMING, sounds)
    reader = Reader(whole)
    assert "script" not in reader.tags and "link" not in reader.tags and "iframe" not in reader.tags
    outside = [
        source for source in reader.sources if not source.startswith(("data:image/png;", "data:audio/flac;", "#"))
    ]
    assert outside == ["results.json", "clips.csv", "timing.json"]
    assert "http:" not in whole and "https:" not in whole and "url(" not in whole and str(tmp_path) not in whole
    assert reader.tags.count("audio") > 4 and reader.tags.count("img") > 2
    assert whole == report_page(
        json.loads(json.dumps(found, sort_keys=True)), dict(TIMING), dict(reversed(sounds.items()))
    )
    assert len(whole) < 15_000_000 and "&lt;script&gt;alert" in whole


def test_every_section_comes_in_its_place(plain: str) -> None:
    titles = [
        "What was compared", "Results", "Differences", "Thresholds, ceiling and floor", "Every speaker",
        "What was not measured", "Failures", "The worst clips of each measure", "What was heard",
        "How it was measured",
    ]  # fmt: skip
    headings = re.findall(r'<h2 id="(\w+)">(.*?)</h2>', plain)
    assert [title for _, title in headings] == titles
    assert re.findall(r'<a href="#(\w+)">', plain) == [anchor for anchor, _ in headings]
    warnings = plain.index("espeak has 2 of 24 items missing")
    assert plain.index("<h1>") < warnings < plain.index("<h2")


def test_what_was_compared(plain: str, made: dict[str, Any]) -> None:
    (table,) = Reader(plain).tables["What was compared"]
    assert [row[0] for row in table] == ["system", "natural", "espeak", "nano-6", NASTY]
    assert dict(zip(table[0], table[2], strict=True)) == {
        "system": "espeak", "clips": "24", "items": "24", "missing": "2", "failed": "0", "not in the list": "1",
        "sample rates": "22050 Hz: 24", "bandwidth": "7800 Hz",
    }  # fmt: skip
    assert "eve_en_1, eve_en_2" in plain and "24 items of 4 speakers in English, Mandarin, 96 clips" in plain


def test_a_cell_holds_value_and_t_interval(plain: str, made: dict[str, Any]) -> None:
    (table,) = Reader(plain).tables["Results / English / Words and phones"]
    assert table[0] == [
        "system", "word error %, lower is better pocketsphinx", "word error %, lower is better whisper-base",
        "phone error %, lower is better recogniser_en",
    ]  # fmt: skip
    for row in table[1:]:
        known = figure(made, row[0], "word_error", "whisper-base")
        low, high = (shown("word_error", end) for end in known["t"])
        assert row[2] == f"{shown('word_error', known['value'])} {low} to {high}"
    assert "Results / Mandarin / Words and phones" in Reader(plain).tables and "†" not in plain


def test_predicted_quality_is_a_difference_to_natural() -> None:
    found = few(results(), "dnsmos", "warmth")
    found["differences"] = [row for row in found["differences"] if row["b"] == "natural" and row["a"] == "espeak"][:1]
    assert found["differences"][0]["measure"] == "dnsmos"
    whole = report_page(found, TIMING, {})
    (table,) = Reader(whole).tables["Results / English / Predicted quality"]
    cells = {row[0]: row[1] for row in table[1:]}
    own, natural = (figure(found, name, "dnsmos", "dnsmos")["value"] for name in ("espeak", "natural"))
    assert cells["espeak"].startswith(shown("dnsmos", own - natural, signed=True) + " ")
    assert cells["espeak"].endswith(f"itself {own:.2f}") and cells["natural"].startswith(f"{natural:.2f} ")
    assert "not the opinion of listeners" in whole
    # No difference is known of this one, so it stands with its own value.
    assert cells["nano-6"].startswith(f"{figure(found, 'nano-6', 'dnsmos', 'dnsmos')['value']:.2f} ")


def test_one_speaker_is_marked() -> None:
    found = few(results(speakers=("ann",), systems=("espeak",)), "word_error")
    found["figures"][0]["t"] = None
    whole = report_page(found, TIMING, {})
    ((_, row),) = Reader(whole).tables["Results / English / Words and phones"]
    assert re.fullmatch(r"[\d.]+† [\d.]+ to [\d.]+", row[1]) and re.fullmatch(r"[\d.]+†", row[2])
    assert "this speaker only" in whole and "no two systems" in whole


def test_speakers_thresholds_and_anchors(plain: str, made: dict[str, Any]) -> None:
    tables = Reader(plain).tables
    speakers = tables["Every speaker"]
    assert [row[0] for row in speakers[0]] == ["speaker", "ann", "bob", "cui", "dan"]
    known = figure(made, "natural", "word_error", "whisper-base")["by_speaker"]["bob"]
    assert speakers[0][2][2] == shown("word_error", known)
    assert tables["Thresholds, ceiling and floor / English"][0][0][1:] == ["ceiling cosine ge2e", "floor cosine ge2e"]
    thresholds = tables["Thresholds, ceiling and floor / Mandarin"][-1]
    assert thresholds[1:] == [["ge2e", "English", "0.710", "2.0 %"], ["ge2e", "Mandarin", "0.690", "0.0 %"]]


def test_what_is_missing_says_why(plain: str) -> None:
    tables = Reader(plain).tables
    assert tables["What was not measured"][0][1:] == [
        ["all", "PESQ", "signal", "all", "pesq is not installed"],
        ["espeak", "SI-SNR", "–", "24", "no copy synthesis"],
    ]
    assert tables["Failures"][0][1:] == [[NASTY, "ann_en_0", "0", "AUDIO_EMPTY"]]
    assert "worst" in plain and "<audio" not in plain


def test_how_it_was_measured(plain: str, made: dict[str, Any]) -> None:
    tables = Reader(plain).tables
    evaluators = tables["How it was measured"][0]
    assert ["whisper-base", "word_error, char_error", "whisper-base 1.0, weights 0123abcd"] in evaluators
    both = tables["How it was measured / Intervals"][0]
    assert len(both) == 1 + len(made["figures"])
    known = figure(made, "natural", "similarity", "ge2e")
    line = next(row for row in both if row[:4] == ["natural", "en", "similarity", "ge2e"])
    ends = [" to ".join(shown("similarity", end) for end in known[kind]) for kind in ("t", "bootstrap")]
    assert line[5:7] == ends and line[7:] == ["speakers", "4", "12"]
    settings = tables["How it was measured / Settings"]
    assert ["draws", "2000"] in settings[0] and ["list", "ab" * 32] in settings[1]
    machine = tables["How it was measured / Where and when"][0]
    assert ["packages.torch", "2.11.0"] in machine and ["commit", "27a259e"] in machine


def test_nothing_to_say_is_no_section() -> None:
    empty = {
        "schema": 4, "list": {"name": "empty", "sha256": "", "items": 0}, "settings": {"level": 0.95},
        "evaluators": [], "not_measured": [], "systems": {}, "figures": [], "differences": [], "thresholds": {},
        "warnings": [], "clips": [],
    }  # fmt: skip
    whole = report_page(empty, {}, {})
    assert "Failures" not in whole and "Before you read" not in whole and "Thresholds" not in whole


def test_another_format_is_refused(made: dict[str, Any]) -> None:
    with pytest.raises(ConfigError, match="The result has format 3"):
        report_page(made | {"schema": 3}, TIMING, {})
