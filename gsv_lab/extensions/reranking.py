"""The choice among several candidates of a sentence: the one in which its text is found best.

Codes are drawn, and a draw can be unlucky.
Letters: T samples.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor

from gsv_lab.errors import LabError


class Reranker(ABC):
    """Says how good a candidate is."""

    @abstractmethod
    def score(self, wave: Tensor, phones: Any) -> float:
        """Wave (T,), its `Phones` -> a score, higher is better; -inf for a candidate that cannot be used."""

    def best(self, waves: Sequence[Tensor], phones: Any) -> int:
        """Number of the best of some candidates; of equals the first."""
        scores = [self.score(wave, phones) for wave in waves]
        return max(range(len(scores)), key=scores.__getitem__)


class AlignmentReranker(Reranker):
    """Prefers the candidate whose forced alignment has the best mean score.

    Idea: of several candidates, a recogniser of the system's own knows best which one says the text. No evaluator takes
    part.

    Args:
        align: wave (T,), phones -> an alignment with `quality`, its mean score in nat.
    """

    def __init__(self, align: Callable[[Tensor, Any], Any]) -> None:
        self.align = align

    def score(self, wave: Tensor, phones: Any) -> float:
        """The alignment score in nat; -inf where the phones have no room."""
        try:
            quality = float(self.align(wave, phones).quality)
        except LabError:
            return -math.inf
        return quality if math.isfinite(quality) else -math.inf
