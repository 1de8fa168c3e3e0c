"""`gsv-lab bench`: how fast the kit is on this machine."""

from __future__ import annotations

import argparse
import json
import re
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import add_command, add_device, add_model, add_renamed, load_lab
from gsv_lab.system.files import check_output, save_bytes


def add_bench(commands: Any) -> None:
    """Add the command `bench`."""
    parser = add_command(commands, "bench", _bench, "measure speed and memory")
    parser.add_argument("--only", nargs="+", help="rows of the table to measure")
    parser.add_argument("--output", type=Path, help="file for the JSON of the results")
    add_renamed(parser, "quality")
    add_model(parser)
    add_device(parser)


def _json(result: Any) -> str:
    """Readable, and whole wherever it is copied to: what a terminal would obey is escaped as JSON has it."""
    text = json.dumps(result, indent=1, ensure_ascii=False)
    return re.sub(r"[^\n]", lambda c: c[0] if c[0].isprintable() else json.dumps(c[0])[1:-1], text)


def _bench(arguments: argparse.Namespace) -> None:
    from tqdm.auto import tqdm

    from gsv_lab.cli.example import example
    from gsv_lab.evaluation.bench import GOALS, bench

    if arguments.output is not None:
        check_output(arguments.output)
    recording = example(False)
    only = arguments.only or tuple(GOALS)
    with tqdm(total=len(only), desc="bench") as bar:

        def progress(key: str) -> None:
            bar.set_postfix_str(key)
            bar.update()

        options = ("--device", arguments.device, "--precision", arguments.precision)
        made = bench(lambda: load_lab(arguments), recording, only=only, options=options, progress=progress)
    if arguments.output is not None:
        text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
        save_bytes(arguments.output, text.encode())
    say(*_json(made).split("\n"))
