"""One call from a loaded lab and a list file to a folder with results: `gsv-lab bench --quality`.

Writes `rows.jsonl` (one line a clip, goes on after a kill), `quality.json`, `quality.md`, the synthesized waves, each
with its mark, and for each language a picture of one target on every rung (`ladder-en.png`). Measures whose packages
are absent are named in the result instead of stopping the run.
Letters: T samples at 16 kHz. The file knows a lab only by the methods that `rungs.LabRungs` uses.
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
from gsv_lab.evaluation.compare import rung_gain
from gsv_lab.evaluation.comparison import Progress, evaluate_list
from gsv_lab.evaluation.conditions import LADDER, RUNGS, LabRungs
from gsv_lab.evaluation.intelligibility import PhoneErrors, WordErrors
from gsv_lab.evaluation.lists import SAMPLE_RATE, Item, read_list
from gsv_lab.evaluation.measure import Measure, Row
from gsv_lab.evaluation.prosody import Prosody
from gsv_lab.evaluation.quality import Dnsmos
from gsv_lab.evaluation.report import ladder_markdown
from gsv_lab.evaluation.similarity import GE2E, SpeakerEmbedder, SpeakerSimilarity
from gsv_lab.system.files import save_bytes, save_failed

Recogniser = Callable[[np.ndarray], Sequence[str]]
"""Wave (T,) at 16 kHz -> phone names in the folded alphabet."""


def available_measures(
    items: Sequence[Item],
    recognisers: Mapping[str, Recogniser] | None = None,
    recogniser_name: str = "",
    embedder: SpeakerEmbedder | None = None,
) -> tuple[list[Measure], dict[str, str]]:
    """All measures that this installation can make, and for the others the reason why not.

    Args:
        items: rows of the list.
        recognisers: phone recogniser by language; none: no phone errors.
        recogniser_name: what they are, each behind its language (`en: ...; zh: ...`).
        embedder: judge of similarity; Resemblyzer if None.
    """
    makers: dict[str, Callable[[], Measure]] = {
        "words": WordErrors,
        "similarity": lambda: SpeakerSimilarity(embedder or GE2E(), items),
        "quality": Dnsmos,
        "prosody": Prosody,
    }
    if recognisers:
        makers["phones"] = lambda: PhoneErrors(recognisers, recogniser_name)
    measures, missing = [], {} if recognisers else {"phones": "No phone recogniser was given."}
    for name, make in makers.items():
        try:
            measures.append(make())
        except LabError as error:
            if error.code != "EXTRA_MISSING":
                raise
            missing[name] = str(error)
    return measures, missing


def own_judges(lab: Any) -> dict[str, Any]:
    """Judges that ship with a lab, as arguments of `evaluate_lab`: recognisers, and verifier if Resemblyzer is absent.

    Args:
        lab: a loaded lab.
    """
    from gsv_lab.evaluation import own

    try:
        embedder: SpeakerEmbedder = GE2E()
    except LabError as error:
        if error.code != "EXTRA_MISSING":
            raise
        embedder = own.verifier(lab)
    recognisers, name = own.recognisers(lab)
    return {"recognisers": recognisers, "recogniser_name": name, "embedder": embedder}


def evaluate_lab(
    lab: Any,
    list_path: str | Path,
    output: str | Path,
    *,
    system: str,
    seeds: Sequence[int] = (0,),
    rungs: Iterable[str] = LADDER,
    fine_tuned: Mapping[str, Any] | None = None,
    recognisers: Mapping[str, Recogniser] | None = None,
    recogniser_name: str = "",
    embedder: SpeakerEmbedder | None = None,
    natural_log: str | Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The ladder of a lab over a list, first take of every seed, written to a folder.

    Args:
        lab: a loaded lab.
        list_path: list file, see `gsv_lab.evaluation.lists`.
        output: folder for results; made if absent, an unfinished run in it goes on.
        system: name and version of the weights, for example `nano-1`; rows of other systems are kept apart.
        seeds: seeds of the synthesis.
        rungs: names out of `gsv_lab.evaluation.conditions.RUNGS`.
        fine_tuned: speaker -> voice, for the rung `fine_tuned`.
        recognisers: phone recogniser by language.
        recogniser_name: what they are.
        embedder: judge of similarity; Resemblyzer if None.
        natural_log: `rows.jsonl` of an earlier run whose natural-speech rows may be used again.
        progress: told before each clip.

    Returns:
        the result as in `quality.json`.

    Raises:
        LabError: errors of the list, unknown rungs, `SAVE_FAILED`.
    """
    test_list = read_list(list_path)
    steps = LabRungs(lab, test_list.items, fine_tuned).rungs(rungs)
    folder = _folder(output)
    measures, missing = available_measures(test_list.items, recognisers, recogniser_name, embedder)
    result = evaluate_list(
        test_list,
        steps,
        measures,
        seeds,
        log=folder / "rows.jsonl",
        system=system,
        natural_log=None if natural_log is None else Path(natural_log),
        keep=lambda wave, row: _write_wave(folder / "waves", wave, row),
        progress=progress,
    )
    result["missing"] = missing
    if {"zero_shot", "fine_tuned"} <= result["rungs"].keys():
        result["gains"] = rung_gain(result)
    _write_result(folder, result)
    draw_ladder(folder, test_list.items, seeds[0])
    return result


def draw_ladder(folder: str | Path, items: Sequence[Item], seed: int = 0) -> list[Path]:
    """Spectrograms of one target a language, natural and on every rung whose wave lies in the folder of a run.

    Of each language the target whose length is nearest to three seconds is drawn, into `ladder-<language>.png`.
    """
    from gsv_lab import figures

    made = []
    for language in sorted({item.language for item in items}):
        item = min((item for item in items if item.language == language), key=lambda item: abs(item.seconds - 3))
        waves = {"natural": item.target.read()}
        for rung in RUNGS:
            files = (_wave_file(rung, item.speaker, item.target.key, number) for number in (None, seed))
            found = [path for path in (Path(folder) / "waves" / file for file in files) if path.is_file()]
            waves |= {rung.replace("_", " "): read(path, SAMPLE_RATE).samples.numpy() for path in found}
        if len(waves) > 1:
            made.append(Path(folder) / f"ladder-{language}.png")
            save_bytes(made[-1], figures.png(figures.spectrogram_pair(waves, SAMPLE_RATE)))
    return made


def _folder(path: str | Path) -> Path:
    folder = Path(path)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise save_failed(folder, error.strerror or str(error)) from error
    return folder


def _write_result(folder: Path, result: dict[str, Any]) -> None:
    text = json.dumps(result, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    save_bytes(folder / "quality.json", (text + "\n").encode())
    save_bytes(folder / "quality.md", ladder_markdown(result).encode())


def _write_wave(folder: Path, wave: np.ndarray, row: Row) -> None:
    if wave.size == 0:
        return
    place = folder / _wave_file(row["rung"], row["speaker"], row["target"], row["seed"])
    place.parent.mkdir(parents=True, exist_ok=True)
    mark = Mark(row["system"], row["speaker"], settings={"rung": row["rung"], "seed": row["seed"]})
    write(place, torch.from_numpy(wave), SAMPLE_RATE, mark)


def _wave_file(rung: str, speaker: str, target: str, seed: int | None) -> Path:
    return Path(rung) / f"{speaker}_{Path(target).stem}{'' if seed is None else f'_{seed}'}.wav"
