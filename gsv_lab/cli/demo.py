"""The main job in one go: a recording in, a report out.

prepare -> clone and fine-tune -> speak two English and two Mandarin sentences, zero-shot and fine-tuned -> measure ->
`report.html`. Does not know how any of it is done (`gsv_lab.inference.lab`).
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from tqdm.auto import tqdm

from gsv_lab import audio
from gsv_lab.cli.demo_report import write_report
from gsv_lab.errors import AudioError, DataError
from gsv_lab.evaluation.own import own_phone_errors, verifier
from gsv_lab.inference.lab import Lab, load
from gsv_lab.inference.utterance import Speech
from gsv_lab.inference.voice import Voice
from gsv_lab.system.files import new_folder
from gsv_lab.training.finetune import LEAST_SECONDS

SENTENCES = (
    ("en", "The morning train was late, so we walked along the river."),
    ("en", "Please leave the blue umbrella next to the kitchen door."),
    ("zh", "今天的天气很好,我们一起去公园走走吧。"),
    ("zh", "请把这本书放在窗户旁边的桌子上。"),
)
SAMPLE = Path(__file__).resolve().parent / "assets" / "sample"


@dataclass(frozen=True)
class Take:
    """One sentence said one way, with what was measured on it.

    Args:
        manner: `zero-shot` or `fine-tuned`.
        language: `en` or `zh`.
        speech: what was made.
        similarity: cosine of the verifier's embeddings of take and reference.
        phone_error: share of phones that the own recogniser hears otherwise.
        seconds: it took to make.
    """

    manner: str
    language: str
    speech: Speech
    similarity: float
    phone_error: float
    seconds: float


@dataclass(frozen=True)
class Outcome:
    """Everything the report shows."""

    source: str
    model: str
    reference: audio.Recording
    prepared: Path
    takes: list[Take]
    settings: dict[str, Any]
    seconds: float


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
    began = time.monotonic()
    paths, source = (list(recordings), "the given recording") if recordings else example(download)
    lab = load(model)
    with new_folder(output, is_own="report.html") as folder:
        prepared = lab.prepare(paths, folder / "prepared")
        if (usable := sum(piece.end - piece.start for piece in prepared.slices)) < LEAST_SECONDS:
            problem = f"{', '.join(path.name for path in paths)}: {usable:.1f} s of speech"
            raise DataError("DATA_TOO_SHORT", problem, f"at least {LEAST_SECONDS:g} s", "Record more")
        reference_file = longest_slice(folder / "prepared")
        voices = {"zero-shot": lab.clone(reference_file, consent=consent, name="demo")}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            voices["fine-tuned"] = lab.finetune(folder / "prepared", consent=consent, name="demo tuned", steps=steps)
        voices["fine-tuned"].save(folder / "voice.safetensors")
        reference = audio.read(reference_file, lab.sample_rate)
        takes = []
        for manner, voice in voices.items():
            for language, text in tqdm(SENTENCES, manner):
                takes.append(take(lab, voice, manner, language, text, reference))
        for number, made in enumerate(takes):
            made.speech.save(folder / f"{number:02d}-{made.manner}-{made.language}.wav")
        settings = dict(voices["fine-tuned"].settings)
        outcome = Outcome(
            source, lab.version, reference, folder / "prepared", takes, settings, time.monotonic() - began
        )
        write_report(outcome, lab, folder / "report.html")
    return Path(output) / "report.html"


def take(lab: Lab, voice: Voice, manner: str, language: str, text: str, reference: audio.Recording) -> Take:
    """Say a sentence and measure it."""
    began = time.monotonic()
    speech = lab.speak(text, voice, language)
    seconds = time.monotonic() - began
    judge = verifier(lab)
    similarity = float(np.dot(judge.embed(speech.wave.numpy()), judge.embed(reference.samples.numpy())))
    return Take(manner, language, speech, similarity, own_phone_errors(lab, speech), seconds)


def example(download: bool) -> tuple[list[Path], str]:
    """A recording to show the kit with, and what it is.

    Raises:
        AudioError: AUDIO_MISSING, `download` was asked for and failed.
    """
    import librosa
    import pooch

    cached = Path(pooch.os_cache("librosa"))
    if download or any(cached.glob("*5703-47212-0000*")):
        try:
            return [Path(librosa.example("libri1"))], "librosa's example libri1, a public-domain LibriVox reading"
        except Exception as error:  # pooch raises whatever its transport raises
            if download:
                raise AudioError(
                    "AUDIO_MISSING", "The example could not be fetched", "a network", str(error)
                ) from error
    files = sorted(path for path in SAMPLE.iterdir() if path.suffix in {".flac", ".wav", ".ogg"})
    return files, "the shipped sample, made by a synthesizer (see gsv_lab/assets/sample)"


def longest_slice(prepared: Path) -> Path:
    """The slice whose length is nearest to eight seconds."""
    return min(sorted((prepared / "slices").glob("*.flac")), key=lambda path: abs(audio.read(path).seconds - 8.0))
