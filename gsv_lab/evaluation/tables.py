"""Rows of a run to tables: per clip, per speaker and per language, with intervals.

Errors are pooled over clips; similarities, quality, prosody and timing are means over targets, then over speakers;
several seeds are averaged for each target first. Every value of a condition is held against natural speech of the same
targets.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from gsv_lab.evaluation.conditions import NATURAL
from gsv_lab.evaluation.lists import TestList
from gsv_lab.evaluation.measures import Row
from gsv_lab.evaluation.measures.similarity import standing
from gsv_lab.evaluation.statistics.resampling import (
    Statistic,
    bootstrap_all,
    mean_of_means,
    ratio_of_sums,
    retained,
)
from gsv_lab.evaluation.statistics.verification import equal_error

SCHEMA = 3
INVALID_PHONE_ERROR = 0.4
"""A recogniser with a higher error rate on natural speech of a language cannot evaluate synthesis in it."""

Values = dict[str, float]
"""Numbers of one clip, by name; what does not apply is absent."""
Table = dict[str, dict[str, float | None]]
"""Figure -> value, low, high, clips, groups."""


class Figure(NamedTuple):
    """How one number of a table is made: a statistic of the clips' columns."""

    make: Callable[..., Statistic]
    columns: tuple[str, ...]


def _per_hundred(numerator: Sequence[float], denominator: Sequence[float]) -> Statistic:
    return ratio_of_sums([100 * value for value in numerator], denominator)


def _mean(column: str) -> Figure:
    return Figure(mean_of_means, (column,))


def _share(column: str) -> Figure:
    return Figure(ratio_of_sums, (column, "one"))


def _accuracy(measure: str) -> Figure:
    columns = ("errors", "count", "natural_errors", "natural_count")
    return Figure(retained, tuple(f"{measure}.{column}" for column in columns))


def error_figures(measure: str) -> dict[str, Figure]:
    """Figures of a measure that counts errors.

    Its name is a unit, or a unit and by whom it is recognised: `words_tiny_en` gives `word_error_rate_by_tiny_en` and
    `skipped_repeated_per_100_by_words_tiny_en`.
    """
    unit, _, by = measure.partition("_")
    suffix = f"_by_{by}" if by else ""
    return {
        f"{unit[:-1]}_error_rate{suffix}": Figure(ratio_of_sums, (f"{measure}.errors", f"{measure}.count")),
        f"retained_{unit[:-1]}_accuracy{suffix}": _accuracy(measure),
        f"skipped_repeated_per_100_by_{measure}": Figure(_per_hundred, (f"{measure}.slips", f"{measure}.words")),
    }


