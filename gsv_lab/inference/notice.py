"""The reminder that a voice belongs to a person."""

from __future__ import annotations

import warnings

NOTICE = (
    "Clone only your own voice, or that of a person who has agreed to it. "
    "Everything made here is marked as synthetic in the file."
)


class VoiceNotice(UserWarning):
    """The reminder that a voice belongs to a person; shown once a process."""


def remind() -> None:
    """Say once in this process whose voice may be cloned."""
    warnings.warn(NOTICE, VoiceNotice, stacklevel=3)
