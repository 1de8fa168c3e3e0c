"""One normaliser a language, for what was to be said and for what a recogniser wrote: two spellings are one."""

from __future__ import annotations

import pytest

from gsv_lab.evaluation.measures.normalisers import english_words, mandarin_characters, mandarin_syllables


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("Mr. Bell, said she.", "mister bell said she"),
        ("Mr Bell", "mr bell"),
        ("well-known—and LOUD!", "well known and loud"),
        ("It’s the readers' 'own'", "it's the readers own"),
        ("naïve café", "naive cafe"),
        ("the people (all of them)", "the people all of them"),
        ("In 1850 it cost $12.", "in eighteen fifty it cost twelve dollars"),
        ("105 men", "one hundred and five men"),
        ("1,001 nights", "one thousand and one nights"),
        ("It's 10% more", "it's ten percent more"),
        ("Ｈｅｌｌｏ，ｗｏｒｌｄ　１２", "hello world twelve"),
        ("the 21st of May", "the twenty first of may"),
    ],
)
def test_two_spellings_of_english_are_the_same_words(left: str, right: str) -> None:
    assert english_words(left) == english_words(right)


def test_words_that_differ_stay_different() -> None:
    assert english_words("a hundred and then some") == ["a", "hundred", "and", "then", "some"]
    assert english_words("salt and five") == ["salt", "and", "five"]
    assert english_words("it's") != english_words("its")


@pytest.mark.parametrize(
    ("left", "right"),
    [
        ("氣溫３度，說不定。", "气温三度说不定"),
        ("今天是2024年5月1日", "今天是二零二四年五月一日"),
        ("105人", "一百零五人"),
        ("百分之五！", "5%"),
        ("我用iPhone 15 上網", "我用 IPHONE 十五上网"),
    ],
)
def test_two_spellings_of_mandarin_are_the_same(left: str, right: str) -> None:
    assert mandarin_characters(left) == mandarin_characters(right)
    assert mandarin_syllables(left) == mandarin_syllables(right)


def test_syllables_have_no_tone_and_follow_the_word() -> None:
    assert mandarin_syllables("妈骂马") == ["ma"] * 3
    assert mandarin_syllables("银行很长") == "yin hang hen chang".split()
    assert mandarin_syllables("女儿") == ["nv", "er"]
    # Other characters of the same sound are errors as characters only.
    assert mandarin_characters("他是") != mandarin_characters("她事")
    assert mandarin_syllables("他是") == mandarin_syllables("她事")


@pytest.mark.parametrize("text", ["", " ", "...", "♪♪", "。", "\u200b"])
def test_nothing_that_can_be_said_is_nothing(text: str) -> None:
    assert english_words(text) == mandarin_characters(text) == mandarin_syllables(text) == []


def test_whatever_a_recogniser_writes_is_counted() -> None:
    """Loops, other scripts and endless numbers are no errors of the program."""
    assert english_words("the " * 300) == ["the"] * 300
    assert mandarin_characters("嗯" * 300) == ["嗯"] * 300
    assert english_words("a" * 5000) == ["a" * 5000]
    assert english_words("9" * 300) and mandarin_syllables("9" * 300)
    assert english_words("привет hello") == ["hello"]
