"""Words and readings of Chinese characters: jieba's dictionary, pypinyin's phrase tables, and the tables of this kit.

What decides, the strongest first: a user's dictionary, the context of a character, names, the kit's words, pypinyin's
phrases. All are loaded on first use, in memory: jieba's own start-up would write a cache file and log to stderr.
"""

from __future__ import annotations

import logging
import re
import warnings
from functools import cache, lru_cache
from typing import Any

from gsv_lab.text import contexts_zh, polyphones, surnames
from gsv_lab.text.clean import HAN

Tagged = tuple[str, str, list[str]]

_HANZI = re.compile(f"[{HAN}]")
_LONGEST_WORD = 8
_RARE = 50


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


def frequency(word: str) -> int:
    """How often jieba's dictionary has counted a word; 0 for one it lacks."""
    return int(_tagger().tokenizer.FREQ.get(word, 0))


def segment(text: str) -> list[Tagged]:
    """Words of a run of characters with jieba's part-of-speech flag and one syllable (`hang2`, `lv4`) a character."""
    words: list[Tagged] = []
    for pair in _tagger().cut(text):
        words += _parted(pair.word, pair.flag)
    words = [_by_neighbours(words, i) for i in range(len(words))]
    readings = [syllable for _, _, read in words for syllable in read]
    starts = _starts(words)
    for start, end, read in _special(text, starts, words):
        readings[start:end] = read
    spoken: list[Tagged] = []
    for at, (word, flag, _) in zip(starts, words, strict=False):
        read = readings[at : at + len(word)]
        # A particle that is read in full is none: 打的, 办得了.
        particle = flag[:1] in ("u", "y") and not read[-1].endswith("5")
        spoken.append((word, "v" if particle else flag, read))
    return spoken


def _parted(word: str, flag: str) -> list[Tagged]:
    """A word with its syllables; what jieba has glued to the particles 得 and 地 is taken apart again."""
    parts: list[tuple[str, str]] = [(word, flag)]
    match = re.fullmatch("(.)得([^了到出来])", word)
    if match and flag == "l":
        parts = [(match[1], "v"), ("得", "ud"), (match[2], "a")]
    elif len(word) > 1 and frequency(word) < _RARE and word[0] in "得地":
        parts = [(word[0], "ud"), (word[1:], "v")]
    elif len(word) > 1 and frequency(word) < _RARE and word[-1] == "得":
        parts = [(word[:-1], flag), ("得", "ud")]
    return [(part, tag, syllables(part)) for part, tag in parts]


def _starts(words: list[Tagged]) -> list[int]:
    """Where each word begins in the text, and where the last one ends."""
    starts = [0]
    for word, _, _ in words:
        starts.append(starts[-1] + len(word))
    return starts


@lru_cache(maxsize=50_000)
def _read(word: str) -> tuple[str, ...]:
    if word in polyphones.PHRASES:
        return tuple(polyphones.PHRASES[word].split())
    from pypinyin.seg.mmseg import seg

    found: list[str] = []
    for piece in seg.cut(word):
        own = _own_reading(word, piece, len(found))
        found += [own] if own else _pypinyin(piece)
    return tuple(found)


def syllables(word: str) -> list[str]:
    """Pinyin with tone digit (5 is neutral) for each character of a word, by phrase where the tables have it.

    A character without any known reading gives `UNK5`.
    """
    return list(_read(word))


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
    for row in polyphones.WORDS.strip().replace("\n    ", " ").splitlines():
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
    rows: list[tuple[list[str], re.Pattern[str]]] = []
    for row in contexts_zh.CONTEXTS.strip().splitlines():
        *reading, pattern = row.split()
        for short, long in contexts_zh.SHORTHAND.items():
            pattern = pattern.replace(short, long)
        rows.append((reading, re.compile(pattern)))
    return rows


@cache
def _names() -> tuple[re.Pattern[str], re.Pattern[str]]:
    nouns = "".join(set(surnames.SURNAMES) - set(surnames.VERBS))
    free = rf"(?:(?<![一-龥])|(?<=[{surnames.NAMED_AFTER}]))[{surnames.VERBS}]"
    titled = rf"(?:[{nouns}]|{free})(?=(?:{surnames.TITLES}))|(?<=(?<!百)姓)[{''.join(surnames.SURNAMES)}]"
    titled += r"|(?<=(?<![一-龥])[老小])[任单查解翟盖葛薄仇曾](?=$|[你您好说来走在是的和])"
    return re.compile(titled), re.compile("|".join(surnames.COMPOUND_SURNAMES))


