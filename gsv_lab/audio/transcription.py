"""What is said in a short recording: text, language and the time of each word, by a Whisper model from a folder.

    transcriber = WhisperTranscriber(named_whisper("whisper-base"))
    transcriber(wave, "auto").text

For people who lack a transcript of their own recordings; it writes down, it judges nothing.
Source: Radford et al. 2022, arXiv:2212.04356. Letters: T samples at 16 kHz.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from gsv_lab.audio.whisper import load_whisper
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
        numbers = [float(data[name]) for name in ("language_probability", "log_probability", "compression")]
        return cls(str(data["text"]), str(data["language"]), str(data["detected"]), *numbers, words=words)


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
        folder: a model in CTranslate2's layout.

    Raises:
        LabError: EXTRA_MISSING, faster-whisper is not installed.
        CheckpointError: those of `load_whisper`.
    """

    def __init__(self, folder: str | Path) -> None:
        require("faster_whisper", "asr")  # whoever lacks it needs that first
        folder = Path(folder)
        self._model = load_whisper(folder, "int8")
        self.name = folder.name
        self.languages = LANGUAGES if self._model.model.is_multilingual else ("en",)
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
        segments, about = self._heard(samples, None if given == "auto" else given)
        written = about.language
        if written not in LANGUAGES:
            shares = dict(about.all_language_probs)
            written = max(LANGUAGES, key=lambda code: shares.get(code, 0.0))
            segments, _ = self._heard(samples, written)
        return _transcript(segments, written, about.language, about.language_probability)

    def _heard(self, samples: np.ndarray, language: str | None) -> tuple[list[Any], Any]:
        segments, about = self._model.transcribe(
            samples,
            language=language,
            beam_size=BEAMS,
            temperature=0.0,
            condition_on_previous_text=False,
            without_timestamps=True,
            word_timestamps=True,
        )
        return list(segments), about


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


def _transcript(segments: Iterable[Any], language: str, detected: str, probability: float) -> Transcript:
    """Whisper's stretches of a clip as one transcript."""
    segments = list(segments)
    tokens = [max(1, len(segment.tokens)) for segment in segments]
    total = max(1, sum(tokens))
    sums = zip(segments, tokens, strict=True)
    words = [word for segment in segments for word in segment.words or ()]
    return Transcript(
        written("".join(segment.text for segment in segments), language),
        language,
        detected,
        round(probability, 4),
        round(sum(segment.avg_logprob * count for segment, count in sums) / total, 4),
        round(max((segment.compression_ratio for segment in segments), default=0.0), 3),
        tuple(_word(word, language) for word in words),
    )


def _word(word: Any, language: str) -> HeardWord:
    text = written(word.word, language)
    return HeardWord(text, round(word.start, 2), round(word.end, 2), round(word.probability, 4))


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
