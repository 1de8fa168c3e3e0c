"""The files of a store: tables and arrays, written as a whole and read with their sizes compared.

A store is a folder: `wave.i16` (all clips one after another at one rate), `clips.json` (rows with offsets), and a table
and a file of arrays for each track.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from gsv_lab.corpora.journal import write_all
from gsv_lab.errors import DataError, LabError
from gsv_lab.system.files import save_bytes, saving

FORMAT = 2
TABLE, WAVE = "clips.json", "wave.i16"


def read_table(folder: Path) -> dict[str, Any]:
    """The table `clips.json` of a store.

    Raises:
        DataError: CACHE_STALE, it is of another format, or damaged.
    """
    table = read_json(folder / TABLE)
    if table.get("format") != FORMAT:
        problem = f"{folder} is of format {str(table.get('format'))[:20]}"
        raise DataError("CACHE_STALE", problem, str(FORMAT), "Delete the folder")
    return table


def tracks(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Table and data of every whole track of a store, in the order of their names.

    Raises:
        DataError: CACHE_STALE, a table cannot be read.
    """
    for path in sorted(folder.glob("*.json")):
        table = read_json(path)
        if "frames" in table and "file" in table:
            yield path, folder / Path(str(table["file"])).name


def read_json(path: Path) -> dict[str, Any]:
    """A table of a store.

    Raises:
        DataError: CACHE_STALE, it cannot be read.
    """
    with whole(path):
        table: dict[str, Any] = json.loads(path.read_bytes())
        if not isinstance(table, dict):
            raise TypeError("it is no table")
    return table


@contextmanager
def whole(path: Path) -> Iterator[None]:
    """Context: what a damaged file of a store makes of its readers is one error.

    Raises:
        DataError: CACHE_STALE.
    """
    try:
        yield
    except (OSError, ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError) as error:
        if isinstance(error, LabError):
            raise
        why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        problem = f"{path.name} of the store {path.parent} is damaged ({(why.splitlines() or ['?'])[0][:100]})"
        what = "the folder" if path.name in (TABLE, WAVE) else f"{path.name}"
        raise DataError("CACHE_STALE", problem, "a whole file", f"Delete {what}, and it is made anew") from error


def write_table(folder: Path, table: dict[str, Any]) -> None:
    """Write `clips.json`, by which a folder becomes a store.

    Raises:
        LabError: SAVE_FAILED.
    """
    write_json(folder / TABLE, {"format": FORMAT, **table})


@contextmanager
def growing(path: Path) -> Iterator[Callable[[np.ndarray], None]]:
    """Context: a file to which arrays are appended, and which has its name once all of them are there."""
    part = path.with_suffix(".part")
    try:
        with saving(part):
            file = open(part, "wb", buffering=0)  # noqa: SIM115

        def write(array: np.ndarray) -> None:
            with saving(part):
                write_all(file, array.tobytes())

        with file:
            yield write
        with saving(path):
            os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


def mapped(path: Path, dtype: str, shape: tuple[int, ...]) -> np.ndarray:
    """A file as an array.

    Raises:
        DataError: CACHE_STALE, it is not there, or has another length.
    """
    with whole(path):
        size, expected = path.stat().st_size, math.prod(shape) * np.dtype(dtype).itemsize
        if size != expected:
            raise ValueError(f"it holds {size} bytes, and {expected} were written")
        if not size:
            return np.zeros(shape, dtype)  # an empty file cannot be mapped
        return np.memmap(path, dtype, "r").reshape(shape)


def write_json(path: Path, content: Any) -> None:
    """Write a table in one step.

    Raises:
        LabError: SAVE_FAILED.
    """
    save_bytes(path, json.dumps(content, ensure_ascii=False).encode())
