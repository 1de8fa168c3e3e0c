"""A run over hard texts: every text, seed and guard setting is spoken, heard, judged and put into one result.

    result = run_hard(lab, voice, "hard_nano")

Written into the folder: `hard.json` (the result; byte-identical for the same inputs), `hard_timing.json` (what comes
from a clock or a machine), `hard.html`, the waves in `clips`, pictures of failures in `pictures`. A run that was
stopped goes on, and only what has changed is spoken anew.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from statistics import median
from typing import Any

from gsv_lab.errors import ConfigError, LabError, TextError
from gsv_lab.evaluation.hard.clips import Clip, Clips
from gsv_lab.evaluation.hard.guards import OFF, ON, Guard, chosen_guards
from gsv_lab.evaluation.hard.rates import FAILURE, Judged, differences, judge, plain, rates
from gsv_lab.evaluation.hard.report import Shown, draw, worst, write_page
from gsv_lab.evaluation.hard.texts import HardList, HardText, Word, judged_words, read_hard, sentences
from gsv_lab.evaluation.hard.traces import trace
from gsv_lab.evaluation.measures.own import recognisers
from gsv_lab.evaluation.measures.recognisers import PhoneTranscriber
from gsv_lab.inference.voice import Voice
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.folders import locked
from gsv_lab.system.provenance import provenance
from gsv_lab.system.seeds import check_seed

SCHEMA = 1
RESULT, TIMING, PAGE = "hard.json", "hard_timing.json", "hard.html"
Progress = Callable[[int, int, str], None]
"""Called before each clip: how many are done, of how many, and which is next."""


def run_hard(
    lab: Any,
    voice: Voice,
    output: str | Path,
    *,
    seeds: Sequence[int] = (0,),
    texts: HardList | str | Path | None = None,
    guards: Sequence[str] = (ON, OFF),
    progress: Progress | None = None,
) -> dict[str, Any]:
    """Speak hard texts, and count where words are skipped, said again or looped, or the speech breaks off.

    Args:
        lab: a loaded lab, of any family.
        voice: of that lab.
        output: folder of the run.
        seeds: of the synthesis.
        texts: the list, or its file; the shipped one if None.
        guards: settings of `gsv_lab.evaluation.hard.guards`; those that a family does not have are named in the result.
        progress: called before each clip.

    Returns:
        the result as in `hard.json`.

    Raises:
        ConfigError: `PARAM_RANGE`, no seeds, or an unknown guard setting. DataError: the list, see `read_hard`.
        LabError: `EVALUATOR_MISSING`, no recogniser for a language of the list; `IN_USE`; `SAVE_FAILED`.
        CheckpointError: the voice belongs to other weights.
    """
    numbers = _numbers(seeds)
    listed = texts if isinstance(texts, HardList) else read_hard(texts)
    chosen, not_run = chosen_guards(lab, guards)
    transcribers, heard_by = _judges(listed, lab)
    with locked(make_folder(output), "evaluated in"):
        clips = Clips(lab, voice, Path(output))
        words = {text: _words(lab, voice, text) for text in listed.texts}
        work = [(text, seed, guard) for text in listed.texts for seed in numbers for guard in chosen]
        made = []
        for number, (text, seed, guard) in enumerate(work):
            if progress is not None:
                progress(number, len(work), f"{text.item} {seed} {guard.name}")
            made.append(clips.make(text, seed, guard))
        judged = _judged(made, words, clips, transcribers)
        result = {
            "schema": SCHEMA,
            "list": {"name": listed.name, "sha256": listed.sha256, "texts": len(listed.texts)},
            "model": lab.version,
            "voice": voice.name,
            "seeds": numbers,
            "recognisers": heard_by,
            "guards": {guard.name: guard.described() for guard in chosen},
            "not_run": not_run,
            **_found(made, judged),
        }
        costs = _costs(made)
        _write(clips.folder / RESULT, result)
        _write(clips.folder / TIMING, costs)
        shown = _shown(lab, voice, judged, chosen, clips.folder)
        write_page(clips.folder / PAGE, result, costs, judged, shown)
    return result


def _numbers(seeds: Sequence[int]) -> list[int]:
    """The seeds, each once."""
    if not seeds:
        raise ConfigError("PARAM_RANGE", "No seed is given", "at least one whole number", "Give seeds")
    return list(dict.fromkeys(check_seed(seed) for seed in seeds))


def _judged(
    made: Sequence[Clip],
    words: Mapping[HardText, Sequence[Word]],
    clips: Clips,
    judges: Mapping[str, PhoneTranscriber],
) -> list[Judged]:
    """What became of the clips that were spoken and whose text can be judged."""
    there = [clip for clip in made if words[clip.text] and not clip.failed]
    return [judge(clip, words[clip.text], clips.wave(clip), judges[clip.text.language]) for clip in there]


def _found(made: Sequence[Clip], judged: Sequence[Judged]) -> dict[str, Any]:
    """What a run has found."""
    return {
        "rates": rates(judged),
        "differences": differences(judged),
        "failed": [_failed(clip) for clip in made if clip.failed],
        "clips": [_plain(one) for one in judged],
    }


def _judges(listed: HardList, lab: Any) -> tuple[dict[str, PhoneTranscriber], str]:
    """Phone recognisers of the languages of a list, and what they are."""
    transcribers, heard_by = recognisers(lab)
    missing = sorted({text.language for text in listed.texts} - transcribers.keys())
    if missing:
        problem = f"There is no phone recogniser for {', '.join(missing)}"
        raise LabError("EVALUATOR_MISSING", problem, "a recogniser that ships with a family", "Leave these texts out")
    return transcribers, heard_by


def _words(lab: Any, voice: Voice, text: HardText) -> list[Word]:
    """What can be judged of a text; nothing of one that cannot be read."""
    try:
        return judged_words(sentences(lab, text, voice), text.language)
    except TextError:  # the clip has failed with the same error
        return []


def _shown(lab: Any, voice: Voice, judged: Sequence[Judged], guards: Sequence[Guard], folder: Path) -> list[Shown]:
    """The worst clips with their pictures."""
    by_name = {guard.name: guard for guard in guards}
    shown = []
    for one in worst(judged):
        find = partial(trace, lab, one.clip, voice, by_name[one.clip.guard], folder)
        shown.append(Shown(one, draw(one, folder, find)))
    return shown


def _failed(clip: Clip) -> dict[str, Any]:
    return {"item": clip.text.item, "seed": clip.seed, "guard": clip.guard, "code": clip.failed}


def _plain(judged: Judged) -> dict[str, Any]:
    """A clip as it stands in the result; words by their numbers, and as they are written."""
    clip, words, found = judged.clip, judged.words, judged.found
    values = judged.values
    return {
        "item": clip.text.item,
        "class": clip.text.kind,
        "language": clip.text.language,
        "seed": clip.seed,
        "guard": clip.guard,
        "path": clip.path,
        "seconds": clip.seconds,
        "ended": clip.ended,
        "failure": bool(values[FAILURE]),
        "words": [word.label for word in words],
        "skipped": list(found.skipped),
        "repeated": [list(span) for span in found.repeated],
        "looped": [{"words": list(span), "times": times} for span, times in found.looped],
        "babble": [list(span) for span in found.babble],
        "stopped_early": found.stopped_early,
        "heard": " ".join(judged.phones),
    }


def _costs(clips: Sequence[Clip]) -> dict[str, Any]:
    """How long speaking took by guard setting, against `on` on the same texts and seeds, and what it ran on.

    Clips of an earlier run count with the time that they took then.
    """
    spoken = [clip for clip in clips if not clip.failed]
    guarded = {(clip.text.item, clip.seed): clip.spoke for clip in spoken if clip.guard == ON}
    costs: dict[str, Any] = {}
    for name in dict.fromkeys(clip.guard for clip in spoken):
        own = {(clip.text.item, clip.seed): clip for clip in spoken if clip.guard == name}
        ratios = [clip.spoke / guarded[key] for key, clip in own.items() if guarded.get(key)]
        costs[name] = {
            "clips": len(own),
            "seconds": plain(median(clip.spoke for clip in own.values())),
            "seconds_of_speech": plain(median(clip.seconds for clip in own.values())),
            "times_on": plain(median(ratios)) if ratios else None,
        }
    return {"guards": costs, **provenance()}


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = json.dumps(content, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False)
    save_bytes(path, (text + "\n").encode())
