"""Files of votes for tests, made from simulated panels."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from gsv_lab.cli import main
from gsv_lab.evaluation.statistics.panels import Panel, simulate, simulate_pairs
from gsv_lab.evaluation.statistics.preference import Choices
from gsv_lab.evaluation.statistics.votes import Votes

COLUMNS = ("rater", "item", "system", "score")


def rows_of(votes: Votes) -> list[list[str]]:
    """Votes as cells: rater, item, system, score."""
    columns = zip(votes.rater.tolist(), votes.item.tolist(), votes.system.tolist(), votes.score.tolist(), strict=True)
    return [[votes.raters[r], votes.items[i], votes.systems[s], f"{score:g}"] for r, i, s, score in columns]


def choice_rows(choices: Choices) -> list[list[str]]:
    """Choices as cells: rater, winner, loser, tie."""
    columns = zip(choices.rater, choices.winner, choices.loser, choices.tie, strict=True)
    return [[choices.raters[r], choices.names[w], choices.names[o], str(t)] for r, w, o, t in columns]


def write(path: Path, head: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",") -> Path:
    """A table; packed where the name ends in .gz."""
    text = io.StringIO()
    made = csv.writer(text, delimiter=delimiter, lineterminator="\n")
    made.writerows([head, *rows] if head else rows)
    data = text.getvalue().encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


def panel_file(path: Path, design: str = "acr", panel: Panel | None = None, seed: int = 0) -> Path:
    """A simulated test with the default columns."""
    panel = panel or Panel(raters=8, items=6)
    if design == "pairs":
        return write(path, ("rater", "winner", "loser", "tie"), choice_rows(simulate_pairs(panel, seed)))
    return write(path, COLUMNS, rows_of(simulate(design, panel, seed)))


def ratings(*arguments: object, output: Path) -> dict[str, Any]:
    """What the command writes."""
    assert main(["ratings", *map(str, arguments), "--output", str(output), "--draws", "50"]) == 0
    return json.loads((output / "ratings.json").read_text(encoding="utf-8"))
