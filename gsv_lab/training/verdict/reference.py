"""Where a similarity lies: what the verifier of a family gives for other people, and how often it errs.

Measured on development speakers; only distances are kept, no voice of anybody. `measured` makes them for other weights.
Letters: N clips, E width of the verifier's point.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.evaluation.statistics.verification import equal_error


class Reference(NamedTuple):
    """What a verifier gives for clips against the middle of some clips of a person.

    `floor`: language -> mean cosine of other people's clips; `same`: that of the person's own other clips;
    `threshold` and `equal_error`: where as many of the one kind are taken for the other, and how many; `speakers`.
    """

    floor: dict[str, float]
    same: dict[str, float]
    threshold: float
    equal_error: float
    speakers: int


REFERENCES = {
    "nano-7": Reference({"en": 0.453, "zh": 0.477}, {"en": 0.929, "zh": 0.839}, 0.752, 0.147, 11),
}
"""By version of the family; `docs/verdict.md` has the command."""


def measured(points: Mapping[str, Sequence[Tensor]], languages: Mapping[str, str]) -> Reference:
    """A `Reference` from points (E,) of the clips of people, by name.

    Raises:
        ValueError: a language has fewer than two people, or somebody fewer than two clips.
    """
    own: dict[str, list[float]] = {}
    other: dict[str, list[float]] = {}
    for name, clips in points.items():
        table = torch.stack(list(clips))
        for number in range(len(table)):
            rest = torch.cat([table[:number], table[number + 1 :]])
            own.setdefault(languages[name], []).append(float(table[number] @ middle(rest)))
        for stranger, theirs in points.items():
            if stranger != name and languages[stranger] == languages[name]:
                cosines = torch.stack(list(theirs)) @ middle(table)
                other.setdefault(languages[name], []).extend(cosines.tolist())
    if own.keys() != other.keys():
        raise ValueError("each language needs two people")
    threshold, rate = equal_error(np.concatenate(list(own.values())), np.concatenate(list(other.values())))
    floor, same = ({language: round(float(np.mean(x)), 3) for language, x in each.items()} for each in (other, own))
    return Reference(floor, same, round(threshold, 3), round(rate, 3), len(points))


def middle(points: Tensor) -> Tensor:
    """The middle of points (N, E) on the unit sphere: (E,)."""
    if not len(points):
        raise ValueError("somebody has one clip only")
    return functional.normalize(points.mean(0), dim=0)
