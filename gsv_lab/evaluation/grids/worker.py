"""One cell: trained, measured, written. A process of its own: `python -m gsv_lab.evaluation.grids.worker FOLDER KEY`.

It fixes its number of threads, so that its results depend neither on the machine's cores nor on other cells, and ends
when the process that started it does. A cell that cannot be trained says why in `result.json`.
"""

from __future__ import annotations

import logging
import os
import shutil
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gsv_lab.errors import LabError, one_line
from gsv_lab.evaluation.grids.cell import (
    CELL,
    DONE,
    FAILED,
    ITEMS,
    RUN,
    Outcome,
    folder_of,
    read_cell,
    write_outcome,
)
from gsv_lab.evaluation.grids.items import Item, items_csv
from gsv_lab.evaluation.grids.linking import placed
from gsv_lab.system.files import save_bytes
from gsv_lab.system.registry import load_parts
from gsv_lab.training.run_card import STATE

LOG = logging.getLogger(__name__)
DISK = 3
"""Exit code of a process that could not write how its cell ended."""


def run_cell(root: Path, key: str, load: bool = True) -> Outcome:
    """Train and measure a cell; killed at any moment, the same call goes on where it was.

    Args:
        root: folder of the grid.
        key: of the cell, whose folder is there.
        load: import the files of parts; a process in which they are registered already does without.

    Returns:
        how it ended, as it is written there, too. What the user can mend, and what a part of theirs raises, is an end.

    Raises:
        LabError: SAVE_FAILED, the end cannot be written. KeyboardInterrupt.
    """
    began = time.monotonic()
    cell = read_cell(root, key)
    job = cell["job"]
    try:
        for part in job["parts"] if load else ():
            load_parts(root / part)
        items, batches = _measured(root, key, job, int(cell["seed"]))
        save_bytes(folder_of(root, key) / ITEMS, items_csv(items))
        ended = Outcome(DONE, batches=batches)
    except LabError as error:
        ended = Outcome(FAILED, error.code, str(error))
    except Exception as error:  # of a part that the user wrote, or of a library
        traceback.print_exc()
        ended = Outcome(FAILED, type(error).__name__, one_line(error)[:500])
    where = {"host": socket.gethostname(), "threads": job["threads"]}
    outcome = Outcome(ended.end, ended.code, ended.message, round(time.monotonic() - began, 2), ended.batches, where)
    write_outcome(root, key, outcome)
    if outcome.end == DONE:
        # A finished cell is not gone on with, and its state is three times as large as its weights.
        (folder_of(root, key) / RUN / STATE).unlink(missing_ok=True)
        shutil.rmtree(folder_of(root, key) / "model", ignore_errors=True)
    return outcome


def _measured(root: Path, key: str, job: Mapping[str, Any], seed: int) -> tuple[list[Item], int]:
    """What was measured of a cell, and the batches that it trained."""
    from gsv_lab.system.threads import threads

    with threads(job["threads"]):
        if "speech" in job:
            from gsv_lab.evaluation.grids.speaking import spoken_items

            return spoken_items(job["speech"], seed, folder_of(root, key)), 0
        return _trained(root, key, job)


def _trained(root: Path, key: str, job: Mapping[str, Any]) -> tuple[list[Item], int]:
    from gsv_lab.evaluation.grids.measuring import measured_items
    from gsv_lab.training.fit import fit

    experiment = placed(job["experiment"], root, key)
    evaluator = placed(job["evaluator"], root, key)
    found: list[Item] = []

    def measure(task: Any, data: Any) -> None:
        found.extend(measured_items(task, experiment, job["items"], evaluator))

    folder = folder_of(root, key)
    # Start weights are of the base: a part that an ablation exchanges begins anew.
    partial = bool(experiment["start_from"])
    fitted = fit(experiment, folder / RUN, progress_bar=False, partial=partial, say=LOG.info, after=measure)
    if job["codes"]:
        from gsv_lab.training.codes import make_codes

        make_codes(folder / "store", fitted.weights["content_encoder"], folder / "quantizer.safetensors")
    return found, int(experiment["trainer"]["max_batches"])


def _end_with(parent: int) -> None:
    """End this process when the one that started it has gone, which nobody else would notice."""

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1.0)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main(arguments: list[str]) -> int:
    """Run one cell: 0 done, 1 failed, 2 there is none, `DISK` no end could be written, 130 on Ctrl-C."""
    root, key = Path(arguments[0]), arguments[1]
    _end_with(os.getppid())
    logging.basicConfig(level=logging.INFO)
    if not (folder_of(root, key) / CELL).is_file():
        sys.stderr.write(f"there is no cell {key} in {root}\n")
        return 2
    try:
        return 0 if run_cell(root, key).end == DONE else 1
    except LabError as error:
        sys.stderr.write(f"{error} [{error.code}]\n")
        return DISK if error.code == "SAVE_FAILED" else 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    # `Local.close` asks by this signal, which a shell lets its background jobs ignore.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.exit(main(sys.argv[1:]))
