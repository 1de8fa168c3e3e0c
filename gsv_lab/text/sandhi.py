"""How Mandarin tones change in a row of words: bu, yi, neutral tones, third tones.

A word here is (text, jieba's flag, syllables with tone digit); 5 is the neutral tone. The rules are those of any
grammar of Mandarin (for example Duanmu, The Phonology of Standard Chinese, chapters 11 and 12), applied to words as
jieba cuts them, so a wrong cut can give a wrong tone.
"""

from __future__ import annotations

import re
from functools import cache

from gsv_lab.text import light_zh
from gsv_lab.text.hanzi import Tagged

_NUMERALS = frozenset("零〇一二三四五六七八九十两")
_PARTICLES = frozenset("吗嘛呢吧啊呀哇啦哪么们的地得了着过")
_NEUTRAL_FLAGS = ("u", "y")
_PLACES = ("n", "s", "f", "l", "ng", "an", "vn", "nr")
GIVEN = "given"
"""Flag of a word whose reading a person gave: its own tones stay."""

_FIRST_TONE = re.compile(light_zh.FIRST_TONE, re.VERBOSE)


def apply_sandhi(words: list[Tagged]) -> list[Tagged]:
    """The words with their syllables as they are spoken in a row."""
    # A given word may have letters in it; its syllables are what counts here.
    texts = [word if flag != GIVEN else "某" * len(read) for word, flag, read in words]
    flags = [flag for _, flag, _ in words]
    bases = [[s[:-1] for s in read] for _, _, read in words]
    tones = [[s[-1] for s in read] for _, _, read in words]
    own = [list(t) for t in tones]
    _underlying(texts, tones)
    for i, text in enumerate(texts):
        _neutral_tones(text, flags[i], texts[i - 1] if i else "", tones[i])
    _bu_and_yi(texts, tones)
    for i, text in enumerate(texts):
        if len(text) > 1:
            _third_tones(tones[i], _feet(text))
    _third_tones_between(texts, tones)
    spoken: list[Tagged] = []
    for i in range(len(words)):
        heard = own[i] if flags[i] == GIVEN else tones[i]
        spoken.append((words[i][0], flags[i], [base + tone for base, tone in zip(bases[i], heard, strict=True)]))
    return spoken


def _underlying(texts: list[str], tones: list[list[str]]) -> None:
    """Undoes what the phrase tables have already changed, so that one set of rules decides."""
    for text, own in zip(texts, tones, strict=True):
        for j, character in enumerate(text):
            own[j] = {"不": "4", "一": "1"}.get(character, own[j])
            if character == "子" and (j + 1 < len(text) or text in light_zh.FULL_ZI):
                known = {text, text[max(j - 1, 0) : j + 1]} & light_zh.FULL_ZI
                own[j] = "3" if known else own[j]


def _neutral_tones(text: str, flag: str, before: str, tones: list[str]) -> None:
    if _light_word(text, flag) or _light_suffix(text, flag) or _light_alone(text, flag, before):
        tones[-1] = "5"
    for j in range(1, len(text) - 1):
        if text[j] == "儿" and text[:2] not in light_zh.FULL_ER and text[j - 1 : j + 1] not in light_zh.FULL_ER:
            tones[j] = "5"
    once = text[1:2] == "一" and text[0] == text[-1]
    cannot = text[1:2] == "不" and text[0] not in light_zh.BEFORE_FULL_BU
    if len(text) == 3 and (once or cannot):
        tones[1] = "5"  # 看一看, 好不好, 看不见


def _light_word(text: str, flag: str) -> bool:
    """Words of the list, also behind others, and doubled names of relatives and doubled verbs."""
    if text in light_zh.LIGHT or (len(text) > 2 and text[-2:] in light_zh.LIGHT):
        return True
    if len(text) == 2 and text[0] == text[1]:
        return text[0] in light_zh.KIN or flag == "v"
    return False


