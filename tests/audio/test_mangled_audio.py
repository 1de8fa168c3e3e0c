"""Damaged sound files: a recording or one clear error, in under two seconds, whatever the bytes are.

The draws depend on nothing but this file, so that what failed once fails again. All 2,000:

    pytest tests/audio/test_mangled_audio.py -m slow
"""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mangling import mangled

from gsv_lab import audio
from gsv_lab.errors import AudioError

from .bad_files import RATE
from .wave_files import chunk, data, extensible, form, long, riff

KINDS: dict[str, dict[str, str]] = {
    "a.wav": {}, "b.wav": {"subtype": "PCM_24"}, "c.wav": {"subtype": "FLOAT"}, "d.wav": {"subtype": "MS_ADPCM"},
    "e.wav": {"format": "WAVEX"}, "a.rf64": {"format": "RF64"}, "a.flac": {}, "a.ogg": {}, "a.mp3": {}, "a.aiff": {},
    "a.opus": {"format": "OGG", "subtype": "OPUS"}, "a.au": {}, "a.w64": {}, "a.caf": {"subtype": "ALAC_16"},
}  # fmt: skip
PIECES = (chunk(b"LIST", b"INFO", 99), b"data", b"fmt ", b"OggS", b"fLaC", b"\xff\xfb\x90", b"ds64")
SECONDS = 2.0


def files(folder: Path) -> dict[str, bytes]:
    """A third of a second of two channels in every form, and waves of odd chunks."""
    noise = np.random.default_rng(0).uniform(-0.4, 0.4, (RATE // 3, 2)).astype(np.float32)
    found = {}
    for name, options in KINDS.items():
        soundfile.write(folder / name, noise, RATE, **options)
        found[name] = (folder / name).read_bytes()
    made = {"odd": riff(form(), chunk(b"note", b"abc", pad=False), data()), "long": long(0)}
    made["extensible"] = riff(extensible(1, 16, 16), data(0))
    return found | {f"{name}.wav": content for name, content in made.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mangled")


@pytest.fixture(scope="module")
def originals(folder: Path) -> dict[str, bytes]:
    return files(folder)


def settled(count: int) -> settings:
    """So many draws, always the same ones; the clock is this file's own, that of the processor."""
    return settings(
        max_examples=count, derandomize=True, database=None, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip


def check(folder: Path, name: str, content: bytes) -> None:
    """Read one file: a recording that can be used, or one error that names it; nothing else."""
    path = folder / f"damaged{Path(name).suffix}"
    path.write_bytes(content)
    start = time.process_time()
    for use in (audio.read, audio.read_mark):
        try:
            found = use(path)
        except AudioError as error:
            assert path.name in str(error) and "\n" not in str(error) and str(folder) not in str(error)
            continue
        if isinstance(found, audio.Recording):
            assert found.samples.numel() and bool(torch.isfinite(found.samples).all())
            assert 8_000 <= found.sample_rate <= 192_000 and found.seconds <= audio_limit()
    assert time.process_time() - start < SECONDS


def audio_limit() -> float:
    """Seconds of the longest recording that is read."""
    from gsv_lab.audio.io import MAX_SECONDS

    return MAX_SECONDS


def test_originals_can_be_read(folder: Path, originals: dict[str, bytes]) -> None:
    for name, content in originals.items():
        (folder / name).write_bytes(content)
        assert audio.read(folder / name).samples.numel() >= RATE // 3


def test_sixty(folder: Path, originals: dict[str, bytes]) -> None:
    @settled(60)
    @given(mangled(originals, PIECES))
    def run(drawn: tuple[str, bytes]) -> None:
        check(folder, *drawn)

    run()


@pytest.mark.slow
def test_two_thousand(folder: Path, originals: dict[str, bytes]) -> None:
    @settled(2000)
    @given(mangled(originals, PIECES))
    def run(drawn: tuple[str, bytes]) -> None:
        check(folder, *drawn)

    run()


@pytest.mark.parametrize("name", ["noise.wav", "noise.flac", "noise.ogg"])
def test_noise_is_no_sound_file(name: str, folder: Path) -> None:
    @settled(10)
    @given(st.binary(max_size=300))
    def run(content: bytes) -> None:
        check(folder, name, content)

    run()
