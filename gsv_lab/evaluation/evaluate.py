"""One call from systems and a list to a folder with results: `gsv-lab evaluate`.

    results = evaluate(["theirs", "ours"], read_list("list.csv"), "results", measures=measures_for(...))

Written are `clips.csv` (one row a value), `results.json`, `timing.json` (all that comes from a clock or a machine),
`report.html`, and `cells.jsonl`, by which the next run measures only what is new.
"""

from __future__ import annotations

import csv
import io
import json
import statistics
import time
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError, DataError
from gsv_lab.evaluation.catalogue import ANCHOR, MEASURES, SCHEMA
from gsv_lab.evaluation.cells import Cells, Progress, Row, Runner, Spent
from gsv_lab.evaluation.evaluators import Absent
from gsv_lab.evaluation.identity import identity_of
from gsv_lab.evaluation.items import NATURAL
from gsv_lab.evaluation.lists import TestList
from gsv_lab.evaluation.measures import Measure
from gsv_lab.evaluation.measures.checks import check_measures
from gsv_lab.evaluation.report.page import report_page
from gsv_lab.evaluation.systems import UNSUPPORTED, System, folder_of, natural_system
from gsv_lab.evaluation.tables import (
    DRAWS,
    LEVEL,
    SIMILARITY,
    Table,
    clip_values,
    differences_of,
    figures_of,
    rounded,
)
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.folders import locked
from gsv_lab.system.provenance import provenance

COLUMNS = ("system", "item", "speaker", "language", "seed", "measure", "value", "evaluator")
CELLS = "cells.jsonl"
NARROW = 0.8
"""Systems whose bandwidths differ by more than this factor are compared under a warning."""
INVALID = 0.4
"""A recogniser that misses a larger share of natural speech of a language says nothing about synthesis in it."""
_RATES = ("word_error", "syllable_error", "phone_error")


