"""The packed store: what goes in comes out, half-written tracks do not count."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

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
