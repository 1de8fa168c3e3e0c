"""Mandarin text to phones: words by jieba, readings by pypinyin's phrases, tone sandhi, initials and finals.

Every character gives exactly two phones, every punctuation mark one, so `word2phones` counts characters.
This file does not know numbers (`normalise_zh.py`) or other languages.
"""

from __future__ import annotations

import re

from gsv_lab.text import hanzi
from gsv_lab.text.phones import Word
from gsv_lab.text.sandhi import apply_sandhi

_BARE_ZERO = {"a", "ai", "an", "ang", "ao"}
_Y = {"yi": "i", "ya": "ia", "yan": "En", "ye": "E", "yin": "in", "ying": "ing", "yu": "v", "yue": "ve", "yuan": "van", "yun": "vn"}


def split_syllable(pinyin: str) -> tuple[str, str]:
    """Initial and final names of a pinyin syllable without tone; u-umlaut is written v.

    >>> split_syllable("zhi"), split_syllable("yan"), split_syllable("an"), split_syllable("jue")
    (('zh', 'ir'), ('y', 'En'), ('AA', 'an'), ('j', 've'))
    """
    special = {"n": ("EE", "en"), "ng": ("EE", "eng"), "m": ("EE", "en"), "hm": ("h", "en"), "hng": ("h", "eng")}
    if pinyin in special:
        return special[pinyin]
    if pinyin[0] in "aeo":
        return {"a": "AA", "e": "EE", "o": "OO"}[pinyin[0]], "E" if pinyin == "ê" else pinyin
    initial = pinyin[:2] if pinyin[:2] in ("zh", "ch", "sh") else pinyin[0]
    final = pinyin[len(initial) :]
    if initial == "y":
        final = {"an": "En", "e": "E", "u": "v", "ue": "ve", "uan": "van", "un": "vn"}.get(final, final)
    elif initial in "jqx" and final[0] == "u":
        final = "v" + final[1:]
    elif final == "i" and initial in ("zh", "ch", "sh", "r"):
        final = "ir"
    elif final == "i" and initial in ("z", "c", "s"):
        final = "i0"
    return initial, {"uei": "ui", "uen": "un", "iou": "iu"}.get(final, final)


def g2p(text: str) -> tuple[list[Word], list[tuple[str, ...]]]:
    """Words and punctuation marks of a normalised Mandarin text, and the phones of each."""
    words: list[Word] = []
    phones: list[tuple[str, ...]] = []
    for chunk in re.findall(r"[㐀-鿿〇]+|[!?…,.\-]", text):
        if len(chunk) == 1 and not hanzi.is_hanzi(chunk):
            words.append(Word(chunk, "", "punctuation", phones=1, source="mark"))
            phones.append((chunk,))
            continue
        for word, flag, syllables in apply_sandhi(hanzi.segment(chunk)):
            names: list[str] = []
            for syllable in syllables:
                initial, final = split_syllable(syllable[:-1])
                names += [initial, final + syllable[-1]]
            words.append(Word(word, "zh", flag, units=len(word), phones=len(names)))
            phones.append(tuple(names))
    return words, phones
