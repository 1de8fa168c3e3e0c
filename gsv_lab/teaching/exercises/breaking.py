"""What notebook 08 measures, on its patient and on a lab: the loss of true codes, where the heads look, what both say.

Letters: N codes, P phones, H heads, S steps.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.evaluation.ablation import HeadGrid, Measure
from gsv_lab.hooks import Records, Table, patch_from, probe, zero
from gsv_lab.inference.lab import Lab
from gsv_lab.teaching.exercises.excerpt import Excerpt, teacher_forced
from gsv_lab.teaching.exercises.patient import Patient, PatientClip
from gsv_lab.teaching.exercises.sounds import Sound

MIX = "semantic_gpt.layers.*.attention.mix"
PATTERN = "semantic_gpt.layers.*.attention.pattern"

Head = tuple[str, int]
"""The tap of a layer's mix, and the number of a head."""


def nats_per_code(subject: Lab | Patient, parts: Sequence[Any]) -> Measure:
    """A measure: `nats` of the true codes under teacher forcing, one mean for each utterance.

    Steps of one utterance are alike, and so are utterances of one voice: intervals are over the voices of a patient,
    and over the utterances of a lab, which are all of one voice.

    Args:
        subject: whose SemanticGPT is asked.
        parts: `Excerpt`s for a lab, `PatientClip`s for a patient.
    """
    if isinstance(subject, Patient):
        return subject.measure(parts)

    def measure() -> dict[str, list[float]]:
        means = []
        for part in parts:
            logits = teacher_forced(subject, part.phones, part.codes, part.phone_index)[:-1]
            means.append(float(functional.cross_entropy(logits, part.codes)))
        return {"nats": means}

    return measure


def text_attention(subject: Lab | Patient, part: Excerpt | PatientClip) -> dict[Head, Tensor]:
    """How much the step that chooses a code looks at each phone, for every head: (N, P) each."""
    n_phones = len(part.phones)
    with probe(subject, PATTERN) as records, torch.no_grad():
        if isinstance(subject, Patient):
            assert isinstance(part, PatientClip), "a patient reads clips of its corpus"
            subject.logits(part)
        else:
            assert isinstance(part, Excerpt), "a lab reads excerpts"
            teacher_forced(subject, part.phones, part.codes, part.phone_index)
    found = {}
    for name, record in records.items():
        # Row P - 1 + n is the step that chooses code n.
        weights = record.value[0, :, n_phones - 1 : -1, :n_phones]
        for head, pattern in enumerate(weights):
            found[name.replace(".pattern", ".mix"), head] = pattern
    return found


def follows_phones(subject: Lab | Patient, part: Excerpt | PatientClip) -> dict[Head, float]:
    """How well each head follows the phones, from 0 to 1 (`figures.diagonality`)."""
    from gsv_lab.figures import diagonality

    return {head: diagonality(pattern) for head, pattern in text_attention(subject, part).items()}


def heads_figure(subject: Lab | Patient, part: Excerpt | PatientClip, title: str = "") -> Any:
    """A Figure: where in the text each head looks, and its diagonality; one panel a head, called layer.head."""
    from gsv_lab import figures

    symbols = part.phones.symbols if isinstance(part, Excerpt) else part.phones
    patterns = {label(*head): pattern for head, pattern in text_attention(subject, part).items()}
    return figures.alignments(patterns, 25.0, symbols, title=title)


def alignment_against_drop(grid: HeadGrid, follows: Mapping[Head, float], measure: str = "nats") -> Any:
    """A Figure: for every head, how well it follows the phones against what its loss costs, with intervals."""
    from gsv_lab import figures

    along = [follows[row["tap"], row["head"]] for row in grid.rows]
    cost = [row[measure] for row in grid.rows]
    low = [row[f"{measure}_low"] for row in grid.rows]
    high = [row[f"{measure}_high"] for row in grid.rows]
    names = [label(row["tap"], row["head"]) for row in grid.rows]
    title = f"one point a head (layer.head); bars are intervals over {grid.unit}s"
    return figures.cost_scatter(along, cost, low, high, names, cost_label=f"cost in {measure} per code", title=title)


def layer_of(tap: str) -> int:
    """The number of the layer in a tap's name."""
    return next(int(piece) for piece in tap.split(".") if piece.isdigit())


def label(tap: str, head: int) -> str:
    """A head as the notebook calls it, layer.head."""
    return f"{layer_of(tap)}.{head}"


def head_of(name: str) -> Head:
    """The head that a label such as "1.0" means."""
    layer, head = name.split(".")
    return MIX.replace("*", layer), int(head)


