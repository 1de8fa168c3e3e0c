"""The leakage matrix: which tap gives away which factor, over clips of several speakers.

Every clip is heard, its voice is encoded, and its codes are said again in its own voice, under one probe that watches
all taps of the matrix; what passed is cut into frames and handed to linear probes.
Letters: N examples, D width, F frames. The file knows no network by name but those in `DEFAULT_TAPS`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gsv_lab.errors import DataError
from gsv_lab.evaluation.probes import FACTORS, Examples, Probed, Uncertainty, linear_probe, uncertainty_coefficients
from gsv_lab.evaluation.probes_material import SpokenClip, acoustic
from gsv_lab.hooks import Record, Records, Table, catalogue, probe

if TYPE_CHECKING:
    from matplotlib.figure import Figure

DEFAULT_TAPS = (
    "content_encoder.mel", "content_encoder.content", "quantizer.codes", "speaker_encoder.speaker", "prior.content",
    "prior.cross_attention.answer", "prior.fused", "prior.mean", "flow.z", "posterior.mean", "vocoder.envelopes",
)  # fmt: skip
"""From what is heard to what is said; `quantizer.codes` are read as a table with one row a code."""

FRAME_RATE = 50.0
"""Frames a second for taps that have no time axis, and the most that any tap is read at."""


def listen(model: Any, clips: Sequence[SpokenClip], taps: Sequence[str] = DEFAULT_TAPS) -> list[Records]:
    """Hear each clip, encode its voice, say its codes again in that voice: records of the taps, one set a clip."""
    subject, heard = acoustic(model), []
    for clip in clips:
        with probe(subject, *taps) as records:
            codes, speaker = subject.hear(clip.wave), subject.voice([clip.wave])
            subject.listen(clip.wave, speaker)
            subject.say(codes, clip, speaker)
        heard.append(records)
    return heard


def frames_of(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and times of a record of one clip: (F, D), seconds (F,). Without a time axis F is 1 and the time NaN.

    Raises:
        DataError: PROBE_TAP, its time axis is samples.
    """
    if record.rate is None:
        return record.value.numpy().reshape(1, -1), np.full(1, np.nan)
    if record.rate > 10 * FRAME_RATE:
        raise DataError("PROBE_TAP", f"{record.name} passes {record.rate:g} numbers a second", "a tap of frames")
    axis = next(i for i, name in enumerate(record.axes) if name in ("frame", "token", "step", "query"))
    return record.value.movedim(axis, 0).flatten(1).numpy(), record.times.numpy()


def gather(
    tap: str, records: Sequence[Records], clips: Sequence[SpokenClip], most: int = 5000, seed: int = 0
) -> Examples:
    """Frames of a tap over all clips, where a phone sounds, with what is true of them.

    Whole numbers become one-hot vectors; a tap without time is repeated over the frames of its clip.

    Args:
        tap: name of the tap.
        records: one set a clip, from `listen`.
        clips: the clips.
        most: frames that are drawn if there are more.
        seed: of that draw.
    """
    rows: list[list[np.ndarray]] = []
    for number, (record, clip) in enumerate(zip(records, clips, strict=True)):
        x, times = frames_of(record[tap])
        if np.isnan(times[0]):
            times = (np.arange(int(clip.seconds * FRAME_RATE)) + 0.5) / FRAME_RATE
            x = np.repeat(x, len(times), axis=0)
        owner = clip.owners(times)
        known = np.flatnonzero(owner >= 0)
        names = np.array(["", *clip.phones])
        kind = np.char.add(np.char.add(names[owner], " "), names[owner + 1])
        speaker, index = np.full(len(x), clip.speaker), np.full(len(x), number)
        rows.append([v[known] for v in (x, names[owner + 1], speaker, clip.log_f0(times), kind, index)])
    x, phone, speaker, log_f0, kind, index = (np.concatenate(column) for column in zip(*rows, strict=True))
    if np.issubdtype(x.dtype, np.integer):
        x = np.eye(int(x.max()) + 1)[x[:, 0]]
    found = Examples(tap, x.astype(np.float64), phone, speaker, log_f0, kind, index)
    rng = np.random.default_rng(seed)
    return found if len(x) <= most else found.only(np.sort(rng.choice(len(x), most, replace=False)))


