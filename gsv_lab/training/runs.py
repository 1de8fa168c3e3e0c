"""Runs on disk: what they are called, how they ended, their settings, their curves, and which may go.

A run is a folder with an `experiment.json` that `gsv_lab.training.fit` wrote; runs of older versions lack `run.json`.
Several may lie in one folder, as the stages of a fine-tuning do.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import Any

from gsv_lab.errors import DataError
from gsv_lab.system.environment import in_cache
from gsv_lab.system.folders import in_use
from gsv_lab.training.event_files import Scalars, read_scalars
from gsv_lab.training.run_card import CARD, EVENTS, EXPERIMENT, SCHEMA, STATE, TRAINING
from gsv_lab.training.run_state import differences as _differences
from gsv_lab.training.run_state import short

DEPTH = 3
"""Folders between the one that is searched and a run, at most."""
KILLED, UNKNOWN = "killed", "unknown"
"""States beside those that a run's card knows as `end`."""


@dataclass(frozen=True)
class Run:
    """A run on disk.

    Args:
        folder: of the run.
        name: its path below the folder that was searched; the folder's own name where that is the run.
        settings: its `experiment.json`: the resolved configuration.
        card: its `run.json` (`gsv_lab.training.run_card`); empty for a run of an older version.
        root: the folder that was searched.
    """

    folder: Path
    name: str
    settings: Mapping[str, Any]
    card: Mapping[str, Any] = field(default_factory=dict)
    root: Path = Path()

    @property
    def in_use(self) -> bool:
        """Whether a process trains in it, or works in a folder between it and the one that was searched."""
        above = [folder for folder in self.folder.parents if folder.is_relative_to(self.root)]
        return any(in_use(folder) for folder in (self.folder, *above))

    @property
    def state(self) -> str:
        """`training`, `done`, `stopped` (to go on another time), `failed`, `killed`, or `unknown`."""
        if in_use(self.folder):
            return TRAINING
        end = str(self.card.get("end", UNKNOWN))
        return KILLED if end == TRAINING else end

    @property
    def batches(self) -> int | None:
        """Batches that were trained; None where nothing says it."""
        return self.card.get("batches")

    @property
    def minutes(self) -> float | None:
        """Minutes that were trained, over all calls; None where nothing says it."""
        return self.card.get("machine", {}).get("minutes")

    @cached_property
    def changed(self) -> float:
        """When something in it was written last, in seconds since 1970."""
        places = [self.folder / name for name in (EXPERIMENT, CARD, STATE)]
        places += (self.folder / EVENTS).glob("*")
        return max(place.stat().st_mtime for place in places if place.exists())

    def scalars(self) -> Scalars:
        """Tag -> [(step, value)] of its TensorBoard events, read anew each time; see `read_scalars`."""
        return read_scalars(self.folder / EVENTS)


def find(folder: str | Path | None = None) -> list[Run]:
    """The runs in a folder and below it, by name; `runs` in the cache folder where none is given.

    What is no run, or one that cannot be read, is named in one warning each.

    Raises:
        DataError: RUN_MISSING, there is no such folder, or no run in it.
    """
    root = in_cache("runs") if folder is None else Path(folder)
    found = list(_runs(root, root, 0)) if root.is_dir() else []
    if not found:
        problem = f"There is no run in {str(root)!r}"
        raise DataError("RUN_MISSING", problem, f"a folder with an {EXPERIMENT} in it, as `gsv-lab fit` makes it")
    return sorted(found, key=lambda run: run.name)


def named(words: Sequence[str]) -> list[Run]:
    """Runs by their folders, folders that hold several, or names in `runs` in the cache folder; each under what was
    given.

    Raises:
        DataError: RUN_MISSING. ConfigError: CONFIG_PATH, a name that climbs out of the cache folder.
    """
    found = {}
    for word in words:
        folder = Path(word) if Path(word).exists() else in_cache(Path("runs") / word)
        for run in find(folder):
            name = word if run.folder == folder else f"{word.rstrip('/')}/{run.name}"
            found[run.folder.resolve()] = replace(run, name=name)
    return list(found.values())


def differences(*runs: Run) -> list[tuple[str, ...]]:
    """What differs between runs: (dotted key, value in the first, value in the second ...).

    Settings stand under their keys in the configuration, the code under `code.version` and `code.commit`, and the data
    under `trained on` and what the identity is of. Values are as text, `absent` where there is none.
    """
    told = [_told(run) for run in runs]
    keys = {key for one, other in combinations(told, 2) for key, _, _ in _differences(one, other)}
    return [(key, *(_text(one, key) for one in told)) for key in sorted(keys)]


def _runs(folder: Path, root: Path, depth: int) -> Iterator[Run]:
    """The run that a folder is, or those in it."""
    if (folder / EXPERIMENT).is_file():
        run = _read(folder, root)
        if run is not None:
            yield run
        return
    below = [place for place in sorted(folder.iterdir()) if place.is_dir() and not place.name.startswith(".")]
    inside = [run for place in below if depth < DEPTH for run in _runs(place, root, depth + 1)]
    if not inside and depth == 1:
        warnings.warn(f"{folder} holds no run", stacklevel=2)
    yield from inside


def _read(folder: Path, root: Path) -> Run | None:
    """A run; None, after a warning, where its settings cannot be read."""
    settings, card = _table(folder / EXPERIMENT), _table(folder / CARD)
    if not {"name", "task", "data", "trainer"} <= settings.keys():
        warnings.warn(f"{folder} is no run that can be read: its {EXPERIMENT} is damaged", stacklevel=2)
        return None
    if card and card.get("schema") != SCHEMA:
        other = f"of schema {str(card.get('schema', 'none'))[:20]}, and this version reads {SCHEMA}"
        warnings.warn(f"{folder / CARD} is {other}; settings and curves are shown without it", stacklevel=2)
        card = {}
    elif not card and (folder / CARD).exists():
        warnings.warn(f"{folder / CARD} is damaged; settings and curves are shown without it", stacklevel=2)
    name = folder.name if folder == root else folder.relative_to(root).as_posix()
    return Run(folder, name, settings, card, root)


def _table(path: Path) -> dict[str, Any]:
    """A file of JSON that holds a table; empty where it does not."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _told(run: Run) -> dict[str, Any]:
    """What is compared of a run."""
    code = {name: run.card.get("code", {}).get(name, "absent") for name in ("version", "commit")}
    return {**run.settings, "code": code, "trained on": dict(run.card.get("data", {}))}


def _text(told: Any, key: str) -> str:
    """The value under a dotted key."""
    for part in key.split("."):
        told = told.get(part, "absent") if isinstance(told, Mapping) else "absent"
    return short(told)
