"""What was to be said beside what recognisers heard, in `report.html`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from difflib import SequenceMatcher
from typing import Any

from gsv_lab.evaluation.catalogue import named, shown
from gsv_lab.evaluation.report.parts import Results, language_name, systems_of
from gsv_lab.system import page
from gsv_lab.system.page import Html

MOST = 1500
"""Rows of texts in a whole page; the rest is in `results.json`."""

Clip = Mapping[str, Any]


def differing(expected: str, recognised: str) -> tuple[Html, Html]:
    """Two texts of words between blanks, each with those words marked that the other has not at that place.

    >>> differing("the old cat", "the cat")
    ('the <mark>old</mark> cat', 'the cat')
    """
    first, second = expected.split(), recognised.split()
    sides: tuple[list[Html], list[Html]] = ([], [])
    for kind, start, end, other, stop in SequenceMatcher(None, first, second, autojunk=False).get_opcodes():
        for side, words in zip(sides, (first[start:end], second[other:stop]), strict=True):
            text = " ".join(words)
            if text:
                side.append(page.html(text) if kind == "equal" else page.marked(text))
    one, two = (Html(" ".join(side)) for side in sides)
    return one, two


def text_rows(clip: Clip) -> Iterator[tuple[str, str, Html, Html]]:
    """(evaluator, error, expected, recognised) of every recogniser that heard a clip."""
    for evaluator, measures in clip["texts"].items():
        for measure, texts in measures.items():
            error = clip["values"].get(measure, {}).get(evaluator)
            # Phones are names, not a text of the language.
            language = "en" if measure == "phone_error" else clip["language"]
            sides = [page.foreign(side, language) for side in differing(texts["expected"], texts["recognised"])]
            yield evaluator, f"{named(measure).heading} {shown(measure, error, unit=True)}", sides[0], sides[1]


def transcripts(results: Results) -> list[Html]:
    """All texts, folded by system; nothing where nobody listened for words."""
    parts, left = [], MOST
    for system in systems_of(results):
        rows: list[list[object]] = []
        for clip in results["clips"]:
            if clip["system"] == system:
                for evaluator, error, expected, recognised in text_rows(clip):
                    rows.append([clip_name(clip), evaluator, error, expected, recognised or page.aside("nothing")])
        if rows:
            heads = ("clip", "evaluator", "error", "expected", "recognised")
            shown_rows, more = rows[: max(0, left)], len(rows) - max(0, left)
            left -= len(rows)
            note = page.paragraph(f"{more} more are in results.json", kind="note") if more > 0 else ""
            parts.append(page.fold(f"{system}: {len(rows)} texts", page.table(heads, shown_rows, stack=True), note))
    return parts


def clip_name(clip: Clip) -> str:
    """Item of a clip, and its seed where there is one."""
    return clip["item"] if clip["seed"] is None else f"{clip['item']}, seed {clip['seed']}"


def clip_facts(clip: Clip) -> str:
    """Speaker, language and length of a clip."""
    seconds = None if clip["seconds"] is None else f"{clip['seconds']:.1f} s"
    return ", ".join(filter(None, [clip["speaker"], language_name(clip["language"]), seconds]))
