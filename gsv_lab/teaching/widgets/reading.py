"""A sentence that somebody has read into the microphone: can a voice be made of it, and which phones are in it?

Letters: T samples.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import torch

from gsv_lab import audio
from gsv_lab.audio.decoding import RATES, count_bad, not_finite
from gsv_lab.audio.measures import (
    CLEAN_DB,
    MOST_CLIPPED,
    NOISY_DB,
    TELEPHONE_HZ,
    Quality,
    quality,
    require_quiet,
    require_speech,
    spoken,
)
from gsv_lab.audio.reference import Best, described
from gsv_lab.audio.slices import SHORTEST, speech_seconds
from gsv_lab.audio.voice_activity import Span, speech_spans
from gsv_lab.errors import AudioError, DataError, on_page
from gsv_lab.inference.lab import Lab
from gsv_lab.teaching.widgets.script import INVENTORY, NAMES, phones_in
from gsv_lab.text import phonemize

NAME = "the recording"


@dataclass(frozen=True)
class Reading:
    """A recording of a sentence, with what was measured of it.

    Attributes:
        recording: as the microphone gave it, at its own rate.
        text: the sentence that was to be read.
        language: `en` or `zh`.
        speech: seconds in which somebody speaks.
        quality: see `gsv_lab.audio.measures`.
        problem: why no voice can be made of it; empty if one can.
        doubt: why the sentence does not count as read; empty if it does.
    """

    recording: audio.Recording
    text: str
    language: str
    speech: float
    quality: Quality
    problem: str
    doubt: str

    @property
    def counts(self) -> bool:
        """Whether its phones are covered now."""
        return not self.problem and not self.doubt

    def html(self) -> str:
        """The report: each measure with what is good, then what was found wrong."""
        q = self.quality
        rows = (
            ("length", f"{self.recording.seconds:.1f} s", "", True),
            ("speech in it", f"{self.speech:.1f} s", f"at least {SHORTEST:g} s", self.speech >= SHORTEST),
            ("speech above noise", f"{q.snr_db:.0f} dB", f"{NOISY_DB:.0f} dB will do, {CLEAN_DB:.0f} are good",
             q.snr_db >= NOISY_DB),
            ("clipped samples", f"{q.clipping:.1%}", f"at most {MOST_CLIPPED:.0%}", q.clipping <= MOST_CLIPPED),
            ("level of the speech", f"{q.level:.0f} dBFS" if self.speech else "none", "", True),
            ("peak", f"{q.peak:.0f} dBFS", "below 0 dBFS", q.peak < -0.1),
            ("highest frequency", f"{q.band_hz / 1000:.1f} kHz", f"above {TELEPHONE_HZ / 1000:g} kHz",
             q.band_hz > TELEPHONE_HZ),
            ("phones in the sentence", f"{q.phone_coverage or 0:.0%} of those of {NAMES[self.language]}", "", True),
        )  # fmt: skip
        cells = "".join(
            f'<tr><td>{"✓" if good else "✗"}</td><td style="text-align:left">{name}</td><td>{value}</td>'
            f'<td style="text-align:left"><small>{wanted}</small></td></tr>'
            for name, value, wanted, good in rows
        )
        found = "".join(f"<p><b>{on_page(line)}</b></p>" for line in (self.problem, self.doubt, *q.warnings) if line)
        return f'<table class="gsv-record-report">{cells}</table>{found}'


def as_recording(content: bytes, rate: int) -> audio.Recording:
    """Bytes of 32-bit floats, as browsers give samples, as a recording.

    Raises:
        AudioError: AUDIO_RATE, AUDIO_EMPTY, AUDIO_NONFINITE.
    """
    if not RATES[0] <= rate <= RATES[1]:
        raise AudioError("AUDIO_RATE", f"The microphone gives {rate} samples a second", f"{RATES[0]} to {RATES[1]}")
    if len(content) < 4:
        raise AudioError("AUDIO_EMPTY", "The microphone gave no samples", "a recording", "Check that it is switched on")
    samples = torch.frombuffer(bytearray(content[: len(content) // 4 * 4]), dtype=torch.float32)
    bad = count_bad(samples)
    if bad:
        raise not_finite(NAME, bad)
    return audio.Recording(samples, rate, rate)


def read_aloud(lab: Lab, recording: audio.Recording, text: str, language: str) -> Reading:
    """Measure a recording of a sentence.

    Args:
        lab: its recogniser hears whether the sentence was read.
        recording: of the microphone.
        text: the sentence.
        language: `en` or `zh`.
    """
    samples, rate = recording.samples, recording.sample_rate
    spans = speech_spans(samples, rate)
    measured = quality(samples, rate, spans, phones_in(text, language), INVENTORY[language])
    problem = doubt = ""
    try:
        require_speech(NAME, samples, rate, spans)
        require_quiet(NAME, measured)
    except AudioError as error:
        problem = str(error)
    else:
        doubt = _doubt(lab, recording, spans, measured, text, language)
    return Reading(recording, text, language, speech_seconds(spans, rate), measured, problem, doubt)


def _doubt(lab: Lab, recording: audio.Recording, spans: list[Span], measured: Quality, text: str, language: str) -> str:
    """Why what is heard is not the sentence; empty if it is."""
    samples = recording.samples - recording.samples.mean()
    loud = audio.set_loudness(samples, spoken(spans, samples.numel())).samples
    whole = Best((Span(0, samples.numel()),), "", True)
    clip = described(recording, whole, measured, spans, loud, lab.sample_rate)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            lab.recordings.check_text(clip, text, lab.family.phones(phonemize(text, language)))
        except DataError as error:
            return str(error)
    return " ".join(str(warning.message) for warning in caught)
