"""The main job in one go: a recording in, a report out.

prepare -> clone and fine-tune -> speak two English and two Mandarin sentences, zero-shot and fine-tuned -> measure ->
`report.html`.
"""

from __future__ import annotations

import itertools
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from tqdm.auto import tqdm

from gsv_lab import audio
from gsv_lab.cli.console import share_bar
from gsv_lab.cli.demo_report import CONDITIONS, PREPARED, Outcome, Sentence, Spoken, write_report
from gsv_lab.cli.example import described, example
from gsv_lab.corpora.prepare import Prepared
from gsv_lab.corpora.voice_clips import LEAST_SECONDS
from gsv_lab.errors import DataError
from gsv_lab.evaluation.measures.own import own_phone_errors, speaker_verifier
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.voice import Voice
from gsv_lab.system.folders import check_output_folder, new_folder, private_folder

MARK = "report.html"
"""A folder that holds this file was made by an earlier run and may be replaced."""

SENTENCES = (
    ("en", "The morning train was late, so we walked along the river."),
    ("en", "Please leave the blue umbrella next to the kitchen door."),
    ("zh", "今天的天气很好,我们一起去公园走走吧。"),
    ("zh", "请把这本书放在窗户旁边的桌子上。"),
)


def demo(
    recordings: Sequence[Path],
    output: str | Path,
    download: bool = False,
    model: str = "",
    consent: str = "",
    steps: int = 120,
) -> Path:
    """Run the whole demonstration.

    Args:
        recordings: sound files of one person; none: the example of librosa if it is cached, else the shipped sample.
        output: folder to write: `report.html`, `voice.safetensors`, `prepared/`, waves.
        download: fetch librosa's example if it is not cached.
        model: base model.
        consent: kept in the voice file.
        steps: most steps of fine-tuning.

    Returns:
        path of the report.

    Raises:
        DataError: DATA_TOO_SHORT, too little speech to fine-tune on.
    """
    check_output_folder(output, MARK)
    began = time.monotonic()
    paths = list(recordings) or [example(download)]
    lab = load(model)
    with private_folder() as private, new_folder(output, MARK, within=private) as folder:
        with share_bar("recordings") as progress:
            prepared = lab.prepare(paths, folder / PREPARED, progress=progress)
        _check_length(prepared, paths)
        reference_file = longest_slice(prepared.folder)
        zero_shot = lab.clone(reference_file, consent=consent, name="demo")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the report says it where no step made it better
            how = {"consent": consent, "name": "demo tuned", "steps": steps, "run": private / "run", "verdict": False}
            tuned = lab.finetune(prepared.folder, **how)
        tuned.save(folder / "voice.safetensors")
        reference = audio.read(reference_file, lab.sample_rate)
        said = []
        for number, (condition, voice) in enumerate(zip(CONDITIONS, (zero_shot, tuned), strict=True)):
            spoken: list[Spoken] = []
            for language, text in tqdm(SENTENCES, condition):
                file = f"{number * len(SENTENCES) + len(spoken):02d}-{condition}-{language}.wav"
                spoken.append(speak(lab, voice, language, text, reference, file))
            said.append(spoken)
        for one in itertools.chain(*said):
            one.speech.save(folder / one.file)
        outcome = Outcome(
            source=described(paths, [prepared.folder / piece.path for piece in prepared.slices]),
            model=lab.version,
            reference=reference,
            prepared=prepared,
            sentences=[Sentence(*asked, *both) for asked, *both in zip(SENTENCES, *said, strict=True)],
            settings=dict(tuned.settings),
            seconds=time.monotonic() - began,
        )
        write_report(outcome, folder / MARK)
    return Path(output) / MARK


def _check_length(prepared: Prepared, paths: Sequence[Path]) -> None:
    """Refuse recordings with too little speech, before anything is trained."""
    usable = sum(piece.end - piece.start for piece in prepared.slices)
    if usable < LEAST_SECONDS:
        problem = f"{', '.join(path.name for path in paths)}: {usable:.1f} s of speech"
        raise DataError("DATA_TOO_SHORT", problem, f"at least {LEAST_SECONDS:g} s", "Record more")


def speak(
    lab: Lab,
    voice: Voice,
    language: str,
    text: str,
    reference: audio.Recording,
    file: str,
) -> Spoken:
    """Say a sentence and measure it; it shall become a file of that name."""
    began = time.monotonic()
    speech = lab.speak(text, voice, language)
    seconds = time.monotonic() - began
    verifier = speaker_verifier(lab)
    similarity = None
    if verifier is not None:
        made = verifier.embed(speech.wave.numpy())
        recorded = verifier.embed(reference.samples.numpy())
        similarity = float(np.dot(made, recorded))
    return Spoken(speech, similarity, own_phone_errors(lab, speech), seconds, file)


def longest_slice(prepared: Path) -> Path:
    """The slice whose length is nearest to eight seconds."""
    slices = sorted((prepared / "slices").glob("*.flac"))
    return min(slices, key=lambda path: abs(audio.read(path).seconds - 8.0))
