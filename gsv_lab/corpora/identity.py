"""What tells the data of a training from others, cheaply: tables as a whole, large files by their size and samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from gsv_lab.corpora.store import ClipStore

BLOCKS, BLOCK = 64, 4096
"""Pieces of a large file that are looked at, spread evenly, and their bytes."""


def store_identity(store: ClipStore) -> dict[str, str]:
    """Identities of the clips of a store and of all its tracks, by what they are of."""
    found = {
        "the table of clips": _whole(store.folder / "clips.json"),
        "the recordings": _sampled(store.folder / "wave.i16"),
    }
    for path in sorted(store.folder.glob("*.json")):
        table = json.loads(path.read_text(encoding="utf-8"))
        if "frames" in table and "file" in table:
            found[f"the track '{path.stem}'"] = _whole(path) + _sampled(store.folder / table["file"])
    return found


def words_identity(words: Iterable[str]) -> str:
    """Identity of words in their order."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def _whole(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _sampled(path: Path) -> str:
    """Of a file's size and some of its bytes."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for number in range(BLOCKS):
            file.seek(number * max(0, size - BLOCK) // (BLOCKS - 1))
            digest.update(file.read(BLOCK))
    return digest.hexdigest()[:16]
