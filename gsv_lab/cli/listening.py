"""`gsv-lab listening`: a test that people listen to, made from clips, and their votes read back."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say, share_bar
from gsv_lab.cli.options import add_command, number
from gsv_lab.evaluation.listening.design import ANCHORS
from gsv_lab.evaluation.listening.making import SCREENING
from gsv_lab.evaluation.listening.methods import METHODS
from gsv_lab.system.ranges import NonNegativeInt, PositiveInt, Seed


def add_listening(commands: Any) -> None:
    """Add the command `listening` with `make` and `export`."""
    text = "listening tests without a server: make one from clips, export the votes"
    command = commands.add_parser("listening", help=text, description=text)
    actions = command.add_subparsers(required=True, metavar="ACTION")
    _add_make(actions)
    text = "votes of all raters under the key, as a table"
    parser = add_command(actions, "export", _export, text)
    text = "votes.sqlite of a notebook, results_*.json of pages, or tables of this command"
    parser.add_argument("results", nargs="+", type=Path, metavar="STORE_OR_JSON", help=text)
    parser.add_argument("--key", type=Path, required=True, help="key.json of the test")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.csv", help="file to write")


def _add_make(actions: Any) -> None:
    text = "test.json, key.json, stimuli, panel.html and a README for who runs the test"
    parser = add_command(actions, "make", _make, text)
    text = (
        "list item|system|path, folder with one folder of waves for each system, or SYSTEM=FOLDER; several go together"
    )
    parser.add_argument("clips", nargs="+", metavar="CLIPS", help=text)
    about = "; ".join(f"{method.name}: {method.about}" for method in METHODS.values())
    parser.add_argument("--design", choices=tuple(METHODS), required=True, help=about)
    parser.add_argument("--raters", type=number(PositiveInt), default=20, help="places; more raters begin again")
    parser.add_argument("--seed", type=number(Seed), default=0, help="of everything that is drawn")
    parser.add_argument("--output", type=Path, required=True, help="new folder")
    parser.add_argument("--reference", default="", metavar="SYSTEM", help="by default reference, else natural")
    text = "systems that are recordings of people; all others are called synthetic"
    parser.add_argument("--natural", nargs="*", default=["natural", "reference"], metavar="SYSTEM", help=text)
    text = f"clips that the kit makes worse; by default both in MUSHRA: {'; '.join(map(': '.join, ANCHORS.items()))}"
    parser.add_argument("--anchors", nargs="*", choices=tuple(ANCHORS), help=text)
    text = "in ccr, ab and abx compare this one with each other system only"
    parser.add_argument("--against", default="", metavar="SYSTEM", help=text)
    text = "that a rater hears, each with every item once; by default all"
    parser.add_argument("--blocks", type=number(NonNegativeInt), default=0, help=text)
    parser.add_argument(
        "--gold", type=number(NonNegativeInt), default=0, help="pages whose answer is known within a step"
    )
    parser.add_argument("--traps", type=number(NonNegativeInt), default=0, help="pages that end in tones to be counted")
    parser.add_argument("--repeats", type=number(NonNegativeInt), default=0, help="pages that come again")
    parser.add_argument("--no-preference", action="store_true", help="a third answer of ab")
    text = "what is done with clips of different bandwidth"
    parser.add_argument("--bandwidth", choices=("lowest", "refuse"), default="lowest", help=text)
    parser.add_argument("--format", choices=("flac", "wav"), default="flac", help="of the stimuli")
    parser.add_argument("--texts", type=Path, metavar="FILE.json", help="other words for raters, by name")
    _add_decisions(parser)


def _add_decisions(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("decided before any vote, and written into the test")
    text = "the claim: the difference of these two, the first minus the second"
    group.add_argument("--contrast", nargs=2, metavar="SYSTEM", help=text)
    text = (
        "who or what is left out; by default gold, trap and hidden-reference as far as the test has them; "
        + "; ".join(map(": ".join, SCREENING.items()))
    )
    group.add_argument("--screening", nargs="*", choices=tuple(SCREENING), help=text.replace("%", "%%"))
    group.add_argument("--interval", default="two-way", help="name of the interval that counts")


def _make(arguments: argparse.Namespace) -> None:
    from gsv_lab.evaluation.listening import Decisions, Options, make
    from gsv_lab.evaluation.listening.texts import read_texts

    options = Options(
        reference=arguments.reference,
        natural=tuple(arguments.natural),
        anchors=None if arguments.anchors is None else tuple(arguments.anchors),
        against=arguments.against,
        blocks=arguments.blocks,
        gold=arguments.gold,
        traps=arguments.traps,
        repeats=arguments.repeats,
        no_preference=arguments.no_preference,
        bandwidth=arguments.bandwidth,
        suffix=arguments.format,
        texts={} if arguments.texts is None else read_texts(arguments.texts),
    )
    contrast = None if arguments.contrast is None else (arguments.contrast[0], arguments.contrast[1])
    screening = None if arguments.screening is None else tuple(arguments.screening)
    decisions = Decisions(screening, contrast, arguments.interval)
    with share_bar("clips") as progress:
        made = make(
            arguments.clips,
            arguments.output,
            arguments.design,
            arguments.raters,
            arguments.seed,
            options,
            decisions,
            lambda done, total, what: progress(done / total, what),
        )
    say(f"{made / 'README.md'} says how to run the test; keep {made / 'key.json'} to yourself")


def _export(arguments: argparse.Namespace) -> None:
    from gsv_lab.evaluation.listening import read_results, write_votes
    from gsv_lab.system.files import check_output

    check_output(arguments.output, ".csv")
    rows = read_results(arguments.results, arguments.key)
    write_votes(rows, arguments.output)
    raters = len({row["rater"] for row in rows})
    say(f"{arguments.output}: {len(rows)} votes of {raters} raters")
