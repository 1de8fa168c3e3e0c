"""`gsv-lab reproduce`: what documents claim of this system in numbers, and what can be shown here."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say, share_bar
from gsv_lab.cli.options import add_command, add_device, add_model, number
from gsv_lab.errors import ConfigError
from gsv_lab.system.folders import check_reachable
from gsv_lab.system.ranges import PositiveInt, Seed

STOPPED = "what was spoken and tuned is kept, and the same command goes on"


def add_reproduce(commands: Any) -> None:
    """Add the command `reproduce`."""
    text = "measure what is claimed of this system; every claim gets a verdict, and what would settle it"
    parser = add_command(commands, "reproduce", _reproduce, text, STOPPED)
    text = "ids of configs/claims.yaml; all if none is given"
    parser.add_argument("claims", nargs="*", metavar="CLAIM", help=text)
    text = "ljspeech=DIR or vctk=DIR, the corpus that a claim is about; without it the shipped sample shows the way"
    parser.add_argument("--corpus", action="append", default=[], metavar="NAME=DIR", help=text)
    text = "how much is measured: minutes on two cores, or everything; by default full on a GPU, else small"
    parser.add_argument("--scale", choices=("small", "full"), help=text)
    text = "of each fine-tuning, in place of those of the scale"
    parser.add_argument("--steps", type=number(PositiveInt), help=text)
    parser.add_argument("--seed", type=number(Seed), default=0, help="of everything that is drawn")
    text = "folder of waves of another system, called as the items, for the listening test of a claim about it"
    parser.add_argument("--system", action="append", default=[], metavar="NAME=DIR", help=text)
    text = "ratings.json that `gsv-lab ratings` made of the votes on a claim"
    parser.add_argument("--ratings", action="append", default=[], metavar="CLAIM=FILE", help=text)
    parser.add_argument("--output", type=Path, default=Path("claims"), help="folder for results, report and work")
    add_model(parser)
    add_device(parser)


def _reproduce(arguments: argparse.Namespace) -> None:
    from gsv_lab.evaluation.claims.markdown import found
    from gsv_lab.evaluation.claims.material import SCALES, Material
    from gsv_lab.evaluation.claims.run import PAGE, TIMING, reproduce

    check_reachable(arguments.output)
    material = Material(
        arguments.output,
        _named("--corpus", arguments.corpus),
        seed=arguments.seed,
        model=arguments.model,
        device=arguments.device,
        precision=arguments.precision,
        systems=_named("--system", arguments.system),
    )
    scale = SCALES[arguments.scale or ("full" if material.card else "small")]
    material.scale = scale._replace(steps=arguments.steps or scale.steps)
    with share_bar("measures") as bar:
        results = reproduce(
            material,
            arguments.claims,
            ratings=_named("--ratings", arguments.ratings),
            progress=lambda done, total, what: bar(done / total, what),
        )
    for name, one in results["claims"].items():
        what = found(name, one, {"claims": {}})
        say(f"{one['verdict']}: {name}{f': {what}' if what else ''}", f"    {one['reason']}")
        if one["verdict"] in ("not measured", "inconclusive"):
            say(*(f"    {line}" for line in one["command"].split("\n")))
    say(f"{arguments.output / PAGE} has all of it, {TIMING} what comes from this machine")


def _named(option: str, given: Sequence[str]) -> dict[str, Path]:
    """Arguments of the form NAME=PATH.

    Raises:
        ConfigError: `USAGE`.
    """
    found: dict[str, Path] = {}
    for argument in given:
        name, _, path = argument.partition("=")
        if not (name and path) or name in found:
            raise ConfigError("USAGE", f"{option} is {argument!r:.100}", "NAME=PATH, each name once")
        found[name] = Path(path)
    return found
