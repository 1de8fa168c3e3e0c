"""Lists and tables as people write them, in every reader: encodings, blank lines, tags, paths, and wrong rows."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import pytest

from gsv_lab.corpora import clip_lists
from gsv_lab.corpora.readers import Clip, read
from gsv_lab.corpora.tables import identity, language_of_tag
from gsv_lab.errors import DataError
from gsv_lab.evaluation.lists import PAIR_COLUMNS, read_list

LIST = "c0.wav|me|en|One.\nc1.wav|me|en|Two.\nc2.wav|me|en|Three.\n"
TABLE = "path|speaker|language|text\n" + LIST
LJSPEECH = "c0|1|One.\nc1|2|Two.\nc2|3|Three.\n"
LIBRISPEECH = "c0 One.\nc1 Two.\nc2 Three.\n"
AISHELL = "c0.wav\t一 yi1\nc1.wav\t二 er4\nc2.wav\t三 san1\n"

READERS = {
    "list": ("list.txt", "{}.wav", LIST),
    "table": ("metadata.csv", "{}.wav", TABLE),
    "ljspeech": ("metadata.csv", "wavs/{}.wav", LJSPEECH),
    "librispeech": ("1/2/1-2.trans.txt", "1/2/{}.flac", LIBRISPEECH),
    "aishell": ("content.txt", "wav/{}.wav/{}.wav", AISHELL),
}


def put(root: Path, reader: str, content: str | bytes, files: int = 3) -> Path:
    """A corpus whose table holds `content`; what is to be read."""
    name, pattern, _ = READERS[reader]
    for number in range(3):
        path = root / pattern.format(*[f"c{number}"] * 2)
        path.parent.mkdir(parents=True, exist_ok=True)
        if number < files:
            path.write_bytes(b"sound %d" % number)
    (root / name).parent.mkdir(parents=True, exist_ok=True)
    (root / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    return root / name if reader == "list" else root


def refused(path: Path) -> DataError:
    with pytest.raises(DataError) as caught:
        read(path)
    return caught.value


WRITTEN = {
    "plain": lambda text: text.encode(),
    "byte order mark": lambda text: ("\ufeff" + text).encode(),
    "UTF-16": lambda text: text.encode("utf-16"),
    "UTF-16, the other order": lambda text: b"\xfe\xff" + text.encode("utf-16-be"),
    "Windows": lambda text: ("\ufeff" + text.replace("\n", "\r\n")).encode(),
    "old Macintosh": lambda text: text.replace("\n", "\r").encode(),
    "blank lines": lambda text: ("\n" + text + "\n \n\n").encode(),
    "no last line end": lambda text: text.rstrip().encode(),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("written", WRITTEN)
def test_tolerated_by_every_reader(reader: str, written: str, tmp_path: Path) -> None:
    plain = READERS[reader][2]
    clips = read(put(tmp_path, reader, WRITTEN[written](plain)))
    assert [clip.text for clip in clips] == [clip.text for clip in read(put(tmp_path, reader, plain))]
    assert len(clips) == 3 and all(clip.path.is_file() and clip.text for clip in clips)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("encoding", ["latin-1", "gbk", "utf-16-le", "utf-32"])
def test_other_encodings_are_named_with_their_line(reader: str, encoding: str, tmp_path: Path) -> None:
    lines = READERS[reader][2].splitlines()
    mark = "é" if encoding == "latin-1" else "你"
    lines[-1] += mark
    if encoding == "latin-1":
        lines = [line.replace("一", "1").replace("二", "2").replace("三", "3") for line in lines]
    error = refused(put(tmp_path, reader, "\n".join(lines).encode(encoding)))
    assert error.code == "DATA_ROW" and "is not UTF-8 text" in str(error)
    if reader != "aishell":  # some of its characters are by accident UTF-8 in GBK
        assert f"Line {len(lines) if encoding in ('latin-1', 'gbk') else 1} of" in str(error)


def test_half_of_a_character_of_utf16(tmp_path: Path) -> None:
    assert "Line 3 of 'list.txt'" in str(refused(put(tmp_path, "list", LIST.encode("utf-16")[:-1])))


@pytest.mark.parametrize("reader", READERS)
def test_a_missing_recording_is_named_and_the_others_go_on(reader: str, tmp_path: Path) -> None:
    path = put(tmp_path, reader, READERS[reader][2], files=2)
    with pytest.warns(UserWarning, match=r"DATA_MISSING: 1 of 3 .* left out: \S*c2\.(wav|flac)"):
        assert len(read(path)) == 2


@pytest.mark.parametrize("reader", READERS)
def test_nothing_but_missing_recordings(reader: str, tmp_path: Path) -> None:
    error = refused(put(tmp_path, reader, READERS[reader][2], files=0))
    assert error.code == "DATA_MISSING" and "3 of 3" in str(error)


@pytest.mark.parametrize("tag", ["en", "EN", " En ", "en-US", "en_GB", "English", "eng", "英文"])
def test_english(tag: str, tmp_path: Path) -> None:
    assert language_of_tag(tag) == "en"
    for reader in ("list", "table"):
        clips = read(put(tmp_path / reader, reader, READERS[reader][2].replace("|en|", f"|{tag}|")))
        assert {clip.language for clip in clips} == {"en"}


@pytest.mark.parametrize("tag", ["zh", "ZH", "zh-CN", "zh_TW", "zh-Hans-CN", "cmn", "Chinese", "中文", "普通话"])
def test_mandarin(tag: str) -> None:
    assert language_of_tag(tag) == "zh"


@pytest.mark.parametrize("tag", ["", "ja", "JP", "yue", "ko", "klingon", "english!"])
def test_other_languages_are_refused(tag: str, tmp_path: Path) -> None:
    assert language_of_tag(tag) is None
    for reader in ("list", "table"):
        path = put(tmp_path / reader, reader, READERS[reader][2].replace("|en|Two", f"|{tag}|Two"))
        number = 2 if reader == "list" else 3
        assert f"Line {number} of" in str(refused(path)) and refused(path).code == "DATA_ROW"


WRONG_TABLES = [
    ("DATA_ROW", "Line 1 .* no column path or speaker or language or text", TABLE.replace("|", ",")),
    ("DATA_ROW", "Line 1 ", TABLE.replace("|", ";")),
    ("DATA_ROW", "Line 1 ", TABLE.replace("|", "\t")),
    ("DATA_ROW", "no column language", TABLE.replace("|language", "").replace("|en|", "|")),
    ("DATA_ROW", "no column text", "path|speaker|language\nc0.wav|me|en\n"),
    ("DATA_ROW", "no column path", LIST),
    ("DATA_ROW", "Line 3 .* 2 columns", TABLE.replace("c1.wav|me|en|Two.", "c1.wav|me")),
    ("DATA_ROW", "Line 2 .* 5 columns", TABLE.replace("One.", "One|1")),
    ("DATA_ROW", "Line 2 .* path ''", TABLE.replace("c0.wav", "")),
    ("DATA_PATH", "Line 2", TABLE.replace("c0.wav", "../c0.wav")),
    ("DATA_PATH", "Line 3", TABLE.replace("c1.wav", "/etc/passwd")),
    ("DATA_EMPTY", "no rows", TABLE.splitlines()[0]),
    ("DATA_EMPTY", "no rows", ""),
    ("DATA_DUPLICATE", "of 'me' and of 'you'", TABLE + "./c0.wav|you|en|Again.\n"),
]


@pytest.mark.parametrize(("code", "match", "content"), WRONG_TABLES)
def test_wrong_tables(code: str, match: str, content: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=match) as caught:
        read(put(tmp_path, "table", content))
    assert caught.value.code == code


def test_a_table_may_have_capital_heads_and_a_folder_of_waves(tmp_path: Path) -> None:
    put(tmp_path, "ljspeech", "Path|Speaker|Language|Text\nwavs/c0.wav|me|en|One.\n")
    assert [(clip.speaker, clip.text) for clip in read(tmp_path)] == [("me", "One.")]


@pytest.mark.parametrize(("line", "text"), [
    ("c0.wav|a|b", "b"), ("c0.flac|a|b", "b"), ("wavs/c0.wav|a|b", "b"), ("c0|a", "a"), ("c0|a|", "a"),
    (" c0 | a | b ", "b"), ("c0|a|b|", "b"),
])  # fmt: skip
def test_ljspeech_rows(line: str, text: str, tmp_path: Path) -> None:
    (clip,) = read(put(tmp_path, "ljspeech", line))
    assert (clip.path, clip.text) == (tmp_path / "wavs/c0.wav", text)


def test_ljspeech_in_another_format(tmp_path: Path) -> None:
    put(tmp_path, "ljspeech", "d0|a|b")
    (tmp_path / "wavs/d0.flac").write_bytes(b"sound")
    assert read(tmp_path)[0].path.name == "d0.flac"


@pytest.mark.parametrize(("code", "line"), [
    ("DATA_ROW", "c0"), ("DATA_ROW", "c0,One,one"), ("DATA_ROW", "|a|b"), ("DATA_PATH", "../../c0|a|b"),
    ("DATA_DUPLICATE", "c0|a|b\nc0.wav|a|b"),
])  # fmt: skip
def test_wrong_ljspeech_rows(code: str, line: str, tmp_path: Path) -> None:
    assert refused(put(tmp_path, "ljspeech", line)).code == code


needs_links = pytest.mark.skipif(not hasattr(os, "symlink"), reason="needs links")


@pytest.mark.parametrize("spelling", [
    "./c0.wav", "x/../c0.wav", ".//c0.wav", pytest.param("soft.wav", marks=needs_links),
    pytest.param("hard.wav", marks=needs_links),
])  # fmt: skip
@pytest.mark.parametrize("reader", ["list", "table"])
def test_one_file_under_two_spellings(spelling: str, reader: str, tmp_path: Path) -> None:
    path = put(tmp_path, reader, READERS[reader][2] + f"{spelling}|me|en|Again.\n")
    (tmp_path / "x").mkdir()
    if hasattr(os, "symlink"):
        os.symlink(tmp_path / "c0.wav", tmp_path / "soft.wav")
        os.link(tmp_path / "c0.wav", tmp_path / "hard.wav")
    assert refused(path).code == "DATA_DUPLICATE"


def test_letters_of_either_case_are_one_file_where_the_system_says_so(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(b"1")
    folds = (tmp_path / "A.wav").exists()
    assert (identity(tmp_path / "a.wav") == identity(tmp_path / "A.wav")) == folds


def test_a_target_is_its_own_reference_under_another_name(tmp_path: Path) -> None:
    (tmp_path / "s").mkdir()
    for name in ("a.wav", "b.wav"):
        (tmp_path / "s" / name).write_bytes(name.encode())
    path = tmp_path / "s" / "list.csv"
    head = "|".join(PAIR_COLUMNS) + "\n"
    for target, code in (("s/./a.wav", "DATA_LEAK"), ("s//a.wav", "DATA_LEAK"), ("s/../s/a.wav", "DATA_LEAK")):
        path.write_text(f"{head}me|en|s/a.wav|One.|{target}|Two.|2\n", encoding="utf-8")
        with pytest.raises(DataError) as caught:
            read_list(path)
        assert caught.value.code == code
    rows = "me|en|s/a.wav|One.|s/b.wav|Two.|2\n"
    for again in ("me|en|s/./a.wav|One.|s/./b.wav|Two.|2\n", "you|en|s/b.wav|One.|s/./a.wav|Two.|2\n"):
        path.write_text(head + rows + again, encoding="utf-8")
        with pytest.raises(DataError) as caught:
            read_list(path)
        assert caught.value.code == "DATA_DUPLICATE"
    path.write_text(head + rows, encoding="utf-8")
    assert len(read_list(path).items) == 1


def test_clip_lists_name_the_line_that_is_no_utf8(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_bytes("clip|corpus\na|café\n".encode("latin-1"))
    with pytest.raises(DataError, match="Line 2 of 'list.csv' is not UTF-8 text"):
        clip_lists.read_list(tmp_path / "list.csv")


def test_a_warning_names_ten_at_most(tmp_path: Path) -> None:
    path = put(tmp_path, "list", LIST + "".join(f"gone{i:02}.wav|me|en|x\n" for i in range(14)))
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        clips: list[Clip] = read(path)
    assert len(clips) == 3 and "14 of 17" in str(seen[0].message)
    assert "gone09" in str(seen[0].message) and "gone10" not in str(seen[0].message)
