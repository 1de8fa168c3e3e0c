"""What a fine-tuning came to, in words and numbers, and which voice may be handed out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gsv_lab.evaluation.statistics.intervals import Difference
from gsv_lab.training.verdict.data import DataReport
from gsv_lab.training.verdict.judging import SEEDS, Judged
from gsv_lab.training.verdict.reference import Reference
from gsv_lab.training.verdict.rule import HARMS, HELD_OUT, Step

STAY = "Speak with the zero-shot voice of gsv-lab clone, or record more"
WITHHELD = ("DATA_TOO_POOR", "FINETUNE_NOT_BETTER")
"""Codes of a verdict by which no voice is handed out."""


@dataclass(frozen=True)
class Verdict:
    """The verdict on a fine-tuning.

    Args:
        family: version of the base.
        language: of the recordings.
        data: what is wrong with the recordings.
        judged: what the candidates said; None where the recordings were too poor to tune on.
        reference: where the verifier's similarities lie; None where nobody has measured it for these weights.
    """

    family: str
    language: str
    data: DataReport
    judged: Judged | None = None
    reference: Reference | None = None

    @property
    def words(self) -> str:
        """The verdict in one sentence without a full stop."""
        poor = [] if self.data.poor is None else [f"the data is too poor: {self.data.poor.words}"]
        return "; ".join([*poor, *([] if self.judged is None else [self.judged.choice.words])])

    @property
    def advice(self) -> str:
        """What to do, without a full stop."""
        if self.data.poor is not None:
            return self.data.poor.advice
        return STAY if self.judged is None or not self.judged.choice.step else ""

    @property
    def shown(self) -> int:
        """The tuned step that is heard beside the untuned voice: the chosen one, else the best of those that spoke."""
        assert self.judged is not None, "nobody has spoken"
        tuned = [step for step in self.judged.choice.steps if step.step]
        best = min(tuned, key=lambda step: step.means[HELD_OUT], default=self.judged.choice.steps[0])
        return self.judged.choice.step or best.step

    def place(self, similarity: float) -> float | None:
        """Where a similarity lies: 0 for other people's clips, 1 for the person's own held-out ones."""
        ceiling = self.natural().get("similarity")
        if self.reference is None or ceiling is None:
            return None
        floor = self.reference.floor.get(self.language)
        return None if floor is None or ceiling <= floor else (similarity - floor) / (ceiling - floor)

    def places(self) -> dict[int, float | None]:
        """`place` of each step that spoke; nothing without a verifier."""
        assert self.judged is not None, "nobody has spoken"
        steps = [step for step in self.judged.choice.steps if "similarity" in step.means]
        return {step.step: self.place(step.means["similarity"]) for step in steps}

    def natural(self) -> dict[str, float]:
        """Means of the natural held-out clips by measure."""
        assert self.judged is not None, "nobody has listened"
        names = {name for clip in self.judged.natural for name in clip}
        return {name: mean_of([clip[name] for clip in self.judged.natural if name in clip]) for name in sorted(names)}

    def brief(self) -> dict[str, Any]:
        """What a voice keeps of it."""
        found: dict[str, Any] = {"words": self.words, "findings": [one.code for one in self.data.findings]}
        if self.judged is not None:
            step = next(one for one in self.judged.choice.steps if one.step == self.shown)
            found |= {"step": self.judged.choice.step, "differences": _differences(step)}
        return found

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        found = {"verdict": self.words, "advice": self.advice, "base": self.family, "data": self.data.to_dict()}
        if self.judged is None:
            return found
        choice = self.judged.choice
        return found | {
            "step": choice.step,
            "over_trained": choice.over_trained,
            "steps": [_step(one) for one in choice.steps],
            "held_out": {str(step): float(values.mean()) for step, values in self.judged.losses.items()},
            "natural": self.natural(),
            "place": {str(step): place for step, place in self.places().items()},
            "verifier": None if self.reference is None else self.reference._asdict(),
            "rule": {name: {"better": harm.better, "tolerance": harm.tolerance} for name, harm in HARMS.items()},
            "texts": [
                {"text": text.phones.text, "held_out": text.held_out, "term": text.term} for text in self.judged.texts
            ],
            "seeds": list(SEEDS),
        }  # fmt: skip


def mean_of(values: Sequence[float]) -> float:
    """Mean as a plain number."""
    return float(np.mean(values))


def interval_of(found: Difference) -> list[float | None]:
    """Value, low and high end, rounded; None where one pair alone has no interval."""
    return [None if np.isnan(number) else round(number, 4) for number in found[:3]]


def _differences(step: Step) -> dict[str, list[float | None]]:
    return {name: interval_of(found) for name, found in step.differences.items()}


def _step(step: Step) -> dict[str, Any]:
    return {
        "step": step.step,
        "means": step.means,
        "differences": _differences(step),
        "better": step.better,
        "harms": step.harms,
    }
