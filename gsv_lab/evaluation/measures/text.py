"""Intelligibility: errors of words and phones by a recogniser, against the same recogniser on natural speech.

Absolute error rates say as much about the recogniser as about the voice; only their difference to natural speech is a
result. Words skipped or said twice are counted from the same alignment.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gsv_lab.errors import TextError
from gsv_lab.evaluation.measures import Found, Job, is_silent
from gsv_lab.evaluation.measures.normalisers import english_words, mandarin_characters, mandarin_syllables
from gsv_lab.evaluation.measures.recognisers import PhoneTranscriber, TextRecogniser
from gsv_lab.system.extras import check_installed, require, version

if TYPE_CHECKING:
    from gsv_lab.text import Phones

UNITS: dict[str, tuple[str, Callable[[str], list[str]]]] = {
    "word": ("en", english_words),
    "char": ("zh", mandarin_characters),
    "syllable": ("zh", mandarin_syllables),
}
"""What a recogniser's text is counted in: language, and text -> list of units."""
Pronounce = Callable[[str, str], Sequence[Sequence[str]]]
"""Text and language -> names of the expected phones, word by word."""


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


def skipped_and_repeated(recognised: Sequence[str], result: TokenErrors) -> tuple[int, int]:
    """Words left out and words said again, from an alignment.

    Skipped: not recognised at all, neither rightly nor as another word. Repeated: recognised words that the alignment
    had to insert and that agree with their neighbours at a distance of their own length. A recogniser's slips count
    too, so compare with natural speech.

    Args:
        recognised: the recognised words.
        result: `align_tokens` of the expected words and these.

    Returns:
        (skipped words, repeated words)
    """
    repeated = sum(end - start for start, end in result.runs if _is_repetition(recognised, start, end))
    return len(result.deleted), repeated


def _is_repetition(tokens: Sequence[str], start: int, end: int) -> bool:
    """Whether the inserted tokens from `start` to `end` say again what stands beside them."""
    # The insertion may be any rotation of the repeated stretch ("the [cat the] cat sat"), so every window of its length
    # that touches it is compared with the tokens one period later.
    length = end - start
    for first in range(max(0, start - length), start + 1):
        once = tokens[first : first + length]
        if once == tokens[first + length : first + 2 * length]:
            return True
    return False


class TextErrors:
    """Errors in what a recogniser of text writes down, for clips of one language.

    Values: `word_error` (or `char_error`, `syllable_error`), errors over expected units, above 1 where much is
    inserted and 1 where nothing is heard; `word_count`, the expected units; `skipped` and `repeated`, a count of words
    in English and of syllables in Mandarin. Details: `edits` by kind, and both texts in units.

    Args:
        unit: one of `UNITS`, which says the language, too.
        recogniser: what listens.

    Raises:
        LabError: `EXTRA_MISSING`, jiwer is not installed.
    """

    needs: Collection[str] = ("text",)

    def __init__(self, unit: str, recogniser: TextRecogniser) -> None:
        check_installed("jiwer")
        self.unit = unit
        self.name = f"{unit}_error"
        self.evaluator = recogniser.name
        self.identity = f"{recogniser.identity}, jiwer {version('jiwer')}"
        self.recogniser = recogniser
        self.language, self.units = UNITS[unit]

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; None for other languages, and for texts in which nothing is to be said."""
        expected = self.units(job.text) if job.language == self.language else []
        if not expected:
            return None
        recognised = [] if is_silent(wave) else self.units(self.recogniser(wave, job.language))
        result = align_tokens(expected, recognised)
        found = _found(self.unit, expected, recognised, result)
        if self.unit != "char":  # one recogniser counts them once, in Mandarin by syllables
            found["skipped"], found["repeated"] = skipped_and_repeated(recognised, result)
        return found


class PhoneErrors:
    """Errors in the phones that the recogniser of one language hears.

    Values: `phone_error`, errors over expected phones, above 1 where much is inserted and 1 where nothing is heard;
    `phone_count`, the expected phones. Phones of another language in the text always count as errors. Details as for
    `TextErrors`.

    Args:
        language: which clips are judged.
        recogniser: what listens; its identity says so if it is the network that also made the codes.
        pronounce: (text, language) -> the expected phone names, word by word, in the recogniser's own alphabet.

    Raises:
        LabError: `EXTRA_MISSING`, jiwer is not installed.
    """

    name = "phone_error"
    needs: Collection[str] = ("text",)

    def __init__(self, language: str, recogniser: PhoneTranscriber, pronounce: Pronounce | None = None) -> None:
        check_installed("jiwer")
        self.language = language
        self.recogniser = recogniser
        self.evaluator = recogniser.name
        self.identity = f"{recogniser.identity}, jiwer {version('jiwer')}"
        self.pronounce = pronounce or folded_words

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; None for other languages, and for texts that cannot be read aloud."""
        expected = spoken_phones(self.pronounce, job.text, job.language) if job.language == self.language else []
        if not expected:
            return None
        recognised = [] if is_silent(wave) else self.recogniser(wave)
        return _found("phone", expected, recognised, align_tokens(expected, recognised))


def folded_words(text: str, language: str) -> list[list[str]]:
    """Expected phones of a text in the recognisers' alphabet (no stress, no tone), by word or Mandarin character."""
    from gsv_lab.text import phonemize

    return folded_by_word(phonemize(text, language))


def folded_by_word(phones: Phones) -> list[list[str]]:
    """The phones of a text that make a sound, without stress or tone, by word or Mandarin character."""
    from gsv_lab.text import fold

    words = []
    position = 0
    for count in phones.word2phones:
        symbols = phones.symbols[position : position + count]
        position += count
        names = [name for name in map(fold, symbols) if name]
        if names:
            words.append(names)
    return words


def spoken_phones(pronounce: Pronounce, text: str, language: str) -> list[str]:
    """Expected phones of a text; none where the front end refuses it, since somebody else's system may well say it."""
    try:
        return [phone for word in pronounce(text, language) for phone in word]
    except TextError:
        return []


def _found(unit: str, expected: Sequence[str], recognised: Sequence[str], result: TokenErrors) -> dict[str, Any]:
    kinds = ("substitutions", "deletions", "insertions")
    return {
        f"{unit}_error": result.errors / result.total,
        f"{unit}_count": result.total,
        "edits": {kind: number for kind, number in zip(kinds, result[2:5], strict=True)},
        "expected": " ".join(expected),
        "recognised": " ".join(recognised),
    }
