"""Words with times: from an alignment of phones to pieces of text that slices can be labelled with.

Letters: P phones, W words.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gsv_lab.audio.alignment import Alignment, word_timings
from gsv_lab.text import CTC_SYMBOLS, Phones, phonemize
from gsv_lab.text.agreement import language_of
from gsv_lab.text.symbols import EN_CONSONANTS, EN_VOWELS, ZH_FINALS, ZH_INITIALS
from gsv_lab.text.user_dictionary import Lexicon


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
