"""Phones that were heard, as if a recogniser had been sure of each: for tests that make mistakes of speech by hand."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from gsv_lab.evaluation.measures.completeness import Completeness, completeness
from gsv_lab.evaluation.measures.jumps import Prices
from gsv_lab.evaluation.measures.tempo import is_vowel

PRICES = Prices(back=11.0, ahead=11.0, foreign=2.8)
"""Three phones that were not heard, or four too many, are worth a jump."""
RIGHT, KIN, OTHER, UNHEARD = -0.1, -4.0, -5.0, -4.0
"""Nats that stand for phones: the one that was heard, another of its kind (vowel or consonant), one of the other kind,
and any of them between two that were heard."""


def completeness_of_phones(words: Sequence[Sequence[str]], recognised: Sequence[str]) -> Completeness:
    """What `completeness` finds where just these phones were heard."""
    names = sorted({*recognised, *(phone for word in words for phone in word)})
    heard, known = np.array(recognised, dtype=str)[:, None], np.array(names, dtype=str)[None, :]
    kinds = [np.array([is_vowel(phone) for phone in some], dtype=bool) for some in (recognised, names)]
    same_kind = kinds[0][:, None] == kinds[1][None, :]
    # Every phone lasts a frame and leaves one to the blank, in which a phone that was not heard may have been said.
    scores = np.full((2 * len(recognised), len(names) + 1), UNHEARD)
    scores[0::2, 1:] = np.where(heard == known, RIGHT, np.where(same_kind, KIN, OTHER))
    scores[1::2, 0] = RIGHT
    return completeness(words, scores, names, PRICES)
