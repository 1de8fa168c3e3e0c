"""What several commands share: the parser, how a command is added, numbers, and options for model, device and parts."""

from __future__ import annotations

import argparse
import difflib
import os
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, get_args

from gsv_lab.errors import ConfigError
from gsv_lab.system.migration import OPTIONS, renamed
from gsv_lab.system.ranges import Range

if TYPE_CHECKING:
    from gsv_lab.inference.lab import Lab


_DOTTED = re.compile(r"[A-Za-z_]\w*(\.\w+)+=")
"""How a setting begins that is told from an option's value; a path of that form is written ./a.b=c."""


class _Help(argparse.HelpFormatter):
    """Help with the default of every option that has one worth reading."""

    def _get_help_string(self, action: argparse.Action) -> str | None:
        shown = action.default not in (None, argparse.SUPPRESS, "", [], False) and action.option_strings
        return f"{action.help or ''} (default: %(default)s)".lstrip() if shown else action.help


class Parser(argparse.ArgumentParser):
    """A parser whose every complaint is one error of the kit, with the nearest name that is known.

    Args:
        prog: the words that call it.
        description: what it does.
        passes_on: options that are not known are kept for another program, as `rest` of what is parsed.
        settings: the argument that takes `key=value`, wherever among the options these stand.
    """

    def __init__(
        self, prog: str | None = None, description: str | None = None, passes_on: bool = False, settings: str = ""
    ) -> None:
        super().__init__(prog, description=description, formatter_class=_Help, allow_abbrev=not passes_on)
        self.passes_on, self.settings = passes_on, settings

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> tuple[Any, list[str]]:
        """Parse; what is left over is refused where it was given, since only there its neighbours are known.

        Raises:
            ConfigError: USAGE.
        """
        args = sys.argv[1:] if args is None else list(args)
        if not (self.passes_on or self._subparsers):
            self._refuse_unknown(args)
        # An option that takes several words would take settings behind it, too.
        dotted = [word for word in args if self.settings and _DOTTED.match(word)]
        parsed, rest = super().parse_known_args([word for word in args if word not in dotted], namespace)
        if self.settings and not any(item.startswith("-") or "=" not in item for item in rest):
            setattr(parsed, self.settings, [*vars(parsed)[self.settings], *dotted, *rest])
            rest = []
        if self.passes_on:
            parsed.rest, rest = rest, []
        if rest:
            self.error(f"unrecognized arguments: {' '.join(rest)}")
        return parsed, rest

    def error(self, message: str) -> NoReturn:
        """Refuse the command line.

        Raises:
            ConfigError: USAGE.
        """
        problem, near = message, ""
        if found := re.match(r"unrecognized arguments: (.*)", message, re.DOTALL):
            wrong = found[1].split()[0]
            problem = f"{self.prog} has no argument '{wrong}'"
            near = self._setting(wrong) or _nearest(wrong.partition("=")[0], self._known())
        elif found := re.match(r"argument (.+): invalid choice: '?(.*?)'? \(choose from (.*)\)", message, re.DOTALL):
            choices = re.findall(r"[\w-]+", found[3])
            name, what = found[1].split("/")[-1], found[2]
            problem = f"{self.prog} has no {name} '{what}'" if name.isupper() else f"{name} is '{what}'"
            raise ConfigError("USAGE", problem, _nearest(what, choices) or f"one of {', '.join(choices)}")
        raise ConfigError("USAGE", problem, near, f"See {self.prog} --help")

    def _refuse_unknown(self, args: Sequence[str]) -> None:
        """Name a misspelt option first: what it leaves out would be missed before it."""
        for argument in args:
            name = argument.partition("=")[0]
            if argument == "--":
                return
            if name.startswith("--") and " " not in name and not any(o.startswith(name) for o in self._known()):
                self.error(f"unrecognized arguments: {argument}")

    def _known(self) -> list[str]:
        return list(self._option_string_actions)

    def _setting(self, wrong: str) -> str:
        """A setting of the configuration that was written as an option."""
        plain = wrong.lstrip("-")
        return f"'{plain}', without the dashes" if self.settings and "." in plain.partition("=")[0] else ""


def _nearest(wrong: str, known: Sequence[str]) -> str:
    near = difflib.get_close_matches(wrong, known, 1, 0.6)
    return f"'{near[0]}' perhaps" if near else ""


def add_command(
    commands: Any, name: str, run: Callable[..., Any], text: str, stopped: str = "nothing was written", **options: Any
) -> Parser:
    """A new command.

    Args:
        commands: of the parser, or of a command with commands of its own.
        name: of the command.
        run: gets the parsed arguments and gives the exit code, or None for 0.
        text: what it does.
        stopped: what is true after Ctrl-C, whenever that came.
        options: of `Parser`.
    """
    made: Parser = commands.add_parser(name, help=text, description=text, **options)
    made.set_defaults(run=run, stopped=stopped)
    return made


NoiseScale = Annotated[float, Range(0, 2)]
Speed = Annotated[float, Range(0.5, 2)]
Candidates = Annotated[int, Range(1, 16)]


def words(argument: str) -> str:
    """The type of an option that takes a text: UTF-8 is understood where the system's locale is an older one."""
    try:
        return os.fsencode(argument).decode()
    except UnicodeError:
        return argument


def number(kind: Any) -> Callable[[str], Any]:
    """The type of an option that takes a number.

    Args:
        kind: of `gsv_lab.system.ranges`, or another `Annotated` number with a `Range`.
    """
    plain, bounds = get_args(kind)

    def parse(text: str) -> Any:
        whole = "a whole number" if plain is int else "a number"
        expected = str(bounds).replace("a number", whole)
        try:
            value = plain(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"'{text}' is not {expected}") from None
        if not bounds.holds(value):
            raise argparse.ArgumentTypeError(f"{text} is not {expected}")
        return value

    return parse


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