def _light_suffix(text: str, flag: str) -> bool:
    if len(text) == 1:
        return False
    last, end = text[-1], text[-2:]
    if last == "子":
        return not {text, end, text[-3:]} & light_zh.FULL_ZI
    if last == "儿":
        return not {text, end, text[-3:]} & light_zh.FULL_ER
    if last in light_zh.LOCATIVES:
        return flag in _PLACES and not {end, text[-3:]} & light_zh.FULL_LOCATIVES and len(text) < 4
    if last == "个":
        return text[-2] in _NUMERALS or text[-2] in "百千万几这那哪每"
    return last in "们么"


def _light_alone(text: str, flag: str, before: str) -> bool:
    if len(text) > 1:
        return False
    if text in _PARTICLES and (flag[:1] in _NEUTRAL_FLAGS or text in "吗嘛呢吧们"):
        return True
    if text == "个":
        return before[-1:] in ("几", "这", "那", "哪", "每", "两", *_NUMERALS)
    if text == "儿":
        return bool(before)
    return text in ("上", "里") and flag == "f" and len(before) > 1


def _bu_and_yi(texts: list[str], tones: list[list[str]]) -> None:
    line = "".join(texts)
    places = [(i, j) for i, text in enumerate(texts) for j in range(len(text))]
    counting = {match.start() for match in _FIRST_TONE.finditer(line)}
    for k, (i, j) in enumerate(places[:-1]):
        if line[k] not in "不一" or tones[i][j] == "5":
            continue
        following, at = places[k + 1]
        # 个 is light, but the fourth tone under it counts.
        falling = line[k + 1] == "个" or tones[following][at] == "4"
        if line[k] == "不":
            tones[i][j] = "2" if falling else "4"
            continue
        ends_word = 0 < j == len(texts[i]) - 1
        digits = k and line[k - 1] in _NUMERALS and _is_number(texts, places[k - 1], places[k])
        if not (ends_word or digits or k in counting):
            tones[i][j] = "2" if falling else "4"


def _is_number(texts: list[str], before: tuple[int, int], here: tuple[int, int]) -> bool:
    """Whether the numeral before a 一 belongs to the same number, and not to a word such as 统一."""
    return before[0] == here[0] or all(c in _NUMERALS for c in texts[before[0]])


@cache
def _feet(word: str) -> tuple[int, ...]:
    """Lengths of the feet of a word: pairs, and for three syllables the inner word with the third one beside it."""
    if len(word) == 3:
        from gsv_lab.text.hanzi import frequency

        return (2, 1) if frequency(word[:2]) >= frequency(word[1:]) else (1, 2)
    if len(word) <= 2:
        return (len(word),)
    return (2,) * (len(word) // 2) + (1,) * (len(word) % 2)


def _third_tones(tones: list[str], feet: tuple[int, ...]) -> None:
    """First inside each foot, then from foot to foot, from left to right."""
    start, starts = 0, []
    for length in feet:
        starts.append(start)
        if length == 2 and tones[start] == tones[start + 1] == "3":
            tones[start] = "2"
        start += length
    for begin in starts[1:]:
        if tones[begin - 1] == "3" and tones[begin] == "3":
            tones[begin - 1] = "2"


def _third_tones_between(texts: list[str], tones: list[list[str]]) -> None:
    """Words that together have at most three syllables form one foot; a row of single ones is cut into pairs."""
    run: list[int] = []
    for i in range(len(texts) + 1):
        if i < len(texts) and tones[i] == ["3"]:
            run.append(i)
            continue
        _single_words(run, tones)
        # Must is a foot of its own before a longer word.
        must = i > 0 and texts[i - 1] == "得"
        if (
            i < len(texts)
            and i
            and not must
            and len(texts[i - 1]) + len(texts[i]) == 3
            and tones[i - 1][-1] == tones[i][0] == "3"
        ):
            tones[i - 1][-1] = "2"
        run = []
    for i in range(1, len(texts)):
        if len(texts[i]) == 1 and len(texts[i - 1]) == 2 and tones[i - 1][-1] == tones[i][0] == "3":
            tones[i - 1][-1] = "2"


def _single_words(run: list[int], tones: list[list[str]]) -> None:
    while run:
        foot, run = (run, []) if len(run) <= 3 else (run[:2], run[2:])
        for k in foot[:-1]:
            tones[k][0] = "2"
