"""`ratings.html`: what was decided, who was kept, the numbers and their pictures; one file without scripts."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from gsv_lab.evaluation.ratings import pictures
from gsv_lab.evaluation.ratings.report_cells import Columns, drawn, number, p_value, signed, tabulated
from gsv_lab.evaluation.ratings.report_pairs import answers_part, choices_part, differences_part
from gsv_lab.evaluation.ratings.settings import DESIGNS
from gsv_lab.system import page
from gsv_lab.system.page import Html

Results = Mapping[str, Any]
INTERVALS_NOTE = (
    "Half-widths of 95 % intervals. Two-way (primary): raters and items both vary. Of raters or of items: the other is "
    "taken as fixed. Bootstrap: raters and items drawn with replacement. t of votes takes all votes for independent, "
    "which they are not; it stands here because published tables use it."
)


def page_of(results: Results) -> str:
    """The page of an analysis, from what `ratings.json` holds."""
    # Mappings in the order of `ratings.json`, so that the page is the same when it is made from the file.
    results = json.loads(json.dumps(results, sort_keys=True))
    design = DESIGNS[results["design"]]
    if design.kind == "choices":
        body = choices_part(results)
    elif design.kind == "answers":
        body = answers_part(results)
    else:
        body = [*_screening(results), *_systems(results), *differences_part(results)]
        body += [*_agreement(results), *_raters(results)]
    files = page.paragraph(
        "For programs: ", page.link("ratings.json"), ", ", page.link("decisions.json"), ".", kind="note"
    )
    return page.document(
        f"Listening test: {design.about}", *_opening(results), *_decided(results), *body, files, wide=True
    )


def _opening(results: Results) -> list[Html]:
    """What was read, and what a reader must know."""
    counts = results["counts"]
    names = ", ".join(str(file["name"]) for file in results["files"])
    said = [f"{counts['votes']} votes of {names}"]
    said += [f"{counts[what]} {what}" for what in ("raters", "items", "systems") if counts.get(what)]
    said += [f"{counts[what]} {what}" for what in ("missing", "repeated", "copies") if counts.get(what)]
    program = f". Read as an export of {results['program']}." if results["program"] else "."
    warnings = [page.paragraph(text, kind="warning") for text in results["warnings"]]
    return [page.paragraph("; ".join(said), program), *warnings]


def _decided(results: Results) -> list[Html]:
    """What was decided, and whether before the votes."""
    before, changed = results["decided"]["before_votes"], results["decided"]["changed"]
    if not before:
        when = "These settings were given with the votes; --decide writes them down before."
    else:
        when = "Written down before the votes" + (
            f"; changed since: {', '.join(changed)}." if changed else ", and kept."
        )
    rows = []
    for name, value in results["decisions"].items():
        if value in (None, [], {}, False):
            continue
        if isinstance(value, Mapping):
            value = [f"{key}: {cell}" for key, cell in value.items()]
        rows.append((name.replace("_", " "), ", ".join(map(str, value)) if isinstance(value, list) else value))
    parts = [page.heading("Decisions"), page.paragraph(when), page.table(("decision", "value"), rows)]
    return [*parts, *_of_the_test(results["listening"])]


def _of_the_test(found: Mapping[str, Any] | None) -> list[Html]:
    """What a listening test of the kit decided itself, and which of its rows are no votes on systems."""
    if found is None:
        return []
    parts = []
    if found["decisions"]:
        decided = found["decisions"]
        rows = [
            ("screening", ", ".join(decided["screening"]) or "none"),
            ("primary contrast", " minus ".join(decided["primary_contrast"] or ["none"])),
            ("primary interval", decided["primary_interval"]),
        ]
        when = f"The listening test ({found['design']}, {found['test'][:12]}) decided before any vote:"
        parts += [page.paragraph(when), page.table(("decision", "value"), rows)]
    away = ", ".join(f"{count} {role}" for role, count in found["left_out"].items() if count)
    return [*parts, page.paragraph(f"Rows that are no votes on systems, left out: {away or 'none'}.", kind="note")]


def _screening(results: Results) -> list[Html]:
    """Who was kept."""
    found = results["screening"]
    before, after = found["before"], found["after"]
    flow = f"{before['raters']} raters with {before['votes']} votes; kept {after['raters']} with {after['votes']}."
    columns: Columns = {
        "rule": lambda rule: rule["rule"],
        "asked": lambda rule: rule["limit"],
        "raters judged": lambda rule: rule["judged"],
        "left out (measure)": lambda rule: (
            ", ".join(f"{name} ({rule['values'][name]:.3g})" for name in rule["removed"]) or "nobody"
        ),
    }
    parts = [page.heading("Raters kept"), page.paragraph(flow)]
    if found["rules"]:
        parts.append(tabulated(found["rules"], columns))
    if found["outlying_votes"] is not None:
        parts.append(page.paragraph(f"Outlying votes left out: {found['outlying_votes']}."))
    return parts


def _primary(entry: Mapping[str, Any]) -> str:
    """The primary half-width, and which single one it is where that is larger than the two-way one."""
    interval = entry["intervals"]["twoway"]
    return f"± {number(interval['half'])}" + (f" (that of {interval['floor']}s)" if interval["floor"] else "")


def _half(kind: str) -> Any:
    return lambda entry: number(entry["intervals"][kind]["half"])


def _systems(results: Results) -> list[Html]:
    """Means with all intervals, the best first."""
    systems, before = results["systems"], results["systems_before"]
    rows = [{"system": name, **systems[name]} for name in sorted(systems, key=lambda name: -systems[name]["mean"])]
    columns: Columns = {
        "system": lambda entry: entry["system"],
        "votes": lambda entry: entry["n"],
        "mean": lambda entry: page.strong(number(entry["mean"])),
        "two-way": _primary,
        "of raters": _half("rater"),
        "of items": _half("item"),
        "bootstrap": _half("pigeonhole"),
        "t of votes": _half("t"),
        "SD": lambda entry: number(entry["sd"]),
    }
    if before != systems:
        columns = {**columns, "mean of all raters": lambda entry: number(before[entry["system"]]["mean"])}
    if any(entry["share_same"] is not None for entry in rows):
        columns = {**columns, "same speaker": lambda entry: f"{entry['share_same']:.1%}"}
    return [
        page.heading("Systems"),
        *drawn(pictures.means(systems), "mean vote of each system with its intervals"),
        tabulated(rows, columns),
        page.paragraph(INTERVALS_NOTE, kind="note"),
        *drawn(pictures.shares(systems), "how often each vote was given to each system"),
        *(_zero(rows) if results["design"] == "ccr" else []),
    ]


def _zero(rows: list[dict[str, Any]]) -> list[Html]:
    """Comparison ratings against 0, and the effect of the order."""

    def order(entry: Mapping[str, Any]) -> str:
        effect = entry.get("order_effect")
        return (
            "–" if effect is None or effect["mean"] is None else f"{signed(effect['mean'])}, p {p_value(effect['p'])}"
        )

    columns: Columns = {
        "system": lambda entry: entry["system"],
        "raters": lambda entry: entry["against_zero"]["n"],
        "mean of rater means": lambda entry: signed(entry["against_zero"]["diff"]),
        "p (Wilcoxon)": lambda entry: p_value(entry["against_zero"]["p"]),
        "p (sign test)": lambda entry: p_value(entry["against_zero"]["sign"]["p"]),
        "effect of the order": order,
    }
    return [page.heading("Against 0"), tabulated(rows, columns)]


def _agreement(results: Results) -> list[Html]:
    """Agreement of raters, and the variance components."""
    found, spread = results["agreement"], results["components"]
    measures = [(name.replace("_", " "), number(found[name])) for name in found if not name.startswith("icc_")]
    parts = [page.heading("Agreement"), page.table(("measure", "value"), measures)]
    if found["icc_reason"]:
        parts.append(page.paragraph(f"No intraclass correlation: {found['icc_reason']}.", kind="note"))
    sizes = [(name.replace("_", " by "), number(value, 2)) for name, value in spread.items()]
    return [*parts, page.heading("Where votes differ", 3), page.table(("standard deviation of", "points"), sizes)]


def _raters(results: Results) -> list[Html]:
    """Bias and inconsistency of each rater."""
    subjects = results["subjects"]
    if not subjects:
        return []
    columns: Columns = {
        "rater": lambda name: name,
        "votes": lambda name: subjects[name]["n"],
        "bias": lambda name: signed(subjects[name]["bias"]),
        "inconsistency": lambda name: number(subjects[name]["inconsistency"]),
    }
    names = sorted(subjects, key=lambda name: -subjects[name]["inconsistency"])
    return [
        page.heading("Raters"),
        *drawn(pictures.raters(subjects), "bias and inconsistency of each rater"),
        page.fold(f"All {len(names)} raters", tabulated(names, columns)),
    ]
