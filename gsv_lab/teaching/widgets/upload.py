"""A sound file from the page: chosen, measured before it is read, handed over in pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import traitlets

from gsv_lab import audio
from gsv_lab.errors import AudioError
from gsv_lab.teaching.widgets.incoming import FOLDER, Incoming

LONGEST_UPLOAD = 300.0
"""Seconds; a voice is made of 3 to 10 s, and `gsv-lab prepare` is for long recordings."""
MOST_UPLOAD = 60_000_000
"""Bytes: 5 minutes of uncompressed stereo at 48 kHz and 16 bit take 57.6 MB."""
LIMITS = f"a sound file of at most {LONGEST_UPLOAD / 60:g} minutes and {MOST_UPLOAD / 1e6:g} MB"


class SoundUpload(Incoming):
    """A choice of a file.

    Args:
        taken: called with the file's name and its bytes.
        failed: called with the error if there is one.
        label: in front of the choice.
    """

    _esm = (FOLDER / "sending.js").read_text(encoding="utf-8") + (FOLDER / "upload.js").read_text(encoding="utf-8")
    accept = traitlets.Unicode("audio/*,.wav,.flac,.ogg,.opus,.mp3").tag(sync=True)

    def __init__(
        self, taken: Callable[[str, bytes], None], failed: Callable[[AudioError], None], label: str = "Add a recording"
    ) -> None:
        def name_first(about: Mapping[str, Any], content: bytes) -> None:
            taken(str(about.get("name", "")), content)

        super().__init__(name_first, failed, {"most": MOST_UPLOAD, "label": label})

    def problem(self, name: str, detail: str) -> AudioError:
        """That a file is too large, or could not be read by the browser."""
        return self.too_large(int(detail)) if name == "TooLarge" else super().problem(name, detail)

    def too_large(self, size: int) -> AudioError:
        """With the length that fits, and what long recordings are for."""
        return _too_long(f"The file takes {size / 1e6:.0f} MB")


def check_length(path: Path) -> None:
    """Refuse a recording that a lab would take, but that nobody waits for in a notebook.

    Raises:
        AudioError: AUDIO_TOO_LONG; those of `audio.read`.
    """
    try:
        audio.read(path, max_seconds=LONGEST_UPLOAD)
    except AudioError as error:
        if error.code != "AUDIO_TOO_LONG":
            raise
        raise _too_long(f"{path.name!r} lasts more than {LONGEST_UPLOAD / 60:g} minutes") from error


def _too_long(problem: str) -> AudioError:
    action = "Cut out a passage of 3 to 10 s; for long recordings there is gsv-lab prepare"
    return AudioError("AUDIO_TOO_LONG", problem, LIMITS, action)
