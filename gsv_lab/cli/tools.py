"""`gsv-lab demo`, `info`, `open`: the whole way in one go, what a file is, and the notebooks."""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Annotated, Any

from gsv_lab.cli.console import note, say
from gsv_lab.cli.options import add_command, add_model, number, words
from gsv_lab.system.ranges import PositiveInt, Range
from gsv_lab.system.shipped import copy_notebooks, is_checkout, shipped_folder

Port = Annotated[int, Range(1, 65535)]


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


def add_open(commands: Any) -> None:
    """Add the command `open`."""
    text = "JupyterLab on the notebooks; other options, such as --no-browser, are JupyterLab's own"
    parser = add_command(commands, "open", _open, text, "notebooks that were saved are kept", passes_on=True)
    text = "where your notebooks lie: those that are missing are copied there, none is ever overwritten"
    parser.add_argument("--folder", type=Path, help=f"{text}; by default notebooks here, in a checkout its own")
    parser.add_argument("--port", type=number(Port), default=8888, help="of the server, on this machine only")


def _open(arguments: argparse.Namespace) -> None:
    from jupyterlab.labapp import main as jupyter

    if is_checkout() and arguments.folder is None:
        folder = shipped_folder("notebooks")
    else:
        folder = arguments.folder or Path("notebooks")
        edited = copy_notebooks(folder)
        if edited:
            names = ", ".join(path.name for path in edited)
            note(f"your own versions were kept: {names}; delete or rename one to get it as it is shipped")
    say(f"notebooks: {folder.absolute()}")
    options = [f"--notebook-dir={folder}", f"--port={arguments.port}", "--ip=127.0.0.1"]
    if hasattr(os, "geteuid") and os.geteuid() == 0 and "--allow-root" not in arguments.rest:
        note("JupyterLab runs as root: whatever a notebook does, it may do to the whole machine")
        options.append("--allow-root")
    jupyter([*options, *arguments.rest])
