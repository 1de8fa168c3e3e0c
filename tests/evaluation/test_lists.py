"""The reader of test lists: what it gives, and every way in which a list can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from gsv_lab.corpora.clip_lists import ListedTarget
from gsv_lab.errors import DataError
from gsv_lab.evaluation.lists import COLUMNS, read_list
from source import ROOT

from .makers import RATE, tone, toy_list, write_list


def test_items_and_samples(tmp_path: Path) -> None:
    found = read_list(toy_list(tmp_path))
    assert len(found.items) == 8
    first = found.items[0]
    assert (first.speaker, first.language, first.target.text, first.seconds) == ("ann", "en", "one two three", 0.6)
    np.testing.assert_allclose(first.target.read(), tone(220.0, 0.6), atol=1e-3)
    assert first.target.read(8000).size == first.target.read().size // 2


def test_windows_line_ends_and_byte_order_mark_are_fine(tmp_path: Path) -> None:
    path = toy_list(tmp_path)
    plain = read_list(path)
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_list(path).items == plain.items
    assert read_list(path).sha256 != plain.sha256


GOOD = ("ann", "en", "clips/ann_0.wav", "x", "clips/ann_1.wav", "one two", "0.6")


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        ("LANG_UNKNOWN", {1: "fr"}),
        ("DATA_ROW", {0: ""}),
        ("DATA_ROW", {5: "  "}),
        ("DATA_ROW", {6: "long"}),
        ("DATA_ROW", {6: "nan"}),
        ("DATA_ROW", {6: "-1"}),
        ("DATA_PATH", {4: "../outside.wav"}),
        ("DATA_PATH", {4: "/etc/hostname"}),
        ("DATA_PATH", {2: ""}),
        ("DATA_LEAK", {4: "clips/ann_0.wav"}),
        ("DATA_MISSING", {4: "clips/absent.wav"}),
    ],
)
def test_bad_row(tmp_path: Path, code: str, changes: dict[int, str]) -> None:
    toy_list(tmp_path)
    row = tuple(changes.get(place, field) for place, field in enumerate(GOOD))
    with pytest.raises(DataError) as caught:
        read_list(write_list(tmp_path, [row]))
    assert caught.value.code == code


def test_errors_name_the_line(tmp_path: Path) -> None:
    toy_list(tmp_path)
    with pytest.raises(DataError, match="Line 3 has 3 fields"):
        read_list(write_list(tmp_path, [GOOD, ("a", "b", "c")]))
    path = write_list(tmp_path, [GOOD])
    path.write_bytes(path.read_bytes().replace(b"one two", b"one \xff"))
    with pytest.raises(DataError, match="Line 2 is not UTF-8"):
        read_list(path)


def test_link_out_of_the_folder_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    root.mkdir()
    toy_list(root)
    (tmp_path / "secret.wav").write_bytes((root / "clips/ann_1.wav").read_bytes())
    (root / "clips" / "link.wav").symlink_to(tmp_path / "secret.wav")
    with pytest.raises(DataError) as caught:
        read_list(write_list(root, [(*GOOD[:4], "clips/link.wav", *GOOD[5:])]))
    assert caught.value.code == "DATA_PATH"


@pytest.mark.parametrize("content", ["", "a|b\n", "|".join(COLUMNS) + "\n", "|".join(reversed(COLUMNS)) + "\n"])
def test_no_header_or_no_rows(tmp_path: Path, content: str) -> None:
    path = write_list(tmp_path, [])
    path.write_text(content)
    with pytest.raises(DataError) as caught:
        read_list(path)
    assert caught.value.code == "DATA_ROW"


def test_doubled_rows_and_a_clip_under_two_speakers(tmp_path: Path) -> None:
    toy_list(tmp_path)
    for second in (GOOD, ("bob", "en", "clips/bob_0.wav", "x", "clips/ann_1.wav", "one two", "0.6")):
        with pytest.raises(DataError) as caught:
            read_list(write_list(tmp_path, [GOOD, second]))
        assert caught.value.code == "DATA_DUPLICATE"


def test_absent_list(tmp_path: Path) -> None:
    with pytest.raises(DataError) as caught:
        read_list(tmp_path / "none.csv")
    assert caught.value.code == "DATA_MISSING"


def test_prepared_lists(shared: Path) -> None:
    found = read_list(shared / "speech" / "evaluation_list.csv")
    assert [sum(item.language == language for item in found.items) for language in ("en", "zh")] == [66, 40]
    assert len({item.speaker for item in found.items}) == 12
    item = found.items[0]
    assert abs(item.target.read().size / RATE - item.seconds) < 0.01
    assert len(read_list(shared / "speech" / "dev_list.csv").items) == 78


def test_lists_of_the_project_are_read_from_the_corpora(shared: Path) -> None:
    """The same clips, losslessly coded ones where there are two of a name, with the texts of the prepared list."""
    ours = read_list(ROOT / "data" / "evaluation_list.csv", shared).items
    theirs = read_list(shared / "speech" / "evaluation_list.csv").items
    assert [item.target.path for item in ours] == [item.target.path for item in theirs]
    assert [item.reference.path for item in ours] == [item.reference.path for item in theirs]
    assert [item.target.text for item in ours] == [item.target.text for item in theirs]


def test_clips_of_the_project_that_are_not_there_are_named(tmp_path: Path) -> None:
    fields = ("ann", "en", "own", "a_0", "pcm:00", "own", "a_1", "1.0", "pcm:00")
    listed = tmp_path / "some.csv"
    listed.write_text("|".join(ListedTarget._fields) + "\n" + "|".join(fields) + "\n")
    with pytest.raises(DataError, match=r"2 clips .* a_0, a_1.*--corpora") as caught:
        read_list(listed)
    assert caught.value.code == "DATA_MISSING"
    (tmp_path / "own").mkdir()
    for name in ("a_0", "a_1"):
        soundfile.write(tmp_path / "own" / f"{name}.wav", np.full(800, 0.1), 16000)
    (tmp_path / "own" / "list.txt").write_text("a_0.wav|ann|en|one\na_1.wav|ann|en|two\n")
    (item,) = read_list(listed).items
    assert (item.target.text, item.reference.text, item.target.key) == ("two", "one", "own/a_1.wav")
