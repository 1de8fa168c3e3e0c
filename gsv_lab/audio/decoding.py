"""From a sound file to one channel of samples: every limit checked, the better channel taken, floats brought to scale.

Order: is it there, is it audio, header against bytes, bit depth, rate, length, channels; only then it decodes, block by
block and never past the limit, and looks at the samples (none, fewer than announced, not finite, channels that cancel).
Letters: T samples.
"""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

import torch
from torch import Tensor

from gsv_lab.audio.channels import Stereo
from gsv_lab.audio.header import Header, read_header
from gsv_lab.errors import AudioError

if TYPE_CHECKING:
    import soundfile

RATES = (8_000, 192_000)
SHORTFALL = 0.1
"""Seconds that may be missing: lossy decoders announce an estimate, and some programs count a sample too many."""
_TRUSTED = 2**24
"""Samples for which memory is set aside because a header announces them."""
_HIGHEST = 2.0**31
"""Floats beyond the largest integer of any sample format hold no audio on any scale."""
_FEW = 0.001
"""Share of samples: fewer than these far above full scale are errors, more are speech on another scale."""
_TOP = 10 ** (-1 / 20)
_OVERSHOOT = 2.5
"""What lossy codecs make of clipped sound rises to about twice full scale; more was never clipped."""


class Decoded(NamedTuple):
    """`samples` (T,) of one channel at `rate` Hz, and what was done or seen, one sentence each."""

    samples: Tensor
    rate: int
    notes: tuple[str, ...]


def decode(path: Path, max_seconds: float) -> Decoded:
    """Read and check a file; errors as in `gsv_lab.audio.io.read`."""
    name = path.name
    header = inspect(path)
    with opened(path, header) as file:
        rate, channels = file.samplerate, file.channels
        notes = _check_claims(name, header, file, max_seconds)
        found = _samples(name, file, max_seconds)
        announced = file.frames
    samples = found.samples
    if samples.numel() == 0:
        raise AudioError("AUDIO_EMPTY", f"{name!r} holds no samples", "a recording", "Record or export it again")
    if samples.numel() < announced - round(SHORTFALL * rate):
        raise truncated(name, samples.numel() / rate, announced / rate)
    if channels == 2 and not found.notes:
        notes.append("2 channels were mixed down to one")
    return Decoded(samples, rate, (*notes, *found.notes))


def inspect(path: Path) -> Header:
    """Header of an existing file with something in it; raises `AUDIO_MISSING` or `AUDIO_FORMAT` otherwise."""
    if not os.path.isfile(path):  # unlike Path.is_file, this never raises
        what = "is a folder" if os.path.isdir(path) else "does not exist"
        raise AudioError("AUDIO_MISSING", f"{str(path)!r} {what}", "a sound file", "Check the path")
    try:
        if path.stat().st_size == 0:
            raise AudioError("AUDIO_FORMAT", f"{path.name!r} has zero bytes", "a sound file", "Record or copy it again")
        return read_header(path)
    except OSError as error:
        raise _unreadable(path.name, error) from error


@contextmanager
def opened(path: Path, header: Header) -> Iterator[soundfile.SoundFile]:
    """The decoder on a file; behind a faultless header where its own keeps the decoder out."""
    import soundfile

    try:
        with path.open("rb") as raw:
            file = _opened(raw, header)
            with file:
                yield file
    except soundfile.LibsndfileError as error:
        raise _refused(path.name, header) from error
    except OSError as error:
        raise _unreadable(path.name, error) from error


def _opened(raw: BinaryIO, header: Header) -> soundfile.SoundFile:
    import soundfile

    if not header.endless:
        try:
            return soundfile.SoundFile(_Joined(b"", raw, 0, os.fstat(raw.fileno()).st_size))
        except soundfile.LibsndfileError:
            if not header.start:
                raise
    return soundfile.SoundFile(_Joined(header.start, raw, header.sound_at, header.sound))


