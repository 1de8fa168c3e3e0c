"""The leakage matrix: which tap gives away which factor, over clips of several speakers.

Every clip is encoded, its voice is encoded, and its codes are spoken again in its own voice, under one probe that
watches all taps of the matrix; what passed is cut into frames and handed to linear probes.
Letters: N examples, D width, F frames.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from gsv_lab.errors import DataError
from gsv_lab.evaluation.acoustic import Acoustic, acoustic
from gsv_lab.evaluation.probes.linear import FACTORS, Examples, Probed, linear_probe
from gsv_lab.evaluation.probes.material import SpokenClip
from gsv_lab.evaluation.probes.uncertainty import Uncertainty, uncertainty_coefficients
from gsv_lab.hooks import Record, Records, Table, probe
from gsv_lab.hooks.catalogue import points
from gsv_lab.system.seeds import check_seed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

CODES = "quantizer.codes"
DEFAULT_TAPS = (
    "content_encoder.mel",
    "content_encoder.content",
    CODES,
    "speaker_encoder.speaker",
    "prior.content",
    "prior.cross_attention.answer",
    "prior.own_phone",
    "prior.fused",
    "prior.mean",
    "flow.z",
    "posterior.mean",
    "vocoder.envelopes",
)
"""From the recording to the made wave; codes are read as a table with one row a code. A text reaches a frame by
the attention of a prior, or as the phone that an aligned prior is given.
"""

FRAME_RATE = 50.0
"""Frames a second for taps that have no time axis, and the most that any tap is read at."""
_TIME_AXES = ("frame", "token", "step", "query")


def default_taps(subject: Acoustic) -> list[str]:
    """Those of `DEFAULT_TAPS` that a model has."""
    known = points(subject)
    return [tap for tap in DEFAULT_TAPS if tap in known]


def extract(model: Any, clips: Sequence[SpokenClip], taps: Sequence[str] = ()) -> list[Records]:
    """Records of some taps, `default_taps` if none are given, one set a clip: each is encoded, and its codes are spoken
    again in its own voice.
    """
    subject = acoustic(model)
    taps = taps or default_taps(subject)
    found = []
    for clip in clips:
        with probe(subject, *taps) as records:
            codes = subject.encode(clip.wave)
            speaker = subject.voice([clip.wave])
            subject.run_posterior(clip.wave, speaker)
            subject.speak(codes, clip, speaker)
        found.append(records)
    return found


def frames_of(record: Record) -> tuple[np.ndarray, np.ndarray]:
    """Numbers and times of a record of one clip: (F, D), seconds (F,). Without a time axis F is 1 and the time NaN.

    Raises:
        DataError: PROBE_TAP, its time axis is samples.
    """
    if record.rate is None:
        return record.value.numpy().reshape(1, -1), np.full(1, np.nan)
    if record.rate > 10 * FRAME_RATE:
        raise DataError("PROBE_TAP", f"{record.name} passes {record.rate:g} numbers a second", "a tap of frames")
    axis = next(number for number, name in enumerate(record.axes) if name in _TIME_AXES)
    frames = record.value.movedim(axis, 0).flatten(1)
    return frames.numpy(), record.times.numpy()


def gather(
    tap: str,
    records: Sequence[Records],
    clips: Sequence[SpokenClip],
    most: int = 5000,
    seed: int = 0,
) -> Examples:
    """Frames of a tap over all clips, where a phone sounds, with what is true of them.

    Whole numbers become one-hot vectors; a tap without time is repeated over the frames of its clip.

    Args:
        tap: name of the tap.
        records: one set a clip, from `extract`.
        clips: the clips.
        most: frames that are drawn if there are more.
        seed: of that draw.
    """
    parts = []
    for number, (record, clip) in enumerate(zip(records, clips, strict=True)):
        parts.append(_examples(tap, record[tap], clip, number))
    found = Examples(
        tap,
        _as_numbers(np.concatenate([part.x for part in parts])),
        np.concatenate([part.phone for part in parts]),
        np.concatenate([part.speaker for part in parts]),
        np.concatenate([part.log_f0 for part in parts]),
        np.concatenate([part.kind for part in parts]),
        np.concatenate([part.clip for part in parts]),
    )
    if len(found.x) <= most:
        return found
    drawn = np.random.default_rng(check_seed(seed)).choice(len(found.x), most, replace=False)
    return found.only(np.sort(drawn))


def _examples(tap: str, record: Record, clip: SpokenClip, number: int) -> Examples:
    """The frames of one clip where a phone sounds."""
    x, times = frames_of(record)
    if np.isnan(times[0]):
        n_frames = int(clip.seconds * FRAME_RATE)
        times = (np.arange(n_frames) + 0.5) / FRAME_RATE
        x = np.repeat(x, n_frames, axis=0)
    owner = clip.owners(times)
    names = np.array(["", *clip.phones])
    phone = names[owner + 1]
    before = names[owner]
    every = Examples(
        tap,
        x,
        phone,
        np.full(len(x), clip.speaker),
        clip.log_f0(times),
        np.char.add(np.char.add(before, " "), phone),
        np.full(len(x), number),
    )
    return every.only(np.flatnonzero(owner >= 0))


def _as_numbers(x: np.ndarray) -> np.ndarray:
    """Numbers (N, D) as float64; codes (N, 1) as one-hot vectors."""
    if np.issubdtype(x.dtype, np.integer):
        return np.eye(int(x.max()) + 1)[x[:, 0]]
    return x.astype(np.float64)


@dataclass(frozen=True)
class Leakage:
    """What leaks where: a probe for every tap and factor, and what the codes alone determine.

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
        rows = []
        for found in self.probes:
            row = {
                "tap": found.tap,
                "factor": found.factor,
                "score": round(found.score.value, 4),
                "low": round(found.score.low, 4),
                "high": round(found.score.high, 4),
                "control": round(found.control, 4),
                "chance": round(found.chance, 4),
                "selectivity": round(found.selectivity, 4),
                "frames": found.rows,
                "width": found.width,
            }
            rows.append(row)
        return Table(rows)

    def codes_table(self) -> Table:
        """Uncertainty coefficients of the codes."""
        rows = []
        for found in self.uncertainty:
            row = {
                "factor": found.factor,
                "U(factor given code)": found.value,
                "shuffled": found.shuffled,
                "above": found.above,
            }
            rows.append(row)
        return Table(rows)

    def figure(self, title: str = "") -> Figure:
        """The matrix as a picture: `gsv_lab.figures.leakage_matrix`."""
        from gsv_lab import figures

        columns = [(p.score.value, p.score.low, p.score.high, p.control, p.chance) for p in self.probes]
        score, low, high, control, chance = np.array(columns).T.reshape(5, len(self.taps), len(self.factors))
        return figures.leakage_matrix(
            score,
            self.taps,
            self.factors,
            chance=chance.mean(0),
            control=control,
            low=low,
            high=high,
            title=title,
        )


