"""Results of interventions, and of measurements of leaks and swaps, on disk: pages, JSON, pictures, waves.

One folder a result, complete or not there at all: `result.json` for programs, `result.html` to hear and see,
`result.md` to paste into notes.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gsv_lab.errors import in_markdown
from gsv_lab.evaluation.interventions.run import Outcome
from gsv_lab.hooks import Edit, Table, to_yaml
from gsv_lab.system import page
from gsv_lab.system.folders import new_folder
from gsv_lab.system.page import Html

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gsv_lab.evaluation.probes.leakage import Leakage
    from gsv_lab.evaluation.swaps.swap import Swapped

MARK = "result.json"
"""A folder that holds this file is a result of an earlier run and may be replaced."""


OVER = (
    "95 % intervals over texts; one voice speaks, so they say nothing about others. phone_error is the rise against "
    "clean speech; p, corrected by Holm over this table, stands where no effect is 0."
)


class Section(NamedTuple):
    """A part of both pages: a table, or lines of YAML, and what is to be said of it."""

    title: str
    body: Table | str
    note: str = ""


def write_outcome(outcome: Outcome, folder: str | Path) -> Path:
    """Write an intervention: `result.html`, `result.json`, `result.md`, and for each text `clean_N.wav`,
    `VARIANT_N.wav` and a picture of both.

    Raises:
        LabError: OUTPUT_EXISTS, SAVE_FAILED.
    """
    asked = outcome.intervention
    edits = {variant: edits_text(found) for variant, found in asked.edits.items()}
    content = {
        "name": asked.name,
        "model": asked.model,
        "seed": asked.seed,
        "texts": list(asked.texts),
        "edits": edits,
        "summary": outcome.summary(),
        "effects": outcome.effects(),
        "rows": outcome.rows,
        "taps": outcome.taps,
    }
    sections = [Section("Means over the texts", outcome.summary()), Section("With intervals", outcome.effects(), OVER)]
    sections += [Section(f"Edits of {variant}", text.strip() or "[]") for variant, text in edits.items()]
    sections += [Section("Every text", outcome.rows), Section("Taps", outcome.taps)]
    about = "Same texts, voice and seed; edited against clean."
    with new_folder(folder, MARK) as place:
        pictures = _write_speeches(place, outcome)
        heard = [_card(outcome, number) for number in range(len(outcome.clean))]
        _write(place, content, asked.name, about, heard, sections, pictures)
    return Path(folder)


def _card(outcome: Outcome, number: int) -> Html:
    """One text: clean and every variant to be heard side by side, and the picture of each with clean."""
    names = {variant: f"{_file(variant)}_{number}" for variant in outcome.edited}
    players = [page.player(f"clean_{number}.wav", "clean", "synthetic")]
    players += [page.player(f"{name}.wav", variant, "synthetic") for variant, name in names.items()]
    return page.card(
        page.heading(outcome.intervention.texts[number], 3),
        page.beside(*players),
        *(page.picture(f"{name}.png", f"spectrograms of clean and {variant}") for variant, name in names.items()),
    )


def _write_speeches(place: Path, outcome: Outcome) -> list[str]:
    """Waves and pictures of every text and variant; names of the pictures."""
    from gsv_lab import figures

    pictures = []
    for number, clean in enumerate(outcome.clean):
        clean.save(place / f"clean_{number}.wav")
        for variant, speeches in outcome.edited.items():
            speech = speeches[number]
            name = f"{_file(variant)}_{number}"
            speech.save(place / f"{name}.wav")
            both = {"clean": clean.wave.numpy(), variant: speech.wave.numpy()}
            title = outcome.intervention.texts[number]
            figure = figures.spectrogram_pair(both, clean.sample_rate, title=title)
            pictures.append(_picture(place, name, figure))
    return pictures


def write_disentanglement(
    leaks: Leakage,
    swaps: Swapped,
    about: Mapping[str, Any],
    folder: str | Path,
    best: Swapped | None = None,
) -> Path:
    """Write what was measured of a model's leaks and of a swap of its speaker vectors.

    Args:
        leaks: from `leakage`.
        swaps: from `swap_speakers`.
        about: says of what.
        folder: to write.
        best: the swap by a model without mistakes, where there is one.

    Raises:
        LabError: OUTPUT_EXISTS, SAVE_FAILED.
    """
    swap_table = swaps.table(best)
    n_clips, n_speakers = leaks.clips
    content = {
        "about": dict(about),
        "swap": swap_table,
        "pairs": swaps.pairs,
        "noise_scale": swaps.noise_scale,
        "probes": leaks.table(),
        "codes": leaks.codes_table(),
        "clips": n_clips,
        "speakers": n_speakers,
    }
    subject = "; ".join(f"{key} {value}" for key, value in about.items())
    at_best = "" if best is None else "At best: the synthetic corpus itself says it with the other voice."
    sections = [
        Section("Speaker vectors swapped", swap_table, at_best),
        Section("What a linear probe reads", leaks.table(), f"{n_clips} clips of {n_speakers} speakers"),
        Section("What the codes alone determine", leaks.codes_table()),
    ]
    with new_folder(folder, MARK) as place:
        pictures = [
            _picture(place, "leakage", leaks.figure("what a linear probe reads")),
            _picture(place, "swap", swaps.figure("speaker vectors swapped")),
        ]
        drawn = [page.picture(name, name) for name in pictures]
        _write(place, content, "Leaks and swaps of the speaker", subject, drawn, sections, pictures)
    return Path(folder)


def edits_text(edits: Iterable[Edit]) -> str:
    """Edits as YAML, an empty text for none."""
    edits = list(edits)
    return to_yaml(edits) if edits else ""


def _file(variant: str) -> str:
    """A variant's name with nothing in it that a file name may not hold."""
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in variant)


