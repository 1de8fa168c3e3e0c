"""Languages of stretches, sentences, and the released cut methods."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from gsv_lab.text import cuts, phonemize, split_sentences
from gsv_lab.text.clean import clean
from gsv_lab.text.split import language_runs, script_runs, weight


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Dr. Smith left at 5 p.m. today. He was tired!", ["Dr. Smith left at 5 p.m. today.", "He was tired!"]),
        ("It is 3.14 meters long. That is enough.", ["It is 3.14 meters long.", "That is enough."]),
        ("I met J. R. Tolkien there. We talked long.", ["I met J. R. Tolkien there.", "We talked long."]),
        ("He said “Go away!” and left us. (Not really at all.) The end is near.",
         ["He said Go away!", "and left us.", "(Not really at all.)", "The end is near."]),
        ("今天天气很好。我们去公园玩吧！", ["今天天气很好.", "我们去公园玩吧!"]),
        ("First line of two\nsecond line of two", ["First line of two", "second line of two"]),
        ("Yes. No. I do not know that.", ["Yes. No. I do not know that."]),
        ("😀 Hello there my friend. 😀😀", ["😀 Hello there my friend. 😀😀"]),
    ],
)  # fmt: skip
def test_sentences(text: str, sentences: list[str]) -> None:
    expected = [clean(s).text for s in sentences]
    assert split_sentences(text) == expected


@pytest.mark.parametrize("text", ["word " * 400, "哈哈大笑，" * 100, "字" * 900, "one, two, three, " * 50])
def test_long_sentences_are_cut_and_nothing_is_lost(text: str) -> None:
    pieces = split_sentences(text)
    assert len(pieces) > 1
    assert all(weight(piece) <= 172 for piece in pieces)
    assert "".join("".join(pieces).split()) == "".join(clean(text).text.split())


def test_words_are_not_cut() -> None:
    pieces = split_sentences("extraordinary circumstances " * 40)
    assert {word for piece in pieces for word in piece.split()} == {"extraordinary", "circumstances"}


def test_emphasis_over_a_cut_is_closed_and_opened_again() -> None:
    pieces = split_sentences("One thing [emph]I must say. And another[/emph] is this here.")
    assert pieces == ["One thing [emph]I must say.[/emph]", "[emph]And another[/emph] is this here."]
    words = [w for piece in pieces for w in phonemize(piece).words]
    assert [w.text for w in words if w.emphasis] == ["I", "must", "say", "And", "another"]


def test_every_piece_can_be_spoken() -> None:
    text = "😀 Hi. … *** Well? 5% [emph]of 3[/emph]! 好。" * 20
    for piece in split_sentences(text):
        assert len(phonemize(piece)) > 0


@pytest.mark.parametrize(
    ("text", "runs"),
    [
        ("hello world", [("en", "hello world")]),
        ("我用iPhone 15 Pro拍了3张。", [("zh", "我用"), ("en", "iPhone 15 Pro"), ("zh", "拍了3张。")]),
        ("编号A-001，5kg", [("zh", "编号A-001，5kg")]),
        ("说hello, world吗", [("zh", "说"), ("en", "hello, world"), ("zh", "吗")]),
    ],
)
def test_language_runs(text: str, runs: list[tuple[str, str]]) -> None:
    assert language_runs(text) == runs
    assert "".join(piece for _, piece in language_runs(text)) == text


def test_script_runs_cover_the_text() -> None:
    text = "…说hello吗? OK，好"
    assert "".join(piece for _, piece in script_runs(text)) == text


@pytest.mark.parametrize("name", sorted(cuts.CUTS))
def test_released_cuts(shared: Path, name: str) -> None:
    for case in json.loads((shared / "parity" / "text_cuts.json").read_text(encoding="utf-8")):
        assert cuts.CUTS[name](case["text"]) == case[name], case["text"]


def test_released_helpers(shared: Path) -> None:
    for case in json.loads((shared / "parity" / "text_cuts.json").read_text(encoding="utf-8")):
        text = case["text"]
        assert cuts.split_long(text, 40) == case["split_big_text_40"]
        assert cuts.collapse_marks(text) == case["collapse_punctuation"]
        assert cuts.first_clause(text) == case["first_clause"]
        pieces = [piece for piece in cuts.cut5(text).split("\n") if piece.strip()]
        assert cuts.merge_short(pieces) == case["merge_short_5_after_cut5"]


def test_cuts_without_the_golden_data() -> None:
    assert cuts.cut5("3.5 kg, yes.") == "3.5 kg,\n yes."
    assert cuts.cut4("It is 3.14 now. Yes.") == "It is 3.14 now\n Yes"
    assert cuts.cut3("一。二。") == "一\n二"
    assert cuts.cut0("...") == "\n"
