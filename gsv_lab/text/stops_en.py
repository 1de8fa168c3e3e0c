"""Whether the full stop of an English abbreviation also ends its sentence."""

from __future__ import annotations

import re

from gsv_lab.text import tables_en as words

_DOTTED = re.compile(r"(?:[A-Za-z]\.)*[A-Za-z]+$|\d+$")
_SPOKEN_ON = frozenset((*words.TITLES, *words.TITLES_WITHOUT_DOT)) - {"Dr", "St"}
_BEFORE_NUMBER = frozenset((*words.NUMBERED, *words.NUMBERED_WITH_DOT, "no"))
_SHORT_NAMES = (*words.STREETS, *words.SHORT_FORMS, *words.MONTH_SHORT)
_SHORT = frozenset(map(str.lower, _SHORT_NAMES)) - {"may"}
_NEXT_WORD = re.compile(r"['\")\]\ue000\ue001]*\s+(?:\ue000?([A-Z][\w']*))?")


def sentence_stop(text: str, end: int, how: str) -> str:
    """A full stop if the dot of an abbreviation, after which `end` is, also ends its sentence; else nothing.

    Args:
        text: what the abbreviation stands in.
        end: where the text goes on.
        how: what ends the sentence: `end`, the end of the text; `stop`, also a word that begins sentences; `halt`,
            also any capital that is not of a time zone, a weekday or a month.

    >>> sentence_stop("in the U.S. Navy", 11, "stop"), sentence_stop("in the U.S. He left", 11, "stop")
    ('', '.')
    """
    if not text[end:].strip("'\")] \n\ue000\ue001"):
        return "."
    found = _NEXT_WORD.match(text, end)
    if not found or not found[1] or how == "end":
        return ""
    word = found[1].partition("'")[0]
    if word in words.STARTERS:
        return "."
    return "." if how == "halt" and word not in words.AFTER_CLOCK and not (word.isupper() and len(word) > 1) else ""


def ends_sentence(text: str, start: int, dot: int) -> bool:
    """Whether the full stop at `dot` ends the sentence that began at `start`, which it does not in "Dr. Smith"."""
    found = _DOTTED.search(text, max(start, dot - 16), dot)
    if not found:
        return True
    word, after = found[0], text[dot + 1 : dot + 4].lstrip()
    if word.isdigit():
        return bool(text[start : found.start()].strip()) or len(word) > 3  # "1. First item"
    lower = word.lower()
    if lower in _BEFORE_NUMBER and after[:1].isdigit():
        return False
    if word in _SPOKEN_ON and after[:1].isupper():
        return False
    if lower in ("e.g", "i.e", "cf", "viz", "al"):
        return not after
    if "." in word or len(word) == 1 or word in ("PhD", "Ph", "EdD"):
        how = "halt" if lower in ("a.m", "p.m") else "stop"
        return bool(sentence_stop(text, dot + 1, how))
    measured = word in words.UNITS and re.search(r"\d\s?$", text[start : found.start()])
    if measured or lower in _SHORT:
        return bool(sentence_stop(text, dot + 1, "halt" if measured else "stop"))
    if lower in words.SHORT_WORDS:
        return not re.match(r"[a-z\d]", after)
    return True
