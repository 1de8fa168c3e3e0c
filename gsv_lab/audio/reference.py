"""From a file to a reference clip: read, checked, the best 3 to 10 s taken, brought to a level.

Letters: T samples.

`reference` is what cloning calls: it refuses what cannot work and says, in a sentence each, what it did to the rest.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from torch import Tensor

from gsv_lab.audio import io as audio
from gsv_lab.audio.measures import Quality, quality, require_speech, spoken
from gsv_lab.audio.noise import denoise as without_noise
from gsv_lab.audio.slices import LONGEST, SHORTEST, seconds, slice_speech, speech_seconds
from gsv_lab.audio.voice_activity import Span, speech_spans


class Best(NamedTuple):
    """The stretch to take, and why, in words that name it."""

    span: Span
    why: str


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
    """

    samples: Tensor
    sample_rate: int
    name: str
    start: float
    end: float
    why: str
    quality: Quality
    warnings: tuple[str, ...]


def best_reference(recording: audio.Recording, spans: Sequence[Span] | None = None) -> Best:
    """The best stretch of `SHORTEST` to `LONGEST` seconds for a reference.

    Candidates are the slices of `slice_speech` and, for halting speech, runs of neighbouring spans. Speech counts
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
        return Best(Span(0, samples.numel()), "")
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
        f"{name!r} lasts {recording.seconds:.1f} s; seconds {start:.2f} to {end:.2f} were taken: the best of "
        f"{len(candidates)} passages of {SHORTEST:g} to {LONGEST:g} s by length of speech, noise and clipping"
    )
    return Best(best, why)


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
    samples, rate, name = recording.samples, recording.sample_rate, Path(path).name
    spans = speech_spans(samples, rate)
    span, why = best_reference(recording, spans)
    clip = samples[span.start : span.end]
    inside = [Span(max(s.start, span.start) - span.start, min(s.end, span.end) - span.start) for s in spans]
    inside = [s for s in inside if s.length > 0]
    measured = quality(clip, rate, inside)
    clean = clip - clip.mean()
    clean = without_noise(clean, rate) if denoise else clean
    loud = audio.set_loudness(clean, spoken(inside, clip.numel()))
    warnings = (*recording.notes, *measured.warnings, *((f"REF_LONG: {why}",) if why else ()))
    start, end = seconds(span, rate)
    return Reference(
        audio.resample(loud.samples, rate, sample_rate), sample_rate, name, start, end, why, measured, warnings
    )


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
