"""Makers of faulty sound files, one function each; every maker takes a folder and returns the file it wrote there."""

from __future__ import annotations

import struct
from pathlib import Path

import numpy as np
import soundfile

RATE = 16_000


def tone(seconds: float = 1.0, rate: int = RATE, hertz: float = 440.0, level: float = 0.3) -> np.ndarray:
    """A sine wave, float32."""
    return (level * np.sin(2 * np.pi * hertz * np.arange(int(seconds * rate)) / rate)).astype(np.float32)


def sound(path: Path, samples: np.ndarray, rate: int = RATE, **options: str) -> Path:
    """Write samples with libsndfile."""
    soundfile.write(path, samples, rate, **options)
    return path


def _raw(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def wave_bytes(
    samples: np.ndarray, rate: int = RATE, channels: int = 1, bits: int = 16, tag: int = 1, claim: int | None = None
) -> bytes:
    """A RIFF wave file built by hand, so that every field can lie."""
    data = (samples * 32767).astype("<i2").tobytes()
    block = max(channels * bits // 8, 1) & 0xFFFF
    byte_rate = min(rate * block, 0xFFFFFFFF)
    fmt = struct.pack("<HHIIHH", tag, channels, rate, byte_rate, block, bits)
    size = len(data) if claim is None else claim
    body = b"WAVEfmt " + struct.pack("<I", len(fmt)) + fmt + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(len(body), 0xFFFFFFFF)) + body


def zero_bytes(folder: Path) -> Path:
    return _raw(folder / "zero.wav", b"")


def text_as_wav(folder: Path) -> Path:
    return _raw(folder / "text.wav", b"This is a letter, no recording.\n" * 40)


def playlist(folder: Path) -> Path:
    return _raw(folder / "list.wav", b"ffconcat version 1.0\nfile '/etc/passwd'\nfile 'http://127.0.0.1/a.wav'\n")


def raw_suffix(folder: Path) -> Path:
    return _raw(folder / "noise.raw", bytes(range(256)) * 200)


def random_bytes(folder: Path) -> Path:
    return _raw(folder / "noise.wav", np.random.default_rng(0).bytes(50_000))


def header_only(folder: Path) -> Path:
    return _raw(folder / "empty.wav", wave_bytes(tone(0)))


def empty_aiff(folder: Path) -> Path:
    return sound(folder / "empty.aiff", tone(0))


def half(name: str, **options: str):
    """Maker of a file of that name whose second half is missing."""

    def make(folder: Path) -> Path:
        # Noise, so that the lossless coder has something to store.
        noise = np.random.default_rng(0).uniform(-0.3, 0.3, 4 * RATE).astype(np.float32)
        path = sound(folder / name, noise, **options)
        data = path.read_bytes()
        return _raw(path, data[: len(data) // 2])

    return make


def claims_four_gigabytes(folder: Path) -> Path:
    return _raw(folder / "huge.wav", wave_bytes(tone(2), claim=0xFFFFFFFE))


def claims_hundredfold(folder: Path) -> Path:
    return _raw(folder / "hundred.wav", wave_bytes(tone(2), claim=6_400_000))


def rate(hertz: int):
    """Maker of a file with that sample rate in its header."""
    return lambda folder: _raw(folder / f"rate{hertz}.wav", wave_bytes(tone(2), rate=hertz))


def channels(count: int):
    """Maker of a file with that number of channels in its header."""
    return lambda folder: _raw(folder / f"channels{count}.wav", wave_bytes(tone(2), channels=count))


def depth(bits: int):
    """Maker of a file with that number of bits per sample in its header."""
    return lambda folder: _raw(folder / f"bits{bits}.wav", wave_bytes(tone(2), bits=bits))


def unknown_codec(folder: Path) -> Path:
    return _raw(folder / "codec.wav", wave_bytes(tone(2), tag=0x1234))


def with_values(value: float):
    """Maker of a float file that holds this value three times."""

    def make(folder: Path) -> Path:
        samples = tone(2)
        samples[[5, 500, 20_000]] = value
        return sound(folder / "values.wav", samples, subtype="FLOAT")

    return make


def opposite_phase(folder: Path) -> Path:
    return sound(folder / "phase.wav", np.stack((tone(2), -tone(2)), axis=1))


def eight_channels(folder: Path) -> Path:
    return sound(folder / "eight.wav", np.stack([tone(2)] * 8, axis=1))


def _long_silence(path: Path, count: int, **options: str) -> Path:
    block = np.zeros((RATE * 60, count), np.int16)
    with soundfile.SoundFile(path, "w", RATE, count, **options) as file:
        for _ in range(61):
            file.write(block)
    return path


def over_an_hour(folder: Path) -> Path:
    return _long_silence(folder / "hour.flac", 1)


def over_an_hour_of_eight(folder: Path) -> Path:
    return _long_silence(folder / "hour8.flac", 8)


def flac_claims_days(folder: Path) -> Path:
    path = sound(folder / "days.flac", tone(2))
    data = bytearray(path.read_bytes())
    # STREAMINFO begins at byte 8; the 36 bits of the sample count end at its 18th byte.
    data[8 + 13] |= 0x0F
    data[8 + 14 : 8 + 18] = b"\xff" * 4
    return _raw(path, bytes(data))


def a_folder(folder: Path) -> Path:
    path = folder / "folder.wav"
    path.mkdir()
    return path


def absent(folder: Path) -> Path:
    return folder / "absent.wav"
