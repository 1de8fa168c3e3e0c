"""From a prepared folder to a tuned voice: pack the clips, `fit` what a method chooses, keep the best checkpoint.

A run is a folder (`gsv_lab.training.finetuning.run_folder`). Recordings, and what is packed of them, lie in a private
folder while it lasts; killed, the same call goes on where it was, and the voice is the same to the bit.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.voice_clips import VoiceClips, read_clips
from gsv_lab.corpora.voice_store import voice_store
from gsv_lab.errors import ConfigError
from gsv_lab.inference.family import Family
from gsv_lab.inference.recordings import Recordings
from gsv_lab.inference.voice import Voice
from gsv_lab.system.config import build
from gsv_lab.system.environment import pause_file
from gsv_lab.system.folders import locked, resumable_folder
from gsv_lab.system.seeds import check_seed
from gsv_lab.training.finetuning.candidates import Candidate, Recorded, best_by_held_out, candidates
from gsv_lab.training.finetuning.run_folder import CHECKPOINTS, RunFolder
from gsv_lab.training.finetuning.settings import Settings
from gsv_lab.training.fit import fit
from gsv_lab.training.verdict.judgement import Judgement


def finetune(
    family: Family,
    recordings: Recordings,
    folder: str | Path,
    *,
    consent: str = "",
    name: str = "",
    max_seconds: float = 60.0,
    run: str | Path | None = None,
    verdict: bool = True,
    anyway: bool = False,
    untuned: bool = False,
    terms: Sequence[str] = (),
    progress_bar: bool = True,
    say: Callable[[str], None] = lambda line: None,
    **settings: Any,
) -> Voice:
    """Tune a voice on a prepared folder.

    Args:
        family: base model.
        recordings: what its networks find in recordings.
        folder: made by `gsv-lab prepare`: `list.txt` and `slices/`.
        consent: note on who agreed, kept in the voice.
        name: of the voice; the folder's name if empty.
        max_seconds: of speech to use, in list order.
        run: folder for events, checkpoints and weights; by default one in the cache folder that is called by what the
            run is of. A run that is finished there already is not trained again.
        verdict: judge recordings and checkpoints (`gsv_lab.training.verdict`) and write the verdict into the run
            folder. Without it the checkpoint with the lowest held-out loss is taken, whatever it is like.
        anyway: hand out a tuned voice that is not better, and tune on recordings that are too poor.
        untuned: hand out the untuned voice of all recordings where no tuned one is better.
        terms: words or sentences in which the voice must be clear: they are spoken and measured in the verdict.
        progress_bar: show one.
        say: called with a line on the clips, and when a training begins.
        settings: what is trained, and for how long: the fields of `Settings`.

    Raises:
        ConfigError: those of the configuration; RESUME_INCOMPATIBLE, `run` holds another run. DataError: those of
            `read_clips`; DATA_TOO_POOR, the recordings. LabError: FINETUNE_NOT_BETTER, no step is better than the
            untuned voice; SAVE_FAILED, OUTPUT_EXISTS, and those of `gsv_lab.training.fit.fit`.
            KeyboardInterrupt: Ctrl-C; the same call goes on.
    """
    how, folder = Settings(**settings), Path(folder)
    found = read_clips(folder, max_seconds)
    experiments = how.experiments(family, found.transcribed)
    if terms and not verdict:
        problem = "terms are spoken for the verdict, and there is to be none"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "terms with a verdict")
    judgement = Judgement(recordings, found, anyway, untuned, terms) if verdict else None
    found = judgement.good_clips if judgement else found
    place = RunFolder(family, recordings.fingerprints, experiments, found, run)
    left = f", {len(found.left_out)} left out" if found.left_out else ""
    say(f"{len(found.origins)} clips, {found.seconds:.1f} s{left}")
    if judgement:
        judgement.refuse_poor(place)
    work = f"finetune {place.key} {place.folder.absolute()}"
    with locked(place.folder, "tuned in"), resumable_folder(work) as private:
        place.begin()
        store = voice_store(family, found.clips, private / "store")
        files = checkpoints(family, experiments, store, place, progress_bar, say)
        recorded = Recorded(family, recordings, store, found.transcribed)
        states = candidates(recorded, files)
        if judgement:
            chosen = judgement.chosen(recorded, states, list(files), place.folder, progress_bar)
        else:
            chosen = best_by_held_out(recorded, states, list(files))
        voice = made_voice(recorded, chosen, how, experiments, found, name or folder.name, consent, folder.name)
        place.finish(files)
    if judgement:
        say(f"verdict: {judgement.verdict.words}; {judgement.page}")
        judgement.refuse_worse()
        voice = replace(voice, settings={**voice.settings, "verdict": judgement.verdict.brief()})
    return voice


def checkpoints(
    family: Family,
    experiments: Mapping[str, Mapping[str, Any]],
    store: ClipStore,
    place: RunFolder,
    progress_bar: bool,
    say: Callable[[str], None],
) -> dict[str, list[Path]]:
    """Train all stages, unless the run is finished already: stage -> the folders of its checkpoints, in their order."""
    if place.checkpoints:
        say(f"the run {place.folder} is finished already; nothing is trained")
        return place.checkpoints
    return {
        stage: trained(family, experiment, store, place, stage, progress_bar, say)
        for stage, experiment in experiments.items()
    }


def trained(
    family: Family,
    experiment: Mapping[str, Any],
    store: ClipStore,
    place: RunFolder,
    stage: str,
    progress_bar: bool,
    say: Callable[[str], None],
) -> list[Path]:
    """Train one stage; the folders of its checkpoints, in their order."""
    spec, data = experiment["task"], experiment["data"]
    data = {**data, "init_args": {**data["init_args"], "store": str(store.folder)}}
    # Low-rank updates begin with random numbers. The networks are those at hand, not those of a file of the same name.
    torch.manual_seed(check_seed(experiment["seed"]))
    task = build({**spec, "init_args": {**spec["init_args"], "base": family}})
    run = place.folder / stage
    fit(
        {**experiment, "data": data}, run, task=task, pause=pause_file(), progress_bar=progress_bar,
        fresh=place.was_finished, say=say,
    )  # fmt: skip
    return sorted(path for path in (run / CHECKPOINTS).iterdir() if path.is_dir())


def made_voice(
    recorded: Recorded,
    chosen: Candidate,
    how: Settings,
    experiments: Mapping[str, Mapping[str, Any]],
    found: VoiceClips,
    name: str,
    consent: str,
    source: str,
) -> Voice:
    """The voice of a candidate, with what tuned it and how."""
    rates = {stage: experiment["task"]["init_args"].get("learning_rate") for stage, experiment in experiments.items()}
    return Voice(
        name=name,
        parent=recorded.family.version,
        parents=recorded.recordings.fingerprints,
        speaker=chosen.speaker,
        prompt=recorded.prompt,
        changed=chosen.changed,
        adapters=chosen.adapters,
        consent=consent,
        settings={
            "source": source,
            "seconds": round(recorded.seconds, 1),
            "transcribed": recorded.transcribed,
            "method": how.method,
            "stage": how.stage,
            "seed": next(iter(experiments.values()))["seed"],
            "steps": chosen.step,
            "learning_rate": rates,
            "held_out_loss": chosen.held_out,
            **({"configs": [Path(path).name for path in how.configs]} if how.configs else {}),
        },
        residuals=recorded.residuals(chosen),
        tuned_on=tuple(found.origins),
    )
