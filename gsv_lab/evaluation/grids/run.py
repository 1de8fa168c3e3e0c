"""A grid from one call: planned, trained where cells are missing, compared, written.

found = gsv_lab.ablate("configs/synthetic/sovits.yaml", {"no_flow": None, "mine": MyFlow}, seeds=(0, 1, 2), batches=300)
found.table            # one row for each ablation and measure
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.grids.base import read_base
from gsv_lab.evaluation.grids.cell import DONE, Outcome
from gsv_lab.evaluation.grids.cluster import Cluster
from gsv_lab.evaluation.grids.comparing import Difference, compare, values_of
from gsv_lab.evaluation.grids.forecast import Forecast, forecast
from gsv_lab.evaluation.grids.grid_file import Grid, grid_of
from gsv_lab.evaluation.grids.local import Here, Local
from gsv_lab.evaluation.grids.plan import Plan, plan
from gsv_lab.evaluation.grids.report import write_report
from gsv_lab.evaluation.grids.schedule import Executor, run_cells, states
from gsv_lab.hooks import Table
from gsv_lab.system.environment import in_cache
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.folders import check_reachable, locked
from gsv_lab.system.registry import load_parts

LOCAL, RAY = "local", "ray"
RETRIES = {LOCAL: 0, RAY: 2}
"""How often a lost cell is begun again."""


@dataclass(frozen=True)
class Running:
    """How cells are run; results do not depend on it, but for the threads.

    Args:
        parallel: `local` or `ray`.
        workers: cells at a time; 0 for one, on a cluster for as many as there is room for.
        threads: of each cell; part of what its results depend on.
        retries: how often a lost cell is begun again; None for none here and two on a cluster.
        resources: of each cell on a cluster, see `cluster.Cluster`.
        address: of the cluster's head, see there.
    """

    parallel: str = LOCAL
    workers: int = 0
    threads: int = 1
    retries: int | None = None
    resources: Mapping[str, float] | None = None
    address: str = ""

    def __post_init__(self) -> None:
        """Refuse a way to run that there is not.

        Raises:
            ConfigError: PARAM_RANGE.
        """
        if self.parallel not in RETRIES:
            raise ConfigError("PARAM_RANGE", f"parallel is '{self.parallel}'", " or ".join(RETRIES))
        if self.threads < 1 or self.workers < 0 or (self.retries or 0) < 0:
            problem = f"threads are {self.threads}, workers {self.workers}, retries {self.retries}"
            raise ConfigError("PARAM_RANGE", problem, "threads from 1 on, workers and retries from 0 on")

    def executor(self, root: Path, typed: bool) -> Executor:
        """What runs the cells of a grid.

        Raises:
            ConfigError: GRID_PART, a class of a notebook cell cannot leave its process; those of `Cluster`.
        """
        if typed:
            if self.parallel != LOCAL:
                problem = "A class that was typed into a cell is in this process alone"
                raise ConfigError("GRID_PART", problem, "a file with the class", "Give it with --parts")
            return Here(root)
        if self.parallel == RAY:
            return Cluster(root, self.resources, self.workers, self.address)
        return Local(root, self.workers or 1)


@dataclass(frozen=True)
class Ablated:
    """What a grid found.

    Args:
        folder: with its files.
        plan: the grid.
        outcomes: key -> how the cell ended.
        differences: each ablation by each measure.
    """

    folder: Path
    plan: Plan
    outcomes: Mapping[str, Outcome]
    differences: Sequence[Difference]

    @property
    def failed(self) -> dict[str, Outcome]:
        """Cells that are not done."""
        return {key: outcome for key, outcome in self.outcomes.items() if outcome.end != DONE}

    @property
    def table(self) -> Table:
        """One row for each ablation and measure, those that were chosen first."""
        rows = sorted(self.differences, key=lambda row: not row.primary)
        return Table(
            {
                "ablation": row.name,
                "measure": row.measure,
                "base": row.base,
                "difference": row.found.value,
                "low": row.found.low,
                "high": row.found.high,
                "p": row.found.p,
                "corrected": row.p_corrected,
            }
            for row in rows
        )


def ablate(
    base: str | Path,
    ablations: Mapping[str, Any] | Grid,
    seeds: Sequence[int] | None = None,
    *,
    batches: int | Mapping[str, int] = 0,
    output: str | Path | None = None,
    overrides: Sequence[str] = (),
    corpora: Sequence[str | Path] = (),
    parts: Sequence[str | Path] = (),
    running: Running | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> Ablated:
    """Train a base and its ablations with several seeds, measure them on the same clips, compare. What is trained
    already is not trained again.

    Args:
        base: a configuration, or a folder of stages.
        ablations: name -> a file, the name of one in `configs/ablations`, the content of one, a class in the place of
            the part of its role, or None for the file of that name; or a grid that was read.
        seeds: of each; those of the grid if None.
        batches: of every training, or by stage; 0 for what grid and base say.
        output: folder; `ablations/BASE` in the cache folder if None.
        overrides: `key.sub_key=value`; for a folder of stages `STAGE.key.sub_key=value`.
        corpora: recordings, for a folder of stages that makes its store of them.
        parts: files with parts of the user's own.
        running: how cells are run.
        say: called with a line as they begin and end.

    Raises:
        ConfigError: those of `grid_of`, `read_base`, `plan` and `Running.executor`. LabError: SAVE_FAILED; IN_USE,
            another process works on that folder. DataError: GRID_MIXED. KeyboardInterrupt: what was saved is kept.
    """
    running = running or Running()
    made = planned(base, ablations, seeds, batches, overrides, corpora, parts, running.threads)
    root = folder_for(made, output)
    with locked(root, "ablated in"):
        for place, file in made.parts.items():
            make_folder((root / place).parent)
            save_bytes(root / place, file.read_bytes())
        retries = RETRIES[running.parallel] if running.retries is None else running.retries
        known = states(root, made.cells)
        if any(outcome.end != DONE for outcome in known.values()):
            known = run_cells(root, made.cells, running.executor(root, made.typed), retries, say)
        values = values_of(root, made, known)
        found = compare(made, values)
        write_report(root, made, known, values, found)
    return Ablated(root, made, known, found)


def planned(
    base: str | Path,
    ablations: Mapping[str, Any] | Grid,
    seeds: Sequence[int] | None = None,
    batches: int | Mapping[str, int] = 0,
    overrides: Sequence[str] = (),
    corpora: Sequence[str | Path] = (),
    parts: Sequence[str | Path] = (),
    threads: int = 1,
) -> Plan:
    """The cells of a grid; arguments and errors as for `ablate`."""
    for part in parts:
        load_parts(part)
    grid = ablations if isinstance(ablations, Grid) else grid_of(ablations)
    grid = replace(grid, seeds=grid.seeds if seeds is None else tuple(seeds), batches=batches or grid.batches)
    return plan(read_base(base, overrides, corpora), grid, threads, [Path(part) for part in parts])


def folder_for(made: Plan, output: str | Path | None) -> Path:
    """Folder of a grid.

    Raises:
        LabError: SAVE_FAILED, it cannot be made or written into.
    """
    root = Path(output) if output is not None else in_cache(Path("ablations") / made.base.name)
    check_reachable(root)
    return root.absolute()


def forecast_of(made: Plan, output: str | Path | None = None) -> Forecast:
    """What a grid will cost and can tell, by what lies in its folder; nothing is trained or written.

    Raises:
        DataError: GRID_MIXED.
    """
    root = folder_for(made, output)
    known = states(root, made.cells)
    return forecast(made, known, values_of(root, made, known))
