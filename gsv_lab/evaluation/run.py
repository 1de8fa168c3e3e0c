"""One call from a loaded lab and a list file to a folder with results: `gsv-lab bench --quality`.

It writes `rows.jsonl` (one line a clip, goes on after a kill), `quality.json`, `quality.md`, `transcripts.md` (what was
recognised), the synthesized waves, each with its mark, and for each language a picture of one target under every
condition (`comparison-en.png`). Measures whose packages or weights are absent are named in the result and do not stop
the run.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gsv_lab.audio import Mark, read, read_mark, write
from gsv_lab.audio.whisper import HOW_TO_GET, whisper_folders
from gsv_lab.errors import AudioError, ConfigError, LabError
from gsv_lab.evaluation.measures import own
from gsv_lab.evaluation.comparison import Progress, evaluate_list
from gsv_lab.evaluation.conditions import COMPARISON, CONDITIONS, LabConditions
from gsv_lab.evaluation.gains import condition_gain
from gsv_lab.evaluation.measures.text import UNITS, PhoneErrors, TextErrors, WordErrors
from gsv_lab.evaluation.lists import SAMPLE_RATE, Item, TestList
from gsv_lab.evaluation.measures import Measure, Row
from gsv_lab.evaluation.measures.prosody import Prosody
from gsv_lab.evaluation.measures.quality import Dnsmos
from gsv_lab.evaluation.measures.recognisers import PhoneTranscriber, Transcribe, Whisper
from gsv_lab.evaluation.report import comparison_markdown, transcripts_markdown
from gsv_lab.evaluation.measures.similarity import GE2E, SpeakerEmbedder, SpeakerSimilarity
from gsv_lab.evaluation.measures.timing import Timing
from gsv_lab.system.extras import require
from gsv_lab.system.files import inside, make_folder, save_bytes

MEASURES = ("whisper", "words", "phones", "similarity", "quality", "timing", "prosody")
"""What can be measured: text by Whisper, words by pocketsphinx, phones by evaluation recognisers, and so on."""
DRAWN_SECONDS = 3.0
"""Of each language, the target whose length is nearest to this is drawn."""


def available_measures(
    items: Sequence[Item],
    recognisers: Mapping[str, Transcribe] | None = None,
    recogniser_name: str = "",
    embedder: SpeakerEmbedder | None = None,
    whisper: str | Path | None = None,
    only: Sequence[str] | None = None,
) -> tuple[list[Measure], dict[str, str]]:
    """All measures that this installation can make, and for the others the reason why not.

    Args:
        items: rows of the list.
        recognisers: phone recogniser by language; none: no phone errors.
        recogniser_name: what they are, each behind its language (`en: ...; zh: ...`).
        embedder: evaluator of similarity; Resemblyzer if None.
        whisper: folder of a Whisper model or of several, see `whisper_folders`; none: no text by Whisper.
        only: names out of `MEASURES`; all if None.

    Raises:
        ConfigError: `MEASURE_UNKNOWN`. LabError: a Whisper model that cannot be used, see `Whisper`.
    """
    wanted = MEASURES if only is None else only
    unknown = sorted(set(wanted) - set(MEASURES))
    if unknown:
        raise ConfigError("MEASURE_UNKNOWN", f"There is no measure {unknown[0]!r}", ", ".join(MEASURES))
    aligners = {name: found for name, found in (recognisers or {}).items() if isinstance(found, PhoneTranscriber)}
    makers: dict[str, Callable[[], Measure]] = {
        "words": WordErrors,
        "phones": lambda: PhoneErrors(recognisers or {}, recogniser_name),
        "similarity": lambda: SpeakerSimilarity(embedder or GE2E(), items),
        "quality": Dnsmos,
        "timing": lambda: Timing(aligners, recogniser_name),
        "prosody": Prosody,
    }
    missing = {}
    measures: list[Measure] = []
    if "whisper" in wanted:
        if whisper is None:
            missing["whisper"] = f"No folder of Whisper models was given. {HOW_TO_GET}."
        else:
            measures += whisper_measures(whisper, {item.language for item in items})
    if not recognisers:
        missing["phones"] = missing["timing"] = "No phone recogniser was given."
    for name, make in makers.items():
        if name not in wanted or name in missing:
            continue
        try:
            measures.append(make())
        except LabError as error:
            if error.code != "EXTRA_MISSING":
                raise
            missing[name] = str(error)
    return measures, {name: reason for name, reason in missing.items() if name in wanted}


def whisper_measures(folder: str | Path, languages: Collection[str]) -> list[Measure]:
    """Errors in what the Whisper models of a folder write down; models of English alone judge English alone.

    Raises:
        LabError: `EXTRA_MISSING`. CheckpointError: see `Whisper`.
    """
    require("jiwer", "asr")
    measures: list[Measure] = []
    for place in sorted(whisper_folders(folder), key=lambda path: (path / "model.bin").stat().st_size):
        model = Whisper(place)
        for unit, (language, _) in UNITS.items():
            if language in languages and (language == "en" or model.multilingual):
                measures.append(TextErrors(unit, partial(model, language=language), model.identity, model.name))
    return measures


def own_evaluators(lab: Any) -> dict[str, Any]:
    """Evaluators that ship with a lab, as arguments of `available_measures`.

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
    test_list: TestList,
    available: tuple[Sequence[Measure], Mapping[str, str]],
    output: str | Path,
    *,
    system: str,
    seeds: Sequence[int] = (0,),
    conditions: Iterable[str] = COMPARISON,
    fine_tuned: Mapping[str, Any] | None = None,
    candidates: int | None = None,
    baseline: Any = None,
    natural_log: str | Path | None = None,
    progress: Progress | None = None,
) -> dict[str, Any]:
    """The comparison of a lab's conditions over a list, first output of every seed, written to a folder.

    Args:
        lab: a loaded `Lab`.
        test_list: of `gsv_lab.evaluation.lists.read_list`.
        available: the measures, and by name why others are missing, as `available_measures` gives them.
        output: folder for results; made if absent, an unfinished run in it goes on.
        system: name and version of the weights, for example `nano-1`; rows of other systems are kept apart.
        seeds: seeds of the synthesis.
        conditions: names out of `gsv_lab.evaluation.conditions.CONDITIONS`.
        fine_tuned: speaker -> voice, for the condition `fine_tuned`.
        candidates: of each sentence in zero-shot; the lab's own number if None.
        baseline: another lab, for the condition `baseline`; see `gsv_lab.evaluation.baseline`.
        natural_log: `rows.jsonl` of an earlier run whose natural-speech rows may be used again.
        progress: called before each clip.

    Returns:
        the result as in `quality.json`.

    Raises:
        LabError: unknown conditions, `SAVE_FAILED`.
    """
    made = LabConditions(lab, test_list.items, fine_tuned, candidates, baseline).conditions(conditions)
    able, missing = available
    folder = make_folder(output)
    result = evaluate_list(
        test_list,
        made,
        able,
        seeds,
        log=folder / "rows.jsonl",
        system=system,
        natural_log=None if natural_log is None else Path(natural_log),
        kept=Waves(folder / "waves"),
        progress=progress,
    )
    result["missing"] = {**missing} | {
        condition.name: "This family does not support it."
        for condition in made
        if condition.name not in result["conditions"]
    }
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
    save_bytes(folder / "transcripts.md", transcripts_markdown(result).encode())


