"""A causal check of the speaker vector: codes of one voice spoken with the vector of another.

A probe shows that a vector holds a voice; only a swap shows that the voice comes from there. For every pair A, B the
codes of a clip of A are spoken once with A's vector and once with B's. Pitch and tract length must then go from A to B,
and the phones must stay.
Letters: T samples. Shares of the way are in logarithms: 0 stayed at A, 1 arrived at B.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from gsv_lab.errors import DataError
from gsv_lab.evaluation.acoustic import Acoustic, acoustic
from gsv_lab.evaluation.probes.material import SpokenClip
from gsv_lab.evaluation.statistics.resampling import Estimate, Statistic, bootstrap_all, ratio_of_sums
from gsv_lab.evaluation.swaps.measures import Voiceprint, pitch_shift, share_of_way, tract_shift, voiceprint
from gsv_lab.hooks import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Swapped:
    """What a swap of speaker vectors did.

    Args:
        pitch: share of the way from A to B that the pitch went, with its interval over voices.
        tract: the same of the tract's length.
        error_natural: share of phones that the evaluator recognises wrongly in the recordings themselves.
        error_before: the same where codes were spoken with their own voice's vector.
        error_after: the same with the other voice's.
        error_rise: difference in percentage points.
        pairs: one row a pair: names, shifts wanted and made (natural logarithms).
        noise_scale: factor on the prior's deviation.
    """

    pitch: Estimate
    tract: Estimate
    error_natural: Estimate
    error_before: Estimate
    error_after: Estimate
    error_rise: Estimate
    pairs: Table
    noise_scale: float

    def table(self, best: Swapped | None = None) -> Table:
        """One row a measure, with its interval; and `at best`, what a model without mistakes gets by this measure."""
        rows = []
        ceiling = None if best is None else best.measures()
        for name, estimate in self.measures().items():
            row = {
                "measure": name,
                "value": estimate.value,
                "low": estimate.low,
                "high": estimate.high,
            }
            if ceiling is not None:
                row["at best"] = ceiling[name].value
            rows.append(row)
        return Table(rows)

    def measures(self) -> dict[str, Estimate]:
        """All measures by the names that tables give them."""
        return {
            "pitch, share of the way": self.pitch,
            "tract length, share of the way": self.tract,
            "phone error, recordings": self.error_natural,
            "phone error, own vector": self.error_before,
            "phone error, other vector": self.error_after,
            "phone error, rise in points": self.error_rise,
        }

    def figure(self, title: str = "") -> Figure:
        """Shift wanted against shift made, pair by pair, for pitch and tract."""
        from gsv_lab import figures

        shifts = {}
        titles = []
        for name, estimate in (("pitch", self.pitch), ("tract", self.tract)):
            wanted = [row[f"{name}_way"] for row in self.pairs]
            made = [row[f"{name}_moved"] for row in self.pairs]
            shifts[name] = (wanted, made)
            titles.append(f"{estimate.value:.2f} of the way [{estimate.low:.2f}, {estimate.high:.2f}]")
        return figures.shift_scatter(shifts, titles, title)


def swap_speakers(
    model: Any,
    clips: Sequence[SpokenClip],
    pairs: Sequence[tuple[str, str]] = (),
    noise_scale: float = 0.0,
    draws: int = 1000,
    say: Callable[[str], None] = lambda line: None,
) -> Swapped:
    """Speak clips with the speaker vectors of others, and measure how far each voice went.

    Where A stands and where B stands is measured in their own recordings; the swapped wave must come all that way, so
    what the model loses of any voice counts against it. Speaker vectors are means over all clips of a voice but the one
    that is spoken.

    Args:
        model: see `acoustic.acoustic`; its evaluator counts phone errors.
        clips: of at least two speakers, two clips each.
        pairs: (A, B); all ordered pairs if none are given.
        noise_scale: factor on the prior's deviation.
        draws: resamples of the intervals, over voices A, then over pairs.
        say: called with each voice as it begins.

    Raises:
        DataError: DATA_TOO_SHORT, too few clips or speakers; SWAP_PAIR, a name that no clip has.
    """
    by_speaker = _by_speaker(clips)
    pairs = list(pairs) or list(permutations(by_speaker, 2))
    unknown = {name for pair in pairs for name in pair} - by_speaker.keys()
    if unknown:
        raise DataError("SWAP_PAIR", f"No clip is by {min(unknown)}", "one of " + ", ".join(by_speaker))
    swap = _Swap(acoustic(model), by_speaker, noise_scale)
    others: dict[str, list[str]] = defaultdict(list)
    for speaker, other in pairs:
        others[speaker].append(other)
    rows = []
    for speaker in others:
        say(speaker)
        rows += swap.rows(speaker, others[speaker])
    return _summed(rows, noise_scale, draws)


class _Swap:
    """Speaks the clips of every voice with its own vector and with those of others.

    Args:
        subject: the model.
        clips: speaker -> clips.
        noise_scale: factor on the prior's deviation.
    """

    def __init__(self, subject: Acoustic, clips: dict[str, list[SpokenClip]], noise_scale: float) -> None:
        self.subject = subject
        self.clips = clips
        self.noise_scale = noise_scale
        self.natural: dict[str, Voiceprint] = {}
        self.codes: dict[str, Tensor] = {}
        for speaker, own in clips.items():
            self.natural[speaker] = voiceprint((clip.wave, clip) for clip in own)
            for clip in own:
                self.codes[clip.name] = subject.encode(clip.wave)

    def rows(self, speaker: str, others: Sequence[str]) -> list[dict[str, Any]]:
        """One row for each other voice."""
        own = self.clips[speaker]
        recordings = [clip.wave for clip in own]
        errors = {
            "errors_natural": self._errors(speaker, recordings),
            "errors": self._errors(speaker, self._spoken(speaker, self._own_vectors(speaker))),
            "phones": sum(len(clip.labels) for clip in own),
        }
        rows = []
        for other in others:
            vector = self.subject.voice([clip.wave for clip in self.clips[other]])
            waves = self._spoken(speaker, [vector] * len(own))
            made = voiceprint(zip(waves, own, strict=True))
            rows.append(
                {
                    "from": speaker,
                    "to": other,
                    "pitch_way": pitch_shift(self.natural[speaker], self.natural[other]),
                    "pitch_moved": pitch_shift(self.natural[speaker], made),
                    "tract_way": tract_shift(self.natural[speaker], self.natural[other]),
                    "tract_moved": tract_shift(self.natural[speaker], made),
                    "errors_after": self._errors(speaker, waves),
                    **errors,
                }
            )
        return rows

    def _own_vectors(self, speaker: str) -> list[Tensor]:
        """For each clip the vector of its speaker's other clips."""
        vectors = []
        for clip in self.clips[speaker]:
            others = [other.wave for other in self.clips[speaker] if other is not clip]
            vectors.append(self.subject.voice(others))
        return vectors

    def _spoken(self, speaker: str, vectors: Sequence[Tensor]) -> list[Tensor]:
        waves = []
        for clip, vector in zip(self.clips[speaker], vectors, strict=True):
            waves.append(self.subject.speak(self.codes[clip.name], clip, vector, self.noise_scale))
        return waves

    def _errors(self, speaker: str, waves: Sequence[Tensor]) -> int:
        pairs = zip(waves, self.clips[speaker], strict=True)
        return sum(self.subject.evaluator.errors(wave, clip) for wave, clip in pairs)


