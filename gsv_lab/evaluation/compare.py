"""Two rungs on the same targets: what fine-tuning gains over zero-shot, speaker by speaker.

Pairs of clips stay together, so what makes a target hard drops out. The file reads results, it measures nothing.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from gsv_lab.evaluation.statistics import paired_difference

Values = dict[str, float]


def rung_gain(
    result: Mapping[str, Any], before: str = "zero_shot", after: str = "fine_tuned", draws: int = 2000
) -> dict[str, dict[str, Any]]:
    """What a rung adds to another, for each speaker that both have.

    Args:
        result: as `tables.tabulate` gives it.
        before: name of the rung to start from.
        after: name of the rung to judge.
        draws: resamples for the intervals.

    Returns:
        speaker -> `targets`, and where both rungs have them `similarity` and `normalised` (mean difference with its
        paired bootstrap interval over clips) and `phone_error_points` (difference of the pooled phone error rates in
        percentage points).
    """
    first, second = (_by_target(result, rung) for rung in (before, after))
    pairs: dict[str, list[tuple[Values, Values]]] = defaultdict(list)
    for key in first.keys() & second.keys():
        pairs[key[0]].append((first[key], second[key]))
    gains = {}
    for speaker, members in sorted(pairs.items()):
        row: dict[str, Any] = {"targets": len(members)}
        for name in ("similarity", "normalised"):
            both = [(a[name], b[name]) for a, b in members if name in a and name in b]
            if both:
                found = paired_difference([pair[0] for pair in both], [pair[1] for pair in both], draws=draws)
                row[name] = {"value": found.value, "low": found.low, "high": found.high}
        rates = [_phone_error([pair[side] for pair in members]) for side in (0, 1)]
        if None not in rates:
            row["phone_error_points"] = 100 * (rates[1] - rates[0])
        gains[speaker] = _rounded(row)
    return gains


def _by_target(result: Mapping[str, Any], rung: str) -> dict[tuple[str, str], Values]:
    seeds: dict[tuple[str, str], list[Values]] = defaultdict(list)
    for clip in result["clips"]:
        if clip["rung"] == rung:
            known = {key: value for key, value in clip["values"].items() if value is not None}
            seeds[clip["speaker"], clip["target"]].append(known)
    # A value counts if every seed has it; the targets of both rungs then rest on all their takes.
    return {
        key: {name: sum(take[name] for take in takes) / len(takes) for name in set.intersection(*map(set, takes))}
        for key, takes in seeds.items()
    }


def _phone_error(members: list[Values]) -> Any:
    if not all("phone_count" in values for values in members):
        return None
    return sum(values["phone_errors"] for values in members) / sum(values["phone_count"] for values in members)


def _rounded(row: Any) -> Any:
    if isinstance(row, dict):
        return {key: _rounded(value) for key, value in row.items()}
    return round(row, 6) if isinstance(row, float) else row
