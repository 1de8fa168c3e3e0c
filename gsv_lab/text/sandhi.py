"""How Mandarin tones change in a row of words: bu, yi, neutral tones, third tones.

A word here is (text, jieba's flag, syllables with tone digit); 5 is the neutral tone. The rules are those of any
grammar of Mandarin (for example Duanmu, The Phonology of Standard Chinese, chapters 11 and 12), applied to words as
jieba cuts them, so a wrong cut can give a wrong tone.

The tones of all words stand in one list, in which each word has its place.
"""

from __future__ import annotations

import re
from functools import cache
from itertools import accumulate

from gsv_lab.text import light_zh
from gsv_lab.text.hanzi import Tagged, frequency

Tones = list[str]
GIVEN = "given"
"""Flag of a word whose reading a person gave: its own tones stay."""
_FIRST_TONE = re.compile(light_zh.FIRST_TONE, re.VERBOSE)
_LIGHT_END = re.compile(light_zh.LIGHT_END, re.VERBOSE)
_LIGHT_MIDDLE = re.compile(light_zh.LIGHT_MIDDLE)
_NUMBER = re.compile(f"[{light_zh.NUMERALS}]+")
_NUMBER_GOES_ON = re.compile(f"(?<=[{light_zh.NUMERALS}])一")


def apply_sandhi(words: list[Tagged]) -> list[Tagged]:
    """The words with their syllables as they are spoken in a row."""
    # A given word may have letters in it; its syllables are what counts here.
    texts = ["某" * len(read) if flag == GIVEN else word for word, flag, read in words]
    starts = [0, *accumulate(map(len, texts))]
    tones = [syllable[-1] for _, _, read in words for syllable in read]
    for before, text, start, (_, flag, _) in zip(["", *texts], texts, starts, words, strict=False):
        _underlying(text, start, tones)
        _neutral_tones(before, text, flag, start, tones)
    _bu_and_yi(texts, starts, tones)
    for text, start in zip(texts, starts, strict=False):
        _third_tones(text, start, tones)
    _third_tones_between(texts, starts, tones)
    spoken = []
    rest = iter(tones)
    for word, flag, read in words:
        heard = [syllable[:-1] + tone for syllable, tone in zip(read, rest, strict=False)]
        spoken.append((word, flag, read if flag == GIVEN else heard))
    return spoken


def _underlying(text: str, start: int, tones: Tones) -> None:
    """Undoes what the phrase tables have already changed, so that one set of rules decides."""
    for j, character in enumerate(text):
        if character == "不":
            tones[start + j] = "4"
        elif character == "一":
            tones[start + j] = "1"
        elif character == "子":
            inside = j + 1 < len(text) and text[max(j - 1, 0) : j + 1] in light_zh.FULL_ZI
            if inside or text in light_zh.FULL_ZI:
                tones[start + j] = "3"


def _neutral_tones(before: str, text: str, flag: str, start: int, tones: Tones) -> None:
    if _is_light(before, text, flag):
        tones[start + len(text) - 1] = "5"
    if _LIGHT_MIDDLE.fullmatch(text):
        tones[start + 1] = "5"
    for suffix in re.finditer("(?<=.)儿(?=.)", text):
        j = suffix.start()
        if light_zh.FULL_ER.isdisjoint((text[:2], text[j - 1 : j + 1])):
            tones[start + j] = "5"


def _is_light(before: str, text: str, flag: str) -> bool:
    """Whether a word ends in a light tone: by the list, also as the end of a longer one, or by its form."""
    if text in light_zh.LIGHT or text[-2:] in light_zh.LIGHT:
        return True
    full = len(text) > 1 and not light_zh.FULL.isdisjoint((text, text[-2:], text[-3:]))
    return not full and bool(_LIGHT_END.search(f"{before} {text}/{flag}"))


def _bu_and_yi(texts: list[str], starts: list[int], tones: Tones) -> None:
    line = "".join(texts)
    first = {match.start() for match in _FIRST_TONE.finditer(line)} | _in_numbers(texts, starts)
    for match in re.finditer("[不一](?=(.))", line):
        at = match.start()
        ends_word = at + 1 in starts and at not in starts
        if tones[at] == "5" or (match[0] == "一" and (ends_word or at in first)):
            continue
        # 个 is light, but the fourth tone under it counts.
        falling = match[1] == "个" or tones[at + 1] == "4"
        tones[at] = "2" if falling else "4"


def _in_numbers(texts: list[str], starts: list[int]) -> set[int]:
    """Places of each 一 behind a numeral that belongs to the same number, and not to a word such as 统一."""
    found = set()
    number = ""
    for text, start in zip(texts, starts, strict=False):
        found |= {start + match.end() - len(number) - 1 for match in _NUMBER_GOES_ON.finditer(number + text)}
        number = text if _NUMBER.fullmatch(text) else ""
    return found


@cache
def _feet(word: str) -> tuple[int, ...]:
    """Where the feet of a word begin: pairs, and for three syllables the inner word with the other one beside it."""
    if len(word) == 3 and frequency(word[:2]) < frequency(word[1:]):
        return 0, 1
    return tuple(range(0, len(word), 2))


def _third_tones(text: str, start: int, tones: Tones) -> None:
    """First inside each foot, then from foot to foot, from left to right."""
    feet = _feet(text)
    inside = [j for j in range(1, len(text)) if j not in feet]
    for j in (*inside, *feet[1:]):
        _third_before_third(start + j, tones)


def _third_before_third(at: int, tones: Tones) -> None:
    if tones[at - 1] == tones[at] == "3":
        tones[at - 1] = "2"


def _third_tones_between(texts: list[str], starts: list[int], tones: Tones) -> None:
    """Words that together have at most three syllables form one foot; a row of single ones is cut into pairs."""
    run = []
    for before, text, start in zip(["", *texts], [*texts, ""], starts, strict=True):
        if len(text) == 1 and tones[start] == "3":
            run.append(start)
            continue
        for place in (*run[:-1:2], *run[-2:-1]):
            tones[place] = "2"
        # Must is a foot of its own before a longer word.
        if run and len(text) == 2 and before != "得":
            _third_before_third(start, tones)
        run = []
    for i in range(1, len(texts)):
        if len(texts[i - 1]) == 2 and len(texts[i]) == 1:
            _third_before_third(starts[i], tones)
