"""English words to phones."""

from __future__ import annotations

import pytest

from gsv_lab.text import en, lexicon
from gsv_lab.text.pos import PARTS_OF_SPEECH, tag_english


def said(text: str, word: str) -> str:
    """Phones of the last occurrence of a word in a sentence."""
    found = [item for item in en.g2p(text) if item.word.text.lower() == word]
    return " ".join(found[-1].phones)


@pytest.mark.parametrize(
    ("text", "word", "phones"),
    [
        ("I want to read", "read", "R IY1 D"),
        ("I have read it", "read", "R EH1 D"),
        ("I read it yesterday", "read", "R EH1 D"),
        ("They lead the way", "lead", "L IY1 D"),
        ("a lead pipe", "lead", "L EH1 D"),
        ("We live here", "live", "L IH1 V"),
        ("live music", "live", "L AY1 V"),
        ("our lives", "lives", "L AY1 V Z"),
        ("he lives there", "lives", "L IH1 V Z"),
        ("a new record", "record", "R EH1 K ER0 D"),
        ("they record it", "record", "R AH0 K AO1 R D"),
        ("the project", "project", "P R AA1 JH EH0 K T"),
        ("I object to that", "object", "AH0 B JH EH1 K T"),
        ("Close the door", "close", "K L OW1 Z"),
        ("close to me", "close", "K L OW1 S"),
        ("the use of it", "use", "Y UW1 S"),
        ("we use it", "use", "Y UW1 Z"),
        ("an estimate", "estimate", "EH1 S T AH0 M AH0 T"),
        ("they estimate that", "estimate", "EH1 S T AH0 M EY2 T"),
        ("tears in her eyes", "tears", "T IH1 R Z"),
        ("the wind blew", "wind", "W IH1 N D"),
        ("you wind the clock", "wind", "W AY1 N D"),
        ("a deep wound", "wound", "W UW1 N D"),
        ("it wound around the tree", "wound", "W AW1 N D"),
        ("she was content", "content", "K AH0 N T EH1 N T"),
        ("the content of the box", "content", "K AA1 N T EH0 N T"),
        ("the bass guitar", "bass", "B EY1 S"),
        ("the apple", "the", "DH IY0"),
        ("the pear", "the", "DH AH0"),
    ],
)
def test_words_with_two_readings(text: str, word: str, phones: str) -> None:
    assert said(text, word) == phones


@pytest.mark.parametrize(
    ("word", "phones", "source"),
    [
        ("hello", "HH AH0 L OW1", "dictionary"),
        ("'tis", "T IH1 Z", "dictionary"),
        ("don't", "D OW1 N T", "dictionary"),
        ("pastrini's", "P AE1 S T R IY2 N IY0 Z", "derived"),
        ("duchesses'", "D AH1 CH AH0 S IH0 Z", "derived"),
        ("croaked", "K R OW1 K T", "derived"),
        ("fidgeted", "F IH1 JH IH0 T IH0 D", "derived"),
        ("workhouse", "W ER1 K HH AW2 S", "derived"),
        ("unfurnished", "AH0 N F ER1 N IH0 SH T", "derived"),
        ("florp", "F L AO1 R P", "network"),
        ("xkcdq", "EH1 K S K EY1 S IY1 D IY1 K Y UW1", "spelled"),
    ],
)
def test_single_words(word: str, phones: str, source: str) -> None:
    assert (" ".join(en.pronounce(word)[0]), en.pronounce(word)[1]) == (phones, source)


@pytest.mark.parametrize(
    ("text", "word", "spelled"),
    [
        ("the UK is", "uk", True), ("the PDF is", "pdf", True), ("IT is here now", "it", True),
        ("NASA is", "nasa", False), ("I am NOT here", "not", False),
        ("HELLO TO YOU ALL", "you", False), ("an XQZW here", "xqzw", True),
    ],
)  # fmt: skip
def test_capitals(text: str, word: str, spelled: bool) -> None:
    assert (said(text, word) == " ".join(lexicon.spell(word))) == spelled


def test_the_letter_and_the_article() -> None:
    assert said("at ten A M", "a") == "EY1"
    assert said("a book", "a") == "AH0"
    assert said("vitamin A", "a") == "EY1"


def test_units_and_marks() -> None:
    items = en.g2p("Well, it's twenty-one.")
    assert [i.word.text for i in items] == ["Well", ",", "it's", "twenty", "-", "one", "."]
    assert all(len(i.phones) == i.word.phones and i.word.units == 1 for i in items)
    assert ["Well, it's twenty-one."[i.start : i.end] for i in items] == [i.word.text for i in items]


def test_tags_are_known() -> None:
    words = "The quick brown foxes were jumping lazily over 3 of John's unhappy dogs , yes".split()
    assert set(tag_english(words)) <= set(PARTS_OF_SPEECH)
    assert tag_english(["The", "old", "kindness", "quickly", "ended"])[0::2] == ["determiner", "noun", "verb"]
