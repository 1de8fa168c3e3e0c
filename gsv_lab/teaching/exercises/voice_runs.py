"""Runs of notebook 09: fine-tunings of the shipped sample that were made once, and shipped as their numbers.

`gsv_lab.teaching.exercises.making_runs` makes them, by the commands that `commands` has. Of a run there are its
settings and its scalars; of some also what their checkpoints spoke; and what more speech brought for several people.
Letters: N sentences.
"""

from __future__ import annotations

import csv
import io
import json
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np

from gsv_lab.system.shipped import PACKAGE
from gsv_lab.training.runs import Run

RESULTS = PACKAGE / "assets" / "voice_runs"
SIMILARITY, SECONDS = "similarity.csv", "seconds.csv"
CURVES = "trainer: {validate_every: 20, log_every: 5}\n"
"""The recipe `curves.yaml` that all runs share: enough points for a curve."""
RUNS: Mapping[str, Sequence[str]] = {
    "full": ("sample", "--method", "full", "--steps", "240"),
    "full_again": ("sample", "--method", "full", "--steps", "240", "--seed", "1"),
    "lora": ("sample", "--method", "lora", "--steps", "240"),
    "fast": ("sample", "--method", "full", "--steps", "240", "--learning-rate", "5e-3"),
    "long": ("sample", "--method", "full", "--steps", "360", "--max-seconds", "12"),
    "leak": ("leaking", "--method", "full", "--steps", "240", "--max-seconds", "20"),
    "gpt": ("sample", "--stage", "gpt", "--method", "full", "--steps", "240"),
}
"""Run -> folder of the clips and what `finetune` is told."""
SPOKEN = ("full", "lora", "long")
"""Runs whose checkpoints speak."""
BLIND = {"A": "leak", "B": "fast", "C": "long"}
"""The runs that the notebook shows without their names."""


@dataclass(frozen=True)
class ShippedRun(Run):
    """A run of which settings and scalars are left.

    Args:
        curves: what `scalars` gives.
        command: that made it.
    """

    curves: Mapping[str, list[tuple[int, float]]] = field(default_factory=dict)
    command: str = ""

    def scalars(self) -> dict[str, list[tuple[int, float]]]:
        """Tag -> (step, value), as `Run.scalars` reads them of event files."""
        return {tag: [*rows] for tag, rows in self.curves.items()}


class Spoken(NamedTuple):
    """A sentence that one state of a run spoke: its `cosine` with a held-out slice by the kit's speaker verifier, and
    the share of its frames that is `copied`, see `tuning_kit.copied`.
    """

    run: str
    step: int
    sentence: int
    cosine: float
    copied: float


class MoreSpeech(NamedTuple):
    """The mean cosine of some sentences with other recordings of a `speaker`, of the `zero_shot` voice of so many
    `seconds` and of the one `tuned` on them.
    """

    speaker: str
    seconds: float
    zero_shot: float
    tuned: float


def load_runs(folder: Path = RESULTS) -> dict[str, ShippedRun]:
    """The shipped runs by name, in the order of `RUNS`."""
    return {name: _read(folder / f"{name}.json") for name in RUNS}


def _read(path: Path) -> ShippedRun:
    told = json.loads(path.read_text(encoding="utf-8"))
    curves = {tag: [(int(step), float(value)) for step, value in rows] for tag, rows in told["scalars"].items()}
    return ShippedRun(path, path.stem, told["settings"], told["card"], path.parent, curves, told["command"])


def load_spoken(folder: Path = RESULTS) -> list[Spoken]:
    """What the checkpoints spoke."""
    rows = _rows(folder / SIMILARITY)
    return [Spoken(run, int(step), int(number), float(cosine), float(copy)) for run, step, number, cosine, copy in rows]


def load_seconds(folder: Path = RESULTS) -> list[MoreSpeech]:
    """What more speech brought."""
    return [MoreSpeech(speaker, *map(float, numbers)) for speaker, *numbers in _rows(folder / SECONDS)]


def _rows(path: Path) -> list[list[str]]:
    """The rows of a table below its header."""
    return [*csv.reader(io.StringIO(path.read_text(encoding="utf-8")))][1:]


def spoken_by(spoken: Sequence[Spoken], run: str, step: int) -> tuple[np.ndarray, np.ndarray]:
    """Cosines and copied shares of the sentences of one state, in their order: (N,), (N,)."""
    rows = sorted((row for row in spoken if (row.run, row.step) == (run, step)), key=lambda row: row.sentence)
    return np.array([row.cosine for row in rows]), np.array([row.copied for row in rows])


def commands(program: str = "gsv-lab") -> list[str]:
    """What makes the runs, one line each; see the README beside them for what else lies where they are called."""
    lines = [f"{program} prepare en_rms.flac --text script.txt --output sample"]
    for name, options in RUNS.items():
        recipe = ("--no-verdict", "--config", "curves.yaml")
        places = ("--run-folder", f"runs/{name}", "--output", f"{name}.safetensors")
        lines.append(shlex.join([program, "finetune", *options, *recipe, *places]))
    return lines
