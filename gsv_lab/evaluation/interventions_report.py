"""Results of interventions, and of measurements of leaks and swaps, on disk: JSON, Markdown, pictures, waves.

One folder a result, complete or not there at all.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from gsv_lab.evaluation.interventions import Outcome
from gsv_lab.hooks import Edit, to_yaml
from gsv_lab.system.folders import new_folder

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from gsv_lab.evaluation.probes_leakage import Leakage
    from gsv_lab.evaluation.swap import Swapped

MARK = "result.json"
"""A folder that holds this file is a result of an earlier run and may be replaced."""


def write_outcome(outcome: Outcome, folder: str | Path) -> Path:
    """Write an intervention: `result.json`, `result.md`, and for each text `clean_N.wav`, `VARIANT_N.wav` and a picture
    of both.

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
        "rows": outcome.rows,
        "taps": outcome.taps,
    }
    lines = [f"# {asked.name}", "", "Same texts, voice and seed; edited against clean. Means over the texts:", ""]
    lines += [str(outcome.summary()), ""]
    for variant, text in edits.items():
        lines += [f"## {variant}", "", "```yaml", text.strip() or "[]", "```", ""]
    lines += ["## Every text", "", str(outcome.rows), ""]
    if outcome.taps:
        lines += ["## Taps", "", str(outcome.taps), ""]
    with new_folder(folder, MARK) as place:
        pictures = _write_speeches(place, outcome)
        _write(place, content, lines, pictures)
    return Path(folder)


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
    lines = ["# Leaks and swaps of the speaker", "", subject, "", "## Speaker vectors swapped", "", str(swap_table), ""]
    if best is not None:
        lines += ["At best: the synthetic corpus itself says it with the other voice.", ""]
    lines += ["## What a linear probe reads", "", f"{n_clips} clips of {n_speakers} speakers", "", str(leaks.table())]
    lines += ["", "## What the codes alone determine", "", str(leaks.codes_table()), ""]
    with new_folder(folder, MARK) as place:
        pictures = [
            _picture(place, "leakage", leaks.figure("what a linear probe reads")),
            _picture(place, "swap", swaps.figure("speaker vectors swapped")),
        ]
        _write(place, content, lines, pictures)
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


def _write(place: Path, content: Mapping[str, Any], lines: Sequence[str], pictures: Sequence[str]) -> None:
    text = json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False)
    page = [*lines, *(f"![{name}]({name})" for name in pictures)]
    (place / MARK).write_text(text + "\n", encoding="utf-8")
    (place / "result.md").write_text("\n".join(page) + "\n", encoding="utf-8")


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