def mean_of(measure: Measure, name: str = "nats") -> float:
    """Mean of one measure as things stand: run it inside a probe to see what an edit does."""
    with torch.no_grad():
        return float(np.mean(measure()[name]))


def without(subject: Lab | Patient, measure: Measure, names: Sequence[str]) -> float:
    """Mean of `nats` with some heads, such as "1.0", set to zero."""
    with probe(subject, edits=[zero(tap, head=head) for tap, head in map(head_of, names)]):
        return mean_of(measure)


def stand_ins(
    patient: Patient, measure: Measure, dear: str, rule: Callable[[float, float, float, float], Any]
) -> Table:
    """What every other head costs alone, and what its loss costs *beyond* both alone where `dear` is gone as well.

    Args:
        patient: whose heads they are.
        measure: of it.
        dear: a head, such as "1.0".
        rule: as `interplay`.
    """
    clean, without_dear = mean_of(measure), without(patient, measure, [dear])
    rows = []
    for name in heads_of(patient):
        if name != dear:
            alone, both = (without(patient, measure, names) for names in ([name], [dear, name]))
            rows.append({"head": name, "alone": alone - clean, "beyond": float(rule(clean, without_dear, alone, both))})
    return Table(sorted(rows, key=lambda row: -row["beyond"]))


def given_back(
    patient: Patient, measure: Measure, records: Records, clean: float, rule: Callable[[float, float, float], Any]
) -> Table:
    """For every recorded tap, which share of a damage is repaired if it is patched from the records.

    Args:
        patient: what runs.
        measure: of the damaged run.
        records: of the clean run.
        clean: its loss.
        rule: as `brought_back`.
    """
    broken = mean_of(measure)
    rows = []
    for tap in records:
        with probe(patient, edits=[patch_from(tap, records)]):
            rows.append({"patched": tap, "comes back": float(rule(clean, broken, mean_of(measure)))})
    return Table(rows)


def heard_without(patient: Patient, clips: Sequence[PatientClip], names: Sequence[str], which: int) -> dict[str, Sound]:
    """What the patient writes of some clips, whole and without each of some heads: label with the share of phones that
    are recognised wrongly -> the sound of one clip.

    Args:
        patient: writes.
        clips: whose phones it reads.
        names: of heads, such as "1.0".
        which: number of the clip that is heard.
    """
    sounds = {}
    for name in ("", *names):
        with probe(patient, edits=[zero(tap, head=head) for tap, head in map(head_of, filter(None, [name]))]):
            codes = patient.write(clips)
        wrong = np.mean([patient.phone_error(*pair) for pair in zip(codes, clips, strict=True)])
        label = f"{f'without {name}' if name else 'all heads'}: {wrong:.0%} of the phones wrong"
        sounds[label] = patient.speak(codes[which], clips[which].speaker)
    return sounds


def heads_of(subject: Lab | Patient) -> list[str]:
    """Labels of all heads, such as "1.0"."""
    layers: Any = subject.components()["semantic_gpt"].layers
    return [f"{number}.{head}" for number, layer in enumerate(layers) for head in range(layer.attention.n_heads)]


def interplay(clean: float, without_a: float, without_b: float, without_both: float) -> float:
    """By how much the loss of both costs more than the two single costs added; above 0: one stands in for the other."""
    return without_both - without_a - without_b + clean


def brought_back(clean: float, broken: float, patched: float) -> float:
    """Share of a damage that a patch repairs: 0 nothing, 1 all of it."""
    return (broken - patched) / (broken - clean)


def surely_dear(rows: Sequence[Mapping[str, Any]]) -> list[int]:
    """Numbers of the heads whose whole interval lies above 0, the dearest first."""
    sure = [row for row in rows if row["nats_low"] > 0]
    return [int(row["head"]) for row in sorted(sure, key=lambda row: -float(row["nats"]))]


def share_lost(clean: float, broken: float, nothing: float) -> float:
    """A rise of the loss on a scale from 0, no harm, to 1, as bad as knowing nothing."""
    return (broken - clean) / (nothing - clean)


def pruned(heads: Sequence[str], cost: Callable[[Sequence[str]], float], limit: float) -> list[str]:
    """Heads that can go, one after the other, always the cheapest next, until the cost of all would pass the limit."""
    gone: list[str] = []
    while len(gone) < len(heads):
        costs = {head: cost([*gone, head]) for head in heads if head not in gone}
        best = min(costs, key=lambda head: costs[head])
        if costs[best] > limit:
            break
        gone.append(best)
    return gone
