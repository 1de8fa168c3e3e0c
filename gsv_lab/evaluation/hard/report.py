"""The page of a run over hard texts: rates, what the guard does and costs, and the worst failures to hear and see.

`hard.html` stands alone: sounds and pictures are in it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from gsv_lab.audio import data_url, read, read_mark
from gsv_lab.evaluation.hard.guards import ON
from gsv_lab.evaluation.hard.rates import ALL, FAILURE, KINDS, MEASURES, Judged
from gsv_lab.evaluation.hard.traces import Trace
from gsv_lab.evaluation.identity import identity_of
from gsv_lab.evaluation.report.parts import flat
from gsv_lab.system import page
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.page import Html

if TYPE_CHECKING:
    from collections.abc import Callable

PICTURES = "pictures"
SHOWN = 30
"""Failures with sound and picture; the others are listed."""
NAMES = {FAILURE: "any failure", "stopped_early": "stopped early", "skipped_words": "words skipped"}
"""How the page calls measures, where not by their own name."""


class Shown(NamedTuple):
    """A failure on the page, and its picture."""

    judged: Judged
    picture: bytes


def worst(judged: Sequence[Judged], most: int = SHOWN) -> list[Judged]:
    """The worst failures, of each guard setting in turn, so that one with many does not hide another."""
    queues: dict[str, list[Judged]] = {}
    for one in sorted(judged, key=lambda one: (-one.wrong, one.clip.text.item, one.clip.seed)):
        if one.values[FAILURE]:
            queues.setdefault(one.clip.guard, []).append(one)
    found: list[Judged] = []
    while len(found) < most and any(queues.values()):
        found += [queue.pop(0) for queue in queues.values() if queue]
    return found[:most]


def draw(judged: Judged, folder: Path, find: Callable[[], Trace | None]) -> bytes:
    """The picture of a clip, from `folder/pictures` where it lies there already, as PNG.

    Args:
        judged: the clip.
        folder: of the run.
        find: gives the trace, which takes as long as speaking.
    """
    from gsv_lab import figures

    clip, found = judged.clip, judged.found
    key = identity_of([clip.sound, judged.phones, found])
    path = folder / PICTURES / f"{clip.text.item}_{clip.seed}_{key}.png"
    if path.is_file():
        return path.read_bytes()
    seen = find()
    weights, rate, source = seen or Trace(_nothing(judged), 25.0, "no alignment is known")
    figure = figures.completeness(
        weights,
        rate,
        [(word.label, word.first, word.last) for word in judged.words],
        heard=judged.phones,
        times=judged.times,
        belongs=found.trace,
        skipped=found.skipped,
        repeated=found.repeated,
        title=source,
    )
    make_folder(path.parent)
    return save_bytes(path, figures.png(figure, dpi=80)).read_bytes()


def _nothing(judged: Judged) -> Any:
    import numpy as np

    return np.zeros((max(1, round(judged.clip.seconds * 25)), judged.words[-1].last + 1))


def write_page(
    path: Path,
    result: Mapping[str, Any],
    costs: Mapping[str, Any],
    judged: Sequence[Judged],
    shown: Sequence[Shown],
) -> None:
    """Write the page.

    Args:
        path: of the page, in the folder of the run.
        result: as in `hard.json`.
        costs: as in `hard_timing.json`.
        judged: all clips.
        shown: those with a picture.

    Raises:
        LabError: `SAVE_FAILED`.
    """
    failures = [one for one in judged if one.values[FAILURE]]
    seen = {one.judged.clip.path for one in shown}
    rest = [_row(one) for one in failures if one.clip.path not in seen]
    cards = [_card(one, path.parent) for one in shown]
    title = f"Skips and repeats: {result['model']}, voice {result['voice']}"
    head = ("setting", "item", "seed", "what failed", "text")
    text = page.document(
        title,
        *_introduction(result, len(failures), len(judged)),
        *[page.joined(page.heading(f"Guard {name}"), _rates(result, name)) for name in result["guards"]],
        *_comparison(result, costs),
        page.heading(f"The worst {len(cards)} of {len(failures)} failures") if cards else "",
        *cards,
        page.fold(f"{len(rest)} more failures", page.table(head, rest, stack=True)) if rest else "",
        wide=True,
    )
    save_bytes(path, text.encode())


def _introduction(result: Mapping[str, Any], failures: int, clips: int) -> list[Html]:
    settings = []
    for name, guard in result["guards"].items():
        settings.append(page.joined(page.strong(name), f": {'; '.join(guard['protects']) or 'nothing protects'}"))
    for name, reason in result["not_run"].items():
        settings.append(page.joined(page.strong(name), f" was not run. {reason}"))
    count = f"{result['list']['texts']} texts of {result['list']['name']}, seeds {', '.join(map(str, result['seeds']))}"
    return [
        page.paragraph(f"{count}: {failures} of {clips} clips fail. All speech here is synthetic."),
        page.paragraph(
            "A clip fails where words are skipped, said again or looped, or where it breaks off. A recogniser of "
            "phones decides, and it errs: natural speech has failures by this measure, too. Intervals are 95 %, "
            "Student's t over texts; one of width zero says that all texts fared alike.",
            kind="note",
        ),
        page.listing(settings),
        page.paragraph(f"Recognisers: {result['recognisers']}", kind="note"),
    ]


def _rates(result: Mapping[str, Any], guard: str) -> Html:
    """Rows of languages and classes, columns of measures."""
    cells: dict[tuple[str, str], dict[str, Any]] = {}
    for row in result["rates"]:
        if row["guard"] == guard:
            cells.setdefault((row["language"], row["class"]), {})[row["measure"]] = row
    rows = []
    for (language, kind), found in sorted(cells.items(), key=lambda cell: (cell[0][0], cell[0][1] != ALL, cell[0][1])):
        texts = found[FAILURE]["texts"]
        rows.append([language, kind, texts, *(_estimate(found[measure]) for measure in MEASURES)])
    return page.table(["language", "class", "texts", *(NAMES.get(name, name) for name in MEASURES)], rows)


def _estimate(row: Mapping[str, Any]) -> str:
    if row["t"] is None:
        return _percent(row["value"])
    return f"{_percent(row['value'])} [{_percent(row['t'][0])}, {_percent(row['t'][1])}]"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _comparison(result: Mapping[str, Any], costs: Mapping[str, Any]) -> list[Html]:
    rows = []
    for row in result["differences"]:
        p = "–" if row["p_holm"] is None else f"{row['p_holm']:.3g}"
        measure = NAMES.get(row["measure"], row["measure"])
        rows.append([row["a"], row["language"], row["class"], measure, row["texts"], _estimate(row), p])
    parts = []
    if rows:
        head = ("setting", "language", "class", "measure", "texts", f"minus {ON}", "p (Holm)")
        parts += [page.heading(f"Other settings minus {ON}"), page.table(head, rows)]
    where = {name: value for name, value in costs.items() if name != "guards"}
    spent = [[name, cost["clips"], cost["seconds"], cost["times_on"]] for name, cost in costs["guards"].items()]
    return [
        *parts,
        page.heading("Cost"),
        page.table(("setting", "clips", "seconds a clip", f"times {ON}"), spent),
        page.fold("Where it was measured", page.table(("fact", "value"), flat(where))),
    ]


def _row(judged: Judged) -> list[object]:
    clip = judged.clip
    text = page.foreign(clip.text.text, clip.text.language)
    return [clip.guard, clip.text.item, clip.seed, what_failed(judged), text]


def what_failed(judged: Judged) -> str:
    """In words what is missing or too many."""
    words, found = judged.words, judged.found
    parts = []
    if found.skipped:
        parts.append("skipped: " + " ".join(words[number].label for number in found.skipped))
    for first, last in found.repeated:
        parts.append("said again: " + " ".join(word.label for word in words[first:last]))
    for (first, last), times in found.looped:
        parts.append(f"{times} times: " + " ".join(word.label for word in words[first:last]))
    if found.babble:
        parts.append("babble that repeats itself")
    if found.stopped_early:
        parts.append("stopped early")
    return "; ".join(parts)


def _card(shown: Shown, folder: Path) -> Html:
    judged, clip = shown.judged, shown.judged.clip
    path = folder / clip.path
    recording = read(path)
    sound = data_url(recording.samples, recording.sample_rate, read_mark(path), ".flac")
    about = f"guard {clip.guard}, seed {clip.seed}, {clip.text.kind}, ended: {clip.ended}"
    kinds = ", ".join(NAMES.get(name, name) for name in KINDS if judged.values[name])
    return page.card(
        page.heading(page.foreign(clip.text.text, clip.text.language), 3),
        page.player(sound, clip.text.item, f"synthetic; {about}", preload="none"),
        page.paragraph(page.strong(kinds), f". {what_failed(judged)}"),
        page.picture(shown.picture, f"where in the text the model was, and what was heard: {kinds}"),
    )