def _picture(place: Path, name: str, figure: Figure) -> str:
    from gsv_lab import figures

    (place / f"{name}.png").write_bytes(figures.png(figure))
    return f"{name}.png"


def _write(
    place: Path,
    content: Mapping[str, Any],
    title: str,
    about: str,
    first: Sequence[Html],
    sections: Sequence[Section],
    pictures: Sequence[str],
) -> None:
    """The result for programs, and both pages; `first` is what the HTML page begins with."""
    sections = [section for section in sections if section.body]
    whole = page.document(title, page.paragraph(about), *first, *(_html(section) for section in sections), wide=True)
    parts = [f"# {in_markdown(title)}", in_markdown(about), *(_markdown(section) for section in sections)]
    parts += [f"![{name}]({name})" for name in pictures]
    text = json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False)
    (place / MARK).write_text(text + "\n", encoding="utf-8")
    (place / "result.html").write_text(whole, encoding="utf-8")
    (place / "result.md").write_text("\n\n".join(parts) + "\n", encoding="utf-8")


def _html(section: Section) -> Html:
    body = page.code(section.body) if isinstance(section.body, str) else page.records(section.body)
    note = page.paragraph(section.note, kind="note") if section.note else ""
    return page.joined(page.heading(section.title), body, note)


def _markdown(section: Section) -> str:
    if isinstance(section.body, str):
        longest = max((len(ticks) for ticks in re.findall("`+", section.body)), default=0)
        fence = "`" * max(3, longest + 1)
        body = f"{fence}yaml\n{section.body}\n{fence}"
    else:
        # The table writes its bars out itself.
        body = str(Table({key: _shown(value) for key, value in row.items()} for row in section.body))
    return "\n\n".join(filter(None, [f"## {in_markdown(section.title)}", body, in_markdown(section.note)]))


def _shown(value: Any) -> Any:
    return in_markdown(value).replace(r"\|", "|") if isinstance(value, str) else value


def _plain(value: Any) -> Any:
    """Values as JSON can hold them: it knows neither numbers of numpy nor infinity."""
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    if isinstance(value, np.generic):
        return _plain(value.item())
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
