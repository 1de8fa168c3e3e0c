"""List files: what is tolerated, what is refused with its line number, and the round trip."""

from __future__ import annotations

import os

import pytest

from gsv_lab.corpora.listfile import Row, read_list, write_list
from gsv_lab.errors import DataError

GOOD = "a.wav|ann|en|Hello there.\nsub/b.wav|bo|ZH|你好。\n"


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "sub").mkdir()
    for name in ("a.wav", "sub/b.wav"):
        (tmp_path / name).write_bytes(b"x")
    return tmp_path


def put(folder, content, name="list.txt"):
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


@pytest.mark.parametrize("content", [
    GOOD, b"\xef\xbb\xbf" + GOOD.encode(), GOOD.replace("\n", "\r\n"), "# remark\n\n" + GOOD + "\n\n",
    GOOD.replace("sub/b", "sub\\b"), GOOD.replace("a.wav", "./sub/../a.wav"), GOOD.rstrip(),
    GOOD.replace("|", " | "),
], ids=["plain", "bom", "crlf", "remarks", "backslash", "dots", "no_last_newline", "blanks"])  # fmt: skip
def test_tolerated(content, folder):
    rows = read_list(put(folder, content))
    assert rows == [
        Row(folder / "a.wav", "ann", "en", "Hello there."),
        Row(folder / "sub/b.wav", "bo", "zh", "你好。"),
    ]


def test_absolute_inside_the_root_and_another_root(folder):
    lists = folder.parent / "lists"
    lists.mkdir(exist_ok=True)
    content = GOOD.replace("a.wav", str(folder / "a.wav"))
    assert read_list(put(lists, content), root=folder)[0].path == folder / "a.wav"


@pytest.mark.parametrize(("code", "match", "content"), [
    ("DATA_ROW", "Line 2", "a.wav|ann|en|hi\na.wav|ann\n"),
    ("DATA_ROW", "Line 1", "a.wav|ann|en|hi|there\n"),
    ("DATA_ROW", "Line 1", "|ann|en|hi\n"),
    ("DATA_ROW", "Line 3", "\n# x\na.wav|ann|klingon|hi\n"),
    ("DATA_ROW", "Line 2", b"a.wav|ann|en|hi\n" + "sub/b.wav|bo|zh|你好\n".encode("gbk")),
    ("DATA_ROW", "Line 1", "a\0.wav|ann|en|hi\n"),
    ("DATA_PATH", "Line 1", "../secret.wav|ann|en|hi\n"),
    ("DATA_ROW", "Line 1", ".|ann|en|hi\n"),
    ("DATA_PATH", "Line 1", "/etc/passwd|ann|en|hi\n"),
    ("DATA_PATH", "Line 1", "sub/../../secret.wav|ann|en|hi\n"),
    ("DATA_PATH", "Line 1", "..\\secret.wav|ann|en|hi\n"),
    ("DATA_DUPLICATE", "Line 2", "a.wav|ann|en|hi\nsub/../a.wav|bo|en|hi\n"),
    ("DATA_EMPTY", "no rows", "# nothing\n"),
])  # fmt: skip
def test_refused(code, match, content, folder):
    with pytest.raises(DataError, match=match) as caught:
        read_list(put(folder, content))
    assert caught.value.code == code


@pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")
def test_link_out_of_the_root(folder):
    outside = folder.parent / "outside.wav"
    outside.write_bytes(b"x")
    os.symlink(outside, folder / "link.wav")
    with pytest.raises(DataError) as caught:
        read_list(put(folder, "link.wav|ann|en|hi\n"))
    assert caught.value.code == "DATA_PATH"


def test_missing_files_count_and_first_ten(folder):
    (folder / "empty.wav").write_bytes(b"")
    rows = "".join(f"gone{i:02}.wav|a|en|hi\n" for i in range(14)) + "empty.wav|a|en|hi\na.wav|a|en|hi\n"
    with pytest.warns(UserWarning, match="DATA_MISSING: 15 of 16") as noted:
        found = read_list(put(folder, rows))
    text = str(noted[0].message)
    assert "gone09" in text and "gone10" not in text
    assert [row.path.name for row in found] == ["a.wav"]
    with pytest.raises(DataError, match="14 of 14 recordings") as caught:
        read_list(put(folder, "".join(f"gone{i:02}.wav|a|en|hi\n" for i in range(14))))
    assert caught.value.code == "DATA_MISSING"


def test_missing_list(tmp_path):
    with pytest.raises(DataError) as caught:
        read_list(tmp_path / "none.txt")
    assert caught.value.code == "DATA_MISSING"


def test_round_trip_and_cleaning(folder):
    rows = [Row(folder / "a.wav", "ann", "en", "one | two\nthree"), Row(folder / "sub/b.wav", "bo", "zh", "")]
    path = write_list(folder / "list.txt", rows)
    assert path.read_text(encoding="utf-8").splitlines() == ["a.wav|ann|en|one two three", "sub/b.wav|bo|zh|"]
    assert [row.text for row in read_list(path)] == ["one two three", ""]


def test_write_refuses_what_it_could_not_read(folder):
    for row in (Row(folder.parent / "x.wav", "a", "en", ""), Row(folder / "a.wav", "a|b", "en", "")):
        with pytest.raises(DataError):
            write_list(folder / "list.txt", [row])
    assert not (folder / "list.txt").exists()
