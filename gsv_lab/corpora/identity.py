"""What tells the data of a training from others, cheaply: tables as a whole, recordings by their size and samples."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.store_files import TABLE, WAVE, tracks, whole

BLOCKS, CLIP_BLOCKS, BLOCK = 64, 4, 4096
"""Pieces of a store's file and of a clip's that are looked at, spread evenly, and their bytes."""


def store_identity(store: ClipStore) -> dict[str, str]:
    """Identities of the clips of a store and of all its tracks, by what they are of."""
    found = {
        "the table of clips": _whole(store.folder / TABLE),
        "the recordings": _sampled(store.folder / WAVE),
    }
    for table, data in tracks(store.folder):
        with whole(table):
            found[f"the track '{table.stem}'"] = _whole(table) + _sampled(data)
    return found


def words_identity(words: Iterable[str]) -> str:
    """Identity of words in their order."""
    return hashlib.sha256("\n".join(words).encode()).hexdigest()[:16]


def clip_digests(clips: Sequence[Clip]) -> dict[str, str]:
    """Clip -> digest of what a list says of it and of its sound, of which pieces are looked at."""
    found: dict[str, str] = {}
    for clip in clips:
        known: dict[str, Any] = {name: value for name, value in asdict(clip).items() if name != "path"}
        known["sound"] = _sampled(clip.path, CLIP_BLOCKS) if clip.path.is_file() else ""
        line = json.dumps(known, sort_keys=True, ensure_ascii=False)
        name = f"{clip.id}{clip.path.suffix}"
        if name in found:  # in another corpus
            name = f"{clip.corpus}/{name}"
        found[name] = hashlib.sha256(line.encode()).hexdigest()[:16]
    return found


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In what the settings of two stores differ, one phrase each; `clips` holds `clip_digests`."""
    found = []
    for name, value in now.items():
        if name != "clips" and before.get(name) != value:
            found.append(f"{name} was {before.get(name)} and is {value}")
    old, new = before.get("clips", {}), now.get("clips", {})
    if not isinstance(old, Mapping):
        return [*found, "its clips are not known"]
    changed = {key for key in new if key in old and old[key] != new[key]}
    for what, keys in (("new", new.keys() - old.keys()), ("gone", old.keys() - new.keys()), ("changed", changed)):
        if keys:
            found.append(f"clips that are {what}: {len(keys)}, the first {min(keys)}")
    return found


def _whole(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:16]


def _sampled(path: Path, blocks: int = BLOCKS) -> str:
    """Of a file's size and some of its bytes."""
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        for number in range(blocks):
            file.seek(number * max(0, size - BLOCK) // (blocks - 1))
            digest.update(file.read(BLOCK))
    return digest.hexdigest()[:16]
