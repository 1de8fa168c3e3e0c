"""Claims about likeness of voices: what zero-shot and tuned speech reach, between natural speech and strangers."""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from gsv_lab.errors import DataError
from gsv_lab.evaluation.claims.measured import Measured, measure
from gsv_lab.evaluation.items import NATURAL
from gsv_lab.evaluation.measures.similarity import GE2E
from gsv_lab.evaluation.statistics.intervals import Difference, Interval, difference, interval

if TYPE_CHECKING:
    from gsv_lab.evaluation.claims.material import Material, Spoken

ZERO_SHOT = "zero_shot"
SPEAKER = "speaker"
ENOUGH_STEPS = 20_000
"""Of a fine-tuning, to say anything of what documents claim of steps."""
OWN_VERIFIER = "the kit's own verifier judged, which helped to choose versions of nano; Resemblyzer is not installed"


@measure("vctk_similarity")
def vctk_similarity(material: Material) -> Measured:
    """Cosine of zero-shot speech to its reference, mean over speakers."""
    spoken = material.spoken(material.corpus("vctk"))
    own = _values(spoken, ZERO_SHOT, "similarity")
    details = {
        "ceiling, natural speech": _mean(_values(spoken, NATURAL, "similarity")),
        "floor, other speakers": _mean(_values(spoken, ZERO_SHOT, "floor")),
        "place between floor and ceiling": _mean(_values(spoken, ZERO_SHOT, "similarity_normalised")),
    }
    return _over_speakers(material, spoken, interval(list(own.values()), _speakers(spoken, own)), details)


@measure("voices_apart")
def voices_apart(material: Material) -> Measured:
    """How much nearer natural speech is to another recording of its speaker than to those of others, in cosine."""
    spoken = material.spoken(material.corpus("vctk"))
    own, others = (_values(spoken, NATURAL, name) for name in ("similarity", "floor"))
    apart = {item: own[item] - others[item] for item in own if item in others}
    if not apart:
        why = "there is one speaker only, and nobody to tell apart"
        return Measured(math.nan, subject=spoken.recorded.subject, instead=why)
    details = {"own speaker": _mean(own), "other speakers": _mean(others)}
    return _over_speakers(material, spoken, interval(list(apart.values()), _speakers(spoken, apart)), details)


@measure("tuned_gain")
def tuned_gain(material: Material) -> Measured:
    """How much nearer to the reference tuned speech is than zero-shot speech of the same sentences, in cosine."""
    spoken = _with_tuned(material)
    zero = _values(spoken, ZERO_SHOT, "similarity")
    draws = [_values(spoken, name, "similarity") for name in spoken.tuned]
    tuned = {item: statistics.fmean(draw[item] for draw in draws) for item in zero}
    made = difference([tuned[item] for item in zero], list(zero.values()), _speakers(spoken, zero))
    details = {
        "zero-shot": _mean(zero),
        "tuned": _mean(tuned),
        "ceiling, natural speech": _mean(_values(spoken, NATURAL, "similarity")),
    }
    steps = ", ".join(str(voice.settings["steps"]) for voice in spoken.voices)
    note = f"Tuned on 60 s at most; of {_tried(material)} steps the held-out clips chose {steps}."
    return _found(material, spoken, made, details, note)


@measure("chosen_steps")
def chosen_steps(material: Material) -> Measured:
    """Steps after which the held-out clips of a fine-tuning sound best; mean over voices."""
    spoken = _with_tuned(material)
    steps = [float(voice.settings["steps"]) for voice in spoken.voices]
    made = interval(steps, [""] * len(steps))
    why = "" if material.released else f"{material.lab.version} is not of the released size"
    if material.scale.steps < ENOUGH_STEPS:
        why = "; ".join(filter(None, [why, f"no more than {_tried(material)} steps were tried"]))
    low, high = _ends(made)
    return Measured(made.value, low, high, len(steps), "voices", _subject(material, spoken), instead=why)


def _with_tuned(material: Material) -> Spoken:
    """What was said of LJ Speech, or of the sample, with a tuned voice.

    Raises:
        DataError: `PROTOCOL_INCOMPLETE`, there is no minute to tune on.
    """
    spoken = material.spoken(material.corpus("ljspeech"))
    if not spoken.voices:
        problem = f"There is no minute to tune on: {'; '.join(spoken.recorded.missing)}"
        raise DataError("PROTOCOL_INCOMPLETE", problem, "more of the corpus")
    return spoken


def _tried(material: Material) -> str:
    return str(material.scale.steps or "as many as configured")


def _values(spoken: Spoken, system: str, name: str) -> dict[str, float]:
    """Item -> value of a system, the mean over its seeds."""
    found = defaultdict(list)
    for clip in spoken.results["clips"]:
        values: dict[str, Any] = clip["values"].get(name, {}) if clip["system"] == system else {}
        for value in values.values():
            found[clip["item"]].append(value)
    return {item: statistics.fmean(values) for item, values in found.items()}


def _speakers(spoken: Spoken, items: dict[str, float]) -> list[str]:
    known = {item.name: item.speaker for item in spoken.recorded.listed.items}
    return [known[item] for item in items]


def _mean(values: dict[str, float]) -> float:
    return statistics.fmean(values.values()) if values else math.nan


def _over_speakers(material: Material, spoken: Spoken, made: Interval, details: dict[str, float]) -> Measured:
    """What says something about speakers only where there are several."""
    found = _found(material, spoken, made, details)
    if made.unit == SPEAKER:
        return found
    note = "One speaker: an interval over his clips would say nothing about others."
    return Measured(found.value, n=1, over="speakers", subject=found.subject, instead=found.instead, note=note,
                    details=found.details)  # fmt: skip


def _found(
    material: Material, spoken: Spoken, made: Interval | Difference, details: dict[str, float], note: str = ""
) -> Measured:
    n = made.speakers if made.unit == SPEAKER else made.clips
    known = {name: value for name, value in details.items() if not math.isnan(value)}
    missing = "; ".join(spoken.recorded.missing)
    notes = [note, f"Not the whole protocol: {missing}." if missing else ""]
    low, high = _ends(made)
    return Measured(
        made.value, low, high, n, f"{made.unit}s", _subject(material, spoken), instead=_instead(spoken),
        note=" ".join(filter(None, notes)), details=known,
    )  # fmt: skip


def _ends(made: Interval | Difference) -> tuple[float | None, float | None]:
    return (None, None) if math.isnan(made.low) else (made.low, made.high)


def _judges(spoken: Spoken) -> list[str]:
    return sorted({entry["evaluator"] for entry in spoken.results["evaluators"]})


def _subject(material: Material, spoken: Spoken) -> str:
    return f"{material.lab.version}, {spoken.recorded.subject}, by {' and '.join(_judges(spoken))}"


def _instead(spoken: Spoken) -> str:
    """Why this decides nothing about the corpus."""
    judged = "" if _judges(spoken) == [GE2E.name] else OWN_VERIFIER
    return "; ".join(filter(None, [spoken.recorded.demonstration, judged]))
