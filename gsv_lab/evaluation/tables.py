"""Rows of a run to tables: per clip, per speaker and per language, with intervals.

Errors are pooled over clips; similarities, quality and prosody are means over targets, then over speakers; several
seeds are averaged for each target first. Every value of a rung is held against natural speech of the same targets.
The file does not know how rows were made.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gsv_lab.evaluation.conditions import NATURAL
from gsv_lab.evaluation.lists import TestList
from gsv_lab.evaluation.measure import Row
from gsv_lab.evaluation.similarity import equal_error, standing
from gsv_lab.evaluation.statistics import Statistic, bootstrap_all, mean_of_means, ratio_of_sums, retained

SCHEMA = 1
INVALID_PHONE_ERROR = 0.4
"""A recogniser that mishears more of natural speech than this cannot judge synthesis in that language."""

Values = dict[str, float]


class Figure(NamedTuple):
    """How one number of a table is made from the clips' columns."""

    make: Callable[..., Statistic]
    columns: tuple[str, ...]
    better: str
    """`high`, `low`, `one` (a ratio) or empty where it is neither."""


def _mean(column: str, better: str) -> Figure:
    return Figure(mean_of_means, (column,), better)


def _per_hundred(numerator: Sequence[float], denominator: Sequence[float]) -> Statistic:
    share = ratio_of_sums(numerator, denominator)
    return lambda weights: 100 * share(weights)


def _accuracy(kind: str) -> Figure:
    columns = tuple(f"{prefix}{kind}_{part}" for prefix in ("", "natural_") for part in ("errors", "count"))
    return Figure(retained, columns, "high")


FIGURES: dict[str, Figure] = {
    "word_error_rate": Figure(ratio_of_sums, ("word_errors", "word_count"), "low"),
    "retained_word_accuracy": _accuracy("word"),
    "phone_error_rate": Figure(ratio_of_sums, ("phone_errors", "phone_count"), "low"),
    "retained_phone_accuracy": _accuracy("phone"),
    "skipped_repeated_per_100": Figure(_per_hundred, ("word_slips", "word_words"), "low"),
    "skipped_repeated_per_100_by_phones": Figure(_per_hundred, ("phone_slips", "phone_words"), "low"),
    "similarity": _mean("similarity", "high"),
    "ceiling": _mean("ceiling", ""),
    "floor": _mean("floor", ""),
    "normalised_similarity": _mean("normalised", "high"),
    "nearest_share": Figure(ratio_of_sums, ("nearest", "one"), "high"),
    "accepted_share": Figure(ratio_of_sums, ("accepted", "one"), "high"),
    "dnsmos_ovrl": _mean("ovrl", "high"),
    "dnsmos_sig": _mean("sig", "high"),
    "dnsmos_bak": _mean("bak", "high"),
    "dnsmos_p808": _mean("p808", "high"),
    "dnsmos_difference": _mean("ovrl_difference", "high"),
    "f0_cents": _mean("f0_cents", "low"),
    "f0_offset_cents": _mean("f0_offset_cents", ""),
    "voicing_error": _mean("voicing_error", "low"),
    "duration_ratio": _mean("duration_ratio", "one"),
}


def tabulate(
    test_list: TestList,
    rows: Iterable[Row],
    evaluators: Mapping[str, str],
    *,
    system: str,
    seeds: Sequence[int],
    draws: int = 2000,
) -> dict[str, Any]:
    """The result of a run.

    Args:
        test_list: the list that was run.
        rows: rows of the log, natural speech among them.
        evaluators: measure name -> what measured.
        system: name and version of what spoke.
        seeds: seeds that the rows hold.
        draws: resamples for the intervals.

    Returns:
        plain values: `schema, list, system, seeds, evaluators, thresholds, invalid, rungs, clips`; in `rungs` for each
        rung `languages` and `speakers` (figure -> value, low, high, clips, groups), `failed` and `targets`.
    """
    rows = list(rows)
    scene = _Scene([row for row in rows if row["rung"] == NATURAL])
    clips = [
        {key: row[key] for key in ("rung", "seed", "speaker", "voice_language", "language", "target", "source")}
        | {"failed": row["failed"], "seconds": row["seconds"], "values": scene.values(row)}
        for row in rows
    ]
    by_rung: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for clip in clips:
        by_rung[clip["rung"]].append(clip)
    tables = {rung: _rung_table(members, draws) for rung, members in by_rung.items()}
    natural = tables.get(NATURAL, {"languages": {}})["languages"]
    errors = {language: table.get("phone_error_rate", {}).get("value") for language, table in natural.items()}
    return {
        "schema": SCHEMA,
        "list": {"name": test_list.name, "sha256": test_list.sha256, "targets": len(test_list.items)},
        "system": system,
        "seeds": list(seeds),
        "evaluators": dict(evaluators),
        "thresholds": {language: _numbers(pair) for language, pair in scene.thresholds.items()},
        "invalid": [f"phones {language}" for language, rate in errors.items() if (rate or 0) > INVALID_PHONE_ERROR],
        "rungs": tables,
        "clips": [clip | {"values": _numbers(clip["values"])} for clip in clips],
    }


