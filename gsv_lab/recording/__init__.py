"""Recordings as raw material: where somebody speaks, slices of 3 to 10 s, how good they are, the best reference.

No file here knows text, corpora or the synthesis networks; `gsv_lab.corpora.prepare` builds folders from these parts.
"""

from __future__ import annotations

from gsv_lab.recording.measures import Quality, quality, require_speech, spoken
from gsv_lab.recording.noise import denoise
from gsv_lab.recording.reference import Best, Reference, best_reference
from gsv_lab.recording.slices import cut_at_silences, slice_speech, speech_seconds
from gsv_lab.recording.voice_activity import Span, speech_probability, speech_spans

__all__ = [
    "Best",
    "Quality",
    "Reference",
    "Span",
    "best_reference",
    "cut_at_silences",
    "denoise",
    "quality",
    "require_speech",
    "slice_speech",
    "speech_probability",
    "speech_seconds",
    "speech_spans",
    "spoken",
]
