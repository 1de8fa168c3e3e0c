"""Interventions: the same text spoken clean and edited, and what became of codes, pitch, tract, phones and voice.

`file` reads what is to be done, this file does and measures it, `report` writes it down. One voice speaks, so intervals
are over texts, and say nothing about other voices.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.interventions.file import Intervention
from gsv_lab.evaluation.interventions.measures import Measures
from gsv_lab.evaluation.statistics.intervals import difference, holm
from gsv_lab.hooks import Edit, Records, Table, compare, probe
from gsv_lab.inference.utterance import Speech
from gsv_lab.system.migration import OPTIONS, renamed

PHONE_ERROR, CLEAN = "phone_error", "phone_error_clean"
NEUTRAL = (PHONE_ERROR, "pitch_semitones", "tract_percent")
"""Measures that are 0 where an edit does nothing."""


@dataclass(frozen=True)
class Outcome:
    """What an intervention did.

    Args:
        intervention: what was asked for.
        clean: speech of each text without edits.
        edited: variant -> speech of each text.
        rows: one a variant and text, with every measure.
        taps: one a variant, text and watched tap: how far its records moved.
    """

    intervention: Intervention
    clean: tuple[Speech, ...]
    edited: Mapping[str, tuple[Speech, ...]]
    rows: Table
    taps: Table

    def summary(self) -> Table:
        """One row a variant: means over the texts."""
        found = []
        for variant in self.edited:
            rows = [row for row in self.rows if row["variant"] == variant]
            summed: dict[str, Any] = {"variant": variant, "texts": len(rows)}
            for key in rows[0]:
                if key not in ("variant", "text"):
                    summed[key] = _mean([row[key] for row in rows])
            found.append(summed)
        return Table(found)

    def effects(self) -> Table:
        """One row a variant and measure: mean over the texts with its interval, and `p` where no effect is 0.

        `phone_error` is the rise against the clean speech of the same text; `p` is that of the t test, corrected by
        Holm over all rows that have one.
        """
        rows = []
        for variant in self.edited:
            own = [row for row in self.rows if row["variant"] == variant]
            for measure in own[0]:
                if measure not in ("variant", "text", CLEAN):
                    found = _effect(own, measure)
                    if found is not None:
                        rows.append({"variant": variant, "measure": measure, **found})
        corrected = holm([row["p"] for row in rows])
        for row, p in zip(rows, corrected, strict=True):
            row["p"] = None if np.isnan(p) else round(p, 6)
        return Table(rows)


def _effect(rows: Sequence[Mapping[str, Any]], measure: str) -> dict[str, Any] | None:
    """Mean over texts, ends of its interval, p value and number of texts; None where nothing was measured."""
    paired = measure == PHONE_ERROR
    known = [row for row in rows if _is_number(row[measure]) and (not paired or _is_number(row[CLEAN]))]
    if not known:
        return None
    values, nobody = [float(row[measure]) for row in known], [""] * len(known)
    before = [float(row[CLEAN]) if paired else 0.0 for row in known]
    found = difference(values, before, nobody)
    p = found.p if measure in NEUTRAL else float("nan")
    low, high = (None if np.isnan(end) else round(end, 6) for end in (found.low, found.high))
    return {"mean": round(found.value, 6), "low": low, "high": high, "p": p, "texts": found.clips}


def _is_number(value: float | None) -> bool:
    return value is not None and bool(np.isfinite(value))


def _mean(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None and _is_number(value)]
    return round(float(np.mean(known)), 6) if known else None


def intervene(lab: Any, voice: Any, intervention: Intervention) -> Outcome:
    """Speak every text clean and with every variant's edits, and measure the difference.

    Args:
        lab: a `Lab`.
        voice: who speaks.
        intervention: what to do.

    Raises:
        HookError: an edit or a watched tap does not fit the model; it is left clean. TextError, CheckpointError.
        ConfigError: PARAM_UNKNOWN, an option that `Lab.speak` does not have; CONFIG_RENAMED, one that has another name.
    """
    _check_options(lab, intervention.options)
    measures = Measures(lab, intervention.measures)
    clean = [_speak(lab, voice, text, intervention, ()) for text in intervention.texts]
    edited: dict[str, tuple[Speech, ...]] = {}
    rows = []
    taps = []
    for variant, edits in intervention.edits.items():
        made = []
        for number, text in enumerate(intervention.texts):
            before, clean_records = clean[number]
            after, records = _speak(lab, voice, text, intervention, edits)
            made.append(after)
            rows.append({"variant": variant, "text": text, **measures(before, after)})
            if intervention.watch:
                for row in compare(clean_records, records).table():
                    taps.append({"variant": variant, "text": number, **row})
        edited[variant] = tuple(made)
    return Outcome(intervention, tuple(speech for speech, _ in clean), edited, Table(rows), Table(taps))


def _check_options(lab: Any, options: Mapping[str, Any]) -> None:
    """Refuse options that `Lab.speak` does not have, before anything is spoken."""
    parameters = inspect.signature(lab.stream).parameters.values()
    known = [parameter.name for parameter in parameters if parameter.kind is parameter.KEYWORD_ONLY]
    for name in options:
        if name in OPTIONS:
            raise renamed(f"The option '{name}'", f"'{OPTIONS[name]}'")
        if name not in known:
            raise ConfigError("PARAM_UNKNOWN", f"Lab.speak has no option '{name}'", ", ".join(known))


def _speak(
    lab: Any,
    voice: Any,
    text: str,
    intervention: Intervention,
    edits: Sequence[Edit],
) -> tuple[Speech, Records]:
    synthesizer = lab.synthesizer_for(voice)
    # Under a probe there is one candidate; clean speech must be the same one, not the best of several.
    options = {"candidates": 1, **intervention.options}
    with probe(synthesizer, *intervention.watch, edits=list(edits)) as records:
        speech = lab.speak(text, voice, intervention.language, intervention.seed, **options)
    return speech, records
