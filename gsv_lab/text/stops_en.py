"""Whether the full stop of an English abbreviation also ends its sentence."""

from __future__ import annotations

import re

from gsv_lab.text.tables_en import AFTER_CLOCK, STARTERS

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
    if word in STARTERS:
        return "."
    return "." if how == "halt" and word not in AFTER_CLOCK and not (word.isupper() and len(word) > 1) else ""
