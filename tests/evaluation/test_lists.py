"""The reader of test lists: what it gives, and every way in which a list can be wrong."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from gsv_lab.corpora.clip_lists import ListedTarget
from gsv_lab.errors import DataError
from gsv_lab.evaluation.lists import COLUMNS, PAIR_COLUMNS, Clip, Item, read_list, read_texts, with_folders
from source import ROOT

from .makers import RATE, tone, toy_list, write_list


def test_items_and_samples(tmp_path: Path) -> None:
    found = read_list(toy_list(tmp_path))
    assert len(found.items) == 8
    first = found.items[0]
    assert (first.name, first.speaker, first.language, first.text) == ("ann_1", "ann", "en", "one two three")
    assert first.target is not None and first.target.text == first.text
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


@pytest.mark.parametrize(
    "content", ["", "a|b\n", *("|".join(x) + "\n" for x in (COLUMNS, PAIR_COLUMNS, COLUMNS[::-1]))]
)
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
    target = found.items[0].target
    assert target is not None and abs(target.read().size / RATE - 2.945) < 0.01
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


def own_list(folder: Path, *rows: str) -> Path:
    """A list of the form item|speaker|language|text|reference|target, beside its clips."""
    (folder / "clips").mkdir(exist_ok=True)
    for number, name in enumerate(("a", "b", "c")):
        soundfile.write(folder / "clips" / f"{name}.wav", tone(100.0 + 50 * number, 0.2), RATE)
    path = folder / "own.csv"
    path.write_text("\n".join(("|".join(COLUMNS), *rows)) + "\n", encoding="utf-8")
    return path


def test_own_columns_may_be_empty(tmp_path: Path) -> None:
    rows = ("one|ann|en|Hello there.|clips/a.wav|clips/b.wav", "two||zh|你好||", "three|bob|en|||clips/c.wav")
    one, two, three = read_list(own_list(tmp_path, *rows)).items
    assert one.reference is not None and one.reference.path == tmp_path / "clips" / "a.wav"
    assert one.target is not None and (one.target.text, one.target.speaker) == ("Hello there.", "ann")
    assert two == Item("two", "", "zh", "你好")
    assert (three.text, three.reference) == ("", None)


@pytest.mark.parametrize(
    ("code", "row"),
    [
        ("DATA_ROW", "|ann|en|hello||"),
        ("DATA_ROW", "a/b|ann|en|hello||"),
        ("DATA_ROW", ".hidden|ann|en|hello||"),
        ("DATA_ROW", "one|ann|en|hello"),
        ("LANG_UNKNOWN", "one|ann|fr|bonjour||"),
        ("LANG_UNKNOWN", "one|ann||hello||"),
        ("DATA_PATH", "one|ann|en|hello|../a.wav|"),
        ("DATA_PATH", "one|ann|en|hello||/etc/hostname"),
        ("DATA_MISSING", "one|ann|en|hello||clips/absent.wav"),
        ("DATA_LEAK", "one|ann|en|hello|clips/a.wav|clips/../clips/a.wav"),
        ("DATA_DUPLICATE", "good|bob|en|again||"),
    ],
)
def test_bad_rows_of_own_columns(tmp_path: Path, code: str, row: str) -> None:
    with pytest.raises(DataError) as caught:
        read_list(own_list(tmp_path, "good|ann|en|hello||", row))
    assert caught.value.code == code


def test_texts_alone(tmp_path: Path) -> None:
    path = tmp_path / "texts.tsv"
    path.write_bytes("\ufeffone\ten\tHello.\r\n\r\ntwo\tzh\t你好\r\n".encode())
    found = read_texts(path)
    assert found.items == (Item("one", "", "en", "Hello."), Item("two", "", "zh", "你好"))
    for broken, code in (("one\ten", "DATA_ROW"), ("one\tfr\tx", "LANG_UNKNOWN"), ("", "DATA_ROW")):
        path.write_text(broken)
        with pytest.raises(DataError) as caught:
            read_texts(path)
        assert caught.value.code == code
    path.write_text("one\ten\tx\none\ten\ty\n")
    with pytest.raises(DataError, match="'one'"):
        read_texts(path)


def test_folders_fill_what_the_list_leaves_empty(tmp_path: Path) -> None:
    listed = read_list(own_list(tmp_path, "one|ann|en|hello|clips/a.wav|", "two|ann|en|again||"))
    for kind, names in (("references", ("one", "two")), ("naturals", ("two", "other"))):
        (tmp_path / kind).mkdir()
        for name in names:
            soundfile.write(tmp_path / kind / f"{name}.flac", tone(300.0, 0.2, 0.1 + 0.1 * len(kind)), RATE)
    one, two = with_folders(listed, tmp_path / "references", tmp_path / "naturals").items
    assert one.reference == listed.items[0].reference and one.target is None, "the list's own column stands"
    assert two.reference is not None and two.reference.path == tmp_path / "references" / "two.flac"
    assert two.target == Clip(tmp_path / "naturals" / "two.flac", "naturals/two.flac", "ann", "en", "again")
    with pytest.raises(DataError, match="absent"):
        with_folders(listed, tmp_path / "absent", None)
    with pytest.raises(DataError) as caught:
        with_folders(listed, tmp_path / "references", tmp_path / "references")
    assert caught.value.code == "DATA_LEAK"
