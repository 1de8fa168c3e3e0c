"""From a file to a reference clip: read, checked, the best 3 to 10 s taken, brought to a level.

Letters: T samples.

`reference` is what cloning calls: it refuses what cannot work and says, in a sentence each, what it did to the rest.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor

from gsv_lab.audio import io as audio
from gsv_lab.audio.measures import Quality, quality, require_speech, spoken
from gsv_lab.audio.noise import denoise as without_noise
from gsv_lab.audio.slices import (
    LONGEST,
    LONGEST_PAUSE,
    MARGIN,
    SHORTEST,
    WIDEST_GAP,
    seconds,
    slice_speech,
    speech_seconds,
)
from gsv_lab.audio.voice_activity import Span, speech_spans


class Best(NamedTuple):
    """The stretches to take, one after the other, why, in words that name them, and whether they are all the speech."""

    spans: tuple[Span, ...]
    why: str
    complete: bool


@dataclass(frozen=True)
class Reference:
    """A clip of 3 to 10 s that is ready to be a reference.

    Attributes:
        samples: (T,), at `sample_rate`, without offset, at -18 dBFS of speech where the peak allows.
        sample_rate: Hz.
        name: file name it came from.
        start: seconds into the file.
        end: seconds into the file.
        why: one sentence on the choice; empty when the whole file was taken.
        quality: measures of the clip before it was changed.
        warnings: `CODE: sentence` for each thing that the person should know.
        complete: nothing but silence was left out, so a text of the file is that of the clip.
        speech: seconds in which somebody speaks, short pauses included.
    """

    samples: Tensor
    sample_rate: int
    name: str
    start: float
    end: float
    why: str
    quality: Quality
    warnings: tuple[str, ...]
    complete: bool
    speech: float


def best_reference(recording: audio.Recording, spans: Sequence[Span] | None = None) -> Best:
    """The best stretch of `SHORTEST` to `LONGEST` seconds for a reference.

    A recording that is longer only by silence, before, after or within its speech, loses that alone. Otherwise
    candidates are the slices of `slice_speech` and, for halting speech, runs of neighbouring spans. Speech counts
    most (up to 8 s of it), then a clean background, then no clipping.

    Args:
        recording: what was read.
        spans: its speech, if already known.

    Raises:
        AudioError: `REF_LENGTH`, `AUDIO_SILENT`, `AUDIO_CLIPPED`.
    """
    samples, rate = recording.samples, recording.sample_rate
    name = recording.path.name if recording.path else "the recording"
    spans = speech_spans(samples, rate) if spans is None else spans
    require_speech(name, samples, rate, spans, SHORTEST)
    if recording.seconds <= LONGEST:
        return Best((Span(0, samples.numel()),), "", True)
    lasts = f"{name!r} lasts {recording.seconds:.1f} s"
    for kept in (_extent(spans, samples.numel(), rate), _without_pauses(spans, samples.numel(), rate)):
        if sum(span.length for span in kept) <= LONGEST * rate:
            return Best(kept, f"{lasts}; silence before, after or within the speech was left out", True)
    slices = slice_speech(samples, rate, spans)
    candidates = [s for s in slices if _speech_in(s, spans, rate) >= SHORTEST]
    candidates = candidates or _runs(spans, rate)
    if not candidates:  # enough speech in all, but scattered: report the longest stretch that there is
        found = max((_speech_in(s, spans, rate) for s in slices), default=0.0)
        raise audio.AudioError(
            "REF_LENGTH", f"The speech in {name!r} is scattered: {found:.1f} s in the best {LONGEST:g} s",
            f"at least {SHORTEST:g} s together", "Record one passage without long pauses",
        )  # fmt: skip
    best = max(candidates, key=lambda span: (_score(samples, rate, span, spans), -span.start))
    start, end = seconds(best, rate)
    why = (
        f"{lasts}; seconds {start:.2f} to {end:.2f} were taken: the best of "
        f"{len(candidates)} passages of {SHORTEST:g} to {LONGEST:g} s by length of speech, noise and clipping"
    )
    return Best((best,), why, False)


def reference(path: str | os.PathLike[str], sample_rate: int = 16_000, denoise: bool = False) -> Reference:
    """Read a file and make a reference clip of it.

    Args:
        path: any sound file.
        sample_rate: Hz of the result.
        denoise: subtract steady noise.

    Raises:
        AudioError: all of `audio.read`, and `AUDIO_SILENT`, `AUDIO_CLIPPED`, `REF_LENGTH`.
    """
    recording = audio.read(path)
    spans = speech_spans(recording.samples, recording.sample_rate)
    best = best_reference(recording, spans)
    clip, inside = taken(recording.samples, spans, best.spans)
    clean = clip - clip.mean()
    clean = without_noise(clean, recording.sample_rate) if denoise else clean
    loud = audio.set_loudness(clean, spoken(inside, clip.numel()))
    return described(recording, best, quality(clip, recording.sample_rate, inside), inside, loud.samples, sample_rate)


def taken(samples: Tensor, spans: Sequence[Span], chosen: Sequence[Span]) -> tuple[Tensor, list[Span]]:
    """The chosen stretches of samples (T,), one after the other, and the spans of speech in what results."""
    inside: list[Span] = []
    at = 0
    for stretch in chosen:
        for span in spans:
            start, end = max(span.start, stretch.start), min(span.end, stretch.end)
            if end > start:
                inside.append(Span(start - stretch.start + at, end - stretch.start + at))
        at += stretch.length
    return torch.cat([samples[stretch.start : stretch.end] for stretch in chosen]), inside


def described(
    recording: audio.Recording,
    best: Best,
    measured: Quality,
    inside: Sequence[Span],
    samples: Tensor,
    sample_rate: int,
) -> Reference:
    """A reference with what is known of it.

    Args:
        recording: where it was cut from.
        best: what was cut out.
        measured: the clip before it was changed.
        inside: its spans of speech, in samples at the recording's rate.
        samples: the clip as it shall be (T,), at the recording's rate.
        sample_rate: Hz of the result.
    """
    rate = recording.sample_rate
    start, end = seconds(Span(best.spans[0].start, best.spans[-1].end), rate)
    return Reference(
        samples=audio.resample(samples, rate, sample_rate),
        sample_rate=sample_rate,
        name=recording.path.name if recording.path else "the recording",
        start=start,
        end=end,
        why=best.why,
        quality=measured,
        warnings=(*recording.notes, *measured.warnings, *((f"REF_LONG: {best.why}",) if best.why else ())),
        complete=best.complete,
        speech=speech_seconds(inside, rate),
    )


def _extent(spans: Sequence[Span], total: int, rate: int) -> tuple[Span, ...]:
    """All speech in one stretch, with a margin."""
    margin = round(MARGIN * rate)
    return (Span(max(0, spans[0].start - margin), min(total, spans[-1].end + margin)),)


def _without_pauses(spans: Sequence[Span], total: int, rate: int) -> tuple[Span, ...]:
    """All speech in stretches that, joined, have no pause over `WIDEST_GAP`: longer ones become `LONGEST_PAUSE`."""
    (whole,) = _extent(spans, total, rate)
    half = round(LONGEST_PAUSE / 2 * rate)
    stretches, start = [], whole.start
    for left, right in pairwise(spans):
        if right.start - left.end > WIDEST_GAP * rate:
            stretches.append(Span(start, left.end + half))
            start = right.start - half
    return (*stretches, Span(start, whole.end))


def _speech_in(piece: Span, spans: Sequence[Span], rate: int) -> float:
    cut = [Span(max(s.start, piece.start), min(s.end, piece.end)) for s in spans]
    return speech_seconds([s for s in cut if s.length > 0], rate)


def _runs(spans: Sequence[Span], rate: int) -> list[Span]:
    """Stretches from the start of a span to the end of another, at most `LONGEST` seconds, with enough speech."""
    runs = []
    for index, first in enumerate(spans):
        fitting = [last.end for last in spans[index:] if last.end - first.start <= LONGEST * rate]
        if fitting and _speech_in(run := Span(first.start, fitting[-1]), spans, rate) >= SHORTEST:
            runs.append(run)
    return runs


def _score(samples: Tensor, rate: int, piece: Span, spans: Sequence[Span]) -> float:
    cut = [Span(max(s.start, piece.start) - piece.start, min(s.end, piece.end) - piece.start) for s in spans]
    measured = quality(samples[piece.start : piece.end], rate, [s for s in cut if s.length > 0])
    return min(_speech_in(piece, spans, rate), 8.0) / 8 + min(measured.snr_db, 40.0) / 40 - 50 * measured.clipping
