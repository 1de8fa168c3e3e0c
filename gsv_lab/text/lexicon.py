"""English words to ARPAbet: the CMU dictionary, then known stems with endings, compounds.

The dictionary ships packed (`assets/cmudict`) and stays as text lines until a word is asked for, so that loading it
takes a fraction of a second.
`en.py` chooses between readings.
"""

from __future__ import annotations

import gzip
import re
from collections.abc import Iterable
from functools import cache
from pathlib import Path

from gsv_lab.text.words_en import BEGINNINGS, ENDINGS, EXTRA

DICTIONARY = Path(__file__).resolve().parent.parent / "assets" / "cmudict" / "cmudict.dict.gz"

Reading = tuple[str, ...]
_HISSING = ("S", "Z", "SH", "ZH", "CH", "JH")
_VOICELESS = ("P", "T", "K", "F", "TH")


@cache
def _lines() -> dict[str, list[str]]:
    table: dict[str, list[str]] = {}
    text = gzip.decompress(DICTIONARY.read_bytes()).decode()
    for line in text.splitlines():
        word, _, phones = line.partition(" ")
        table.setdefault(word.partition("(")[0] if len(word) > 2 else word, []).append(phones)
    return table


def readings(word: str) -> list[Reading]:
    """Every pronunciation that the dictionary lists for a lower-case word, in its order; empty if it has none."""
    return [tuple(phones.partition("#")[0].split()) for phones in _lines().get(word, ())]


def words() -> list[str]:
    """All words of the dictionary, sorted."""
    return sorted(_lines())


def in_dictionary(word: str) -> bool:
    """Whether the dictionary lists the lower-case word."""
    return word in _lines()


def plural(stem: Reading) -> Reading:
    """The stem with the ending of plurals, possessives and third persons."""
    if stem[-1] in _HISSING:
        return (*stem, "IH0", "Z")
    return (*stem, "S" if stem[-1] in _VOICELESS else "Z")


def past(stem: Reading) -> Reading:
    """The stem with the ending -ed."""
    if stem[-1] in ("T", "D"):
        return (*stem, "IH0", "D")
    return (*stem, "T" if stem[-1] in (*_VOICELESS, "S", "SH", "CH") else "D")


def _stems(word: str, ending: str) -> list[str]:
    stem = word[: -len(ending)]
    if len(stem) < 3:
        return []
    candidates = [stem]
    if ending[0] in "aeiouy":
        candidates = [stem + "e", stem]
        if len(stem) > 3 and stem[-1] == stem[-2]:
            candidates.append(stem[:-1])
    if stem.endswith("i"):
        candidates.append(stem[:-1] + "y")
    if ending in ("ly", "able", "ably") and stem[-1] in "bcdfgklmnprstvz":
        candidates.append(stem + "le" if ending == "ly" else stem + "ate")
    return candidates


def _listed(candidates: Iterable[str]) -> Reading | None:
    """The first reading of the first of these words that the dictionary lists."""
    for candidate in candidates:
        if found := readings(candidate):
            return found[0]
    return None


def _inflected(word: str) -> Reading | None:
    if word.endswith("s'"):
        return known(word[:-1])
    stem = None
    if word.endswith("ed"):
        stem = next(filter(None, map(known, _stems(word, "ed"))), None)
        return past(stem) if stem else None
    if word.endswith("'s"):
        stem = known(word[:-2])
    elif word.endswith("ies"):
        stem = known(word[:-3] + "y")
    if not stem and word.endswith("s") and not word.endswith(("ss", "'s")) and len(word) > 4:
        stems = [word[:-1], word[:-2]] if word.endswith("es") else [word[:-1]]
        # A stem that the dictionary lists comes before one that is derived itself.
        stem = _listed(stems) or next(filter(None, map(known, stems)), None)
    return plural(stem) if stem else None


def _with_ending(word: str) -> Reading | None:
    for ending, said in ENDINGS.items():
        if not word.endswith(ending):
            continue
        for candidate in _stems(word, ending):
            if stem := _listed([candidate]):
                simply = ending == "ly" and candidate.endswith("le") and stem[-2:] == ("AH0", "L")
                ably = ending.startswith("ab") and candidate.endswith("ate")
                return (*(stem[:-2] if simply or ably else stem), *said.split())
    return None


def _with_beginning(word: str) -> Reading | None:
    for beginning, said in BEGINNINGS.items():
        rest = word.removeprefix(beginning)
        if 2 < len(rest) < len(word) and (found := known(rest)):
            return (*said.split(), *found)
    return None


def _compound(word: str) -> Reading | None:
    """Two dictionary words written as one, as in "workhouse": the most even cut wins."""
    for cut in sorted(range(4, len(word) - 3), key=lambda cut: abs(len(word) - 2 * cut)):
        first, second = _listed([word[:cut]]), _listed([word[cut:]])
        if first and second:
            return first + tuple(name.replace("1", "2") for name in second)
    return None


@cache
def known(word: str) -> Reading | None:
    """The first reading of a word from the dictionary, or derived from a stem that it lists; None if neither."""
    if word in EXTRA:
        return tuple(EXTRA[word].split())
    return _listed([word]) or _inflected(word) or _with_ending(word) or _with_beginning(word) or _compound(word)


def is_sayable(letters: str) -> bool:
    """Whether letters look like a word (have a vowel and no impossible cluster) rather than an abbreviation."""
    lower = letters.lower()
    return bool(re.search("[aeiouy]", lower)) and not re.search("[bcdfghjklmnpqrstvwxz]{5}", lower)


def spell(letters: str) -> Reading:
    """The names of the letters, one after another."""
    out: Reading = ()
    for letter in re.findall("[a-z]", letters.lower()):
        out += readings(letter)[-1 if letter == "a" else 0]
    return out
