"""The interface of all measures: a wave and what it was meant to be go in, a few plain numbers come out.

Letters: T samples at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch

from gsv_lab.audio import Recording
from gsv_lab.evaluation.lists import Item

Found = Mapping[str, Any]
"""What a measure finds in one clip. Numbers are values, and their keys names of measures (`word_error`); texts, lists
and mappings are details that reports show. All of it can be written as JSON."""

NEEDS = ("text", "reference", "natural")
"""What a measure may need of an item besides the wave."""


@dataclass(frozen=True)
class Job:
    """What a wave was meant to be.

    Args:
        item: row of the list.
        text: what the wave should say, empty where it is not known; the item's except where another language is tried.
        language: language of `text`.
        natural: (T,) the same text spoken by the speaker, or None where no such recording exists.
        recording: the wave at the rate of its file.
        aligned: whether the wave follows `natural` sample by sample, as copy synthesis does.
    """

    item: Item
    text: str
    language: str
    natural: np.ndarray | None
    recording: Recording
    aligned: bool = False


@runtime_checkable
class Measure(Protocol):
    """A measure of one clip.

    Attributes:
        name: its key; several measures of one name (recognisers of words) differ in `evaluator`.
        evaluator: short name of who judges, the column `evaluator` of `clips.csv`: `whisper-base`, `dnsmos`.
        identity: evaluator, version and settings; a value is used again only where this is the same.
        needs: out of `NEEDS`, what it cannot work without; where that is missing the clip has no such value.
    """

    name: str
    evaluator: str
    identity: str
    needs: Collection[str]

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """(T,) float32 at 16 kHz -> what was found, or None where the measure does not apply (another language)."""
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
