"""Checks of notebook 02, "From text to phones".

Letters: P phones, W words, C channels, F frames. Each check takes the answer and gives a card.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.teaching.exercises.answers import numbers
from gsv_lab.teaching.exercises.card import ask, ask_either, exercise, expect, expect_shape, number

STEMS = {
    "walk": (("W", "AO1", "K"), ("T",)),
    "play": (("P", "L", "EY1"), ("D",)),
    "want": (("W", "AO1", "N", "T"), ("IH0", "D")),
    "need": (("N", "IY1", "D"), ("IH0", "D")),
    "wash": (("W", "AA1", "SH"), ("T",)),
    "call": (("K", "AO1", "L"), ("D",)),
    "stop": (("S", "T", "AA1", "P"), ("T",)),
}
"""Word -> its phones, and what -ed adds to them."""


INVENTED = {
    "blicked": ("B", "L", "IH1", "K"),
    "zorbed": ("Z", "AO1", "R", "B"),
    "grinted": ("G", "R", "IH1", "N", "T"),
}
"""Past tenses of verbs that do not exist -> phones of their stems."""


def invented(rule: Callable[[tuple[str, ...]], Sequence[str]]) -> Mapping[str, str]:
    """The invented words with the readings that a rule gives them, as a user's dictionary."""
    return {word: " ".join(_phones(rule(stem))) for word, stem in INVENTED.items()}


def _phones(given: Any) -> tuple[str, ...]:
    return tuple(given.split() if isinstance(given, str) else map(str, given))


@exercise(
    "A rule for -ed",
    "Only the last phone of the stem decides. There are three endings; look for the syllable first.",
    "If it is T or D: IH0 D. If it is one of P K F TH S SH CH: T. Else: D.",
)
def past(answer: Callable[[tuple[str, ...]], Sequence[str]]) -> str:
    """`past(stem)`: phones of a verb -> phones of its past tense."""
    given = {word: _phones(ask(answer, stem)) for word, (stem, _) in STEMS.items()}
    bare = all(given[word] == ending for word, (_, ending) in STEMS.items())
    expect(not bare, "That is the ending alone: give the whole word back, stem and ending.")
    endings = {word: given[word][len(stem) :] for word, (stem, _) in STEMS.items()}
    kept = all(given[word][: len(stem)] == stem for word, (stem, _) in STEMS.items())
    expect(kept, "The stem should stay as it is, the ending comes after it.")
    expect(set(endings.values()) != {("D",)}, "Say 'walked' aloud: after a K there is no D, but a T.")
    expect(set(endings.values()) != {("T",)}, "Say 'played' aloud: after a vowel the ending has a voice.")
    syllable = "'want' and 'need' end in T and D already: the ending becomes a syllable of its own, IH0 D."
    expect(endings["want"] == endings["need"] == ("IH0", "D"), syllable)
    for word, (_, ending) in STEMS.items():
        found = f"'{word}' takes {' '.join(ending)}, yours adds {' '.join(endings[word])}."
        expect(endings[word] == ending, f"{found} Has its last phone a voice?")
    return "The kit's own lexicon derives unknown words this way, see gsv_lab/text/lexicon.py."


@exercise(
    "Two third tones",
    "Two low tones in a row are hard to say. One of the two syllables gives way: the first.",
    "Before another third tone the third tone becomes the rising one, the second.",
)
def tones(answer: Any) -> str:
    """The tones of 你好 as they are spoken, from two third tones in the dictionary: two numbers, or pinyin."""
    listed = answer if isinstance(answer, str) else np.ravel(np.asarray(answer)).tolist()
    given = [int(digit) for digit in re.findall(r"\d", str(listed))]
    expect(len(given) == 2 and all(1 <= tone <= 5 for tone in given), "Two tones, each a number from 1 to 5.")
    expect(given != [3, 3], "As the dictionary has them. But nobody says two third tones in a row.")
    expect(given != [3, 2], "One of them changes, but the last syllable keeps its tone.")
    expect(given != [2, 2], "Only the first one changes: after it there is no need any more.")
    expect(given[1] == 3, f"The second syllable keeps its third tone; yours has tone {given[1]}.")
    expect(given[0] == 2, f"Tone {given[0]} for the first: which tone rises?")
    return "`gsv_lab/text/sandhi.py` has this rule, with those for 不 and 一, and for longer words."


