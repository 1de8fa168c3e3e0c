"""`gsv-lab ablate`: a base and its ablations with several seeds, trained where cells are missing, and compared."""

from __future__ import annotations

import argparse
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gsv_lab.cli.console import note, say
from gsv_lab.cli.options import add_command, add_parts, number
from gsv_lab.errors import ConfigError
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt

if TYPE_CHECKING:
    from gsv_lab.evaluation.grids.forecast import Forecast
    from gsv_lab.evaluation.grids.plan import Plan
    from gsv_lab.evaluation.grids.run import Running

STOPPED = "cells that are done are kept; the same command goes on"


def add_ablate(commands: Any) -> None:
    """Add the command `ablate`."""
    text = "train a base and its ablations with several seeds, and compare them on the same clips"
    parser = add_command(commands, "ablate", _ablate, text, STOPPED, settings="overrides")
    text = "a configuration, a folder of stages such as configs/synthetic, or what is spoken (configs/speech)"
    parser.add_argument("--base", type=Path, required=True, help=text)
    text = "a grid file, or overlays: files, or names of those in configs/ablations; none for the base alone"
    parser.add_argument("--grid", nargs="+", default=[], metavar="GRID.yaml|OVERLAY", help=text)
    parser.add_argument("--seeds", type=number(NonNegativeInt), nargs="+", help="of each; by default those of the grid")
    text = "of every training, or by stage: --batches content=600 sovits=300; by default as grid and base say"
    parser.add_argument("--batches", nargs="+", default=[], metavar="N|STAGE=N", help=text)
    parser.add_argument("--output", type=Path, help="folder; by default ablations/BASE in the cache folder")
    text = "train nothing: show cells, hours and the differences that can be detected"
    parser.add_argument("--dry-run", action="store_true", help=text)
    text = "recordings, for a folder of stages that makes its store of them"
    parser.add_argument("--corpus", type=Path, nargs="+", default=[], help=text)
    parser.add_argument("overrides", nargs="*", help="key.sub_key=value; for a folder STAGE.key.sub_key=value")
    _add_running(parser)
    add_parts(parser)


def _add_running(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("where cells run")
    text = "in processes of this machine, or on a cluster of Ray (extra [ray])"
    group.add_argument("--parallel", choices=("local", "ray"), default="local", help=text)
    text = "cells at a time; by default one, on a cluster as many as there is room for"
    group.add_argument("--workers", type=number(NonNegativeInt), default=0, metavar="N", help=text)
    text = "of each cell; results depend on it, and on nothing else here"
    group.add_argument("--threads", type=number(PositiveInt), default=1, metavar="N", help=text)
    text = "how often a lost cell is begun again; by default never here, twice on a cluster"
    group.add_argument("--retries", type=number(NonNegativeInt), metavar="N", help=text)
    text = "of each cell on a cluster: num_cpus, num_gpus, memory (bytes), or a resource of the cluster's own"
    group.add_argument("--resources", nargs="+", default=[], metavar="NAME=NUMBER", help=text)
    text = "of the cluster's head; by default the one that this machine belongs to, else one is started here"
    group.add_argument("--address", default="", metavar="HOST:PORT|local", help=text)


def _ablate(arguments: argparse.Namespace) -> int:
    from gsv_lab.evaluation.grids.grid_file import Grid, read_grid
    from gsv_lab.evaluation.grids.run import Running, ablate, forecast_of, planned

    grid = read_grid(arguments.grid) if arguments.grid else Grid()
    batches = _batches(arguments.batches)
    running = Running(
        arguments.parallel,
        arguments.workers,
        arguments.threads,
        arguments.retries,
        _numbers(arguments.resources, "--resources"),
        arguments.address,
    )
    more: dict[str, Any] = {"overrides": arguments.overrides, "corpora": arguments.corpus, "parts": arguments.parts}
    if arguments.dry_run:
        made = planned(arguments.base, grid, arguments.seeds, batches, threads=running.threads, **more)
        _show(made, forecast_of(made, arguments.output), running)
        return 0
    more |= {"batches": batches, "output": arguments.output, "running": running, "say": say}
    found = ablate(arguments.base, grid, arguments.seeds, **more)
    for row in found.table:
        if row["corrected"] < 0.05:
            span = f"{row['low']:+.4g} to {row['high']:+.4g}"
            p = f"corrected p {row['corrected']:.3f}"
            say(f"{row['ablation']}: {row['measure']} {row['difference']:+.4g} ({span}, {p})")
    say(f"report: {found.folder / 'table.md'}; every measurement: {found.folder / 'cells.csv'}")
    if found.failed:
        note(f"{len(found.failed)} of {len(found.outcomes)} cells are not done; the report says why")
    return int(bool(found.failed))


def _show(made: Plan, seen: Forecast, running: Running) -> None:
    """What would be done."""
    for arm in made.arms:
        cells = [f"{stage} {key}{' (missing)' if key in seen.missing else ''}" for stage, key in arm.cells.items()]
        say(f"{arm.ablation} {arm.level}".strip() + f", seed {arm.seed}: {', '.join(cells)}")
    stages = Counter(made.cells[key].stage for key in seen.missing)
    by_stage = ", ".join(f"{count} of {stage}" for stage, count in stages.items())
    say(f"{len(seen.missing)} of {len(made.cells)} cells are missing" + (f": {by_stage}" if by_stage else ""))
    untold = len(seen.missing) - len(seen.seconds)
    if seen.seconds:
        hours = seen.hours / max(1, running.workers)
        at = f", {running.workers} at a time" if running.workers > 1 else ""
        say(
            f"hours: {hours:.2f}{at}, by {seen.clock}"
            + (f"; and {untold} cells that nobody has timed" if untold else "")
        )
    elif untold:
        say("hours: not known, nobody has timed such a cell")
    if len(made.grid.seeds) < 2:
        say("one seed: no difference can be told from one of seeds; give --seeds 0 1 2")
    for each in seen.detectable:
        say(f"detectable by {each.measure}: {_detectable(each, len(made.grid.seeds), seen.tests)}")


def _detectable(each: Any, seeds: int, tests: int) -> str:
    row = each.variance
    if row is None:
        return "not known: there are no cells of the base, and the shipped table has none like it"
    source = f"{each.source}: {row.seeds} seeds, {row.batches} batches, from seed to seed {row.deviation:.3g}"
    if math.isnan(each.difference):
        return f"nothing with one seed ({source})"
    share = f" ({abs(each.difference / row.mean):.1%})" if row.mean else ""
    return f"{each.difference:.3g}{share} with {seeds} seeds and {tests} tests, power 80 % ({source})"


def _batches(words: Sequence[str]) -> int | dict[str, int]:
    """A number for all stages, or one for each."""
    parse = number(PositiveInt)
    try:
        if len(words) == 1 and "=" not in words[0]:
            return int(parse(words[0]))
        return {stage: int(parse(text)) for stage, _, text in (word.partition("=") for word in words)} or 0
    except argparse.ArgumentTypeError as error:
        raise ConfigError("USAGE", f"--batches: {error}", "300, or sovits=300") from None


def _numbers(words: Sequence[str], option: str) -> dict[str, float]:
    """NAME=NUMBER, by name."""
    found = {}
    for word in words:
        name, _, text = word.partition("=")
        try:
            found[name] = float(text)
        except ValueError:
            found[name] = math.nan
        if not name or not 0 <= found[name] < math.inf:
            raise ConfigError("USAGE", f"{option}: '{word}'", "NAME=NUMBER")
    return found
