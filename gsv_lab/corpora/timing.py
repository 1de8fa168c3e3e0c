"""Words with times: from an alignment of phones to pieces of text that slices can be labelled with.

Letters: P phones, W words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gsv_lab.audio.alignment import Alignment, word_timings
from gsv_lab.errors import DataError
from gsv_lab.text import CTC_SYMBOLS, Phones, phonemize
from gsv_lab.text.symbols import EN_CONSONANTS, EN_VOWELS, ZH_FINALS, ZH_INITIALS
from gsv_lab.text.user_dictionary import Lexicon

# Characters a second of speech. Hurried reading stays under, halting reading above; outside, text and sound do not
# belong together (or most of one is missing).
_CHARACTERS_A_SECOND = {"en": (2.0, 30.0), "zh": (0.7, 12.0)}


class TimedWord(NamedTuple):
    """A piece of text and when it was spoken.

    `text` keeps the mark or blank that follows, so that joined pieces give the text; `start` and `end` are seconds;
    `score` is the mean log-probability of its phones in nats, or NaN.
    """

    text: str
    start: float
    end: float
    score: float = float("nan")


def timed_words(phones: Phones, alignment: Alignment) -> list[TimedWord]:
    """Words of `phones` with the times of `alignment`; punctuation goes with the word before it.

    P phones with W words and their alignment -> at most W pieces

    Raises:
        ValueError: the alignment was made for other phones.
    """
    times = word_timings(alignment, [word.phones for word in phones.words])
    pieces: list[TimedWord] = []
    first = 0
    for word, (start, end) in zip(phones.words, times.tolist(), strict=True):
        score = alignment.score[first : first + word.phones]
        first += word.phones
        if not word.language:  # a mark
            if pieces:
                pieces[-1] = pieces[-1]._replace(text=pieces[-1].text.rstrip() + word.text + " ")
            continue
        known = score[~np.isnan(score)]
        blank = " " if word.language == "en" else ""
        mean = float(known.mean()) if known.size else float("nan")
        if word.language == "en" and pieces and not pieces[-1].text.endswith(" "):
            pieces[-1] = pieces[-1]._replace(text=pieces[-1].text + " ")
        pieces.append(TimedWord(word.text + blank, start, end, mean))
    return pieces


def share_out(words: Sequence[TimedWord], spans: Sequence[tuple[float, float]]) -> list[list[TimedWord]]:
    """Give each word to the span (in seconds) that its middle lies in, or else to the nearest one.

    W words, S spans -> S lists
    """
    shares: list[list[TimedWord]] = [[] for _ in spans]
    for word in words:
        middle = (word.start + word.end) / 2
        distances = [max(start - middle, middle - end, 0.0) for start, end in spans]
        if distances:
            shares[distances.index(min(distances))].append(word)
    return shares


def mean_score(words: Sequence[TimedWord]) -> float | None:
    """Mean of the words' scores in nats; None where none is known."""
    known = [word.score for word in words if word.score == word.score]
    return sum(known) / len(known) if known else None


def language_of(text: str) -> str:
    """`zh` for a text in Chinese characters, `en` for one in letters, `auto` for both or neither."""
    has_hanzi = any("\u4e00" <= mark <= "\u9fff" or "\u3400" <= mark <= "\u4dbf" for mark in text)
    has_letters = any(mark.isascii() and mark.isalpha() for mark in text)
    return {(True, False): "zh", (False, True): "en"}.get((has_hanzi, has_letters), "auto")


def folded_phones(text: str, language: str, lexicon: Lexicon = None) -> tuple[set[str], set[str]]:
    """The phones of a text without stress and tone, and all that its language (or both) has.

    `lexicon` is a user's dictionary.

    Raises:
        TextError: the text cannot be spoken.
    """
    labels, _ = phonemize(text, language, lexicon=lexicon).folded()
    phones = {CTC_SYMBOLS[label] for label in labels}
    kind = language_of(text) if language == "auto" else language
    english, mandarin = {*EN_CONSONANTS, *EN_VOWELS}, {*ZH_INITIALS, *ZH_FINALS}
    return phones, {"en": english, "zh": mandarin}.get(kind, english | mandarin)


def check_text_length(name: str, text: str, seconds: float) -> None:
    """Refuse a text that cannot belong to that much speech.

    Args:
        name: of the recording, for the message.
        text: what is said.
        seconds: of speech.

    Raises:
        DataError: `ALIGN_IMPLAUSIBLE`.
    """
    count = sum(mark.isalnum() for mark in text)
    low, high = _CHARACTERS_A_SECOND["zh" if language_of(text) == "zh" else "en"]
    if language_of(text) == "auto":
        low, high = _CHARACTERS_A_SECOND["zh"][0], _CHARACTERS_A_SECOND["en"][1]
    if not low * seconds <= count <= high * seconds:
        raise DataError(
            "ALIGN_IMPLAUSIBLE", f"{name!r} holds {seconds:.1f} s of speech, its text {count} characters",
            f"{low * seconds:.0f} to {high * seconds:.0f} characters", "Check that text and recording belong together",
        )  # fmt: skip
