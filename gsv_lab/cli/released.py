"""`gsv-lab released check`: a report about the released files that somebody has."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import add_command, words


def add_released(commands: Any) -> None:
    """Add the command `released` with `check`."""
    text = "what is true of somebody's released GPT-SoVITS files"
    command = commands.add_parser("released", help=text, description=text)
    actions = command.add_subparsers(required=True, metavar="ACTION")
    text = "are the files whole, which versions, what is absent, does a sentence come out; a report to attach to a bug"
    parser = add_command(actions, "check", _check, text, "the report is not written")
    parser.add_argument("folder", type=Path, help="folder with released, imported or trained files")
    text = "folder for the report and the spoken sentence; by default released_check"
    parser.add_argument("--output", type=Path, default=Path("released_check"), help=text)
    parser.add_argument(
        "--text", type=words, default="", help="what is spoken; by default one sentence of Mandarin and of English"
    )
    text = "recording of the voice that speaks, 3 to 10 s; by default the shipped sample"
    parser.add_argument("--reference", type=Path, help=text)


def _check(arguments: argparse.Namespace) -> int:
    from gsv_lab.released.check import PAGE, TEXT, check
    from gsv_lab.system.folders import check_reachable

    check_reachable(arguments.output)
    report = check(arguments.folder, arguments.output, arguments.text or TEXT, arguments.reference, say)
    for problem in report.problems:
        say(f"not well: {problem}")
    say(f"report: {arguments.output / PAGE}")
    return 2 if report.problems else 0
