"""Words and readings of Chinese characters: jieba's dictionary and pypinyin's phrase tables, loaded on first use.

Both are opened in memory: jieba's own start-up would write a cache file and log to stderr.
"""

from __future__ import annotations

import logging
import re
import warnings
from functools import cache
from typing import Any

from gsv_lab.text.clean import HAN

Tagged = tuple[str, str, list[str]]

# Words that the phrase tables read otherwise than people do.
_WORDS = {
    **{"大夫": "dai4 fu5", "数一数": "shu3 yi1 shu3", "数数": "shu3 shu4", "嚼": "jiao2"},
    **{"量一量": "liang2 yi1 liang2"},
    **{"薄荷": "bo4 he5", "嗯": "en5", "哦": "o4", "这儿": "zhe4 er5", "那儿": "na4 er5", "哪儿": "na3 er5"},
    **{"的": "de5"},
}
_BY_FLAG = {
    **{("地", "u"): "de5", ("着", "u"): "zhe5", ("过", "u"): "guo5", ("了", "u"): "le5", ("了", "y"): "le5"},
    **{("数", "v"): "shu3", ("种", "v"): "zhong4", ("教", "v"): "jiao1", ("为", "v"): "wei2", ("行", "q"): "hang2"},
    **{("量", "v"): "liang2", ("只", "q"): "zhi1", ("朝", "p"): "chao2", ("弹", "v"): "tan2", ("差", "v"): "cha4"},
}
_MEASURES = {"只": "zhi1", "行": "hang2", "重": "chong2"}
_SURNAMES = {
    **{"单": "shan4", "曾": "zeng1", "任": "ren2", "查": "zha1", "仇": "qiu2", "朴": "piao2", "解": "xie4"},
    **{"区": "ou1"},
    **{"华": "hua4", "翟": "zhai2", "盖": "ge3", "尉": "wei4", "燕": "yan1", "宁": "ning4", "乐": "yue4", "佴": "nai4"},
}
_HANZI = re.compile(f"[{HAN}]")


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


def segment(text: str) -> list[Tagged]:
    """Words of a run of characters with jieba's part-of-speech flag and one syllable (`hang2`, `lv4`) a character."""
    words = [(pair.word, pair.flag, syllables(pair.word)) for pair in _tagger().cut(text)]
    return [_in_context(words, i) for i in range(len(words))]


def syllables(word: str) -> list[str]:
    """Pinyin with tone digit (5 is neutral) for each character of a word, by phrase where the tables have it.

    A character without any known reading gives `UNK5`.
    """
    if word in _WORDS:
        return _WORDS[word].split()
    from pypinyin import Style, lazy_pinyin

    # The callback may return a list, one entry a character, although pypinyin's annotation says otherwise.
    unknown: Any = lambda run: ["UNK5"] * len(run)  # noqa: E731
    found = lazy_pinyin(word, style=Style.TONE3, neutral_tone_with_five=True, errors=unknown)
    return [s if s[-1].isdigit() else s + "5" for s in found]


def _in_context(words: list[Tagged], i: int) -> Tagged:
    """Single characters whose reading hangs on the words beside them."""
    word, flag, read = words[i]
    before = words[i - 1] if i else ("", "", [])
    after = words[i + 1] if i + 1 < len(words) else ("", "", [])
    if flag == "m" and len(word) > 1 and word[-1] in _MEASURES:
        read = [*read[:-1], _MEASURES[word[-1]]]
    elif before[0].endswith("姓") and word[0] in _SURNAMES:
        read = [_SURNAMES[word[0]], *read[1:]]
    elif (word, flag[:1]) in _BY_FLAG:
        read = [_BY_FLAG[word, flag[:1]]]
    if word == "得":
        must = before[1][:1] in ("r", "n", "d", "t") and after[1][:1] in ("v", "p", "d")
        flag, read = ("v", ["dei3"]) if must else (flag, ["de5"])
    elif word == "还" and (after[1][:1] == "n" or after[0] in ("给", "清", "了")):
        read = ["huan2"]
    elif word == "长":
        read = ["zhang3" if after[0] in ("得", "了", "出", "满", "大", "成") else "chang2"]
    return word, flag, read


def frequency(word: str) -> int:
    """How often jieba's dictionary has counted a word; 0 for one it lacks."""
    return int(_tagger().tokenizer.FREQ.get(word, 0))
