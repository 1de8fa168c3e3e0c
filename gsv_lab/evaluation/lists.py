"""Lists of what systems shall say: texts, and where they are known speakers, references and natural recordings.

A list is a UTF-8 file with `|` between columns, in one of four forms, three of them with a header:

    item|speaker|language|text|reference|target
        `item` names the row and the files of systems; speaker, reference and target (the natural recording of the
        text) may be empty; paths are relative to the list's folder and stay inside it.
    speaker|language|reference|reference_text|target|target_text|target_seconds
        the item is called as its target's file; paths are relative to the folder above the list, so that one list can
        name clips of several corpora.
    the lists of the project's `data/`, which hold neither paths nor texts; clips come from the corpora themselves.
    item|text of the prompt|prompt|text, without a header: the lists of seed-tts-eval (`meta.lst`, `hardcase.lst`)
        the prompt is the reference; a fifth field is a natural recording of the text. Who speaks is not known, so the
        speaker is empty; the language is given, or the name of the list's folder.

`read_texts` reads lists of texts alone. Rows are checked before anything is measured.
"""

from __future__ import annotations

import hashlib
import os
import re
import warnings
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from gsv_lab.corpora import clip_lists
from gsv_lab.corpora.clip_lists import ListedTarget
from gsv_lab.corpora.readers import Clip as Recording
from gsv_lab.corpora.readers import read_all
from gsv_lab.corpora.tables import identity
from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.items import SAMPLE_RATE as SAMPLE_RATE
from gsv_lab.evaluation.items import Clip, Item, TestList
from gsv_lab.system.files import read_file, why_unreadable

COLUMNS = ("item", "speaker", "language", "text", "reference", "target")
PAIR_COLUMNS = ("speaker", "language", "reference", "reference_text", "target", "target_text", "target_seconds")
LANGUAGES = ("en", "zh")
PROMPT_FIELDS = "item|text of the prompt|prompt|text, or a recording of the text besides"
OTHER_SPEAKERS = "non_para_reconstruct_meta.lst"
"""The list of seed-tts-eval for voice conversion: its fifth field is somebody else who says the text."""
SUFFIXES = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".m4a")
"""Of files that count as sound in a folder; what cannot be decoded is refused when it is read."""


def read_list(path: str | Path, corpora: str | Path | None = None, language: str = "") -> TestList:
    """Reads and checks a list in any of the forms of this module; a byte-order mark and Windows line ends are fine.

    Args:
        path: the list file.
        corpora: folder with the corpora of a list without texts (`gsv_lab.corpora.clip_lists.ListedTarget`), where
            their clips are looked for by the names of the utterances; the list's own folder if None.
        language: of a list that says none; the name of its folder if empty.

    Raises:
        ConfigError: `USAGE`, a language for a list that says its own.
        DataError: `DATA_MISSING` (the list, or clips: count and first ten), `DATA_ROW` (with the line number),
            `DATA_PATH` (outside its folder), `DATA_DUPLICATE`, `DATA_LEAK` (target is its own reference),
            `LANG_UNKNOWN`.
    """
    path = Path(path)
    raw, lines = _lines(path)
    columns = tuple(name.strip() for name in lines[0].split("|"))
    if _is_prompted(lines):
        return _checked(path, raw, _prompted(path, lines, language))
    if language:
        problem = f"A language is given for {path.name!r}, which says the language of every row"
        raise ConfigError("USAGE", problem, "--language with lists that say none", "Leave it out")
    if columns == ListedTarget._fields:
        items = _found(path, Path(corpora) if corpora else path.parent)
    elif columns == PAIR_COLUMNS:
        items = _rows(lines, path.resolve().parent.parent, _pair)
    elif columns == COLUMNS:
        items = _rows(lines, path.resolve().parent, _item)
    else:
        _bad_row(1, "has other columns")
    return _checked(path, raw, items)


def read_texts(path: str | Path) -> TestList:
    """Reads a list of texts, `item<TAB>language<TAB>text` without a header: no speakers and no recordings.

    Raises:
        DataError: see `read_list`.
    """
    path = Path(path)
    raw, lines = _lines(path)
    items = []
    for number, line in enumerate(lines, start=1):
        if line.strip():
            fields = line.split("\t")
            if len(fields) != 3:
                _bad_row(number, f"has {len(fields)} fields", "item<TAB>language<TAB>text")
            items.append(_item([fields[0], "", *fields[1:], "", ""], number, path.parent))
    return _checked(path, raw, items)


