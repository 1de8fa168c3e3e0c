"""Which recordings `prepare` is given, with whose voice and which text in each.

Recordings come as files, as folders of them, or in a list file.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Hashable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from gsv_lab.corpora.listfile import read_list
from gsv_lab.corpora.tables import identity
from gsv_lab.errors import DataError, TextError
from gsv_lab.system.files import read_file, why_unreadable

PathLike = str | os.PathLike[str]

SUFFIXES = frozenset(".wav .flac .ogg .oga .opus .mp3 .aif .aiff .au .caf .w64 .m4a .aac .wma .webm .mp4".split())
"""Files that count as recordings in a folder; those of a kind that cannot be read are reported, not passed over."""


class Item(NamedTuple):
    """One recording: its file, the speaker's name, the language (`auto` for that of the text), the text or nothing."""

    path: Path
    speaker: str
    language: str
    text: str


def items(
    paths: Sequence[PathLike],
    list_file: PathLike | None,
    text_file: PathLike | None,
    speaker: str,
    language: str,
    output: Path,
) -> list[Item]:
    """The recordings of one run; arguments as in `gsv_lab.corpora.prepare.prepare`.

    Raises:
        DataError: DATA_ROW, DATA_PATH, DATA_EMPTY, DATA_MISSING; those of `read_list`.
        TextError: TEXT_INVALID_UNICODE, TEXT_EMPTY, LANG_UNKNOWN.
    """
    if language not in ("en", "zh", "auto"):
        raise TextError("LANG_UNKNOWN", f"The language {language!r} is unknown", "en, zh or auto")
    if list_file is not None:
        if text_file is not None:
            raise DataError("DATA_ROW", "Both a list file and a text file were given", "one of them")
        return _listed(paths, list_file, language)
    found: list[Path] = []
    seen: set[Hashable] = set()
    for given in paths:
        for path in _recordings(Path(given), output):
            if identity(path) not in seen:  # however it is spelled
                found.append(path)
            seen.add(identity(path))
    if not found:
        raise DataError("DATA_EMPTY", "There are no recordings in what was given", "sound files or folders of them")
    text = "" if text_file is None else _text(Path(text_file))
    if text and len(found) != 1:
        raise DataError(
            "DATA_ROW",
            f"One text file was given for {len(found)} recordings",
            "one recording",
            "Give a list file (wav|speaker|language|text) for several",
        )
    return [Item(path, speaker, language, text) for path in found]


def _listed(paths: Sequence[PathLike], list_file: PathLike, language: str) -> list[Item]:
    """The rows of a list file; the only path, if there is one, is the root of its paths."""
    root = paths[0] if paths else None
    if len(paths) > 1 or (root is not None and not os.path.isdir(root)):
        problem = "A list file names the recordings itself"
        raise DataError("DATA_PATH", problem, "no path, or the folder they lie in")
    found = []
    for row in read_list(list_file, root=root, check_files=False):
        chosen = language if row.language == "auto" else row.language
        found.append(Item(row.path, row.speaker, chosen, row.text))
    return found


def _recordings(path: Path, output: Path) -> Iterator[Path]:
    """The file itself, or the recordings below a folder, but not the slices of an earlier run."""
    if not os.path.isdir(path):
        yield path
        return
    own = output.resolve()
    for found in sorted(path.rglob("*")):
        hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
        if found.suffix.lower() not in SUFFIXES or hidden or not found.is_file():
            continue
        if own == path.resolve() or not found.resolve().is_relative_to(own):
            yield found


def _text(path: Path) -> str:
    try:
        text = " ".join(read_file(path).decode("utf-8-sig").split())
    except OSError as error:
        problem = f"There is no text file {str(path)!r} ({why_unreadable(error)})"
        raise DataError("DATA_MISSING", problem, "a UTF-8 text file", "Check the path") from error
    except UnicodeDecodeError as error:
        raise TextError("TEXT_INVALID_UNICODE", f"{path.name!r} is not UTF-8", "UTF-8", "Save it as UTF-8") from error
    if not text:
        raise TextError("TEXT_EMPTY", f"{path.name!r} holds no text", "the words of the recording")
    return text


def slice_names(paths: Sequence[Path]) -> list[str]:
    """A stem for each file: letters that every system takes, and different for different files."""
    stems: list[str] = []
    taken: set[str] = set()
    for path in paths:
        plain = re.sub(r"[^\w-]+", "_", path.stem)[:60].strip("_") or "recording"
        stem, count = plain, 1
        while stem.lower() in taken:
            count += 1
            stem = f"{plain}-{count}"
        taken.add(stem.lower())
        stems.append(stem)
    return stems


def refuse_repeated(path: Path, seen: dict[str, str]) -> None:
    """Refuse a recording that was read before; `seen` are the names of those by their hash.

    Raises:
        DataError: DATA_DUPLICATE.
    """
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest in seen:
        raise DataError("DATA_DUPLICATE", f"{path.name!r} is the same recording as {seen[digest]!r}", "each once")
    seen[digest] = path.name
