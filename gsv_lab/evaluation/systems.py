"""What is evaluated: systems, each with its waves for the items of a list.

A system is a folder of waves, natural speech itself, or a condition of a loaded model. All give the same: for every
item and seed a `Sample`, whose `sound` names the wave before it is made or read, so that what was measured already is
not measured again.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import csv
import io
import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch

from gsv_lab.audio import Mark, Recording, read, read_mark, write
from gsv_lab.errors import AudioError, DataError, LabError
from gsv_lab.evaluation.conditions import Condition
from gsv_lab.evaluation.identity import identity_of
from gsv_lab.evaluation.items import NATURAL, file_hash
from gsv_lab.evaluation.lists import SAMPLE_RATE, Clip, Item, TestList, path_inside, sounds_by_item
from gsv_lab.system.files import inside, make_folder, read_file, why_unreadable

UNSUPPORTED = "CONDITION_UNSUPPORTED"
"""What a sample is marked with where its model has no wave for it."""
MANIFEST = "manifest.csv"
MANIFEST_COLUMNS = ("item", "file", "seed")


class NotSpoken(LabError):
    """A model failed to speak; `code` is that of the cause."""


@dataclass(frozen=True)
class Sample:
    """One wave of a system.

    Args:
        system: name of the system.
        item: what it was to be.
        seed: None where nothing was drawn, or it is not known.
        sound: hash of what makes the wave; two samples with the same one are the same wave.
        read: gives the wave, or None where the system has none for this item; raises `AudioError` where a file cannot
            be read, and `NotSpoken`.
        text: what it says; the item's except where another language is tried.
        language: of `text`.
        source: the clip that says the same text in the same voice; None where there is none.
        aligned: whether the wave follows that clip sample by sample.
        path: where it lies; None where it is made when it is read.
    """

    system: str
    item: Item
    seed: int | None
    sound: str
    read: Callable[[], Recording | None] = field(compare=False, repr=False)
    text: str
    language: str
    source: Clip | None
    aligned: bool = False
    path: Path | None = None


class System(NamedTuple):
    """A system: its samples, and the items of the list that it has none for."""

    name: str
    samples: tuple[Sample, ...]
    missing: tuple[str, ...] = ()
    extra: tuple[str, ...] = ()
    """Names in its folder that are no items of the list."""


def natural_system(items: Sequence[Item]) -> System:
    """The natural recordings of a list."""
    samples = []
    for item in items:
        if item.target is not None:
            samples.append(_sample(NATURAL, item, None, item.target.path))
    missing = [item.name for item in items if item.target is None]
    return System(NATURAL, tuple(samples), tuple(missing))


def folder_of(folder: str | Path, test_list: TestList, name: str = "") -> System:
    """The waves of a folder for a list, see `folder_system`; those of rows that a selection left out are not extra."""
    made = folder_system(folder, test_list.items, name)
    return made._replace(extra=tuple(sorted(set(made.extra) - set(test_list.others))))


def folder_system(folder: str | Path, items: Sequence[Item], name: str = "") -> System:
    """The waves of a folder, of any rate: each called as its item, or as `manifest.csv` (item,file,seed) says.

    Args:
        folder: with the waves, and perhaps a manifest, whose paths stay inside the folder.
        items: of the list.
        name: of the system; the folder's own if empty.

    Raises:
        DataError: `DATA_MISSING`: no such folder, no wave for any item, or a file of the manifest; `DATA_ROW`, a
            broken manifest; `DATA_PATH`; `DATA_DUPLICATE`, two waves of an item and seed.
    """
    folder = Path(folder)
    name = name or folder.resolve().name
    if (folder / MANIFEST).is_file():
        rows = _manifest(folder)
    else:
        rows = {(stem, None): path for stem, path in sounds_by_item(folder).items()}
    known = {item.name: item for item in items}
    by_item: dict[str, list[tuple[int | None, Path]]] = defaultdict(list)
    for (stem, seed), path in rows.items():
        by_item[stem].append((seed, path))
    samples = [_sample(name, item, seed, path) for item in items for seed, path in by_item.get(item.name, ())]
    there = set(by_item)
    if not samples:
        problem = f"{folder.name!r} has no wave for any of the {len(items)} items"
        few = ", ".join(list(known)[:3])
        raise DataError("DATA_MISSING", problem, f"files called as items, such as {few}", f"Or write a {MANIFEST}")
    missing = tuple(stem for stem in known if stem not in there)
    return System(name, tuple(samples), missing, tuple(sorted(there - known.keys())))


def condition_system(
    condition: Condition, items: Sequence[Item], seeds: Sequence[int], folder: Path, model: str
) -> System:
    """The waves of a condition of a model; each is kept in a folder, and made only once.

    Args:
        condition: of `gsv_lab.evaluation.conditions`.
        items: each with reference and target.
        seeds: of the synthesis; conditions that do not depend on it speak once.
        folder: where the waves are kept.
        model: name and version of the weights, for the mark in the waves.

    Raises:
        DataError: `DATA_MISSING`, an item has no reference or no target.
    """
    lacking = [item.name for item in items if item.reference is None or item.target is None]
    if lacking:
        problem = f"{len(lacking)} items have no reference or no target: {', '.join(lacking[:10])}"
        raise DataError(
            "DATA_MISSING", problem, "both, for the conditions of a model", "Give --reference and --natural"
        )
    samples = []
    for item in items:
        assert item.reference is not None  # seen to above
        target, source = condition.target(item)
        for seed in seeds if condition.seeded else [None]:
            parts = [condition.identity, condition.name, seed, target.text, target.language, target.sha256]
            sound = identity_of([*parts, item.reference.sha256, item.reference.text, item.reference.language])
            number = "" if seed is None else f"_{seed}"
            path = inside(folder, Path(condition.name) / f"{item.name}{number}.wav")
            clip = target if source == item.target.key else None
            made = Sample(
                condition.name,
                item,
                seed,
                sound,
                _Kept(condition, target, item.reference, seed, sound, path, model),
                target.text,
                target.language,
                clip,
                aligned=condition.name == "copy_synthesis",
                path=path,
            )
            samples.append(made)
    return System(condition.name, tuple(samples))


@dataclass(frozen=True)
class _Kept:
    """Reads the wave of a condition, which is made where none is kept, or another."""

    condition: Condition
    target: Clip
    reference: Clip
    seed: int | None
    sound: str
    path: Path
    model: str

    def __call__(self) -> Recording | None:
        try:
            mark = read_mark(self.path)
            if mark is not None and mark.settings.get("sound") == self.sound:
                return read(self.path)
        except AudioError:
            pass
        try:
            wave = self.condition.speak(self.target, self.reference, self.seed or 0)
        except LabError as error:
            raise NotSpoken(error.code, str(error)) from error
        if wave is None:
            return None
        samples = torch.from_numpy(wave)
        if not samples.numel():
            return Recording(samples, SAMPLE_RATE, SAMPLE_RATE)
        make_folder(self.path.parent)
        settings = {"condition": self.condition.name, "seed": self.seed, "sound": self.sound}
        write(self.path, samples, SAMPLE_RATE, Mark(self.model, self.target.speaker, settings=settings))
        return read(self.path)


def _sample(system: str, item: Item, seed: int | None, path: Path) -> Sample:
    return Sample(
        system, item, seed, file_hash(path), lambda: read(path), item.text, item.language, item.target, path=path
    )


def _manifest(folder: Path) -> dict[tuple[str, int | None], Path]:
    """The rows of a manifest: (item, seed) -> file."""
    try:
        rows = list(csv.reader(io.StringIO(read_file(folder / MANIFEST).decode("utf-8-sig"), newline="")))
    except (OSError, UnicodeDecodeError) as error:
        problem = f"{MANIFEST} of {folder.name!r} cannot be read ({why_unreadable(error)})"
        raise DataError("DATA_ROW", problem, ",".join(MANIFEST_COLUMNS)) from error
    except csv.Error as error:
        problem = f"{MANIFEST} of {folder.name!r} is no table ({error})"
        raise DataError("DATA_ROW", problem, ",".join(MANIFEST_COLUMNS)) from error
    rows = [[field.strip() for field in row] for row in rows]
    columns = tuple(rows[0]) if rows else ()
    if columns not in (MANIFEST_COLUMNS, MANIFEST_COLUMNS[:2]):
        problem = f"{MANIFEST} of {folder.name!r} has the columns {','.join(columns)!r}"
        raise DataError("DATA_ROW", problem, ",".join(MANIFEST_COLUMNS), "Correct its first line")
    found: dict[tuple[str, int | None], Path] = {}
    missing = []
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        item, file, seed = (*row, "")[:3]
        if len(row) != len(columns) or not item or not file or not (seed == "" or seed.isdecimal()):
            raise DataError("DATA_ROW", f"Line {number} of {MANIFEST} is {','.join(row)!r}", ",".join(columns))
        key = (item, int(seed) if seed else None)
        if key in found:
            raise DataError("DATA_DUPLICATE", f"Line {number} of {MANIFEST} gives {item!r} again", "one row each")
        path = path_inside(folder.resolve(), file)
        if path is None:
            raise DataError("DATA_PATH", f"Line {number} of {MANIFEST}: {file!r} leaves the folder", "a path inside it")
        found[key] = path
        if not os.path.isfile(path):
            missing.append(file)
    if missing:
        problem = f"{len(missing)} files of {MANIFEST} are missing: {', '.join(missing[:10])}"
        raise DataError("DATA_MISSING", problem, "every file that it names")
    return found