@exercise(
    "From words to phones",
    "Every column has a count of its own; only the axis of words grows.",
    "features.repeat_interleave(torch.tensor(word2phones), dim=1)",
)
def upsample(answer: Callable[[Tensor, Sequence[int]], Tensor]) -> str:
    """`upsample(features, word2phones)`: (C, W) -> (C, P), each column as often as its word has phones."""
    features, counts = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), [2, 1, 3]
    given = ask_either(answer, features, counts)
    found = numbers(given)
    expect(tuple(found.shape) != (6, 2), "The other way round: channels first, phones last.")
    whole = "The whole row was repeated. Each column has its own count: 2, 1 and 3 times."
    expect(tuple(found.shape) not in ((2, 9), (2, 18)), whole)
    expect_shape(found, (2, 6), "The features of words with 2, 1 and 3 phones")
    right = features[:, [0, 0, 1, 2, 2, 2]]
    evenly = features.repeat_interleave(2, dim=1)
    expect(not torch.equal(found, evenly), "Every word got two phones. Take the counts of word2phones.")
    tiled = "The columns come round again and again. The phones of one word stand beside each other."
    expect(not torch.equal(found, features.repeat(1, 2)), tiled)
    expect(torch.equal(found, right), f"Row 0 should be {right[0].tolist()}, yours is {found[0].tolist()}.")
    return "So a word's features reach each of its phones; in the released models BERT's states take the same way."


@exercise(
    "From frames to phones",
    "Two things happen, in this order: equal neighbours become one, and then the blanks go.",
    "Keep a label if it differs from the one before it and is not 0.",
)
def collapse(answer: Callable[[list[int]], Sequence[int]]) -> str:
    """`collapse(path)`: labels of frames, 0 the blank -> the labels that are said (Graves et al. 2006, section 3.1)."""
    path = [0, 7, 7, 0, 0, 7, 4, 4, 4, 0, 9, 9, 7]
    found = _labels(ask(answer, list(path)))
    merged = [label for label, _ in groupby(path)]
    order = "The two 7s in the middle are two phones: a blank stands between them. Merge first, then drop the blanks."
    expect(found != [label for label, _ in groupby(label for label in path if label)], order)
    expect(found != merged, "Merged, but the blanks are still there: 0 is no phone, it says 'nothing new'.")
    repeated = "Without blanks, but 7 7 in neighbouring frames is one phone that lasts two frames."
    expect(found != [label for label in path if label], repeated)
    expect(sorted(set(found)) != sorted(found) or len(found) != 3, "A phone may come back later: 7 occurs three times.")
    right = kit_collapse(path)
    expect(found == right, f"{path} says {right}, yours is {found}.")
    expect(_labels(ask(answer, [5, 5, 3])) == [5, 3], "5 5 3 says 5 3: the first label has none before it.")
    return "Several paths say the same: that is why CTC sums over all of them."


def _labels(given: Any) -> list[int]:
    return [int(label) for label in (given if isinstance(given, list | tuple) else np.ravel(np.asarray(given)))]


def kit_collapse(path: Sequence[int]) -> list[int]:
    """Labels of frames -> what they say: equal neighbours once, and no blanks (0)."""
    return [label for label, _ in groupby(path) if label]


