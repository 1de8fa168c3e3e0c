"""Recordings for where none is given: the shipped sample, and librosa's example if it was fetched before."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from gsv_lab.system.shipped import PACKAGE

_SAMPLE = PACKAGE / "assets" / "sample"
LIBRI = "5703-47212-0000"
"""In the name of the file that librosa keeps of its example libri1, a public-domain LibriVox reading."""


def shipped_sample() -> Path:
    """The recording that comes with the package: made by a synthesizer, not by a person."""
    return _SAMPLE / "en_rms.flac"


def sample_card() -> dict[str, Any]:
    """What is known of the sample: voice, licence, and of each of its `sentences` the `text`, `start` and `end` in
    seconds, and `phone_ends`, names with seconds from its start, as the synthesizer placed them.
    """
    card: dict[str, Any] = json.loads((_SAMPLE / "en_rms.json").read_text(encoding="utf-8"))
    return card


def cached_example() -> Path | None:
    """Librosa's example libri1 where it lies on this machine; nothing is fetched."""
    import pooch

    # Looked up by name: asking librosa for it would fetch what is missing.
    found = sorted(Path(pooch.os_cache("librosa")).glob(f"*{LIBRI}*.ogg"))
    return found[0] if found else None
