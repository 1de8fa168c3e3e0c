"""Alignment of a text that may be read with jumps: back, where it is said again, ahead, where words are left out.

Ordinary forced alignment (`gsv_lab.audio.alignment`) takes for granted that the text was said once and whole. Here the
best path through a recogniser's log-probabilities may also go on at the start of any other word, at a price in nats:
the ratio of likelihoods from which a jump is the better explanation. A third price lets a path pass over sounds that
are not in the text.
Letters: F frames, V labels, P phones, S = 2 P + 1 states: a phone at odd ones, the blank around it at even ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np


class Prices(NamedTuple):
    """What leaving the order of the text costs, in nats.

    `back`: going back to the start of a word; `ahead`: going ahead to one, or to the end of the text; `foreign`: each
    frame with a sound that is not in the text, below the likeliest label.
    """

    back: float
    ahead: float
    foreign: float


class Path(NamedTuple):
    """Which phone of the text each frame belongs to.

    `states`: (F,) odd for phone (state - 1) / 2, even between phones; `jumps`: (F,) whether the path jumped into the
    frame.
    """

    states: np.ndarray
    jumps: np.ndarray


def read_with_jumps(scores: np.ndarray, labels: Sequence[int], starts: Sequence[int], prices: Prices) -> Path:
    """The likeliest way in which a text was read.

    Source: the paths of Graves et al. 2006, "Connectionist temporal classification", section 4.1, searched as Viterbi
    does; the jumps are this project's.

    Args:
        scores: (F, V) log-probabilities, label 0 the blank.
        labels: P labels of the text's phones, none of them the blank.
        starts: numbers of the phones that begin a word.
        prices: of the jumps.
    """
    frames, size = len(scores), 2 * len(labels) + 1
    emitted = np.empty((frames, size))
    emitted[:, 0::2] = np.maximum(scores[:, 0], scores[:, 1:].max(1) - prices.foreign)[:, None]
    emitted[:, 1::2] = scores[:, list(labels)]
    own = np.arange(size)
    skipping = np.zeros(size, dtype=bool)  # a phone may follow another one at once
    skipping[3::2] = np.diff(labels) != 0
    targets = 2 * np.array(starts) + 1
    origins = np.empty((frames, size), dtype=np.int64)
    jumps = np.zeros((frames, size), dtype=bool)
    # Before the first frame the path stands in front of the text.
    total = np.full(size, -np.inf)
    total[0] = 0.0
    for frame in range(frames):
        candidates = np.stack([total, _shifted(total, 1), np.where(skipping, _shifted(total, 2), -np.inf)])
        step = candidates.argmax(0)
        best, origin = candidates[step, own], own - step
        for place, price in ((_best_before(total), prices.ahead), (_best_from(total), prices.back)):
            reached = total[place[targets]] - price
            better = reached > best[targets]
            best[targets] = np.maximum(best[targets], reached)
            origin[targets] = np.where(better, place[targets], origin[targets])
            jumps[frame, targets] |= better
        origins[frame] = origin
        total = best + emitted[frame]
    end = max((size - 1, max(0, size - 2)), key=lambda state: total[state])
    if total.max() - prices.ahead > total[end]:
        end = int(total.argmax())
    return _backwards(origins, jumps, end)


def _shifted(total: np.ndarray, steps: int) -> np.ndarray:
    """What each state gets from the one `steps` before it."""
    return np.concatenate([np.full(steps, -np.inf), total[:-steps]])


def _best_before(total: np.ndarray) -> np.ndarray:
    """(S,) -> (S,): the best state up to each."""
    places = np.where(total == np.maximum.accumulate(total), np.arange(len(total)), 0)
    return np.maximum.accumulate(places)


def _best_from(total: np.ndarray) -> np.ndarray:
    """(S,) -> (S,): the best state from each on."""
    return len(total) - 1 - _best_before(total[::-1])[::-1]


def _backwards(origins: np.ndarray, jumps: np.ndarray, state: int) -> Path:
    """The path that ends in a state."""
    frames = len(origins)
    states, jumped = np.zeros(frames, dtype=np.int64), np.zeros(frames, dtype=bool)
    for frame in range(frames - 1, -1, -1):
        states[frame], jumped[frame] = state, jumps[frame, state]
        state = origins[frame, state]
    return Path(states, jumped)
