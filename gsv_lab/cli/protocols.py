"""`gsv-lab protocol`: what is to be spoken and tuned on, from a corpus or a list, as a folder that stands alone."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import add_command, number
from gsv_lab.errors import ConfigError
from gsv_lab.system.ranges import Seed

DRAWN = ("ljspeech", "vctk")
NAMES = (*DRAWN, "cross-lingual", "seed-tts")


def add_protocol(commands: Any) -> None:
    """Add the command `protocol`."""
    text = "write what is to be spoken by a known protocol: a list for `evaluate`, with its recordings"
    parser = add_command(commands, "protocol", _protocol, text)
    text = "ljspeech, vctk: of a corpus; cross-lingual: of a list with two languages; seed-tts: a list in that form"
    parser.add_argument("name", choices=NAMES, metavar="NAME", help=text)
    parser.add_argument("source", type=Path, metavar="CORPUS", help="folder of the corpus, or the list")
    parser.add_argument("--output", type=Path, required=True, help="new folder, or one of an earlier protocol")
    parser.add_argument("--seed", type=number(Seed), default=0, help="of what is drawn from a corpus")
    text = "take what is there of a corpus that is not whole; the result is marked as not the protocol"
    parser.add_argument("--available", action="store_true", help=text)
    text = "of a list in the form of seed-tts-eval; by default the name of its folder"
    parser.add_argument("--language", choices=("en", "zh"), default="", help=text)


def _protocol(arguments: argparse.Namespace) -> None:
    from gsv_lab.evaluation import protocol_files, protocols
    from gsv_lab.evaluation.lists import read_list
    from gsv_lab.system.folders import check_output_folder

    name, source, output = arguments.name, arguments.source, arguments.output
    drawn = name in DRAWN
    for option, given, fits in (
        ("--seed", arguments.seed, drawn),
        ("--available", arguments.available, drawn),
        ("--language", arguments.language, not drawn),
    ):
        if given and not fits:
            raise ConfigError("USAGE", f"{option} has no meaning with {name}", "", "Leave it out")
    check_output_folder(output, protocol_files.CARD)
    if name == "seed-tts":
        test_list = read_list(source, language=arguments.language)
        protocol_files.write_seed_tts(test_list, output)
        say(f"{output}: {len(test_list.items)} items in the form of seed-tts-eval")
        return
    if drawn:
        make = protocols.ljspeech if name == "ljspeech" else protocols.vctk
        made = make(source, arguments.seed, arguments.available)
    else:
        made = protocols.cross_lingual(read_list(source, language=arguments.language))
    protocol_files.write_protocol(made, output)
    for lack in made.missing:
        say(f"not the protocol {name}: {lack}")
    tuned = f", {len(made.draws)} draws to tune on" if made.draws else ""
    say(f"{output / protocol_files.LIST}: {len(made.items)} items{tuned}")
