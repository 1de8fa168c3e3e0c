"""Intelligibility: errors of words and phones by a recogniser, against the same recogniser on natural speech.

Absolute error rates say as much about the recogniser as about the voice; only their relation to natural speech is a
result (`statistics.retained`). Words skipped or said twice are counted from the same alignment.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from gsv_lab.errors import TextError
from gsv_lab.evaluation.measures import Job, Row, is_silent
from gsv_lab.evaluation.measures.normalisers import english_words, mandarin_characters, mandarin_syllables
from gsv_lab.evaluation.measures.recognisers import PocketSphinx, Transcribe
from gsv_lab.system.extras import require, version

UNITS: dict[str, tuple[str, Callable[[str], list[str]]]] = {
    "words": ("en", english_words),
    "characters": ("zh", mandarin_characters),
    "syllables": ("zh", mandarin_syllables),
}
"""What a recogniser's text is counted in: language, and text -> list of units."""
_PHONE_TOLERANCE = 1 / 3  # share of a repeated stretch that may differ from its neighbour


class TokenErrors(NamedTuple):
    """Outcome of aligning recognised tokens (words or phones) with the expected ones."""

    errors: int
    total: int
    substitutions: int
    deletions: int
    insertions: int
    runs: tuple[tuple[int, int], ...] = ()
    """Inserted stretches of the recognised tokens, as (start, end)."""
    deleted: tuple[int, ...] = ()
    """Positions of the expected tokens that were not recognised."""


def align_tokens(expected: Sequence[str], recognised: Sequence[str]) -> TokenErrors:
    """Edit distance of two token lists with its parts (Levenshtein alignment by jiwer).

    Raises:
        TextError: `TEXT_EMPTY`, nothing is expected.
        LabError: `EXTRA_MISSING`, jiwer is not installed.
    """
    total = len(expected)
    if not expected:
        raise TextError("TEXT_EMPTY", "There is nothing to compare with", "a reference with at least one word")
    if not recognised:
        return TokenErrors(total, total, 0, total, 0, (), tuple(range(total)))
    output = require("jiwer").process_words(" ".join(expected), " ".join(recognised))
    runs: list[tuple[int, int]] = []
    deleted: list[int] = []
    for chunk in output.alignments[0]:
        if chunk.type == "insert":
            runs.append((chunk.hyp_start_idx, chunk.hyp_end_idx))
        elif chunk.type == "delete":
            deleted.extend(range(chunk.ref_start_idx, chunk.ref_end_idx))
    parts = (output.substitutions, output.deletions, output.insertions)
    return TokenErrors(sum(parts), total, *parts, tuple(runs), tuple(deleted))


def skipped_and_repeated(
    words: Sequence[Sequence[str]],
    recognised: Sequence[str],
    result: TokenErrors,
    tolerance: float = 0.0,
) -> tuple[int, int]:
    """Words left out and words said again, from an alignment.

    Skipped: no token of the word was recognised. Repeated: recognised tokens that the alignment had to insert and that
    agree with their neighbours at a distance of their own length. A recogniser's slips count too, so compare with
    natural speech.

    Args:
        words: the expected tokens, word by word; one-token words for a word recogniser, phones otherwise.
        recognised: the recognised tokens.
        result: `align_tokens` of both.
        tolerance: share of tokens of a repetition that may differ; above 0 (phones), words and repetitions of a single
            phone are taken for slips and not counted.

    Returns:
        (skipped words, repeated words)
    """
    shortest = 2 if tolerance > 0 else 1
    deleted = set(result.deleted)
    skipped = 0
    position = 0
    for word in words:
        span = range(position, position + len(word))
        position += len(word)
        if len(word) >= shortest and deleted.issuperset(span):
            skipped += 1
    word_length = position / max(1, len(words))
    repeated = 0
    for start, end in result.runs:
        length = end - start
        if length >= shortest and _is_repetition(recognised, start, end, tolerance):
            repeated += max(1, round(length / word_length))
    return skipped, repeated


