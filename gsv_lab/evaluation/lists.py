"""Test lists: which reference speaks which text, and the natural recording of it.

A list is a pipe-separated UTF-8 file with the header
`speaker|language|reference|reference_text|target|target_text|target_seconds`; its paths are relative to the folder
above the list, so that one list can name clips of several corpora. Rows are checked before anything is synthesized.
Letters: T samples.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import numpy as np

from gsv_lab.corpora.tables import identity
from gsv_lab.errors import DataError
from gsv_lab.system.files import read_file, why_unreadable

COLUMNS = ("speaker", "language", "reference", "reference_text", "target", "target_text", "target_seconds")
LANGUAGES = ("en", "zh")
SAMPLE_RATE = 16000
"""Rate in Hz at which every measure works."""


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

    def read(self, sample_rate: int = SAMPLE_RATE) -> np.ndarray:
        """Samples (T,) float32, mono, at the given rate in Hz; level and edges as recorded."""
        from gsv_lab import audio

        return audio.read(self.path, sample_rate=sample_rate).samples.numpy()


@dataclass(frozen=True)
class Item:
    """One row of a list: the target (what a speaker really said) and the reference that a voice is cloned from."""

    target: Clip
    reference: Clip
    seconds: float

    @property
    def speaker(self) -> str:
        """Name of the speaker of both clips."""
        return self.target.speaker

    @property
    def language(self) -> str:
        """Language of both clips."""
        return self.target.language


@dataclass(frozen=True)
class TestList:
    """The items of a list file, with the name and hash that results carry."""

    __test__ = False  # not a test case, whatever pytest reads into the name

    name: str
    sha256: str
    items: tuple[Item, ...]


def read_list(path: str | Path) -> TestList:
    """Reads and checks a list; a byte-order mark and Windows line ends are fine.

    Args:
        path: the list file.

    Raises:
        DataError: `DATA_MISSING` (the list, or clips: count and first ten), `DATA_ROW` (with the line number),
            `DATA_PATH` (outside the folder above the list), `DATA_DUPLICATE`, `DATA_LEAK` (target is its own
            reference), `LANG_UNKNOWN`.
    """
    path = Path(path)
    try:
        raw = read_file(path)
    except OSError as error:
        problem = f"There is no list file {path.name!r} ({why_unreadable(error)})"
        raise DataError("DATA_MISSING", problem, "a file", "Check the path") from error
    try:
        lines = raw.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        _bad_row(raw[: error.start].count(b"\n") + 1, "is not UTF-8")
    if not lines or tuple(lines[0].split("|")) != COLUMNS:
        _bad_row(1, "has other columns")
    root = path.resolve().parent.parent
    items = [_item(line, number, root) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    if not items:
        _bad_row(2, "is missing: the list has no rows")
    _check_clips(items)
    return TestList(path.name, hashlib.sha256(raw).hexdigest(), tuple(items))


def _item(line: str, number: int, root: Path) -> Item:
    fields = line.split("|")
    if len(fields) != len(COLUMNS):
        _bad_row(number, f"has {len(fields)} fields")
    speaker, language, reference, reference_text, target, target_text, seconds = fields
    if language not in LANGUAGES:
        raise DataError("LANG_UNKNOWN", f"Line {number}: language {language!r}", " or ".join(LANGUAGES))
    if not speaker or not target_text.strip():
        _bad_row(number, "has no speaker or no target text")
    try:
        length = float(seconds)
    except ValueError:
        _bad_row(number, f"gives {seconds!r} as target_seconds")
    if not 0 < length < float("inf"):
        _bad_row(number, f"gives {seconds!r} as target_seconds")
    paths = _inside(root, target, number), _inside(root, reference, number)
    if identity(paths[0]) == identity(paths[1]):
        raise DataError("DATA_LEAK", f"Line {number}: the target is its own reference", "two different clips")
    return Item(
        Clip(paths[0], target, speaker, language, target_text),
        Clip(paths[1], reference, speaker, language, reference_text),
        length,
    )


def _inside(root: Path, relative: str, number: int) -> Path:
    given = Path(relative)
    full = (root / given).resolve()
    if not relative or given.is_absolute() or not full.is_relative_to(root):
        raise DataError(
            "DATA_PATH", f"Line {number}: {relative!r} leaves the folder above the list", "a relative path inside it"
        )
    return full


def _check_clips(items: list[Item]) -> None:
    pairs = Counter((identity(item.target.path), identity(item.reference.path)) for item in items)
    doubled = [i.target.key for i in items if pairs[identity(i.target.path), identity(i.reference.path)] > 1]
    if doubled:
        problem = f"{len(doubled)} rows are not the only ones of their two clips, first {doubled[0]!r}"
        raise DataError("DATA_DUPLICATE", problem, "each row once")
    owners: dict[Hashable, str] = {}
    for item in items:
        for clip in (item.target, item.reference):
            if owners.setdefault(identity(clip.path), clip.speaker) != clip.speaker:
                raise DataError("DATA_DUPLICATE", f"{clip.key!r} stands under two speakers", "one speaker a clip")
    paths = {clip.key: clip.path for item in items for clip in (item.target, item.reference)}
    missing = [key for key, path in paths.items() if not path.is_file()]
    if missing:
        names = ", ".join(missing[:10])
        raise DataError("DATA_MISSING", f"{len(missing)} clips are missing: {names}", "every clip of the list")


def _bad_row(number: int, problem: str) -> NoReturn:
    raise DataError("DATA_ROW", f"Line {number} {problem}", "|".join(COLUMNS), "Correct the list")
