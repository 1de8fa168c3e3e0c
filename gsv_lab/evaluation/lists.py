"""Test lists: which reference speaks which text, and the natural recording of it.

A list is a pipe-separated UTF-8 file with the header
`speaker|language|reference|reference_text|target|target_text|target_seconds`; its paths are relative to the folder
above the list, so that one list can name clips of several corpora. Rows are checked before anything is synthesized.
The lists of the project's `data/`, which hold neither paths nor texts, are read too, from the corpora themselves.
Letters: T samples.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import NoReturn

import numpy as np

from gsv_lab.corpora import clip_lists
from gsv_lab.corpora.clip_lists import ListedTarget
from gsv_lab.corpora.readers import Clip as Recording
from gsv_lab.corpora.readers import read_all
from gsv_lab.corpora.tables import identity
from gsv_lab.errors import ConfigError, DataError
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

    @cached_property
    def sha256(self) -> str:
        """Hash of its file."""
        return hashlib.sha256(self.path.read_bytes()).hexdigest()

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

    def every(self, step: int) -> TestList:
        """The first row and each `step`-th after it, under a name that says so.

        Raises:
            ConfigError: `PARAM_RANGE`, the step is below 1.
        """
        if step < 1:
            raise ConfigError("PARAM_RANGE", f"every is {step}", "1 or more", "Choose another number")
        return self if step == 1 else replace(self, name=f"{self.name}, every {step}", items=self.items[::step])


def read_list(path: str | Path, corpora: str | Path | None = None) -> TestList:
    """Reads and checks a list; a byte-order mark and Windows line ends are fine.

    Args:
        path: the list file.
        corpora: folder with the corpora of a list without texts (`gsv_lab.corpora.clip_lists.ListedTarget`), where
            their clips are looked for by the names of the utterances; the list's own folder if None.

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
    columns = tuple(lines[0].split("|")) if lines else ()
    if columns == ListedTarget._fields:
        items = _found(path, Path(corpora) if corpora else path.parent)
    elif columns == COLUMNS:
        root = path.resolve().parent.parent
        items = [_item(line, number, root) for number, line in enumerate(lines[1:], start=2) if line.strip()]
    else:
        _bad_row(1, "has other columns")
    if not items:
        _bad_row(2, "is missing: the list has no rows")
    _check_clips(items)
    return TestList(path.name, hashlib.sha256(raw).hexdigest(), tuple(items))


def _found(path: Path, corpora: Path) -> list[Item]:
    """The rows of a list without paths and texts, with those of the corpora below a folder."""
    recordings = defaultdict(list)
    for recording in read_all(corpora):
        if recording.text:
            recordings[recording.path.stem].append(recording)
    rows = [row for row in clip_lists.read_list(path) if isinstance(row, ListedTarget)]
    hashes = {row.reference: row.reference_hash for row in rows} | {row.target: row.target_hash for row in rows}
    missing = sorted(name for name in hashes if not recordings[name])
    if missing:
        problem = f"{len(missing)} clips of {path.name!r} are not below {corpora}: {', '.join(missing[:10])}"
        raise DataError("DATA_MISSING", problem, "the corpora of data/README.md with their texts", "Give --corpora")
    chosen = {name: _same(recordings[name], sound) for name, sound in hashes.items()}
    items = []
    for row in rows:
        clips = []
        for name in (row.target, row.reference):
            place = chosen[name].path
            key = place.relative_to(corpora).as_posix()
            clips.append(Clip(place, key, row.speaker, row.language, chosen[name].text))
        items.append(Item(clips[0], clips[1], row.target_seconds))
    return items


def _same(recordings: Sequence[Recording], sound: str) -> Recording:
    """Of recordings with the name of an utterance the one with a hash; the first if none has it."""
    if len(recordings) == 1:
        return recordings[0]
    return next((found for found in recordings if clip_lists.clip_hash(found.path) == sound), recordings[0])


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
