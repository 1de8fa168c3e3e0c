"""A user's own readings: what wins over what, and what is refused with file and line."""

from __future__ import annotations

from pathlib import Path

import pytest

from gsv_lab.errors import TextError
from gsv_lab.text import phonemize, split_sentences
from gsv_lab.text.user_dictionary import UserDictionary, user_dictionary


def heard(text: str, readings: dict[str, str]) -> str:
    return " ".join(phonemize(text, lexicon=readings).symbols)


@pytest.mark.parametrize(
    ("text", "readings", "wanted"),
    [
        ("行长来了。", {"行长": "xing2 chang2"}, "x ing2 ch ang2 l ai2 l e5 ."),
        ("行长", {"行": "xing2", "行长": "hang2 chang2"}, "h ang2 ch ang2"),
        ("NVIDIA, Nvidia.", {"nvidia": "EH0 N V IH1"}, "EH0 N V IH1 , EH0 N V IH1 ."),
        ("Gsv's", {"gsv": "JH IY1 S"}, "JH IY1 S IH0 Z"),
        ("我用gsv说话", {"GSV": "JH IY1"}, "w o3 y ong4 JH IY1 sh uo1 h ua4"),
        ("B站", {"B站": "bi4 zhan4"}, "b i4 zh an4"),
        ("考上985", {"985": "jiu2 ba1 wu3"}, "k ao3 sh ang4 j iu2 b a1 w u3"),
        ("§ 3", {"§": "S EH1 K"}, "S EH1 K TH R IY1"),
        ("Node.js.", {"node.js": "N OW1 D"}, "N OW1 D ."),
        ("Dr. No", {"Dr.": "D AA1 K"}, "D AA1 K N OW1"),
        ("綠林", {"绿林": "lv4 lin2"}, "l v4 l in2"),
        ("ＧＩＦ", {"GIF": "JH IH1 F"}, "JH IH1 F"),
        ("女儿", {"女儿": "nü3 r5"}, "n v3 EE er5"),
        ("老虎桌子", {"老虎": "lao3 hu3", "桌子": "zhuo1 zi3"}, "l ao3 h u3 zh uo1 z i03"),
        ("不看", {"看": "kan1"}, "b u4 k an1"),
        ("一对一", {"一对一": "yi1 dui4 yi1"}, "y i1 d ui4 y i1"),
    ],
)  # fmt: skip
def test_its_readings_win(text: str, readings: dict[str, str], wanted: str) -> None:
    phones = phonemize(text, lexicon=readings)
    assert " ".join(phones.symbols) == wanted
    assert any(word.source == "user" for word in phones.words)
    assert sum(phones.word2phones) == len(phones.symbols)
    assert not phones.warnings


def test_english_words_are_found_whole() -> None:
    assert heard("scat", {"cat": "K AA1 T"}) == heard("scat", {}) != heard("cat", {"cat": "K AA1 T"})


def test_emphasis_stays() -> None:
    words = phonemize("我[emph]行长[/emph]。", lexicon={"行长": "xing2 chang2"}).words
    assert [word.emphasis for word in words] == [False, True, False]


def test_sentences_keep_the_words() -> None:
    pieces = split_sentences("I like Yahoo! products very much indeed.", lexicon={"yahoo!": "Y AA1 HH UW0"})
    assert pieces == ["I like yahoo! products very much indeed."]


def test_one_over_another() -> None:
    mine, voices = UserDictionary({"Cat": "K AA1 T"}), UserDictionary({"cat": "K AE1 T", "dog": "D AO1 G"})
    assert mine.over(voices).readings == {"Cat": "K AA1 T", "dog": "D AO1 G"}


def test_a_file(tmp_path: Path) -> None:
    path = tmp_path / "my.txt"
    path.write_bytes("\ufeff# mine\r\n\r\n行长\thang2 zhang3  # a note\r\nGIF\tJH IH1 F\r\n".encode())
    assert user_dictionary(path).readings == {"行长": "hang2 zhang3", "GIF": "JH IH1 F"}


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("行长 hang2 zhang3", "no tab"),
        ("行长\t", "no reading"),
        ("\thang2", "no word"),
        ("行长\thang2", "2 characters and 1 syllables"),
        ("行长\thang2 zhang3 ren2", "2 characters and 3 syllables"),
        ("行长\thang2 zhang", "'zhang' is no syllable"),
        ("行长\thang2 zhang6", "'zhang6' is no syllable"),
        ("行长\thang2 zzang3", "'zzang3' is no syllable"),
        ("行长\thang2 b3", "'b3' is no syllable"),
        ("cat\tK AE1 X", "'X' is no phone"),
        ("cat\tK AE T", "'AE' is no phone"),
        ("cat\tK AE3 T", "'AE3' is no phone"),
        ("dog\tD AO1 G", "stands in line 2 already"),
        ("DOG\tD AO1 G", "stands in line 2 already"),
        ("a\x07b\tD AO1 G", "no word"),
        ("x" * 61 + "\tD AO1 G", "no word"),
    ],
)
def test_what_is_refused(line: str, said: str, tmp_path: Path) -> None:
    path = tmp_path / "my.txt"
    path.write_text(f"# mine\ndog\tD AO1 G\n{line}\n", encoding="utf-8")
    with pytest.raises(TextError) as caught:
        UserDictionary.load(path)
    assert caught.value.code == "DICTIONARY"
    assert "my.txt, line 3: " in str(caught.value)
    assert said in str(caught.value)
    assert "\x07" not in str(caught.value)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", None])
def test_no_text_file(content: bytes | None, tmp_path: Path) -> None:
    path = tmp_path / "my.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(TextError, match=r"my\.txt.*UTF-8") as caught:
        user_dictionary(path)
    assert caught.value.code == "DICTIONARY"


def test_private_characters_of_a_text_are_no_words() -> None:
    phones = phonemize("a\U000f0000\U00100000\ue200b", lexicon={"行": "xing2"})
    assert any("Left out" in warning for warning in phones.warnings)
    assert all(word.source != "user" for word in phones.words)
