"""English text to phones: words and punctuation, readings by dictionary, stem, or letter rules.

This file does not know numbers and abbreviations (`normalise_en.py`) or other languages.
"""

from __future__ import annotations

import re

from gsv_lab.text import lexicon
from gsv_lab.text.phones import Word

TOKEN = re.compile(r"[A-Za-z]+(?:'[A-Za-z]+)*'?|[!?…,.\-]")


def pronounce(word: str) -> tuple[lexicon.Reading, str]:
    """Phones of one word and where they come from (`dictionary`, `derived`, `rules`, `spelled`)."""
    lower = word.lower().strip("'") if not lexicon.in_dictionary(word.lower()) else word.lower()
    if found := lexicon.readings(lower):
        return found[0], "dictionary"
    if found := lexicon.known(lower):
        return found, "derived"
    return lexicon.by_rules(lower.replace("'", "")), "rules"


def g2p(text: str) -> tuple[list[Word], list[lexicon.Reading]]:
    """Words and punctuation marks of a normalised English text, and the phones of each."""
    words: list[Word] = []
    phones: list[lexicon.Reading] = []
    for token in TOKEN.findall(text):
        if token[0].isalpha():
            reading, source = pronounce(token)
            words.append(Word(token, "en", phones=len(reading), source=source))
        else:
            reading = (token,)
            words.append(Word(token, "", "punctuation", phones=1, source="mark"))
        phones.append(reading)
    return words, phones
