"""Transcripts by a machine for a person to correct: what each slice is heard to say, once, and where to doubt it.

A transcript that cannot be right (no speech, a loop, another language, far too many words) is not written into the
list. One that may be wrong is written and named. A text that was given is only compared and never replaced. How the
limits were chosen, and what they find, is measured in docs/transcripts.md.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import numpy as np
from torch import Tensor

from gsv_lab.audio.transcription import LANGUAGES, Transcriber, Transcript
from gsv_lab.corpora.journal import Journal
from gsv_lab.errors import DataError
from gsv_lab.evaluation.measures.normalisers import english_words, mandarin_syllables
from gsv_lab.system.extras import require
from gsv_lab.system.folders import resumable_folder
from gsv_lab.text.agreement import check_text_length, language_of

UNSURE = 0.8
"""Mean probability of the words under which a transcript is to be checked."""
DIFFERENT = 0.5
"""Errors for each word or syllable of a given text over which it is doubted."""
MOST_COMPRESSED = 2.4
"""Whisper's own limit for a text that repeats itself, Radford et al. 2022, section 4.5."""

_MOST = 10**6
"""Slices of one run."""
_LONGEST_PHRASE = 12
"""Words or syllables that a loop may say again."""


class Listener:
    """What slices are heard to say, each heard once.

    Args:
        transcriber: who writes it down.
        journal: what this run and killed ones before it have heard.
        known: what an earlier run has heard, by key.
    """

    def __init__(self, transcriber: Transcriber, journal: Journal, known: Mapping[str, Transcript]) -> None:
        self.transcriber = transcriber
        self._journal = journal
        self._known = dict(known)
        for entry in journal.entries:
            self._known.update(transcript_of(entry))

    def __call__(self, wave: Tensor, language: str) -> tuple[str, Transcript]:
        """(T,) and `en`, `zh` or `auto` -> key of sound, language and transcriber, and the transcript."""
        asked = f"{self.transcriber.identity}\n{language}\n".encode()
        key = hashlib.sha256(asked + wave.contiguous().numpy().tobytes()).hexdigest()
        if key not in self._known:
            heard = self.transcriber(wave, language)
            self._journal.append(np.empty(0, np.uint8), key=key, transcript=asdict(heard))
            self._known[key] = heard
        return key, self._known[key]


@contextmanager
def listening(transcriber: Transcriber, output: Path, known: Mapping[str, Transcript]) -> Iterator[Listener]:
    """Context: a listener for one folder of slices; killed, the next call for that folder goes on where it was.

    Raises:
        LabError: SAVE_FAILED.
    """
    fields = {"key": str, "transcript": dict}
    with (
        resumable_folder(f"transcripts {os.path.abspath(output)}") as place,
        Journal(place / "empty", place / "transcripts.jsonl", fields, _MOST) as journal,
    ):
        yield Listener(transcriber, journal, known)


def transcript_of(entry: Mapping[str, object]) -> dict[str, Transcript]:
    """Key -> transcript, of an entry of a journal or a report; empty where there is none that can be read."""
    key, data = entry.get("key"), entry.get("transcript")
    if not isinstance(key, str) or not isinstance(data, dict):
        return {}
    try:
        return {key: Transcript.from_dict(data)}
    except (ValueError, TypeError, KeyError):
        return {}


def usable_text(heard: Transcript, speech: float) -> tuple[str, str]:
    """The text to write into a list, and a warning; empty where there is nothing to say.

    Args:
        heard: the transcript of a slice.
        speech: seconds of speech in it.
    """
    if reason := _impossible(heard, speech):
        return "", reason
    if heard.confidence < UNSURE:
        return heard.text, f"TRANSCRIPT_UNSURE: confidence {heard.confidence:.2f}; listen, and correct list.txt"
    return heard.text, ""


def _impossible(heard: Transcript, speech: float) -> str:
    """Why a transcript cannot be right, as a warning."""
    units = counted(heard.text)
    said = f"{heard.text!r} is not written"
    if not units:
        aside = f" ({said})" if heard.text else ""
        return f"TRANSCRIPT_EMPTY: no words are heard here{aside}; write what is said into list.txt, or remove the row"
    if heard.detected not in LANGUAGES:
        share = f"{heard.detected!r} ({heard.language_probability:.0%})"
        return f"TRANSCRIPT_LANGUAGE: this sounds like {share}; en and zh are known, or say --language; {said}"
    if heard.compression > MOST_COMPRESSED or loops(units):
        return f"TRANSCRIPT_LOOP: the transcript repeats itself; {said}"
    try:
        check_text_length("The slice", heard.text, speech)
    except DataError as error:
        return f"TRANSCRIPT_PACE: {error} {said}"
    return ""


def loops(units: Sequence[str]) -> bool:
    """Whether a phrase of at least three words or syllables comes three times in a row, or a shorter one five times."""
    for length in range(1, _LONGEST_PHRASE + 1):
        again = (2 if length >= 3 else 4) * length
        run = 0
        for position in range(length, len(units)):
            run = run + 1 if units[position] == units[position - length] else 0
            if run == again:
                return True
    return False


def counted(text: str) -> list[str]:
    """A text as what errors are counted in: English words, or toneless syllables where it has Chinese characters."""
    return english_words(text) if language_of(text) == "en" else mandarin_syllables(text)


def difference(given: str, heard: Transcript) -> float | None:
    """Errors for each word or syllable of a given text, above 1 where far more is heard; None without any.

    Raises:
        LabError: EXTRA_MISSING, jiwer is not installed.
    """
    expected = counted(given)
    if not expected:
        return None
    return float(require("jiwer", "asr").wer(" ".join(expected), " ".join(counted(heard.text))))


def doubt_of_text(given: str, heard: Transcript, error: float | None) -> str:
    """A warning where a given text does not fit what is heard; empty otherwise."""
    if error is None or error <= DIFFERENT:
        return ""
    said = f"heard: {heard.text!r}" if heard.text else "no words are heard"
    return f"TRANSCRIPT_DIFFERS: errors of {error:.0%} between text and speech; given: {given!r}; {said}"
