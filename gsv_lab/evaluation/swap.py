"""A causal check of the speaker vector: codes of one voice said with the vector of another.

A probe shows that a vector holds a voice; only a swap shows that the voice comes from there. For every pair A, B the
codes of a clip of A are said once with A's vector and once with B's. Pitch and tract length must then go from A to B,
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
from gsv_lab.evaluation.probes_material import Acoustic, SpokenClip, acoustic
from gsv_lab.evaluation.statistics import Estimate, bootstrap_all, ratio_of_sums
from gsv_lab.evaluation.swap_measures import Voiceprint, pitch_shift, share_of_way, tract_shift, voiceprint
from gsv_lab.hooks import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Swapped:
    """What a swap of speaker vectors did.

    Args:
        pitch: share of the way from A to B that the pitch went, with its interval over voices.
        tract: the same of the tract's length.
        error_natural: share of phones that the judge hears wrongly in the recordings themselves.
        error_before: share of phones heard wrongly where codes were said with their own voice's vector.
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
        table = Table({"measure": n, "value": e.value, "low": e.low, "high": e.high} for n, e in self._measures())
        if best is not None:
            for row, (_, estimate) in zip(table, best._measures(), strict=True):
                row["at best"] = estimate.value
        return table

    def _measures(self) -> list[tuple[str, Estimate]]:
        return [
            ("pitch, share of the way", self.pitch), ("tract length, share of the way", self.tract),
            ("phone error, recordings", self.error_natural), ("phone error, own vector", self.error_before),
            ("phone error, other vector", self.error_after), ("phone error, rise in points", self.error_rise),
        ]  # fmt: skip

    def figure(self, title: str = "") -> Figure:
        """Shift wanted against shift made, pair by pair, for pitch and tract."""
        from gsv_lab import figures

        shifts = {name: tuple([row[f"{name}_{w}"] for row in self.pairs] for w in ("way", "moved"))
                  for name in ("pitch", "tract")}  # fmt: skip
        said = [f"{e.value:.2f} of the way [{e.low:.2f}, {e.high:.2f}]" for e in (self.pitch, self.tract)]
        return figures.shift_scatter(shifts, said, title)


def swap_speakers(
    model: Any,
    clips: Sequence[SpokenClip],
    pairs: Sequence[tuple[str, str]] = (),
    noise_scale: float = 0.0,
    draws: int = 1000,
    say: Callable[[str], None] = lambda line: None,
) -> Swapped:
    """Say clips with the speaker vectors of others, and measure how far each voice went.

    Where A stands and where B stands is measured in their own recordings; the swapped wave must come all that way, so
    what the model loses of any voice counts against it. Speaker vectors are means over all clips of a voice but the one
    that is said.

    Args:
        model: see `probes_material.acoustic`; its judge counts phone errors.
        clips: of at least two speakers, two clips each.
        pairs: (A, B); all ordered pairs if none are given.
        noise_scale: factor on the prior's deviation.
        draws: resamples of the intervals, over voices A, then over pairs.
        say: told of each voice as it begins.

    Raises:
        DataError: DATA_TOO_SHORT, too few clips or speakers; SWAP_PAIR, a name that no clip has.
    """
    subject, mine = acoustic(model), _by_speaker(clips)
    pairs = tuple(pairs) or tuple(permutations(mine, 2))
    unknown = {name for pair in pairs for name in pair} - set(mine)
    if unknown:
        raise DataError("SWAP_PAIR", f"No clip is by {min(unknown)}", "one of " + ", ".join(mine))
    natural = {name: voiceprint((clip.wave, clip) for clip in own) for name, own in mine.items()}
    codes = {clip.name: subject.hear(clip.wave) for clip in clips}

    def said(name: str, vectors: Sequence[Tensor]) -> list[Tensor]:
        return [subject.say(codes[c.name], c, v, noise_scale) for c, v in zip(mine[name], vectors, strict=True)]

    rows: list[dict[str, Any]] = []
    for name in dict.fromkeys(a for a, _ in pairs):
        say(name)
        own = [subject.voice([other.wave for other in mine[name] if other is not clip]) for clip in mine[name]]
        before = _errors(subject, mine[name], said(name, own))
        heard = _errors(subject, mine[name], [clip.wave for clip in mine[name]])
        for other in [b for a, b in pairs if a == name]:
            waves = said(name, [subject.voice([clip.wave for clip in mine[other]])] * len(mine[name]))
            made = voiceprint(zip(waves, mine[name], strict=True))
            after = _errors(subject, mine[name], waves)
            count = sum(len(clip.labels) for clip in mine[name])
            errors = {"errors_natural": heard, "errors": before, "errors_after": after, "phones": count}
            rows.append(_row(name, other, natural, made) | errors)
    return _summed(rows, noise_scale, draws)


def _by_speaker(clips: Sequence[SpokenClip]) -> dict[str, list[SpokenClip]]:
    mine: dict[str, list[SpokenClip]] = defaultdict(list)
    for clip in clips:
        mine[clip.speaker].append(clip)
    if len(mine) < 2 or min(len(own) for own in mine.values()) < 2:
        problem = f"{len(clips)} clips of {len(mine)} speakers are too few to swap"
        raise DataError("DATA_TOO_SHORT", problem, "two speakers with two clips each, at least")
    return dict(mine)


def _errors(subject: Acoustic, clips: Sequence[SpokenClip], waves: Sequence[Tensor]) -> int:
    return sum(subject.judge.errors(wave, clip) for wave, clip in zip(waves, clips, strict=True))


def _row(a: str, b: str, natural: dict[str, Voiceprint], made: Voiceprint) -> dict[str, Any]:
    return {
        "from": a, "to": b,
        "pitch_way": pitch_shift(natural[a], natural[b]), "pitch_moved": pitch_shift(natural[a], made),
        "tract_way": tract_shift(natural[a], natural[b]), "tract_moved": tract_shift(natural[a], made),
    }  # fmt: skip


def _summed(rows: list[dict[str, Any]], noise_scale: float, draws: int) -> Swapped:
    column = {key: np.array([row[key] for row in rows]) for key in rows[0]}
    ways = {n: share_of_way(column[f"{n}_moved"], column[f"{n}_way"]) for n in ("pitch", "tract")}
    shares = {name: ratio_of_sums(*parts) for name, parts in ways.items()}
    phones, heard, errors, after = (
        column[key].astype(float) for key in ("phones", "errors_natural", "errors", "errors_after")
    )
    statistics = {
        **shares, "natural": ratio_of_sums(heard, phones), "before": ratio_of_sums(errors, phones),
        "after": ratio_of_sums(after, phones),
        "rise": ratio_of_sums(100 * (after - errors), phones),
    }  # fmt: skip
    found = bootstrap_all(statistics, [row["from"] for row in rows], draws)
    errors_found = (found["natural"], found["before"], found["after"], found["rise"])
    return Swapped(found["pitch"], found["tract"], *errors_found, Table(rows), noise_scale)
