"""The command line `gsv-lab`: parses, calls, prints. Everything it does is one call of the Python interface."""

from __future__ import annotations

import argparse
import sys
import warnings
from collections.abc import Sequence
from typing import Any

from gsv_lab.cli import intervene, measuring, released, stores, tools, training, voices, weights
from gsv_lab.errors import LabError
from gsv_lab.system.registry import load_parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it went well, 2 with one line on stderr if the input was at fault, 130 on Ctrl-C."""
    warnings.showwarning = _show_warning
    try:
        parsed = _parser().parse_args(arguments)
        for path in parsed.parts:
            load_parts(path)
        return int(parsed.run(parsed) or 0)
    except LabError as error:
        print(f"error: {error} [{error.code}]", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted; a training goes on where it was with the same command", file=sys.stderr)
        return 130


def _show_warning(
    message: Any, category: type[Warning], filename: str, lineno: int, file: Any = None, line: Any = None
) -> None:
    if category.__module__.startswith("gsv_lab") or category is UserWarning:
        print(f"note: {message}", file=sys.stderr)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("gsv-lab", description="Few-shot voice cloning, opened up.")
    parser.set_defaults(parts=[])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    tools.add_demo(commands)
    voices.add_prepare(commands)
    voices.add_clone(commands)
    voices.add_finetune(commands)
    voices.add_speak(commands)
    stores.add_store(commands)
    training.add_fit(commands)
    measuring.add_bench(commands)
    tools.add_info(commands)
    tools.add_open(commands)
    intervene.add_intervene(commands)
    intervene.add_disentangle(commands)
    weights.add_weights(commands)
    released.add_released(commands)
    return parser
