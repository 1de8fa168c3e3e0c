"""`gsv-lab demo`, `info`, `open`: the whole way in one go, what a file is, and the notebooks."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gsv_lab.cli.options import add_command, add_model


def add_demo(commands: Any) -> None:
    """Add the command `demo`."""
    text = "prepare, fine-tune, speak and measure one recording; writes a report"
    parser = add_command(commands, "demo", _demo, text)
    parser.add_argument("--recording", type=Path, nargs="+", default=[], help="one or more sound files of one person")
    parser.add_argument("--output", type=Path, default=Path("demo"), help="folder for report, waves and voice")
    parser.add_argument("--download", action="store_true", help="fetch librosa's example recording if it is not cached")
    parser.add_argument("--consent", default="", help="who agreed to this voice, kept in the voice file")
    parser.add_argument("--steps", type=int, default=120, help="most steps of fine-tuning")
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
    print(f"report: {report}")


def add_info(commands: Any) -> None:
    """Add the command `info`."""
    parser = add_command(commands, "info", _info, "what a voice, weight or sound file is")
    parser.add_argument("file", type=Path)


def _info(arguments: argparse.Namespace) -> None:
    from gsv_lab.cli.describe import describe

    print(describe(arguments.file))


def add_open(commands: Any) -> None:
    """Add the command `open`."""
    parser = add_command(commands, "open", _open, "JupyterLab on the notebooks")
    parser.add_argument("--port", type=int, default=8888)


def _open(arguments: argparse.Namespace) -> None:
    from jupyterlab.labapp import main as jupyter

    folder = Path(__file__).resolve().parents[2] / "notebooks"
    jupyter([f"--notebook-dir={folder}", f"--port={arguments.port}", "--ip=127.0.0.1"])
