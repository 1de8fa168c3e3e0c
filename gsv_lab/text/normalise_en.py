"""English text with numbers, abbreviations and symbols to English text in words.

What is read how stands in the tables: `kinds_en.py` has the kinds in the order in which they are tried, `tables_en.py`
the words. Here are the readers that the kinds name. American readings are used where English has two ("one hundred
five", month before day).
"""

from __future__ import annotations

import re
from functools import cache

from gsv_lab.text.kinds_en import KINDS, SHORTHAND
from gsv_lab.text.readers_en import MATCH_READERS, READERS, Match
from gsv_lab.text.rows import Kind, kinds
from gsv_lab.text.stops_en import sentence_stop

_SLOT = re.compile(r"\{(\d)?:?(\w*)\}")


def normalise(text: str) -> str:
    """English text in which every number, abbreviation and symbol is written out.

    >>> normalise("Dr. Smith paid $4.50 at 10:30 on the 21st.")
    'doctor Smith paid four dollars and fifty cents at ten thirty on the twenty first.'
    """
    for kind in english_kinds():
        text = read(kind, text)
    return text.strip()


@cache
def english_kinds() -> list[Kind]:
    """The kinds in the order of their trial; the underscores at the edges of a reading are blanks."""
    return [kind._replace(reading=re.sub("^_|_$", " ", kind.reading)) for kind in kinds(KINDS, SHORTHAND)]


def read(kind: Kind, text: str) -> str:
    """The text with everything of this kind read."""
    return kind.pattern.sub(lambda match: _read(kind.reading, match), text)


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
