"""Marks that a person writes into a text: `[emph]...[/emph]` and `[pause 0.5s]`.

They are parsed on the text as it was written, because their errors name columns. Inside the front end they travel as
private-use characters, which no input can contain, since those are reported as unsupported: two for emphasis, and one
for each length of a pause in steps of 10 ms.
"""

from __future__ import annotations

import re

from gsv_lab.errors import TextError

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


def marks(text: str) -> list[tuple[int, int, str]]:
    """Where marks begin and end in a text, and the private character of each, in order.

    Raises:
        TextError: MARKUP_SYNTAX, with the column.
    """
    return sorted([*_emphasis(text), *_pauses(text)])


def pause_seconds(character: str) -> float:
    """The length of a pause by its private character."""
    return (ord(character) - _FIRST_PAUSE) * _STEP


def written(text: str) -> str:
    """The text with its private characters as marks again."""
    text = text.replace(EMPHASIS_ON, "[emph]").replace(EMPHASIS_OFF, "[/emph]")
    return re.sub(f"[{PAUSES}]", lambda match: f"[pause {pause_seconds(match.group()):g}s]", text)


def cut_pauses(text: str) -> tuple[float, str, float]:
    """Seconds of the pauses that a cleaned text begins with, the text without them, and seconds of those at its end."""
    edge = rf"[{PAUSES}{EMPHASIS_ON}{EMPHASIS_OFF}\s]*"
    match = re.fullmatch(rf"({edge})(.*?)({edge})", text, re.DOTALL)
    assert match is not None  # every part may be empty
    pauses = re.compile(f"[{PAUSES}]")
    before, after = (sum(map(pause_seconds, pauses.findall(part))) for part in match.group(1, 3))
    return before, pauses.sub("", match[1]) + match[2] + pauses.sub("", match[3]), after


def _pauses(text: str) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    for match in _PAUSE.finditer(text):
        length = _LENGTH.fullmatch(match.group(1) or "")
        seconds = 0.0
        if length:
            seconds = float(length.group(1)) / (1000 if (length.group(2) or "").lower() == "ms" else 1)
        if not length or match.group(2) != "]" or not _STEP <= seconds <= LONGEST_PAUSE:
            raise TextError(
                "MARKUP_SYNTAX",
                f"{match.group():.40} in column {match.start() + 1} is no pause",
                f"[pause 0.5s], from {_STEP:g}s to {LONGEST_PAUSE:g}s, or [pause 500ms]",
                "Write its length",
            )
        found.append((match.start(), match.end(), chr(_FIRST_PAUSE + round(seconds / _STEP))))
    return found


def _emphasis(text: str) -> list[tuple[int, int, str]]:
    found: list[tuple[int, int, str]] = []
    opened = -1
    for match in _EMPHASIS.finditer(text):
        column, closing = match.start() + 1, bool(match.group(1))
        if closing and opened < 0:
            raise _wrong(f"[/emph] in column {column} closes nothing", "Write [emph] before it, or remove it")
        if not closing and opened >= 0:
            raise _wrong(f"[emph] in column {column} stands inside the one of column {opened}", "Close that one first")
        opened = -1 if closing else column
        found.append((match.start(), match.end(), EMPHASIS_OFF if closing else EMPHASIS_ON))
    if opened >= 0:
        raise _wrong(f"[emph] in column {opened} is never closed", "Write [/emph] after the words to be stressed")
    return found


def _wrong(problem: str, action: str) -> TextError:
    return TextError("MARKUP_SYNTAX", problem, "pairs of [emph] and [/emph], not nested", action)
