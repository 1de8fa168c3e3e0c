"""Expected and recognised texts side by side."""

from __future__ import annotations

import re

import pytest

from gsv_lab.evaluation.report import texts as report_texts
from gsv_lab.evaluation.report.texts import clip_facts, clip_name, differing, text_rows, transcripts

from .result_maker import NASTY, results


def test_differing_words_are_marked_on_both_sides() -> None:
    expected, recognised = differing("the quick fox jumps", "the quick box jumps jumps")
    assert expected == "the quick <mark>fox</mark> jumps"
    assert recognised == "the quick <mark>box</mark> jumps <mark>jumps</mark>"
    assert differing("a b", "a b") == ("a b", "a b")
    assert differing("a b", "") == ("<mark>a b</mark>", "")


def test_texts_are_shown_and_never_obeyed() -> None:
    expected, recognised = differing("<b> & x", "<script> & x")
    assert expected == "<mark>&lt;b&gt;</mark> &amp; x" and recognised == "<mark>&lt;script&gt;</mark> &amp; x"


def test_rows_say_error_and_language() -> None:
    clip = {
        "language": "zh", "seconds": 1.25, "speaker": "", "item": "a", "seed": 3,
        "values": {"char_error": {"whisper-base": 0.5}, "phone_error": {"recogniser_zh": 1.0}},
        "texts": {
            "whisper-base": {"char_error": {"expected": "你 好", "recognised": "你"}},
            "recogniser_zh": {"phone_error": {"expected": "n i", "recognised": ""}},
        },
    }  # fmt: skip
    characters, phones = text_rows(clip)
    assert characters[:2] == ("whisper-base", "character error 50.0 %")
    assert characters[2] == '<span lang="zh">你 <mark>好</mark></span>'
    assert phones == ("recogniser_zh", "phone error 100.0 %", "<mark>n i</mark>", "")
    assert clip_name(clip) == "a, seed 3" and clip_facts(clip) == "Mandarin, 1.2 s"


def test_all_texts_are_folded_by_system(monkeypatch: pytest.MonkeyPatch) -> None:
    found = results(speakers=("ann",), systems=("natural", NASTY), each=2)
    folds = transcripts(found)
    assert len(folds) == 2 and folds[0].startswith("<details><summary>natural: 4 texts</summary>")
    assert "&lt;script&gt;" in folds[1] and "<script" not in folds[1] and "3 texts" in folds[1]
    assert folds[0].count("<tr>") == 1 + 4
    monkeypatch.setattr(report_texts, "MOST", 5)
    first, second = transcripts(found)
    assert first.count("<tr>") == 1 + 4 and second.count("<tr>") == 1 + 1
    assert re.search(r"\b2 more are in results\.json", second) and "more are" not in first
