"""Marks that a person writes into a text: `[emph]...[/emph]` and `[pause 0.5s]`.

They are parsed on the text as it was written, because their errors name columns. Inside the front end they travel as
private-use characters, which no input can contain, since those are reported as unsupported: two for emphasis, and one
for each length of a pause in steps of 10 ms.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from gsv_lab.errors import TextError

Mark = tuple[int, int, str]
EMPHASIS_ON, EMPHASIS_OFF = "\ue000", "\ue001"
LONGEST_PAUSE = 10.0
"""Seconds."""
_STEP = 0.01
_FIRST_PAUSE = 0xE200
PAUSES = f"{chr(_FIRST_PAUSE)}-{chr(_FIRST_PAUSE + round(LONGEST_PAUSE / _STEP))}"
"""The characters of pauses, as the inside of a character class of a regular expression."""

_EMPHASIS = re.compile(r"\[(/?)emph\]", re.IGNORECASE)
# What looks like a pause: the word alone, or before a number; "[pause button]" is text.
_PAUSE = re.compile(r"\[pause(?:[\s:=]*(?=[\d.+\-])([^\]\n]{0,40}))?\s*(\]|$)", re.IGNORECASE)
_LENGTH = re.compile(r"(\d+(?:\.\d*)?|\.\d+)\s*(s|ms|sec|seconds?)?\s*", re.IGNORECASE)


def marks(text: str) -> list[Mark]:
    """Where marks begin and end in a text, and the private character of each.

    Raises:
        TextError: MARKUP_SYNTAX, with the column.
    """
    return [*_emphasis(text), *_pauses(text)]


def pause_seconds(character: str) -> float:
    """The length of a pause by its private character."""
    return (ord(character) - _FIRST_PAUSE) * _STEP


def written(text: str) -> str:
    """The text with its private characters as marks again."""
    text = text.replace(EMPHASIS_ON, "[emph]").replace(EMPHASIS_OFF, "[/emph]")
    return re.sub(f"[{PAUSES}]", lambda match: f"[pause {pause_seconds(match[0]):g}s]", text)


def cut_pauses(text: str) -> tuple[float, str, float]:
    """Seconds of the pauses that a cleaned text begins with, the text without them, and seconds of those at its end."""
    edge = rf"([{PAUSES}{EMPHASIS_ON}{EMPHASIS_OFF}\s]*)"
    _, first, inner, last, _ = re.split(f"^{edge}(.*?){edge}$", text, flags=re.DOTALL)
    pause = re.compile(f"[{PAUSES}]")
    before, after = (sum(map(pause_seconds, pause.findall(part))) for part in (first, last))
    return before, pause.sub("", first) + inner + pause.sub("", last), after


def _pauses(text: str) -> Iterator[Mark]:
    for match in _PAUSE.finditer(text):
        length = _LENGTH.fullmatch(match[1] or "")
        unit = 1000 if length and (length[2] or "").lower() == "ms" else 1
        seconds = float(length[1]) / unit if length else 0.0
        if match[2] != "]" or not _STEP <= seconds <= LONGEST_PAUSE:
            raise TextError(
                "MARKUP_SYNTAX",
                f"{match[0]:.40} in column {match.start() + 1} is no pause",
                f"[pause 0.5s], from {_STEP:g}s to {LONGEST_PAUSE:g}s, or [pause 500ms]",
                "Write its length",
            )
        yield (*match.span(), chr(_FIRST_PAUSE + round(seconds / _STEP)))


def _emphasis(text: str) -> Iterator[Mark]:
    opened = 0
    for match in _EMPHASIS.finditer(text):
        column = match.start() + 1
        if match[1]:
            if not opened:
                raise _wrong(f"[/emph] in column {column} closes nothing", "Write [emph] before it, or remove it")
            opened = 0
        else:
            if opened:
                problem = f"[emph] in column {column} stands inside the one of column {opened}"
                raise _wrong(problem, "Close that one first")
            opened = column
        yield (*match.span(), EMPHASIS_ON if opened else EMPHASIS_OFF)
    if opened:
        raise _wrong(f"[emph] in column {opened} is never closed", "Write [/emph] after the words to be stressed")


def _wrong(problem: str, action: str) -> TextError:
    return TextError("MARKUP_SYNTAX", problem, "pairs of [emph] and [/emph], not nested", action)
