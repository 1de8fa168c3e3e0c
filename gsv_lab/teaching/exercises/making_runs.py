"""Makes the shipped runs of notebook 09 anew.

    python -m gsv_lab.teaching.exercises.making_runs runs WORK [--output DIR]       half an hour on one core
    python -m gsv_lab.teaching.exercises.making_runs seconds WORK FOLDER ... [--lengths S ...] [--output DIR]

The first runs the commands of `voice_runs.commands`, one after the other, packs settings and scalars of each run, and
lets checkpoints speak. The second tunes on more and more speech of each of some prepared folders, each of one person,
and compares with clips that were left over. Stopped, the same call goes on where it was.
Letters: T samples, F frames, D coefficients.
"""

from __future__ import annotations

import argparse
import json
import math
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

import gsv_lab
from gsv_lab import audio
from gsv_lab.corpora.earlier import LIST
from gsv_lab.corpora.voice_clips import read_clips
from gsv_lab.corpora.voice_store import voice_store
from gsv_lab.errors import DataError, LabError
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.voice import Voice
from gsv_lab.system import examples
from gsv_lab.system.environment import surroundings
from gsv_lab.system.files import csv_of, make_folder, save_bytes
from gsv_lab.teaching.exercises.judging import judge
from gsv_lab.teaching.exercises.metrics import RATE, cepstra
from gsv_lab.teaching.exercises.short_runs import checkpoints, voices
from gsv_lab.teaching.exercises.tuning_kit import copied
from gsv_lab.teaching.exercises.voice_runs import (
    CURVES,
    RESULTS,
    RUNS,
    SECONDS,
    SIMILARITY,
    SPOKEN,
    MoreSpeech,
    Spoken,
    commands,
)
from gsv_lab.teaching.widgets.script import SCRIPTS
from gsv_lab.training.run_card import DONE
from gsv_lab.training.runs import Run, find

STORE = "stores/voice"
"""Stands in a shipped run for the folder of the packed clips."""
DIGITS = 5
"""Of a shipped number."""
OTHERS = 4
"""Clips that were left over, at most, with which `seconds` compares."""
HELD_OUT = 1
"""Place of the slice in the list that the runs hold out, and that voices are compared with."""
SEEDS = (0, 1)
"""Of each sentence that a voice says."""
LENGTHS, STEPS = (15.0, 30.0, 60.0), 120
"""Seconds of speech of `seconds` where none are named, and batches of each of its runs."""


def make_runs(work: Path, output: Path) -> None:
    """Train what is not trained yet, pack it, and let it speak.

    Raises:
        LabError: BOOK_TRAINING, a command failed.
    """
    _material(work)
    lines = commands()
    if not (work / "sample").is_dir():
        _call(lines[0], work, work / "sample" / LIST)
    if not (work / "leaking").is_dir():
        leak(work / "sample", work / "leaking")
    for name, line in zip(RUNS, lines[1:], strict=True):
        run = _trained(line, work, name)
        save_bytes(make_folder(output) / f"{name}.json", packed_run(run, line))
    save_bytes(output / SIMILARITY, csv_of(Spoken, speak_all(work)))


def _material(work: Path) -> None:
    """What the commands find where they are called."""
    sentences = examples.sample_card()["sentences"]
    make_folder(work)
    shutil.copy(examples.shipped_sample(), work / "en_rms.flac")
    (work / "script.txt").write_text("".join(f"{row['text']}\n" for row in sentences), encoding="utf-8")
    (work / "curves.yaml").write_text(CURVES, encoding="utf-8")


def leak(source: Path, target: Path) -> None:
    """A prepared folder whose held-out slice follows once more, 1 dB quieter, as a copy that nobody noticed."""
    shutil.copytree(source, target)
    (target / "report.json").unlink()
    lines = (target / LIST).read_text(encoding="utf-8").splitlines()
    path, _, rest = lines[HELD_OUT].partition("|")
    recording = audio.read(target / path)
    other = Path(path).with_name("again.flac")
    audio.write(target / other, recording.samples * 10 ** (-1 / 20), recording.sample_rate)
    lines.insert(HELD_OUT + 1, f"{other.as_posix()}|{rest}")
    (target / LIST).write_text("\n".join([*lines, ""]), encoding="utf-8")


def _trained(line: str, work: Path, name: str) -> Run:
    """The run of a command, which is called where it has not come to its end.

    Raises:
        LabError: BOOK_TRAINING.
    """
    folder = work / "runs" / name
    if not (run := _done(folder)):
        _call(line, work, folder)
        run = _done(folder)
    if run is None:
        raise LabError("BOOK_TRAINING", f"'{line}' trained nothing", "", "Look into its run folder")
    return run


def _done(folder: Path) -> Run | None:
    """The run in a folder, if it has come to its end."""
    found = find(folder) if folder.is_dir() else []
    return next((run for run in found if run.card.get("end") == DONE), None)


def _call(line: str, work: Path, makes: Path) -> None:
    """Run a command of the kit in a folder. That it hands out no voice, since none is better, is no failure.

    Args:
        line: of a shell.
        work: where it is run.
        makes: what is there afterwards.

    Raises:
        LabError: BOOK_TRAINING.
    """
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
    command = [sys.executable, "-m", "gsv_lab", *shlex.split(line)[1:]]
    done = subprocess.run(command, cwd=work, env=surroundings(), capture_output=True, text=True)
    if not makes.exists():
        why = (done.stderr.strip().splitlines() or ["no word"])[-1]
        raise LabError("BOOK_TRAINING", f"'{line}' stopped: {why}", "", "The same call goes on where it was")


