"""`gsv-lab store`: from recordings with texts to what the released families train on."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from gsv_lab.cli.console import say
from gsv_lab.cli.options import add_command

SHOWN = 20
"""Clips that are named on the screen; the report has all."""


def add_store(commands: Any) -> None:
    """Add the command `store`."""
    text = "make what the released families train on; killed, the same command goes on where it was"
    parser = add_command(commands, "store", _store, text, "what was made is kept; the same command goes on there")
    parser.add_argument("list", type=Path, help="list file, corpus folder, or a folder that `gsv-lab prepare` wrote")
    parser.add_argument("--family", required=True, help="v1, v2, v2Pro or v2ProPlus")
    text = "folder with the family's SoVITS, HuBERT, BERT ...; what it lacks is taken from the weights folder"
    parser.add_argument("--companions", type=Path, help=text)
    parser.add_argument("--output", type=Path, required=True, help="folder of the store")


def _store(arguments: argparse.Namespace) -> None:
    from gsv_lab.corpora.released_store import REPORT, make_store
    from gsv_lab.system.folders import check_reachable

    check_reachable(arguments.output)
    made = make_store(arguments.list, arguments.family, arguments.output, arguments.companions)
    for file, reason in made.left_out[:SHOWN]:
        say(f"left out: {file}: {reason}")
    if len(made.left_out) > SHOWN:
        say(f"left out: {len(made.left_out) - SHOWN} more, see {made.folder / REPORT}")
    folder = made.folder.absolute()
    state = "is finished already, nothing was done" if made.already else "is finished"
    say(f"{folder} {state}: {made.clips} clips, {made.seconds / 60:.1f} min, {made.held_out} held out for validation")
    for stage in ("sovits", "gpt"):
        store = shlex.quote(f"sizes.store={folder}")
        say(f"train: gsv-lab fit --config configs/{arguments.family}/{stage}.yaml {store}")
