"""The errors a user can cause: one sentence each on what was wrong, what was expected, what to do.

Everything that comes from outside (files, text, YAML, voices) is checked where it enters and raises a
`LabError`; the command line prints it in one line and leaves with exit code 2.
"""

from __future__ import annotations

import html
import re

LONGEST = 1200
"""Most characters of what was wrong: what a library says of a file may quote all of it."""


def printable(text: str) -> str:
    """A text with what a terminal cannot show as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def one_line(text: object) -> str:
    """Whatever came from outside (a name, a path, a message) as one line that leaves a terminal, a table and a page as
    they are: breaks become blanks; control characters, escapes and marks of direction are written out.
    """
    return printable(" ".join(str(text).split()))


def on_page(text: object) -> str:
    """`one_line` of something as HTML text or as the value of an attribute."""
    return html.escape(one_line(text))


def in_markdown(text: object) -> str:
    """`one_line` of something as Markdown that shows its letters as they are."""
    return re.sub(r"[\\`*\[\]<>&|]|(?<!\w)_|_(?!\w)", r"\\\g<0>", one_line(text))


class LabError(ValueError):
    """A mistake in what came from outside, said in a way that the person can mend it.

    Args:
        code: stable upper-case name of the case, for example `AUDIO_EMPTY`.
        problem: what was wrong, with the offending value.
        expected: what is accepted instead.
        action: what to do now.
    """

    def __init__(self, code: str, problem: str, expected: str = "", action: str = "") -> None:
        self.code = code
        problem = one_line(problem)
        if len(problem) > LONGEST:
            problem = f"{problem[: LONGEST - 300]} ... {problem[-290:]}"
        parts = (problem, f"Expected {expected}" if expected else "", action)
        lines = (one_line(part) for part in parts)
        super().__init__(" ".join(line.rstrip(".") + "." for line in lines if line))


class AudioError(LabError):
    """A recording that cannot be used."""


class TextError(LabError):
    """A text that cannot be spoken."""


class CheckpointError(LabError):
    """A weight or voice file that cannot be trusted or does not fit."""


class ConfigError(LabError):
    """A configuration that names something unknown or contradicts itself."""


class DataError(LabError):
    """A corpus, list file or folder that cannot be read as training or test material."""


class HookError(LabError):
    """A probe or an edit that names nothing, or does not fit what it names."""
