"""Whether all of a text was said, once: words skipped, said again or in a loop, and texts that break off.

The phones of the text are aligned with what a recogniser heard by a search that may jump (`jumps`).
Letters: F frames, V labels, P phones of the text, R recognised phones, W words.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from gsv_lab.errors import TextError
from gsv_lab.evaluation.measures import Found, Job
from gsv_lab.evaluation.measures.jumps import Prices, read_with_jumps
from gsv_lab.evaluation.measures.recognisers import PhoneTranscriber
from gsv_lab.evaluation.measures.text import Pronounce, folded_words

Span = tuple[int, int]
"""Number of the first word (or recognised phone), and of the one after the last."""

PRICES = Prices(back=8.0, ahead=12.0, foreign=5.0)
"""Chosen on natural speech and on cuts and repetitions made of it, so that natural speech has few; `docs/evaluation.md`
has the rates."""
SAID = 0.4
"""Share of the phones of a word that the path passes at least where it was said."""
AGREEING = 0.4
"""Share of its phones that must be the likeliest ones where a stretch is taken to be said again."""
LAST_SHARE, LAST_WORDS = 0.15, 2
"""A text broke off early where this share of its phones at the end, and that many words, are not said."""
TIMES = 3
"""What is said so often in a row is a loop."""
BABBLE, SAME = 8, 0.6
"""Sounds that are not in the text are a loop where there are so many phones in a row, this share of them repeated."""


class Completeness(NamedTuple):
    """What of a text was said, and how often.

    `skipped`: numbers of the words never said; `repeated`: stretches of words said again, one entry each time;
    `looped`: stretches said at least three times in a row, and how many times; `babble`: stretches of recognised phones
    that are not in the text and repeat themselves at least three times; `unsaid`: share of the text's phones after the
    last word that was said; `stopped_early`: whether that is much; `trace`: (R,) the word that each recognised phone
    belongs to, -1 for none.
    """

    skipped: tuple[int, ...]
    repeated: tuple[Span, ...]
    looped: tuple[tuple[Span, int], ...]
    babble: tuple[Span, ...]
    unsaid: float
    stopped_early: bool
    trace: tuple[int, ...]


def completeness(
    words: Sequence[Sequence[str]],
    scores: np.ndarray,
    names: Sequence[str],
    prices: Prices = PRICES,
) -> Completeness:
    """Words left out, said again and looped, from a recogniser's probabilities.

    Args:
        words: W words of the text, each with its phones in the recogniser's alphabet.
        scores: (F, V) log-probabilities, the blank first.
        names: V - 1 names of the other labels.
        prices: what it costs to leave the order of the text.

    Raises:
        TextError: `TEXT_EMPTY`, no word has a phone.
    """
    owner = [number for number, word in enumerate(words) for _ in word]
    if not owner:
        raise TextError("TEXT_EMPTY", "There is nothing to compare with", "a text with at least one word")
    numbers = {name: number for number, name in enumerate(names, start=1)}
    labels = [numbers[phone] for word in words for phone in word]
    starts = [position for position, word in enumerate(owner) if not position or word != owner[position - 1]]
    path = read_with_jumps(scores, labels, starts, prices)
    parts = np.split(np.arange(len(path.states)), np.flatnonzero(path.jumps))
    said = [_said(words, owner, path.states[part]) for part in parts]
    known = set().union(*said)
    skipped = tuple(number for number, word in enumerate(words) if word and number not in known)
    end = 1 + max(known, default=-1)
    unsaid = sum(len(word) for word in words[end:]) / len(labels)
    early = unsaid >= LAST_SHARE and sum(bool(word) for word in words[end:]) >= LAST_WORDS
    agreed = [_agreed(scores[part], path.states[part], labels) for part in parts]
    repeats = _repeats(said, agreed, owner)
    repeated = tuple(span for _, span in repeats)
    recognised, trace = _trace(scores, path.states, owner)
    return Completeness(skipped, repeated, _loops(repeats), _babble(recognised, trace), unsaid, early, tuple(trace))


def _said(words: Sequence[Sequence[str]], owner: Sequence[int], states: np.ndarray) -> set[int]:
    """The words that are said in a part of the path without a jump."""
    found = [0] * len(words)
    for state in np.unique(states[states % 2 == 1]):
        found[owner[state // 2]] += 1
    return {number for number, word in enumerate(words) if word and found[number] >= SAID * len(word)}


def _agreed(scores: np.ndarray, states: np.ndarray, labels: Sequence[int]) -> set[int]:
    """The phones of the text that are the likeliest ones, the blank left out, somewhere in a part of the path."""
    likeliest = scores[:, 1:].argmax(1) + 1
    at_phones = zip(states.tolist(), likeliest.tolist(), strict=True)
    return {state // 2 for state, label in at_phones if state % 2 and labels[state // 2] == label}


def _repeats(
    said: Sequence[set[int]],
    agreed: Sequence[set[int]],
    owner: Sequence[int],
) -> list[tuple[int, Span]]:
    """Stretches of words that were said before, each with the number of the part that says them again."""
    repeats = []
    known: set[int] = set()
    for number, words in enumerate(said):
        again = words & known
        known |= words
        if not again:
            continue
        first, end = min(again), max(again) + 1
        phones = [position for position, word in enumerate(owner) if first <= word < end]
        if len(agreed[number].intersection(phones)) >= AGREEING * len(phones):
            repeats.append((number, (first, end)))
    return repeats


def _loops(repeats: Sequence[tuple[int, Span]]) -> tuple[tuple[Span, int], ...]:
    """Repeats that follow each other and say the same words: (the words common to all, times said)."""
    loops: list[tuple[Span, int]] = []
    span, times, last = (0, 0), 1, -1
    for number, (first, end) in repeats:
        common = (max(first, span[0]), min(end, span[1]))
        if number == last + 1 and common[0] < common[1]:
            span, times = common, times + 1
        else:
            loops.append((span, times))
            span, times = (first, end), 2
        last = number
    loops.append((span, times))
    return tuple(loop for loop in loops if loop[1] >= TIMES)


def _trace(scores: np.ndarray, states: np.ndarray, owner: Sequence[int]) -> tuple[list[int], list[int]]:
    """Labels of the recognised phones, the best of every frame, and the word of each."""
    best = scores.argmax(1)
    first = np.flatnonzero((best > 0) & (np.diff(best, prepend=0) != 0))
    trace = []
    for state in states[first].tolist():
        before, after = owner[max(0, (state - 1) // 2)], owner[min(len(owner) - 1, state // 2)]
        outside = state in (0, 2 * len(owner)) or before != after
        trace.append(-1 if outside else after)
    return best[first].tolist(), trace


def _babble(recognised: Sequence[int], trace: Sequence[int]) -> tuple[Span, ...]:
    """Stretches of recognised phones that belong to no word and say the same thing again and again."""
    found = []
    for word, group in groupby(range(len(trace)), lambda heard: trace[heard]):
        stretch = list(group)
        run = [recognised[heard] for heard in stretch]
        if word < 0 and len(run) >= BABBLE and _periodic(run):
            found.append((stretch[0], stretch[-1] + 1))
    return tuple(found)


def _periodic(run: Sequence[int]) -> bool:
    """Whether a run repeats its beginning at least three times, up to a few slips."""
    for period in range(1, len(run) // TIMES + 1):
        same = sum(a == b for a, b in zip(run, run[period:], strict=False))
        if same >= SAME * (len(run) - period):
            return True
    return False


class Completed:
    """Words skipped, said again and looped in a clip, and whether it broke off, by a phone recogniser of the kit.

    Args:
        language: which clips are measured.
        recogniser: of the phones of that language.
        pronounce: (text, language) -> the phones of each word in the recogniser's alphabet.
    """

    name = "skipped"
    needs: Collection[str] = ("text",)

    def __init__(self, language: str, recogniser: PhoneTranscriber, pronounce: Pronounce = folded_words) -> None:
        self.language = language
        self.recogniser = recogniser
        self.evaluator = recogniser.name
        prices = "/".join(f"{price:g}" for price in PRICES)
        self.identity = f"text read with jumps {prices} by {recogniser.identity}"
        self.pronounce = pronounce

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """`skipped`, `repeated` and `looped` in words, `stopped_early` 0 or 1; None where nothing can be read."""
        if job.language != self.language:
            return None
        try:
            words = self.pronounce(job.text, job.language)
        except TextError:
            return None
        names = self.recogniser.recogniser.phone_names
        if not any(words) or not set(names).issuperset(phone for word in words for phone in word):
            return None  # nothing, or words of another language
        found = completeness(words, self.recogniser.scores_of_speech(wave), names)
        length = sum(len(word) for word in words) / len(words)
        loops = sum((end - first) * (times - 1) for (first, end), times in found.looped)
        babble = sum(max(1, round((end - first) / length)) for first, end in found.babble)
        return {
            "skipped": len(found.skipped),
            "repeated": sum(end - first for first, end in found.repeated),
            "looped": loops + babble,
            "stopped_early": int(found.stopped_early),
            "words": [" ".join(word) for word in words],
            "trace": list(found.trace),
        }
