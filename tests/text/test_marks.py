"""Given pauses in a text, and what is dropped from it."""

from __future__ import annotations

import pytest

from gsv_lab.errors import TextError
from gsv_lab.text import phonemize, split_sentences
from gsv_lab.text.front import phonemize_sentences
from gsv_lab.text.marks import EMPHASIS_OFF, EMPHASIS_ON, cut_pauses, marks, pause_seconds, written


def pauses(text: str) -> list[tuple[str, float | None, float | None]]:
    return [(s.phones.text, s.pause_before, s.pause_after) for s in phonemize_sentences(text)]


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("One two [pause 0.5s] three.", [("One two", None, 0.5), ("three.", 0.0, None)]),
        ("[pause 1s]One.", [("One.", 1.0, None)]),
        ("[pause 1s]…One.", [("One.", 1.0, None)]),
        ("One.[PAUSE 250ms]", [("One.", None, 0.25)]),
        ("One.[pause 1s] Two.", [("One.", None, 1.0), ("Two.", 0.0, None)]),
        ("One[pause 1s].[pause 0.5 s]Two", [("One.", None, 1.5), ("Two", 0.0, None)]),
        ("你好[pause .3s]世界", [("你好", None, 0.3), ("世界", 0.0, None)]),
        ("[emph]a [pause 1s] b[/emph]", [("a", None, 1.0), ("b", 0.0, None)]),
        ("[pause: 2 seconds]a[pause=1]", [("a", 2.0, 1.0)]),
    ],
)
def test_pauses_cut_sentences(text: str, wanted: list[tuple[str, float | None, float | None]]) -> None:
    found = pauses(text)
    assert [(t, b, pytest.approx(a) if a is not None else None) for t, b, a in found] == wanted


def test_emphasis_goes_on_after_a_pause() -> None:
    words = [word for s in phonemize_sentences("[emph]a [pause 1s] b[/emph] c") for word in s.phones.words]
    assert [word.emphasis for word in words if word.language] == [True, True, False]


def test_a_pause_alone_is_read_as_a_comma() -> None:
    assert phonemize("One [pause 1s] two.").text == "One, two."
    assert split_sentences("One two three four. [pause 1s] Five.") == ["One two three four.", "[pause 1s] Five."]


@pytest.mark.parametrize(
    "text",
    [
        "a [pause] b",
        "a [pause 0s] b",
        "a [pause 11s] b",
        "a [pause -1s] b",
        "a [pause 1h] b",
        "a [pause 1s b",
        "a [pause 1..2s]",
    ],
)
def test_what_is_no_pause(text: str) -> None:
    with pytest.raises(TextError, match="in column 3 is no pause.*0.5s") as caught:
        phonemize(text)
    assert caught.value.code == "MARKUP_SYNTAX"


@pytest.mark.parametrize(("length", "seconds"), [("0.01s", 0.01), ("10ms", 0.01), ("10", 10.0), ("2.5 sec", 2.5)])
def test_the_shortest_and_the_longest_pause(length: str, seconds: float) -> None:
    text = f"a [pause {length}] b"
    ((start, end, character),) = marks(text)
    assert text[start:end] == f"[pause {length}]" and pause_seconds(character) == pytest.approx(seconds)


def test_marks_are_written_as_they_were() -> None:
    """Through the private characters and back, each in its place."""
    text = "[emph]a[/emph] [pause 0.5s]b [PAUSE 1500 ms][EMPH]c[/EMPH][pause 0.07s]"
    inside = text
    for start, end, character in sorted(marks(text), reverse=True):
        inside = inside[:start] + character + inside[end:]
    assert inside.count(EMPHASIS_ON) == inside.count(EMPHASIS_OFF) == 2
    assert written(inside) == "[emph]a[/emph] [pause 0.5s]b [pause 1.5s][emph]c[/emph][pause 0.07s]"


