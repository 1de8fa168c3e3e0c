"""What an intervention or a measurement of leaks and swaps leaves on disk: JSON, Markdown, pictures, waves.

One folder a result, complete or not there at all. The file measures nothing.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from gsv_lab.evaluation.interventions import Outcome
from gsv_lab.hooks import Table, to_yaml
from gsv_lab.system.files import new_folder

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
    from gsv_lab import figures

    asked = outcome.intervention
    with new_folder(folder, MARK) as place:
        pictures = []
        for number, clean in enumerate(outcome.clean):
            clean.save(place / f"clean_{number}.wav")
            for variant, speeches in outcome.edited.items():
                name = f"{_file(variant)}_{number}"
                speeches[number].save(place / f"{name}.wav")
                both = {"clean": clean.wave.numpy(), variant: speeches[number].wave.numpy()}
                figure = figures.spectrogram_pair(both, clean.sample_rate, title=asked.texts[number])
                pictures.append(_picture(place, name, figure))
        content = {
            "name": asked.name, "model": asked.model, "seed": asked.seed, "texts": list(asked.texts),
            "edits": {variant: edits_text(edits) for variant, edits in asked.edits.items()},
            "summary": outcome.summary(), "rows": outcome.rows, "taps": outcome.taps,
        }  # fmt: skip
        lines = [f"# {asked.name}", "", "Same texts, voice and seed; edited against clean. Means over the texts:", ""]
        lines += [str(outcome.summary()), ""]
        for variant, edits in asked.edits.items():
            lines += [f"## {variant}", "", "```yaml", edits_text(edits).strip() or "[]", "```", ""]
        lines += ["## Every text", "", str(outcome.rows), ""]
        lines += ["## Taps", "", str(outcome.taps), ""] if outcome.taps else []
        lines += [f"![{name}]({name})" for name in pictures]
        _write(place, content, lines)
    return Path(folder)


def write_disentanglement(leaks: Leakage, swaps: Swapped, about: Mapping[str, Any], folder: str | Path,
                          best: Swapped | None = None) -> Path:  # fmt: skip
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
    with new_folder(folder, MARK) as place:
        pictures = [
            _picture(place, "leakage", leaks.figure("what a linear probe reads")),
            _picture(place, "swap", swaps.figure("speaker vectors swapped")),
        ]
        content = {
            "about": dict(about), "swap": swaps.table(best), "pairs": swaps.pairs, "noise_scale": swaps.noise_scale,
            "probes": leaks.table(), "codes": leaks.codes_table(), "clips": leaks.clips[0], "speakers": leaks.clips[1],
        }  # fmt: skip
        said = "; ".join(f"{key} {value}" for key, value in about.items())
        lines = ["# Who is in what", "", said, "", "## Speaker vectors swapped", "", str(swaps.table(best)), ""]
        lines += ["At best: the synthetic corpus itself says it with the other voice.", ""] if best else []
        lines += ["## What a linear probe reads", "", f"{leaks.clips[0]} clips of {leaks.clips[1]} speakers", ""]
        lines += [str(leaks.table()), "", "## What the codes alone tell", "", str(leaks.codes_table()), ""]
        _write(place, content, [*lines, *(f"![{name}]({name})" for name in pictures)])
    return Path(folder)


def edits_text(edits: Any) -> str:
    """Edits as YAML, an empty text for none."""
    return to_yaml(edits) if edits else ""


def _file(variant: str) -> str:
    return "".join(letter if letter.isalnum() or letter in "-_" else "_" for letter in variant)


def _picture(place: Path, name: str, figure: Figure) -> str:
    from gsv_lab import figures

    (place / f"{name}.png").write_bytes(figures.png(figure))
    return f"{name}.png"


def _write(place: Path, content: Mapping[str, Any], lines: list[str]) -> None:
    text = json.dumps(_plain(content), indent=1, ensure_ascii=False, allow_nan=False)
    (place / MARK).write_text(text + "\n", encoding="utf-8")
    (place / "result.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


def _plain(value: Any) -> Any:
    # JSON knows neither numbers of numpy nor infinity.
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | Table):
        return [_plain(item) for item in value]
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return round(value, 6) if math.isfinite(value) else None
    return value
