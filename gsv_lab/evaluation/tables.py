"""Rows of an evaluation to numbers: values of clips, figures of systems with intervals, differences between systems.

Several seeds are averaged for each item first. Rates are pooled by the weights of `catalogue.MEASURES`; all else is a
mean over the clips of a speaker, then over speakers. Intervals: `gsv_lab.evaluation.statistics`. Languages are never
mixed.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import combinations
from typing import Any, NamedTuple

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.catalogue import ANCHOR, DISTANCES, named
from gsv_lab.evaluation.cells import Row
from gsv_lab.evaluation.items import NATURAL
from gsv_lab.evaluation.measures.similarity import Compared, Threshold, places
from gsv_lab.evaluation.statistics.intervals import difference, holm, interval
from gsv_lab.evaluation.statistics.resampling import bootstrap_difference, bootstrap_interval

SIMILARITY = "similarity"
DIGITS = 6
"""Significant digits of results: finer differences are rounding of the machine, and equal runs give equal files."""
DRAWS = 2000
LEVEL = 0.95


class Figure(NamedTuple):
    """A value name with its evaluator, as columns of `clips.csv`."""

    measure: str
    evaluator: str


class Cell(NamedTuple):
    """Value of one item, the mean of its seeds, and its weight where values are pooled."""

    value: float
    weight: float | None


class Table:
    """Values of all systems, by language, figure and item.

    Args:
        clips: as `clip_values` gives them.
    """

    def __init__(self, clips: Sequence[Mapping[str, Any]]) -> None:
        self.speakers: dict[str, str] = {}
        self._cells: dict[tuple[str, str, Figure], dict[str, Cell]] = defaultdict(dict)
        seeds: dict[tuple[str, str, str], list[Mapping[str, Any]]] = defaultdict(list)
        for clip in clips:
            self.speakers[clip["item"]] = clip["speaker"]
            seeds[clip["system"], clip["language"], clip["item"]].append(clip["values"])
        for (system, language, item), members in seeds.items():
            for figure, cell in _means(members).items():
                self._cells[system, language, figure][item] = cell
        self.languages = sorted({language for _, language, _ in self._cells})

    def figures(self, language: str) -> list[Figure]:
        """The figures that any system has in a language."""
        return sorted({figure for _, known, figure in self._cells if known == language})

    def cells(self, system: str, language: str, figure: Figure) -> dict[str, Cell]:
        """What a system has of a figure, by item."""
        return self._cells.get((system, language, figure), {})


def _means(members: Sequence[Mapping[str, Mapping[str, float]]]) -> dict[Figure, Cell]:
    """Means over the seeds of an item; companions of rates are their weights."""
    numbers: dict[Figure, list[float]] = defaultdict(list)
    for values in members:
        for measure, by_evaluator in values.items():
            for evaluator, value in by_evaluator.items():
                numbers[Figure(measure, evaluator)].append(value)
    means = {figure: sum(found) / len(found) for figure, found in numbers.items()}
    cells = {}
    for figure, value in means.items():
        about = named(figure.measure)
        if about.group:
            weight = means.get(Figure(about.weight, figure.evaluator)) if about.weight else None
            cells[figure] = Cell(value, weight)
    return cells


def clip_values(rows: Iterable[Row]) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Every sample with its values, and the thresholds of speaker verification by evaluator and language.

    Raises:
        ConfigError: `MEASURE_DUPLICATE`, two measures of an evaluator give the same value.
    """
    rows = [row for row in rows if not row.left_out]
    derived, thresholds = _similarities(rows)
    clips = []
    for row, more in zip(rows, derived, strict=True):
        values: dict[str, dict[str, float]] = defaultdict(dict)
        texts: dict[str, dict[str, Any]] = defaultdict(dict)
        for (name, evaluator), found in row.found.items():
            numbers = {key: value for key, value in found.items() if isinstance(value, (int, float))}
            for key, value in (numbers | more.get(evaluator, {}) if name == SIMILARITY else numbers).items():
                if evaluator in values[key]:
                    problem = f"Two measures of {evaluator!r} give {key!r} of one clip"
                    raise ConfigError("MEASURE_DUPLICATE", problem, "each value once", "Name one otherwise")
                values[key][evaluator] = rounded(value)
            if "expected" in found:
                texts[evaluator][name] = {key: found[key] for key in ("expected", "recognised")}
        sample = row.sample
        clips.append({
            "system": sample.system,
            "item": sample.item.name,
            "speaker": sample.item.speaker,
            "language": sample.language,
            "seed": sample.seed,
            "seconds": row.seconds,
            "failed": row.failed or None,
            "path": None if sample.path is None else sample.path.name,
            "values": {key: dict(sorted(found.items())) for key, found in sorted(values.items())},
            "texts": {key: dict(found) for key, found in sorted(texts.items())},
        })  # fmt: skip
    return clips, thresholds


def _similarities(rows: Sequence[Row]) -> tuple[list[dict[str, dict[str, float]]], dict[str, Any]]:
    """What follows for every row from its cosines to references and those of natural speech, by evaluator."""
    derived: list[dict[str, dict[str, float]]] = [{} for _ in rows]
    thresholds = {}
    for evaluator in sorted({key[1] for row in rows for key in row.found if key[0] == SIMILARITY}):
        numbers = [number for number, row in enumerate(rows) if (SIMILARITY, evaluator) in row.found]
        placed = places([_compared(rows[number], evaluator) for number in numbers])
        thresholds[evaluator] = {name: _numbers(pair) for name, pair in sorted(placed.thresholds.items())}
        for index, values in zip(numbers, placed.values, strict=True):
            derived[index][evaluator] = values
    return derived, thresholds


