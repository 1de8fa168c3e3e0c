"""Clips from lists and folders, and every way in which they are refused."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from gsv_lab import audio
from gsv_lab.errors import DataError
from gsv_lab.evaluation.items import Item
from gsv_lab.evaluation.listening.clips import clips_of, names_of, read_clips
from gsv_lab.evaluation.systems import System, folder_system
from listening_clips import folder_of_clips


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return folder_of_clips(tmp_path / "clips", items=2)


def listed(folder: Path, *rows: str, head: str = "item|system|path") -> Path:
    path = folder / "clips.csv"
    path.write_text("\n".join([head, *rows]) + "\n", encoding="utf-8")
    return path


ROWS = tuple(f"item{n}|{name}|{name}/item{n}.wav" for name in ("ours", "natural") for n in range(2))


def test_a_list_and_a_folder_give_the_same(folder: Path) -> None:
    by_folder = read_clips(folder)
    assert names_of(by_folder) == (("item0", "item1"), ("natural", "ours", "theirs"))
    by_list = read_clips(listed(folder, *ROWS, ""))
    assert names_of(by_list)[1] == ("ours", "natural"), "the order of the list counts"
    assert all(by_folder[key].samefile(path) for key, path in by_list.items())


def test_waves_of_conditions_are_found_by_the_mark_of_their_seed(tmp_path: Path) -> None:
    wave = torch.sin(torch.arange(4000) / 5)
    for name, seeds in (("natural", [None]), ("zero_shot", [7, 3])):
        (tmp_path / name).mkdir()
        for seed in seeds:
            mark = audio.Mark("nano", "anna", settings={"condition": name, "seed": seed, "sound": "x"})
            suffix = "" if seed is None else f"_{seed}"
            audio.write(tmp_path / name / f"item_1{suffix}.wav", wave, 16000, mark)
    found = read_clips(tmp_path)
    assert found["item_1", "zero_shot"].name == "item_1_3.wav"
    assert names_of(found) == (("item_1",), ("natural", "zero_shot"))


def test_sources_go_together(folder: Path, tmp_path: Path) -> None:
    (folder / "natural").rename(tmp_path / "recordings")
    whole = read_clips([folder, f"natural={tmp_path / 'recordings'}"])
    assert names_of(whole) == (("item0", "item1"), ("ours", "theirs", "natural"))
    assert read_clips(whole) == whole
    with pytest.raises(DataError, match="item0 of ours comes from two places"):
        read_clips([folder, f"ours={tmp_path / 'recordings'}"])
    with pytest.raises(DataError, match="no folder 'nowhere'"):
        read_clips(f"natural={tmp_path / 'nowhere'}")


def test_the_systems_of_an_evaluation_are_clips(folder: Path) -> None:
    items = [Item(f"item{n}", "", "en", "") for n in range(2)]
    systems = [folder_system(folder / name, items) for name in ("natural", "ours")]
    assert clips_of(systems) == {key: path for key, path in read_clips(folder).items() if key[1] != "theirs"}
    with pytest.raises(DataError, match="'item0' of 'ours' is no file"):
        clips_of([System("ours", (replace(systems[1].samples[0], path=None),))])


@pytest.mark.parametrize(
    ("rows", "code", "words"),
    [
        ((), "DATA_MISSING", "no clips"),
        (ROWS[:3], "DATA_MISSING", "item1 of natural"),
        ((*ROWS, ROWS[0]), "DATA_DUPLICATE", "Line 6.*'item0' of 'ours' again"),
        ((*ROWS[:3], "item1|natural|natural/item0.wav"), "DATA_DUPLICATE", "both item0 of natural and item1"),
        ((*ROWS[:3], "item1|natural|natural/gone.wav"), "DATA_MISSING", "gone.wav"),
        ((*ROWS[:3], "item1|natural"), "DATA_ROW", "Line 5"),
        ((*ROWS[:3], "|natural|natural/item1.wav"), "DATA_ROW", "Line 5"),
        ((*ROWS[:3], "item1|natural|../../x.wav"), "DATA_PATH", "leaves the folder"),
        ((*ROWS[:3], "item1|\x1b[31mred|natural/item1.wav"), "DATA_ROW", "printable"),
    ],
)
def test_bad_lists(folder: Path, rows: tuple[str, ...], code: str, words: str) -> None:
    with pytest.raises(DataError, match=words) as caught:
        read_clips(listed(folder, *rows))
    assert caught.value.code == code and "\x1b" not in str(caught.value)


def test_bad_heads_and_folders(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"item\|system\|path"):
        read_clips(listed(folder, *ROWS, head="a|b|c"))
    with pytest.raises(DataError, match="cannot be read"):
        read_clips(tmp_path / "nowhere.csv")
    (folder / "ours" / "item1.wav").unlink()
    with pytest.raises(DataError, match="item1 of ours"):
        read_clips(folder)
    shutil.copy(folder / "theirs" / "item1.wav", folder / "ours" / "item0.flac")
    with pytest.raises(DataError, match=r"both 'item0.flac' and 'item0.wav'"):
        read_clips(folder)
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no clips"):
        read_clips(tmp_path / "empty")
    (tmp_path / "empty" / "out").symlink_to(folder / "ours", target_is_directory=True)
    with pytest.raises(DataError, match="is a link out of the folder"):
        read_clips(tmp_path / "empty")
