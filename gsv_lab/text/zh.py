"""Mandarin words to phones: words by jieba, readings by pypinyin's phrases, tone sandhi, initials and finals.

Every character gives exactly two phones, every punctuation mark one, so `word2phones` counts characters. Erhua is kept
simple: the r of 花儿 is a syllable of its own with the neutral tone, as in the released inventory.

Numbers are written out before, by `normalise_zh.py`.
"""

from __future__ import annotations

import re

from gsv_lab.text import hanzi, pos
from gsv_lab.text.clean import HAN
from gsv_lab.text.hanzi import Tagged
from gsv_lab.text.phones import Spoken, Word
from gsv_lab.text.sandhi import GIVEN, apply_sandhi
from gsv_lab.text.symbols import UNKNOWN
from gsv_lab.text.user_dictionary import GIVEN_ZH, NONE, UserDictionary

_TOKEN = re.compile(rf"[{HAN}{GIVEN_ZH}]+|[!?…,.\-]")
_PARTS = re.compile(rf"[{GIVEN_ZH}]|[^{GIVEN_ZH}]+")
_OWN = re.compile(f"[{GIVEN_ZH}]")
_ODD = {
    **{"n": ("EE", "en"), "ng": ("EE", "eng"), "m": ("EE", "en"), "hm": ("h", "en"), "hng": ("h", "eng")},
    **{"ê": ("EE", "E"), "r": ("EE", "er"), "lo": ("l", "o"), "yai": ("y", "ai"), "eh": ("EE", "E")},
}
_AFTER_Y = {"an": "En", "e": "E", "u": "v", "ue": "ve", "uan": "van", "un": "vn"}


def split_syllable(pinyin: str) -> tuple[str, str]:
    """Initial and final names of a pinyin syllable without tone; ü is written v.

    A syllable without a consonant gets the silent initial of its first vowel, so that all have two parts.

    >>> split_syllable("zhi"), split_syllable("yan"), split_syllable("an"), split_syllable("jue")
    (('zh', 'ir'), ('y', 'En'), ('AA', 'an'), ('j', 've'))
    """
    if pinyin in _ODD:
        return _ODD[pinyin]
    if pinyin[0] in "aeo":
        return pinyin[0].upper() * 2, pinyin
    initial = pinyin[:2] if pinyin[:2] in ("zh", "ch", "sh") else pinyin[0]
    final = pinyin[len(initial) :]
    if initial == "y":
        final = _AFTER_Y.get(final, final)
    elif initial in "jqx" and final[0] == "u":
        final = "v" + final[1:]
    elif final == "i" and initial in ("zh", "ch", "sh", "r"):
        final = "ir"
    elif final == "i" and initial in ("z", "c", "s"):
        final = "i0"
    elif final == "ue":
        final = "ve"
    return initial, final


def g2p(text: str, lexicon: UserDictionary = NONE) -> list[Spoken]:
    """Words and punctuation marks of a Mandarin text in characters, with their phones and positions in the text.

    `lexicon` holds the readings of the private characters in the text.
    """
    out: list[Spoken] = []
    for match in _TOKEN.finditer(text):
        start, chunk = match.start(), match.group()
        if chunk[0] in "!?…,.-":
            out.append(Spoken(Word(chunk, "", "punctuation", phones=1, source="mark"), (chunk,), start, match.end()))
            continue
        for word, flag, read in apply_sandhi(_tagged(chunk, lexicon)):
            phones = tuple(name for syllable in read for name in _phones(syllable))
            source = "dictionary" if UNKNOWN not in phones else "unknown"
            if flag == GIVEN:
                source = "user"
            tagged = Word(word, "zh", pos.from_jieba(flag), units=len(read), phones=len(phones), source=source)
            end = start + (1 if flag == GIVEN else len(word))
            out.append(Spoken(tagged, phones, start, end))
            start = end
    return out


def _tagged(chunk: str, lexicon: UserDictionary) -> list[Tagged]:
    """The words of a run of characters; those of the user's dictionary with the reading that it gives."""
    words: list[Tagged] = []
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
