"""Which clips of a prepared folder a voice is tuned on, and what is said of the others."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest
import soundfile
import torch

from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.voice_clips import AGAIN, read_clips
from gsv_lab.errors import AudioError, DataError

RATE = 8_000
GOOD = "c0.wav|me|en|One.\nc1.wav|me|en|Two.\nc2.wav|me|en|Three.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three clips of 4 s, and one each that is too long, too short, damaged, empty."""
    path = tmp_path / "prepared"
    path.mkdir()
    lengths = {"c0": 4.0, "c1": 4.0, "c2": 4.0, "long": 31.0, "short": 0.5}
    for seed, (name, seconds) in enumerate(lengths.items()):
        noise = torch.randn(round(seconds * RATE), generator=torch.Generator().manual_seed(seed)) * 0.1
        soundfile.write(path / f"{name}.wav", noise.numpy(), RATE)
    (path / "damaged.wav").write_bytes(b"RIFF....WAVE")
    (path / "empty.wav").write_bytes(b"")
    return path


def read(folder: Path, content: str, max_seconds: float = 60.0) -> tuple[list[Clip], list[str]]:
    """The clips, and what was warned of."""
    (folder / "list.txt").write_text(content, encoding="utf-8")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        clips = read_clips(folder, max_seconds)
    return clips, [str(one.message) for one in seen]


def test_all_is_well(folder: Path) -> None:
    clips, said = read(folder, GOOD)
    assert [(clip.id, clip.text, clip.split) for clip in clips] == [
        ("c0", "One.", "train"), ("c1", "Two.", "valid"), ("c2", "Three.", "train"),
    ]  # fmt: skip
    assert said == []


@pytest.mark.parametrize(("row", "reason"), [
    ("long.wav|me|en|Four.", "DATA_TOO_LONG: It lasts 31.0 s"),
    ("short.wav|me|en|Four.", "DATA_TOO_SHORT: It lasts 0.5 s"),
    ("damaged.wav|me|en|Four.", "AUDIO_FORMAT: "),
    ("empty.wav|me|en|Four.", "AUDIO_FORMAT: "),
    ("gone.wav|me|en|Four.", "AUDIO_MISSING: "),
])  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_one_row_that_cannot_be_read(row: str, reason: str, first: bool, folder: Path) -> None:
    clips, said = read(folder, f"{row}\n{GOOD}" if first else f"{GOOD}{row}\n")
    assert [clip.id for clip in clips] == ["c0", "c1", "c2"] and all(clip.text for clip in clips)
    assert len(said) == 1 and said[0].startswith(f"left out: {row.split('|')[0]}: {reason}")


@pytest.mark.parametrize("text", ["Привет мир", "\U0001f600", "…"])
def test_one_text_that_cannot_be_read(text: str, folder: Path) -> None:
    clips, said = read(folder, GOOD.replace("Two.", text))
    assert [clip.id for clip in clips] == ["c0", "c2"]
    assert len(said) == 1 and said[0].startswith("left out: c1.wav: TEXT_")


def test_one_text_that_is_missing_does_not_drop_the_others(folder: Path) -> None:
    clips, said = read(folder, GOOD.replace("Two.", ""))
    assert [clip.text for clip in clips] == ["One.", "Three."]
    assert said == ["left out: c1.wav: no text, and the other clips have one"]


def test_too_few_texts_are_not_used(folder: Path) -> None:
    clips, said = read(folder, GOOD.replace("Two.", "").replace("Three.", ""))
    assert [clip.text for clip in clips] == ["", "", ""]
    assert len(said) == 1 and "the texts are not used" in said[0] and "c1.wav, c2.wav" in said[0]


def test_no_text_at_all_is_as_good(folder: Path) -> None:
    clips, said = read(folder, GOOD.replace("One.", "").replace("Two.", "").replace("Three.", ""))
    assert len(clips) == 3 and said == []


@pytest.mark.parametrize("speakers", [("me", "you", "me"), ("a", "b", "c")])
def test_several_people(speakers: tuple[str, ...], folder: Path) -> None:
    rows = "".join(f"c{n}.wav|{name}|en|One.\n" for n, name in enumerate(speakers))
    with pytest.raises(DataError, match=f"{len(set(speakers))} speakers: ") as caught:
        read(folder, rows)
    assert caught.value.code == "DATA_SPEAKERS"


def test_one_person_in_two_spellings(folder: Path) -> None:
    assert len(read(folder, GOOD.replace("c1.wav|me", "c1.wav|Me"))[0]) == 3


@pytest.mark.parametrize(("rows", "code", "words"), [
    ("long.wav|me|en|One.\n", "DATA_EMPTY", "long.wav: DATA_TOO_LONG: It lasts 31.0 s"),
    ("damaged.wav|me|en|One.\n", "DATA_EMPTY", "damaged.wav: AUDIO_FORMAT"),
    ("c0.wav|me|en|One.\n", "DATA_TOO_SHORT", "'prepared' holds 4.0 s."),
    ("c0.wav|me|en|One.\nlong.wav|me|en|Two.\n", "DATA_TOO_SHORT", "holds 4.0 s in 1 of 2 clips"),
])  # fmt: skip
def test_too_little_is_left(rows: str, code: str, words: str, folder: Path) -> None:
    with pytest.raises(DataError) as caught:
        read(folder, rows)
    assert caught.value.code == code and words in str(caught.value)
    assert str(folder.parent) not in str(caught.value)


def test_no_list(folder: Path) -> None:
    with pytest.raises(DataError, match="gsv-lab prepare") as caught:
        read_clips(folder, 60.0)
    assert caught.value.code == "DATA_MISSING"


def test_most_seconds(folder: Path) -> None:
    assert [clip.id for clip in read(folder, GOOD, max_seconds=9.0)[0]] == ["c0", "c1"]


def test_a_single_clip_is_held_out_too(folder: Path) -> None:
    soundfile.write(folder / "six.wav", torch.randn(6 * RATE).numpy() * 0.1, RATE)
    clips, _ = read(folder, "six.wav|me|en|One.\n")
    assert [(clip.id, clip.split) for clip in clips] == [("six", "train"), (AGAIN, "valid")]


def test_a_store_leaves_out_what_cannot_be_decoded(folder: Path, tmp_path: Path) -> None:
    import numpy as np

    from gsv_lab import audio

    def decode(path: Path) -> np.ndarray:
        samples: np.ndarray = audio.read(path).samples.numpy()
        return samples

    names = ("c0", "damaged", "c1", "empty")
    clips = [Clip(name, folder / f"{name}.wav", "me", "en", name) for name in names]
    with pytest.warns(UserWarning) as seen:
        store = ClipStore.pack(tmp_path / "store", clips, decode, RATE)
    assert [row.id for row in store.rows] == ["c0", "c1"] and len(store.wave(1)) == 4 * RATE
    assert np.abs(store.wave(1) - decode(folder / "c1.wav")).max() < 1e-4
    said = [str(one.message) for one in seen]
    assert [line.split(": ")[1:3] for line in said] == [["damaged.wav", "AUDIO_FORMAT"], ["empty.wav", "AUDIO_FORMAT"]]
    with pytest.raises(AudioError), pytest.warns(UserWarning):
        ClipStore.pack(tmp_path / "none", [clips[1]], decode, RATE)
