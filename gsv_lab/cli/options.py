"""What several commands share: how one is added, and the options for model, device, parts and language."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gsv_lab.system.migration import OPTIONS, renamed

if TYPE_CHECKING:
    from gsv_lab.inference.lab import Lab


def add_command(commands: Any, name: str, run: Callable[..., Any], text: str) -> argparse.ArgumentParser:
    """A new command; `run` gets the parsed arguments and gives the exit code, or None for 0."""
    made: argparse.ArgumentParser = commands.add_parser(name, help=text, description=text)
    made.set_defaults(run=run)
    return made


def add_model(parser: argparse.ArgumentParser) -> None:
    """The option `--model`, and `--parts` for models that hold parts of the user's own."""
    text = "base model: nano (default), a version, or a folder with a model.json"
    parser.add_argument("--model", default="", help=text)
    add_parts(parser)


def add_device(parser: argparse.ArgumentParser) -> None:
    """The options `--device` and `--precision`; see `load_lab`."""
    text = "where the networks work: auto (a GPU of CUDA where there is one, else the CPU), cpu, cuda, cuda:1, mps"
    parser.add_argument("--device", default="auto", help=text)
    text = "number format in which they multiply: 32, bf16, or auto (bf16 where the hardware has it)"
    parser.add_argument("--precision", default="32", help=text)


def load_lab(arguments: argparse.Namespace) -> Lab:
    """The lab of the options of `add_model` and `add_device`."""
    from gsv_lab.inference.lab import load

    return load(arguments.model, arguments.device, arguments.precision)


def add_parts(parser: argparse.ArgumentParser) -> None:
    """The option `--parts`; `main` imports the files before the command runs."""
    text = "Python file that registers parts of your own (gsv_lab.register); may be given several times"
    parser.add_argument("--parts", type=Path, action="append", default=[], metavar="FILE.py", help=text)


def add_language(parser: argparse.ArgumentParser) -> None:
    """The option `--language`."""
    parser.add_argument("--language", choices=("en", "zh", "auto"), default="auto", help="language of the text")


def add_lexicon(parser: argparse.ArgumentParser) -> None:
    """The option `--lexicon`."""
    text = "your own readings, one word<TAB>reading a line (pinyin with tones, or ARPAbet)"
    parser.add_argument("--lexicon", type=Path, metavar="FILE", help=text)


def add_renamed(parser: argparse.ArgumentParser, *names: str) -> None:
    """Options that have other names now, each refused with an error that says the new one."""
    for name in names:
        parser.add_argument(f"--{name}", nargs="*", action=_Renamed, help=argparse.SUPPRESS)


class _Renamed(argparse.Action):
    def __call__(self, parser: Any, namespace: Any, values: Any, option_string: str | None = None) -> None:
        """Refuse the option.

        Raises:
            ConfigError: CONFIG_RENAMED.
        """
        raise renamed(f"The option --{self.dest}", f"--{OPTIONS[self.dest]}")
