"""`report.html` of a run: verdicts, what they rest on, contradictions, listening tests, hashes, machine; one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from gsv_lab.evaluation.claims.entries import shown
from gsv_lab.evaluation.claims.markdown import found
from gsv_lab.evaluation.claims.rule import CONTRADICTED, VERDICTS, asked
from gsv_lab.evaluation.report.parts import flat
from gsv_lab.system import page
from gsv_lab.system.page import Html

MEANINGS = {
    "supported": "the whole interval, or an exact count, is where the claim wants it",
    "contradicted": "all of it is elsewhere",
    "inconclusive": "the interval has both, or there is none",
    "not measurable as stated": "no measurement could settle it; the nearest claim that one can is given",
    "not measured": "what it takes is not here; the command, the data and the raters are given",
}


def report_page(results: Mapping[str, Any], timing: Mapping[str, Any]) -> str:
    """The whole page.

    Args:
        results: what `results.json` holds.
        timing: what `timing.json` holds.
    """
    sections = {
        "verdicts": ("Verdicts", _verdicts(results, timing)),
        "claims": ("Claim by claim", [_claim(name, one, timing) for name, one in results["claims"].items()]),
        "contradictions": ("Contradictions", _contradictions(results)),
        "listening": ("Listening tests", _listening(results)),
        "recordings": ("What was measured on", _recordings(results)),
        "settings": ("Settings, hashes and machine", _settings(results, timing)),
    }
    sections = {anchor: section for anchor, section in sections.items() if section[1]}
    parts = [page.joined(page.heading(title, 2, anchor), *body) for anchor, (title, body) in sections.items()]
    names = {anchor: title for anchor, (title, _) in sections.items()}
    lead = page.paragraph(
        "What documents say of this system in numbers, and what can be shown. ",
        ", ".join(f"{count} {verdict}" for verdict, count in _counts(results).items()), ".",
    )  # fmt: skip
    return page.document("Claims", lead, page.contents(names), *parts, wide=True)


def _counts(results: Mapping[str, Any]) -> dict[str, int]:
    verdicts = [one["verdict"] for one in results["claims"].values()]
    return {name: verdicts.count(name) for name in VERDICTS}


def _verdicts(results: Mapping[str, Any], timing: Mapping[str, Any]) -> list[Html]:
    rows = []
    for name, one in results["claims"].items():
        rows.append([name, one["text"], _bound(one), _marked(one["verdict"]), found(name, one, timing)])
    return [
        page.table(("claim", "what is said", "asked for", "verdict", "found"), rows, stack=True),
        page.listing([f"{name}: {meaning}" for name, meaning in MEANINGS.items()]),
    ]


def _marked(verdict: str) -> Html:
    return page.warning(verdict) if verdict == CONTRADICTED else page.strong(verdict)


def _bound(one: Mapping[str, Any]) -> str:
    return asked(one["direction"], one["threshold"], one["unit"]) if one["direction"] else "no number"


def _claim(name: str, one: Mapping[str, Any], timing: Mapping[str, Any]) -> Html:
    """A claim, folded."""
    rows: list[tuple[str, object]] = [
        ("said by", "; ".join(one["sources"])),
        ("asked for", _bound(one)),
        ("why", one["reason"]),
        ("protocol", one["protocol"]),
        ("settled by", one["settles"]),
        ("needs", ", ".join(f"{key}: {value}" for key, value in one["needs"].items() if value)),
    ]
    numbers = {"found": (one, one["unit"])}
    if one["nearest"]:
        if one["nearest"]["text"] != one["text"]:
            rows += [("nearest claim", one["nearest"]["text"]), ("its verdict", one["nearest"]["verdict"])]
        numbers["nearest"] = (one["nearest"], one["nearest"].get("unit"))
    if name in timing["claims"]:
        timed = timing["claims"][name]
        rows.append(("on this machine", page.joined(timed["verdict"], " ", page.aside(timed["note"]))))
        numbers["here"] = (timed, timed["unit"])
    for label, (entry, unit) in numbers.items():
        if entry["value"] is not None:
            rows += [(label, shown(entry, unit)), ("measured", entry["subject"])]
            rows += [(key, value) for key, value in entry["details"].items()]
    body = [page.table(("", ""), rows, stack=True)]
    if one["command"]:
        body.append(page.code(one["command"]))
    return page.fold(page.joined(name, ": ", _marked(one["verdict"])), page.paragraph(one["text"]), *body)


def _contradictions(results: Mapping[str, Any]) -> list[Html]:
    parts = []
    for one in results["contradictions"].values():
        rows = [(said["source"], said["text"]) for said in one["says"]]
        counted = [f"{name.replace('_', ' ')}: {shown(numbers, '')}" for name, numbers in one["counted"].items()]
        parts.append(
            page.card(
                page.heading(one["topic"], 3),
                page.table(("document", "says"), rows, stack=True),
                page.paragraph("This kit: ", one["kit"]),
                page.paragraph("Settled by: ", one["settles"], kind="note"),
                page.listing(counted),
            )
        )
    return [page.cards(parts)] if parts else []


def _listening(results: Mapping[str, Any]) -> list[Html]:
    rows = []
    for name, one in results["claims"].items():
        pack = one["listening"]
        if pack:
            where = page.link(f"{pack['folder']}/README.md", pack["folder"])
            rows.append([name, where, pack["items"], ", ".join(pack["systems"]), page.warning(pack["demonstration"])])
    if not rows:
        return []
    says = "Each folder has panel.html to be sent. Keep its README.md and key.json from raters."
    return [page.paragraph(says), page.table(("claim", "folder", "sentences", "systems", "note"), rows, stack=True)]


def _recordings(results: Mapping[str, Any]) -> list[Html]:
    parts = []
    for name, one in results["recordings"].items():
        notes = page.listing([*one["missing"], *filter(None, [one["demonstration"]])], "warning")
        figures = []
        for row in one["figures"]:
            ends = "–" if row["t"] is None else f"{row['t'][0]:.4g} to {row['t'][1]:.4g}"
            figures.append(
                [row["system"], row["measure"], row["evaluator"], row["value"], ends, row["speakers"], row["items"]]
            )
        head = ("system", "measure", "evaluator", "value", "95 %", "speakers", "items")
        hashes = [("recorded", key, value) for key, value in one["clips"].items()]
        hashes += [(system, key, value) for system, found in one["spoken"].items() for key, value in found.items()]
        table = page.table(("system", "clip", "hash"), hashes)
        parts += [page.heading(name, 3), page.paragraph(one["subject"]), notes]
        if figures:
            parts.append(page.fold(f"{len(figures)} figures", page.table(head, figures)))
            parts.append(page.paragraph("All of it: ", page.link(f"work/{name}/report.html"), kind="note"))
        parts.append(page.fold(f"Hashes of {len(hashes)} clips", table))
    return parts


def _settings(results: Mapping[str, Any], timing: Mapping[str, Any]) -> list[Html]:
    about = {"claims.yaml": results["file"], **results["settings"], "weights": results["weights"]}
    machine = {key: value for key, value in timing.items() if key != "claims"}
    return [
        page.table(("setting", "value"), flat(about)),
        page.heading("Where and when", 3),
        page.table(("fact", "value"), flat(machine)),
        page.paragraph("For programs: ", page.link("results.json"), ", ", page.link("timing.json"), ".", kind="note"),
    ]
