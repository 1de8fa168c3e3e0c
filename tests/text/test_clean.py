"""Unicode clean-up, emphasis marks, and what happens to text that cannot be spoken."""

from __future__ import annotations

import pytest

from gsv_lab.errors import TextError
from gsv_lab.text import phonemize, split_sentences
from gsv_lab.text.clean import clean
from gsv_lab.text.marks import EMPHASIS_OFF, EMPHASIS_ON


@pytest.mark.parametrize(
    ("raw", "cleaned"),
    [
        ("ＡＢＣ１２３！", "ABC123!"),
        ("“Hello”, she said: ‘hi’.", "Hello, she said: 'hi'."),
        ("《西游记》·「好」", "西游记好"),
        ("wait...what", "wait…what"),
        ("好……吧", "好……吧"),
        ("a\u200bb\ufeffc\u00add", "abcd"),
        ("café naïve Straße Łódź", "cafe naive Strasse Lodz"),
        ("x² + y³", "x^2 + y^3"),
        ("1½ ½", "1 1/2 1/2"),
        ("10—20", "10-20"),
        ("one – two", "one — two"),
        ("٣ apples", "3 apples"),
        ("25℃", "25°C"),
        ("①②", "1 2"),
        ("a\u00a0b\u3000c", "a b c"),
        ("e\u0301te\u0301", "ete"),
    ],
)
def test_rewriting(raw: str, cleaned: str) -> None:
    result = clean(raw)
    assert result.text == cleaned
    assert not result.warnings


def test_cleaning_twice_changes_nothing() -> None:
    once = clean("“Ｈｅｌｌｏ” … café — ½ 你好，世界。x²").text
    assert clean(once).text == once


@pytest.mark.parametrize(
    ("text", "position"),
    [("ab\ud800c", 3), ("\x00abc", 1), ("a\x07b", 2), ("abc\u202edef", 4), ("a\u2066b", 2), ("a\uffff", 2)],
)
def test_row_23_invalid_unicode(text: str, position: int) -> None:
    with pytest.raises(TextError, match=f"Character {position} ") as caught:
        phonemize(text)
    assert caught.value.code == "TEXT_INVALID_UNICODE"
    str(caught.value).encode()  # the message itself can be written anywhere


@pytest.mark.parametrize("text", ["", "   ", "\n\t", "\u200b\u200b", "...", "?!", "，。", "“”", "[emph][/emph]", "'"])
def test_row_21_empty(text: str) -> None:
    for function in (phonemize, split_sentences):
        with pytest.raises(TextError) as caught:
            function(text)
        assert caught.value.code == "TEXT_EMPTY"


def test_row_22_too_long() -> None:
    with pytest.raises(TextError, match="20,001 characters.*20,000") as caught:
        phonemize("a " * 10_000 + "b")
    assert caught.value.code == "TEXT_TOO_LONG"
    with pytest.raises(TextError, match="at most 3"):
        split_sentences("four", limit=3)
    assert len(phonemize("ab " * 10, limit=30).words) == 10


@pytest.mark.parametrize("language", ["fr", "EN", "", "zh-CN", "auto_yue"])
def test_row_24_unknown_language(language: str) -> None:
    for function in (phonemize, split_sentences):
        with pytest.raises(TextError, match="auto or en or zh") as caught:
            function("hello", language)
        assert caught.value.code == "LANG_UNKNOWN"


@pytest.mark.parametrize("text", ["😀", "😀👍🏽", "Привет", "こんにちは", "안녕", "🎵 🎶!", "*"])
def test_row_25_nothing_left_to_say(text: str) -> None:
    with pytest.raises(TextError) as caught:
        phonemize(text)
    assert caught.value.code == "TEXT_UNSUPPORTED"


def test_row_25_unknown_symbols_are_reported_with_their_place() -> None:
    phones = phonemize("Hello 😀 world こんにちは!")
    assert [w.text for w in phones.words] == ["Hello", "world", "!"]
    assert any("grinning face" in w and "character 7" in w for w in phones.warnings)
    assert any("こんにちは" in w and "character 15" in w for w in phones.warnings)
    with pytest.raises(TextError, match="Character 7.*grinning face") as caught:
        phonemize("Hello 😀 world", unsupported="error")
    assert caught.value.code == "TEXT_UNSUPPORTED"


