"""`gsv-lab demo`, `info`: the whole way in one go, and what a file is."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import add_command, add_model, number, words
from gsv_lab.system.ranges import PositiveInt


def add_demo(commands: Any) -> None:
    """Add the command `demo`."""
    text = "prepare, fine-tune, speak and measure one recording; writes a report"
    parser = add_command(commands, "demo", _demo, text)
    parser.add_argument("--recording", type=Path, nargs="+", default=[], help="one or more sound files of one person")
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder for report, waves and voice")
    parser.add_argument("--download", action="store_true", help="fetch librosa's example recording if it is not cached")
    parser.add_argument("--consent", type=words, default="", help="who agreed to this voice, kept in the voice file")
    parser.add_argument("--steps", type=number(PositiveInt), default=120, help="most steps of fine-tuning")
    add_model(parser)


def _demo(arguments: argparse.Namespace) -> None:
    from gsv_lab.cli.demo import demo

    report = demo(
        arguments.recording,
        arguments.output,
        arguments.download,
        arguments.model,
        arguments.consent,
        arguments.steps,
    )
    say(f"report: {report}")


def add_info(commands: Any) -> None:
    """Add the command `info`."""
    parser = add_command(commands, "info", _info, "what a voice, weight or sound file is")
    parser.add_argument("file", type=Path)


def _info(arguments: argparse.Namespace) -> None:
    from gsv_lab.cli.describe import describe

    say(*describe(arguments.file).split("\n"))
