"""Which candidate an alignment prefers, and what it says of those that have none."""

from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from gsv_lab.errors import DataError
from gsv_lab.extensions.reranking import AlignmentReranker


def align(wave: torch.Tensor, phones: Any) -> SimpleNamespace:
    """An alignment whose score is the wave's first sample; what is loud does not fit."""
    assert phones == "phones"
    if wave[0] > 1:
        raise DataError("ALIGN_IMPLAUSIBLE", "too many phones")
    return SimpleNamespace(quality=wave[0])


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([-2.0, -1.0, -3.0], 1),
        ([-1.0, -1.0], 0),
        ([5.0, math.nan, -9.0], 2),
        ([math.nan, 5.0], 0),
        ([math.inf, -1.0, -0.5], 2),
    ],
)
def test_the_best_candidate(scores: list[float], best: int) -> None:
    assert AlignmentReranker(align).best([torch.tensor([score]) for score in scores], "phones") == best


def test_scores() -> None:
    score = AlignmentReranker(align).score
    assert score(torch.tensor([-0.5]), "phones") == -0.5
    assert [score(torch.tensor([bad]), "phones") for bad in (math.nan, 5.0)] == [-math.inf] * 2
