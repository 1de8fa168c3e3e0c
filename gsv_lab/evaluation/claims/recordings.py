"""The recordings that claims are measured on: corpora by their protocols, or the shipped sample.

Each reader writes what is spoken as a list that stands alone (`gsv_lab.evaluation.protocol_files`), and each draw to
tune on as a folder that `finetune` takes.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from gsv_lab import audio
from gsv_lab.corpora.listfile import Row, write_list
from gsv_lab.corpora.voice_clips import LIST as CLIPS
from gsv_lab.errors import DataError
from gsv_lab.evaluation.items import TestList
from gsv_lab.evaluation.lists import COLUMNS, read_list
from gsv_lab.evaluation.protocol_files import LIST, write_protocol
from gsv_lab.evaluation.protocols import Draw, Protocol, ljspeech, vctk
from gsv_lab.system.examples import sample_card, shipped_sample
from gsv_lab.system.files import save_bytes, saving
from gsv_lab.system.folders import new_folder

SPOKEN = "protocol"
"""Folder of what is spoken."""
REFERENCE, TARGETS, TO_TUNE = 0, (1, 2), (3, 4)
"""Sentences of the shipped sample: which lends the voice, which are spoken, which are tuned on."""
SYNTHETIC = "the shipped sample is no recording of a person, but of a synthesizer"


@dataclass(frozen=True)
class Recorded:
    """Recordings of a corpus.

    Args:
        listed: what is spoken, each with reference and natural recording.
        natural: recordings for what is shown of measures.
        draws: folders to tune on, one voice each.
        subject: what they are, in words.
        missing: what the corpus lacks of its protocol.
        demonstration: why nothing can be claimed by them; empty where something can.
    """

    listed: TestList
    natural: tuple[Path, ...]
    draws: tuple[Path, ...] = ()
    subject: str = ""
    missing: tuple[str, ...] = ()
    demonstration: str = ""


def lj_speech(corpus: Path, place: Path, seed: int, items: int) -> Recorded:
    """LJ Speech, or a part of it; `items` of its targets."""
    try:
        made = ljspeech(corpus, seed)
    except DataError as error:
        if error.code != "PROTOCOL_INCOMPLETE":
            raise
        made = ljspeech(corpus, seed, available=True)
    return _written(replace(made, items=made.items[:items]), place, "LJ Speech")


def vctk_speech(corpus: Path, place: Path, seed: int, items: int) -> Recorded:
    """VCTK; of a part of it every speaker who has the sentence that lends the voice, and another one."""
    try:
        made = vctk(corpus, seed)
    except DataError as error:
        if error.code != "PROTOCOL_INCOMPLETE":
            raise
        made = vctk(corpus, seed, available=True, speakers=None)
    return _written(made, place, "VCTK")


def shipped_recordings(place: Path, seed: int) -> Recorded:
    """The shipped sample, sentence by sentence; there is nothing to draw."""
    card = sample_card()
    sample = audio.read(shipped_sample())
    samples, rate = sample.samples, sample.sample_rate
    sentences = card["sentences"]
    names = [f"rms_{number}" for number in range(len(sentences))]
    rows = [_row(names[number], sentences[number]["text"], names[REFERENCE]) for number in TARGETS]
    with saving(place), new_folder(place / SPOKEN, is_own=LIST) as folder:
        for name, sentence in zip(names, sentences, strict=True):
            cut = samples[round(sentence["start"] * rate) : round(sentence["end"] * rate)]
            audio.write(folder / f"{name}.flac", cut, rate)
        save_bytes(folder / LIST, "\n".join("|".join(row) for row in (COLUMNS, *rows)).encode() + b"\n")
    cuts = [(place / SPOKEN / f"{names[number]}.flac", sentences[number]["text"]) for number in TO_TUNE]
    draw = _to_tune(place / "tune_0", cuts, card["voice"], card["language"])
    natural = tuple(place / SPOKEN / f"{name}.flac" for name in names)
    return Recorded(read_list(place / SPOKEN / LIST), natural, (draw,), "the shipped sample", demonstration=SYNTHETIC)


def _row(name: str, text: str, reference: str) -> tuple[str, ...]:
    """A row of `COLUMNS`."""
    return name, "rms", "en", text, f"{reference}.flac", f"{name}.flac"


def _written(protocol: Protocol, place: Path, corpus: str) -> Recorded:
    """A protocol in its folders."""
    write_protocol(replace(protocol, draws=()), place / SPOKEN)
    listed = read_list(place / SPOKEN / LIST)
    draws = [_draw(draw, place / f"tune_{number}") for number, draw in enumerate(protocol.draws)]
    speakers = len({item.speaker for item in listed.items})
    whole = "part of the corpus" if protocol.missing else "the protocol"
    subject = f"{len(listed.items)} clips of {corpus}, {speakers} {'speakers' if speakers > 1 else 'speaker'}, {whole}"
    natural = tuple(item.target.path for item in listed.items if item.target is not None)
    return Recorded(listed, natural, tuple(draws), subject, protocol.missing)


def _draw(draw: Draw, place: Path) -> Path:
    clips = [(clip.path, clip.text) for clip in draw.clips]
    return _to_tune(place, clips, draw.clips[0].speaker, draw.clips[0].language)


def _to_tune(place: Path, clips: Iterable[tuple[Path, str]], speaker: str, language: str) -> Path:
    """A folder with a list and its recordings, as `finetune` takes it."""
    with new_folder(place, is_own=CLIPS) as folder:
        rows = []
        for path, text in clips:
            shutil.copyfile(path, folder / path.name)
            rows.append(Row(folder / path.name, speaker, language, text))
        write_list(folder / CLIPS, rows)
    return place
