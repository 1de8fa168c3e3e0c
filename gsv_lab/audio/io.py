"""Sound files in and out: reading with every limit checked, resampling, levels, writing with the synthetic mark.

Letters: T samples. A recording is one channel, float32, 1-D tensor (T,), full scale at 1.0 (0 dBFS).

What is checked while reading stands in `gsv_lab.audio.decoding`. Silence, clipping and too little speech are no faults
of a file: other modules of `gsv_lab.audio` measure those.
"""

from __future__ import annotations

import base64
import io
import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab.audio.decoding import channels_error, count_bad, decode, inspect, not_finite, opened
from gsv_lab.errors import AudioError
from gsv_lab.system.environment import clock
from gsv_lab.system.files import save_bytes

MAX_SECONDS = 3600.0
_SUFFIXES = {".wav": "WAV", ".flac": "FLAC"}


@dataclass(frozen=True)
class Recording:
    """One channel of sound.

    Attributes:
        samples: (T,) float32, full scale at 1.0.
        sample_rate: Hz, of `samples`.
        source_rate: Hz, of the file; it limits the band that can be expected.
        notes: what was done or seen while reading, one sentence each.
        path: the file, or None for sound that was made here.
    """

    samples: Tensor
    sample_rate: int
    source_rate: int
    notes: tuple[str, ...] = ()
    path: Path | None = None

    @property
    def seconds(self) -> float:
        """Length in seconds."""
        return self.samples.numel() / self.sample_rate


