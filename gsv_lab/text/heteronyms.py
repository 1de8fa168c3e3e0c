"""English words with two readings, chosen by part of speech and neighbours.

Most fall into three families, for which the dictionary lists both readings: noun and verb with different stress
(record), -ate (estimate), -se (close, use). The rest stands in a table with one line a sense (`words_en.SENSES`). A
plural or third person is read like its stem. Where nothing decides, the dictionary's first reading stands.
"""

from __future__ import annotations

from functools import cache
from typing import NamedTuple

from gsv_lab.text.lexicon import Reading, plural, readings
from gsv_lab.text.words_en import ATE, SENSES, STRESS_PAIRS, VOICED_VERBS

_VOICED = {"S": "Z", "TH": "DH"}


class Place(NamedTuple):
    """Where a word stands: what its reading may depend on.

    Args:
        word: in small letters.
        tag: part of speech of `gsv_lab.text.pos`.
        before: the word before, in small letters; empty at the beginning and after a mark.
        after: the word after.
        around: all words of the sentence.
        capital: it has a capital first letter inside a sentence.
        past: the sentence speaks of the past (yesterday, ago, last ...).
    """

    word: str
    tag: str
    before: str = ""
    after: str = ""
    around: frozenset[str] = frozenset()
    capital: bool = False
    past: bool = False


class _Sense(NamedTuple):
    reading: str
    cues: tuple[str, ...]


@cache
def _senses() -> dict[str, list[_Sense]]:
    table: dict[str, list[_Sense]] = {}
    for row in SENSES.splitlines():
        if row and not row.startswith("#"):
            word, reading, cues = (column.strip() for column in row.split("|"))
            table.setdefault(word, []).append(_Sense(reading, tuple(cues.split())))
    return table


def choose(place: Place) -> Reading | None:
    """The reading of a word with several; None if the word is no heteronym or nothing decides."""
    for sense in _senses().get(place.word, ()):
        if all(_holds(cue, place) for cue in sense.cues):
            return _reading(place.word, sense.reading)
    return _of_family(place.word, place.tag == "verb")


def _holds(cue: str, place: Place) -> bool:
    if cue.startswith("!"):
        return not _holds(cue[1:], place)
    names = cue[1:].split(",")
    match cue[0]:
        case "<":
            return (place.before or ".") in names
        case ">":
            return (place.after or ".") in names
        case "~":
            return not place.around.isdisjoint(names)
    facts = {"capital": place.capital, "past": place.past, "first": not place.before}
    return facts.get(cue, place.tag == cue)


def _reading(word: str, told: str) -> Reading | None:
    phones = told.removeprefix("=").replace(".", " ")
    if told.startswith("="):
        return tuple(phones.split())
    return next((r for r in readings(word) if f" {phones} " in f" {' '.join(r)} "), None)


def _of_family(word: str, verb: bool) -> Reading | None:
    listed = readings(word)
    if word in VOICED_VERBS:
        return _voiced(listed, verb)
    if word in STRESS_PAIRS:
        return next((r for r in listed if _stressed_late(r) == verb), None)
    if word in ATE:
        return next((r for r in listed if (r[-2][:2] == "EY") == verb), None)
    if word.endswith("s") and (stem := _of_family(word[:-1], verb)):
        return plural(stem)
    return None


def _voiced(listed: list[Reading], verb: bool) -> Reading:
    """The reading that ends in a voiced sound for the verb, made from the other where the dictionary lacks it."""
    for reading in listed:
        if (reading[-1] in _VOICED) != verb:
            return reading
    return (*listed[0][:-1], _VOICED[listed[0][-1]]) if verb else listed[0]


def _stressed_late(reading: Reading) -> bool:
    stresses = [name[-1] for name in reading if name[-1].isdigit()]
    return "1" in stresses[1:]
