"""What is said in a short recording: text, language and the time of each word, by a Whisper model from a folder.

    transcriber = WhisperTranscriber("whisper-base")
    transcriber(wave, "auto").text

For people who lack a transcript of their own recordings; it writes down, it judges nothing.
Source: Radford et al. 2022, arXiv:2212.04356. Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from gsv_lab.audio.whisper import load_whisper, named_whisper
from gsv_lab.errors import AudioError, TextError
from gsv_lab.system.extras import require, version
from gsv_lab.text.characters import HAN
from gsv_lab.text.normalise_zh import simplify

RATE = 16_000
LONGEST = 30.0
"""Seconds that Whisper hears at once."""
LANGUAGES = ("en", "zh")
"""Languages of which a text can be written down here."""
BEAMS = 5

_FULL_WIDTH = str.maketrans(",.?!;:", "\uff0c\u3002\uff1f\uff01\uff1b\uff1a")


@dataclass(frozen=True)
class HeardWord:
    """A word, or a few characters of Mandarin: `start` and `end` in seconds, `probability` that it is the right one."""

    text: str
    start: float
    end: float
    probability: float


@dataclass(frozen=True)
class Transcript:
    """What was heard.

    Attributes:
        text: empty where no speech was heard.
        language: `en` or `zh`, in which the text is written.
        detected: code of the language that was heard, which may be another one; `language` where that was given.
        language_probability: of `detected`; 1 where the language was given.
        log_probability: mean over the tokens of the text, nats.
        compression: bytes of the text over its bytes when compressed; high where it repeats itself.
        words: with their times.
    """

    text: str
    language: str
    detected: str
    language_probability: float = 1.0
    log_probability: float = 0.0
    compression: float = 0.0
    words: tuple[HeardWord, ...] = ()

    @property
    def confidence(self) -> float:
        """Mean probability of the words, 0 to 1; 0 without any."""
        return sum(word.probability for word in self.words) / len(self.words) if self.words else 0.0

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Transcript:
        """From what `dataclasses.asdict` made of it.

        Raises:
            ValueError, TypeError, KeyError: it is something else.
        """
        words = tuple(
            HeardWord(str(word["text"]), float(word["start"]), float(word["end"]), float(word["probability"]))
            for word in data["words"]
        )
        return cls(
            str(data["text"]),
            str(data["language"]),
            str(data["detected"]),
            float(data["language_probability"]),
            float(data["log_probability"]),
            float(data["compression"]),
            words,
        )


class Transcriber(Protocol):
    """Whoever writes down what is said.

    Attributes:
        name: for people.
        identity: which weights and settings these are; others may write something else.
        languages: codes of those that it knows.
    """

    name: str
    identity: str
    languages: tuple[str, ...]

    def __call__(self, wave: Tensor, language: str) -> Transcript:
        """(T,) at 16 kHz, and `en`, `zh` or `auto` -> what is said."""
        ...


class WhisperTranscriber:
    """Text in English or Mandarin by a Whisper model, each clip by itself, always the same for the same clip.

    Args:
        model: a name such as `whisper-base` or a folder, see `named_whisper`.

    Raises:
        LabError: EXTRA_MISSING, faster-whisper is not installed.
        CheckpointError: those of `named_whisper` and `load_whisper`.
    """

    def __init__(self, model: str | Path) -> None:
        require("faster_whisper", "asr")  # whoever lacks it needs that first
        folder = named_whisper(model)
        self._model = load_whisper(folder, "int8")
        self.name = folder.name
        self.languages: tuple[str, ...] = LANGUAGES if self._model.model.is_multilingual else ("en",)
        with (folder / "model.bin").open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        package = f"faster-whisper {version('faster-whisper')}"
        self.identity = f"Whisper {self.name} {digest[:8]}, {package}, int8, {BEAMS} beams"

    def __call__(self, wave: Tensor, language: str = "auto") -> Transcript:
        """(T,) at 16 kHz, at most 30 s -> what is said.

        With `auto` the language is that which Whisper hears. Where it hears neither English nor Mandarin, the text is
        written in the likelier of the two, and `detected` says what was heard.

        Raises:
            AudioError: AUDIO_EMPTY, AUDIO_TOO_LONG.
            TextError: LANG_UNKNOWN, the model does not know this language.
        """
        refuse_language(self, language)
        seconds = wave.numel() / RATE
        if not 0 < seconds <= LONGEST:
            code = "AUDIO_TOO_LONG" if seconds else "AUDIO_EMPTY"
            raise AudioError(code, f"The clip lasts {seconds:.1f} s", f"at most {LONGEST:g} s, and not nothing")
        samples = np.ascontiguousarray(wave.clamp(-1, 1).numpy(), dtype=np.float32)
        given = self.languages[0] if len(self.languages) == 1 else language
        if not samples.any():
            known = given if given in LANGUAGES else "en"
            return Transcript("", known, known)
        segment, about = self._heard(samples, None if given == "auto" else given)
        code = about.language
        if code not in LANGUAGES:
            shares = dict(about.all_language_probs)
            code = max(LANGUAGES, key=lambda known: shares.get(known, 0.0))
            segment, _ = self._heard(samples, code)
        return _transcript(segment, code, about.language, about.language_probability)

    def _heard(self, samples: np.ndarray, language: str | None) -> tuple[Any, Any]:
        """Whisper's one stretch of a clip, or None, and what it says of the whole."""
        segments, about = self._model.transcribe(
            samples,
            language=language,
            beam_size=BEAMS,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            word_timestamps=True,
        )
        # With word times the library goes on behind the last word, where Whisper makes up "Thank you" out of silence.
        return next(segments, None), about


def refuse_language(transcriber: Transcriber, language: str) -> None:
    """Refuse a language that a transcriber does not know; `auto` is always allowed.

    Raises:
        TextError: LANG_UNKNOWN.
    """
    if language != "auto" and language not in transcriber.languages:
        knows = " or ".join(transcriber.languages)
        action = "Take a multilingual model, for example whisper-base" if language in LANGUAGES else ""
        problem = f"The model {transcriber.name} cannot write down the language {language!r}"
        raise TextError("LANG_UNKNOWN", problem, knows, action)


def _transcript(segment: Any, language: str, detected: str, probability: float) -> Transcript:
    """Whisper's stretch of a clip as a transcript."""
    sure = round(probability, 4)
    if segment is None:
        return Transcript("", language, detected, sure)
    return Transcript(
        written(segment.text, language),
        language,
        detected,
        sure,
        round(segment.avg_logprob, 4),
        round(segment.compression_ratio, 3),
        tuple(_word(word, language) for word in segment.words or ()),
    )


def _word(word: Any, language: str) -> HeardWord:
    text = written(word.word, language)
    start, end, probability = float(word.start), float(word.end), float(word.probability)
    return HeardWord(text, round(start, 2), round(end, 2), round(probability, 4))


def written(text: str, language: str) -> str:
    """Text as it goes into a list: one line; Mandarin in simplified characters with its own marks.

    Whisper often sets a blank where Mandarin has a comma.

    >>> written(" \u5929\u6c23 \u5f88\u597d, \u8d70\u5427.", "zh")
    '\u5929\u6c14\uff0c\u5f88\u597d\uff0c\u8d70\u5427\u3002'
    """
    text = " ".join(text.split())
    if language != "zh":
        return text
    text = re.sub(f"(?<=[{HAN}]) ?([,.?!;:]) ?", lambda found: found[1].translate(_FULL_WIDTH), simplify(text))
    return re.sub(f"(?<=[{HAN}]) (?=[{HAN}])", "\uff0c", text)
