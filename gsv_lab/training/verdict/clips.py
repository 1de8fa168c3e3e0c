"""What is measured of each clip before a voice is tuned on it.

Letters: T samples, D width of a vector.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from torch import Tensor

from gsv_lab import audio
from gsv_lab.audio.measures import clipped_share, signal_to_noise
from gsv_lab.audio.slices import speech_seconds
from gsv_lab.audio.voice_activity import RATE, speech_spans
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.voice_clips import AGAIN
from gsv_lab.errors import LabError
from gsv_lab.inference.recordings import Recordings
from gsv_lab.text import Phones, phonemize
from gsv_lab.text.agreement import language_of
from gsv_lab.training.verdict.texts import OWN

COHORT = 8
"""Texts of other clips that a clip is compared with, beside the kit's own."""
NO_ROOM = -10.0
"""Text margin of a text with more phones than the clip can hold."""


@dataclass(frozen=True)
class Measured:
    """Measures of one clip.

    Args:
        name: its path in the folder.
        seconds: its length.
        speech: seconds of it in which somebody speaks.
        snr_db: speech to noise, see `gsv_lab.audio.measures.signal_to_noise`.
        clipping: share of samples in flat tops.
        text_margin: how much better its own text is found in it than other texts, mean nat a phone; None without a
            text, or where the content encoder knows no phones.
        person: who speaks (D,), see `Recordings.person`; None without a speaker verifier, or where it was not asked.
    """

    name: str
    seconds: float
    speech: float
    snr_db: float
    clipping: float
    text_margin: float | None = None
    person: Tensor | None = None


def measure(recordings: Recordings, clips: Sequence[Clip], people: bool = True) -> list[Measured]:
    """Measure clips, one that stands again once; `people` asks who speaks.

    Raises:
        AudioError, TextError: a file or a text cannot be read.
    """
    clips = [clip for clip in clips if clip.id != AGAIN]
    texts = _texts(recordings, clips)
    return [_measured(recordings, clip, number, texts, people) for number, clip in enumerate(clips)]


def spoken_language(text: str, language: str) -> str:
    """`en` or `zh`: the language of a text that a list may call `auto`."""
    found = language if language in OWN else language_of(text)
    return found if found in OWN else "en"


def read(recordings: Recordings, text: str, language: str) -> Phones:
    """Phones of a text as the networks read them."""
    return recordings.family.phones(phonemize(text, language))


def text_margin(recordings: Recordings, wave: Tensor, own: Phones, others: Sequence[Phones]) -> float:
    """How much better a clip's own text is found in a wave (T,) than others: difference of mean alignment scores, nat.

    A right text stands out in noise, too, where the score alone falls; a wrong one is another among others.
    """
    scores = recordings.family.synthesizer.phone_scores(wave)

    def fit(phones: Phones) -> float | None:
        try:
            return float(recordings.align(wave, phones, scores).quality)
        except LabError:  # no room for it
            return None

    mine, theirs = fit(own), [found for found in map(fit, others) if found is not None]
    if mine is None:
        return NO_ROOM
    return mine - float(np.mean(theirs)) if theirs else 0.0


def _texts(recordings: Recordings, clips: Sequence[Clip]) -> list[Phones | None]:
    """The text of each clip; None where there is none, or nothing that could find it."""
    if not recordings.family.synthesizer.content_encoder.n_phones:
        return [None] * len(clips)
    return [read(recordings, clip.text, clip.language) if clip.text else None for clip in clips]


def _measured(
    recordings: Recordings, clip: Clip, number: int, texts: Sequence[Phones | None], people: bool
) -> Measured:
    recording = audio.read(clip.path)
    samples = audio.resample(recording.samples, recording.sample_rate, RATE)
    wave = audio.resample(recording.samples, recording.sample_rate, recordings.sample_rate)
    margin, own = None, texts[number]
    if own is not None:
        others = [text for place, text in enumerate(texts) if place != number and text is not None][:COHORT]
        language = spoken_language(clip.text, clip.language)
        others += [read(recordings, text, language) for text in OWN[language]]
        margin = text_margin(recordings, wave, own, others)
    return Measured(
        name=clip.id,
        seconds=recording.seconds,
        speech=speech_seconds(speech_spans(samples, RATE), RATE),
        snr_db=signal_to_noise(samples, RATE),
        clipping=clipped_share(recording.samples),
        text_margin=margin,
        person=recordings.person(wave) if people and recordings.verifier is not None else None,
    )