def test_pauses_are_cut_from_both_ends() -> None:
    short, long = (marks(f"[pause {length}]")[0][2] for length in ("0.25s", "2s"))
    text = f"{short}{EMPHASIS_ON} {long}\none\n{short} two{EMPHASIS_OFF}\n{long}{long}"
    before, inner, after = cut_pauses(text)
    assert (before, after) == (pytest.approx(2.25), pytest.approx(4.0))
    assert inner == f"{EMPHASIS_ON} \none\n{short} two{EMPHASIS_OFF}\n"
    assert cut_pauses("one") == (0, "one", 0)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "ab[/emph]",
            r"\[/emph\] in column 3 closes nothing.* pairs of \[emph\] and \[/emph\], not nested\W+ "
            r"Write \[emph\] before it, or remove it\W*$",
        ),
        ("a[emph]b[/emph]c[/emph]", r"column 17 closes nothing"),
        (
            "a[emph]b[emph]c[/emph]",
            r"\[emph\] in column 9 stands inside the one of column 2\b.* Close that one first\W*$",
        ),
        ("a [emph]b", r"\[emph\] in column 3 is never closed.* Write \[/emph\] after the words to be stressed\W*$"),
        (
            "[pause 1h] a",
            r"\[pause 1h\] in column 1 is no pause.*0.5s.*from 0.01s to 10s.*500ms.* Write its length\W*$",
        ),
    ],
)
def test_what_is_wrong_with_marks_is_said(text: str, said: str) -> None:
    with pytest.raises(TextError, match=said) as caught:
        marks(text)
    assert caught.value.code == "MARKUP_SYNTAX"


def test_the_word_pause_is_a_word() -> None:
    assert [word.text for word in phonemize("Press the [pause button].").words if word.language][-2:] == [
        "pause",
        "button",
    ]


@pytest.mark.parametrize("text", ["[pause 1s]", "[pause 1s] . [pause 2s]"])
def test_only_pauses(text: str) -> None:
    with pytest.raises(TextError) as caught:
        phonemize_sentences(text)
    assert caught.value.code == "TEXT_EMPTY"


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("See §3 today.", "'§' (section sign) at character 5"),
        ("Hi ☃!", "'☃' (snowman) at character 4"),
        ("Ты и hello", "'Ты' (Cyrillic, for which there is no front end; those that exist: English, Mandarin)"),
        ("我是学生です", "'です' (Hiragana, for which"),
        ("a † b † c", "'†' (dagger) at character 3 and 1 more times"),
        ("a \U000e0041 b", "'\\U000e0041' (tag latin capital letter a) at character 3"),
        ("a \\ b", "'\\' (reverse solidus) at character 3"),
    ],
)  # fmt: skip
def test_what_is_left_out_is_named(text: str, what: str) -> None:
    warnings = phonemize(text).warnings
    assert any(what in warning for warning in warnings), warnings
    assert all(warning.isprintable() for warning in warnings)
    assert warnings == tuple(w for s in phonemize_sentences(text) for w in s.phones.warnings)


def test_sentences_name_it_once_with_its_place_in_the_whole() -> None:
    found = phonemize_sentences("The first sentence is here. The second has a § in it. The third has § too.")
    assert len(found) == 3
    assert [s.phones.warnings for s in found][1:] == [(), ()]
    assert found[0].phones.warnings == (
        "Left out '§' (section sign) at character 46 and 1 more times: it cannot be spoken.",
    )


def test_a_guessed_word_is_named_once() -> None:
    first, second = phonemize_sentences("The Qworbling is a very good thing. Another Qworbling is not so good.")
    assert "Qworbling" in "".join(first.phones.warnings)
    assert not second.phones.warnings


def test_errors_can_be_shown_anywhere() -> None:
    with pytest.raises(TextError) as caught:
        phonemize("[pause 1\U0010e377\u2028]")
    assert str(caught.value).isprintable()
    assert "\\U0010e377" in str(caught.value)


@pytest.mark.parametrize(
    ("text", "code", "said"),
    [
        ("", "TEXT_EMPTY", "empty"),
        ("\ufeff", "TEXT_EMPTY", "empty"),
        ("?!… 。", "TEXT_EMPTY", "empty"),
        ("😀🎉", "TEXT_UNSUPPORTED", "'😀🎉'"),
        ("Привет, мир", "TEXT_UNSUPPORTED", "Cyrillic, for which there is no front end; those"),
        ("สวัสดี", "TEXT_UNSUPPORTED", "Thai"),
        ("x" * 1_000_000, "TEXT_TOO_LONG", "1,000,000"),
    ],
)  # fmt: skip
def test_nothing_to_say(text: str, code: str, said: str) -> None:
    for function in (phonemize, phonemize_sentences, split_sentences):
        with pytest.raises(TextError) as caught:
            function(text)  # type: ignore[operator]
        assert caught.value.code == code
        assert said in str(caught.value)


def test_byte_order_marks_are_skipped() -> None:
    phones = phonemize("\ufeffHello \ufeffthere.")
    assert phones.text == "Hello there."
    assert not phones.warnings
