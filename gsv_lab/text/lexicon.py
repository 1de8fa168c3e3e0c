"""English words to ARPAbet: the CMU dictionary, then known stems with endings, compounds.

The dictionary ships packed (`assets/cmudict`) and stays as text lines until a word is asked for, so that loading it
takes a fraction of a second.
`en.py` chooses between readings.
"""

from __future__ import annotations

import gzip
import re
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


def _inflected(word: str) -> Reading | None:
    if word.endswith(("'s", "s'")):
        stem = known(word[:-2] if word.endswith("'s") else word[:-1])
        return stem and (plural(stem) if word.endswith("'s") else stem)
    if word.endswith("ies") and (stem := known(word[:-3] + "y")):
        return plural(stem)
    if word.endswith("s") and not word.endswith("ss") and len(word) > 4:
        stems = [word[:-1], *([word[:-2]] if word.endswith("es") else [])]
        # A stem that the dictionary lists comes before one that is derived itself.
        if stem := next((r[0] for r in map(readings, stems) if r), None) or next(filter(None, map(known, stems)), None):
            return plural(stem)
    if word.endswith("ed"):
        for candidate in _stems(word, "ed"):
            if stem := known(candidate):
                return past(stem)
    return None


def _compound(word: str) -> Reading | None:
    """Two dictionary words written as one, as in "workhouse": the most even cut wins."""
    cuts = sorted(range(3, len(word) - 2), key=lambda cut: abs(len(word) - 2 * cut))
    for cut in cuts:
        first, second = readings(word[:cut]), readings(word[cut:])
        if first and second and min(cut, len(word) - cut) >= 4:
            return first[0] + tuple(name.replace("1", "2") for name in second[0])
    return None


@cache
def known(word: str) -> Reading | None:
    """The first reading of a word from the dictionary, or derived from a stem that it lists; None if neither."""
    if word in EXTRA:
        return tuple(EXTRA[word].split())
    if listed := readings(word):
        return listed[0]
    if found := _inflected(word):
        return found
    for ending, said in ENDINGS.items():
        if word.endswith(ending):
            for candidate in _stems(word, ending):
                stems = readings(candidate)
                if stems:
                    stem = stems[0]
                    if candidate.endswith("le") and ending == "ly":
                        stem = stem[:-2] if stem[-2:] == ("AH0", "L") else stem
                    if candidate.endswith("ate") and ending.startswith("ab"):
                        stem = stem[:-2]
                    return (*stem, *said.split())
    for beginning, said in BEGINNINGS.items():
        if word.startswith(beginning) and len(word) - len(beginning) > 2 and (rest := known(word[len(beginning) :])):
            return (*said.split(), *rest)
    return _compound(word)


def is_sayable(letters: str) -> bool:
    """Whether letters look like a word (have a vowel and no impossible cluster) rather than an abbreviation."""
    lower = letters.lower()
    return bool(re.search("[aeiouy]", lower)) and not re.search("[bcdfghjklmnpqrstvwxz]{5}", lower)


def spell(letters: str) -> Reading:
    """The names of the letters, one after another."""
    out: list[str] = []
    for letter in letters.lower():
        if "a" <= letter <= "z":
            out.extend(readings(letter)[-1] if letter == "a" else readings(letter)[0])
    return tuple(out)