class _Scene:
    """Natural speech of the list: what the other rows are held against."""

    def __init__(self, natural: Sequence[Row]) -> None:
        self.natural = {row["target"]: row for row in natural}
        self.owner = {row["reference"]: row["speaker"] for row in natural}
        self.by_language: dict[str, list[Row]] = defaultdict(list)
        for row in natural:
            if row["measures"].get("similarity"):
                self.by_language[row["voice_language"]].append(row)
        self.thresholds = {
            language: dict(zip(("threshold", "rate"), equal_error(*pairs), strict=True))
            for language, members in self.by_language.items()
            if all(pairs := self._pairs(members))
        }

    def _pairs(self, members: Sequence[Row]) -> tuple[list[float], list[float]]:
        pairs: tuple[list[float], list[float]] = ([], [])
        for row in members:
            for key, cosine in row["measures"]["similarity"]["cosines"].items():
                pairs[self.owner[key] != row["speaker"]].append(cosine)
        return pairs

    def values(self, row: Row) -> Values:
        """Everything known about one wave as numbers; what does not apply is absent."""
        measures = {name: value for name, value in row["measures"].items() if value}
        source, target = (self.natural.get(row[key], {}).get("measures", {}) for key in ("source", "target"))
        values: Values = {"one": 1.0}
        for kind in ("word", "phone"):
            if found := measures.get(f"{kind}s"):
                values |= {f"{kind}_{part}": float(found[part]) for part in ("errors", "count", "words")}
                values[f"{kind}_slips"] = float(found["skipped"] + found["repeated"])
                if nature := source.get(f"{kind}s"):
                    values |= {f"natural_{kind}_{part}": float(nature[part]) for part in ("errors", "count")}
        if found := measures.get("similarity"):
            values |= self._similarity(row, found, target.get("similarity"))
        if found := measures.get("quality"):
            values |= found
            if nature := target.get("quality"):
                values["ovrl_difference"] = found["ovrl"] - nature["ovrl"]
        return values | {key: value for key, value in measures.get("prosody", {}).items() if key != "voiced_pairs"}

    def _similarity(self, row: Row, found: Mapping[str, Any], nature: Mapping[str, Any] | None) -> Values:
        own, language = found["own"], row["voice_language"]
        others = [
            member["measures"]["similarity"]["cosines"]
            for member in self.by_language[language]
            if member["speaker"] != row["speaker"]
        ]
        rivals = [key for key in found["cosines"] if self.owner.get(key) != row["speaker"]]
        ceiling = nature["cosines"][own] if nature else math.nan
        placed = standing(found["cosines"], own, rivals, ceiling, others)
        values = {key: float(value) for key, value in placed._asdict().items() if not math.isnan(value)}
        if language in self.thresholds:
            values["accepted"] = float(placed.similarity > self.thresholds[language]["threshold"])
        return values


def _rung_table(clips: Sequence[Mapping[str, Any]], draws: int) -> dict[str, Any]:
    targets: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
    for clip in clips:
        targets[clip["language"], clip["speaker"], clip["target"]].append(clip)
    mean = {key: _mean_values([clip["values"] for clip in members]) for key, members in targets.items()}
    languages: dict[str, list[tuple[str, Values]]] = defaultdict(list)
    speakers: dict[str, list[tuple[str, Values]]] = defaultdict(list)
    for (language, speaker, _), values in mean.items():
        languages[language].append((speaker, values))
        speakers[speaker].append(("", values))
    return {
        "targets": len(mean),
        "failed": [{"target": c["target"], "seed": c["seed"], "code": c["failed"]} for c in clips if c["failed"]],
        "languages": {language: _figures(members, draws) for language, members in sorted(languages.items())},
        "speakers": {speaker: _figures(members, draws) for speaker, members in speakers.items()},
    }


def _mean_values(seeds: Sequence[Values]) -> Values:
    names = {name for values in seeds for name in values}
    known = {name: [values[name] for values in seeds if name in values] for name in sorted(names)}
    return {name: sum(numbers) / len(numbers) for name, numbers in known.items()}


def _figures(clips: Sequence[tuple[str, Values]], draws: int) -> dict[str, Any]:
    # Figures that rest on the same clips share their resamples.
    bases: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name, figure in FIGURES.items():
        usable = (n for n, (_, values) in enumerate(clips) if all(column in values for column in figure.columns))
        bases[tuple(usable)].append(name)
    table: dict[str, dict[str, float | None]] = {}
    for basis, names in bases.items():
        if basis:
            columns = {name: [[clips[n][1][c] for n in basis] for c in FIGURES[name].columns] for name in names}
            statistics = {name: FIGURES[name].make(*columns[name]) for name in names}
            estimates = bootstrap_all(statistics, [clips[n][0] for n in basis], draws=draws)
            table |= {name: _numbers(estimate._asdict()) for name, estimate in estimates.items()}
    return {name: table[name] for name in FIGURES if name in table}


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    # Six digits: finer differences are rounding of the machine, and equal runs shall give equal files.
    return {key: round(value, 6) if math.isfinite(value) else None for key, value in values.items()}
