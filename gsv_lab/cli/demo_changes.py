"""What fine-tuning changed, in numbers and words, for the demo's report.

Letters: p and q shares of phones recognised otherwise, n phones of each.
"""

from __future__ import annotations

import math
from typing import NamedTuple

SAME_SIMILARITY = 0.02
"""Smaller changes of similarity are called none; a choice, not a measured bound."""


class Change(NamedTuple):
    """One measure before and after tuning: the `numbers`, what they mean in `words`, and whether they got `worse`."""

    numbers: str
    words: str
    worse: bool = False


def similarity_change(before: float | None, after: float | None) -> Change | None:
    """Of the similarity to the recording; None without a verifier."""
    if before is None or after is None:
        return None
    numbers = f"Similarity {before:.2f} → {after:.2f}"
    difference = round(round(after, 2) - round(before, 2), 2)
    if abs(difference) < SAME_SIMILARITY:
        return Change(numbers, "as near to the recording as before")
    if difference > 0:
        return Change(numbers, "nearer to the recording")
    return Change(numbers, "further from the recording: for this recording the zero-shot voice is the better one", True)


def error_change(before: float, after: float, n_phones: int) -> Change:
    """Of the share of phones that are recognised otherwise, of `n_phones` in each of the two."""
    numbers = f"Phone errors {100 * before:.0f} → {100 * after:.0f} %"
    points = round(100 * after) - round(100 * before)  # of the numbers that stand there
    margin = 100 * chance_margin(before, after, n_phones)
    if not points:
        return Change(numbers, "unchanged")
    moved = f"{abs(points)} point{'s' * (abs(points) > 1)} {'more' if points > 0 else 'fewer'}"
    if abs(points) <= margin:
        return Change(numbers, f"{moved}, within the {margin:.0f} by which {n_phones} phones differ by chance")
    beyond = f"{moved}, beyond the {margin:.0f} by which {n_phones} phones differ by chance"
    if points > 0:
        return Change(numbers, f"less well understood: {beyond}; listen for words that tuning has lost", True)
    return Change(numbers, f"better understood: {beyond}")


def chance_margin(p: float, q: float, n: int) -> float:
    """How far two shares of n phones each differ by chance in 19 of 20 cases, if every phone fails on its own.

    Source: normal interval of a difference of proportions, 1.96 sqrt((p (1 - p) + q (1 - q)) / n). Shares above 1,
    which insertions make, count as 1; the variance is at least that of one error.
    """
    spread = sum(max(share * (1 - share), 1 / max(n, 1)) for share in (min(p, 1.0), min(q, 1.0)))
    return 1.96 * math.sqrt(spread / max(n, 1))
