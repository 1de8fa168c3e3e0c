"""`gsv-lab runs`: trainings on this disk: listed, compared, exported, pruned."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gsv_lab.cli.console import note, say
from gsv_lab.cli.options import add_command, number
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveInt

if TYPE_CHECKING:
    from gsv_lab.training.runs import Run

WHICH = "a run, a folder with runs, or the name of one in the cache folder"


def add_runs(commands: Any) -> None:
    """Add the command `runs` with `list`, `compare`, `export` and `prune`."""
    text = "trainings on this disk: list, compare, export, prune"
    command = commands.add_parser("runs", help=text, description=text)
    actions = command.add_subparsers(required=True, metavar="ACTION")
    parser = add_command(actions, "list", _list, "runs, the newest first: how they ended, batches, minutes")
    parser.add_argument("folder", type=Path, nargs="?", help="where to look; by default runs in the cache folder")
    text = "in what settings, code and data runs differ, and what they reached"
    parser = add_command(actions, "compare", _compare, text)
    parser.add_argument("runs", nargs="+", metavar="RUN", help=WHICH)
    text = "names in TensorBoard, with * for anything; by default train/* and valid/*"
    parser.add_argument("--tags", nargs="+", default=[], help=text)
    parser.add_argument("--picture", type=Path, metavar="FILE.png", help="draw the curves beside each other")
    text = "with --picture: running mean over so many points"
    parser.add_argument("--smooth", type=number(PositiveInt), default=1, help=text)
    parser = add_command(actions, "export", _export, "all numbers as CSV: run, tag, batch, value")
    parser.add_argument("runs", nargs="+", metavar="RUN", help=WHICH)
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.csv", help="file to write")
    text = "remove runs that fit all that is said; stages that lie in one folder go together"
    parser = add_command(actions, "prune", _prune, text, "what is removed is removed; the same command goes on")
    parser.add_argument("folder", type=Path, nargs="?", help="where to look; by default runs in the cache folder")
    parser.add_argument("--older-than", type=number(NonNegativeFloat), metavar="DAYS", help="since it was written in")
    parser.add_argument("--unfinished", action="store_true", help="whose budget is not used up")
    parser.add_argument("--keep", type=number(NonNegativeInt), metavar="N", help="all but the newest N")
    parser.add_argument("--yes", action="store_true", help="do it; without, they are only named")


def _list(arguments: argparse.Namespace) -> None:
    from gsv_lab.training.runs import find

    rows = [("run", "state", "batches", "minutes", "last written", "task")]
    for run in sorted(find(arguments.folder), key=lambda run: -run.changed):
        task = str(run.settings["task"].get("class_path", "")).rpartition(".")[2]
        rows.append((run.name, run.state, _text(run.batches), _text(run.minutes), _moment(run.changed), task))
    _table(rows)


def _compare(arguments: argparse.Namespace) -> None:
    from gsv_lab.system.files import check_output, save_bytes
    from gsv_lab.training.run_tables import LOSSES, curves, picture, reached
    from gsv_lab.training.runs import differences

    if arguments.picture:
        check_output(arguments.picture, ".png")
    runs = _named(arguments.runs)
    found = curves(runs, arguments.tags or LOSSES)
    if len(runs) > 1:
        rows = differences(*runs)
        _table(
            [("differs", *(run.name for run in runs)), *rows] if rows else [("settings, code and data are the same",)]
        )
        say("")
    numbers = [("tag", "run", "last", "lowest", "at", "highest", "at")]
    for row in reached(found):
        low, high = row.lowest, row.highest
        values = (f"{row.last[1]:.5g}", f"{low[1]:.5g}", str(low[0]), f"{high[1]:.5g}", str(high[0]))
        numbers.append((row.tag, row.run, *values))
    _table(numbers)
    if arguments.picture:
        from gsv_lab.figures import png

        say(f"picture: {save_bytes(arguments.picture, png(picture(found, arguments.smooth)))}")


def _export(arguments: argparse.Namespace) -> None:
    from gsv_lab.system.files import check_output
    from gsv_lab.training.run_tables import export

    check_output(arguments.output, ".csv")
    count = export(_named(arguments.runs), arguments.output)
    say(f"{count} values: {arguments.output}")


def _prune(arguments: argparse.Namespace) -> None:
    from gsv_lab.training.pruning import prunable, remove
    from gsv_lab.training.runs import find

    found = prunable(find(arguments.folder), arguments.older_than, arguments.unfinished, arguments.keep)
    for group in found:
        states = ", ".join(run.state for run in group.runs)
        size, name = group.size / 1e6, group.folder
        if arguments.yes:
            remove(group)
        say(f"{'removed' if arguments.yes else 'would go'}: {name} ({states}; {size:.1f} MB)")
    if not found:
        say("no run fits; what is in use or lies behind a link stays")
    elif not arguments.yes:
        note(f"nothing was removed; with --yes these {len(found)} are")


def _named(words: Sequence[str]) -> list[Run]:
    from gsv_lab.training.runs import named

    return named(words)


def _table(rows: Sequence[Sequence[str]]) -> None:
    """Print rows in columns."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for row in rows:
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def _text(value: object) -> str:
    return "?" if value is None else str(value)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds).isoformat(" ", "minutes")
