"""The command line `gsv-lab`: parses, calls, prints. Everything it does is one call of the Python interface."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Sequence

from gsv_lab import __version__
from gsv_lab.cli import (
    ablate,
    blending,
    course,
    evaluating,
    intervene,
    listening,
    measuring,
    protocols,
    ratings,
    released,
    reproduce,
    runs,
    stores,
    tools,
    training,
    voices,
    weights,
)
from gsv_lab.cli.console import close_console, open_console, show_warning
from gsv_lab.cli.options import Parser
from gsv_lab.errors import LabError, one_line
from gsv_lab.system.registry import load_parts


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; 0 if it went well, 2 with one line on stderr if the input was at fault, 130 on Ctrl-C."""
    warnings.showwarning = show_warning
    open_console()
    stopped = "nothing was done"
    try:
        parsed = _parser().parse_args(arguments)
        stopped = parsed.stopped
        for path in parsed.parts:
            load_parts(path)
        code = int(parsed.run(parsed) or 0)
        sys.stdout.flush()
        return code
    except LabError as error:
        print(f"error: {error} [{error.code}]", file=sys.stderr)
        return 2
    except KeyboardInterrupt as interrupt:
        print(f"interrupted; {one_line(*interrupt.args or (stopped,))}", file=sys.stderr)
        return 130
    except BrokenPipeError:
        close_console()
        return 1


def _parser() -> Parser:
    parser = Parser("gsv-lab", description="Few-shot voice cloning, opened up.")
    parser.add_argument("--version", action="version", version=f"gsv-lab {__version__}")
    parser.set_defaults(parts=[])
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    tools.add_demo(commands)
    voices.add_prepare(commands)
    voices.add_clone(commands)
    voices.add_finetune(commands)
    voices.add_speak(commands)
    blending.add_blend(commands)
    stores.add_store(commands)
    training.add_fit(commands)
    runs.add_runs(commands)
    ablate.add_ablate(commands)
    measuring.add_bench(commands)
    evaluating.add_evaluate(commands)
    protocols.add_protocol(commands)
    reproduce.add_reproduce(commands)
    ratings.add_ratings(commands)
    listening.add_listening(commands)
    tools.add_info(commands)
    course.add_open(commands)
    course.add_course(commands)
    intervene.add_intervene(commands)
    intervene.add_disentangle(commands)
    weights.add_weights(commands)
    released.add_released(commands)
    return parser
