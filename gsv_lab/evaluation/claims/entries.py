"""A claim and what was measured of it, as `results.json` and `timing.json` hold it: verdict, numbers, and why.

Numbers of a claim itself stand at its own keys; those of the nearest claim that can be measured, and those that decide
nothing (another recording, another machine), under `nearest`. Numbers of a clock stand in `timing.json` alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gsv_lab.evaluation.claims.file import Bound, Claim, ClaimFile, Contradiction
from gsv_lab.evaluation.claims.measured import MEASURES, Measured
from gsv_lab.evaluation.claims.packs import Pack, analysis, power
from gsv_lab.evaluation.claims.rule import (
    CONTRADICTED,
    INCONCLUSIVE,
    NOT_MEASURABLE,
    NOT_MEASURED,
    SUPPORTED,
    asked,
    interval_of,
    verdict,
)
from gsv_lab.evaluation.tables import number

CORPORA = {"ljspeech": "LJSpeech-1.1", "vctk": "VCTK-Corpus-0.92"}
"""How the corpora are called where they are given out."""
ANY_CARD = "GPU"
ELSEWHERE = "The number is one of this machine: timing.json has it."


@dataclass(frozen=True)
class Outcome:
    """What was measured for a claim.

    Args:
        measured: what its measure, or the raters, found; None where nothing was measured.
        absent: why its measure could not be made.
        rated: whether it comes from raters.
        pack: the listening test that was made for it.
    """

    measured: Measured | None = None
    absent: str = ""
    rated: bool = False
    pack: Pack | None = None


@dataclass(frozen=True)
class Place:
    """On what was measured: the graphics card, empty for none, and whether the weights are of a released family."""

    card: str = ""
    released: bool = False


def entry(
    claim: Claim, outcome: Outcome, file: ClaimFile, place: Place
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """What `results.json` and, where the number comes from a clock, `timing.json` say of a claim.

    Args:
        claim: the claim.
        outcome: what was measured.
        file: that the claim is of.
        place: on what was measured.
    """
    clock = not outcome.rated and bool(claim.measured_by) and MEASURES[claim.measured_by].clock
    own = _decides(claim, outcome, place)
    found = _verdict(claim, outcome.measured if own else None)
    about = {
        "text": claim.text,
        "sources": file.titles(claim.sources),
        "protocol": claim.protocol,
        "settles": claim.settles,
        "needs": asdict(claim.needs),
        "direction": claim.bound.direction if claim.bound else None,
        "threshold": claim.bound.threshold if claim.bound else None,
        "unit": claim.bound.unit if claim.bound else None,
        "verdict": found,
        "command": "\n".join(commands(claim)),
        "listening": outcome.pack._asdict() if outcome.pack else None,
    }
    timing = None
    if clock and outcome.measured is not None:
        timing = _timed(claim, outcome.measured, found)
    shown = outcome.measured if own and not clock else None
    nearest = _nearest(claim, outcome, own, clock)
    reason = _reason(claim, outcome, own, clock)
    return {**about, **_numbers(shown), "nearest": nearest, "reason": reason}, timing


def _decides(claim: Claim, outcome: Outcome, place: Place) -> bool:
    """Whether what was measured is what the claim is about."""
    if outcome.measured is None or claim.unmeasurable:
        return False
    return outcome.rated or bool(claim.measure and not outcome.measured.instead and _is_place(claim, place))


def _is_place(claim: Claim, place: Place) -> bool:
    """Whether graphics card and weights are those that a claim needs, if it needs any."""
    wanted, card = claim.needs.machine, place.card
    there = not wanted or bool(card and (wanted == ANY_CARD or wanted.casefold() in card.casefold()))
    return there and (place.released or not claim.needs.model)


def _verdict(claim: Claim, measured: Measured | None) -> str:
    if claim.unmeasurable:
        return NOT_MEASURABLE
    if measured is None or claim.bound is None:
        return NOT_MEASURED
    return verdict(measured, claim.bound.direction, claim.bound.threshold)


def _numbers(measured: Measured | None) -> dict[str, Any]:
    """The keys of a number; all None where there is none."""
    if measured is None:
        return dict.fromkeys(("value", "low", "high", "over", "subject", "exact"), None) | {"n": 0, "details": {}}
    return {
        "value": float(f"{measured.value:.10g}") if measured.exact else number(measured.value),
        "low": _maybe(measured.low),
        "high": _maybe(measured.high),
        "n": measured.n,
        "over": measured.over,
        "subject": measured.subject,
        "exact": measured.exact,
        "details": {name: number(value) for name, value in measured.details.items()},
    }


def _maybe(value: float | None) -> float | None:
    return None if value is None else number(value)


def _nearest(claim: Claim, outcome: Outcome, own: bool, clock: bool) -> dict[str, Any] | None:
    """The nearest claim with its verdict, or what was measured in place of the claim, without one."""
    measured = outcome.measured
    if own or (measured is None and claim.nearest is None):
        return None
    text, bound = (claim.nearest.text, claim.nearest.bound) if claim.nearest else (claim.text, claim.bound)
    decided = measured is not None and claim.nearest is not None and not measured.instead and not clock
    asks = {"direction": bound.direction, "threshold": bound.threshold, "unit": bound.unit} if bound else {}
    found = verdict(measured, bound.direction, bound.threshold) if decided and measured and bound else None
    return {"text": text, **asks, "verdict": found, **_numbers(None if clock else measured)}


def _timed(claim: Claim, measured: Measured, found: str) -> dict[str, Any]:
    """What `timing.json` says: the number, and by the same rule the verdict on the nearest claim, if there is one."""
    bound = claim.nearest.bound if claim.nearest else claim.bound
    nearest = verdict(measured, bound.direction, bound.threshold) if claim.nearest and bound else None
    text = claim.nearest.text if claim.nearest else claim.text
    unit = bound.unit if bound else ""
    threshold = bound.threshold if bound else None
    return {"text": text, "verdict": nearest or found, "threshold": threshold, "unit": unit, "note": measured.note,
            **_numbers(measured)}  # fmt: skip


def _reason(claim: Claim, outcome: Outcome, own: bool, clock: bool) -> str:
    """Why the verdict is what it is, and what would change it."""
    measured, parts = outcome.measured, []
    if claim.unmeasurable:
        parts.append(claim.unmeasurable)
    if own and measured is not None and claim.bound is not None:
        parts += [ELSEWHERE] if clock else [_because(measured, claim.bound), measured.note]
    elif measured is not None:
        parts += _beside(claim, measured, clock)
    elif outcome.absent:
        parts.append(f"Not measured here: {outcome.absent}")
    if not own and not claim.unmeasurable:
        parts += [f"Needed: {claim.needs.data}{_card(claim)}.", power(claim)]
    if outcome.pack is not None and not outcome.rated:
        says, count = outcome.pack.demonstration, outcome.pack.items
        made = f"The listening test {outcome.pack.folder}, {count} sentences, is ready to be sent"
        parts.append(made + (f"; but {says}." if says else "."))
    return " ".join(filter(None, parts))


def _card(claim: Claim) -> str:
    """The graphics card that a claim needs, in words."""
    wanted = claim.needs.machine
    return "" if not wanted else ", on a graphics card" if wanted == ANY_CARD else f", on the graphics card {wanted}"


def _because(measured: Measured, bound: Bound) -> str:
    """The rule in words."""
    wanted = f"asked for is {asked(bound.direction, bound.threshold, bound.unit)}"
    ends = interval_of(measured)
    if measured.exact:
        return f"Counted: {measured.value:,.10g} {bound.unit}; {wanted}."
    if ends is None:
        same = measured.low is not None and measured.low == measured.high
        why = "nothing varied" if same else f"n is {measured.n}"
        return f"There is no interval, since {why}; {wanted}."
    where = {SUPPORTED: "wholly within", CONTRADICTED: "wholly outside of", INCONCLUSIVE: "on both sides of the end of"}
    lies = where[verdict(measured, bound.direction, bound.threshold)]
    return f"The interval lies {lies} what is asked for ({asked(bound.direction, bound.threshold, bound.unit)})."


def _beside(claim: Claim, measured: Measured, clock: bool) -> list[str]:
    """What was measured and decides nothing about the claim itself."""
    if measured.instead:
        return [f"Demonstration only: {measured.instead}.", "" if clock else measured.note]
    if clock:
        return [f"Measured: {measured.subject}.", ELSEWHERE]
    return [f"Nearest: {_because(measured, claim.nearest.bound)}" if claim.nearest else "", measured.note]


def commands(claim: Claim) -> list[str]:
    """What to call to settle a claim, line by line; nothing where no measurement would."""
    if claim.unmeasurable and not claim.nearest:
        return []
    run = f"gsv-lab reproduce {claim.id}"
    if claim.corpus:
        run += f" --corpus {claim.corpus}={CORPORA[claim.corpus]}"
    if claim.needs.machine:
        run += " --device cuda"
    if claim.needs.model:
        run += f" --model {claim.needs.model}"
    if claim.needs.steps:
        run += f" --steps {claim.needs.steps}"
    if claim.listening is not None:
        return analysis(claim, claim.listening, run)
    return [f"{run} --output DIR"]


def contradiction(one: Contradiction, file: ClaimFile, found: Mapping[str, Measured]) -> dict[str, Any]:
    """What `results.json` says of a contradiction: who says what, what was counted, and what the kit does."""
    counted = {name: _numbers(found[name]) for name in one.measures if name in found}
    return {
        "topic": one.topic,
        "says": [{"source": file.sources[said.source], "text": said.text} for said in one.says],
        "settles": one.settles,
        "kit": one.kit,
        "claims": list(one.claims),
        "counted": counted,
    }


def shown(numbers: Mapping[str, Any], unit: str | None) -> str:
    """A number with its interval, in words; empty where there is none.

    >>> shown({"value": 0.776, "low": 0.734, "high": 0.818, "n": 3, "over": "speakers", "exact": False}, "cosine")
    '0.776 cosine (0.734 to 0.818), n = 3 speakers'
    """
    value = numbers.get("value")
    if value is None or not math.isfinite(value):
        return ""
    text = f"{plain_number(value)} {unit or ''}".rstrip()
    if numbers["exact"]:
        return text
    ends = "" if numbers["low"] is None else f" ({plain_number(numbers['low'])} to {plain_number(numbers['high'])})"
    return f"{text}{ends}, n = {numbers['n']} {numbers['over']}"


def plain_number(value: float) -> str:
    """A number to four digits, whole ones in full."""
    return f"{value:,.0f}" if value == int(value) else f"{value:.4g}"