def _is_repetition(tokens: Sequence[str], start: int, end: int, tolerance: float) -> bool:
    """Whether the inserted tokens from `start` to `end` say again what stands beside them."""
    # The insertion may be any rotation of the repeated stretch ("the [cat the] cat sat"), so every window of its length
    # that touches it is compared with the tokens one period later.
    length = end - start
    for first in range(max(0, start - length), start + 1):
        once = tokens[first : first + length]
        again = tokens[first + length : first + 2 * length]
        if len(again) < length:
            continue
        differences = sum(a != b for a, b in zip(once, again, strict=True))
        if differences <= tolerance * length:
            return True
    return False


class TextErrors:
    """Errors in what a recogniser of text writes down, for clips of one language.

    Args:
        unit: one of `UNITS`, which says the language, too.
        recogniser: wave (T,) at 16 kHz -> text.
        identity: which recogniser it is.
        by: short name of the recogniser, where several judge the same unit; the measure is called `unit_by`.
    """

    def __init__(self, unit: str, recogniser: Callable[[np.ndarray], str], identity: str, by: str = "") -> None:
        self.name = f"{unit}_{by}" if by else unit
        self.identity = f"{identity}, jiwer {version('jiwer')}"
        self.recogniser = recogniser
        self.language, self.units = UNITS[unit]

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        """Errors, units and their kinds, and both texts in units; None for other languages."""
        if job.language != self.language:
            return None
        recognised = [] if is_silent(wave) else self.units(self.recogniser(wave))
        return _row([(unit,) for unit in self.units(job.text)], recognised, 0.0)


class WordErrors(TextErrors):
    """English word errors of a clip.

    Args:
        recogniser: wave (T,) at 16 kHz -> text; pocketsphinx if None.
        identity: which recogniser it is; needed for one that is handed in.
    """

    def __init__(self, recogniser: Callable[[np.ndarray], str] | None = None, identity: str = "handed in") -> None:
        if recogniser is None:
            recogniser = PocketSphinx()
            identity = recogniser.identity
        super().__init__("words", recogniser, identity)


class PhoneErrors:
    """Phone errors of a clip, by a recogniser for each language that is handed in.

    Args:
        recognisers: language -> wave (T,) at 16 kHz -> phone names.
        identity: which recognisers these are; say here if it is the network that also made the codes.
        pronounce: (text, language) -> the expected phone names, word by word, in the recogniser's own alphabet.
    """

    name = "phones"

    def __init__(
        self,
        recognisers: Mapping[str, Transcribe],
        identity: str,
        pronounce: Callable[[str, str], Sequence[Sequence[str]]] | None = None,
    ) -> None:
        self.recognisers = recognisers
        self.identity = identity
        self.pronounce = pronounce or folded_words

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        """Errors, phones and their kinds; None for languages without a recogniser."""
        recogniser = self.recognisers.get(job.language)
        if recogniser is None:
            return None
        recognised = [] if is_silent(wave) else list(recogniser(wave))
        return _row(self.pronounce(job.text, job.language), recognised, _PHONE_TOLERANCE)


def folded_words(text: str, language: str) -> list[list[str]]:
    """Expected phones of a text in the recognisers' alphabet (no stress, no tone), by word or Mandarin character."""
    from gsv_lab.text import fold, phonemize

    phones = phonemize(text, language)
    words = []
    position = 0
    for count in phones.word2phones:
        symbols = phones.symbols[position : position + count]
        position += count
        names = [name for name in map(fold, symbols) if name]
        if names:
            words.append(names)
    return words


def _row(words: Sequence[Sequence[str]], recognised: Sequence[str], tolerance: float) -> dict[str, Any]:
    expected = [token for word in words for token in word]
    result = align_tokens(expected, recognised)
    skipped, repeated = skipped_and_repeated(words, recognised, result, tolerance)
    return {
        "errors": result.errors,
        "substitutions": result.substitutions,
        "deletions": result.deletions,
        "insertions": result.insertions,
        "count": result.total,
        "words": len(words),
        "skipped": skipped,
        "repeated": repeated,
        "expected": " ".join(expected),
        "recognised": " ".join(recognised),
    }