def with_folders(test_list: TestList, references: str | Path | None, naturals: str | Path | None) -> TestList:
    """A list with recordings from folders of files named by item, where its own columns are empty.

    Args:
        test_list: the list.
        references: recordings that voices are cloned from.
        naturals: natural recordings of the texts.

    Raises:
        DataError: `DATA_MISSING`, no such folder; `DATA_DUPLICATE`, two files of one item; `DATA_LEAK`.
    """
    references_by_item = {} if references is None else sounds_by_item(Path(references))
    naturals_by_item = {} if naturals is None else sounds_by_item(Path(naturals))
    items = []
    for item in test_list.items:
        reference, target = item.reference, item.target
        if reference is None and item.name in references_by_item:
            path = references_by_item[item.name]
            reference = Clip(path, path.name, item.speaker, item.language, "")
        if target is None and item.name in naturals_by_item:
            path = naturals_by_item[item.name]
            target = Clip(path, path.name, item.speaker, item.language, item.text)
        items.append(replace(item, reference=reference, target=target))
    _check_clips(items)
    return replace(test_list, items=tuple(items))


def sounds_by_item(folder: Path) -> dict[str, Path]:
    """The sound files of a folder by their stems, in order of names; hidden files and other kinds are passed over.

    Raises:
        DataError: `DATA_MISSING`, no such folder; `DATA_DUPLICATE`, two files of one stem; `DATA_PATH`, a link out of
            the folder.
    """
    if not folder.is_dir():
        raise DataError(
            "DATA_MISSING", f"There is no folder {folder.name!r}", "a folder of sound files", "Check the path"
        )
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.name.startswith(".") or path.suffix.lower() not in SUFFIXES or not path.is_file():
            continue
        if not path.resolve().is_relative_to(folder.resolve()):
            problem = f"{path.name!r} is a link out of the folder {folder.name!r}"
            raise DataError("DATA_PATH", problem, "files that lie in it", "Copy the file")
        if path.stem in found:
            problem = f"{folder.name!r} has both {found[path.stem].name!r} and {path.name!r}"
            raise DataError("DATA_DUPLICATE", problem, "one file an item", "Remove one of them")
        found[path.stem] = path
    return found


def _lines(path: Path) -> tuple[bytes, list[str]]:
    """The bytes of a list, and its lines."""
    try:
        raw = read_file(path)
    except OSError as error:
        problem = f"There is no list file {path.name!r} ({why_unreadable(error)})"
        raise DataError("DATA_MISSING", problem, "a file", "Check the path") from error
    try:
        return raw, re.split(r"\r\n|\n|\r", raw.decode("utf-8-sig"))  # a text may hold other breaks
    except UnicodeDecodeError as error:
        _bad_row(raw[: error.start].count(b"\n") + 1, "is not UTF-8")


def _rows(lines: list[str], root: Path, make: Callable[[list[str], int, Path], Item]) -> list[Item]:
    """The rows below a header."""
    columns = lines[0].split("|")
    items = []
    for number, line in enumerate(lines[1:], start=2):
        if line.strip():
            fields = [field.strip() for field in line.split("|")]
            if len(fields) != len(columns):
                _bad_row(number, f"has {len(fields)} fields", lines[0])
            items.append(make(fields, number, root))
    return items


def _checked(path: Path, raw: bytes, items: list[Item]) -> TestList:
    if not items:
        _bad_row(2, "is missing: the list has no rows")
    names = Counter(item.name for item in items)
    doubled = [name for name, count in names.items() if count > 1]
    if doubled:
        problem = f"{len(doubled)} items stand in more than one row, first {doubled[0]!r}"
        raise DataError("DATA_DUPLICATE", problem, "each item once", "Give every row a name of its own")
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
        target, reference = clips
        items.append(Item(row.target, row.speaker, row.language, target.text, reference, target))
    return items


def _same(recordings: Sequence[Recording], sound: str) -> Recording:
    """Of recordings with the name of an utterance the one with a hash; the first if none has it."""
    if len(recordings) == 1:
        return recordings[0]
    return next((found for found in recordings if clip_lists.clip_hash(found.path) == sound), recordings[0])


def _item(fields: list[str], number: int, root: Path) -> Item:
    """A row of `COLUMNS`."""
    name, speaker, language, text, reference, target = (field.strip() for field in fields)
    _check_name(name, number)
    _check_language(language, number)
    clips = []
    for path, words in ((reference, ""), (target, text)):
        clips.append(Clip(_inside(root, path, number), path, speaker, language, words) if path else None)
    return Item(name, speaker, language, text, *clips)


def _pair(fields: list[str], number: int, root: Path) -> Item:
    """A row of `PAIR_COLUMNS`."""
    speaker, language, reference, reference_text, target, target_text, seconds = fields
    _check_language(language, number)
    if not speaker or not target_text.strip():
        _bad_row(number, "has no speaker or no target text")
    try:
        length = float(seconds)
    except ValueError:
        length = 0.0
    if not 0 < length < float("inf"):
        _bad_row(number, f"gives {seconds!r} as target_seconds")
    clips = (
        Clip(_inside(root, reference, number), reference, speaker, language, reference_text),
        Clip(_inside(root, target, number), target, speaker, language, target_text),
    )
    return Item(Path(target).stem, speaker, language, target_text, *clips)


