"""Agreement of two speaker encoders that evaluate, on the same natural pairs of clips.

Every pair of clips of one language is of one speaker or of two. An evaluator that ranks them as a better known one
does, and refuses and accepts with as few errors, can stand in for it; its bare cosines need a scale of their own.
Letters: N clips, T samples at 16 kHz, D embedding width.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gsv_lab.evaluation.lists import Clip, Item
from gsv_lab.evaluation.measures.similarity import SpeakerEmbedder
from gsv_lab.evaluation.statistics.verification import equal_error


class Evaluated(NamedTuple):
    """One evaluator over all pairs: mean cosine of pairs of one speaker and of two, threshold and equal error rate."""

    name: str
    same: float
    different: float
    threshold: float
    equal_error: float


class Calibration(NamedTuple):
    """Two evaluators over the same pairs.

    `correlation` is Pearson's over all pairs, `within` the same over pairs of different speakers only, where no two
    clusters help; `clips`, `same_pairs` and `pairs` are counts.
    """

    first: Evaluated
    second: Evaluated
    correlation: float
    within: float
    clips: int
    same_pairs: int
    pairs: int

    def markdown(self) -> str:
        """The table of `docs/results.md`."""
        one = self.first
        two = self.second
        return "\n".join(
            [
                f"| {self.clips} clips, {self.same_pairs} of {self.pairs} pairs of one speaker "
                f"| {one.name} | {two.name} |",
                "| --- | --- | --- |",
                f"| same speaker, mean cosine | {one.same:.3f} | {two.same:.3f} |",
                f"| different speakers, mean cosine | {one.different:.3f} | {two.different:.3f} |",
                f"| equal error rate (threshold) | {one.equal_error:.1%} ({one.threshold:.2f}) "
                f"| {two.equal_error:.1%} ({two.threshold:.2f}) |",
                f"| correlation over all pairs | {self.correlation:.2f} | |",
                f"| correlation over pairs of different speakers | {self.within:.2f} | |",
            ]
        )


def calibrate(first: SpeakerEmbedder, second: SpeakerEmbedder, clips: Sequence[Clip]) -> Calibration:
    """Compare two evaluators on every pair of clips of one language.

    Raises:
        ValueError: no pair of one speaker, or none of two.
    """
    pairs = _pairs(clips)
    same = np.array([clips[i].speaker == clips[k].speaker for i, k in pairs], dtype=bool)
    waves = [clip.read() for clip in clips]
    one = _cosines(first, waves, pairs)
    two = _cosines(second, waves, pairs)
    return Calibration(
        _evaluated(first.identity, one, same),
        _evaluated(second.identity, two, same),
        correlation(one, two),
        correlation(one[~same], two[~same]),
        len(clips),
        int(same.sum()),
        len(pairs),
    )


def _pairs(clips: Sequence[Clip]) -> list[tuple[int, int]]:
    """Numbers of all pairs of clips of one language."""
    pairs = []
    for i, clip in enumerate(clips):
        for k in range(i):
            if clip.language == clips[k].language:
                pairs.append((i, k))
    return pairs


def _cosines(embedder: SpeakerEmbedder, waves: Sequence[np.ndarray], pairs: Sequence[tuple[int, int]]) -> np.ndarray:
    vectors = [embedder.embed(wave) for wave in waves]
    return np.array([float(np.dot(vectors[i], vectors[k])) for i, k in pairs])


def _evaluated(name: str, cosines: np.ndarray, same: np.ndarray) -> Evaluated:
    threshold, rate = equal_error(cosines[same], cosines[~same])
    return Evaluated(name, float(cosines[same].mean()), float(cosines[~same].mean()), threshold, rate)


def correlation(one: np.ndarray, two: np.ndarray) -> float:
    """Pearson's; NaN where one of the two never changes."""
    if one.std() == 0 or two.std() == 0:
        return float("nan")
    return float(np.corrcoef(one, two)[0, 1])


def first_clips(items: Sequence[Item], each: int = 3) -> list[Clip]:
    """The first clips of every known speaker of some lists, references and targets alike; a lone clip is left out."""
    speakers: dict[str, dict[str, Clip]] = {}
    for item in items:
        for clip in (item.reference, item.target):
            if clip is not None and clip.speaker:
                speakers.setdefault(clip.speaker, {})[clip.key] = clip
    found = []
    for clips in speakers.values():
        if len(clips) > 1:
            found += list(clips.values())[:each]
    return found
