"""How fast somebody speaks and how much of it is pause, from where a voice is heard.

Letters: T samples at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
import torch

from gsv_lab.audio.slices import speech_seconds
from gsv_lab.audio.voice_activity import MIN_SILENCE, Span, speech_spans
from gsv_lab.errors import TextError
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import Found, Job, is_silent
from gsv_lab.evaluation.measures.sharing import Remembered, wave_key
from gsv_lab.evaluation.measures.text import Pronounce, folded_words
from gsv_lab.system.extras import version

VOICE_ACTIVITY = "silero-vad"
"""Short name of the network that tells speech from silence."""
_VOWELS = frozenset("AEIOUaeiouv")  # first letters of vowels and finals in the folded alphabet
_SPANS: Remembered[list[Span]] = Remembered()


def voice_activity_identity() -> str:
    """The network and its settings."""
    return f"{VOICE_ACTIVITY} {version('silero-vad')}, pauses from {MIN_SILENCE:g} s"


def spans_of(wave: np.ndarray) -> list[Span]:
    """Stretches of speech in a wave (T,), in samples; the last few waves are remembered."""
    if is_silent(wave):
        return []
    return _SPANS.get(wave_key(wave), lambda: speech_spans(torch.from_numpy(np.array(wave)), SAMPLE_RATE))


def is_vowel(phone: str) -> bool:
    """Whether a phone of the folded alphabet makes a syllable: an English vowel or a Mandarin final.

    >>> [phone for phone in "AH K ir zh v V".split() if is_vowel(phone)]
    ['AH', 'ir', 'v']
    """
    return phone[0] in _VOWELS


def syllables(words: Sequence[Sequence[str]]) -> int:
    """Syllables of a text, from the phones of its words: one for each vowel, and so one for each Chinese character."""
    return sum(is_vowel(phone) for word in words for phone in word)


class SpeakingRate:
    """Syllables of the text in a second of speech (`speaking_rate`), pauses and edges left out.

    Where words are skipped or said twice it is wrong by as much.

    Args:
        pronounce: (text, language) -> the phones of each word in the folded alphabet.
    """

    name = "speaking_rate"
    evaluator = VOICE_ACTIVITY
    needs: Collection[str] = ("text",)

    def __init__(self, pronounce: Pronounce = folded_words) -> None:
        self.identity = f"syllables of the text over speech by {voice_activity_identity()}"
        self.pronounce = pronounce

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; None where nobody speaks, and for texts that cannot be read aloud."""
        seconds = speech_seconds(spans_of(wave), SAMPLE_RATE)
        if not seconds:
            return None
        try:
            count = syllables(self.pronounce(job.text, job.language))
        except TextError:
            return None
        return {self.name: count / seconds} if count else None


class PauseShare:
    """Share of the time from first to last speech in which nobody speaks for 0.2 s or longer (`pause_share`)."""

    name = "pause_share"
    evaluator = VOICE_ACTIVITY
    needs: Collection[str] = ()

    def __init__(self) -> None:
        self.identity = f"share between first and last speech by {voice_activity_identity()}"

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; None where nobody speaks."""
        spans = spans_of(wave)
        if not spans:
            return None
        whole = spans[-1].end - spans[0].start
        return {self.name: 1 - sum(span.length for span in spans) / whole}
