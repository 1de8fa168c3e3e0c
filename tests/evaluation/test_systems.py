"""Systems: folders of waves, manifests, natural recordings and kept conditions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from gsv_lab.audio import read_mark
from gsv_lab.errors import DataError, TextError
from gsv_lab.evaluation.conditions import Condition
from gsv_lab.evaluation.lists import Clip, Item, read_list, read_texts
from gsv_lab.evaluation.systems import NotSpoken, Sample, condition_system, folder_system, natural_system

from .makers import RATE, tone, toy_list

ITEMS = [Item("one", "", "en", "a text"), Item("two", "", "en", "")]


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for number, name in enumerate(names):
        soundfile.write(path / name, tone(100.0 + 50 * number, 0.2), RATE)
    return path


def test_waves_are_found_by_their_stems(tmp_path: Path) -> None:
    found = folder_system(folder(tmp_path / "ours", "one.wav", "three.flac", ".two.wav"), ITEMS)
    assert (found.name, found.missing, found.extra) == ("ours", ("two",), ("three",))
    (sample,) = found.samples
    assert (sample.system, sample.item, sample.seed, sample.text) == ("ours", ITEMS[0], None, "a text")
    recording = sample.read()
    assert recording is not None and recording.samples.numel() == RATE // 5


def test_another_wave_is_another_sound(tmp_path: Path) -> None:
    ours = folder(tmp_path / "ours", "one.wav", "two.wav")
    before = {sample.item.name: sample.sound for sample in folder_system(ours, ITEMS).samples}
    soundfile.write(ours / "one.wav", tone(300.0, 0.2), RATE)
    after = {sample.item.name: sample.sound for sample in folder_system(ours, ITEMS).samples}
    assert after["two"] == before["two"] and after["one"] != before["one"]
    assert before["one"] != before["two"]


def test_manifest_names_items_and_seeds(tmp_path: Path) -> None:
    ours = folder(tmp_path / "ours", "a.wav", "b.wav", "c.wav")
    (ours / "manifest.csv").write_bytes(b"\xef\xbb\xbfitem,file,seed\r\none,a.wav,0\r\none,b.wav,1\r\ntwo,c.wav,\r\n")
    found = folder_system(ours, ITEMS, "other name")
    assert found.name == "other name"
    assert [(sample.item.name, sample.seed) for sample in found.samples] == [("one", 0), ("one", 1), ("two", None)]
    assert found.samples[1].path == (ours / "b.wav").resolve()


@pytest.mark.parametrize(
    ("code", "manifest"),
    [
        ("DATA_ROW", "item;file\none;a.wav\n"),
        ("DATA_ROW", "item,file,seed\none,a.wav\n"),
        ("DATA_ROW", "item,file,seed\none,a.wav,first\n"),
        ("DATA_ROW", "item,file,seed\n,a.wav,0\n"),
        ("DATA_ROW", "item,file\none,\xff\n"),
        ("DATA_PATH", "item,file\none,../outside.wav\n"),
        ("DATA_PATH", "item,file\none,/etc/hostname\n"),
        ("DATA_MISSING", "item,file\none,absent.wav\n"),
        ("DATA_DUPLICATE", "item,file,seed\none,a.wav,1\none,a.wav,1\n"),
        ("DATA_MISSING", "item,file\nelse,a.wav\n"),
    ],
)
def test_broken_manifest(tmp_path: Path, code: str, manifest: str) -> None:
    ours = folder(tmp_path / "ours", "a.wav")
    soundfile.write(tmp_path / "outside.wav", tone(100.0, 0.1), RATE)
    (ours / "manifest.csv").write_bytes(manifest.encode("latin-1"))
    with pytest.raises(DataError) as caught:
        folder_system(ours, ITEMS)
    assert caught.value.code == code


def test_folders_that_are_none(tmp_path: Path) -> None:
    cases = {"absent": "DATA_MISSING", "empty": "DATA_MISSING", "doubled": "DATA_DUPLICATE"}
    folder(tmp_path / "empty")
    folder(tmp_path / "doubled", "one.wav", "one.flac")
    for name, code in cases.items():
        with pytest.raises(DataError) as caught:
            folder_system(tmp_path / name, ITEMS)
        assert caught.value.code == code


def test_natural_recordings_and_what_has_none(tmp_path: Path) -> None:
    items = [*read_list(toy_list(tmp_path)).items, ITEMS[0]]
    found = natural_system(items)
    assert (found.name, len(found.samples), found.missing) == ("natural", 8, ("one",))
    assert found.samples[0].source == items[0].target


def speaking(spoken: list[str], wave: np.ndarray | None, seeded: bool = True) -> Condition:
    def speak(target: Clip, reference: Clip, seed: int) -> np.ndarray | None:
        spoken.append(f"{target.key} {seed}")
        if target.speaker == "dan":
            raise TextError("TEXT_EMPTY", "nothing to say")
        return wave

    return Condition("zero_shot", speak, seeded, identity="weights 1")


def test_a_condition_speaks_once_and_keeps_its_waves(tmp_path: Path) -> None:
    items = read_list(toy_list(tmp_path)).items
    spoken: list[str] = []

    def system(condition: Condition, seeds: tuple[int, ...] = (0, 1)) -> tuple[Sample, ...]:
        return condition_system(condition, items, seeds, tmp_path / "waves", "toy-1").samples

    first = system(speaking(spoken, tone(200.0)))
    assert [sample.seed for sample in first[:2]] == [0, 1] and len({sample.sound for sample in first}) == 16
    recording = first[0].read()
    assert recording is not None and recording.samples.numel() == RATE // 2
    mark = read_mark(first[0].path or "")
    assert mark is not None and (mark.model, mark.voice, mark.settings["sound"]) == ("toy-1", "ann", first[0].sound)
    first[0].read()
    assert len(spoken) == 1, "the wave was kept"
    assert first[0].path is not None
    first[0].path.write_bytes(b"RIFF")
    first[0].read()
    assert len(spoken) == 2, "what cannot be read is made again"
    other = Condition("zero_shot", speaking(spoken, tone(200.0)).speak, identity="weights 2")
    system(other)[0].read()
    assert len(spoken) == 3, "other weights speak themselves"
    with pytest.raises(NotSpoken) as caught:
        first[-1].read()
    assert caught.value.code == "TEXT_EMPTY"
    assert [sample.seed for sample in system(speaking([], None, seeded=False))] == [None] * 8
    assert system(speaking([], None))[0].read() is None


def test_conditions_need_both_recordings(tmp_path: Path) -> None:
    listed = tmp_path / "texts.tsv"
    listed.write_text("one\ten\thello\n")
    with pytest.raises(DataError, match="one") as caught:
        condition_system(speaking([], None), read_texts(listed).items, (0,), tmp_path, "toy-1")
    assert caught.value.code == "DATA_MISSING"