@exercise(
    "From seconds to frames",
    "What must not drift is the place of each border. Which numbers are borders?",
    "borders = round(ends * rate), with a 0 in front; the counts are the differences of neighbours.",
)
def frame_counts(answer: Callable[[Any, float], Any]) -> str:
    """`frame_counts(ends, rate)`: (P,) ends in seconds of phones without gaps -> (P,) frames of each."""
    ends, rate = np.cumsum([0.07] * 10), 25.0
    given = np.asarray(ask(answer, ends, rate), dtype=np.float64).reshape(-1)
    expect(len(given) == 10, f"Ten phones, but {len(given)} numbers.")
    right = np.diff(np.round(ends * rate), prepend=0.0)
    borders = "Those are the borders. How many frames lie between one border and the next?"
    expect(not np.allclose(given, np.cumsum(right)), borders)
    expect(np.allclose(given, np.round(given)), "Frames are whole: 1.75 of them cannot be counted. Round, but what?")
    total = f"0.7 s are {int(right.sum())} frames, yours are {given.sum():.0f}."
    alone = np.allclose(given, np.round(np.diff(ends, prepend=0.0) * rate))
    expect(not alone, f"{total} Rounded one by one, the errors add up: round the borders, then take differences.")
    floored = np.allclose(given, np.floor(np.diff(ends, prepend=0.0) * rate))
    expect(not floored, f"{total} Cutting every phone down loses some of each: what happens at the borders?")
    expect(given.sum() == right.sum(), total)
    expect(np.abs(np.cumsum(given) - ends * rate).max() < 1, "Some border is a frame or more from where it should be.")
    return "No border is ever more than half a frame wrong, however long the text."


@exercise(
    "The best path",
    "Think of one frame and one phone: from which two cells of the frame before can a path come here?",
    "best[p] = scores[t][p] + max(best[p] before, best[p - 1] before); at first only phone 0 is possible.",
)
def best_score(answer: Callable[[Tensor], float]) -> str:
    """`best_score(scores)`: (F, P) log-probabilities -> the sum along the best path from phone 0 to phone P - 1."""
    for seed, (frames, n_phones) in enumerate(((6, 3), (5, 5), (7, 2), (4, 1))):
        drawn = torch.randn(frames, n_phones, generator=torch.Generator().manual_seed(seed))
        scores = drawn.double().log_softmax(1) * 3
        found = number(ask_either(answer, scores), "best_score should give one number.")
        _judge_path(scores, found)
    return "Note in each cell which of the two won, and walk back from the end: that is forced alignment."


def _judge_path(scores: Tensor, found: float) -> None:
    frames, n_phones = scores.shape
    never = torch.full((1,), -torch.inf, dtype=scores.dtype)
    start = torch.full((n_phones,), -torch.inf, dtype=scores.dtype)
    start[0] = scores[0, 0]

    def run(join: Callable[[Tensor, Tensor], Tensor], best: Tensor) -> Tensor:
        for row in scores[1:]:
            best = join(best, torch.cat([never, best[:-1]])) + row
        return best

    best = run(torch.maximum, start)

    def same(value: Tensor) -> bool:
        return abs(found - float(value)) < 1e-3

    right = same(best[-1])
    free = "That takes the best phone of every frame, in any order. A path starts at phone 0 and never goes back."
    expect(right or not same(scores.max(1).values.sum()), free)
    expect(
        right or not same(run(torch.logaddexp, start)[-1]), "That adds up all paths, as CTC does. Take the best one."
    )
    early = "Your path ends at whichever phone is best. The last frame belongs to the last phone."
    expect(right or not same(best.max()), early)
    late = "Your path may begin at any phone. The first frame belongs to phone 0."
    expect(right or not same(run(torch.maximum, scores[0])[-1]), late)
    skips = run(lambda stay, _: stay.cummax(0).values, start)
    expect(
        right or not same(skips[-1]), "Your path jumps over phones. From frame to frame it stays, or goes on by one."
    )
    expect(
        right, f"With {frames} frames and {n_phones} phones the best path has {float(best[-1]):.2f}, yours {found:.2f}."
    )
