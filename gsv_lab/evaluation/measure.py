"""The interface of all measures: a wave and the text that it should say go in, a few plain numbers come out.

Letters: T samples at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from gsv_lab.evaluation.lists import Item

Row = dict[str, Any]
"""Plain values that JSON can hold."""


@dataclass(frozen=True)
class Job:
    """What a wave was meant to be.

    Args:
        item: row of the list: natural target and reference.
        text: what the wave should say; the target's text except where another language is tried.
        language: language of `text`.
        natural: (T,) the same text spoken by the speaker, or None where no such recording exists.
    """

    item: Item
    text: str
    language: str
    natural: np.ndarray | None


@runtime_checkable
class Measure(Protocol):
    """A measure of one clip.

    `name` is its key in results; `identity` names evaluator and version, so that numbers of different evaluators are
    never mixed in one table.
    """

    name: str
    identity: str

    def __call__(self, wave: np.ndarray, job: Job) -> Mapping[str, Any] | None:
        """(T,) float32 at 16 kHz -> plain values, or None where the measure does not apply (another language)."""
        ...


def as_wave(samples: torch.Tensor | np.ndarray | Sequence[float]) -> np.ndarray:
    """Samples of any shape with one channel -> (T,) float32.

    Raises:
        ValueError: more than one channel, or samples that are not finite.
    """
    if isinstance(samples, torch.Tensor):
        samples = samples.detach().cpu().float().numpy()
    wave = np.asarray(samples, dtype=np.float32)
    if wave.ndim > 1 and wave.size != wave.shape[-1]:
        raise ValueError(f"expected one channel, got shape {wave.shape}")
    wave = wave.reshape(-1)
    if not np.isfinite(wave).all():
        raise ValueError("the wave has samples that are not finite")
    return wave


def is_silent(wave: np.ndarray, floor: float = 1e-4) -> bool:
    """Whether a wave (T,) is empty or never above `floor` (-80 dBFS)."""
    if not wave.size:
        return True
    return float(np.abs(wave).max()) < floor