def _is_prompted(lines: list[str]) -> bool:
    """Whether a list has the form of seed-tts-eval: the third of four or five fields is a sound file."""
    fields = next((line.split("|") for line in lines if line.strip()), [])
    return len(fields) in (4, 5) and Path(fields[2].strip()).suffix.lower() in SUFFIXES


def _prompted(path: Path, lines: list[str], language: str) -> list[Item]:
    """The rows of a list of seed-tts-eval."""
    root = path.resolve().parent
    language = language or root.name
    if language not in LANGUAGES:
        problem = f"Neither {path.name!r} nor the name of its folder, {root.name!r}, says the language"
        raise DataError("LANG_UNKNOWN", problem, " or ".join(LANGUAGES), "Give --language")
    if path.name == OTHER_SPEAKERS:
        warnings.warn(
            f"{path.name}: the fifth field is another speaker than the prompt's and is not read", stacklevel=3
        )
    items = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) not in (4, 5):
            _bad_row(number, f"has {len(fields)} fields", PROMPT_FIELDS)
        name, words, prompt, text, natural = (*fields, "")[:5]
        _check_name(name, number)
        if not text:
            _bad_row(number, "has no text", PROMPT_FIELDS)
        reference = Clip(_inside(root, prompt, number), prompt, "", language, words)
        target = None
        if natural and path.name != OTHER_SPEAKERS:
            target = Clip(_inside(root, natural, number), natural, "", language, text)
        items.append(Item(name, "", language, text, reference, target))
    return items


def _check_name(name: str, number: int) -> None:
    if not name or set(name) & set("/\\\0") or name.startswith("."):
        _bad_row(number, f"has the item {name!r}", "a name that can name a file, without / and \\")


def _check_language(language: str, number: int) -> None:
    if language not in LANGUAGES:
        raise DataError("LANG_UNKNOWN", f"Line {number}: language {language!r}", " or ".join(LANGUAGES))


def path_inside(root: Path, relative: str) -> Path | None:
    r"""A path relative to a resolved folder, without links; None if it leaves it or no file can be called so.

    >>> path_inside(Path("/data"), "../secret.wav") is path_inside(Path("/data"), "a\0.wav") is None
    True
    """
    given = Path(relative)
    try:
        full = (root / given).resolve()
    except (OSError, ValueError, RuntimeError):  # too long, a zero byte, links that go round
        return None
    return None if not relative or given.is_absolute() or not full.is_relative_to(root) else full


def _inside(root: Path, relative: str, number: int) -> Path:
    full = path_inside(root, relative)
    if full is None:
        problem = f"Line {number}: {relative!r} leaves the folder {root.name!r}, which its paths are relative to"
        raise DataError("DATA_PATH", problem, "a relative path inside it")
    return full


def _check_clips(items: list[Item]) -> None:
    clips = [clip for item in items for clip in (item.target, item.reference) if clip is not None]
    missing = [key for key, path in {clip.key: clip.path for clip in clips}.items() if not os.path.isfile(path)]
    if missing:
        names = ", ".join(missing[:10])
        raise DataError("DATA_MISSING", f"{len(missing)} clips are missing: {names}", "every clip of the list")
    owners: dict[Hashable, str] = {}
    for clip in clips:
        if owners.setdefault(identity(clip.path), clip.speaker) != clip.speaker:
            raise DataError("DATA_DUPLICATE", f"{clip.key!r} stands under two speakers", "one speaker a clip")
    for item in items:
        if item.target and item.reference and identity(item.target.path) == identity(item.reference.path):
            raise DataError("DATA_LEAK", f"{item.name!r}: the target is its own reference", "two different clips")
    pairs = Counter(_identities(item) for item in items if item.target and item.reference)
    doubled = [item.name for item in items if pairs[_identities(item)] > 1]
    if doubled:
        problem = f"{len(doubled)} rows are not the only ones of their two clips, first {doubled[0]!r}"
        raise DataError("DATA_DUPLICATE", problem, "each row once")


def _identities(item: Item) -> tuple[Hashable, ...]:
    return tuple(identity(clip.path) for clip in (item.target, item.reference) if clip is not None)


def _bad_row(number: int, problem: str, expected: str = "") -> NoReturn:
    columns = f"{'|'.join(COLUMNS)} or {'|'.join(PAIR_COLUMNS)}, or without a header {PROMPT_FIELDS}"
    raise DataError("DATA_ROW", f"Line {number} {problem}", expected or columns, "Correct the list")
