"""The errors a user can cause: one sentence each on what was wrong, what was expected, what to do.

Everything that comes from outside (files, text, YAML, voices) is checked where it enters and raises a
`LabError`; the command line prints it in one line and leaves with exit code 2.
"""

from __future__ import annotations


def printable(text: str) -> str:
    """A text with what a terminal cannot show as escapes."""
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


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
        parts = (problem, f"Expected {expected}" if expected else "", action)
        # One line that leaves the terminal as it is, whatever a file or a person put into a name.
        lines = (printable(" ".join(part.split())) for part in parts)
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
