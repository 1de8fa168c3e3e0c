"""What keeps a model from skipping and looping, and how to speak without it.

    on        as the model speaks by default
    off       without the guards that can be switched off: see `Guard.protects` of `on`
    reranked  several candidates of each sentence, of which the aligner chooses; dearer than the default

Monotonic alignment is a part of the network, which learned with it. Without it means here: the scores of the codes and
the prior are not told which phone is spoken. That is an ablation, and not what a network that never had it would do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.hooks import Edit, to_yaml, zero
from gsv_lab.hooks.catalogue import points

ON, OFF, RERANKED = "on", "off", "reranked"
GUARDS = (ON, OFF, RERANKED)
CANDIDATES = 4
"""Of each sentence, where they are reranked."""
ALIGNMENT_TAPS = ("semantic_gpt.monotonic_alignment.phone", "prior.own_phone")
"""Taps by which a monotonic alignment says which phone is spoken: to the scores of the codes, and to the prior."""


@dataclass(frozen=True)
class Guard:
    """A way to speak.

    Args:
        name: one of `GUARDS`.
        protects: what guards against skips and loops in it, in words.
        options: of `Lab.speak`.
        edits: of `Lab.speak`.
    """

    name: str
    protects: tuple[str, ...]
    options: Mapping[str, Any] = field(default_factory=dict)
    edits: tuple[Edit, ...] = ()

    def described(self) -> dict[str, Any]:
        """As plain values, for results and identities."""
        edits = to_yaml(list(self.edits)) if self.edits else ""
        return {"protects": list(self.protects), "options": dict(self.options), "edits": edits}


def chosen_guards(lab: Any, names: Sequence[str]) -> tuple[list[Guard], dict[str, str]]:
    """The ways to speak that a lab has out of those asked for, and by name why it does not have the others.

    Raises:
        ConfigError: `PARAM_RANGE`, an unknown name, or none.
    """
    unknown = [name for name in names if name not in GUARDS]
    if unknown or not names:
        problem = f"There is no guard setting {unknown[0]!r}" if unknown else "No guard setting is asked for"
        raise ConfigError("PARAM_RANGE", problem, ", ".join(GUARDS), "Choose other guards")
    found = {guard.name: guard for guard in (_on(lab), _off(lab), _reranked(lab)) if guard is not None}
    missing = {
        OFF: "This family has no guard that can be switched off",
        RERANKED: "The content encoder of this family knows no phones, so that candidates cannot be compared",
    }
    asked = list(dict.fromkeys(names))
    reasons = {name: missing[name] for name in asked if name not in found}
    return [found[name] for name in asked if name in found], reasons


def _on(lab: Any) -> Guard:
    protects = list(_bounds(lab))
    if _taps(lab):
        protects.append("monotonic alignment")
    if lab.recordings.reranker() is not None:
        protects.append("a new draw where a rule on silence is broken")
        if lab.family.candidates > 1:
            protects.append(f"the best of {lab.family.candidates} candidates")
    penalty = lab.family.sampling.repetition_penalty
    if penalty != 1:
        protects.append(f"repetition penalty {penalty:g}")
    return Guard(ON, tuple(protects))


def _off(lab: Any) -> Guard | None:
    options: dict[str, Any] = {}
    if lab.recordings.reranker() is not None:
        options["candidates"] = 1
    if lab.family.sampling.repetition_penalty != 1:
        options["repetition_penalty"] = 1.0
    edits = tuple(zero(name) for name in _taps(lab))
    return Guard(OFF, _bounds(lab), options, edits) if options or edits else None


def _reranked(lab: Any) -> Guard | None:
    if lab.recordings.reranker() is None:
        return None
    most = max(CANDIDATES, lab.family.candidates)
    protects = [name for name in _on(lab).protects if "candidates" not in name]
    return Guard(RERANKED, (*protects, f"the best of {most} candidates"), {"candidates": most})


def _bounds(lab: Any) -> tuple[str, ...]:
    """What is never switched off: how many codes a phone may take."""
    if lab.family.synthesizer.semantic_gpt.max_advance:
        return ("most codes of each phone",)
    return ("fewest and most codes of a text",)


def _taps(lab: Any) -> list[str]:
    """The taps of `ALIGNMENT_TAPS` that a lab with a monotonic alignment has."""
    known = points(lab)
    return [name for name in ALIGNMENT_TAPS if name in known] if ALIGNMENT_TAPS[0] in known else []
