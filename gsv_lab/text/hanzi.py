"""Words and readings of Chinese characters: jieba's dictionary, pypinyin's phrase tables, and the tables of this kit.

What decides, the strongest first: a user's dictionary, the context of a character, names, the kit's words, pypinyin's
phrases. All are loaded on first use, in memory: jieba's own start-up would write a cache file and log to stderr.
"""

from __future__ import annotations

import logging
import re
import warnings
from collections.abc import Iterator
from functools import cache, lru_cache
from itertools import accumulate, islice
from typing import Any

from gsv_lab.text import contexts_zh, polyphones, surnames
from gsv_lab.text.rows import compiled

Tagged = tuple[str, str, list[str]]
Found = Iterator[tuple[int, list[str]]]
"""Where a stretch of a text begins, and its syllables."""

_LONGEST_WORD = 8
_RARE = 50


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


def frequency(word: str) -> int:
    """How often jieba's dictionary has counted a word; 0 for one it lacks."""
    return int(_tagger().tokenizer.FREQ.get(word, 0))


def segment(text: str) -> list[Tagged]:
    """Words of a run of characters with jieba's part-of-speech flag and one syllable (`hang2`, `lv4`) a character."""
    parts = [("", ""), *_parts(text), ("", "")]
    words = [_by_neighbours(*parts[i : i + 3]) for i in range(len(parts) - 2)]
    readings = [syllable for _, _, read in words for syllable in read]
    for start, read in _special(text, words):
        readings[start : start + len(read)] = read
    spoken = []
    rest = iter(readings)
    for word, flag, _ in words:
        read = list(islice(rest, len(word)))
        # A particle that is read in full is none: 打的, 办得了.
        particle = flag[:1] in ("u", "y") and not read[-1].endswith("5")
        spoken.append((word, "v" if particle else flag, read))
    return spoken


Part = tuple[str, str]


def _parts(text: str) -> Iterator[Part]:
    """Words with their flags; what jieba has glued to the particles 得 and 地 is taken apart again."""
    for word, flag in _tagger().cut(text):
        rare = len(word) > 1 and frequency(word) < _RARE
        if flag == "l" and re.fullmatch(".得[^了到出来]", word):
            yield from ((word[0], "v"), ("得", "ud"), (word[2], "a"))
        elif rare and word[0] in "得地":
            yield from ((word[0], "ud"), (word[1:], "v"))
        elif rare and word[-1] == "得":
            yield from ((word[:-1], flag), ("得", "ud"))
        else:
            yield word, flag


def _by_neighbours(before: Part, here: Part, after: Part) -> Tagged:
    """A word with its syllables, of which some hang on the parts of speech beside it."""
    word, flag = here
    read = syllables(word)
    key = f"{word}/{flag[:1]}"
    if flag == "m" and len(word) > 1:
        read[-1] = polyphones.MEASURES.get(word[-1], read[-1])
    elif word == "得":
        read = [_de(before, after)]
        flag = flag if read == ["de5"] else "v"
    elif key in polyphones.BY_FLAG:
        read = [polyphones.BY_FLAG[key]]
    return word, flag, read


def _de(before: Part, after: Part) -> str:
    """得 is a particle after a verb or adjective, must before a verb, and to get before a noun or number."""
    (verb, kind), (following, flag) = before, after
    if verb in polyphones.DEI_AFTER or following[:2] == "好好":
        return "dei3"
    if kind.startswith(tuple("valizb")):
        must = flag[:1] == "v" and len(verb) > 1 and verb[-1] in polyphones.OBJECTS
        return "dei3" if must else "de5"
    if following in ("", "了", "过", "着", "到") or flag[:1] in ("m", "q"):
        return "de2"
    noun = flag[:1] == "n" and flag != "nr" and following not in polyphones.VERB_LIKE
    return "de2" if noun and frequency(following) else "dei3"


def syllables(word: str) -> list[str]:
    """Pinyin with tone digit (5 is neutral) for each character of a word, by phrase where the tables have it.

    A character without any known reading gives `UNK5`.
    """
    return list(_read(word))


