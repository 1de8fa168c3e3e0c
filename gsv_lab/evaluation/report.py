"""A comparison of conditions as Markdown, from the result of a run: tables, and what was recognised."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from gsv_lab.errors import ConfigError, one_line
from gsv_lab.evaluation.conditions import NATURAL
from gsv_lab.evaluation.measures.recognisers import EVALUATION
from gsv_lab.evaluation.tables import INVALID_PHONE_ERROR, SCHEMA, error_figures

Result = Mapping[str, Any]
Columns = Mapping[str, tuple[str, str]]
"""Figure -> (heading, number format)."""

CONDITION_NAMES = {
    "natural": "natural",
    "copy_synthesis": "copy synthesis",
    "resynthesis": "resynthesis (true codes and phones)",
    "phones_without_codes": "true phones without codes",
    "codes_without_phones": "true codes without phones",
    "true_timing": "predicted codes, true timing",
    "zero_shot": "zero-shot (predicted codes)",
    "fine_tuned": "fine-tuned",
    "cross_lingual": "cross-lingual",
}
LANGUAGE_NAMES = {"en": "English", "zh": "Mandarin"}
COLUMNS: Columns = {
    "similarity": ("similarity", ".3f"),
    "normalised_similarity": ("normalised similarity", ".2f"),
    "nearest_share": ("own reference nearest", ".0%"),
    "dnsmos_ovrl": ("DNSMOS OVRL", ".2f"),
    "dnsmos_difference": ("DNSMOS OVRL − natural", "+.2f"),
    "duration_error": ("error of durations, codes", ".2f"),
    "duration_correlation": ("correlation of durations", ".2f"),
    "silence": ("share of silence", ".0%"),
    "duration_ratio": ("duration ratio", ".2f"),
    "f0_correlation": ("F0 correlation", ".2f"),
    "f0_spread": ("F0 spread over natural", ".2f"),
    "f0_cents": ("F0 error, cents", ".0f"),
}
"""Columns of a comparison beside those of `error_columns`."""
GAIN_COLUMNS: Columns = {
    "similarity": ("similarity", "+.3f"),
    "normalised": ("normalised similarity", "+.2f"),
    "phone_error_points": ("phone error, points", "+.1f"),
}


def comparison_markdown(result: Result) -> str:
    """The whole report of a run: two tables a language, every speaker, and how it was measured.

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
    """What is understood in a language under each condition, natural speech first, and how it sounds."""
    rows = {}
    for condition, table in result["conditions"].items():
        rows[condition_name(condition)] = table["languages"].get(language)
    parts = [f"### {LANGUAGE_NAMES.get(language, language)}"]
    for columns in (error_columns(result, language), COLUMNS):
        parts.append(grid("condition", rows, columns, intervals=True))
    return parts


def condition_name(condition: str) -> str:
    """How reports call a condition."""
    return CONDITION_NAMES.get(condition, condition)


def error_columns(result: Result, language: str = "") -> Columns:
    """Error rates by every recogniser of a result, then skipped or repeated words, then shares of accuracy kept.

    The recogniser of phones is marked where it may not be used for the language. Slips of characters are those of
    syllables.
    """
    rates: dict[str, tuple[str, str]] = {}
    slips: dict[str, tuple[str, str]] = {}
    kept: dict[str, tuple[str, str]] = {}
    for measure in result["evaluators"]:
        rate, accuracy, slip = error_figures(measure)
        evaluator = recogniser_name(result, measure, language)
        unit = measure.partition("_")[0][:-1]
        rates[rate] = (f"{unit} error ({evaluator})", ".1%")
        if unit != "character":
            slips[slip] = (f"skipped or repeated words per 100 ({evaluator})", ".1f")
        if measure in ("words", "phones"):
            kept[accuracy] = (f"retained {unit} accuracy ({evaluator})", ".2f")
    return rates | slips | kept


def recogniser_name(result: Result, measure: str, language: str) -> str:
    """Who counts the errors of a measure: short name of a Whisper model, pocketsphinx or a recogniser of phones."""
    _, _, by = measure.partition("_")
    name = by or "pocketsphinx"
    if measure == "phones":
        own = f"{language}: {EVALUATION}" in result["evaluators"][measure]
        name = EVALUATION if own else "own recogniser"
    if f"{measure} {language}" in result["invalid"]:
        name += f"; invalid: natural error above {INVALID_PHONE_ERROR * 100:g} %"
    return name


def speakers_markdown(result: Result) -> str:
    """One table a condition with a row for each speaker."""
    columns = {**error_columns(result), **COLUMNS}
    parts = []
    for condition, table in result["conditions"].items():
        parts.append(f"{condition_name(condition)}:\n\n{grid('speaker', table['speakers'], columns)}")
    return "\n\n".join(parts)


def transcripts_markdown(result: Result) -> str:
    """What each recogniser found in every clip, beside what was to be said; both as they were compared."""
    parts = [f"# {result['system']} on `{result['list']['name']}`: what was recognised"]
    by_target: dict[tuple[str, str], list[Mapping[str, Any]]] = {}
    for clip in result["clips"]:
        by_target.setdefault((clip["speaker"], clip["source"]), []).append(clip)
    for (speaker, source), clips in by_target.items():
        lines = [f"## {speaker}: {source}"]
        for measure in result["evaluators"]:
            heard = [clip for clip in clips if measure in clip["texts"]]
            if heard:
                lines += ["", f"{measure}: {heard[0]['texts'][measure]['expected']}", ""]
            for clip in heard:
                seed = "" if clip["seed"] is None else f", seed {clip['seed']}"
                found = clip["texts"][measure]["recognised"]
                lines.append(f"- {condition_name(clip['condition'])}{seed}: {found}")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


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
    for language, row in result["conditions"].get(NATURAL, {"languages": {}})["languages"].items():
        if row.get("ceiling") and row.get("floor"):
            lines.append(
                f"- similarity of natural {LANGUAGE_NAMES.get(language, language)} to its own reference (ceiling) "
                f"{row['ceiling']['value']:.3f}, to those of others (floor) {row['floor']['value']:.3f}"
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