class Waves:
    """The waves of a run in a folder, each marked with the `sound` of its row; see `comparison.Kept`.

    Args:
        folder: where they lie; made when the first one is written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, row: Row) -> np.ndarray | None:
        """The wave (T,) of a row, if it lies here and its mark names the same sound."""
        path = self._path(row)
        try:
            mark = read_mark(path)
            if mark is None or mark.settings.get("sound") != row["sound"]:
                return None
            return read(path, SAMPLE_RATE).samples.numpy()
        except AudioError:
            return None

    def write(self, wave: np.ndarray, row: Row) -> None:
        """Write a wave (T,), T at least 1."""
        path = self._path(row)
        make_folder(path.parent)
        settings = {name: row[name] for name in ("condition", "seed", "sound")}
        write(path, torch.from_numpy(wave), SAMPLE_RATE, Mark(row["system"], row["speaker"], settings=settings))

    def _path(self, row: Row) -> Path:
        return inside(self.folder, _wave_file(row["condition"], row["speaker"], row["target"], row["seed"]))


def _wave_file(condition: str, speaker: str, target: str, seed: int | None) -> Path:
    name = f"{speaker}_{Path(target).stem}"
    if seed is not None:
        name += f"_{seed}"
    return Path(condition) / f"{name}.wav"
