"""How far one judge of voices agrees with another: the same natural pairs before both.

Every pair of clips of one language is of one speaker or of two. A judge that ranks them as a better known judge does,
and refuses and accepts with as few errors, can stand in for it; its bare cosines need a scale of their own.
Letters: N clips, T samples at 16 kHz, D embedding width. Does not know which networks judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from gsv_lab.evaluation.lists import Clip, Item
from gsv_lab.evaluation.similarity import SpeakerEmbedder, equal_error


class Judged(NamedTuple):
    """One judge over all pairs: mean cosine of pairs of one speaker and of two, threshold and equal error rate."""

    name: str
    same: float
    different: float
    threshold: float
    equal_error: float


class Calibration(NamedTuple):
    """Two judges over the same pairs.

    `correlation` is Pearson's over all pairs, `within` the same over pairs of different speakers only, where no two
    clusters help; `clips`, `same_pairs` and `pairs` are counts.
    """

    first: Judged
    second: Judged
    correlation: float
    within: float
    clips: int
    same_pairs: int
    pairs: int

    def markdown(self) -> str:
        """The table of `docs/results.md`."""
        one, two = self.first, self.second
        lines = [
            f"| {self.clips} clips, {self.same_pairs} of {self.pairs} pairs of one speaker | {one.name} | {two.name} |",
            "| --- | --- | --- |",
            f"| same speaker, mean cosine | {one.same:.3f} | {two.same:.3f} |",
            f"| different speakers, mean cosine | {one.different:.3f} | {two.different:.3f} |",
            f"| equal error rate (threshold) | {one.equal_error:.1%} ({one.threshold:.2f}) "
            f"| {two.equal_error:.1%} ({two.threshold:.2f}) |",
            f"| correlation over all pairs | {self.correlation:.2f} | |",
            f"| correlation over pairs of different speakers | {self.within:.2f} | |",
        ]
        return "\n".join(lines)


def calibrate(first: SpeakerEmbedder, second: SpeakerEmbedder, clips: Sequence[Clip]) -> Calibration:
    """Compare two judges on every pair of clips of one language.

    Raises:
        ValueError: no pair of one speaker, or none of two.
    """
    pairs = [
        (i, k) for i, one in enumerate(clips) for k, two in enumerate(clips[:i]) if one.language == two.language
    ]  # fmt: skip
    same = np.array([clips[i].speaker == clips[k].speaker for i, k in pairs], dtype=bool)
    waves = [clip.read() for clip in clips]
    rows, cosines = [], []
    for judge in (first, second):
        vectors = [judge.embed(wave) for wave in waves]
        values = np.array([float(np.dot(vectors[i], vectors[k])) for i, k in pairs])
        threshold, rate = equal_error(values[same], values[~same])
        rows.append(Judged(judge.name, float(values[same].mean()), float(values[~same].mean()), threshold, rate))
        cosines.append(values)
    over, within = correlation(*cosines), correlation(*(values[~same] for values in cosines))
    return Calibration(rows[0], rows[1], over, within, len(clips), int(same.sum()), len(pairs))


def correlation(one: np.ndarray, two: np.ndarray) -> float:
    """Pearson's; NaN where one of the two never changes."""
    return float(np.corrcoef(one, two)[0, 1]) if one.std() > 0 and two.std() > 0 else float("nan")


def unheard_clips(items: Sequence[Item], each: int = 3) -> list[Clip]:
    """The first clips of every speaker of some lists, references and targets alike; speakers with one are left out."""
    speakers: dict[str, dict[str, Clip]] = {}
    for item in items:
        for clip in (item.reference, item.target):
            speakers.setdefault(clip.speaker, {})[clip.key] = clip
    return [clip for clips in speakers.values() if len(clips) > 1 for clip in list(clips.values())[:each]]