def _special(text: str, starts: list[int], words: list[Tagged]) -> list[tuple[int, int, list[str]]]:
    """What the tables say of stretches of a text: start, end, syllables; later ones win."""
    inside = _inside_words(words)
    found: list[tuple[int, int, list[str]]] = []
    start = 0
    while start < len(text) - 1:
        end = _longest(text, start, starts, inside)
        own = _words().get(text[start:end], [])
        found += [(start + k, start + k + 1, [syllable]) for k, syllable in enumerate(own) if syllable]
        start = max(end, start + 1)
    for reading, pattern in _contexts():
        for match in pattern.finditer(text):
            known = inside[match.start()]
            if known < 0 or starts[known] == match.start():
                found.append((match.start(), match.end(), reading))
    return found + _surnames(text, starts, words, inside)


def _longest(text: str, start: int, starts: list[int], inside: list[int]) -> int:
    """Where the longest word of the kit's tables ends that begins here and cuts no other word; `start` if none does."""
    for end in range(min(len(text), start + _LONGEST_WORD), start + 1, -1):
        if text[start:end] not in _words():
            continue
        free_start = inside[start] < 0 or starts[inside[start]] == start
        free_end = end == len(text) or inside[end] < 0 or starts[inside[end]] == end
        if (free_start and free_end) or inside[start] == inside[end - 1] >= 0:
            return end
    return start


def _inside_words(words: list[Tagged]) -> list[int]:
    """For each character the number of the dictionary word of several characters that it stands in, else below 0."""
    inside: list[int] = []
    for number, (word, _, _) in enumerate(words):
        known = len(word) > 1 and frequency(word) >= _RARE
        inside += [number if known else -1 - number] * len(word)
    return inside


def _surnames(text: str, starts: list[int], words: list[Tagged], inside: list[int]) -> list[tuple[int, int, list[str]]]:
    """Surnames before titles and after 姓, at the beginning of words that jieba takes for names, and compound ones."""
    titled, compound = _names()
    found: list[tuple[int, int, list[str]]] = []
    for at, (word, flag, _) in zip(starts, words, strict=False):
        place = at + (word[0] in "老小阿" and len(word) == 2)
        name = word[place - at :]
        sure = name[0] in surnames.ONLY_SURNAMES or not frequency(word)
        if flag == "nr" and len(word) in (2, 3) and sure and word not in _words() and name[0] in surnames.SURNAMES:
            found.append((place, place + 1, [surnames.SURNAMES[name[0]]]))
    for match in titled.finditer(text):
        if inside[match.start()] < 0 or match.start() in starts:
            found.append((match.start(), match.end(), [surnames.SURNAMES[match.group()]]))
    for match in compound.finditer(text):
        found.append((match.start(), match.end(), surnames.COMPOUND_SURNAMES[match.group()].split()))
    return found


def _by_neighbours(words: list[Tagged], i: int) -> Tagged:
    """Single characters whose reading hangs on the parts of speech beside them."""
    word, flag, read = words[i]
    before = words[i - 1] if i else ("", "", [])
    after = words[i + 1] if i + 1 < len(words) else ("", "", [])
    if flag == "m" and len(word) > 1 and word[-1] in polyphones.MEASURES:
        return word, flag, [*read[:-1], polyphones.MEASURES[word[-1]]]
    if word == "得":
        read = [_de(before, after)]
        return word, flag if read == ["de5"] else "v", read
    if f"{word}/{flag[:1]}" in polyphones.BY_FLAG:
        read = [polyphones.BY_FLAG[f"{word}/{flag[:1]}"]]
    return word, flag, read


def _de(before: Tagged, after: Tagged) -> str:
    """得 is a particle after a verb or adjective, must before a verb, and to get before a noun or number."""
    if before[0] in polyphones.DEI_AFTER or after[0][:2] == "好好":
        return "dei3"
    kind, following = before[1][:1], after[1][:1]
    if kind and kind in "valizb":
        must = following == "v" and len(before[0]) > 1 and before[0][-1] in polyphones.OBJECTS
        return "dei3" if must else "de5"
    if not after[0] or after[0] in ("了", "过", "着", "到") or following in ("m", "q"):
        return "de2"
    if following in ("n",) and frequency(after[0]) and after[1] != "nr" and after[0] not in polyphones.VERB_LIKE:
        return "de2"
    return "dei3"