def evaluate(
    systems: Iterable[System | str | Path],
    test_list: TestList,
    output: str | Path,
    *,
    measures: Sequence[Measure],
    absent: Sequence[Absent] = (),
    compare: Collection[str] = (),
    reuse: Iterable[str | Path] = (),
    settings: Mapping[str, Any] | None = None,
    draws: int = DRAWS,
    workers: int = 2,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Measures every wave of some systems, and the natural recordings of the list beside them.

    Args:
        systems: folders of waves, named by items or by a manifest (see `folder_system`), or systems.
        test_list: what is said; see `gsv_lab.evaluation.lists`.
        output: folder of the results; what an earlier run there has measured is not measured again.
        measures: see `gsv_lab.evaluation.evaluators.measures_for`, and `Measure` for one of your own.
        absent: measures that this installation cannot make, with the reason, as `measures_for` gives them.
        compare: measures whose differences between systems are asked for; all if empty.
        reuse: output folders of other evaluations, whose cells serve as well.
        settings: more that the results shall state about how the systems were made.
        draws: resamples of the bootstrap.
        workers: how many waves are worked on at once.
        progress: called before each wave.

    Returns:
        what `results.json` holds.

    Raises:
        ConfigError: `MEASURE_NONE`, `MEASURE_INVALID`, `MEASURE_DUPLICATE`; `MEASURE_UNKNOWN`, of what is compared;
            `SYSTEM_NAME`, two systems of one name, one without a name, or one called natural.
        DataError: what is wrong with folders and recordings. LabError: `SAVE_FAILED`; `IN_USE`, another evaluation
            writes into that folder; `MEASURE_FAILED`.
    """
    check_measures(measures)
    _check_compare(compare, measures)
    made = [each if isinstance(each, System) else folder_of(each, test_list) for each in systems]
    _check_names(made)
    everything = [natural_system(test_list.items), *made]
    earlier = [_cells_of(Path(other)) for other in reuse]
    with locked(make_folder(output), "evaluated in"):
        folder = Path(output)
        start = time.perf_counter()
        runner = Runner(measures, Cells(folder / CELLS, earlier), workers)
        rows = runner.rows([sample for system in everything for sample in system.samples], progress)
        results = _results(everything, test_list, rows, measures, absent, compare, draws, dict(settings or {}))
        timing = _timing(runner.spent, time.perf_counter() - start)
        _save(folder, results, timing, rows, test_list)
    return results


def _save(
    folder: Path, results: Mapping[str, Any], timing: Mapping[str, Any], rows: Sequence[Row], test_list: TestList
) -> None:
    sounds = {(row.sample.system, row.sample.item.name, row.sample.seed): row.sample.path for row in rows}
    references = {item.name: item.reference.path for item in test_list.items if item.reference is not None}
    save_bytes(folder / "clips.csv", _clips_csv(results["clips"]).encode())
    save_bytes(folder / "results.json", _json(results))
    save_bytes(folder / "timing.json", _json(timing))
    page = report_page(results, timing, {key: path for key, path in sounds.items() if path is not None}, references)
    save_bytes(folder / "report.html", page.encode())


def _cells_of(folder: Path) -> Path:
    """The cells of an earlier evaluation."""
    if not (folder / CELLS).is_file():
        problem = f"{folder.name!r} holds no {CELLS}"
        raise DataError("DATA_MISSING", problem, "the output folder of an evaluation", "Check --reuse")
    return folder / CELLS


def _check_compare(compare: Collection[str], measures: Sequence[Measure]) -> None:
    """Refuse to compare what no measure gives; only the kit's own measures say beforehand all that they give."""
    asked = [compare] if isinstance(compare, str) else compare
    comparable = [name for name, about in MEASURES.items() if about.group not in ("", ANCHOR)]
    foreign = [measure.name for measure in measures if measure.name not in MEASURES]
    for name in asked:
        known = name in comparable or name in foreign or (foreign and name not in MEASURES)
        if isinstance(compare, str) or not known:
            problem = f"Nothing that can be compared is called {name!r}"
            raise ConfigError("MEASURE_UNKNOWN", problem, f"a sequence out of {', '.join([*comparable, *foreign])}")


def _check_names(systems: Sequence[System]) -> None:
    names = Counter(system.name for system in systems)
    doubled = [name for name, count in names.items() if count > 1 or name == NATURAL or not name.strip()]
    if doubled:
        problem = f"There are several systems called {doubled[0]!r}" if doubled[0].strip() else "A system has no name"
        if doubled[0] == NATURAL:
            problem = f"A system is called {NATURAL!r}, as the recordings of the list are"
        raise ConfigError("SYSTEM_NAME", problem, "a name each", "Name one: NAME=FOLDER")


def _results(
    systems: Sequence[System],
    test_list: TestList,
    rows: Sequence[Row],
    measures: Sequence[Measure],
    absent: Sequence[Absent],
    compare: Collection[str],
    draws: int,
    settings: Mapping[str, Any],
) -> dict[str, Any]:
    clips, thresholds = clip_values(rows)
    table = Table(clips)
    present = {clip["system"] for clip in clips}
    names = [system.name for system in systems if system.name in present]
    figures = figures_of(table, names, draws)
    about = {system.name: _about(system, rows) for system in systems if system.samples or system.missing}
    results = {
        "schema": SCHEMA,
        "list": {"name": test_list.name, "sha256": test_list.sha256, "items": len(test_list.items)},
        "settings": {"draws": draws, "level": LEVEL, "compare": sorted(compare), **settings},
        "evaluators": _evaluators(rows, clips, measures),
        "not_measured": _not_measured(systems, rows, absent),
        "systems": about,
        "figures": figures,
        "differences": differences_of(table, names, compare, draws),
        "thresholds": thresholds,
        "clips": clips,
    }
    return results | {"warnings": _warnings(results)}


def _about(system: System, rows: Sequence[Row]) -> dict[str, Any]:
    """What there is of a system."""
    own = [row for row in rows if row.sample.system == system.name]
    failed = [row for row in own if row.failed and row.failed != UNSUPPORTED]
    bands = [found["band_hz"] for row in own for found in row.found.values() if "band_hz" in found]
    return {
        "samples": len(own),
        "items": len({row.sample.item.name for row in own if not row.left_out}),
        "missing": list(system.missing),
        "extra": list(system.extra),
        "failed": [{"item": row.sample.item.name, "seed": row.sample.seed, "code": row.failed} for row in failed],
        "left_out": sum(row.left_out for row in own),
        "rates": dict(sorted(Counter(str(row.sample_rate) for row in own if not row.failed).items())),
        "band_hz": rounded(statistics.median(bands)) if bands else None,
        "sounds": identity_of([row.sample.sound for row in own]),
    }


def _evaluators(rows: Sequence[Row], clips: Sequence[Mapping[str, Any]], measures: Sequence[Measure]) -> list[Any]:
    """Who measured what: one entry for every value of every measure, those that follow from similarity among them."""
    identities = {(measure.name, measure.evaluator): measure.identity for measure in measures}
    sources: dict[tuple[str, str], str] = {}
    for row in rows:
        for (name, evaluator), found in row.found.items():
            sources |= {(value, evaluator): identities[name, evaluator] for value in found}
    given = {(name, evaluator) for clip in clips for name, values in clip["values"].items() for evaluator in values}
    entries = []
    for name, evaluator in sorted(given):
        identity = sources.get((name, evaluator)) or identities[SIMILARITY, evaluator]
        entries.append({"measure": name, "evaluator": evaluator, "identity": identity})
    return entries


def _not_measured(systems: Sequence[System], rows: Sequence[Row], absent: Sequence[Absent]) -> list[dict[str, Any]]:
    """What is not in the results and why: absent evaluators, clips that lack something, conditions without waves."""
    entries = [{"system": "", "clips": 0, **entry} for entry in absent]
    lacking: Counter[tuple[str, str, str, str]] = Counter()
    for row in rows:
        for (name, evaluator), need in row.lacking.items():
            lacking[row.sample.system, name, evaluator, need] += 1
    for (spoken_by, name, evaluator, need), count in sorted(lacking.items()):
        what = {"text": "a text", "reference": "a reference", "natural": "a natural recording of the text"}[need]
        entry = {"system": spoken_by, "measure": name, "evaluator": evaluator, "clips": count}
        entries.append({**entry, "reason": f"{count} clips have no {what.partition(' ')[2]}"})
    for system in systems:
        own = [row for row in rows if row.sample.system == system.name]
        if own and all(row.failed == UNSUPPORTED for row in own):
            reason = "This model does not support it"
            entries.append({"system": system.name, "measure": "", "evaluator": "", "clips": len(own), "reason": reason})
    return entries


def _warnings(results: Mapping[str, Any]) -> list[str]:
    """What a reader must know before the numbers."""
    found = []
    speakers_of: dict[str, int] = {}
    for figure in results["figures"]:
        language = figure["language"]
        speakers_of[language] = max(speakers_of.get(language, 0), figure["speakers"])
    for language, speakers in sorted(speakers_of.items()):
        if speakers > 1:
            continue
        only = "One speaker" if speakers else "No speaker is named"
        found.append(f"{language}: {only}: intervals are over clips, and say nothing about other speakers.")
    for name, system in results["systems"].items():
        if system["missing"] and name != NATURAL:
            found.append(f"{name}: {len(system['missing'])} of {results['list']['items']} items have no wave.")
        if system["left_out"] and system["failed"]:
            codes = ", ".join(sorted({failure["code"] for failure in system["failed"]}))
            found.append(f"{name}: {system['left_out']} waves could not be read and are left out ({codes}).")
        if system["extra"]:
            found.append(
                f"{name}: {len(system['extra'])} waves are no items of the list, first {system['extra'][0]!r}."
            )
        if len(system["rates"]) > 1 and name != NATURAL:
            found.append(f"{name}: waves have several rates: {', '.join(system['rates'])} Hz.")
    found += _same_waves(results["systems"])
    bands = {name: system["band_hz"] or _nyquist(system) for name, system in results["systems"].items()}
    bands = {name: band for name, band in bands.items() if band}
    if bands and min(bands.values()) < NARROW * max(bands.values()):
        each = ", ".join(f"{name} {band:.0f} Hz" for name, band in bands.items())
        found.append(f"Bandwidths differ: {each}. What is heard above the narrowest is not compared fairly by ear.")
    for figure in results["figures"]:
        natural_rate = figure["system"] == NATURAL and figure["measure"] in _RATES and (figure["value"] or 0) > INVALID
        if natural_rate:
            who = f"{figure['evaluator']} ({figure['measure']}, {figure['language']})"
            found.append(f"{who} misses {figure['value']:.0%} of natural speech: not valid here.")
    return found


def _same_waves(systems: Mapping[str, Any]) -> list[str]:
    """Systems whose waves are the same bytes, which is mostly a mistake in what was given."""
    by_sounds: dict[str, list[str]] = {}
    for name, system in systems.items():
        if system["samples"]:
            by_sounds.setdefault(system["sounds"], []).append(name)
    return [f"{' and '.join(names)} are the same waves." for names in by_sounds.values() if len(names) > 1]


def _nyquist(system: Mapping[str, Any]) -> float:
    """Hz that a system's waves cannot hold more than, where its band was not measured; 0 where nothing was read."""
    return max((int(rate) / 2 for rate in system["rates"]), default=0.0)


def _timing(spent: Spent, seconds: float) -> dict[str, Any]:
    return {
        **provenance(),
        "seconds": round(seconds, 2),
        "measured": {"samples": spent.samples, "cells": spent.cells},
        "evaluator_seconds": {name: round(value, 2) for name, value in sorted(spent.seconds.items())},
    }


def _clips_csv(clips: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(COLUMNS)
    for clip in clips:
        head = [clip["system"], clip["item"], clip["speaker"], clip["language"]]
        for measure, values in clip["values"].items():
            for evaluator, value in values.items():
                rows.writerow([*head, "" if clip["seed"] is None else clip["seed"], measure, value, evaluator])
    return text.getvalue()


def _json(value: Any) -> bytes:
    return (json.dumps(value, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n").encode()
