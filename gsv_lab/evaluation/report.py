"""A comparison of conditions as Markdown, from the result of a run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gsv_lab.errors import ConfigError, one_line
from gsv_lab.evaluation.conditions import NATURAL
from gsv_lab.evaluation.recognisers import EVALUATION
from gsv_lab.evaluation.tables import INVALID_PHONE_ERROR, SCHEMA

Result = Mapping[str, Any]
Columns = Mapping[str, tuple[str, str]]
"""Figure -> (heading, number format)."""

CONDITION_NAMES = {
    "natural": "natural",
    "copy_synthesis": "copy synthesis",
    "resynthesis": "resynthesis (true codes)",
    "zero_shot": "zero-shot (predicted codes)",
    "fine_tuned": "fine-tuned",
    "cross_lingual": "cross-lingual",
}
LANGUAGE_NAMES = {"en": "English", "zh": "Mandarin"}
COLUMNS: Columns = {
    "retained_word_accuracy": ("retained word accuracy", ".2f"),
    "retained_phone_accuracy": ("retained phone accuracy", ".2f"),
    "normalised_similarity": ("normalised similarity", ".2f"),
    "nearest_share": ("own reference nearest", ".0%"),
    "dnsmos_difference": ("DNSMOS OVRL − natural", "+.2f"),
    "f0_cents": ("F0 error, cents", ".0f"),
    "duration_ratio": ("duration ratio", ".2f"),
    "skipped_repeated_per_100": ("skipped or repeated words per 100", ".1f"),
}
"""Columns of a comparison."""
NATURAL_COLUMNS: Columns = {
    "word_error_rate": ("word error rate", ".1%"),
    "phone_error_rate": ("phone error rate", ".1%"),
    "ceiling": ("ceiling", ".3f"),
    "floor": ("floor", ".3f"),
    "dnsmos_ovrl": ("DNSMOS OVRL", ".2f"),
    "skipped_repeated_per_100": ("skipped or repeated words per 100", ".1f"),
}
"""What natural speech itself reaches with the same evaluators."""
GAIN_COLUMNS: Columns = {
    "similarity": ("similarity", "+.3f"),
    "normalised": ("normalised similarity", "+.2f"),
    "phone_error_points": ("phone error, points", "+.1f"),
}


def comparison_markdown(result: Result) -> str:
    """The whole report of a run: one table a language, natural speech, every speaker, and how it was measured.

    Raises:
        ConfigError: `RESULT_VERSION`, a result of another version of the format.
    """
    if result.get("schema") != SCHEMA:
        raise ConfigError("RESULT_VERSION", f"The result has format {result.get('schema')!r}", f"format {SCHEMA}")
    parts = [f"**{one_line(result['system'])}** on `{one_line(result['list']['name'])}`, {_seeds(result['seeds'])}."]
    languages = {name for table in result["conditions"].values() for name in table["languages"]}
    for language in sorted(languages):
        parts += _language_tables(result, language)
    if result.get("gains"):
        parts += ["### What fine-tuning adds to zero-shot", gains_markdown(result["gains"])]
    parts += ["### Speakers", speakers_markdown(result), _notes(result)]
    return "\n\n".join(parts) + "\n"


def _language_tables(result: Result, language: str) -> list[str]:
    """The conditions of a language, then its natural speech."""
    name = LANGUAGE_NAMES.get(language, language)
    rows = {condition: table["languages"].get(language) for condition, table in result["conditions"].items()}
    natural = rows.pop(NATURAL, None)
    parts = []
    if any(rows.values()):
        named = {condition_name(condition): row for condition, row in rows.items()}
        table = grid("condition", named, columns_of(result, language), intervals=True)
        parts += [f"### {name}", table]
    if natural:
        table = grid("", {"natural": natural}, NATURAL_COLUMNS, intervals=True)
        parts += [f"Natural {name}, same evaluators:", table]
    return parts


def condition_name(condition: str) -> str:
    """How reports call a condition."""
    return CONDITION_NAMES.get(condition, condition)


def columns_of(result: Result, language: str) -> Columns:
    """`COLUMNS` with the phone recogniser named, and marked where it may not be used for this language."""
    evaluator = "own recogniser"
    if f"{language}: {EVALUATION}" in result["evaluators"].get("phones", ""):
        evaluator = EVALUATION
    if f"phones {language}" in result["invalid"]:
        evaluator += f"; invalid: natural error above {INVALID_PHONE_ERROR * 100:g} %"
    columns = dict(COLUMNS)
    heading, style = COLUMNS["retained_phone_accuracy"]
    columns["retained_phone_accuracy"] = (f"{heading} ({evaluator})", style)
    return columns


def speakers_markdown(result: Result) -> str:
    """One table a condition with a row for each speaker, natural speech with its own columns."""
    parts = []
    for condition, table in result["conditions"].items():
        columns = NATURAL_COLUMNS if condition == NATURAL else COLUMNS
        parts.append(f"{condition_name(condition)}:\n\n{grid('speaker', table['speakers'], columns)}")
    return "\n\n".join(parts)


def gains_markdown(gains: Mapping[str, Any]) -> str:
    """One row a speaker: differences on the same targets, with paired intervals over clips."""
    rows: dict[str, dict[str, Any]] = {}
    for speaker, gain in gains.items():
        rows[speaker] = {}
        for key, value in gain.items():
            if isinstance(value, float):
                value = {"value": value, "low": None, "high": None}
            rows[speaker][key] = value
    return grid("speaker", rows, GAIN_COLUMNS, intervals=True)


def grid(
    first: str,
    rows: Mapping[str, Mapping[str, Any] | None],
    columns: Columns,
    intervals: bool = False,
) -> str:
    """Figures as a Markdown table; columns that no row has are left out, absent values are a dash.

    Args:
        first: heading of the first column.
        rows: row name -> figures (value, low, high).
        columns: figure -> (heading, number format).
        intervals: whether each value is followed by its interval in brackets.
    """
    known = {key for row in rows.values() if row for key in row}
    shown = {key: column for key, column in columns.items() if key in known}
    headings = [heading for heading, _ in shown.values()]
    lines = [_line([first, *headings]), "| --- " * (len(shown) + 1) + "|"]
    for name, row in rows.items():
        cells = [name]
        for key, (_, style) in shown.items():
            figure = row.get(key) if row else None
            cells.append(_cell(figure, style, intervals))
        lines.append(_line(cells))
    return "\n".join(lines)


def _line(cells: Sequence[str]) -> str:
    return " | ".join(["", *(one_line(cell).replace("|", "\\|") for cell in cells), ""]).strip()


def _cell(figure: Mapping[str, Any] | None, style: str, interval: bool) -> str:
    if figure is None or figure["value"] is None:
        return "–"
    text = format(figure["value"], style)
    if interval and figure["low"] is not None:
        low = format(figure["low"], style)
        high = format(figure["high"], style)
        text += f" ({low} to {high})"
    return text.replace("-", "−")


def _seeds(seeds: Sequence[int]) -> str:
    if len(seeds) == 1:
        return f"first output, seed {seeds[0]}"
    return f"mean of seeds {', '.join(map(str, seeds))}"


def _notes(result: Result) -> str:
    lines = ["### How it was measured", ""]
    for name, identity in result["evaluators"].items():
        lines.append(f"- {name}: {identity}")
    for name, reason in result.get("missing", {}).items():
        lines.append(f"- {name}: not measured. {reason}")
    for language, pair in result["thresholds"].items():
        lines.append(
            f"- same-speaker threshold from the natural pairs, {LANGUAGE_NAMES.get(language, language)}: "
            f"{pair['threshold']:.3f} (equal error rate {pair['rate']:.1%})"
        )
    for name in result["invalid"]:
        lines.append(f"- invalid: {name}, natural error rate above {INVALID_PHONE_ERROR * 100:g} %")
    for condition, table in result["conditions"].items():
        if table["failed"]:
            codes = sorted({clip["code"] for clip in table["failed"]})
            count = len(table["failed"])
            lines.append(
                f"- {condition_name(condition)}: {count} clips failed ({', '.join(codes)}), counted as silence"
            )
    lines.append(
        "- in brackets: 95 % percentile bootstrap over speakers, then clips; with so few speakers these intervals are "
        "rough and rather too narrow"
    )
    return "\n".join(lines)
