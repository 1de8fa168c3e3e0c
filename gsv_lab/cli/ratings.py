"""`gsv-lab ratings`: votes of a listening test, from any program, become means, intervals and tests."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import add_command, number
from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.ratings.settings import DESIGNS, DUPLICATES, NAMES, SCREENS, Settings
from gsv_lab.system.ranges import Finite, PositiveFloat, PositiveInt, Seed

NONE = "none"
"""Screening by no rule."""


def add_ratings(commands: Any) -> None:
    """Add the command `ratings`."""
    text = "analyse the votes of a listening test: intervals over raters and items, screening, tests, agreement"
    parser = add_command(commands, "ratings", _ratings, text)
    text = (
        "tables of votes (CSV or another delimiter, packed by gzip or not), exports of the P.808 toolkit and of "
        "webMUSHRA, and with --key results of gsv-lab listening: votes.sqlite, results_*.json, votes.csv"
    )
    parser.add_argument("files", nargs="*", type=Path, metavar="FILE", help=text)
    parser.add_argument("--design", choices=tuple(DESIGNS), required=True, help="what raters did")
    parser.add_argument("--output", type=Path, required=True, metavar="DIR", help="folder for the results")
    parser.add_argument("--key", type=Path, metavar="FILE", help="key.json of a listening test")
    text = "write the decisions into the folder and stop, before there are votes"
    parser.add_argument("--decide", action="store_true", help=text)
    _add_columns(parser)
    _add_choices(parser)


def _add_columns(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("columns; several are joined by +, such as target+utterance")
    for name in NAMES:
        text = f"column of the {name}; by default the one that is called so"
        group.add_argument(f"--{name}", default="", metavar="COLUMN", help=text)
    text = "only rows whose column matches, such as valid=1 or 'signal=TSP_*'; != excludes; may be repeated"
    group.add_argument("--where", action="append", default=[], metavar="COLUMN=PATTERN", help=text)
    text = "of a matrix: what its rows are"
    group.add_argument("--rows", choices=("items", "raters"), default="items", help=text)


def _add_choices(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("decisions")
    text = "least and largest vote; by default 1 5, for ccr -3 3, for mushra 0 100"
    group.add_argument("--scale", type=number(Finite), nargs=2, metavar=("LOW", "HIGH"), help=text)
    text = "least vote that says 'same speaker', for the share of such votes"
    group.add_argument("--same-from", type=number(Finite), metavar="VOTE", help=text)
    text = "a system that is natural speech; for mushra the hidden reference"
    group.add_argument("--reference", action="append", default=[], metavar="NAME", help=text)
    group.add_argument("--anchor", action="append", default=[], metavar="NAME", help="a system that is an anchor")
    text = (
        f"rules by which raters or votes are left out: {' '.join(SCREENS)}, or none; "
        "by default hidden-reference for mushra and none for others"
    )
    group.add_argument("--screen", nargs="+", metavar="RULE", help=text)
    text = "column with the right answer of known items, which must be met within 1"
    group.add_argument("--gold", default="", metavar="COLUMN", help=text)
    text = "column with the right answer of trapping items, which must be met exactly"
    group.add_argument("--trap", default="", metavar="COLUMN", help=text)
    text = "what becomes of a second vote of a rater on one item of one system: keep, drop (copies of rows), refuse"
    group.add_argument("--duplicates", choices=DUPLICATES, default="", help=text)
    group.add_argument("--primary", nargs=2, metavar=("A", "B"), help="the one difference that is claimed, A minus B")
    text = "test of equivalence: systems count as equal within so many points"
    group.add_argument("--margin", type=number(PositiveFloat), metavar="POINTS", help=text)
    text = "p values that hold however often one looks while votes come in"
    group.add_argument("--anytime", action="store_true", help=text)
    group.add_argument("--draws", type=number(PositiveInt), default=2000, metavar="N", help="resamples of bootstraps")
    group.add_argument("--seed", type=number(Seed), default=0, help="of the resamples")


def _ratings(arguments: argparse.Namespace) -> None:
    from gsv_lab.evaluation.ratings.run import DECISIONS, PAGE, decide, run_ratings

    settings = _settings(arguments)
    if arguments.decide:
        if arguments.files or arguments.key:
            raise ConfigError("USAGE", "--decide takes no votes", "decisions alone", "Give the files afterwards")
        decide(settings, arguments.output)
        say(f"{arguments.output / DECISIONS} has the decisions; the same command with the files analyses them")
        return
    results = run_ratings(arguments.files, settings, arguments.output, arguments.key)
    say(*results["warnings"], f"{arguments.output / PAGE} has tables and pictures, ratings.json every number")


def _settings(arguments: argparse.Namespace) -> Settings:
    screen = arguments.screen
    if screen is not None and NONE in screen and len(screen) > 1:
        raise ConfigError("USAGE", "--screen names rules and none", "rules, or none")
    columns = {name: getattr(arguments, name) for name in NAMES if getattr(arguments, name)}
    return Settings(
        arguments.design,
        columns,
        tuple(arguments.where),
        tuple(arguments.reference),
        tuple(arguments.anchor),
        arguments.rows,
        tuple(arguments.scale) if arguments.scale else None,
        arguments.same_from,
        None if screen is None else tuple(rule for rule in screen if rule != NONE),
        arguments.gold,
        arguments.trap,
        arguments.duplicates,
        arguments.margin,
        tuple(arguments.primary) if arguments.primary else None,
        arguments.anytime,
        arguments.draws,
        arguments.seed,
    )
