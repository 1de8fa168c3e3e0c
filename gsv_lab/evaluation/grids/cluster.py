"""Cells on a cluster, by Ray (extra `[ray]`): the same processes as on one machine, started wherever there is room.

Every machine must see the grid's folder under the same path. A worker or machine that is lost costs the cells that it
was at; each goes on elsewhere from the state that it had saved. Ray's own retries are off, so that ours are counted.
"""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError, LabError
from gsv_lab.evaluation.grids.cell import CELL, DIED, LOG, RESULT, Cell, Outcome, folder_of
from gsv_lab.evaluation.grids.local import arguments_of, ended, environment_of
from gsv_lab.system.extras import require

LOOPBACK = "127.0.0.1"
KNOWN = {"num_cpus", "num_gpus", "memory"}
"""Resources that are arguments of a task of their own."""
UNSEEN = -1000
"""In the place of an exit code: the machine does not see the grid's folder."""


class Cluster:
    """Tasks of Ray, on the cluster whose head runs, else on one that is started here, on loopback, without a dashboard.

    Args:
        root: folder of the grid; all machines see it.
        resources: of each cell: `num_cpus`, `num_gpus`, `memory` (bytes), and resources of the cluster's own by name.
        workers: most at a time; 0 for as many as there is room for.
        address: of a head; empty for the one that this machine belongs to, if any. `local` starts one here.

    Raises:
        LabError: EXTRA_MISSING. ConfigError: CLUSTER_ADDRESS, there is no head at the address.
    """

    def __init__(
        self, root: Path, resources: Mapping[str, float] | None = None, workers: int = 0, address: str = ""
    ) -> None:
        self.root, self.workers = root.absolute(), workers
        self.ray: Any = require("ray", "ray")
        self.started = _connect(self.ray, address)
        own: dict[str, float] = dict(resources or {})
        known: dict[str, float] = {}
        for name in KNOWN & own.keys():
            known[name] = own.pop(name)
        self._options: dict[str, Any] = {**known, "resources": own, "max_retries": 0}
        self._task = self.ray.remote(run_remote)
        self._running: dict[Any, Cell] = {}

    def has_room(self) -> bool:
        """See `schedule.Executor`; Ray itself waits until a machine has the resources."""
        return not self.workers or len(self._running) < self.workers

    def start(self, cell: Cell) -> None:
        """See `schedule.Executor`."""
        (folder_of(self.root, cell.key) / RESULT).unlink(missing_ok=True)
        threads = int(cell.job["threads"])
        task = self._task.options(**{"num_cpus": threads, **self._options})
        self._running[task.remote(str(self.root), cell.key, threads)] = cell

    def wait(self) -> tuple[Cell, Outcome]:
        """See `schedule.Executor`.

        Raises:
            ConfigError: CLUSTER_FOLDER, a machine does not see the grid's folder.
        """
        (ready, *_), _ = self.ray.wait(list(self._running), num_returns=1)
        cell = self._running.pop(ready)
        try:
            host, code = self.ray.get(ready)
        except self.ray.exceptions.RayError as error:
            return cell, Outcome(DIED, "WORKER_LOST", f"its worker was lost ({type(error).__name__})")
        if code == UNSEEN:
            problem = f"The machine {host} does not see the folder {self.root}"
            raise ConfigError("CLUSTER_FOLDER", problem, "a folder that all machines see under the same path")
        return cell, ended(self.root, cell, code)

    def close(self) -> None:
        """See `schedule.Executor`; a head that was started here is stopped, one that ran before goes on."""
        for running in self._running:
            self.ray.cancel(running)
        self._running = {}
        if self.started:
            self.ray.shutdown()


def run_remote(root: str, key: str, threads: int) -> tuple[str, int]:
    """Run a cell's process on the machine of a worker: name of the machine, and the exit code."""
    folder = folder_of(Path(root), key)
    if not (folder / CELL).is_file():
        return socket.gethostname(), UNSEEN
    with (folder / LOG).open("ab") as log:
        done = subprocess.run(
            arguments_of(Path(root), key),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment_of(threads),
            check=False,
        )
    return socket.gethostname(), done.returncode


def _connect(ray: Any, address: str) -> bool:
    """Join a cluster, or start one; true if it was started here."""
    if ray.is_initialized():
        return False
    try:
        if address != "local":
            ray.init(address=address or "auto", log_to_driver=False)
            return False
    except ConnectionError as error:
        if address:
            problem = f"There is no head of Ray at {address!r}"
            raise ConfigError("CLUSTER_ADDRESS", problem, "the address of one that runs", "ray start --head") from error
    except ValueError as error:  # what it makes of an address that is none
        raise ConfigError("CLUSTER_ADDRESS", f"{address!r} is no address of Ray: {error}", "HOST:PORT") from error
    try:
        ray.init(address="local", include_dashboard=False, log_to_driver=False, _node_ip_address=LOOPBACK)
    except (RuntimeError, OSError, ConnectionError) as error:
        raise LabError("CLUSTER_START", f"Ray cannot be started here: {error}", "", "Take --parallel local") from error
    return True
