"""Sound files in and out: reading with every limit checked, resampling, levels, writing with the synthetic mark.

Letters: T samples. A recording is one channel, float32, 1-D tensor (T,), full scale at 1.0 (0 dBFS).

Reading checks in this order: is it there, is it audio, header against bytes, bit depth, rate, length, channels; only
then it decodes, block by block and never past the limit, and looks at the samples (none, fewer than announced, not
finite, channels that cancel). Silence, clipping and too little speech are no faults of a file: other modules
of `gsv_lab.audio` measure those.
"""

from __future__ import annotations

import io
import json
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from gsv_lab.audio.header import channels_error, check_claims, inspect, too_long, truncated, unreadable
from gsv_lab.errors import AudioError
from gsv_lab.system.environment import clock
from gsv_lab.system.files import save_bytes

if TYPE_CHECKING:
    import soundfile

MAX_SECONDS = 3600.0
_LOUDEST = 100.0  # +40 dBFS: beyond this a float file holds no audio on the usual scale
_SILENCE = 1e-10  # power under which there is no signal to compare (-100 dBFS)
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
    import soundfile

    path = Path(path)
    header = inspect(path)
    try:
        with path.open("rb") as raw, soundfile.SoundFile(_Nameless(raw)) as file:
            rate, announced, channels = file.samplerate, file.frames, file.channels
            check_claims(path.name, header, rate, announced, channels, max_seconds)
            samples = _decode(path.name, file, max_seconds)
    except soundfile.LibsndfileError as error:
        raise unreadable(path.name, header) from error
    except OSError as error:
        raise AudioError(
            "AUDIO_MISSING", f"{path.name!r} cannot be read: {error.strerror}", "a readable file"
        ) from error
    if samples.numel() == 0:
        raise AudioError("AUDIO_EMPTY", f"{path.name!r} holds no samples", "a recording", "Record or export it again")
    # Lossy decoders announce an estimate that is off by part of a frame; 0.1 s is well above that.
    if samples.numel() < announced - rate // 10:
        raise truncated(path.name, samples.numel() / rate, announced / rate)
    notes = ("2 channels were mixed down to one",) if channels == 2 else ()
    target = sample_rate or rate
    return Recording(resample(samples, rate, target), target, rate, notes, path)


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
    kind = _SUFFIXES.get(path.suffix.lower())
    if kind is None:
        raise AudioError("AUDIO_FORMAT", f"Cannot write audio as {path.suffix or path.name!r}", "a .wav or .flac file")
    if samples.numel() != samples.shape[-1]:
        raise channels_error(path.name, samples.numel() // samples.shape[-1])
    flat = samples.detach().to("cpu", torch.float32).reshape(-1)
    if flat.numel() == 0:
        raise AudioError("AUDIO_EMPTY", f"There are no samples to write to {path.name!r}", "at least one sample")
    _check_finite(path.name, flat)
    return save_bytes(path, _encode(flat, sample_rate, kind, mark))


def read_mark(path: str | os.PathLike[str]) -> Mark | None:
    """The synthetic-speech mark of a sound file, or None if it carries none.

    Raises:
        AudioError: `AUDIO_MISSING`, `AUDIO_FORMAT`, `AUDIO_CODEC`: not a readable sound file.
    """
    import soundfile

    path = Path(path)
    header = inspect(path)
    try:
        with path.open("rb") as raw, soundfile.SoundFile(_Nameless(raw)) as file:
            comment = file.copy_metadata().get("comment", "")
    except soundfile.LibsndfileError as error:
        raise unreadable(path.name, header) from error
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


class _Nameless:
    """A file without its name: libsndfile would else trust a suffix (`.raw`) more than the content."""

    def __init__(self, file: io.BufferedReader) -> None:
        self.read, self.readinto, self.seek, self.tell = file.read, file.readinto, file.seek, file.tell


def _decode(name: str, file: soundfile.SoundFile, max_seconds: float) -> Tensor:
    most = math.floor(max_seconds * file.samplerate)
    out = torch.empty(max(0, min(file.frames, most)))
    total, mid, both = 0, 0.0, 0.0
    for block in _blocks(name, file):  # (frames, channels)
        start, total = total, total + block.shape[0]
        if total > most:
            raise too_long(name, total / file.samplerate, max_seconds)
        if total > out.numel():  # more than was announced: an estimate of a lossy format
            out = torch.cat((out[:start], torch.empty(total - start + 2**22)))
        _check_finite(name, block)
        mono = block.mean(dim=1)
        out[start:total] = mono
        mid += mono.double().square().sum().item()
        both += block.double().square().mean(dim=1).sum().item()
    # Equal loud channels with correlation r leave (1 + r) / 2 of the power: 5 % is r = -0.9.
    if file.channels == 2 and both > _SILENCE * total and mid < 0.05 * both:
        raise AudioError(
            "AUDIO_PHASE", f"The two channels of {name!r} cancel each other", "channels that can be added",
            "Export one channel only, or invert one of them",
        )  # fmt: skip
    return out[:total]


def _blocks(name: str, file: soundfile.SoundFile) -> Iterator[Tensor]:
    import soundfile

    found = 0
    while True:
        try:
            block = file.read(2**20, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise truncated(name, found / file.samplerate, file.frames / file.samplerate) from error
        if len(block) == 0:
            return
        found += len(block)
        yield torch.from_numpy(block)


def _encode(flat: Tensor, sample_rate: int, kind: str, mark: Mark | None) -> bytes:
    import soundfile

    # Encoded in memory, because a full disk inside libsndfile's own writer would go unnoticed.
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", sample_rate, 1, subtype="PCM_16", format=kind) as file:
        if mark is not None:
            file.software, file.date, file.comment = "gsv_lab", mark.date, mark.to_json()
        file.write(flat.clamp(-1.0, 1.0).numpy())
    return buffer.getvalue()


def _check_finite(name: str, samples: Tensor) -> None:
    bad = int((~(samples.abs() <= _LOUDEST)).sum())
    if bad:
        raise AudioError(
            "AUDIO_NONFINITE", f"{bad} samples of {name!r} are not numbers or far beyond full scale",
            "finite samples between -1 and 1", "Export it again, for example as 16-bit wav",
        )  # fmt: skip