@dataclass(frozen=True)
class Leakage:
    """What leaks where: a probe for every tap and factor, and what the codes alone tell.

    Args:
        taps: rows of the matrix.
        factors: its columns.
        probes: (taps x factors) in the order of rows.
        uncertainty: of the codes, one for each factor.
        clips: how many clips of how many speakers.
    """

    taps: tuple[str, ...]
    factors: tuple[str, ...]
    probes: tuple[Probed, ...]
    uncertainty: tuple[Uncertainty, ...]
    clips: tuple[int, int]

    def table(self) -> Table:
        """One row for every tap and factor."""
        return Table(
            {
                "tap": p.tap, "factor": p.factor, "score": round(p.score.value, 4), "low": round(p.score.low, 4),
                "high": round(p.score.high, 4), "control": round(p.control, 4), "chance": round(p.chance, 4),
                "selectivity": round(p.selectivity, 4), "frames": p.rows, "width": p.width,
            }
            for p in self.probes
        )  # fmt: skip

    def codes_table(self) -> Table:
        """Uncertainty coefficients of the codes."""
        return Table(
            {"factor": u.factor, "U(factor|code)": u.value, "shuffled": u.shuffled, "above": u.above}
            for u in self.uncertainty
        )

    def figure(self, title: str = "") -> Figure:
        """The matrix as a picture: `gsv_lab.figures.leakage_matrix`."""
        from gsv_lab import figures

        shape = (len(self.taps), len(self.factors))
        score, low, high, control, chance = (
            np.array(values).reshape(shape)
            for values in zip(*((p.score.value, p.score.low, p.score.high, p.control, p.chance) for p in self.probes),
                              strict=True)
        )  # fmt: skip
        return figures.leakage_matrix(
            score, self.taps, self.factors, chance=chance.mean(0), control=control, low=low, high=high, title=title
        )


def leakage(
    model: Any,
    clips: Sequence[SpokenClip],
    taps: Sequence[str] = (),
    factors: Sequence[str] = FACTORS,
    say: Callable[[str], None] = lambda line: None,
    most: int = 5000,
    **options: Any,
) -> Leakage:
    """Probe every factor at every tap.

    Args:
        model: see `probes_material.acoustic`.
        clips: of at least two speakers, two clips each.
        taps: rows; those of `DEFAULT_TAPS` that the model has if none are given.
        factors: columns.
        say: told of each tap as its probes begin.
        most: frames for each probe.
        options: of `probes.linear_probe`.

    Raises:
        HookError: TAP_UNKNOWN. DataError: those of `linear_probe` and `frames_of`.
    """
    subject = acoustic(model)
    known = {str(row["name"]) for row in catalogue(subject)}
    taps = tuple(taps) or tuple(tap for tap in DEFAULT_TAPS if tap in known)
    records = listen(subject, clips, list(dict.fromkeys([*taps, "quantizer.codes"])))
    probes = []
    for tap in taps:
        say(tap)
        examples = gather(tap, records, clips, most)
        probes += [linear_probe(examples, factor, **options) for factor in factors]
    told = _code_uncertainty(records, clips)
    return Leakage(taps, tuple(factors), tuple(probes), tuple(told), (len(clips), len({c.speaker for c in clips})))


def _code_uncertainty(records: Sequence[Records], clips: Sequence[SpokenClip]) -> list[Uncertainty]:
    codes, labels = [], {name: [] for name in FACTORS}  # type: ignore[var-annotated]
    for record, clip in zip(records, clips, strict=True):
        x, times = frames_of(record["quantizer.codes"])
        names = clip.names(times)
        codes.append(x[:, 0])
        labels["phone"].append(names)
        labels["speaker"].append(np.where(names == "", "", clip.speaker))
        labels["f0"].append(clip.log_f0(times))
    return uncertainty_coefficients(codes, labels)
