"""Checks of notebook 02, "From text to phones".

Letters: P phones, W words, C channels. Each check takes the answer, and draws a card; `.card(...)` gives the card
alone.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gsv_lab.teaching.exercises.card import ask, exercise, expect, expect_shape

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


@exercise("A rule for -ed")
def past(answer: Callable[[tuple[str, ...]], Sequence[str]]) -> str:
    """`past(stem)`: phones of a verb -> phones of its past tense."""
    given = {word: tuple(ask(answer, stem)) for word, (stem, _) in STEMS.items()}
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


@exercise("From words to phones")
def upsample(answer: Callable[[Tensor, Sequence[int]], Tensor]) -> str:
    """`upsample(features, word2phones)`: (C, W) -> (C, P), each column as often as its word has phones."""
    features, counts = torch.tensor([[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]), [2, 1, 3]
    found = torch.as_tensor(ask(answer, features, counts))
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


@exercise("From seconds to frames")
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
