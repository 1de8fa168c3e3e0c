"""English words in capitals: which are spelled, and what the parts of a word with capitals inside are."""

from __future__ import annotations

import re

from gsv_lab.text import lexicon
from gsv_lab.text.words_en import EXTRA, SAID_AS_WORDS, SHORT_WORDS, SPELLED

_PARTS = re.compile("[A-Z]+(?=[A-Z][a-z]{2}|[a-z]?$)|[A-Z]?[a-z]+|[A-Z]+")
_CAPITAL_INSIDE = re.compile(r"[a-z][A-Z]|[A-Z]{2}[a-z]|[A-Z]'s$|^[B-HJ-TV-Z]s$")
_SPELLED_UNLESS_SHOUTED = frozenset("IT US ACT SAT LED".split())


def is_shouted(tokens: list[str]) -> bool:
    """Whether all words of a text are in capitals and some are words, not only abbreviations."""
    words = [token for token in tokens if token[0].isalpha()]
    if len(words) < 3 or not all(word.isupper() for word in words):
        return False
    for word in words:
        common = len(word) > 4 or word.lower() in SHORT_WORDS
        if common and word not in SPELLED and word not in ("A", "AND", "OK"):
            return True
    return False


def is_acronym(token: str, shouting: bool) -> bool:
    """Capitals that are spelled: short ones that are no common word, longer ones that no dictionary has as a word.

    Args:
        token: a word as it was written.
        shouting: everything around it is in capitals, too.
    """
    if len(token) < 2 or not token.isascii() or not token.isalpha() or not token.isupper():
        return False
    if token in SAID_AS_WORDS:
        return False
    if token in SPELLED:
        return not (shouting and token in _SPELLED_UNLESS_SHOUTED)
    lower = token.lower()
    known = lexicon.in_dictionary(lower) or lower in EXTRA
    if len(token) <= 3:
        return lower not in SHORT_WORDS and not (shouting and known)
    if known:
        return False
    return len(token) == 4 or not lexicon.is_sayable(token)


def parts(token: str) -> list[str]:
    """The parts of a word with capitals inside that no dictionary has, else nothing.

    >>> parts("ChatGPT"), parts("CEOs"), parts("iPhone")
    (['Chat', 'GPT'], ['CEO', 's'], [])
    """
    if not token.isascii() or not _CAPITAL_INSIDE.search(token) or token.startswith(("Mc", "O'")):
        return []
    several = re.fullmatch("[A-Z]+s", token)
    if lexicon.in_dictionary(token.lower()) and not several:
        return []
    return _PARTS.findall(token)
