"""Languages of stretches, and sentences."""

from __future__ import annotations

import pytest

from gsv_lab.text import phonemize, split_sentences
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


@pytest.mark.parametrize("text", ["字" * 60 + "，", "a" * 59 + "，", "字" * 200, "字 " * 60, ", " * 40 + "word"])
def test_what_can_be_cut_nowhere_else_is_cut_anywhere(text: str) -> None:
    pieces = split_sentences(text, most=50)
    assert "".join(pieces).replace(" ", "") == clean(text).text.replace(" ", "")
    assert max(map(weight, pieces)) <= 62