def leakage(
    model: Any,
    clips: Sequence[SpokenClip],
    taps: Sequence[str] = (),
    factors: Sequence[str] = FACTORS,
    say: Callable[[str], None] = lambda line: None,
    most: int = 5000,
    records: Sequence[Records] = (),
    **options: Any,
) -> Leakage:
    """Probe every factor at every tap.

    Args:
        model: see `acoustic.acoustic`.
        clips: of at least two speakers, two clips each.
        taps: rows; `default_taps` if none are given.
        factors: columns.
        say: called with each tap as its probes begin.
        most: frames for each probe.
        records: of all these taps and of the codes, one set a clip, where `extract` was called before.
        options: of `probes.linear_probe`.

    Raises:
        HookError: TAP_UNKNOWN. DataError: those of `linear_probe` and `frames_of`.
    """
    subject = acoustic(model)
    taps = taps or default_taps(subject)
    watched = dict.fromkeys([*taps, CODES])
    records = records or extract(subject, clips, list(watched))
    probes = []
    for tap in taps:
        say(tap)
        examples = gather(tap, records, clips, most)
        for factor in factors:
            probes.append(linear_probe(examples, factor, **options))
    speakers = {clip.speaker for clip in clips}
    return Leakage(
        tuple(taps),
        tuple(factors),
        tuple(probes),
        tuple(_code_uncertainty(records, clips)),
        (len(clips), len(speakers)),
    )


def _code_uncertainty(records: Sequence[Records], clips: Sequence[SpokenClip]) -> list[Uncertainty]:
    codes = []
    labels: dict[str, list[np.ndarray]] = {name: [] for name in FACTORS}
    for record, clip in zip(records, clips, strict=True):
        x, times = frames_of(record[CODES])
        names = clip.names(times)
        codes.append(x[:, 0])
        labels["phone"].append(names)
        labels["speaker"].append(np.where(names == "", "", clip.speaker))
        labels["f0"].append(clip.log_f0(times))
    return uncertainty_coefficients(codes, labels)
