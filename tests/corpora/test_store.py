"""The packed store: what goes in comes out, what is damaged or half-written does not count."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from gsv_lab.corpora.journal import Journal
from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import DataError
from tiny import make_store


def test_waves_and_rows_come_back(tmp_path: Path) -> None:
    store = make_store(tmp_path, clips=5)
    again = ClipStore(tmp_path)
    assert [row.id for row in again.rows] == [f"c{i:02d}" for i in range(5)]
    for i in range(5):
        np.testing.assert_array_equal(store.wave(i), again.wave(i))
    np.testing.assert_array_equal(again.wave(3, 100, 50), again.wave(3)[100:150])
    assert np.abs(again.wave(2)).max() > 0.01


def test_track_keeps_shape_dtype_and_clip_borders(tmp_path: Path) -> None:
    store = make_store(tmp_path, clips=4)
    arrays = [np.full((i + 1, 2), i, np.float16) for i in range(4)]
    store.add_track("two", iter(arrays), rate=100)
    for i, array in enumerate(arrays):
        np.testing.assert_array_equal(ClipStore(tmp_path).track("two", i), array)
    assert ClipStore(tmp_path).track_info("two")["settings"] == {"rate": 100}


def test_interrupted_track_is_not_there(tmp_path: Path) -> None:
    store = make_store(tmp_path, clips=3)

    def broken():  # noqa: ANN202
        yield np.zeros(3, np.int16)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.add_track("codes", broken())
    assert not ClipStore(tmp_path).has_track("codes")


def test_missing_and_short_tracks_say_so(tmp_path: Path) -> None:
    store = make_store(tmp_path, clips=3)
    with pytest.raises(DataError, match="no track 'codes'"):
        store.track("codes", 0)
    with pytest.raises(DataError, match="2 clips"):
        store.add_track("codes", [np.zeros(1), np.zeros(1)])


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "gone":
        path.unlink()
    else:
        path.write_bytes({"one sample": content[:-2], "half": content[: len(content) // 2], "empty": b""}[how])


@pytest.mark.parametrize("how", ["one sample", "half", "empty", "gone"])
@pytest.mark.parametrize("name", ["wave.i16", "clips.json", "two.json", "two-*.bin"])
def test_a_damaged_file_is_one_error(name: str, how: str, tmp_path: Path) -> None:
    """A file that is cut at an even byte holds whole samples, and yet not all of them."""
    make_store(tmp_path, clips=4).add_track("two", [np.zeros((i + 1, 2), np.float16) for i in range(4)])
    damage(next(tmp_path.glob(name)), how)
    with pytest.raises(DataError) as caught:
        ClipStore(tmp_path).track("two", 0)
    assert caught.value.code == "CACHE_STALE" and "\n" not in str(caught.value)
    assert make_store(tmp_path, clips=4).wave(3).any()  # made anew, it is whole


@pytest.mark.parametrize("change", [{"rows": 3}, {"rows": [{}]}, {"rows": None}, {"sample_rate": "x"}, {"format": 1}])
def test_a_table_with_something_else_in_it(change: dict[str, object], tmp_path: Path) -> None:
    make_store(tmp_path, clips=3)
    table = json.loads((tmp_path / "clips.json").read_text())
    (tmp_path / "clips.json").write_text(json.dumps({**table, **change}))
    with pytest.raises(DataError) as caught:
        ClipStore(tmp_path)
    assert caught.value.code == "CACHE_STALE"


def test_a_store_that_is_packed_again_has_no_tracks_of_the_earlier_one(tmp_path: Path) -> None:
    make_store(tmp_path, clips=4).add_track("two", [np.zeros(2)] * 4)
    (tmp_path / "notes.json").write_text('{"mine": 1}')
    store = make_store(tmp_path, clips=5)
    assert len(store) == 5 and not store.has_track("two") and (tmp_path / "notes.json").is_file()
    assert not list(tmp_path.glob("*.bin"))


@pytest.mark.parametrize("line", [b"null", b"[]", b"3", b"{}", b'{"bytes": -1}', b'{"bytes": "2"}', b'{"bytes": 2}'])
def test_a_line_of_a_journal_that_is_none(line: bytes, tmp_path: Path) -> None:
    """What stands before it counts, and what comes after it is made again."""
    data, notes = tmp_path / "data", tmp_path / "notes"
    with Journal(data, notes, {"frames": int}, 3) as journal:
        for number in range(3):
            journal.append(np.full(2, number, np.int8), frames=2)
    lines = notes.read_bytes().splitlines(keepends=True)
    notes.write_bytes(lines[0] + line + b"\n" + lines[2])
    with Journal(data, notes, {"frames": int}, 3) as journal:
        assert [entry["frames"] for entry in journal.entries] == [2]
    assert data.read_bytes() == b"\0\0"


def test_a_journal_of_more_arrays_than_there_can_be(tmp_path: Path) -> None:
    with Journal(tmp_path / "data", tmp_path / "notes", {}, 9) as journal:
        for _ in range(5):
            journal.append(np.zeros(2))
    with Journal(tmp_path / "data", tmp_path / "notes", {}, 3) as journal:
        assert len(journal.entries) == 3
