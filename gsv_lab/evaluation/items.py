"""What a test list holds: items, each with what shall be said and, where they are known, recordings.

Letters: T samples.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from gsv_lab.errors import ConfigError, DataError
from gsv_lab.system.files import why_unreadable

SAMPLE_RATE = 16000
"""Rate in Hz at which every measure works."""
NATURAL = "natural"
"""Name of the system that is the recordings of a list."""


def file_hash(path: Path) -> str:
    """SHA-256 of a sound file, read piece by piece.

    Raises:
        DataError: `DATA_MISSING`, it cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        problem = f"{path.name!r} cannot be read ({why_unreadable(error)})"
        raise DataError("DATA_MISSING", problem, "a sound file", "Check its permissions") from error


@dataclass(frozen=True)
class Clip:
    """One natural recording of a list.

    Args:
        path: where it lies now.
        key: its path as the list writes it; names the clip in results.
        speaker: name of the speaker.
        language: `en` or `zh`.
        text: what is said.
    """

    path: Path
    key: str
    speaker: str
    language: str
    text: str

    @cached_property
    def sha256(self) -> str:
        """Hash of its file."""
        return file_hash(self.path)

    def read(self, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """Samples (T,) float32, mono, at the given rate in Hz; level and edges as recorded."""
        from gsv_lab import audio

        return audio.read(self.path, sample_rate=sample_rate).samples.numpy()


@dataclass(frozen=True)
class Item:
    """One row of a list: what shall be said, and by whom.

    Args:
        name: names the row in results, and the files of systems.
        speaker: whose voice it shall be; empty where it is not known.
        language: `en` or `zh`.
        text: what shall be said; empty where it is not known.
        reference: the recording that a voice is cloned from.
        target: a recording of the speaker who says the text.
    """

    name: str
    speaker: str
    language: str
    text: str
    reference: Clip | None = None
    target: Clip | None = None


@dataclass(frozen=True)
class TestList:
    """The items of a list file, with the name and hash that results carry, and the names of rows that are left out."""

    __test__ = False  # not a test case, whatever pytest reads into the name

    name: str
    sha256: str
    items: tuple[Item, ...]
    others: tuple[str, ...] = ()

    def every(self, step: int) -> TestList:
        """The first row and each `step`-th after it, under a name that says so.

        Raises:
            ConfigError: `PARAM_RANGE`, the step is below 1.
        """
        if step < 1:
            raise ConfigError("PARAM_RANGE", f"every is {step}", "1 or more", "Choose another number")
        if step == 1:
            return self
        others = tuple(item.name for number, item in enumerate(self.items) if number % step)
        return replace(self, name=f"{self.name}, every {step}", items=self.items[::step], others=others)


def other_language(items: Iterable[Item]) -> list[Item | None]:
    """For each item the one whose text its voice says in another language: the texts of the other languages, in the
    order of the list, in turn; None where there are none.
    """
    items = list(items)
    spoken = sorted({item.language for item in items})
    texts = {language: [item for item in items if item.text and item.language == language] for language in spoken}
    others = {language: [item for other in spoken if other != language for item in texts[other]] for language in spoken}
    counts = dict.fromkeys(spoken, 0)
    found: list[Item | None] = []
    for item in items:
        choice = others[item.language]
        found.append(choice[counts[item.language] % len(choice)] if choice else None)
        counts[item.language] += 1
    return found