def _compared(row: Row, evaluator: str) -> Compared:
    found, item = row.found[SIMILARITY, evaluator], row.sample.item
    natural = row.sample.system == NATURAL
    return Compared(item.name, item.speaker, item.language, natural, found["own"], found["cosines"])


def figures_of(table: Table, systems: Sequence[str], draws: int = DRAWS, level: float = LEVEL) -> list[dict[str, Any]]:
    """One entry for every system, language and figure: value, intervals, and the values of its speakers."""
    entries = []
    for language in table.languages:
        for system in systems:
            found = {figure: table.cells(system, language, figure) for figure in table.figures(language)}
            found = {figure: cells for figure, cells in found.items() if cells}
            for figure, cells in found.items():
                values, weights, speakers = _columns(cells, table.speakers)
                made = interval(values, speakers, weights, level)
                drawn = bootstrap_interval(values, speakers, weights, draws, level=level)
                entries.append({
                    "system": system,
                    "language": language,
                    **figure._asdict(),
                    "value": number(made.value),
                    "t": ends(made.low, made.high),
                    "bootstrap": ends(drawn.low, drawn.high),
                    "unit": made.unit,
                    "speakers": made.speakers,
                    "items": made.clips,
                    "by_speaker": _by_speaker(values, weights, speakers),
                })  # fmt: skip
    return entries


def differences_of(
    table: Table,
    systems: Sequence[str],
    asked: Collection[str] = (),
    draws: int = DRAWS,
    level: float = LEVEL,
) -> list[dict[str, Any]]:
    """One entry for every pair of systems, language and figure that both have: the difference on their common items.

    What says nothing about a system is not asked: ceiling and floor, and what natural speech has by definition.

    Args:
        table: the values.
        systems: their names; of a pair the later one minus the earlier.
        asked: measures that are compared; all if empty. Holm's correction is over all that is compared.
        draws: resamples.
        level: of the intervals.
    """
    entries = []
    for language in table.languages:
        there = [figure for figure in table.figures(language) if named(figure.measure).group != ANCHOR]
        compared = [figure for figure in there if not asked or figure.measure in asked]
        for second, first in combinations(systems, 2):
            found = {}
            for figure in compared:
                one, two = (table.cells(system, language, figure) for system in (first, second))
                common = [item for item in one if item in two]
                trivial = NATURAL in (first, second) and figure.measure in DISTANCES
                if common and not trivial:
                    found[figure] = ({item: one[item] for item in common}, {item: two[item] for item in common})
            for figure, (one, two) in found.items():
                values, weights, speakers = _columns(one, table.speakers)
                others, other_weights, _ = _columns(two, table.speakers)
                both = None if weights is None or other_weights is None else (weights, other_weights)
                made = difference(values, others, speakers, both, level)
                drawn = bootstrap_difference(values, others, speakers, both, draws, level=level)
                entries.append({
                    "a": first,
                    "b": second,
                    "language": language,
                    **figure._asdict(),
                    "value": number(made.value),
                    "t": ends(made.low, made.high),
                    "bootstrap": ends(drawn.low, drawn.high),
                    "p": number(made.p),
                    "unit": made.unit,
                    "speakers": made.speakers,
                    "items": made.clips,
                })  # fmt: skip
    corrected = holm([math.nan if entry["p"] is None else entry["p"] for entry in entries])
    return [entry | {"p_holm": number(p)} for entry, p in zip(entries, corrected, strict=True)]


def _columns(
    cells: Mapping[str, Cell], speakers: Mapping[str, str]
) -> tuple[list[float], list[float] | None, list[str]]:
    """Values, weights (None where nothing is pooled) and speakers of some items."""
    weights = [cell.weight for cell in cells.values() if cell.weight is not None]
    pooled = weights if len(weights) == len(cells) and sum(weights) > 0 else None
    return [cell.value for cell in cells.values()], pooled, [speakers[item] for item in cells]


def _by_speaker(values: Sequence[float], weights: Sequence[float] | None, speakers: Sequence[str]) -> dict[str, Any]:
    """Mean, or pooled rate, of every speaker that has a name."""
    sums: dict[str, list[float]] = {}
    for value, weight, speaker in zip(values, weights or [1.0] * len(values), speakers, strict=True):
        if speaker:
            total = sums.setdefault(speaker, [0.0, 0.0])
            total[0] += weight * value
            total[1] += weight
    return {speaker: number(above / below) for speaker, (above, below) in sorted(sums.items()) if below}


def _numbers(pair: Threshold) -> dict[str, float]:
    return {name: rounded(value) for name, value in pair._asdict().items()}


def rounded(value: float) -> float:
    """A number to the digits of results.

    >>> rounded(0.123456789), rounded(12345678.9), rounded(0.0)
    (0.123457, 12345700.0, 0.0)
    """
    return float(f"{value:.{DIGITS}g}")


def number(value: float) -> float | None:
    """A number to the digits of results, None where there is none."""
    return rounded(value) if math.isfinite(value) else None


def ends(low: float, high: float) -> list[float] | None:
    """An interval to the digits of results, None where there is none."""
    return [rounded(low), rounded(high)] if math.isfinite(low) and math.isfinite(high) else None
