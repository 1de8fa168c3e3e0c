"""Cells on this machine: each in a process of its own, or in this very process where a class exists nowhere else."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import IO

from gsv_lab.evaluation.grids.cell import DIED, FAILED, LOG, RESULT, Cell, Outcome, folder_of, read_outcome
from gsv_lab.evaluation.grids.worker import DISK, run_cell
from gsv_lab.system.environment import surroundings

MODULE = "gsv_lab.evaluation.grids.worker"
PATIENCE = 60.0
"""Seconds in which a process that is asked to stop can save its state."""


def arguments_of(root: Path, key: str) -> list[str]:
    """The command line of a cell's process."""
    return [sys.executable, "-m", MODULE, str(root), key]


def environment_of(threads: int) -> dict[str, str]:
    """The environment of a cell's process: threads are counted before torch is loaded."""
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMBA_NUM_THREADS")
    return surroundings(**dict.fromkeys(names, str(threads)), OMP_WAIT_POLICY="PASSIVE")


def ended(root: Path, cell: Cell, code: int) -> Outcome:
    """How the cell of a process with an exit code ended."""
    if code == DISK:
        return Outcome(FAILED, "SAVE_FAILED", f"Could not write into {folder_of(root, cell.key)}")
    found = read_outcome(root, cell)
    if found.end:
        return found
    why = f"signal {-code}" if code < 0 else f"exit code {code}"
    return Outcome(DIED, "PROCESS_DIED", f"its process ended with {why}; see {folder_of(root, cell.key) / LOG}")


class Local:
    """Processes of this machine.

    Args:
        root: folder of the grid.
        workers: most at a time.
    """

    def __init__(self, root: Path, workers: int = 1) -> None:
        self.root, self.workers = root, workers
        self._running: list[tuple[Cell, subprocess.Popen[bytes], IO[bytes]]] = []

    def has_room(self) -> bool:
        """See `schedule.Executor`."""
        return len(self._running) < self.workers

    def start(self, cell: Cell) -> None:
        """See `schedule.Executor`."""
        folder = folder_of(self.root, cell.key)
        (folder / RESULT).unlink(missing_ok=True)
        log = (folder / LOG).open("ab")
        process = subprocess.Popen(
            arguments_of(self.root, cell.key),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment_of(int(cell.job["threads"])),
        )
        self._running.append((cell, process, log))

    def wait(self) -> tuple[Cell, Outcome]:
        """See `schedule.Executor`."""
        while True:
            for entry in self._running:
                cell, process, log = entry
                code = process.poll()
                if code is not None:
                    self._running.remove(entry)
                    log.close()
                    return cell, ended(self.root, cell, code)
            time.sleep(0.05)

    def close(self) -> None:
        """See `schedule.Executor`; a Ctrl-C has reached the processes as well."""
        for _, process, _ in self._running:
            process.send_signal(signal.SIGINT)
        for _, process, log in self._running:
            try:
                process.wait(PATIENCE)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            log.close()
        self._running = []


class Here:
    """This process, one cell at a time.

    Args:
        root: folder of the grid.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self._next: Cell | None = None

    def has_room(self) -> bool:
        """See `schedule.Executor`."""
        return self._next is None

    def start(self, cell: Cell) -> None:
        """See `schedule.Executor`; it begins when it is waited for."""
        self._next = cell

    def wait(self) -> tuple[Cell, Outcome]:
        """See `schedule.Executor`."""
        cell, self._next = self._next, None
        assert cell is not None, "a cell was started"
        return cell, run_cell(self.root, cell.key, load=False)

    def close(self) -> None:
        """See `schedule.Executor`; nothing runs beside this process."""
