"""A file that grows array by array and survives being stopped at any moment.

Beside the data lies a file of notes, one line of JSON for each array. An array counts once its line is whole; what lies
behind the last such line was being written when the process stopped, and is cut off when the two are opened again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np

from gsv_lab.errors import LabError


class Journal:
    """Context: the arrays of one file, and what was noted of each.

    `entries` are the notes so far, with `bytes`, the size of the array. On leaving, the data are forced to the disk.

    Args:
        data: the file of arrays, one after another; it is made if it is not there.
        notes: the file of lines.
        fields: what must be noted of an array beside its size, names and types; an entry with a reason `failed`, or
            with all of these, is whole.
        most: arrays that there can be.

    Raises:
        LabError: SAVE_FAILED, also from `append`: the disk is full, or the folder cannot be written.
    """

    def __init__(self, data: Path, notes: Path, fields: Mapping[str, type], most: int) -> None:
        self.data, self.notes = data, notes
        self.entries, whole = _read(notes, data.stat().st_size if data.is_file() else 0, fields, most)
        try:
            self._data = _opened(data, sum(entry["bytes"] for entry in self.entries))
            self._notes = _opened(notes, whole)
        except OSError as error:
            raise _failed(data, error) from error

    def __enter__(self) -> Journal:
        return self

    def append(self, array: np.ndarray, **note: Any) -> None:
        """One more array; nothing of it counts if it cannot be written as a whole."""
        data = np.ascontiguousarray(array).tobytes()
        entry = {**note, "bytes": len(data)}
        line = json.dumps(entry, ensure_ascii=False).encode() + b"\n"
        try:
            write_all(self._data, data)
            write_all(self._notes, line)
        except OSError as error:
            raise _failed(self.data, error) from error
        self.entries.append(entry)

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                os.fsync(self._data.fileno())
        except OSError as error:
            raise _failed(self.data, error) from error
        finally:
            self._data.close()
            self._notes.close()


def write_all(file: FileIO, data: bytes) -> None:
    """Write all of it into an unbuffered file, which may take a part at a time, as the last bytes of a disk."""
    left = memoryview(data)
    while left:
        left = left[file.write(left) :]


def _read(notes: Path, size: int, fields: Mapping[str, type], most: int) -> tuple[list[dict[str, Any]], int]:
    """Entries whose line and whose array are whole, up to the first that is not, and the bytes of their lines."""
    entries: list[dict[str, Any]] = []
    whole = used = 0
    for line in notes.read_bytes().split(b"\n")[:-1] if notes.is_file() else []:
        try:
            entry = json.loads(line)
        except (ValueError, RecursionError):
            break
        if not _is_entry(entry, fields) or used + entry["bytes"] > size or len(entries) == most:
            break
        used += entry["bytes"]
        whole += len(line) + 1
        entries.append(entry)
    return entries, whole


def _is_entry(entry: Any, fields: Mapping[str, type]) -> bool:
    if not isinstance(entry, dict) or type(entry.get("bytes")) is not int or entry["bytes"] < 0:
        return False
    noted = all(type(entry.get(name)) is kind for name, kind in fields.items())
    return noted or type(entry.get("failed")) is str


def _opened(path: Path, size: int) -> FileIO:
    """A file cut to a size, to be written on; unbuffered, so that no byte waits in the process."""
    file = open(path, "ab", buffering=0)  # noqa: SIM115
    file.truncate(size)
    return file


def _failed(path: Path, error: OSError) -> LabError:
    problem = f"Could not write {str(path)!r}: {error.strerror or error}"
    return LabError("SAVE_FAILED", problem, "", "Free some space; the same command then goes on where it was")
