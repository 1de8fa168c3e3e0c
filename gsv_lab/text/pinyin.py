"""Pinyin: the syllables of Mandarin and the names of their two halves in the released inventory."""

from __future__ import annotations

from functools import cache

from gsv_lab.text.symbols import SYMBOL_ID

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


def is_syllable(syllable: str) -> bool:
    """Whether this is a syllable of Mandarin with its tone, as in `hang2`; ü is written v."""
    base, tone = syllable[:-1], syllable[-1:]
    if base not in _syllables() or tone not in "12345":
        return False
    initial, final = split_syllable(base)
    return initial in SYMBOL_ID and final + tone in SYMBOL_ID


@cache
def _syllables() -> frozenset[str]:
    """Every syllable that pypinyin knows, and the r of 儿."""
    from pypinyin.constants import PINYIN_DICT
    from pypinyin.contrib.tone_convert import to_normal

    readings = {reading for row in PINYIN_DICT.values() for reading in row.split(",")}
    return frozenset({to_normal(reading, v_to_u=False) for reading in readings} | {"r"})
