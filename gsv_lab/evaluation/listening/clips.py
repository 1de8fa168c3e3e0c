"""The clips of a listening test: which file is which item, said by which system.

Three forms are read, and may be put together:

    item|system|path        a list with this header; paths are relative to its folder and stay inside it
    FOLDER/SYSTEM/ITEM.wav  a folder with one folder for each system; hidden folders are passed over
    SYSTEM=FOLDER           a folder of the waves of one system, called as items

`gsv-lab evaluate --conditions` leaves the second form in `RESULTS/waves`; the natural recordings lie elsewhere. A wave
that was made with a seed is called ITEM_SEED.wav there, and its mark says the seed; of several seeds of an item the
lowest is taken. `clips_of` takes what an evaluation compares as it is.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from gsv_lab.audio import Mark, read_mark
from gsv_lab.errors import DataError, one_line
from gsv_lab.evaluation.lists import path_inside, sounds_by_item
from gsv_lab.evaluation.systems import System
from gsv_lab.system.files import read_file, why_unreadable

COLUMNS = ("item", "system", "path")

Clips = Mapping[tuple[str, str], Path]
"""(item, system) -> file; complete: every item from every system."""


def read_clips(sources: str | Path | Iterable[str | Path] | Clips) -> dict[tuple[str, str], Path]:
    """The clips of lists and folders, systems and items in their order (of a folder by their names).

    Args:
        sources: one or several of the forms of this module, or files by item and system.

    Raises:
        DataError: `DATA_MISSING`, no such list or folder, or clips that are missing; `DATA_ROW`; `DATA_PATH`;
            `DATA_DUPLICATE`, an item of a system stands twice, or a file stands for two.
    """
    if isinstance(sources, Mapping):
        found = dict(sources)
    else:
        found = {}
        for source in [sources] if isinstance(sources, str | Path) else sources:
            for key, path in _of(str(source)):
                if key in found:
                    raise DataError("DATA_DUPLICATE", f"{' of '.join(key)} comes from two places", "each clip once")
                found[key] = path
    if not found:
        expected = f"a list with {'|'.join(COLUMNS)}, or a folder with one folder of waves for each system"
        raise DataError("DATA_MISSING", "There are no clips", expected)
    _check(found)
    return found


def clips_of(systems: Iterable[System]) -> dict[tuple[str, str], Path]:
    """The waves of systems as `gsv-lab evaluate` compares them, of each item the first.

    Args:
        systems: folders, natural recordings, or conditions whose waves were made.

    Raises:
        DataError: `DATA_MISSING`, a wave that lies nowhere.
    """
    found: dict[tuple[str, str], Path] = {}
    for sample in (sample for system in systems for sample in system.samples):
        if sample.path is None:
            raise DataError("DATA_MISSING", f"{sample.item.name!r} of {sample.system!r} is no file", "a written wave")
        found.setdefault((sample.item.name, sample.system), sample.path)
    return found


def _of(source: str) -> Iterator[tuple[tuple[str, str], Path]]:
    name, equals, folder = source.partition("=")
    if equals and "/" not in name and not os.path.lexists(source):
        return _of_system(Path(folder), name)
    return _of_folder(Path(source)) if os.path.isdir(source) else _of_list(Path(source))


def names_of(clips: Clips) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Items and systems, each once, in order."""
    items, systems = (tuple(dict.fromkeys(names)) for names in zip(*clips, strict=True))
    return items, systems


def _check(clips: Clips) -> None:
    items, systems = names_of(clips)
    gone = [str(path) for path in clips.values() if not os.path.isfile(path)]
    if gone:
        problem = f"{len(gone)} clips are missing: {', '.join(gone[:10])}"
        raise DataError("DATA_MISSING", problem, "every file that is named", "Correct the list")
    lacking = [f"{item} of {system}" for system in systems for item in items if (item, system) not in clips]
    if lacking:
        problem = f"{len(lacking)} clips are missing: {', '.join(lacking[:10])}"
        raise DataError("DATA_MISSING", problem, "every item from every system", "Add them, or leave the items out")
    owners: dict[Path, tuple[str, str]] = {}
    for key, path in clips.items():
        before = owners.setdefault(path.resolve(), key)
        if before != key:
            problem = f"{path.name!r} is both {' of '.join(before)} and {' of '.join(key)}"
            raise DataError("DATA_DUPLICATE", problem, "one file a clip")


def _of_list(path: Path) -> Iterator[tuple[tuple[str, str], Path]]:
    try:
        lines = re.split(r"\r\n|\n|\r", read_file(path).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        problem = f"The clips {str(path)!r} cannot be read ({why_unreadable(error)})"
        raise DataError("DATA_MISSING", problem, "a list or a folder", "Check the path") from error
    if tuple(name.strip() for name in lines[0].split("|")) != COLUMNS:
        problem = f"The first line of {path.name!r} is {lines[0]!r:.100}"
        raise DataError("DATA_ROW", problem, "|".join(COLUMNS))
    seen: set[tuple[str, str]] = set()
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        fields = [field.strip() for field in line.split("|")]
        if len(fields) != len(COLUMNS) or not all(fields):
            raise DataError("DATA_ROW", f"Line {number} of {path.name!r} is {line!r:.100}", "|".join(COLUMNS))
        item, system, place = fields
        for name in (item, system):
            _check_name(name, f"Line {number} of {path.name!r}")
        if (item, system) in seen:
            problem = f"Line {number} of {path.name!r} gives {item!r} of {system!r} again"
            raise DataError("DATA_DUPLICATE", problem, "one row each", "Remove one")
        seen.add((item, system))
        file = path_inside(path.resolve().parent, place)
        if file is None:
            problem = f"Line {number} of {path.name!r}: {place!r:.100} leaves the folder of the list"
            raise DataError("DATA_PATH", problem, "a relative path inside it")
        yield (item, system), file


def _of_folder(folder: Path) -> Iterator[tuple[tuple[str, str], Path]]:
    for place in sorted(folder.iterdir()):
        if place.name.startswith(".") or not place.is_dir():
            continue
        if not place.resolve().is_relative_to(folder.resolve()):
            problem = f"{place.name!r} is a link out of the folder {folder.name!r}"
            raise DataError("DATA_PATH", problem, "folders that lie in it", "Copy the folder")
        yield from _of_system(place, place.name)


def _of_system(folder: Path, system: str) -> Iterator[tuple[tuple[str, str], Path]]:
    _check_name(system, "A folder")
    chosen: dict[str, tuple[int, Path]] = {}
    for stem, path in sounds_by_item(folder).items():
        item, seed = _item(stem, read_mark(path))
        _check_name(item, f"A file in {folder.name!r}")
        if item not in chosen or seed < chosen[item][0]:
            chosen[item] = seed, path
    yield from (((item, system), path) for item, (_, path) in chosen.items())


def _item(stem: str, mark: Mark | None) -> tuple[str, int]:
    """Item and seed of a wave that is called by both; else its whole name, and seed -1."""
    seed = mark.settings.get("seed") if mark is not None else None
    if type(seed) is int and stem.endswith(f"_{seed}") and "condition" in mark.settings:
        return stem.removesuffix(f"_{seed}"), seed
    return stem, -1


def _check_name(name: str, where: str) -> None:
    if not name or one_line(name) != name or len(name) > 200 or "|" in name:
        raise DataError("DATA_ROW", f"{where} has the name {name!r:.80}", "a printable name of at most 200 letters")
