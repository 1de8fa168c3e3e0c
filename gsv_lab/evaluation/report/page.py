"""`report.html` of an evaluation: one file without scripts, with its sounds and pictures in it.

What a reader has to know before any number comes first (warnings, what is missing), then tables by language, the
differences between systems, what can be heard, and last how it was measured. The same numbers are in `results.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.catalogue import GROUPS, SCHEMA, named, shown
from gsv_lab.evaluation.items import NATURAL
from gsv_lab.evaluation.report.clips import MEDIA, Sounds, Waves, examples, worst
from gsv_lab.evaluation.report.differences import differences
from gsv_lab.evaluation.report.parts import (
    Column,
    Results,
    cell,
    columns_of,
    flat,
    grid,
    grouped,
    language_name,
    single_note,
    span,
    systems_of,
)
from gsv_lab.evaluation.report.texts import transcripts
from gsv_lab.system import page
from gsv_lab.system.page import Html

NOTES = {
    "words": "An error rate says as much about the recogniser as about the voice: read it beside natural speech.",
    "quality": (
        "A prediction by a network, not the opinion of listeners, and only its difference to natural speech says "
        "anything. Natural speech stands with its own value; every other system with its difference to it on the same "
        "items, and in small the value itself."
    ),
    "signal": (
        "Mel-cepstral distortion after time alignment; what else stands here only where a system follows the natural "
        "recording sample by sample. Another reading of a text is far from it in any case."
    ),
}
"""What is said above the table of a group."""

Row = Mapping[str, Any]


def report_page(
    results: Results, timing: Mapping[str, Any], sounds: Sounds, references: Mapping[str, Path] | None = None
) -> str:
    """The whole page.

    Args:
        results: what `results.json` holds.
        timing: what `timing.json` holds: whatever comes from a clock or a machine.
        sounds: (system, item, seed) -> file; natural recordings under the system `natural` and the seed None. What is
            not there is not heard, and nothing else changes.
        references: item -> file of the reference clip.

    Raises:
        ConfigError: `RESULT_VERSION`, results of another version of the format.
    """
    if results.get("schema") != SCHEMA:
        raise ConfigError("RESULT_VERSION", f"The result has format {results.get('schema')!r}", f"format {SCHEMA}")
    # Mappings in the order of `results.json`, so that the page is the same when it is made from the file.
    results, timing = (json.loads(json.dumps(value, sort_keys=True)) for value in (results, timing))
    waves = Waves(sounds, references or {})
    sections = {
        "compared": ("What was compared", _compared(results)),
        "tables": ("Results", _tables(results)),
        "differences": ("Differences", differences(results)),
        "anchors": ("Thresholds, ceiling and floor", _anchors(results)),
        "speakers": ("Every speaker", _speakers(results)),
        "missing": ("What was not measured", _not_measured(results)),
        "failures": ("Failures", _failures(results)),
        "examples": ("To hear", examples(results, waves)),
    }
    used = sum(map(len, sections["examples"][1]))
    sections |= {
        "worst": ("The worst clips of each measure", worst(results, waves, MEDIA - used)),
        "texts": ("What was heard", transcripts(results)),
        "how": ("How it was measured", _how(results, timing)),
    }
    sections = {anchor: section for anchor, section in sections.items() if section[1]}
    parts = [page.joined(page.heading(title, 2, anchor), *body) for anchor, (title, body) in sections.items()]
    names = {anchor: title for anchor, (title, _) in sections.items()}
    return page.document(_title(results), _lead(results), _warnings(results), page.contents(names), *parts, wide=True)


def _title(results: Results) -> str:
    made = [name for name in systems_of(results) if name != NATURAL]
    if len(made) > 3:
        return f"Evaluation of {len(made)} systems"
    return f"Evaluation of {', '.join(made) or 'natural speech'}"


def _lead(results: Results) -> Html:
    clips = results["clips"]
    speakers = {clip["speaker"] for clip in clips if clip["speaker"]}
    languages = ", ".join(language_name(code) for code in sorted({clip["language"] for clip in clips}))
    names = ", ".join("natural speech" if name == NATURAL else name for name in systems_of(results))
    counts = (
        f"{results['list']['items']} items of {len(speakers) or 'unknown'} speakers in {languages or 'no language'}"
    )
    return page.paragraph(
        f"Compared: {names}; list {results['list']['name']}: {counts}, {len(clips)} clips. Values are means over "
        "speakers, error rates are pooled over all words; below them stands the interval by Student's t over speakers."
    )


def _warnings(results: Results) -> Html:
    if not results["warnings"]:
        return Html()
    return page.joined(page.paragraph(page.strong("Before you read the numbers"), kind="warning"),
                       page.listing(results["warnings"], "warning"))  # fmt: skip


def _compared(results: Results) -> list[Html]:
    head = ("system", "clips", "items", "missing", "failed", "not in the list", "sample rates", "bandwidth")
    rows = []
    for name in systems_of(results):
        system = results["systems"][name]
        rates = ", ".join(f"{rate} Hz: {count}" for rate, count in system["rates"].items())
        band = shown("band_hz", system["band_hz"], unit=True)
        missing, failed = len(system["missing"]), len(system["failed"])
        noted = [page.warning(count) if count else count for count in (missing, failed)]
        rows.append([name, system["samples"], system["items"], *noted, len(system["extra"]), rates, band])
    names = [_names(name, results["systems"][name]) for name in systems_of(results)]
    return [page.flow(page.table(head, rows)), *names]


def _names(name: str, system: Row) -> Html:
    """Which items are missing or too many, folded."""
    lists = {"missing": system["missing"], "not in the list": system["extra"]}
    found = [page.paragraph(f"{kind}: {', '.join(items)}") for kind, items in lists.items() if items]
    return page.fold(f"Items of {name} that are missing or too many", *found) if found else Html()


def _tables(results: Results) -> list[Html]:
    """The tables of each language, a group of measures each."""
    parts = []
    minus = {_key(row, row["a"]): row for row in results["differences"] if row["b"] == NATURAL}
    for language in sorted({row["language"] for row in results["figures"]}):
        rows = [row for row in results["figures"] if row["language"] == language]
        groups = []
        for group, columns in grouped(columns_of(rows)).items():
            if group == "anchor":
                continue
            note = page.paragraph(NOTES[group], kind="note") if group in NOTES else ""
            lines = {name: _line(rows, name, minus if group == "quality" else {}) for name in systems_of(results)}
            groups.append(page.joined(page.heading(GROUPS[group], 4), note, grid("system", lines, columns)))
        parts += [page.heading(language_name(language), 3), page.flow(*groups), single_note(rows)]
    return parts


def _key(row: Row, system: str) -> tuple[str, ...]:
    return system, row["language"], row["measure"], row["evaluator"]


def _line(rows: list[Row], system: str, minus: Mapping[tuple[str, ...], Row]) -> dict[Column, Html]:
    """Cells of a system; where `minus` has its difference to natural speech, that stands first."""
    found = {}
    for row in rows:
        if row["system"] != system:
            continue
        difference = minus.get(_key(row, system))
        if difference is None:
            found[row["measure"], row["evaluator"]] = cell(row)
        else:
            itself = f"itself {shown(row['measure'], row['value'])}"
            found[row["measure"], row["evaluator"]] = cell(difference, itself, signed=True)
    return found


def _speakers(results: Results) -> list[Html]:
    """Values of every speaker, folded by language and system; nothing where no figure tells speakers apart."""
    parts = []
    for language in sorted({row["language"] for row in results["figures"]}):
        for system in systems_of(results):
            lines: dict[str, dict[Column, Html]] = {}
            rows = [row for row in results["figures"] if row["language"] == language and row["system"] == system]
            for row in rows:
                for speaker, value in row["by_speaker"].items():
                    text = page.value(shown(row["measure"], value))
                    lines.setdefault(speaker or "unknown", {})[row["measure"], row["evaluator"]] = text
            if lines:
                body = grid("speaker", dict(sorted(lines.items())), columns_of(rows))
                parts.append(page.fold(f"{language_name(language)}, {system}: {len(lines)} speakers", page.flow(body)))
    return parts


def _anchors(results: Results) -> list[Html]:
    """What a similarity is measured by: ceiling, floor, and the threshold of acceptance."""
    figures = [row for row in results["figures"] if named(row["measure"]).group == "anchor"]
    tables = []
    for language in sorted({row["language"] for row in figures}):
        rows = [row for row in figures if row["language"] == language]
        lines = {name: _line(rows, name, {}) for name in systems_of(results)}
        tables.append(page.joined(page.heading(language_name(language), 4), grid("system", lines, columns_of(rows))))
    thresholds = []
    for evaluator, languages in results["thresholds"].items():
        for language, found in languages.items():
            values = (shown("similarity", found["threshold"]), shown("word_error", found["rate"], unit=True))
            thresholds.append((evaluator, language_name(language), *values))
    parts = []
    if tables:
        says = (
            "Ceiling: natural recordings of the items against their references. Floor: natural recordings of other "
            "speakers against them."
        )
        parts += [page.paragraph(says, kind="note"), page.flow(*tables)]
    if thresholds:
        says = "A clip is accepted above the threshold at which natural pairs have equal errors of both kinds."
        head = ("evaluator", "language", "threshold", "equal-error rate")
        parts += [page.paragraph(says, kind="note"), page.table(head, thresholds)]
    return [*parts, single_note(figures)] if parts else []


def _not_measured(results: Results) -> list[Html]:
    rows = []
    for row in results["not_measured"]:
        who, clips = row["system"] or "all", row["clips"] or "all"
        rows.append([who, named(row["measure"]).heading or "all", row["evaluator"] or "–", clips, row["reason"]])
    head = ("system", "measure", "evaluator", "clips", "why")
    return [page.table(head, rows, stack=True)] if rows else []


def _failures(results: Results) -> list[Html]:
    rows = []
    for name in systems_of(results):
        rows += [(name, row["item"], row["seed"], row["code"]) for row in results["systems"][name]["failed"]]
    says = "What was not spoken, or is empty, counts as silence; a file that cannot be read counts in no mean."
    return [page.paragraph(says, kind="warning"), page.table(("system", "item", "seed", "code"), rows)] if rows else []


def _how(results: Results, timing: Mapping[str, Any]) -> list[Html]:
    """Evaluators, settings, hashes, machine, and both intervals of every figure."""
    judges: dict[tuple[str, str], list[str]] = {}
    for row in results["evaluators"]:
        judges.setdefault((row["evaluator"], row["identity"]), []).append(row["measure"])
    judged = [(evaluator, ", ".join(names), identity) for (evaluator, identity), names in judges.items()]
    hashes = [("list", results["list"]["sha256"])]
    hashes += [(f"sounds of {name}", results["systems"][name]["sounds"]) for name in systems_of(results)]
    return [
        page.table(("evaluator", "values", "identity"), judged, stack=True),
        page.heading("Intervals", 3),
        page.paragraph(
            "Intervals above are by Student's t over the means of speakers. The bootstrap over speakers, then their "
            "clips, stands beside each of them under ", page.strong("bootstrap"), " in results.json and below. "
            "With few speakers it is too narrow, so it is not the one to quote.",
        ),
        page.fold(f"Both intervals of all {len(results['figures'])} figures", _both(results)),
        page.heading("Settings", 3),
        page.table(("setting", "value"), flat(results["settings"])),
        page.fold("Hashes", page.table(("of", "hash"), hashes)),
        page.heading("Where and when", 3),
        page.table(("fact", "value"), flat(timing)),
        page.paragraph("For programs: ", page.link("results.json"), ", ", page.link("clips.csv"), ", ",
                       page.link("timing.json"), ".", kind="note"),
    ]  # fmt: skip


def _both(results: Results) -> Html:
    head = ("system", "language", "measure", "evaluator", "value", "t", "bootstrap", "over", "speakers", "items")
    rows = []
    for row in results["figures"]:
        measure = row["measure"]
        ends = [span(measure, row[kind]) or "–" for kind in ("t", "bootstrap")]
        names = [row["system"], row["language"], named(measure).heading, row["evaluator"]]
        value = shown(measure, row["value"], unit=True)
        rows.append([*names, value, *ends, row["unit"] + "s", row["speakers"], row["items"]])
    return page.table(head, rows)