@dataclass(frozen=True)
class Mark:
    """The statement, kept in a sound file, that its speech is synthetic.

    Attributes:
        model: name and version of the base weights, for example `nano-1`.
        voice: whose voice or which reference was used.
        date: ISO date and time in UTC; the clock's (or `SOURCE_DATE_EPOCH`'s) if left out.
        settings: plain values that say how it was made (seed, temperature ...).
    """

    model: str
    voice: str
    date: str = field(default_factory=lambda: clock().isoformat())
    settings: Mapping[str, str | int | float | bool | None] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of ASCII, so that every container and player keeps it."""
        fields = {"synthetic": True, "model": self.model, "voice": self.voice, "date": self.date}
        return json.dumps(fields | ({"settings": dict(self.settings)} if self.settings else {}))


def read(path: str | os.PathLike[str], sample_rate: int | None = None, max_seconds: float = MAX_SECONDS) -> Recording:
    """Sound file of any kind that libsndfile reads (wav, flac, ogg, opus, mp3, aiff ...) -> one checked channel.

    Args:
        path: the file.
        sample_rate: Hz to resample to; None keeps the file's own.
        max_seconds: longest recording accepted; checked before decoding and again while decoding.

    Raises:
        AudioError: `AUDIO_MISSING`, `AUDIO_FORMAT`, `AUDIO_CODEC`, `AUDIO_EMPTY`, `AUDIO_TRUNCATED`,
            `AUDIO_HEADER_MISMATCH`, `AUDIO_RATE`, `AUDIO_CHANNELS`, `AUDIO_TOO_LONG`, `AUDIO_NONFINITE`, `AUDIO_PHASE`.
    """
    path = Path(path)
    found = decode(path, max_seconds)
    target = sample_rate or found.rate
    return Recording(resample(found.samples, found.rate, target), target, found.rate, found.notes, path)


def resample(samples: Tensor, from_rate: int, to_rate: int) -> Tensor:
    """Change of sample rate by a polyphase windowed sinc (Kaiser window).

    (..., T) -> (..., ceil(T * to_rate / from_rate))

    Flat to about 0.9 of the lower Nyquist frequency. Long signals go through in pieces with enough context on
    both sides, which gives the same samples as one pass. Rates with no common factor (191,999 Hz) would need a filter
    bank of gigabytes: their ratio is replaced by the nearest fraction that needs at most 8 million coefficients, which
    moves pitch by less than 0.04 %.

    Args:
        samples: float tensor, time last.
        from_rate: Hz.
        to_rate: Hz.
    """
    if from_rate == to_rate or samples.shape[-1] == 0:
        return samples
    from torchaudio.functional import resample as sinc  # slow to import, and not needed where rates agree

    ratio = Fraction(max(from_rate, to_rate), min(from_rate, to_rate))
    ratio = ratio.limit_denominator(int(math.sqrt(8e6 / ratio)))
    old, new = (ratio.numerator, ratio.denominator) if from_rate > to_rate else (ratio.denominator, ratio.numerator)
    width = 64
    options: dict[str, Any] = {
        "lowpass_filter_width": width,
        "rolloff": 0.9475937167399596,
        "resampling_method": "sinc_interp_kaiser",
        "beta": 14.769656459379492,
    }
    total = -(-samples.shape[-1] * new // old)
    context = -(-2 * width * max(old, new) // (min(old, new) * old)) + 2  # in units of `old` input samples
    step = max(1, 2**21 // old)
    pieces = []
    for start in range(0, -(-samples.shape[-1] // old), step):
        first = max(0, start - context)
        piece = samples[..., first * old : (start + step + context) * old]
        pieces.append(sinc(piece, old, new, **options)[..., (start - first) * new : (start - first + step) * new])
    return torch.cat(pieces, dim=-1)[..., :total]


def write(path: str | os.PathLike[str], samples: Tensor, sample_rate: int, mark: Mark | None = None) -> Path:
    """Write 16-bit `.wav` or `.flac` in one step; a failure leaves an older file as it was.

    Samples beyond full scale are limited to it. With a mark, its JSON stands in the comment field (RIFF `ICMT`, Vorbis
    `comment`), beside software and date.

    Args:
        path: destination; its suffix chooses the format.
        samples: (T,), or any shape with one channel such as (1, 1, T).
        sample_rate: Hz.
        mark: statement that the speech is synthetic; every caller that writes generated speech gives one.

    Raises:
        AudioError: `AUDIO_FORMAT` for another suffix, `AUDIO_NONFINITE`, `AUDIO_EMPTY`.
        LabError: `SAVE_FAILED`.
    """
    path = Path(path)
    check_suffix(path)
    if samples.numel() != samples.shape[-1]:
        raise channels_error(path.name, samples.numel() // samples.shape[-1])
    flat = samples.detach().to("cpu", torch.float32).reshape(-1)
    if flat.numel() == 0:
        raise AudioError("AUDIO_EMPTY", f"There are no samples to write to {path.name!r}", "at least one sample")
    bad = count_bad(flat)
    if bad:
        raise not_finite(path.name, bad)
    return save_bytes(path, _encode(flat, sample_rate, _SUFFIXES[path.suffix.lower()], mark))


def check_suffix(path: str | os.PathLike[str]) -> None:
    """Refuse a name that `write` would refuse, before there is anything to write.

    Raises:
        AudioError: `AUDIO_FORMAT`.
    """
    path = Path(path)
    if path.suffix.lower() not in _SUFFIXES:
        raise AudioError("AUDIO_FORMAT", f"Cannot write audio as {path.suffix or path.name!r}", "a .wav or .flac file")


def wave_file(samples: Tensor, sample_rate: int, mark: Mark | None = None, suffix: str = ".wav") -> bytes:
    """A whole 16-bit sound file, its mark in it.

    Args:
        samples: (T,), or any shape with one channel.
        sample_rate: Hz.
        mark: statement that the speech is synthetic; None for recordings only.
        suffix: `.wav`, or `.flac` for about half of the bytes.
    """
    return _encode(samples.detach().to("cpu", torch.float32).reshape(-1), sample_rate, _SUFFIXES[suffix], mark)


def data_url(samples: Tensor, sample_rate: int, mark: Mark | None = None, suffix: str = ".wav") -> str:
    """A `wave_file` as the address of an `<audio>` element: what a page plays can be saved."""
    content = base64.b64encode(wave_file(samples, sample_rate, mark, suffix)).decode("ascii")
    return f"data:audio/{suffix[1:]};base64,{content}"


def read_mark(path: str | os.PathLike[str]) -> Mark | None:
    """The synthetic-speech mark of a sound file, or None if it carries none.

    Raises:
        AudioError: `AUDIO_MISSING`, `AUDIO_FORMAT`, `AUDIO_CODEC`: not a readable sound file.
    """
    path = Path(path)
    with opened(path, inspect(path)) as file:
        comment = file.copy_metadata().get("comment", "")
    try:
        found = json.loads(comment)
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict) or found.get("synthetic") is not True:
        return None
    settings = found.get("settings")
    model, voice, date = (str(found.get(key, "")) for key in ("model", "voice", "date"))
    return Mark(model, voice, date, settings if isinstance(settings, dict) else {})


def rms_dbfs(samples: Tensor, where: Tensor | None = None) -> float:
    """Level in dB below full scale, (T,) -> float; -inf for silence.

    Args:
        samples: (T,).
        where: (T,) bool; only these samples count (the spoken ones).
    """
    if where is not None:
        samples = samples[where]
    power = samples.double().square().mean().item() if samples.numel() else 0.0
    return 10 * math.log10(power) if power > 0 else -math.inf


def peak_dbfs(samples: Tensor) -> float:
    """Largest absolute sample in dB below full scale, (T,) -> float; -inf for silence."""
    peak = samples.abs().max().item() if samples.numel() else 0.0
    return 20 * math.log10(peak) if peak > 0 else -math.inf


@dataclass(frozen=True)
class Loudness:
    """A signal brought to a level.

    Attributes:
        samples: (T,).
        gain_db: what was added, dB.
        level: RMS of the speech now, dBFS.
        short_by: dB that are missing because the peak reached its limit; 0 if none.
    """

    samples: Tensor
    gain_db: float
    level: float
    short_by: float


def set_loudness(samples: Tensor, where: Tensor | None = None, target: float = -18.0, peak: float = -1.0) -> Loudness:
    """Scale to `target` dBFS RMS of speech, as far as the largest sample stays under `peak` dBFS.

    Args:
        samples: (T,).
        where: (T,) bool, the spoken samples; None counts all.
        target: dBFS.
        peak: dBFS.
    """
    level = rms_dbfs(samples, where)
    if level == -math.inf:
        return Loudness(samples, 0.0, level, 0.0)
    wanted = target - level
    gain = min(wanted, peak - peak_dbfs(samples))
    short_by = wanted - gain if wanted - gain > 1e-6 else 0.0
    return Loudness(samples * 10 ** (gain / 20), gain, level + gain, short_by)


def _encode(flat: Tensor, sample_rate: int, kind: str, mark: Mark | None) -> bytes:
    import soundfile

    # Encoded in memory, because a full disk inside libsndfile's own writer would go unnoticed.
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", sample_rate, 1, subtype="PCM_16", format=kind) as file:
        if mark is not None:
            file.software, file.date, file.comment = "gsv_lab", mark.date, mark.to_json()
        file.write(flat.clamp(-1.0, 1.0).numpy())
    return buffer.getvalue()
