"""What a sound file claims about itself, read from its first bytes without decoding anything.

Idea: decoders repair broken files in silence (a wave file cut in half opens as a shorter one, a bit depth of 13 is
rounded up). Comparing the claims with the bytes that are there finds such files before any memory is spent on them.
Containers looked into: RIFF/RIFX/RF64 wave, AIFF, AU, Ogg. Everything else is left to the decoder, and a shortfall
shows when fewer samples come out than were announced. The errors that such claims call for stand here too. The file
decodes no audio.
"""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, NamedTuple

from gsv_lab.errors import AudioError

RATES = (8_000, 192_000)

_WAVE_DEPTHS = {1: (8, 16, 24, 32), 3: (32, 64), 6: (8,), 7: (8,)}  # format tag: integer, float, A-law, mu-law
_OPEN_END = 0x7FFFFFF0  # programs that write to a pipe put the largest number they have in place of the length


class Header(NamedTuple):
    """Claims of a sound file; None or 0 where the container does not say or is not looked into.

    Fields: `container` (`wave`, `aiff`, `au`, `ogg`, ``), `channels`, `rate` in Hz, `tag` (wave format tag), `bits` per
    sample, `declared` and `present` (bytes of audio), `cut` (the last Ogg page is incomplete).
    """

    container: str = ""
    channels: int | None = None
    rate: int | None = None
    tag: int | None = None
    bits: int | None = None
    declared: int = 0
    present: int = 0
    cut: bool = False

    @property
    def short(self) -> bool:
        """Fewer bytes of audio than declared."""
        return self.declared > self.present or self.cut

    @property
    def absurd(self) -> bool:
        """The declared length is so far from the file that it is no length at all (a pipe's, or a hostile one)."""
        return self.short and (self.declared >= _OPEN_END or self.declared > 64 * max(self.present, 1))

    @property
    def odd_depth(self) -> bool:
        """A bit depth that the wave format does not define for its kind of samples."""
        return self.container == "wave" and self.tag in _WAVE_DEPTHS and self.bits not in _WAVE_DEPTHS[self.tag]


def read_header(path: Path) -> Header:
    """Claims of the file at `path`; an empty `Header` for a container that is not looked into."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(32)
        magic, kind = start[:4], start[8:12]
        if magic in (b"RIFF", b"RIFX", b"RF64") and kind == b"WAVE":
            return _wave(file, size, ">" if magic == b"RIFX" else "<", magic == b"RF64")
        if magic == b"FORM" and kind in (b"AIFF", b"AIFC"):
            declared = struct.unpack(">I", start[4:8])[0]
            return Header("aiff", declared=declared, present=size - 8)
        if magic == b".snd" and len(start) >= 24:
            offset, length, _, rate, channels = struct.unpack(">5I", start[4:24])
            known = 0 if length == 0xFFFFFFFF else length  # "unknown" is a legal length in this format
            return Header("au", channels, rate, declared=known, present=max(size - offset, 0))
        if magic == b"OggS":
            return Header("ogg", cut=_last_page_cut(file, size))
    return Header()


def _wave(file: BinaryIO, size: int, order: str, is_long: bool) -> Header:
    position, long_data = 12, 0
    tag = channels = rate = bits = None
    for _ in range(1000):  # chunks; a hostile file may hold millions of empty ones
        file.seek(position)
        head = file.read(8)
        if len(head) < 8:
            break
        name, length = head[:4], struct.unpack(order + "I", head[4:])[0]
        if name == b"ds64" and is_long:
            long_data = struct.unpack("<8xQ", file.read(16).ljust(16, b"\0"))[0]
        elif name == b"fmt ":
            body = file.read(min(length, 40)).ljust(40, b"\0")
            tag, channels, rate, _, _, bits = struct.unpack(order + "HHIIHH", body[:16])
            if tag == 0xFFFE:  # extensible: the true tag opens the sub-format's identifier
                tag = struct.unpack(order + "H", body[24:26])[0]
        elif name == b"data":
            declared = long_data if is_long and length == 0xFFFFFFFF else length
            return Header("wave", channels, rate, tag, bits, declared, size - position - 8)
        position += 8 + length + length % 2
    return Header("wave", channels, rate, tag, bits)


def _last_page_cut(file: BinaryIO, size: int) -> bool:
    start = max(0, size - 2 * 65307)  # no Ogg page is longer than 65307 bytes
    file.seek(start)
    tail = file.read()
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 27:
        return True
    table = tail[at + 27 : at + 27 + tail[at + 26]]
    return len(table) < tail[at + 26] or len(tail) < at + 27 + tail[at + 26] + sum(table)


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
        raise AudioError(
            "AUDIO_MISSING", f"{path.name!r} cannot be read: {error.strerror}", "a readable file"
        ) from error


def unreadable(name: str, header: Header) -> AudioError:
    """The error for a file that the decoder refuses; the header shows a wrong rate or codec."""
    if header.container and header.channels is not None and header.rate is not None:
        if not 1 <= header.channels <= 2:
            return channels_error(name, header.channels)
        if not RATES[0] <= header.rate <= RATES[1]:
            return rate_error(name, header.rate)
        return codec_error(name, f"format tag {header.tag}, {header.bits} bit")
    return AudioError(
        "AUDIO_FORMAT", f"{name!r} is not a sound file of a known kind", "wav, flac, ogg, opus, mp3 or aiff",
        "Convert it, or check that it is the right file",
    )  # fmt: skip


def check_claims(name: str, header: Header, rate: int, frames: int, channels: int, max_seconds: float) -> None:
    """Raise what the header alone gives reason for; `rate` in Hz, `frames` and `channels` are the decoder's view."""
    if header.odd_depth:
        raise codec_error(name, f"{header.bits} bit samples")
    if not RATES[0] <= rate <= RATES[1]:
        raise rate_error(name, rate)
    if header.absurd:
        raise AudioError(
            "AUDIO_HEADER_MISMATCH", f"The header of {name!r} claims {header.declared:,} bytes of audio; "
            f"{header.present:,} are there", "a file whose header holds its length", "Open and save it again",
        )  # fmt: skip
    if frames > max_seconds * rate:
        raise too_long(name, frames / rate, max_seconds)
    if not 1 <= channels <= 2:
        raise channels_error(name, channels)
    if header.short:
        claimed = frames / rate * (header.declared / max(header.present, 1))
        raise truncated(name, frames / rate, claimed)


def rate_error(name: str, rate: int) -> AudioError:
    """The error `AUDIO_RATE`."""
    return AudioError("AUDIO_RATE", f"{name!r} has a sample rate of {rate} Hz", "8,000 to 192,000 Hz", "Convert it")


def channels_error(name: str, channels: int) -> AudioError:
    """The error `AUDIO_CHANNELS`."""
    return AudioError("AUDIO_CHANNELS", f"{name!r} has {channels} channels", "1 or 2", "Export it as mono")


def codec_error(name: str, what: str) -> AudioError:
    """The error `AUDIO_CODEC`."""
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
