"""How much the codes alone say about phone, speaker and F0: Theil's uncertainty coefficient, against moved labels.

Letters: F frames (one code each).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from gsv_lab.system.seeds import check_seed

_F0_CLASSES = 8


class Uncertainty(NamedTuple):
    """Uncertainty coefficient U(factor | code), its mean when labels are moved against codes, and the part above."""

    factor: str
    value: float
    shuffled: float

    @property
    def above(self) -> float:
        """0: the code says no more than about moved labels; 1: it determines the factor."""
        return (self.value - self.shuffled) / max(1e-9, 1 - self.shuffled)


def uncertainty_coefficients(
    codes: Sequence[np.ndarray],
    factors: Mapping[str, Sequence[np.ndarray]],
    shuffles: int = 20,
    seed: int = 0,
) -> list[Uncertainty]:
    """How much of each factor a code determines: U = I(factor; code) / H(factor), Theil 1970.

    The baseline keeps labels as they follow each other and only moves them: clips in another order, then all turned by
    a random number of frames. That takes away the relation, and leaves what chance alone gives on so few frames.

    Args:
        codes: one array of codes (F,) a clip.
        factors: name -> one array of labels (F,) a clip; numbers (floats) are cut into 8 equal shares; frames whose
            label is "" or NaN are left out.
        shuffles: how often labels are moved.
        seed: of the moves.
    """
    all_codes = np.concatenate(codes)
    found = []
    for factor, labels in factors.items():
        rng = np.random.default_rng(check_seed(seed))
        value = _uncertainty(all_codes, np.concatenate(labels))
        moved = []
        for _ in range(shuffles):
            shuffled = np.concatenate([labels[number] for number in rng.permutation(len(labels))])
            turn = int(rng.integers(1, len(shuffled)))
            moved.append(_uncertainty(all_codes, np.roll(shuffled, turn)))
        found.append(Uncertainty(factor, value, float(np.mean(moved))))
    return found


def _uncertainty(codes: np.ndarray, labels: np.ndarray) -> float:
    from gsv_lab.figures.measures import uncertainty

    if np.issubdtype(labels.dtype, np.floating):
        known = np.isfinite(labels)
        shares = np.arange(1, _F0_CLASSES) / _F0_CLASSES
        edges = np.quantile(labels[known], shares)
        classes = np.searchsorted(edges, labels[known])
    else:
        known = labels != ""
        classes = labels[known]
    names, rows = np.unique(classes, return_inverse=True)
    values, columns = np.unique(codes[known], return_inverse=True)
    counts = np.zeros((len(names), len(values)))
    np.add.at(counts, (rows, columns), 1)
    return uncertainty(counts)