@pytest.mark.parametrize("symbol", ["*", "|", "\\", "{", "~~", "☃", "卍\u0301"[1:] + "♫"])
def test_nothing_is_dropped_in_silence(symbol: str) -> None:
    phones = phonemize(f"before {symbol} after")
    spoken = [w.text for w in phones.words if w.language]
    assert phones.warnings or len(spoken) > 2 or len(phones.words) > 2


def test_many_unknown_symbols_make_few_warnings() -> None:
    phones = phonemize("word " + " x ".join(chr(0x1F600 + i) for i in range(60)))
    assert 2 <= len(phones.warnings) <= 10
    assert "52 more" in " ".join(phones.warnings)
    (warning,) = phonemize("word " + "😀 x " * 100).warnings
    assert "character 6 and 99 more times" in warning


@pytest.mark.parametrize("text", ["a" * 4000, "ab" * 60])
def test_row_26_endless_words(text: str) -> None:
    with pytest.raises(TextError) as caught:
        phonemize(text)
    assert caught.value.code == "TEXT_DEGENERATE"


def test_row_26_equal_characters_without_punctuation_are_split() -> None:
    pieces = split_sentences("哈" * 4000)
    assert "".join(pieces) == "哈" * 4000
    assert max(map(len, pieces)) <= 54
    assert len(phonemize(pieces[0]).symbols) == 2 * len(pieces[0])


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("text", ["9" * 5000, "1," * 200 + "000", "3." + "1" * 5000])
def test_row_27_endless_numbers(text: str, language: str) -> None:
    word = "number " if language == "en" else "数"
    try:
        phonemize(word + text, language)
    except TextError as error:
        assert error.code == "NORMALISE_LIMIT"
    else:
        assert "," in text  # a list of small numbers is long but harmless


def test_row_27_a_million_digits() -> None:
    with pytest.raises(TextError) as caught:
        phonemize("1" * 1_000_000)
    assert caught.value.code == "TEXT_TOO_LONG"
    with pytest.raises(TextError) as caught:
        phonemize("1" * 1_000_000, limit=2_000_000)
    assert caught.value.code == "NORMALISE_LIMIT"


@pytest.mark.parametrize("text", ["2024-01-01" * 900, "1/2/" * 3000, "1-" * 8000, "[emph" * 3000, "(" * 19_000 + "x"])
def test_row_27_repetition_ends(text: str) -> None:
    assert split_sentences("x " + text)


@pytest.mark.parametrize(
    ("text", "column"),
    [
        ("a [emph]b", 3),
        ("a b[/emph]", 4),
        ("[emph]a [emph]b[/emph][/emph]", 9),
        ("[emph]a[/emph] [/emph]", 16),
        ("好[EMPH]好", 2),
    ],
)
def test_row_28_emphasis_that_does_not_pair(text: str, column: int) -> None:
    for function in (phonemize, split_sentences):
        with pytest.raises(TextError, match=rf"column {column}\b") as caught:
            function(text)
        assert caught.value.code == "MARKUP_SYNTAX"


@pytest.mark.parametrize(
    ("text", "spoken"),
    [
        ("<b>bold</b> text", "bold text"),
        ("&lt;script&gt;", "less than script greater than"),
        ("a <b and c> d", "a is less than b and c is greater than d"),
        ("[laugh] fine", "laugh, fine"),
        ("[style=sad] no", "style equals sad, no"),
    ],
)
def test_row_29_other_markup(text: str, spoken: str) -> None:
    assert phonemize(text).text == spoken


def test_emphasis_becomes_private_marks() -> None:
    assert clean("a [emph]b[/EMPH] c").text == f"a {EMPHASIS_ON}b{EMPHASIS_OFF} c"
    assert not clean("\ue000").text, "the marks cannot be typed"


@pytest.mark.parametrize(
    ("text", "emphasised"),
    [
        ("I [emph]really[/emph] do", ["really"]),
        ("[emph]one two[/emph] three", ["one", "two"]),
        ("it costs $[emph]5[/emph] only", ["five", "dollars"]),
        ("un[emph]believ[/emph]able luck", ["unbelievable"]),
        ("他[emph]真的[/emph]很好", ["真的"]),
        ("[emph]你好 hello[/emph] 世界", ["你好", "hello"]),
        ("no [emph], [/emph] mark", []),
    ],
)
def test_emphasis_reaches_the_words(text: str, emphasised: list[str]) -> None:
    assert [w.text for w in phonemize(text).words if w.emphasis] == emphasised
    assert "emph" not in phonemize(text).text
