"""What tells the data of a training from others: every table, and large files by pieces all over them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from gsv_lab.corpora.identity import BLOCK, BLOCKS, store_identity, words_identity
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.store import ClipStore


@pytest.fixture
def store(tmp_path: Path) -> ClipStore:
    """Two clips, as long together as the pieces that are looked at, with a track."""
    samples = np.random.default_rng(0).uniform(-1, 1, BLOCKS * BLOCK // 4).astype(np.float32)
    clips = [Clip(name, Path(name), "me", "en", "One.") for name in "ab"]
    store = ClipStore.pack(tmp_path / "store", clips, lambda path: samples, 16_000)
    store.add_track("pitch", (np.ones(9, np.float16) for _ in clips), rate=50)
    (store.folder / "other.json").write_text(json.dumps({"frames": 3}), encoding="utf-8")
    return store


def test_what_a_store_is_known_by(store: ClipStore) -> None:
    found = store_identity(store)
    assert set(found) == {"the table of clips", "the recordings", "the track 'pitch'"}
    assert found == store_identity(ClipStore(store.folder))
    # Of a table sixteen digits; of a track those of its table, then those of its file.
    assert [len(found[name]) for name in sorted(found)] == [16, 16, 32]
    assert all(set(value) <= set("0123456789abcdef") for value in found.values())


def write(path: Path, change: Callable[[bytearray], object]) -> None:
    content = bytearray(path.read_bytes())
    change(content)
    path.write_bytes(content)


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("clips.json", "the table of clips"),
        ("wave.i16", "the recordings"),
        ("pitch.json", "the track 'pitch'"),
        ("pitch-*.bin", "the track 'pitch'"),
    ],
)
def test_what_changed_is_named(file: str, name: str, store: ClipStore) -> None:
    before = store_identity(store)
    (path,) = store.folder.glob(file)
    if file == "clips.json":
        write(path, lambda content: content.extend(b" "))
    elif file == "pitch.json":
        write(path, lambda content: content.extend(b"\n"))
    else:
        write(path, lambda content: content.__setitem__(-1, content[-1] ^ 1))
    after = store_identity(store)
    assert [key for key in before if after[key] != before[key]] == [name]


@pytest.mark.parametrize("place", [0, 1, BLOCK - 1, *range(BLOCK, BLOCKS * BLOCK, 7 * BLOCK), BLOCKS * BLOCK - 1])
def test_pieces_lie_all_over_a_file(place: int, store: ClipStore) -> None:
    """Here they cover it, so that any byte counts."""
    before = store_identity(store)["the recordings"]
    write(store.folder / "wave.i16", lambda content: content.__setitem__(place, content[place] ^ 1))
    assert store_identity(store)["the recordings"] != before


def test_the_length_of_a_large_file_counts(store: ClipStore) -> None:
    """Though its pieces be the same."""
    found = set()
    for blocks in (BLOCKS, 2 * BLOCKS, 3 * BLOCKS):
        (store.folder / "wave.i16").write_bytes(bytes(blocks * BLOCK))
        found.add(store_identity(store)["the recordings"])
    assert len(found) == 3


def test_words_are_known_in_their_order() -> None:
    assert words_identity(["a", "b"]) == words_identity(iter("ab")) and len(words_identity([])) == 16
    assert len({words_identity(words) for words in (["a", "b"], ["b", "a"], ["ab"], ["a", "b", ""], [])}) == 5
