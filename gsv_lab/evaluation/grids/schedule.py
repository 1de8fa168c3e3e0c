"""Cells one after the other or side by side: those that are missing, each when what it needs is done.

An executor runs cells somewhere: in processes of this machine (`local.Local`), in this very process (`local.Here`), or
on a cluster (`cluster.Cluster`). Whoever runs them, the same cells give the same results.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Protocol

from gsv_lab.errors import LabError
from gsv_lab.evaluation.grids.cell import DIED, DONE, FAILED, LASTING, Cell, Outcome, read_outcome, write_cell

SKIPPED = "skipped"
"""End of a cell that needs one which is not done."""


class Executor(Protocol):
    """Runs cells whose folders are there."""

    def has_room(self) -> bool:
        """Whether one more cell can be started now."""

    def start(self, cell: Cell) -> None:
        """Begin with a cell."""

    def wait(self) -> tuple[Cell, Outcome]:
        """The next cell that has ended, and how; `died` where its process or machine was lost."""

    def close(self) -> None:
        """Stop what still runs, after it has saved its state."""


def states(root: Path, cells: Mapping[str, Cell]) -> dict[str, Outcome]:
    """How each cell of a grid stands.

    Raises:
        DataError: GRID_MIXED.
    """
    return {key: read_outcome(root, cell) for key, cell in cells.items()}


def is_missing(outcome: Outcome) -> bool:
    """Whether a cell is to be run: it has no end, or one that need not come again."""
    return outcome.end != DONE and outcome.code not in LASTING


def run_cells(
    root: Path,
    cells: Mapping[str, Cell],
    executor: Executor,
    retries: int = 0,
    say: Callable[[str], None] = lambda line: None,
) -> dict[str, Outcome]:
    """Run the cells that are missing.

    A cell that fails leaves the others alone, but for those that need it. One whose process or machine was lost is
    begun again, from the state that it had saved.

    Args:
        root: folder of the grid.
        cells: all of it.
        executor: where they run; closed at the end.
        retries: how often a lost cell is begun again.
        say: called with a line for each cell that begins or ends.

    Raises:
        LabError: SAVE_FAILED, the disk is full; what was saved is kept. DataError: GRID_MIXED.
    """
    known = states(root, cells)
    waiting = {key: cell for key, cell in cells.items() if is_missing(known[key])}
    left, total, running = dict.fromkeys(waiting, retries), len(waiting), 0
    try:
        while waiting or running:
            for key, cell in _ready(waiting, known):
                if not executor.has_room():
                    break
                write_cell(root, waiting.pop(key))
                executor.start(cell)
                running += 1
                say(f"{cell.stage} {key}: begun")
            _skip(waiting, known, cells, say)
            if not running:
                continue
            cell, outcome = executor.wait()
            running -= 1
            if outcome.end == DIED and left[cell.key]:
                left[cell.key] -= 1
                waiting[cell.key] = cell
                say(f"{cell.stage} {cell.key}: lost ({outcome.message}); it goes on")
                continue
            if outcome.code == "SAVE_FAILED":
                raise LabError("SAVE_FAILED", outcome.message, "", "Free some space; the same command goes on")
            known[cell.key] = outcome
            done = sum(known[key].end != "" for key in left)
            say(f"{cell.stage} {cell.key}: {_told(outcome)} ({done} of {total})")
    finally:
        executor.close()
    return known


def _ready(waiting: Mapping[str, Cell], known: Mapping[str, Outcome]) -> list[tuple[str, Cell]]:
    """Cells whose needs are done."""
    return [(key, cell) for key, cell in waiting.items() if all(known[need].end == DONE for need in cell.needs)]


def _skip(
    waiting: dict[str, Cell], known: dict[str, Outcome], cells: Mapping[str, Cell], say: Callable[[str], None]
) -> None:
    """Give up the cells that need one which will not be done."""
    for key, cell in list(waiting.items()):
        lost = [need for need in sorted(cell.needs) if known[need].end in (FAILED, DIED, SKIPPED)]
        lost = [need for need in lost if need not in waiting]
        if lost:
            del waiting[key]
            known[key] = Outcome(SKIPPED, "GRID_NEEDS", f"It needs {cells[lost[0]].stage} {lost[0]}")
            say(f"{cell.stage} {key}: {_told(known[key])}")


def _told(outcome: Outcome) -> str:
    """An end in words."""
    if outcome.end == DONE:
        return f"done in {outcome.seconds:.0f} s"
    return f"{outcome.end}: {outcome.message} [{outcome.code}]"
