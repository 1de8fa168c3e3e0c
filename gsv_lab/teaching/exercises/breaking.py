"""What notebook 08 measures: the loss of a text's codes, which heads follow the phones, and a picture of both.

Letters: N codes, P phones, H heads, S steps.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch.nn import functional

from gsv_lab.evaluation.ablation import HeadGrid, Measure
from gsv_lab.hooks import probe
from gsv_lab.inference.lab import Lab
from gsv_lab.teaching.exercises.excerpt import Excerpt, teacher_forced

MIX = "semantic_gpt.layers.*.attention.mix"
PATTERN = "semantic_gpt.layers.*.attention.pattern"


def nats_per_code(lab: Lab, parts: Sequence[Excerpt], span: int = 25) -> Measure:
    """A measure: `nats` of the true codes under teacher forcing, one mean for every second of speech.

    Args:
        lab: whose SemanticGPT is asked.
        parts: speech with its text.
        span: codes in a mean; the rest of a sentence that is shorter than half of it is left out.
    """

    def measure() -> dict[str, list[float]]:
        means = []
        for part in parts:
            logits = teacher_forced(lab, part.phones, part.codes, part.phone_index)[:-1]
            nats = functional.cross_entropy(logits, part.codes, reduction="none")
            shortest = min(span / 2, len(nats))
            means += [float(piece.mean()) for piece in nats.split(span) if len(piece) >= shortest]
        return {"nats": means}

    return measure


def follows_phones(lab: Lab, part: Excerpt) -> dict[tuple[str, int], float]:
    """(tap of the mix, head) -> how well the head follows the phones, from 0 to 1 (`figures.diagonality`)."""
    from gsv_lab.figures import diagonality

    n_phones = len(part.phones)
    found = {}
    with probe(lab, PATTERN) as records:
        teacher_forced(lab, part.phones, part.codes, part.phone_index)
    for name, record in records.items():
        # Row P - 1 + n is the step that chooses code n.
        weights = record.value[0, :, n_phones - 1 : -1, :n_phones]
        for head, pattern in enumerate(weights):
            found[name.replace(".pattern", ".mix"), head] = diagonality(pattern)
    return found


def alignment_against_drop(grid: HeadGrid, follows: Mapping[tuple[str, int], float], measure: str = "nats") -> Any:
    """A Figure: for every head, how well it follows the phones against what its loss costs, with intervals."""
    from gsv_lab import figures

    along = [follows[row["tap"], row["head"]] for row in grid.rows]
    cost = [row[measure] for row in grid.rows]
    low = [row[f"{measure}_low"] for row in grid.rows]
    high = [row[f"{measure}_high"] for row in grid.rows]
    names = [f"{layer_of(row['tap'])}.{row['head']}" for row in grid.rows]
    title = "one point a head (layer.head); bars are intervals over seconds of speech"
    return figures.cost_scatter(along, cost, low, high, names, cost_label=f"cost in {measure} per code", title=title)


def layer_of(tap: str) -> int:
    """The number of the layer in a tap's name."""
    return next(int(piece) for piece in tap.split(".") if piece.isdigit())


def mean_of(measure: Measure, name: str = "nats") -> float:
    """Mean of one measure as things stand: run it inside a probe to see what an edit does."""
    with torch.no_grad():
        return float(np.mean(measure()[name]))
