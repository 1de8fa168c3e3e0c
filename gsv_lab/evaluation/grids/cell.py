"""A cell on disk: `cells/KEY` in a grid's folder, written once and never mixed with another.

| file | what |
| --- | --- |
| `cell.json` | all that the key is a hash of, and how the cell is called |
| `run/` | the run folder of its training (`docs/runs.md`) |
| `items.csv` | what was measured: item, speaker, measure, value |
| `result.json` | how it ended, seconds, batches, the digest of `items.csv`; written last |
| `log.txt` | what the training printed |
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from gsv_lab.errors import DataError
from gsv_lab.evaluation.grids.items import Item, read_items
from gsv_lab.system.files import make_folder, read_file, save_bytes

SCHEMA = 1
DIGITS = 20
CELLS, STORES, PARTS = "cells", "stores", "parts"
CELL, RESULT, ITEMS, LOG, RUN = "cell.json", "result.json", "items.csv", "log.txt", "run"
DONE, FAILED, DIED = "done", "failed", "died"
LASTING = ("TRAIN_NONFINITE", "CONFIG_INCONSISTENT")
"""Errors that the same training meets again; such a cell is not trained a second time."""


@dataclass(frozen=True)
class Cell:
    """One training, or speech, of a grid.

    Args:
        stage: of the base.
        seed: of the cell.
        made_of: all that its results depend on, plain values; the key is the hash of it.
        job: what is done: `experiment` or `speech`, `threads`, `parts`, `items`, `evaluator`, `codes`.
        needs: keys of the cells whose results it reads.
    """

    stage: str
    seed: int
    made_of: Mapping[str, Any]
    job: Mapping[str, Any]
    needs: frozenset[str] = frozenset()

    @property
    def key(self) -> str:
        """Name of its folder."""
        return key_of(self.made_of)

    @property
    def batches(self) -> int:
        """Batches of its training; 0 for speech."""
        return int(self.job["experiment"]["trainer"]["max_batches"]) if "experiment" in self.job else 0


@dataclass(frozen=True)
class Outcome:
    """How a cell ended: `done`, `failed` (with code and message), `died` (its process did), or empty: not yet."""

    end: str = ""
    code: str = ""
    message: str = ""
    seconds: float = 0.0
    batches: int = 0
    more: Mapping[str, Any] = field(default_factory=dict)


def key_of(made_of: Mapping[str, Any]) -> str:
    """Hash of plain values."""
    text = json.dumps(made_of, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()[:DIGITS]


def folder_of(root: Path, key: str) -> Path:
    """Folder of a cell."""
    return root / CELLS / key


def write_cell(root: Path, cell: Cell) -> Path:
    """Make the folder of a cell, where it is not there yet.

    Raises:
        LabError: SAVE_FAILED.
    """
    folder = make_folder(folder_of(root, cell.key))
    content = {"schema": SCHEMA, "stage": cell.stage, "seed": cell.seed, "made_of": cell.made_of, "job": cell.job}
    content["needs"] = sorted(cell.needs)
    save_bytes(folder / CELL, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())
    return folder


def read_cell(root: Path, key: str) -> dict[str, Any]:
    """What `write_cell` wrote.

    Raises:
        DataError: GRID_MIXED, the folder holds another cell.
    """
    path = folder_of(root, key) / CELL
    found = _json(path)
    made_of = found.get("made_of")
    if found.get("schema") != SCHEMA or not isinstance(made_of, dict) or key_of(made_of) != key:
        raise mixed(root, key, "its cell.json is of another cell")
    return found


def write_outcome(root: Path, key: str, outcome: Outcome) -> None:
    """Write how a cell ended, with the digest of what was measured.

    Raises:
        LabError: SAVE_FAILED.
    """
    folder = folder_of(root, key)
    items = folder / ITEMS
    content = {name: value for name, value in vars(outcome).items() if name != "more"}
    content |= {"schema": SCHEMA, "key": key, "machine": dict(outcome.more)}
    content["items"] = _digest(items) if outcome.end == DONE else ""
    save_bytes(folder / RESULT, (json.dumps(content, indent=1, sort_keys=True) + "\n").encode())


def read_outcome(root: Path, cell: Cell) -> Outcome:
    """How a cell ended, if it did.

    Raises:
        DataError: GRID_MIXED, what lies there was made of something else, or was changed since.
    """
    folder = folder_of(root, cell.key)
    if not (folder / RESULT).is_file():
        return Outcome()
    read_cell(root, cell.key)
    found = _json(folder / RESULT)
    if found.get("schema") != SCHEMA or found.get("key") != cell.key:
        raise mixed(root, cell.key, "its result.json is of another cell")
    if found["end"] == DONE and found.get("items") != _digest(folder / ITEMS):
        raise mixed(root, cell.key, "its items.csv was changed after it was measured")
    names = ("end", "code", "message", "seconds", "batches")
    return Outcome(**{name: found[name] for name in names}, more=found.get("machine", {}))


def measured(root: Path, key: str) -> list[Item]:
    """What was measured of a cell that is done."""
    return read_items(folder_of(root, key) / ITEMS)


def mixed(root: Path, key: str, why: str) -> DataError:
    """The error for results that are of other sources, data or settings than the grid that finds them."""
    problem = f"{folder_of(root, key)} holds results of other sources: {why}"
    return DataError("GRID_MIXED", problem, "what gsv-lab ablate wrote there", "Remove that folder, or take another")


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""


def _json(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(read_file(path))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}
