"""Wave files built chunk by chunk, so that every length and every order can be wrong."""

from __future__ import annotations

import struct

import numpy as np
import soundfile

from .bad_files import RATE

SAMPLES = RATE * 2 + 1
NOISE = np.random.default_rng(0).normal(0, 0.1, SAMPLES).clip(-1, 1)
PCM = (NOISE * 32767).astype("<i2").tobytes()


def chunk(name: bytes, content: bytes, length: int | None = None, pad: bool = True) -> bytes:
    """One chunk, with its true length or another one; an odd one with or without the byte that makes it even."""
    announced = len(content) if length is None else length
    return name + struct.pack("<I", announced) + content + (b"\0" if pad and len(content) % 2 else b"")


def form(tag: int = 1, bits: int = 16, channels: int = 1, more: bytes = b"") -> bytes:
    """The chunk that says how samples are stored."""
    block = channels * bits // 8
    return chunk(b"fmt ", struct.pack("<HHIIHH", tag, channels, RATE, RATE * block, block, bits) + more)


def riff(*chunks: bytes, length: int | None = None, magic: bytes = b"RIFF") -> bytes:
    """A wave file of chunks."""
    body = b"WAVE" + b"".join(chunks)
    return magic + struct.pack("<I", len(body) if length is None else length) + body


def data(length: int | None = None) -> bytes:
    """The chunk with the samples."""
    return chunk(b"data", PCM, length)


def long(data_length: int, magic: bytes = b"RF64") -> bytes:
    """The long form, whose lengths stand in a chunk of their own."""
    lengths = chunk(b"ds64", struct.pack("<QQQI", len(PCM) + 72, data_length, SAMPLES, 0))
    return riff(lengths, form(), data(0xFFFFFFFF), length=0xFFFFFFFF, magic=magic)


def extensible(tag: int, bits: int, valid: int) -> bytes:
    """The form with a sub-format, whose identifier begins with the tag."""
    rest = bytes.fromhex("0000000010008000 00aa00389b71".replace(" ", ""))
    return form(0xFFFE, bits, more=struct.pack("<HHI", 22, valid, 4) + struct.pack("<H", tag) + rest)


def coded(path, **options: str) -> bytes:
    """The same noise, written by libsndfile."""
    soundfile.write(path, NOISE.astype(np.float32), RATE, **options)
    return path.read_bytes()