FIGURES: dict[str, Figure] = {
    "similarity": _mean("similarity"),
    "ceiling": _mean("ceiling"),
    "floor": _mean("floor"),
    "normalised_similarity": _mean("normalised"),
    "nearest_share": _share("nearest"),
    "accepted_share": _share("accepted"),
    "dnsmos_ovrl": _mean("ovrl"),
    "dnsmos_sig": _mean("sig"),
    "dnsmos_bak": _mean("bak"),
    "dnsmos_p808": _mean("p808"),
    "dnsmos_difference": _mean("ovrl_difference"),
    "duration_error": _mean("duration_error"),
    "duration_correlation": _mean("duration_correlation"),
    "silence": _mean("silence"),
    "duration_ratio": _mean("duration_ratio"),
    "f0_correlation": _mean("f0_correlation"),
    "f0_spread": Figure(ratio_of_sums, ("f0_spread_cents", "natural_f0_spread_cents")),
    "f0_cents": _mean("f0_cents"),
    "f0_offset_cents": _mean("f0_offset_cents"),
    "voicing_error": _mean("voicing_error"),
}
"""Figures beside those of `error_figures`."""
_CLIP_KEYS = ("condition", "seed", "speaker", "voice_language", "language", "target", "source", "failed", "seconds")


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
        plain values: `schema, list, system, seeds, evaluators, thresholds, invalid, conditions, clips`; in `conditions`
        for each one `languages` and `speakers` (figure -> value, low, high, clips, groups), `failed` and `targets`.
    """
    rows = list(rows)
    natural = _NaturalSpeech([row for row in rows if row["condition"] == NATURAL])
    clips = []
    by_condition: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        clip = {key: row[key] for key in _CLIP_KEYS}
        clip["values"] = natural.values(row)
        clip["texts"] = {
            name: _texts(found) for name, found in row["measures"].items() if found and "expected" in found
        }
        clips.append(clip)
        by_condition[clip["condition"]].append(clip)
    counts = {name for row in rows for name, found in row["measures"].items() if found and "errors" in found}
    counting = [name for name in evaluators if name in counts]
    figures = {key: figure for name in counting for key, figure in error_figures(name).items()} | FIGURES
    tables = {name: _condition_table(members, figures, draws) for name, members in by_condition.items()}
    return {
        "schema": SCHEMA,
        "list": {"name": test_list.name, "sha256": test_list.sha256, "targets": len(test_list.items)},
        "system": system,
        "seeds": list(seeds),
        "evaluators": dict(evaluators),
        "thresholds": {language: _numbers(pair) for language, pair in natural.thresholds.items()},
        "invalid": _invalid(tables),
        "conditions": tables,
        "clips": [clip | {"values": _numbers(clip["values"])} for clip in clips],
    }


def _texts(found: Mapping[str, Any]) -> dict[str, str]:
    """What a recogniser should have found and what it found, as they were compared."""
    return {"expected": found["expected"], "recognised": found["recognised"]}


def _invalid(tables: Mapping[str, Any]) -> list[str]:
    """Measures that may not be used in a language, since their evaluator fails on natural speech."""
    if NATURAL not in tables:
        return []
    found = []
    for language, table in tables[NATURAL]["languages"].items():
        rate = table.get("phone_error_rate", {}).get("value")
        if rate is not None and rate > INVALID_PHONE_ERROR:
            found.append(f"phones {language}")
    return found


class _NaturalSpeech:
    """Natural speech of the list, which the other rows are held against."""

    def __init__(self, rows: Sequence[Row]) -> None:
        self.by_target = {row["target"]: row for row in rows}
        self.owner = {row["reference"]: row["speaker"] for row in rows}
        self.by_language: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            if row["measures"].get("similarity"):
                self.by_language[row["voice_language"]].append(row)
        self.thresholds = {}
        for language, members in self.by_language.items():
            same, different = self._pairs(members)
            if same and different:
                threshold, rate = equal_error(same, different)
                self.thresholds[language] = {"threshold": threshold, "rate": rate}

    def _pairs(self, members: Sequence[Row]) -> tuple[list[float], list[float]]:
        """Cosines of targets to references of their own speaker, and to those of others."""
        same: list[float] = []
        different: list[float] = []
        for row in members:
            for key, cosine in row["measures"]["similarity"]["cosines"].items():
                pairs = same if self.owner[key] == row["speaker"] else different
                pairs.append(cosine)
        return same, different

    def values(self, row: Row) -> Values:
        """Everything known about one wave as numbers."""
        measures = {name: value for name, value in row["measures"].items() if value}
        same_text = self._measures(row["source"])
        same_voice = self._measures(row["target"])
        values: Values = {"one": 1.0}
        for name, found in measures.items():
            if "errors" in found:
                values |= _error_values(name, found, same_text.get(name))
        if "similarity" in measures:
            values |= self._similarity(row, measures["similarity"], same_voice.get("similarity"))
        if "quality" in measures:
            values |= measures["quality"]
            if same_voice.get("quality"):
                values["ovrl_difference"] = measures["quality"]["ovrl"] - same_voice["quality"]["ovrl"]
        prosody = {key: value for key, value in measures.get("prosody", {}).items() if key != "voiced_pairs"}
        return values | prosody | measures.get("timing", {})

    def _measures(self, target: str) -> Mapping[str, Any]:
        """What was measured of the recording of a target."""
        return self.by_target[target]["measures"] if target in self.by_target else {}

    def _similarity(self, row: Row, found: Mapping[str, Any], recording: Mapping[str, Any] | None) -> Values:
        own = found["own"]
        language = row["voice_language"]
        others = []
        for member in self.by_language[language]:
            if member["speaker"] != row["speaker"]:
                others.append(member["measures"]["similarity"]["cosines"])
        rivals = [key for key in found["cosines"] if self.owner.get(key) != row["speaker"]]
        ceiling = recording["cosines"][own] if recording else math.nan
        place = standing(found["cosines"], own, rivals, ceiling, others)
        values = {key: float(value) for key, value in place._asdict().items() if not math.isnan(value)}
        if language in self.thresholds:
            values["accepted"] = float(place.similarity > self.thresholds[language]["threshold"])
        return values


def _error_values(name: str, found: Mapping[str, Any], recording: Mapping[str, Any] | None) -> Values:
    """Errors by a measure, and those of the recording of the same text."""
    values = {
        f"{name}.errors": float(found["errors"]),
        f"{name}.count": float(found["count"]),
        f"{name}.words": float(found["words"]),
        f"{name}.slips": float(found["skipped"] + found["repeated"]),
    }
    if recording:
        values[f"{name}.natural_errors"] = float(recording["errors"])
        values[f"{name}.natural_count"] = float(recording["count"])
    return values


def _condition_table(
    clips: Sequence[Mapping[str, Any]],
    figures: Mapping[str, Figure],
    draws: int,
) -> dict[str, Any]:
    targets: dict[tuple[str, str, str], list[Values]] = defaultdict(list)
    failed = []
    for clip in clips:
        targets[clip["language"], clip["speaker"], clip["target"]].append(clip["values"])
        if clip["failed"]:
            failed.append({"target": clip["target"], "seed": clip["seed"], "code": clip["failed"]})
    languages: dict[str, list[tuple[str, Values]]] = defaultdict(list)
    speakers: dict[str, list[tuple[str, Values]]] = defaultdict(list)
    for (language, speaker, _), seeds in targets.items():
        mean = _mean_values(seeds)
        languages[language].append((speaker, mean))
        speakers[speaker].append(("", mean))
    return {
        "targets": len(targets),
        "failed": failed,
        "languages": {language: _figures(members, figures, draws) for language, members in sorted(languages.items())},
        "speakers": {speaker: _figures(members, figures, draws) for speaker, members in speakers.items()},
    }


def _mean_values(seeds: Sequence[Values]) -> Values:
    known: dict[str, list[float]] = defaultdict(list)
    for values in seeds:
        for name, value in values.items():
            known[name].append(value)
    return {name: sum(numbers) / len(numbers) for name, numbers in sorted(known.items())}


def _figures(clips: Sequence[tuple[str, Values]], figures: Mapping[str, Figure], draws: int) -> Table:
    """All figures of some clips, each given as its group and its values."""
    # Figures that rest on the same clips share their resamples.
    names_by_clips: dict[tuple[int, ...], list[str]] = defaultdict(list)
    for name, figure in figures.items():
        usable = [number for number, (_, values) in enumerate(clips) if values.keys() >= set(figure.columns)]
        names_by_clips[tuple(usable)].append(name)
    table: Table = {}
    for numbers, names in names_by_clips.items():
        if not numbers:
            continue
        chosen = [clips[number][1] for number in numbers]
        groups = [clips[number][0] for number in numbers]
        statistics = {}
        for name in names:
            columns = [[values[column] for values in chosen] for column in figures[name].columns]
            statistics[name] = figures[name].make(*columns)
        for name, estimate in bootstrap_all(statistics, groups, draws=draws).items():
            table[name] = _numbers(estimate._asdict())
    return {name: table[name] for name in figures if name in table}


def _numbers(values: Mapping[str, float]) -> dict[str, float | None]:
    # Six digits: finer differences are rounding of the machine, and equal runs shall give equal files.
    return {key: round(value, 6) if math.isfinite(value) else None for key, value in values.items()}
