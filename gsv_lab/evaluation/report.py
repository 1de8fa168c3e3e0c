"""The ladder as Markdown, from the result of a run.

The file does not measure anything; it rounds and lays out what `tables.tabulate` gave.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.intelligibility import EVALUATION
from gsv_lab.evaluation.tables import INVALID_PHONE_ERROR, SCHEMA

Result = Mapping[str, Any]

RUNG_NAMES = {
    "natural": "natural",
    "copy_synthesis": "copy synthesis",
    "true_codes": "true codes",
    "zero_shot": "zero-shot (predicted codes)",
    "fine_tuned": "fine-tuned",
    "cross_lingual": "cross-lingual",
}
LANGUAGE_NAMES = {"en": "English", "zh": "Mandarin"}
COLUMNS: dict[str, tuple[str, str]] = {
    "retained_word_accuracy": ("retained word accuracy", ".2f"),
    "retained_phone_accuracy": ("retained phone accuracy", ".2f"),
    "normalised_similarity": ("normalised similarity", ".2f"),
    "nearest_share": ("own reference nearest", ".0%"),
    "dnsmos_difference": ("DNSMOS OVRL − natural", "+.2f"),
    "f0_cents": ("F0 error, cents", ".0f"),
    "duration_ratio": ("duration ratio", ".2f"),
    "skipped_repeated_per_100": ("skipped or repeated words per 100", ".1f"),
}
"""Columns of the ladder: figure -> (heading, number format)."""
NATURAL_COLUMNS: dict[str, tuple[str, str]] = {
    "word_error_rate": ("word error rate", ".1%"),
    "phone_error_rate": ("phone error rate", ".1%"),
    "ceiling": ("ceiling", ".3f"),
    "floor": ("floor", ".3f"),
    "dnsmos_ovrl": ("DNSMOS OVRL", ".2f"),
    "skipped_repeated_per_100": ("skipped or repeated words per 100", ".1f"),
}
"""What natural speech itself reaches with the same evaluators."""


def ladder_markdown(result: Result) -> str:
    """The whole report of a run: one ladder a language, natural speech, every speaker, and how it was measured.

    Raises:
        ConfigError: `RESULT_VERSION`, a result of another version of the format.
    """
    if result.get("schema") != SCHEMA:
        raise ConfigError("RESULT_VERSION", f"The result has format {result.get('schema')!r}", f"format {SCHEMA}")
    languages = sorted({name for table in result["rungs"].values() for name in table["languages"]})
    parts = [f"**{result['system']}** on `{result['list']['name']}`, {_seeds(result['seeds'])}."]
    for language in languages:
        name = LANGUAGE_NAMES.get(language, language)
        ladder = {
            RUNG_NAMES.get(rung, rung): table["languages"].get(language)
            for rung, table in result["rungs"].items()
            if rung != "natural"
        }
        if any(ladder.values()):
            parts += [f"### {name}", grid("rung", ladder, columns_of(result, language), intervals=True)]
        natural = result["rungs"].get("natural", {"languages": {}})["languages"].get(language)
        if natural:
            table = grid("", {"natural": natural}, NATURAL_COLUMNS, intervals=True)
            parts += [f"Natural {name}, same evaluators:", table]
    if result.get("gains"):
        parts += ["### What fine-tuning adds to zero-shot", gains_markdown(result["gains"])]
    parts += ["### Speakers", speakers_markdown(result)]
    return "\n\n".join([*parts, _notes(result)]) + "\n"


def columns_of(result: Result, language: str) -> dict[str, tuple[str, str]]:
    """`COLUMNS` with the phone recogniser named, and marked where it may not judge this language."""
    evaluation = f"{language}: {EVALUATION}" in result["evaluators"].get("phones", "")
    judge = EVALUATION if evaluation else "own recogniser"
    if f"phones {language}" in result["invalid"]:
        judge += f"; invalid: natural error above {INVALID_PHONE_ERROR * 100:g} %"
    heading, style = COLUMNS["retained_phone_accuracy"]
    return COLUMNS | {"retained_phone_accuracy": (f"{heading} ({judge})", style)}


def speakers_markdown(result: Result) -> str:
    """One table a rung with a row for each speaker, natural speech with its own columns."""
    parts = []
    for rung, table in result["rungs"].items():
        columns = NATURAL_COLUMNS if rung == "natural" else COLUMNS
        parts.append(f"{RUNG_NAMES.get(rung, rung)}:\n\n{grid('speaker', table['speakers'], columns)}")
    return "\n\n".join(parts)


def gains_markdown(gains: Mapping[str, Any]) -> str:
    """One row a speaker: differences on the same targets, with paired intervals over clips."""
    columns = {
        "similarity": ("similarity", "+.3f"),
        "normalised": ("normalised similarity", "+.2f"),
        "phone_error_points": ("phone error, points", "+.1f"),
    }
    bare = {"low": None, "high": None}
    rows = {
        speaker: {key: {"value": value, **bare} if isinstance(value, float) else value for key, value in row.items()}
        for speaker, row in gains.items()
    }
    return grid("speaker", rows, columns, intervals=True)


def versions_markdown(results: Mapping[str, Result], language: str, rungs: Sequence[str] = ("zero_shot",)) -> str:
    """One row for each version and rung, to follow a model from version to version.

    Args:
        results: name of the version -> its result.
        language: `en` or `zh`.
        rungs: which rungs.
    """
    rows = {
        f"{version}, {RUNG_NAMES.get(rung, rung)}": result["rungs"][rung]["languages"].get(language)
        for version, result in results.items()
        for rung in rungs
        if rung in result["rungs"]
    }
    columns = columns_of(list(results.values())[-1], language) if results else COLUMNS
    return grid("version", rows, columns, intervals=True)


def grid(
    first: str,
    rows: Mapping[str, Mapping[str, Any] | None],
    columns: Mapping[str, tuple[str, str]],
    intervals: bool = False,
) -> str:
    """Figures as a Markdown table; columns that no row has are left out, absent values are a dash.

    Args:
        first: heading of the first column.
        rows: row name -> figures (value, low, high).
        columns: figure -> (heading, number format).
        intervals: whether each value is followed by its interval in brackets.
    """
    shown = {key: column for key, column in columns.items() if any(key in (row or {}) for row in rows.values())}
    lines = [" | ".join(["", first, *(heading for heading, _ in shown.values()), ""]).strip()]
    lines.append("| --- " * (len(shown) + 1) + "|")
    for name, row in rows.items():
        cells = [_cell((row or {}).get(key), style, intervals) for key, (_, style) in shown.items()]
        lines.append(" | ".join(["", name, *cells, ""]).strip())
    return "\n".join(lines)


def _cell(figure: Mapping[str, Any] | None, style: str, interval: bool) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    text = format(figure["value"], style)
    if interval and figure["low"] is not None:
        text += f" ({format(figure['low'], style)} to {format(figure['high'], style)})"
    return text.replace("-", "−")


def _seeds(seeds: Sequence[int]) -> str:
    return f"first take, seed {seeds[0]}" if len(seeds) == 1 else f"mean of seeds {', '.join(map(str, seeds))}"


def _notes(result: Result) -> str:
    lines = ["### How it was measured", ""]
    lines += [f"- {name}: {identity}" for name, identity in result["evaluators"].items()]
    lines += [f"- {name}: not measured. {reason}" for name, reason in result.get("missing", {}).items()]
    for language, pair in result["thresholds"].items():
        lines.append(
            f"- same-speaker threshold from the natural pairs, {LANGUAGE_NAMES.get(language, language)}: "
            f"{pair['threshold']:.3f} (equal error rate {pair['rate']:.1%})"
        )
    lines += [
        f"- invalid: {name}, natural error rate above {INVALID_PHONE_ERROR * 100:g} %" for name in result["invalid"]
    ]
    for rung, table in result["rungs"].items():
        if table["failed"]:
            codes = ", ".join(sorted({clip["code"] for clip in table["failed"]}))
            count = len(table["failed"])
            lines.append(f"- {RUNG_NAMES.get(rung, rung)}: {count} clips failed ({codes}), counted as silence")
    lines.append(
        "- in brackets: 95 % percentile bootstrap over speakers, then clips; with so few speakers these intervals are "
        "rough and rather too narrow"
    )
    return "\n".join(lines)
