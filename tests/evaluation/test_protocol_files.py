"""Lists in the form of seed-tts-eval: read, written, and every way in which they can be wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile

from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.errors import AudioError, ConfigError, LabError
from gsv_lab.evaluation.items import Clip, Item, TestList
from gsv_lab.evaluation.lists import read_list, with_folders
from gsv_lab.evaluation.protocol_files import CARD, write_protocol, write_seed_tts
from gsv_lab.evaluation.protocols import Protocol

from .makers import tone, toy_list

ROWS = ("u1|spoken before|prompt-wavs/p1.wav|one two", "u2|spoken before|prompt-wavs/p1.wav|three")


def sounds(folder: Path, *names: str) -> Path:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        soundfile.write(path, tone(150 + 10 * number, 0.3), 16000, subtype="PCM_16")
    return folder


def meta(folder: Path, *rows: str, name: str = "meta.lst") -> Path:
    """A list in the folder of its language, with the recordings that the rows name."""
    sounds(folder, "prompt-wavs/p1.wav", "prompt-wavs/p2.wav", "wavs/u1.wav", "wavs/u2.wav")
    (folder / name).write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder / name


def test_rows_of_four_and_five_fields(tmp_path: Path) -> None:
    path = meta(tmp_path / "en", ROWS[0], "", f"{ROWS[1]}|wavs/u2.wav")
    first, second = read_list(path).items
    assert (first.name, first.speaker, first.language, first.text, first.target) == ("u1", "", "en", "one two", None)
    assert (first.reference.text, first.reference.path.name) == ("spoken before", "p1.wav")
    assert (second.target.path.name, second.target.text) == ("u2.wav", "three")
    windows = tmp_path / "en" / "windows.lst"
    windows.write_bytes(b"\xef\xbb\xbf" + path.read_bytes().replace(b"\n", b"\r\n"))
    assert read_list(windows).items == (first, second)
    filled = with_folders(read_list(path), None, tmp_path / "en" / "wavs").items
    assert [item.target.path.name for item in filled] == ["u1.wav", "u2.wav"]


def test_the_language_is_given_or_the_name_of_the_folder(tmp_path: Path) -> None:
    assert read_list(meta(tmp_path / "zh", *ROWS)).items[0].language == "zh"
    other = meta(tmp_path / "set", *ROWS)
    assert read_list(other, language="zh").items[0].reference.language == "zh"
    with pytest.raises(LabError, match="Give --language") as refused:
        read_list(other)
    assert refused.value.code == "LANG_UNKNOWN"
    with pytest.raises(ConfigError) as refused:
        read_list(toy_list(tmp_path), language="en")
    assert refused.value.code == "USAGE"


@pytest.mark.parametrize(
    ("code", "row"),
    [
        ("DATA_ROW", "u3|spoken|three"),
        ("DATA_ROW", "u3|spoken|prompt-wavs/p2.wav|three|wavs/u1.wav|more"),
        ("DATA_ROW", "u3|spoken|prompt-wavs/p2.wav| "),
        ("DATA_ROW", "|spoken|prompt-wavs/p2.wav|three"),
        ("DATA_ROW", "a/b|spoken|prompt-wavs/p2.wav|three"),
        ("DATA_PATH", "u3|spoken||three"),
        ("DATA_PATH", "u3|spoken|../outside.wav|three"),
        ("DATA_PATH", "u3|spoken|/etc/hostname.wav|three"),
        ("DATA_PATH", "u3|spoken|prompt-wavs/p2.wav|three|../outside.wav"),
        ("DATA_MISSING", "u3|spoken|prompt-wavs/absent.wav|three"),
        ("DATA_MISSING", "u3|spoken|prompt-wavs/p2.wav|three|wavs/absent.wav"),
        ("DATA_DUPLICATE", "u1|spoken|prompt-wavs/p2.wav|three"),
        ("DATA_LEAK", "u3|spoken|prompt-wavs/p2.wav|three|prompt-wavs/p2.wav"),
    ],
)
def test_bad_rows(tmp_path: Path, code: str, row: str) -> None:
    sounds(tmp_path, "outside.wav")
    with pytest.raises(LabError) as refused:
        read_list(meta(tmp_path / "en", ROWS[0], row))
    assert refused.value.code == code
    if code in ("DATA_ROW", "DATA_PATH"):
        assert "Line 2" in str(refused.value)


def test_other_text_is_refused(tmp_path: Path) -> None:
    path = meta(tmp_path / "en", ROWS[0])
    path.write_bytes(path.read_bytes() + b"u2|\xff|prompt-wavs/p1.wav|three\n")
    with pytest.raises(LabError, match="Line 2 is not UTF-8"):
        read_list(path)
    recordings = meta(tmp_path / "en", "wavs/u1.wav|ann|en|one two", name="list.txt")
    with pytest.raises(LabError, match="Line 1 has other columns") as refused:
        read_list(recordings)
    assert refused.value.code == "DATA_ROW"


def test_voice_conversion_lists_have_no_natural_recordings(tmp_path: Path) -> None:
    """Their fifth field is another speaker, so that it is neither target nor ceiling."""
    path = meta(tmp_path / "en", f"{ROWS[0]}|wavs/u1.wav", name="non_para_reconstruct_meta.lst")
    with pytest.warns(UserWarning, match="another speaker"):
        assert read_list(path).items[0].target is None


def test_any_list_is_written_in_this_form_and_read_again(tmp_path: Path) -> None:
    given = read_list(toy_list(tmp_path))
    folder = write_seed_tts(given, tmp_path / "out")
    again = [item for language in ("en", "zh") for item in read_list(folder / language / "meta.lst").items]
    assert len(again) == 8
    for new, old in zip(again, given.items, strict=True):
        assert (new.name, new.language, new.text, new.speaker) == (old.name, old.language, old.text, "")
        assert new.reference.text == old.reference.text and new.target.path.name == f"{old.name}.wav"
        assert clip_hash(new.target.path) == clip_hash(old.target.path)
        assert clip_hash(new.reference.path) == clip_hash(old.reference.path)
    card = json.loads((folder / CARD).read_text(encoding="utf-8"))
    assert card["list"]["en"]["items"] == 4 and len(card["clips"]) == 2 + 4 + 2 + 4


def test_samples_of_flac_stay_and_names_that_clash_are_told_apart(tmp_path: Path) -> None:
    items = []
    for number, speaker in enumerate(("ann", "bob")):
        path = tmp_path / speaker / "same.flac"
        path.parent.mkdir()
        soundfile.write(path, tone(200.0 + number), 22050)
        items.append(Item(f"item{number}", speaker, "en", "one", Clip(path, path.name, speaker, "en", "before")))
    written = read_list(write_seed_tts(TestList("x", "0", tuple(items)), tmp_path / "out") / "en" / "meta.lst")
    assert [item.reference.path.name for item in written.items] == ["same.wav", "same_2.wav"]
    for new, old in zip(written.items, items, strict=True):
        assert clip_hash(new.reference.path) == clip_hash(old.reference.path)
        assert soundfile.info(new.reference.path).samplerate == 22050
    both = write_protocol(Protocol("cross-lingual", "x", tuple(items)), tmp_path / "second")
    assert [item.reference.path.name for item in read_list(both / "list.csv").items] == ["same.flac", "same_2.flac"]


def test_nothing_is_left_of_what_cannot_be_written(tmp_path: Path) -> None:
    given = read_list(toy_list(tmp_path))
    with pytest.raises(LabError, match="1 items .* first 'x'") as refused:
        write_seed_tts(replace(given, items=(*given.items, Item("x", "ann", "en", "one"))), tmp_path / "out")
    assert refused.value.code == "DATA_MISSING"
    barred = replace(given, items=(replace(given.items[0], text="one|two"),))
    for write in (write_seed_tts, lambda bad, folder: write_protocol(Protocol("p", "x", bad.items), folder)):
        with pytest.raises(LabError) as refused:
            write(barred, tmp_path / "out")
        assert refused.value.code == "DATA_ROW"
    given.items[3].target.path.write_bytes(b"RIFF")
    with pytest.raises(AudioError) as refused:
        write_seed_tts(given, tmp_path / "out")
    assert refused.value.code == "AUDIO_FORMAT" and given.items[3].target.path.name in str(refused.value)
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "mine.txt").write_text("mine")
    with pytest.raises(LabError) as refused:
        write_seed_tts(replace(given, items=given.items[:1]), tmp_path / "taken")
    assert refused.value.code == "OUTPUT_EXISTS"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["clips", "lists", "taken"]


def test_edges_of_silence_and_level_stay(tmp_path: Path) -> None:
    path = tmp_path / "quiet.wav"
    wave = np.concatenate([np.zeros(800, np.int16), np.full(800, 3, np.int16)])
    soundfile.write(path, wave, 48000)
    given = TestList("x", "0", (Item("a", "", "zh", "好", Clip(path, "quiet.wav", "", "zh", "")),))
    folder = write_seed_tts(given, tmp_path / "out")
    read, rate = soundfile.read(folder / "zh" / "prompt-wavs" / "quiet.wav", dtype="int16")
    assert rate == 48000 and np.array_equal(read, wave)
