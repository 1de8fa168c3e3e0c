"""English text with numbers, abbreviations and symbols to English text in words.

What is read how stands in the tables: `kinds_en.py` has the kinds in the order in which they are tried, `tables_en.py`
the words. Here are the readers that the kinds name. American readings are used where English has two ("one hundred
five", month before day).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import NamedTuple

from gsv_lab.text import tables_en as words
from gsv_lab.text.kinds_en import KINDS
from gsv_lab.text.readers_en import MATCH_READERS, READERS
from gsv_lab.text.stops_en import sentence_stop

Match = re.Match[str]
_SLOT = re.compile(r"\{(\d)?:?(\w*)\}")


class Kind(NamedTuple):
    """A row of `kinds_en.py`."""

    name: str
    pattern: re.Pattern[str]
    reading: str

    def sub(self, text: str) -> str:
        """The text with everything of this kind read."""
        return self.pattern.sub(lambda match: _read(self.reading, match), text)


def normalise(text: str) -> str:
    """English text in which every number, abbreviation and symbol is written out.

    >>> normalise("Dr. Smith paid $4.50 at 10:30 on the 21st.")
    'doctor Smith paid four dollars and fifty cents at ten thirty on the twenty first.'
    """
    for kind in kinds():
        text = kind.sub(text)
    return text.strip()


@cache
def kinds() -> tuple[Kind, ...]:
    """The kinds in the order of their trial."""
    rows = [[column.strip() for column in row.split(" | ")] for row in KINDS.splitlines() if row]
    return tuple(
        Kind(name, re.compile(_filled(pattern)), re.sub("^_|_$", " ", reading)) for name, pattern, reading, _ in rows
    )


def _read(reading: str, match: Match) -> str:
    if reading.startswith("@"):
        return MATCH_READERS[reading[1:]](match)

    def fill(slot: Match) -> str:
        group, reader = slot.groups()
        if not group:
            return sentence_stop(match.string, match.end(), reader) if match[0].endswith(".") else ""
        found = match[int(group)] or ""
        return READERS[reader](found) if reader else found

    return _SLOT.sub(fill, reading)


def _filled(pattern: str) -> str:
    """A pattern with the names between < and > replaced by what they stand for."""
    for _ in range(2):
        pattern = re.sub(r"<([a-z_]+)>", lambda name: _patterns().get(name[1], name[0]), pattern)
    return pattern


def _any(names: Iterable[str]) -> str:
    return f"(?:{'|'.join(sorted(map(re.escape, names), key=len, reverse=True))})"


@cache
def _patterns() -> dict[str, str]:
    number = r"(?:\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?|\.\d+)"
    return {
        "number": number,
        "operand": rf"(?:\(?(?:{number}[a-z]?|[A-Za-z])(?:\^-?\d+)?%?\)?)",
        "path": r"[^\s,;!()\"<>]",
        "dash": r"\s?[\-—~]\s?",
        "half": r"\s?[aApP](?:\.\s?[mM]\b\.?|[mM]\b\.?)(?!\w)",
        "st": "(?:st|nd|rd|th|ST|ND|RD|TH)",
        "scale": rf"(?:\s(?:thousand|million|billion|trillion)\b|\s?{_any(words.MAGNITUDE)}\b)",
        "not_waiting": "".join(rf"(?<!\b{word} )(?<!\b{word.title()} )" for word in words.WAITING),
        "counts": rf"(?:{_any(words.COUNTED_PEOPLE)}|(?!always|this|unless|as)[a-z]+s)",
        "unit": _any(words.UNITS).replace(r"\ ", r"\.?\s"),
        "per": _any(words.PER),
        "month": rf"(?:{_any(words.MONTHS)}\b|{_any(words.MONTH_SHORT)}\b\.?)",
        "short_month": _any(name for name in words.MONTH_SHORT if name != "May"),
        "day": _any([*words.DAYS, *words.DAYS.values()]),
        "file": _any([*words.FILE_ENDINGS, *map(str.upper, words.FILE_ENDINGS)]),
        "programming": _any(words.PROGRAMMING),
        "slashed": _any(words.SLASHED),
        "numbered": _any(words.NUMBERED),
        "numbered_dot": _any(words.NUMBERED_WITH_DOT),
        "street": _any(words.STREETS),
        "title": _any(words.TITLES),
        "title_free": _any(words.TITLES_WITHOUT_DOT),
        "short": _any(words.SHORT_FORMS),
        "short_word": _any(words.SHORT_WORDS),
        "starter": _any(words.STARTERS),
        "currency": _any(words.CURRENCY_CODES),
        "counted": _any(words.COUNTED),
        "bible": f"(?:{'|'.join(words.BIBLE)})",
        "greek": "".join(words.GREEK) + "".join(words.GREEK).upper(),
        "symbol": re.escape("".join(words.SYMBOLS)),
    }
