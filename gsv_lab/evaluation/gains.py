"""What one condition gains over another on the same targets, speaker by speaker: fine-tuned over zero-shot.

Pairs of clips stay together, so that the difficulty of a target drops out.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gsv_lab.evaluation.statistics.resampling import paired_difference

Values = dict[str, float]


def condition_gain(
    result: Mapping[str, Any],
    before: str = "zero_shot",
    after: str = "fine_tuned",
    draws: int = 2000,
) -> dict[str, dict[str, Any]]:
    """What a condition adds to another, for each speaker that both have.

    Args:
        result: as `tables.tabulate` gives it.
        before: name of the condition to start from.
        after: name of the condition that is compared with it.
        draws: resamples for the intervals.

    Returns:
        speaker -> `targets`, and where both conditions have them `similarity` and `normalised` (mean difference with
        its paired bootstrap interval over clips) and `phone_error_points` (difference of the pooled phone error rates
        in percentage points).
    """
    first = _by_target(result, before)
    second = _by_target(result, after)
    keys: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for key in first:
        if key in second:
            keys[key[0]].append(key)
    gains = {}
    for speaker in sorted(keys):
        values_before = [first[key] for key in keys[speaker]]
        values_after = [second[key] for key in keys[speaker]]
        gains[speaker] = _gain(values_before, values_after, draws)
    return gains


def _gain(before: Sequence[Values], after: Sequence[Values], draws: int) -> dict[str, Any]:
    """The row of one speaker, from the values of the same targets under both conditions."""
    row: dict[str, Any] = {"targets": len(before)}
    for name in ("similarity", "normalised"):
        both = [(a[name], b[name]) for a, b in zip(before, after, strict=True) if name in a and name in b]
        if both:
            lower, upper = zip(*both, strict=True)
            found = paired_difference(lower, upper, draws=draws)
            row[name] = {
                "value": round(found.value, 6),
                "low": round(found.low, 6),
                "high": round(found.high, 6),
            }
    rate_before = _phone_error(before)
    rate_after = _phone_error(after)
    if rate_before is not None and rate_after is not None:
        row["phone_error_points"] = round(100 * (rate_after - rate_before), 6)
    return row


def _by_target(result: Mapping[str, Any], condition: str) -> dict[tuple[str, str], Values]:
    """(speaker, target) -> values, the mean over seeds; a value counts if every seed has it."""
    seeds: dict[tuple[str, str], list[Values]] = defaultdict(list)
    for clip in result["clips"]:
        if clip["condition"] == condition:
            known = {key: value for key, value in clip["values"].items() if value is not None}
            seeds[clip["speaker"], clip["target"]].append(known)
    means = {}
    for key, members in seeds.items():
        names = set.intersection(*(set(values) for values in members))
        means[key] = {name: sum(values[name] for values in members) / len(members) for name in names}
    return means


def _phone_error(members: Sequence[Values]) -> float | None:
    """Pooled phone error rate; None where a target was not measured."""
    if not all("phones.count" in values for values in members):
        return None
    errors = sum(values["phones.errors"] for values in members)
    count = sum(values["phones.count"] for values in members)
    return errors / count
