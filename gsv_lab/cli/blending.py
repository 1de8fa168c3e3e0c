"""`gsv-lab blend`: a voice between some, or the path between two measured. One call each."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import add_command, add_device, add_language, add_model, load_lab, number, words
from gsv_lab.cli.voices import VOICE
from gsv_lab.errors import ConfigError
from gsv_lab.system.files import check_output
from gsv_lab.system.ranges import PositiveFloat

if TYPE_CHECKING:
    from gsv_lab.inference.lab import Lab
    from gsv_lab.inference.voice import Voice

TEXTS = 4
"""Sentences of the script that are spoken where no text is given."""


def add_blend(commands: Any) -> None:
    """Add the command `blend`."""
    parser = add_command(commands, "blend", _blend, "a voice between two or more of one base model")
    parser.add_argument("voices", type=Path, nargs="+", help="voice files")
    text = "one for each voice, above 0, in proportion to their sum; by default all alike"
    parser.add_argument("--weights", type=number(PositiveFloat), nargs="+", default=[], help=text)
    parser.add_argument("--name", type=words, default="", help="of the new voice; by default the names, joined")
    parser.add_argument("--output", type=Path, help="voice file to write (.safetensors)")
    text = "instead: how alike blends are to the persons of two voices, of whom these folders hold recordings"
    parser.add_argument("--path", type=Path, nargs=2, metavar=("FIRST", "SECOND"), help=text)
    text = "what is said on the path; by default the first sentences of `prepare --script`"
    parser.add_argument("--text", type=words, nargs="+", default=[], help=text)
    add_language(parser)
    add_model(parser)
    add_device(parser)


def _blend(arguments: argparse.Namespace) -> None:
    from gsv_lab.inference.voice import Voice

    if (arguments.output is None) == (arguments.path is None):
        raise ConfigError("USAGE", "blend writes a voice or measures a path", "one of --output and --path")
    if arguments.output is not None:
        check_output(arguments.output, VOICE)
    voices = [Voice.load(path) for path in arguments.voices]
    lab = load_lab(arguments)
    if arguments.output is not None:
        say(lab.blend(voices, arguments.weights, arguments.name).save(arguments.output))
    else:
        _measure(lab, voices, arguments)


def _measure(lab: Lab, voices: Sequence[Voice], arguments: argparse.Namespace) -> None:
    from gsv_lab.evaluation.voice_path import recordings_in, voice_path
    from gsv_lab.text.script import reading_script

    if len(voices) != 2:
        raise ConfigError("USAGE", f"A path has two ends, and {len(voices)} voices are given", "two")
    if arguments.weights:
        raise ConfigError("USAGE", "A path goes through weights of its own", "no --weights")
    first, second = (recordings_in(folder, lab.sample_rate) for folder in arguments.path)
    language = "en" if arguments.language == "auto" else arguments.language
    texts = arguments.text or reading_script(language).split("\n")[:TEXTS]
    say(*str(voice_path(lab, (voices[0], voices[1]), (first, second), texts, arguments.language)).split("\n"))
