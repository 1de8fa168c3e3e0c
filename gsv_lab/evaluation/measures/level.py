"""Faults of a file that need no text and no other recording: clipping, offset, bandwidth, and silence.

They are measured at the rate of the file, since resampling hides clipping and the true band; how, say the functions of
`gsv_lab.audio.measures`.
Letters: T samples at 16 kHz.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from gsv_lab.audio.measures import band_limit, clipped_share, spoken
from gsv_lab.audio.voice_activity import Span
from gsv_lab.evaluation.lists import SAMPLE_RATE
from gsv_lab.evaluation.measures import Found, Job
from gsv_lab.evaluation.measures.tempo import VOICE_ACTIVITY, spans_of, voice_activity_identity


class Level:
    """Faults of the recording.

    Values: `clipping`, the share of samples in flat tops; `dc`, the absolute mean of the samples, full scale 1;
    `band_hz`, the highest frequency in Hz that holds speech: above it everything stays 60 dB below the strongest part
    of the mean spectrum of what is spoken.
    """

    name = "clipping"
    evaluator = "signal"
    needs: Collection[str] = ()

    def __init__(self) -> None:
        self.identity = f"clipping, offset and band 1, speech by {voice_activity_identity()}"

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; no band where nobody speaks; None for an empty file."""
        samples, rate = job.recording.samples, job.recording.sample_rate
        if not samples.numel():
            return None
        found = {"clipping": clipped_share(samples), "dc": abs(float(samples.double().mean()))}
        scale = rate / SAMPLE_RATE
        spans = [Span(round(start * scale), round(end * scale)) for start, end in spans_of(wave)]
        if spans:
            found["band_hz"] = band_limit(samples, rate, spoken(spans, samples.numel()))
        return found


class QuietShare:
    """Share of a clip's time in which voice activity hears nobody (`silence_share`), pauses and edges alike.

    It needs no text. With a text, forced alignment gives the same measure by another evaluator (`timing`).
    """

    name = "silence_share"
    evaluator = VOICE_ACTIVITY
    needs: Collection[str] = ()

    def __init__(self) -> None:
        self.identity = f"share of time without speech by {voice_activity_identity()}"

    def __call__(self, wave: np.ndarray, job: Job) -> Found | None:
        """See the class; 1 for a clip without samples."""
        spoken_samples = sum(span.length for span in spans_of(wave))
        return {self.name: 1 - spoken_samples / max(1, len(wave))}
