"""Words and readings of Chinese characters: jieba's dictionary and pypinyin's phrase tables, loaded on first use.

Both are opened in memory: jieba's own start-up would write a cache file and log to stderr.
This file does not know tone sandhi or phone names.
"""

from __future__ import annotations

import logging
import re
import warnings
from functools import cache
from typing import Any

_HANZI = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\u3007\uf900-\ufaff\U00020000-\U0003134f]")


def is_hanzi(character: str) -> bool:
    """Whether a character is a Chinese ideograph."""
    return bool(_HANZI.match(character))


@cache
def _tagger() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import jieba
        import jieba.posseg
    jieba.setLogLevel(logging.WARNING)
    tokenizer = jieba.Tokenizer()
    tokenizer.FREQ, tokenizer.total = tokenizer.gen_pfdict(tokenizer.get_dict_file())
    tokenizer.initialized = True
    return jieba.posseg.POSTokenizer(tokenizer)


def segment(text: str) -> list[tuple[str, str, list[str]]]:
    """Words of a run of characters with jieba's part-of-speech flag and one syllable (`hang2`, `lv4`) a character."""
    return [(word, flag, syllables(word)) for word, flag in ((pair.word, pair.flag) for pair in _tagger().cut(text))]


def syllables(word: str) -> list[str]:
    """Pinyin with tone digit (5 is neutral) for each character of a word, by phrase where the tables have it."""
    from pypinyin import Style, lazy_pinyin

    found = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors=lambda run: ["UNK5"] * len(run))
    return [s if s[-1].isdigit() else s + "5" for s in found]
