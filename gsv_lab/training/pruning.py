"""Which runs may go, and how they go: what `gsv_lab.training.fit` wrote is removed, and nothing else.

Runs that lie in one folder, as the stages of a fine-tuning do, go together.
"""

from __future__ import annotations

import shutil
import time
import warnings
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from gsv_lab.errors import ConfigError
from gsv_lab.system.files import saving
from gsv_lab.system.folders import LOCK, locked
from gsv_lab.training.run_card import CARD, DONE, EARLIER, EVENTS, EXPERIMENT, STATE
from gsv_lab.training.runs import Run

WRITTEN = (STATE, EVENTS, "weights", "checkpoints", "done", CARD, EXPERIMENT)
"""What a training writes into its folder, besides what `--fresh` has put aside. The experiment, by which a run is
known, goes last, so that a run whose removal was cut short is found again.
"""


class Group(NamedTuple):
    """Runs that go together: the folder that holds them, or the one that is the run."""

    folder: Path
    runs: list[Run]

    @property
    def changed(self) -> float:
        """When something in them was written last, in seconds since 1970."""
        return max(run.changed for run in self.runs)

    @property
    def size(self) -> int:
        """Bytes that would be removed."""
        files = (path for run in self.runs for place in written(run) for path in (place, *place.rglob("*")))
        return sum(path.lstat().st_size for path in files if path.is_file() or path.is_symlink())


def groups(runs: Sequence[Run]) -> list[Group]:
    """Runs by the first folder below the one that was searched, newest first."""
    found: dict[Path, list[Run]] = {}
    for run in runs:
        below = run.folder.relative_to(run.root).parts[:1]
        found.setdefault(run.root.joinpath(*below), []).append(run)
    return sorted((Group(*item) for item in found.items()), key=lambda group: -group.changed)


def prunable(
    runs: Sequence[Run], older_than: float | None = None, unfinished: bool = False, keep: int | None = None
) -> list[Group]:
    """The groups that fit all that is said. What is in use, and what lies behind a link, never does.

    Args:
        runs: of `gsv_lab.training.runs.find`.
        older_than: days since something was written.
        unfinished: only where a run is not done.
        keep: leave out the newest so many groups of all.

    Raises:
        ConfigError: PARAM_RANGE, nothing is said, which would be everything.
    """
    if older_than is None and not unfinished and keep is None:
        problem = "Nothing says which runs may go"
        raise ConfigError("PARAM_RANGE", problem, "an age, that they are unfinished, or a number of runs to keep")
    found = []
    for group in groups(runs)[keep or 0 :]:
        young = older_than is not None and time.time() - group.changed < older_than * 24 * 3600
        done = unfinished and all(run.state == DONE for run in group.runs)
        held = any(run.in_use or _is_linked(run) for run in group.runs)
        if not (young or done or held):
            found.append(group)
    return found


def remove(group: Group) -> None:
    """Remove what the trainings of a group wrote, and folders that are empty then.

    Files of somebody else stay, and are named in a warning.

    Raises:
        LabError: IN_USE, SAVE_FAILED.
    """
    for run in group.runs:
        with locked(run.folder, "trained in"), saving(run.folder):
            for place in written(run):
                if place.is_dir() and not place.is_symlink():
                    shutil.rmtree(place)
                else:
                    place.unlink()
        others = [path.name for path in run.folder.iterdir() if path.name != LOCK] if run.folder.is_dir() else []
        if others:
            warnings.warn(f"{run.folder} holds other files, which stay: {', '.join(sorted(others)[:5])}", stacklevel=2)
        for folder in (run.folder, *run.folder.parents):
            if folder == run.root or not folder.is_relative_to(run.root):
                break
            with suppress(OSError):  # not empty
                folder.rmdir()


def written(run: Run) -> list[Path]:
    """Files and folders of a run that a training wrote, in the order in which they go."""
    found = sorted(run.folder.glob(f"{EARLIER}*")) + [run.folder / name for name in WRITTEN]
    return [place for place in found if place.is_symlink() or place.exists()]


def _is_linked(run: Run) -> bool:
    """Whether a run lies behind a link below the folder that was searched: it may be somebody else's."""
    places = (run.folder, *run.folder.parents)
    return any(place.is_symlink() for place in places if place != run.root and place.is_relative_to(run.root))
