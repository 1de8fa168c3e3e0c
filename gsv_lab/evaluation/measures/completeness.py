"""Whether all of a text was said, once: words skipped, said again or in a loop, and texts that break off.

The phones that a recogniser hears are aligned with the phones of the text by a search that may jump: back, where words
are said again, and forward, where they are left out. A jump costs as much as four phones too many, so that slips of
single phones are no reason for one.
Letters: P phones of the text, R recognised phones, W words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import NamedTuple

import numpy as np

from gsv_lab.errors import TextError
from gsv_lab.evaluation.measures import Found, Job, is_silent
from gsv_lab.evaluation.measures.recognisers import Transcribe

Span = tuple[int, int]
"""Number of the first word (or phone), and of the one after the last."""

SLIP, OTHER, UNLIKE, JUMP = 7, 10, 13, 27
"""Costs: a phone left out or too many; another one of its kind (vowel or consonant); one of the other kind; going on at
the start of any other word."""
FEWEST = 3
"""Phones; a stretch of words with fewer is too short to say that it was left out or said again."""
SAID = 0.4
"""Share of the phones of a word, right or wrong, that are heard at least where it was said."""
AGREEING = 0.6
"""Share of phones that must agree with the text where words are taken to be said again."""
LAST_SHARE, LAST_WORDS = 0.15, 2
"""A text broke off early where this share of its phones at the end, and that many words, are not said."""
TIMES = 3
"""What is said so often in a row is a loop."""
LONGEST_BABBLE = 8
"""Phones that are no part of the text are a loop only where there are so many in a row."""
_VOWELS = frozenset("AEIOUaeiouv")  # first letters of vowels and finals in the folded alphabet
_FAR = 10**9

Pair = tuple[int, int]
"""A recognised phone and the phone of the text that it stands for."""


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


def completeness(words: Sequence[Sequence[str]], recognised: Sequence[str]) -> Completeness:
    """Words left out, said again and looped, from the phones that a recogniser heard.

    Single phones that are wrong, missing or too many do not count; nor do words and stretches of fewer than three
    phones, which a recogniser of phones cannot tell from its own slips.

    Args:
        words: W words of the text, each with its phones in the recogniser's alphabet.
        recognised: (R,) what was heard.

    Raises:
        TextError: `TEXT_EMPTY`, no word has a phone.
    """
    phones = [phone for word in words for phone in word]
    if not phones:
        raise TextError("TEXT_EMPTY", "There is nothing to compare with", "a text with at least one word")
    owner = [number for number, word in enumerate(words) for _ in word]
    readings = _readings(
        phones, recognised, [n for n, word in enumerate(owner) if word not in owner[max(0, n - 1) : n]]
    )
    trace = [-1] * len(recognised)
    for reading in readings:
        for heard, position in reading:
            trace[heard] = owner[position]
    said = [_said(words, reading, owner) for reading in readings]
    skipped = _skipped(words, set().union(*said))
    repeats = _repeats(phones, recognised, readings, said, owner)
    end = len(words)
    while end - 1 in skipped:
        end -= 1
    unsaid = sum(len(word) for word in words[end:]) / len(phones)
    early = unsaid >= LAST_SHARE and len(words) - end >= LAST_WORDS
    loops = _loops(repeats)
    repeated = tuple(span for _, span in repeats)
    return Completeness(skipped, repeated, loops, _babble(recognised, trace), unsaid, early, tuple(trace))


def _readings(phones: Sequence[str], recognised: Sequence[str], starts: Sequence[int]) -> list[list[Pair]]:
    """The cheapest way to read what was heard off the text: between two jumps, one list of pairs each.

    Dynamic programming over recognised phones; `before` holds the costs of having heard t phones and read j phones of
    the text when the last step took a recognised phone, `after` those when the text may also have been jumped in.
    """
    heard, size = len(recognised), len(phones)
    other = _differences(phones, recognised)
    skips = SLIP * np.arange(size + 1)
    targets = np.array([*starts, size])
    before = np.full((heard + 1, size + 1), _FAR)
    after = np.zeros_like(before)
    before[0, 0] = 0
    for t in range(heard + 1):
        if t:
            before[t] = after[t - 1] + SLIP
            before[t, 1:] = np.minimum(before[t, 1:], after[t - 1, :-1] + other[t - 1])
        row = before[t].copy()
        row[targets] = np.minimum(row[targets], row.min() + JUMP)
        after[t] = np.minimum.accumulate(row - skips) + skips
    readings: list[list[Pair]] = [[]]
    t, j = heard, size
    while t or j:
        if after[t, j] < before[t, j]:
            if j and after[t, j] == after[t, j - 1] + SLIP:
                j -= 1
                continue
            j = int(before[t].argmin())
            readings.append([])
            if not t:
                break
        t -= 1
        if j and before[t + 1, j] == after[t, j - 1] + other[t, j - 1]:
            j -= 1
            readings[-1].append((t, j))
    return [reading[::-1] for reading in reversed(readings) if reading]


def _differences(phones: Sequence[str], recognised: Sequence[str]) -> np.ndarray:
    """Costs (R, P) of a recognised phone in place of one of the text."""
    text, found = np.array(phones)[None, :], np.array(recognised, dtype=str)[:, None]
    kinds = np.array([phone[0] in _VOWELS for phone in phones])[None, :]
    found_kinds = np.array([phone[0] in _VOWELS for phone in recognised], dtype=bool)[:, None]
    return np.where(text == found, 0, np.where(kinds == found_kinds, OTHER, UNLIKE))


def _said(words: Sequence[Sequence[str]], reading: Sequence[Pair], owner: Sequence[int]) -> set[int]:
    """The words that one reading says."""
    found = [0] * len(words)
    for _, position in reading:
        found[owner[position]] += 1
    return {number for number, word in enumerate(words) if word and found[number] >= SAID * len(word)}


def _skipped(words: Sequence[Sequence[str]], said: set[int]) -> tuple[int, ...]:
    """The words that no reading says, in stretches that are long enough to tell."""
    skipped: list[int] = []
    for missing, group in groupby(range(len(words)), lambda number: bool(words[number]) and number not in said):
        stretch = list(group)
        if missing and sum(len(words[number]) for number in stretch) >= FEWEST:
            skipped += stretch
    return tuple(skipped)


def _repeats(
    phones: Sequence[str],
    recognised: Sequence[str],
    readings: Sequence[Sequence[Pair]],
    said: Sequence[set[int]],
    owner: Sequence[int],
) -> list[tuple[int, Span]]:
    """Stretches of words that were said before, each with the number of the reading that says them again."""
    repeats = []
    known: set[int] = set()
    for number, reading in enumerate(readings):
        again = said[number] & known
        known |= said[number]
        if not again:
            continue
        first, last = min(again), max(again)
        pairs = [pair for pair in reading if first <= owner[pair[1]] <= last]
        length = max(pairs[-1][0] - pairs[0][0], pairs[-1][1] - pairs[0][1]) + 1
        agreeing = sum(phones[position] == recognised[heard] for heard, position in pairs)
        if length >= FEWEST and agreeing >= AGREEING * length:
            repeats.append((number, (first, last + 1)))
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


def _babble(recognised: Sequence[str], trace: Sequence[int]) -> tuple[Span, ...]:
    """Stretches of recognised phones that belong to no word and say the same thing again and again."""
    found = []
    for number, group in groupby(range(len(trace)), lambda heard: trace[heard]):
        stretch = list(group)
        run = [recognised[heard] for heard in stretch]
        if number < 0 and len(run) >= LONGEST_BABBLE and _periodic(run):
            found.append((stretch[0], stretch[-1] + 1))
    return tuple(found)


def _periodic(run: Sequence[str]) -> bool:
    """Whether a run repeats its beginning at least three times, up to a few slips."""
    for period in range(1, len(run) // TIMES + 1):
        same = sum(a == b for a, b in zip(run, run[period:], strict=False))
        if same >= AGREEING * (len(run) - period):
            return True
    return False


class Completed:
    """Words skipped, said again and looped in a clip, and whether it broke off, by the kit's phone recognisers.

    Args:
        recogniser: wave (T,) at 16 kHz -> phone names.
        language: of the recogniser.
        identity: which weights it has.
        pronounce: (text, language) -> the phones of each word in the recogniser's alphabet.
    """

    name = "completeness"
    needs = ("text",)

    def __init__(
        self,
        recogniser: Transcribe,
        language: str,
        identity: str,
        pronounce: Callable[[str, str], Sequence[Sequence[str]]],
    ) -> None:
        self.recogniser = recogniser
        self.language = language
        self.evaluator = f"recogniser_{language}"
        self.identity = f"{identity}, jumps {SLIP}/{OTHER}/{JUMP}"
        self.pronounce = pronounce

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """`skipped`, `repeated` and `looped` in words, `stopped_early` 0 or 1; None for another language."""
        if job.language != self.language:
            return None
        words = self.pronounce(job.text, job.language)
        recognised = [] if is_silent(wave) else list(self.recogniser(wave))
        found = completeness(words, recognised)
        length = sum(len(word) for word in words) / len(words)
        loops = sum((end - first) * (times - 1) for (first, end), times in found.looped)
        babble = sum(max(1, round((end - first) / length)) for first, end in found.babble)
        return {
            "skipped": len(found.skipped),
            "repeated": sum(end - first for first, end in found.repeated),
            "looped": loops + babble,
            "stopped_early": int(found.stopped_early),
            "words": [" ".join(word) for word in words],
            "recognised": " ".join(recognised),
            "trace": list(found.trace),
        }
