"""What libsndfile does not check: how much sound a file announces, read from its first bytes without decoding anything.

Idea: decoders repair broken files in silence (a wave file cut in half opens as a shorter one, a bit depth of 13 is
rounded up), and refuse others without a reason that helps. Comparing what is announced with the bytes that are there
finds the first kind before any memory is spent; following the chunks of a wave file names the reason for the second,
or finds the sound in spite of it. Looked into: RIFF, RIFX, RF64 and BW64 wave, AIFF, AU, W64, Ogg. Everything else is
left to the decoder, and a shortfall shows when fewer samples come out than were announced.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

_DEPTHS = {1: (8, 16, 24, 32), 3: (32, 64), 6: (8,), 7: (8,)}  # format tag: integer, float, A-law, mu-law
_OPEN_END = 0x7FFFFFF0  # programs that write to a pipe put the largest number they have in place of the length
_PIPES = {(0xFFFFFFFF, 0xFFFFFFFF), (0x7FFFF024, 0x7FFFF000), (0x80000024, 0x80000000)}
"""Lengths of file and sound that ffmpeg, sox and arecord write to a pipe."""
_MOST_CHUNKS = 1000  # a hostile file may hold millions of empty ones


class Header(NamedTuple):
    """What the first bytes of a file say; 0 and empty where they do not, or where nobody looks into the container.

    Attributes:
        declared: bytes of sound that the file announces.
        present: bytes that are there.
        cut: the last Ogg page is incomplete.
        uncounted: bytes behind the announced sound that belong to nothing.
        form: (format tag, channels, Hz, bits) of a wave file.
        fault: what keeps a wave file from being read, in words.
        start: a faultless wave header, to be put before the sound where the decoder fails.
        sound_at: position of the sound in a wave file.
        sound: bytes of sound from there on.
        endless: the header was written before the length was known, as programs do that record to a pipe.
    """

    declared: int = 0
    present: int = 0
    cut: bool = False
    uncounted: int = 0
    form: tuple[int, int, int, int] = (0, 0, 0, 0)
    fault: str = ""
    start: bytes = b""
    sound_at: int = 0
    sound: int = 0
    endless: bool = False

    @property
    def short(self) -> bool:
        """Fewer bytes of sound than declared."""
        return self.declared > self.present or self.cut

    @property
    def absurd(self) -> bool:
        """The declared length is so far from the file that it is no length at all (a pipe's, or a hostile one)."""
        return self.short and (self.declared >= _OPEN_END or self.declared > 64 * max(self.present, 1))

    @property
    def odd_depth(self) -> bool:
        """A bit depth that the wave format does not define for its kind of samples."""
        tag, _, _, bits = self.form
        return tag in _DEPTHS and bits not in _DEPTHS[tag]


def read_header(path: Path) -> Header:
    """Header of the file at `path`; an empty one for a container that is not looked into."""
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(40)
        magic, kind = start[:4], start[8:12]
        if magic in (b"RIFF", b"RIFX", b"RF64", b"BW64") and kind == b"WAVE":
            return _wave(file, size, ">" if magic == b"RIFX" else "<", start[:8])
        if magic == b"FORM" and kind in (b"AIFF", b"AIFC"):
            return Header(struct.unpack(">I", start[4:8])[0], size - 8)
        if magic == b"riff" and start[24:28] == b"wave":
            return Header(struct.unpack("<Q", start[16:24])[0], size)
        if magic == b".snd" and len(start) >= 24:
            offset, length = struct.unpack(">2I", start[4:12])
            known = 0 if length == 0xFFFFFFFF else length  # "unknown" is a legal length in this format
            return Header(known, max(size - offset, 0))
        if magic == b"OggS":
            return Header(cut=_last_page_cut(file, size))
    return Header()


class _Chunk(NamedTuple):
    name: bytes
    at: int  # of its content
    length: int


def _wave(file: BinaryIO, size: int, order: str, riff: bytes) -> Header:
    chunks = list(_chunks(file, size, order))
    form = next((chunk for chunk in chunks if chunk.name == b"fmt " and chunk.length >= 16), None)
    sounds = [chunk for chunk in chunks if chunk.name == b"data"]
    # An empty one before the true one is what is left of a recording that was begun twice.
    sound = next((chunk for chunk in sounds if chunk.length), sounds[0] if sounds else None)
    body = b"" if form is None else _at(file, form.at, min(form.length, 40))
    values = _form(body, order)
    riff_length = struct.unpack(order + "I", riff[4:8])[0]
    if sound is None or not any(values):
        return Header(form=values, fault=_fault(chunks, form is not None, riff_length, size))

    declared, present = sound.length, size - sound.at
    endless = (riff_length, declared) in _PIPES
    if riff[:4] in (b"RF64", b"BW64") and declared == 0xFFFFFFFF:
        declared = _long_length(file, chunks)
        endless = declared == 0
    followed = any(chunk.at > sound.at and chunk.at + chunk.length <= size for chunk in chunks)
    endless = endless or (declared == 0 and present > 0 and not followed)
    declared = 0 if endless else declared
    length = present if endless else min(declared, present)
    uncounted = 0 if followed or endless else max(present - declared, 0)
    start = _start(order, body, min(length, 0xFFFFFFFF))
    return Header(declared, present, False, uncounted, values, "", start, sound.at, length, endless)


def _chunks(file: BinaryIO, size: int, order: str) -> Iterator[_Chunk]:
    """The chunks of a wave file, as far as one follows the other."""
    position = 12
    for _ in range(_MOST_CHUNKS):
        head = _at(file, position, 8)
        if len(head) < 8 or not _is_name(head[:4]):
            return
        chunk = _Chunk(head[:4], position + 8, struct.unpack(order + "I", head[4:])[0])
        yield chunk
        position = chunk.at + chunk.length
        if chunk.length % 2 and not _is_name(_at(file, position, 4)):
            position += 1  # the byte that makes it even; some programs leave it out
        if position >= size:
            return


def _is_name(name: bytes) -> bool:
    return len(name) == 4 and all(32 <= letter < 127 for letter in name)


def _form(body: bytes, order: str) -> tuple[int, int, int, int]:
    if len(body) < 16:
        return 0, 0, 0, 0
    tag, channels, rate, _, _, bits = struct.unpack(order + "HHIIHH", body[:16])
    if tag == 0xFFFE and len(body) >= 26:  # extensible: the true tag opens the sub-format's identifier
        tag = struct.unpack(order + "H", body[24:26])[0]
    return tag, channels, rate, bits


def _long_length(file: BinaryIO, chunks: list[_Chunk]) -> int:
    for chunk in chunks:
        if chunk.name == b"ds64":
            return int(struct.unpack("<8xQ", _at(file, chunk.at, 16).ljust(16, b"\0"))[0])
    return 0


def _start(order: str, form: bytes, length: int) -> bytes:
    chunks = b"fmt " + struct.pack(order + "I", len(form)) + form + b"data" + struct.pack(order + "I", length)
    name = b"RIFX" if order == ">" else b"RIFF"
    return name + struct.pack(order + "I", min(4 + len(chunks) + length, 0xFFFFFFFF)) + b"WAVE" + chunks


def _fault(chunks: list[_Chunk], has_form: bool, riff_length: int, size: int) -> str:
    """Why no sound was found; empty where the file is whole and has none."""
    if riff_length + 8 > size and riff_length < _OPEN_END:
        return f"it ends inside its header, after {size} of {riff_length + 8:,} bytes"
    if chunks and chunks[-1].at + chunks[-1].length != size:
        last = chunks[-1]
        return f"no chunk follows its chunk {last.name.decode()!r} of {last.length:,} bytes"
    return "" if has_form else "it has no chunk 'fmt ' that says how its samples are stored"


def _at(file: BinaryIO, position: int, count: int) -> bytes:
    file.seek(position)
    return file.read(count)


def _last_page_cut(file: BinaryIO, size: int) -> bool:
    start = max(0, size - 2 * 65307)  # no Ogg page is longer than 65307 bytes
    tail = _at(file, start, size - start)
    at = tail.rfind(b"OggS")
    if at < 0 or len(tail) < at + 27:
        return True
    table = tail[at + 27 : at + 27 + tail[at + 26]]
    return len(table) < tail[at + 26] or len(tail) < at + 27 + tail[at + 26] + sum(table)