class _Joined:
    """Some bytes and then `length` bytes of a file from a position on, as if they were one file.

    It has no name, for libsndfile would trust a suffix (`.raw`) more than the content.
    """

    def __init__(self, start: bytes, file: BinaryIO, position: int, length: int) -> None:
        self.start, self.file = start, file
        self.shift = position - len(start)
        self.size = len(start) + length
        self.at = 0

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Go to a byte, as `io.IOBase.seek`; never before the first one. Returns where it is now."""
        # A hostile header sends the decoder anywhere; behind the end there is nothing to read.
        self.at = max(0, offset + (0, self.at, self.size)[whence])
        return self.at

    def tell(self) -> int:
        """Number of the byte that is read next."""
        return self.at

    def read(self, count: int) -> bytes:
        """The next bytes, at most `count` of them."""
        count = max(0, min(count, self.size - self.at))
        out = self.start[self.at : self.at + count]
        if len(out) < count:
            self.file.seek(self.at + len(out) + self.shift)
            out += self.file.read(count - len(out))
        self.at += len(out)
        return out


def _check_claims(name: str, header: Header, file: soundfile.SoundFile, max_seconds: float) -> list[str]:
    """Raise what the header alone gives reason for; what is no reason to refuse it is returned in words."""
    rate, frames = file.samplerate, file.frames
    if header.odd_depth:
        raise _codec_error(name, f"{header.form[-1]} bit samples")
    if not RATES[0] <= rate <= RATES[1]:
        raise _rate_error(name, rate)
    if header.absurd:
        raise AudioError(
            "AUDIO_HEADER_MISMATCH", f"The header of {name!r} claims {header.declared:,} bytes of audio; "
            f"{header.present:,} are there", "a file whose header holds its length", "Open and save it again",
        )  # fmt: skip
    if frames > max_seconds * rate:
        raise too_long(name, frames / rate, max_seconds)
    if not 1 <= file.channels <= 2:
        raise channels_error(name, file.channels)
    if header.endless:
        return ["the header holds no length, so everything up to the end of the file was read"]
    claimed = frames / rate * header.declared / max(header.present, 1)
    if header.cut or claimed > frames / rate + SHORTFALL:
        raise truncated(name, frames / rate, claimed)
    if header.short:
        return [f"the header announces {header.declared - header.present} bytes more than there are"]
    if header.uncounted and frames * header.uncounted > SHORTFALL * rate * header.declared:
        return [f"{header.uncounted:,} bytes behind the end that the header gives were not read"]
    return []


class _Found(NamedTuple):
    samples: Tensor
    notes: tuple[str, ...]


def _samples(name: str, file: soundfile.SoundFile, max_seconds: float) -> _Found:
    """All samples (T,): the mean of the channels or the one that speaks; floats above full scale are scaled."""
    stereo = Stereo(file.samplerate) if file.channels == 2 else None
    samples, peak = _one_channel(name, file, max_seconds, stereo, None)
    notes = []
    if stereo is not None:
        if stereo.cancels:
            raise AudioError(
                "AUDIO_PHASE", f"The two channels of {name!r} cancel each other", "channels that can be added",
                "Export one channel only, or invert one of them",
            )  # fmt: skip
        better = stereo.better
        if better is not None:
            file.seek(0)
            samples, peak = _one_channel(name, file, max_seconds, None, better)
            side = ("left", "right")[better]
            notes.append(f"only one of the 2 channels was taken, the {side} one: the other adds little but noise")
    if peak > (1 if file.subtype in ("FLOAT", "DOUBLE") else _OVERSHOOT):
        over = int((samples.abs() > 1).sum())
        if peak > 10 and over < _FEW * samples.numel():
            raise not_finite(name, over)
        samples *= _TOP / peak
        notes.append(f"samples up to {peak:.4g} were scaled down to full scale")
    return _Found(samples, tuple(notes))


def _one_channel(
    name: str, file: soundfile.SoundFile, max_seconds: float, stereo: Stereo | None, channel: int | None
) -> tuple[Tensor, float]:
    """One channel or the mean of all (T,), and the largest absolute sample."""
    most = math.floor(max_seconds * file.samplerate)
    out = torch.empty(max(1, min(file.frames, most, _TRUSTED)))
    total, bad, peak = 0, 0, 0.0
    for block in _blocks(name, file):  # (frames, channels)
        start, total = total, total + block.shape[0]
        if total > most:
            raise too_long(name, total / file.samplerate, max_seconds)
        if total > out.numel():
            out = torch.cat((out[:start], torch.empty(max(total - start, out.numel()))))
        bad += count_bad(block)
        if stereo is not None:
            stereo.add(block)
        out[start:total] = block.mean(dim=1) if channel is None else block[:, channel]
        peak = max(peak, float(block.abs().max()))
    if bad:
        raise not_finite(name, bad)
    return out[:total], peak


def _blocks(name: str, file: soundfile.SoundFile) -> Iterator[Tensor]:
    import soundfile

    found = 0
    while True:
        try:
            block = file.read(2**14, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise truncated(name, found / file.samplerate, file.frames / file.samplerate) from error
        if len(block) == 0:
            return
        found += len(block)
        yield torch.from_numpy(block)


def count_bad(samples: Tensor) -> int:
    """How many samples are no numbers, or no sound on any scale."""
    return int((~(samples.abs() <= _HIGHEST)).sum())


def not_finite(name: str, count: int) -> AudioError:
    """The error `AUDIO_NONFINITE`."""
    return AudioError(
        "AUDIO_NONFINITE", f"{count} samples of {name!r} are not numbers or far beyond full scale",
        "finite samples between -1 and 1", "Export it again, for example as 16-bit wav",
    )  # fmt: skip


def _refused(name: str, header: Header) -> AudioError:
    """The error for a file that the decoder refuses, with the reason that its header shows."""
    tag, channels, rate, bits = header.form
    if header.fault:
        return AudioError(
            "AUDIO_FORMAT", f"{name!r} is a damaged wave file: {header.fault}",
            "chunks that follow each other up to one with sound", "Copy, export or record it again",
        )  # fmt: skip
    if header.start:
        if not 1 <= channels <= 2:
            return channels_error(name, channels)
        if not RATES[0] <= rate <= RATES[1]:
            return _rate_error(name, rate)
        return _codec_error(name, f"format tag {tag}, {bits} bit")
    if any(header.form):
        return AudioError("AUDIO_EMPTY", f"{name!r} holds no samples", "a recording", "Record or export it again")
    if header.short:
        return truncated(name, 0.0, 0.0)
    return AudioError(
        "AUDIO_FORMAT", f"{name!r} is not a sound file of a known kind, or damaged", "wav, flac, ogg, mp3 or aiff",
        "Convert it, or check that it is the right file",
    )  # fmt: skip


def _unreadable(name: str, error: OSError) -> AudioError:
    return AudioError("AUDIO_MISSING", f"{name!r} cannot be read: {error.strerror}", "a readable file")


def _rate_error(name: str, rate: int) -> AudioError:
    return AudioError("AUDIO_RATE", f"{name!r} has a sample rate of {rate} Hz", "8,000 to 192,000 Hz", "Convert it")


def channels_error(name: str, channels: int) -> AudioError:
    """The error `AUDIO_CHANNELS`."""
    return AudioError("AUDIO_CHANNELS", f"{name!r} has {channels} channels", "1 or 2", "Export it as mono")


def _codec_error(name: str, what: str) -> AudioError:
    return AudioError("AUDIO_CODEC", f"{name!r} uses {what}", "16 or 24 bit PCM, or 32 bit float", "Convert it")


def truncated(name: str, found: float, claimed: float) -> AudioError:
    """The error `AUDIO_TRUNCATED`; both lengths in seconds."""
    what = f"{name!r} is cut off: {found:.1f} s found"
    what += f", {claimed:.1f} s announced" if claimed > found else ""
    return AudioError("AUDIO_TRUNCATED", what, "a complete file", "Copy or download it again")


def too_long(name: str, seconds: float, limit: float) -> AudioError:
    """The error `AUDIO_TOO_LONG`."""
    return AudioError(
        "AUDIO_TOO_LONG", f"{name!r} lasts at least {seconds:.0f} s", f"at most {limit:.0f} s",
        "Cut it into parts, or raise the limit",
    )  # fmt: skip
