"""Mandarin words to phones: words by jieba, readings by pypinyin's phrases, tone sandhi, initials and finals.

Every character gives exactly two phones, every punctuation mark one, so `word2phones` counts characters. Erhua is kept
simple: the r of 花儿 is a syllable of its own with the neutral tone, as in the released inventory.

Numbers are written out before, by `normalise_zh.py`.
"""

from __future__ import annotations

import re

from gsv_lab.text import hanzi, pos
from gsv_lab.text.characters import HAN
from gsv_lab.text.hanzi import Tagged
from gsv_lab.text.phones import Spoken, Word, mark
from gsv_lab.text.pinyin import split_syllable
from gsv_lab.text.sandhi import GIVEN, apply_sandhi
from gsv_lab.text.symbols import UNKNOWN
from gsv_lab.text.user_dictionary import GIVEN_ZH, NONE, UserDictionary

_TOKEN = re.compile(rf"[{HAN}{GIVEN_ZH}]+|[!?…,.\-]")
_PARTS = re.compile(rf"[{GIVEN_ZH}]|[^{GIVEN_ZH}]+")
_OWN = re.compile(f"[{GIVEN_ZH}]")


def g2p(text: str, lexicon: UserDictionary = NONE) -> list[Spoken]:
    """Words and punctuation marks of a Mandarin text in characters, with their phones and positions in the text.

    `lexicon` holds the readings of the private characters in the text.
    """
    out = []
    for match in _TOKEN.finditer(text):
        start, chunk = match.start(), match[0]
        if chunk[0] in "!?…,.-":
            out.append(mark(match))
            continue
        for word, flag, read in apply_sandhi(_tagged(chunk, lexicon)):
            phones = tuple(name for syllable in read for name in _phones(syllable))
            source = "unknown" if UNKNOWN in phones else "dictionary"
            end = start + len(word)
            if flag == GIVEN:
                source, end = "user", start + 1
            tagged = Word(word, "zh", pos.from_jieba(flag), units=len(read), phones=len(phones), source=source)
            out.append(Spoken(tagged, phones, start, end))
            start = end
    return out


def _tagged(chunk: str, lexicon: UserDictionary) -> list[Tagged]:
    """The words of a run of characters; those of the user's dictionary with the reading that it gives."""
    words = []
    for part in _PARTS.findall(chunk):
        if _OWN.match(part):
            entry = lexicon.entry(part)
            words.append((entry.word, GIVEN, list(entry.reading)))
        else:
            words += hanzi.segment(part)
    return words


def _phones(syllable: str) -> tuple[str, str]:
    base, tone = syllable[:-1], syllable[-1]
    if base == UNKNOWN:
        return UNKNOWN, UNKNOWN
    initial, final = split_syllable(base)
    return initial, final + tone