@lru_cache(maxsize=50_000)
def _read(word: str) -> list[str]:
    if word in polyphones.PHRASES:
        return polyphones.PHRASES[word].split()
    from pypinyin.seg.mmseg import seg

    found: list[str] = []
    for piece in seg.cut(word):
        own = _own_reading(word, piece, len(found))
        found += [own] if own else _pypinyin(piece)
    return found


def _own_reading(word: str, piece: str, at: int) -> str:
    """The kit's reading of a character that no phrase holds; empty where it has none."""
    if len(piece) > 1:
        return ""
    if len(word) == 1:
        return polyphones.ALONE.get(piece, "")
    if at == len(word) - 1 and piece in polyphones.AT_END:
        return polyphones.AT_END[piece]
    if (piece == "子" and at > 0) or (piece == "得" and at == 0):
        return ""
    if piece == "地" and at > 1 and word[at - 1] == word[at - 2]:
        return "de5"
    return polyphones.IN_WORDS.get(piece, "")


def _pypinyin(piece: str) -> list[str]:
    from pypinyin import Style, lazy_pinyin

    # The callback may return a list, one entry a character, although pypinyin's annotation says otherwise.
    unknown: Any = lambda run: ["UNK5"] * len(run)  # noqa: E731
    found = lazy_pinyin(piece, style=Style.TONE3, neutral_tone_with_five=True, errors=unknown)
    return [s if s[-1].isdigit() else s + "5" for s in found]


@cache
def _words() -> dict[str, list[str]]:
    """The words of the kit's tables with a reading for each character; empty where it stays as it is."""
    table: dict[str, list[str]] = {}
    for row in polyphones.WORDS.strip().splitlines():
        key, _, words = row.partition(": ")
        character, reading = key.split()
        for word in words.split():
            read = table.setdefault(word, [""] * len(word))
            read[word.index(character)] = reading
    for word, phrase in polyphones.PHRASES.items():
        table[word] = phrase.split()
    return table


@cache
def _contexts() -> list[tuple[list[str], re.Pattern[str]]]:
    rows = []
    for row in contexts_zh.CONTEXTS.strip().splitlines():
        *reading, pattern = row.split()
        rows.append((reading, compiled(pattern, contexts_zh.SHORTHAND)))
    return rows


def _special(text: str, words: list[Tagged]) -> Found:
    """What the tables say of stretches of a text; later ones win."""
    starts = [0, *accumulate(len(word) for word, _, _ in words)]
    inner: set[int] = set()
    for start, (word, _, _) in zip(starts, words, strict=False):
        if len(word) > 1 and frequency(word) >= _RARE:
            inner.update(range(start + 1, start + len(word)))
    yield from _listed(text, inner)
    for reading, pattern in _contexts():
        for match in pattern.finditer(text):
            if match.start() not in inner:
                yield match.start(), reading
    for start, (word, flag, _) in zip(starts, words, strict=False):
        if flag == "nr":
            yield from _name(start, word)
    for match in re.finditer(surnames.TITLED, text):
        if match.start() not in inner:
            yield match.start(), [surnames.SURNAMES[match[0]]]
    for match in re.finditer(surnames.COMPOUND, text):
        yield match.start(), surnames.COMPOUND_SURNAMES[match[0]].split()


def _listed(text: str, inner: set[int]) -> Found:
    """The longest words of the kit's tables that cut no other word; `inner` are the places inside those."""
    start = 0
    while start < len(text):
        end = min(len(text), start + _LONGEST_WORD)
        while end > start + 1 and not _stands(text, start, end, inner):
            end -= 1
        own = _words()[text[start:end]] if end > start + 1 else []
        for at, syllable in enumerate(own, start):
            if syllable:
                yield at, [syllable]
        start = end


def _stands(text: str, start: int, end: int, inner: set[int]) -> bool:
    if text[start:end] not in _words():
        return False
    return inner.isdisjoint((start, end)) or inner.issuperset(range(start + 1, end))


def _name(start: int, word: str) -> Found:
    """The surname at the beginning of what jieba takes for a name."""
    at = int(len(word) == 2 and word[0] in "老小阿")
    surname = word[at]
    sure = surname in surnames.ONLY_SURNAMES or not frequency(word)
    if sure and len(word) in (2, 3) and word not in _words() and surname in surnames.SURNAMES:
        yield start + at, [surnames.SURNAMES[surname]]
