"""One call from a loaded lab and a list file to a folder with results: `gsv-lab bench --quality`.

It writes `rows.jsonl` (one line a clip, goes on after a kill), `quality.json`, `quality.md`, the synthesized waves,
each with its mark, and for each language a picture of one target under every condition (`comparison-en.png`). Measures
whose packages are absent are named in the result and do not stop the run.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gsv_lab.audio import Mark, read, write
from gsv_lab.errors import LabError
from gsv_lab.evaluation import own
from gsv_lab.evaluation.comparison import Progress, evaluate_list
from gsv_lab.evaluation.conditions import COMPARISON, CONDITIONS, LabConditions
from gsv_lab.evaluation.gains import condition_gain
from gsv_lab.evaluation.intelligibility import PhoneErrors, WordErrors
from gsv_lab.evaluation.lists import SAMPLE_RATE, Item, read_list
from gsv_lab.evaluation.measure import Measure, Row
from gsv_lab.evaluation.prosody import Prosody
from gsv_lab.evaluation.quality import Dnsmos
from gsv_lab.evaluation.recognisers import Transcribe
from gsv_lab.evaluation.report import comparison_markdown
from gsv_lab.evaluation.similarity import GE2E, SpeakerEmbedder, SpeakerSimilarity
from gsv_lab.system.files import inside, make_folder, save_bytes

DRAWN_SECONDS = 3.0
"""Of each language, the target whose length is nearest to this is drawn."""


def available_measures(
    items: Sequence[Item],
    recognisers: Mapping[str, Transcribe] | None = None,
    recogniser_name: str = "",
    embedder: SpeakerEmbedder | None = None,
) -> tuple[list[Measure], dict[str, str]]:
    """All measures that this installation can make, and for the others the reason why not.

    Args:
        items: rows of the list.
        recognisers: phone recogniser by language; none: no phone errors.
        recogniser_name: what they are, each behind its language (`en: ...; zh: ...`).
        embedder: evaluator of similarity; Resemblyzer if None.
    """
    makers: dict[str, Callable[[], Measure]] = {
        "words": WordErrors,
        "similarity": lambda: SpeakerSimilarity(embedder or GE2E(), items),
        "quality": Dnsmos,
        "prosody": Prosody,
    }
    missing = {}
    if recognisers:
        makers["phones"] = lambda: PhoneErrors(recognisers, recogniser_name)
    else:
        missing["phones"] = "No phone recogniser was given."
    measures = []
    for name, make in makers.items():
        try:
            measures.append(make())
        except LabError as error:
            if error.code != "EXTRA_MISSING":
                raise
            missing[name] = str(error)
    return measures, missing


def own_evaluators(lab: Any) -> dict[str, Any]:
    """Evaluators that ship with a lab, as arguments of `evaluate_lab`.

    These are phone recognisers and, if Resemblyzer is absent, the speaker verifier.

    Args:
        lab: a loaded `Lab`.
    """
    recognisers, name = own.recognisers(lab)
    embedder: SpeakerEmbedder | None
    try:
        embedder = GE2E()
    except LabError as error:
        if error.code != "EXTRA_MISSING":
            raise
        embedder = own.speaker_verifier(lab)
    return {"recognisers": recognisers, "recogniser_name": name, "embedder": embedder}


def evaluate_lab(
    lab: Any,
    list_path: str | Path,
    output: str | Path,
    *,
    system: str,
    seeds: Sequence[int] = (0,),
    conditions: Iterable[str] = COMPARISON,
    fine_tuned: Mapping[str, Any] | None = None,
    recognisers: Mapping[str, Transcribe] | None = None,
    recogniser_name: str = "",
    embedder: SpeakerEmbedder | None = None,
    natural_log: str | Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The comparison of a lab's conditions over a list, first output of every seed, written to a folder.

    Args:
        lab: a loaded `Lab`.
        list_path: list file, see `gsv_lab.evaluation.lists`.
        output: folder for results; made if absent, an unfinished run in it goes on.
        system: name and version of the weights, for example `nano-1`; rows of other systems are kept apart.
        seeds: seeds of the synthesis.
        conditions: names out of `gsv_lab.evaluation.conditions.CONDITIONS`.
        fine_tuned: speaker -> voice, for the condition `fine_tuned`.
        recognisers: phone recogniser by language.
        recogniser_name: what they are.
        embedder: evaluator of similarity; Resemblyzer if None.
        natural_log: `rows.jsonl` of an earlier run whose natural-speech rows may be used again.
        progress: called before each clip.

    Returns:
        the result as in `quality.json`.

    Raises:
        LabError: errors of the list, unknown conditions, `SAVE_FAILED`.
    """
    test_list = read_list(list_path)
    made = LabConditions(lab, test_list.items, fine_tuned).conditions(conditions)
    folder = make_folder(output)
    measures, missing = available_measures(test_list.items, recognisers, recogniser_name, embedder)
    result = evaluate_list(
        test_list,
        made,
        measures,
        seeds,
        log=folder / "rows.jsonl",
        system=system,
        natural_log=None if natural_log is None else Path(natural_log),
        keep=lambda wave, row: _write_wave(folder / "waves", wave, row),
        progress=progress,
    )
    result["missing"] = missing
    if {"zero_shot", "fine_tuned"} <= result["conditions"].keys():
        result["gains"] = condition_gain(result)
    _write_result(folder, result)
    draw_comparison(folder, test_list.items, seeds[0])
    return result


def draw_comparison(folder: str | Path, items: Sequence[Item], seed: int = 0) -> list[Path]:
    """Spectrograms of one target a language, natural and under every condition whose wave lies in the folder of a run.

    They are written to `comparison-<language>.png`; languages without a wave have none.
    """
    from gsv_lab import figures

    written = []
    for language in sorted({item.language for item in items}):
        spoken = [item for item in items if item.language == language]
        item = min(spoken, key=lambda item: abs(item.seconds - DRAWN_SECONDS))
        waves = _waves(Path(folder) / "waves", item, seed)
        if waves:
            path = Path(folder) / f"comparison-{language}.png"
            picture = figures.spectrogram_pair({"natural": item.target.read(), **waves}, SAMPLE_RATE)
            save_bytes(path, figures.png(picture))
            written.append(path)
    return written


def _waves(folder: Path, item: Item, seed: int) -> dict[str, np.ndarray]:
    """What was made of a target, by condition in their order."""
    waves = {}
    for condition in CONDITIONS:
        for number in (None, seed):
            path = folder / _wave_file(condition, item.speaker, item.target.key, number)
            if path.is_file():
                waves[condition.replace("_", " ")] = read(path, SAMPLE_RATE).samples.numpy()
    return waves


def _write_result(folder: Path, result: dict[str, Any]) -> None:
    text = json.dumps(result, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    save_bytes(folder / "quality.json", (text + "\n").encode())
    save_bytes(folder / "quality.md", comparison_markdown(result).encode())


def _write_wave(folder: Path, wave: np.ndarray, row: Row) -> None:
    if wave.size == 0:
        return
    path = inside(folder, _wave_file(row["condition"], row["speaker"], row["target"], row["seed"]))
    make_folder(path.parent)
    mark = Mark(row["system"], row["speaker"], settings={"condition": row["condition"], "seed": row["seed"]})
    write(path, torch.from_numpy(wave), SAMPLE_RATE, mark)


def _wave_file(condition: str, speaker: str, target: str, seed: int | None) -> Path:
    name = f"{speaker}_{Path(target).stem}"
    if seed is not None:
        name += f"_{seed}"
    return Path(condition) / f"{name}.wav"
