"""`gsv-lab fit`: one training, or all stages of a family."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import add_command, add_parts, number
from gsv_lab.errors import ConfigError
from gsv_lab.system.environment import in_cache, pause_file
from gsv_lab.system.folders import check_reachable
from gsv_lab.system.ranges import NonNegativeFloat, PositiveFloat
from gsv_lab.system.shipped import shipped

STOPPED = "what was saved before is kept; the same command goes on from there, or begins where nothing was saved"
FAMILY = "all stages from clips to weights: a folder of configurations such as configs/nano, or a bundle's family.json"


def add_fit(commands: Any) -> None:
    """Add the command `fit`."""
    text = "train what a configuration describes; killed, it goes on where it was"
    parser = add_command(commands, "fit", _fit, text, STOPPED, settings="overrides")
    what = parser.add_mutually_exclusive_group(required=True)
    text = "YAML; may be given several times, later ones lie over earlier ones key by key"
    what.add_argument("--config", type=Path, action="append", help=text)
    what.add_argument("--family", type=Path, help=FAMILY)
    parser.add_argument("--output", type=Path, help="run folder; by default runs/NAME in the cache folder")
    text = "leave after so many minutes, to go on another time"
    parser.add_argument("--run-minutes", type=number(NonNegativeFloat), default=0, help=text)
    text = "with start_from=FILE: let the networks keep their own start where the file does not fit"
    parser.add_argument("--partial", action="store_true", help=text)
    text = "begin anew where a run with other settings was; its state is put aside. Give it once: it always begins anew"
    parser.add_argument("--fresh", action="store_true", help=text)
    parser.add_argument("overrides", nargs="*", help="key.sub_key=value")
    family = parser.add_argument_group("with --family")
    family.add_argument("--corpus", type=Path, nargs="+", default=[], help="corpus folders or list files")
    family.add_argument("--minutes", type=number(PositiveFloat), default=480, help="for all stages together")
    family.add_argument("--version", default="nano-own", help="name of the result")
    family.add_argument("--stages", nargs="+", help="train only these; what there is is released")
    family.add_argument("--bundle", type=Path, help="train nothing, but pack clips and settings for another machine")
    family.add_argument(
        "--part-mib", type=number(PositiveFloat), default=30.0, help="with --bundle: greatest size of a part"
    )
    add_parts(parser)


def _fit(arguments: argparse.Namespace) -> None:
    if arguments.family and (arguments.fresh or arguments.partial):
        problem = "--fresh and --partial are about one training"
        raise ConfigError("PARAM_RANGE", problem, "--config", "For a family, give another --output")
    if arguments.bundle and arguments.family:
        _bundle(arguments)
    elif arguments.family:
        _fit_family(arguments)
    else:
        _fit_one(arguments)


def _fit_one(arguments: argparse.Namespace) -> None:
    from gsv_lab.system.config import load_experiment
    from gsv_lab.training.fit import fit

    experiment = load_experiment(arguments.config, arguments.overrides)
    folder = arguments.output or in_cache(f"runs/{experiment['name']}")
    check_reachable(folder)
    fitted = fit(
        experiment,
        folder,
        pause=pause_file(),
        run_minutes=arguments.run_minutes,
        partial=arguments.partial,
        fresh=arguments.fresh,
        say=say,
    )
    for name, path in fitted.weights.items():
        say(f"{name}: {path}")


def _bundle(arguments: argparse.Namespace) -> None:
    from gsv_lab.training.bundle import bundle

    check_reachable(arguments.bundle)
    packed = bundle(shipped(arguments.family), arguments.corpus, arguments.bundle, arguments.part_mib)
    say(f"packed: {packed}")


def _fit_family(arguments: argparse.Namespace) -> None:
    from gsv_lab.training.stages import train_family

    folder = arguments.output or in_cache(f"families/{arguments.version}")
    check_reachable(folder)
    made = train_family(
        shipped(arguments.family),
        arguments.corpus,
        folder,
        arguments.version,
        arguments.minutes,
        overrides=arguments.overrides,
        stages=arguments.stages,
        pause=pause_file(),
        run_minutes=arguments.run_minutes,
        say=say,
    )
    say(f"weights: {made}" if made else "not finished; the same command goes on")
