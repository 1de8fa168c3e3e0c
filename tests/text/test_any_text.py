"""Any text at all gives a reading or one clear error, and names what it drops.

The seeds are kept: Hypothesis runs derandomised.
"""

from __future__ import annotations

import os
import random
import re
import time
import unicodedata

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gsv_lab.errors import TextError
from gsv_lab.text import phonemize
from gsv_lab.text.front import phonemize_sentences
from gsv_lab.text.symbols import SYMBOL_ID

_PIECES = (
    "你好 银行行长 一 不 得 儿 重写 3 100，200 2024年5月1日 ￥5元/斤 9·11 -5℃ 10%-20% G1024次 "
    "Hello it's Dr. $.50 911 16:9 "
    "e@mail.com [emph] [/emph] [pause\u00a01s] [pause <b> # ** Привет こんにちは 한국어 สวัสดี שלום مرحبا 😀 § † \u200b "
    "\ufeff \u0301 \n \t \x00 \ud800"
).split(" ")
_ANY = st.characters(min_codepoint=0, max_codepoint=0x10FFFF)
_PLANES = st.one_of(
    *(st.characters(min_codepoint=p << 16, max_codepoint=(p << 16) + 0xFFFF) for p in (0, 1, 2, 3, 14, 15, 16))
)
_TEXTS = st.one_of(
    st.text(_ANY, max_size=60),
    st.text(_PLANES, max_size=30),
    st.lists(st.one_of(st.sampled_from(_PIECES), st.text(_ANY, max_size=4)), max_size=16).map(" ".join),
    st.lists(st.sampled_from(_PIECES), max_size=24).map("".join),
)


@pytest.fixture(scope="module", autouse=True)
def loaded() -> None:
    """The dictionaries and the letter-to-sound network, whose loading is no part of reading a text."""
    phonemize("Qworbling 银行行长 10")


def read(text: str) -> None:
    """A reading or an error of the kit, within two seconds, with whatever is dropped named."""
    start = time.process_time()
    try:
        phones = phonemize(text)
    except TextError as error:
        assert error.code in _CODES
        assert str(error).isprintable()
        return
    finally:
        assert time.process_time() - start < 2, repr(text)
    assert set(phones.symbols) <= set(SYMBOL_ID)
    assert sum(phones.word2phones) == len(phones.symbols) > 0
    assert all(warning.isprintable() for warning in phones.warnings), phones.warnings
    for sentence in phonemize_sentences(text):
        assert sentence.phones.symbols
    named = "".join(phones.warnings)
    for character in set(re.sub(r"\[/?emph\]|\[pause [^\]]*\]", "", text)):
        foreign = unicodedata.category(character) in ("Lo", "Lu", "Ll", "So") and ord(character) > 0x2FF
        if foreign and character.isprintable() and not _readable(character) and "more" not in named:
            assert character in named, (character, text, phones.warnings)


def _readable(character: str) -> bool:
    """Ideographs, Greek, and what is a form of them or of Latin letters, digits or signs."""
    name = unicodedata.name(character, "")
    plain = unicodedata.normalize("NFKD", character)
    return "CJK" in name or "GREEK" in name or plain[0] != character or character in "→⇒©®™々〇°ʼ№─⸺"


_CODES = frozenset(
    "TEXT_EMPTY TEXT_UNSUPPORTED TEXT_INVALID_UNICODE TEXT_TOO_LONG TEXT_DEGENERATE MARKUP_SYNTAX "
    "NORMALISE_LIMIT".split()
)


@settings(max_examples=200, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(_TEXTS)
def test_any_text(text: str) -> None:
    read(text)


@pytest.mark.slow
def test_ten_thousand_texts() -> None:
    seed = int(os.environ.get("GSV_LAB_TEXT_SEED", "20260"))
    rng = random.Random(seed)
    for number in range(10_000):
        parts: list[str] = []
        for _ in range(rng.randint(0, 20)):
            kind = rng.random()
            if kind < 0.5:
                parts.append(rng.choice(_PIECES[:-2] if rng.random() < 0.95 else _PIECES))
            elif kind < 0.75:
                parts.append(chr(rng.randrange(0x20, 0x3100)))
            else:
                parts.append(chr(rng.randrange((rng.choice((0, 1, 2, 3, 14, 15, 16)) << 16), 0x110000)))
        text = rng.choice(("", " ")).join(parts)
        try:
            read(text)
        except Exception as error:
            raise AssertionError(f"seed {seed}, text {number}: {text!r}") from error