def packed_run(run: Run, command: str) -> bytes:
    """Settings and scalars of a run as a file; paths of this machine, its name and its hours are left out."""
    store = str(run.settings["sizes"]["store"])
    settings = json.loads(json.dumps(run.settings).replace(json.dumps(store)[1:-1], STORE))
    settings["data"]["init_args"]["store"] = STORE
    card = {name: value for name, value in run.card.items() if name != "machine"}
    card["machine"] = {"minutes": run.minutes}
    scalars = {tag: [[step, _rounded(value)] for step, value in rows] for tag, rows in run.scalars().items()}
    scalars.pop("epoch", None)
    told = {"command": command, "settings": settings, "card": card, "scalars": scalars}
    return json.dumps(told, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def _rounded(value: float) -> float:
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else value


def speak_all(work: Path) -> Iterable[Spoken]:
    """What the checkpoints of `SPOKEN` say, each beside the held-out slice."""
    lab = gsv_lab.load("nano")
    verifier = judge(lab)
    for name in SPOKEN:
        options = RUNS[name]
        most = float(options[options.index("--max-seconds") + 1]) if "--max-seconds" in options else 60.0
        clips = read_clips(work / options[0], most).clips
        store = voice_store(lab.family, clips, work / "stores" / name)
        heard, fresh = (audio.read(clips[place].path, RATE).samples.numpy() for place in (0, HELD_OUT))
        own = verifier.embed(fresh)
        frames = [cepstra(wave)[:, 1:] for wave in (heard, fresh)]
        size = min(map(len, frames))
        for step, voice in voices(lab, store, checkpoints(work / "runs" / name / "sovits")).items():
            for number, wave in enumerate(_said(lab, voice)):
                cosine = float(own @ verifier.embed(wave))
                share = copied(cepstra(wave)[:, 1:], frames[0][:size], frames[1][:size])
                yield Spoken(name, step, number, _rounded(cosine), _rounded(share))


def _said(lab: Lab, voice: Voice, language: str = "en") -> Iterable[np.ndarray]:
    """Sentences of the recorder's script by a voice, (T,) each."""
    for seed in SEEDS:
        for text in SCRIPTS[language]:
            yield lab.speak(text, voice, language, seed, candidates=1).wave.numpy()


def make_seconds(work: Path, folders: Sequence[Path], output: Path, lengths: Sequence[float] = LENGTHS) -> None:
    """Tune on more and more speech of each folder by low-rank updates, and compare with clips that were left over.

    The zero-shot voice of the same speech stands beside each.

    Speakers are called A, B ...: whose voices they are is nobody's business.

    Raises:
        DataError: DATA_TOO_SHORT, a folder has no speech left over; those of `read_clips`. LabError: BOOK_TRAINING.
    """
    lab = gsv_lab.load("nano")
    rows = [row for letter, folder in zip("ABCDEFGHIJKLMNOPQRSTUVWXYZ", folders, strict=False)
            for row in _more_speech(lab, letter, folder, make_folder(work), lengths)]  # fmt: skip
    save_bytes(make_folder(output) / SECONDS, csv_of(MoreSpeech, rows))


def _more_speech(lab: Lab, letter: str, folder: Path, work: Path, lengths: Sequence[float]) -> Iterable[MoreSpeech]:
    verifier = judge(lab)
    longest = read_clips(folder, max(lengths)).clips
    used = {clip.path for clip in longest}
    rest = [clip.path for clip in read_clips(folder, math.inf).clips if clip.path not in used]
    if not rest:
        raise DataError("DATA_TOO_SHORT", f"{folder} has no speech left over", f"more than {max(lengths):g} s")
    others = np.stack([verifier.embed(audio.read(path, RATE).samples.numpy()) for path in rest[:OTHERS]])
    for seconds in lengths:
        name = f"{letter}{seconds:g}"
        line = f"gsv-lab finetune {shlex.quote(str(folder.absolute()))} --method lora --steps {STEPS} --no-verdict"
        _trained(f"{line} --max-seconds {seconds:g} --run-folder runs/{name} --output {name}.safetensors", work, name)
        found = read_clips(folder, seconds)
        store = voice_store(lab.family, found.clips, work / "stores" / name)
        last = checkpoints(work / "runs" / name / "sovits")[-1:]
        cosines = []
        for voice in voices(lab, store, last).values():
            said = [others @ verifier.embed(wave) for wave in _said(lab, voice, longest[0].language)]
            cosines.append(_rounded(float(np.mean(said))))
        yield MoreSpeech(letter, round(found.seconds, 1), *cosines)


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m gsv_lab.teaching.exercises.making_runs runs WORK`, or `seconds WORK FOLDER ...`."""
    parser = argparse.ArgumentParser(
        prog="python -m gsv_lab.teaching.exercises.making_runs", description="Make the runs of notebook 09."
    )
    what = parser.add_subparsers(required=True, dest="what")
    texts: Mapping[str, str] = {"runs": "the runs of the shipped sample", "seconds": "more and more speech"}
    for name, text in texts.items():
        command = what.add_parser(name, help=text)
        command.add_argument("work", type=Path, help="folder for what is trained")
        command.add_argument("--output", type=Path, default=RESULTS, metavar="DIR", help="where the files are written")
        if name == "seconds":
            command.add_argument("folders", type=Path, nargs="+", metavar="FOLDER", help="prepared, one person each")
            command.add_argument(
                "--lengths", type=float, nargs="+", default=LENGTHS, metavar="S", help="seconds of speech"
            )
    options = parser.parse_args(arguments)
    if options.what == "runs":
        make_runs(options.work, options.output)
    else:
        make_seconds(options.work, options.folders, options.output, options.lengths)
    return 0


if __name__ == "__main__":
    sys.exit(main())
