"""Is it understood: words by a recogniser, phones by a handed-in one, against the same recogniser on natural speech.

Absolute error rates judge the recogniser as much as the voice; only their relation to natural speech is a result
(`retained_accuracy`). Words skipped or said twice are counted from the same alignment.
Letters: T samples at 16 kHz. The file does not know where a wave comes from.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from gsv_lab.errors import TextError
from gsv_lab.evaluation.extras import require, version
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measure import Job, Row, is_silent

if TYPE_CHECKING:
    from gsv_lab.nn.interfaces import Recogniser

EVALUATION = "evaluation recogniser"
"""How reports call a recogniser that has no part in the synthesis."""
_ABBREVIATIONS = {"mr": "mister", "mrs": "missus", "dr": "doctor", "ok": "okay"}
_APOSTROPHES = str.maketrans({"\u2019": "'", "\u2018": "'", "\u02bc": "'", "`": "'"})


class Errors(NamedTuple):
    """Outcome of aligning what was heard with what should have been said, in tokens (words or phones)."""

    errors: int
    total: int
    substitutions: int
    deletions: int
    insertions: int
    runs: tuple[tuple[int, int], ...] = ()
    """Inserted stretches of the heard tokens, as (start, end)."""
    deleted: tuple[int, ...] = ()
    """Positions of the expected tokens that were not heard."""


def retained_accuracy(errors: float, count: float, natural_errors: float, natural_count: float) -> float:
    """Share of natural accuracy that is left: (1 - error rate of synthesis) / (1 - error rate of natural speech).

    Errors are pooled over clips by the caller; the numerator is not below 0. Above 1 the synthesis is clearer to the
    recogniser than the recording. NaN where natural speech itself is not recognised at all.

    >>> retained_accuracy(55, 100, 10, 100)
    0.5
    """
    natural = 1 - natural_errors / natural_count
    return max(0.0, 1 - errors / count) / natural if natural > 0 else float("nan")


def normalise_english(text: str) -> list[str]:
    """English text -> words for scoring: lower case, no punctuation or accents, numbers and Mr. spelled out.

    Reference and hypothesis go through the same function. Hyphens separate words; apostrophes inside words stay.

    >>> normalise_english("Mr. O\u2019Neill\u2019s well-known caf\u00e9, 'twas said.")
    ['mister', "o'neill's", 'well', 'known', 'cafe', 'twas', 'said']
    """
    if any(character.isdigit() for character in text):
        from gsv_lab.text import phonemize  # slow to import; most texts hold no digit

        text = " ".join(word.text for word in phonemize(text, "en").words)
    plain = unicodedata.normalize("NFKD", text.translate(_APOSTROPHES).lower())
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    words = (word.strip("'") for word in re.sub(r"[^a-z0-9']+", " ", plain).split())
    return [_ABBREVIATIONS.get(word, word) for word in words if word]


def compare(expected: Sequence[str], heard: Sequence[str]) -> Errors:
    """Edit distance of two token lists with its parts (Levenshtein alignment by jiwer).

    Raises:
        TextError: `TEXT_EMPTY`, nothing is expected.
        LabError: `EXTRA_MISSING`, jiwer is not installed.
    """
    if not expected:
        raise TextError("TEXT_EMPTY", "There is nothing to compare with", "a reference with at least one word")
    if not heard:
        return Errors(len(expected), len(expected), 0, len(expected), 0, (), tuple(range(len(expected))))
    output = require("jiwer").process_words(" ".join(expected), " ".join(heard))
    runs: list[tuple[int, int]] = []
    deleted: list[int] = []
    for chunk in output.alignments[0]:
        if chunk.type == "insert":
            runs.append((chunk.hyp_start_idx, chunk.hyp_end_idx))
        elif chunk.type == "delete":
            deleted.extend(range(chunk.ref_start_idx, chunk.ref_end_idx))
    parts = (output.substitutions, output.deletions, output.insertions)
    return Errors(sum(parts), len(expected), *parts, tuple(runs), tuple(deleted))


def skipped_and_repeated(
    words: Sequence[Sequence[str]], heard: Sequence[str], result: Errors, tolerance: float = 0.0
) -> tuple[int, int]:
    """Words left out and words said again, from an alignment.

    Skipped: no token of the word was heard. Repeated: heard tokens that the alignment had to insert and that agree with
    their neighbours at a distance of their own length. A recogniser's slips count too, so compare with natural speech.

    Args:
        words: the expected tokens, word by word; one-token words for a word recogniser, phones otherwise.
        heard: the heard tokens.
        result: `compare` of both.
        tolerance: share of tokens of a repetition that may differ; above 0 (phones), words and repetitions of a single
            phone are taken for slips and not counted.

    Returns:
        (skipped words, repeated words)
    """
    deleted, skipped, position = set(result.deleted), 0, 0
    shortest = 2 if tolerance > 0 else 1
    for word in words:
        span = range(position, position + len(word))
        position += len(word)
        skipped += len(word) >= shortest and deleted.issuperset(span)
    length = position / max(1, len(words))
    runs = [run for run in result.runs if run[1] - run[0] >= shortest and _again(heard, *run, tolerance)]
    return skipped, sum(max(1, round((end - start) / length)) for start, end in runs)


def _again(heard: Sequence[str], start: int, end: int, tolerance: float) -> bool:
    # The insertion may be any rotation of the repeated stretch ("the [cat the] cat sat"), so every window of its length
    # that touches it is compared with the tokens one period later.
    length = end - start
    for first in range(max(0, start - length), start + 1):
        pairs = list(zip(heard[first : first + length], heard[first + length : first + 2 * length], strict=False))
        if len(pairs) == length and sum(a != b for a, b in pairs) <= tolerance * length:
            return True
    return False


class PocketSphinx:
    """English words by pocketsphinx with the model inside its package; no network. (T,) at 16 kHz -> text.

    Every clip is decoded from the same initial state, so results do not depend on the order of clips.

    Raises:
        LabError: `EXTRA_MISSING`, pocketsphinx is not installed.
    """

    def __init__(self) -> None:
        package = require("pocketsphinx")
        folder = package.get_model_path("en-us")
        self.identity = f"pocketsphinx {version('pocketsphinx')} en-us"
        self._decoder = package.Decoder(
            hmm=f"{folder}/en-us", lm=f"{folder}/en-us.lm.bin", dict=f"{folder}/cmudict-en-us.dict",
            cmn="batch", loglevel="FATAL",
        )  # fmt: skip

    def __call__(self, wave: np.ndarray) -> str:
        """Transcribes one clip."""
        if is_silent(wave):
            return ""
        samples = (np.clip(wave, -1, 1) * 32767).astype(np.int16)
        self._decoder.reinit_feat()  # forgets the cepstral mean of the clip before
        self._decoder.start_utt()
        self._decoder.process_raw(samples.tobytes(), no_search=False, full_utt=True)
        self._decoder.end_utt()
        best = self._decoder.hyp()
        return best.hypstr if best else ""


class PhoneJudge:
    """Phones by an evaluation recogniser, the best class of every step: (T,) at 16 kHz -> names in its alphabet.

    Args:
        recogniser: the network.
        identity: which weights they are.
    """

    def __init__(self, recogniser: Recogniser, identity: str) -> None:
        self.recogniser, self.identity = recogniser.eval(), identity

    def __call__(self, wave: np.ndarray) -> list[str]:
        """Phones of one clip."""
        import torch

        from gsv_lab.audio import resample

        samples = resample(torch.from_numpy(np.array(wave, np.float32)), SAMPLE_RATE, self.recogniser.sample_rate)
        with torch.no_grad():
            best = torch.unique_consecutive(self.recogniser(samples.reshape(1, 1, -1))[0].argmax(-1))
        return [self.recogniser.phone_names[number - 1] for number in best.tolist() if number > 0]


class WordErrors:
    """English word errors of a clip.

    Args:
        recogniser: wave (T,) at 16 kHz -> text; with an `identity`.
    """

    name = "words"

    def __init__(self, recogniser: Callable[[np.ndarray], str] | None = None) -> None:
        self.recogniser = recogniser or PocketSphinx()
        self.identity = f"{getattr(self.recogniser, 'identity', 'handed in')}, jiwer {version('jiwer')}"

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        """Errors, words and their kinds; None for other languages than English."""
        if job.language != "en":
            return None
        expected = normalise_english(job.text)
        heard = normalise_english(self.recogniser(wave))
        return _row([(word,) for word in expected], heard, 0.0)


class PhoneErrors:
    """Phone errors of a clip, by a recogniser for each language that is handed in.

    Args:
        recognisers: language -> callable, wave (T,) at 16 kHz -> phone names.
        pronounce: (text, language) -> the expected phone names, word by word, in the recogniser's own alphabet.
        identity: which recogniser this is; say here if it is the network that also made the codes.
    """

    name = "phones"

    def __init__(
        self,
        recognisers: Mapping[str, Callable[[np.ndarray], Sequence[str]]],
        identity: str,
        pronounce: Callable[[str, str], Sequence[Sequence[str]]] | None = None,
    ) -> None:
        self.recognisers, self.identity, self.pronounce = recognisers, identity, pronounce or folded_words

    def __call__(self, wave: np.ndarray, job: Job) -> Row | None:
        """Errors, phones and their kinds; None for languages without a recogniser."""
        recogniser = self.recognisers.get(job.language)
        if recogniser is None:
            return None
        heard = [] if is_silent(wave) else list(recogniser(wave))
        return _row(self.pronounce(job.text, job.language), heard, 1 / 3)


def folded_words(text: str, language: str) -> list[list[str]]:
    """Expected phones of a text in the recognisers' alphabet (no stress, no tone), by word or Mandarin character."""
    from gsv_lab.text import fold, phonemize

    phones = phonemize(text, language)
    words, position = [], 0
    for count in phones.word2phones:
        names = (fold(symbol) for symbol in phones.symbols[position : position + count])
        words.append([name for name in names if name])
        position += count
    return [word for word in words if word]


def _row(words: Sequence[Sequence[str]], heard: Sequence[str], tolerance: float) -> dict[str, Any]:
    expected = [token for word in words for token in word]
    result = compare(expected, heard)
    skipped, repeated = skipped_and_repeated(words, heard, result, tolerance)
    kinds = {key: getattr(result, key) for key in ("errors", "substitutions", "deletions", "insertions")}
    return kinds | {"count": result.total, "words": len(words), "skipped": skipped, "repeated": repeated,
                     "expected": " ".join(expected), "heard": " ".join(heard)}  # fmt: skip
