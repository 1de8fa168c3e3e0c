"""Which speech a notebook is about, and what is known of it.

In this order: a recording that the reader names, the first one in `GSV_LAB_SPEECH`, librosa's example if it is cached,
the shipped sample. `find_speech()` says which; nothing is fetched. A text file of the same name beside a recording
(`me.txt` for `me.wav`) is taken as its transcript.

Letters: T samples, P phones.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from gsv_lab import audio
from gsv_lab.audio.alignment import Alignment, frame_level, greedy
from gsv_lab.corpora.tables import numbered_lines
from gsv_lab.errors import AudioError, on_page
from gsv_lab.inference.lab import Lab
from gsv_lab.inference.utterance import Speech
from gsv_lab.system import examples
from gsv_lab.system.environment import speech_dir
from gsv_lab.teaching.widgets.player import player
from gsv_lab.text import CTC_SYMBOLS, phonemize

SUFFIXES = frozenset({".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif"})
MOST_SECONDS = 40.0
"""A notebook looks at so much of a recording at most; a transcript is dropped with the rest of a longer one."""


class TimedPhones(NamedTuple):
    """(P,) names of phones with their alignment; `from_transcript` false where the phones were recognised."""

    symbols: tuple[str, ...]
    alignment: Alignment

    @property
    def from_transcript(self) -> bool:
        """Whether the phones come from a text."""
        return self.alignment.from_transcript


@dataclass(frozen=True)
class FoundSpeech:
    """A recording for a notebook; shows itself as a sentence on its source and a player.

    Args:
        path: the file.
        source: where it comes from, one sentence.
        text: what is said in it, or empty.
        language: of the text.
        sample_rate: Hz, of `wave`.
    """

    path: Path
    source: str
    text: str = ""
    language: str = "auto"
    sample_rate: int = 16000

    @cached_property
    def wave(self) -> Tensor:
        """(T,) samples, at most `MOST_SECONDS` of them, scaled to a peak of 0.9."""
        samples = audio.read(self.path, self.sample_rate).samples[: round(MOST_SECONDS * self.sample_rate)]
        return samples * (0.9 / max(float(samples.abs().max()), 1e-4))

    @property
    def is_whole(self) -> bool:
        """Whether `wave` holds all of the recording, so that its text fits."""
        return self.wave.numel() < round(MOST_SECONDS * self.sample_rate)

    def timed(self, lab: Lab) -> TimedPhones:
        """The phones with their times: of the text if it is known, else those that the lab recognises.

        Raises:
            DataError, TextError: the text cannot belong to the recording, or cannot be read.
        """
        if self.text and self.is_whole:
            phones = phonemize(self.text, self.language)
            return TimedPhones(phones.symbols, lab.recordings.align(self.wave, phones))
        return recognised(lab, self.wave)

    @property
    def mark(self) -> audio.Mark | None:
        """What the file says of speech that is synthetic; None for a natural recording."""
        return audio.read_mark(self.path)

    def _repr_html_(self) -> str:
        known = f"<br><i>{on_page(self.text)}</i>" if self.text else ""
        shown = player(self.wave, self.sample_rate, self.mark)
        return f"<div>{on_page(self.source)}{known}</div>{shown}"


def recognised(lab: Lab, wave: Tensor) -> TimedPhones:
    """The phones that the lab's content encoder recognises in a wave (T,) at the lab's rate; there may be none."""
    scores = lab.family.synthesizer.phone_scores(wave)
    found = greedy(scores, level=frame_level(wave, lab.sample_rate, 50.0, len(scores)))
    return TimedPhones(tuple(CTC_SYMBOLS[label] for label in found.ids), found)


def timed_phones(lab: Lab, speech: Speech) -> TimedPhones:
    """The phones of made speech with their times; those that are recognised where it is too short for its text."""
    if speech.phones is None or speech.timings is None:
        return recognised(lab, speech.wave)
    return TimedPhones(speech.phones.symbols, speech.timings)


def find_speech(path: str | os.PathLike[str] = "", text: str = "", language: str = "auto") -> FoundSpeech:
    """The recording that a notebook uses.

    Args:
        path: the reader's own recording; empty for the first of the other sources that has one.
        text: what is said in `path`.
        language: of `text`.

    Raises:
        AudioError: AUDIO_MISSING, `path` does not exist. ConfigError: SPEECH_DIR.
        DataError: DATA_ROW, the transcript beside a recording is not UTF-8.
    """
    if path:
        given = Path(path).expanduser()
        if not given.is_file():
            raise AudioError("AUDIO_MISSING", f"There is no file {given.name!r}", "the path of a recording")
        return FoundSpeech(given, f"Your recording {given.name}.", text or _transcript(given), language)
    if recordings := recordings_of_reader():
        first = recordings[0]
        return FoundSpeech(first, f"The recording {first.name}, the first one in GSV_LAB_SPEECH.", _transcript(first))
    if cached := examples.cached_example():
        return FoundSpeech(cached, "The example libri1 of librosa, a public-domain LibriVox reading.")
    return shipped_sample()


def recordings_of_reader() -> list[Path]:
    """The sound files in `GSV_LAB_SPEECH`, by name; none where it is not set.

    Raises:
        ConfigError: SPEECH_DIR.
    """
    folder = speech_dir()
    return sorted(path for path in folder.iterdir() if path.suffix.lower() in SUFFIXES) if folder else []


def _transcript(recording: Path) -> str:
    beside = recording.with_suffix(".txt")
    return " ".join(line for _, line in numbered_lines(beside)) if beside.is_file() else ""


def shipped_sample() -> FoundSpeech:
    """The recording that comes with the package, with its text: made by a synthesizer, not by a person."""
    text = " ".join(sentence["text"] for sentence in examples.sample_card()["sentences"])
    source = "The sample shipped with gsv_lab: five sentences spoken by a synthesizer, not by a person."
    return FoundSpeech(examples.shipped_sample(), source, text, "en")
