"""Damaged lists and tables: clips that are there or one clear error, in under two seconds, whatever the bytes are.

The draws depend on nothing but this file, so that what failed once fails again. All 500:

    pytest tests/corpora/test_mangled_lists.py -m slow
"""

from __future__ import annotations

import time
import warnings
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from mangling import mangled

from gsv_lab.corpora.listfile import read_list
from gsv_lab.corpora.readers import read
from gsv_lab.corpora.voice_clips import read_clips
from gsv_lab.errors import DataError

LIST = "c0.wav|me|en|One.\nwavs/c1.wav|me|zh|你好。\n# remark\n\nc2.wav|me|en|Three.\n"
FILES = {
    "list.txt": LIST.encode(),
    "windows.list.txt": ("\ufeff" + LIST.replace("\n", "\r\n")).encode(),
    "utf16.list.txt": LIST.encode("utf-16"),
    "metadata.csv": ("path|speaker|language|text\n" + LIST.replace("# remark\n", "")).encode(),
    "lj/metadata.csv": b"c1|One|one\nc1.wav|Two|two\n",
    "1/2/1-2.trans.txt": b"1-2-0000 GO ON\n1-2-0001 STOP\n",
    "content.txt": "SSB00050001.wav\t广 guang3 州 zhou1\n".encode(),
}
PIECES = (
    b"\n",
    b"|",
    b"||",
    b"\r",
    b"../",
    b"/",
    b"\\",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"en-US",
    b"c0.wav",
    "你".encode(),
)
SECONDS = 2.0


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("lists")


def check(folder: Path, name: str, content: bytes) -> None:
    """Read one damaged table in a corpus of its own, through every door that takes it."""
    root = folder / name.replace("/", "_")
    for sound in ("c0.wav", "c1.wav", "c2.wav", "wavs/c1.wav", "1/2/1-2-0000.flac", "1/2/1-2-0001.flac"):
        if name.startswith("lj/") or not sound.startswith("wavs/") or "list" in name:
            (root / sound).parent.mkdir(parents=True, exist_ok=True)
            (root / sound).write_bytes(b"sound" + sound.encode())
    table = root / (name.removeprefix("lj/") if "list" not in name else "list.txt")
    table.parent.mkdir(parents=True, exist_ok=True)
    table.write_bytes(content)
    doors = [lambda: read(root)]
    if "list" in name:
        doors = [lambda: read(table), lambda: read_list(table), lambda: read_clips(root, 60.0)]
    start = time.process_time()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for door in doors:
            try:
                clips = door()
            except DataError as error:
                assert "\n" not in str(error) and error.code.startswith("DATA_")
                continue
            assert clips
            for clip in clips:
                assert clip.path.is_file() and clip.path.resolve().is_relative_to(root.resolve())
                assert clip.language in ("en", "zh", "auto") and "\0" not in clip.text
    assert time.process_time() - start < SECONDS


def run(folder: Path, count: int) -> None:
    """So many draws, always the same ones."""

    @settings(
        max_examples=count, derandomize=True, database=None, deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )  # fmt: skip
    @given(mangled(FILES, PIECES))
    def each(drawn: tuple[str, bytes]) -> None:
        check(folder, *drawn)

    each()


def test_sixty(folder: Path) -> None:
    run(folder, 60)


@pytest.mark.slow
def test_five_hundred(folder: Path) -> None:
    run(folder, 500)


def test_originals_can_be_read(folder: Path) -> None:
    for name, content in FILES.items():
        check(folder, name, content)