def _by_speaker(clips: Sequence[SpokenClip]) -> dict[str, list[SpokenClip]]:
    found: dict[str, list[SpokenClip]] = defaultdict(list)
    for clip in clips:
        found[clip.speaker].append(clip)
    if len(found) < 2 or min(len(own) for own in found.values()) < 2:
        problem = f"{len(clips)} clips of {len(found)} speakers are too few to swap"
        raise DataError("DATA_TOO_SHORT", problem, "two speakers with two clips each, at least")
    return dict(found)


def _summed(rows: list[dict[str, Any]], noise_scale: float, draws: int) -> Swapped:
    column = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    phones = column["phones"]
    rise = 100 * (column["errors_after"] - column["errors"])
    statistics: dict[str, Statistic] = {
        "pitch": ratio_of_sums(*share_of_way(column["pitch_moved"], column["pitch_way"])),
        "tract": ratio_of_sums(*share_of_way(column["tract_moved"], column["tract_way"])),
        "error_natural": ratio_of_sums(column["errors_natural"], phones),
        "error_before": ratio_of_sums(column["errors"], phones),
        "error_after": ratio_of_sums(column["errors_after"], phones),
        "error_rise": ratio_of_sums(rise, phones),
    }
    groups = [row["from"] for row in rows]
    found = bootstrap_all(statistics, groups, draws)
    return Swapped(**found, pairs=Table(rows), noise_scale=noise_scale)
