"""Which clips of a prepared folder a voice is tuned on, and what is said of the others."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from gsv_lab import audio
from gsv_lab.corpora.clip_lists import clip_hash
from gsv_lab.corpora.prepare import prepare
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.texts import add_texts
from gsv_lab.corpora.voice_clips import AGAIN, LeftOut, VoiceClips, read_clips
from gsv_lab.errors import AudioError, ConfigError, DataError

RATE = 8_000
GOOD = "c0.wav|me|en|One.\nc1.wav|me|en|Two.\nc2.wav|me|en|Three.\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three clips of 4 s, and one each that is too long, too short, damaged, empty, silent, copied."""
    path = tmp_path / "prepared"
    path.mkdir()
    lengths = {"c0": 4.0, "c1": 4.0, "c2": 4.0, "long": 31.0, "short": 0.5}
    for seed, (name, seconds) in enumerate(lengths.items()):
        noise = torch.randn(round(seconds * RATE), generator=torch.Generator().manual_seed(seed)) * 0.1
        soundfile.write(path / f"{name}.wav", noise.numpy(), RATE)
    spoilt = 0.1 * torch.ones(4 * RATE)
    spoilt[7:10] = float("nan")
    soundfile.write(path / "nan.wav", spoilt.numpy(), RATE, subtype="FLOAT")
    soundfile.write(path / "silent.wav", torch.zeros(4 * RATE).numpy(), RATE)
    soundfile.write(path / "quiet.wav", torch.randn(4 * RATE).numpy() * 1e-4, RATE)
    soundfile.write(path / "again.flac", soundfile.read(path / "c1.wav", dtype="int16")[0], RATE)
    (path / "damaged.wav").write_bytes(b"RIFF....WAVE")
    (path / "empty.wav").write_bytes(b"")
    return path


def read(folder: Path, content: str, max_seconds: float = 60.0) -> tuple[list[Clip], list[str]]:
    """The clips, and what was warned of."""
    found, said = read_all(folder, content, max_seconds)
    return found.clips, said


def read_all(folder: Path, content: str, max_seconds: float = 60.0) -> tuple[VoiceClips, list[str]]:
    """All that is found, and what was warned of."""
    (folder / "list.txt").write_text(content, encoding="utf-8")
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        found = read_clips(folder, max_seconds)
    return found, [str(one.message) for one in seen]


def test_all_is_well(folder: Path) -> None:
    clips, said = read(folder, GOOD)
    assert [(clip.id, clip.text, clip.split) for clip in clips] == [
        ("c0.wav", "One.", "train"), ("c1.wav", "Two.", "valid"), ("c2.wav", "Three.", "train"),
    ]  # fmt: skip
    assert said == []


@pytest.mark.parametrize(("row", "reason"), [
    ("long.wav|me|en|Four.", "DATA_TOO_LONG: It lasts 31.0 s"),
    ("short.wav|me|en|Four.", "DATA_TOO_SHORT: It lasts 0.5 s"),
    ("damaged.wav|me|en|Four.", "AUDIO_FORMAT: "),
    ("empty.wav|me|en|Four.", "AUDIO_FORMAT: "),
    ("gone.wav|me|en|Four.", "AUDIO_MISSING: "),
    ("nan.wav|me|en|Four.", "AUDIO_NONFINITE: 3 samples"),
    ("silent.wav|me|en|Four.", "AUDIO_SILENT: "),
    ("quiet.wav|me|en|Four.", "AUDIO_SILENT: "),
])  # fmt: skip
@pytest.mark.parametrize("first", [True, False])
def test_one_row_that_cannot_be_read(row: str, reason: str, first: bool, folder: Path) -> None:
    clips, said = read(folder, f"{row}\n{GOOD}" if first else f"{GOOD}{row}\n")
    assert [clip.id for clip in clips] == ["c0.wav", "c1.wav", "c2.wav"] and all(clip.text for clip in clips)
    assert len(said) == 1 and said[0].startswith(f"left out: {row.split('|')[0]}: {reason}")


@pytest.mark.parametrize(("rows", "used", "left", "first"), [
    (f"again.flac|me|en|Two.\n{GOOD}", ["again.flac", "c0.wav", "c2.wav"], "c1.wav", "again.flac"),
    (f"{GOOD}again.flac|me|en|Two.\n", ["c0.wav", "c1.wav", "c2.wav"], "again.flac", "c1.wav"),
])  # fmt: skip
def test_one_sound_in_two_files_is_used_once(rows: str, used: list[str], left: str, first: str, folder: Path) -> None:
    """In another container, too."""
    clips, said = read(folder, rows)
    assert [clip.id for clip in clips] == used
    assert len(said) == 1 and said[0].startswith(f"left out: {left}: DATA_DUPLICATE: It is the same sound as {first}.")


@pytest.mark.parametrize("text", ["Привет мир", "\U0001f600", "…"])
def test_one_text_that_cannot_be_read(text: str, folder: Path) -> None:
    clips, said = read(folder, GOOD.replace("Two.", text))
    assert [clip.id for clip in clips] == ["c0.wav", "c2.wav"]
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
    ("silent.wav|me|en|One.\nquiet.wav|me|en|Two.\n", "DATA_EMPTY", "silent.wav: AUDIO_SILENT"),
    ("nan.wav|me|en|One.\n", "DATA_EMPTY", "nan.wav: AUDIO_NONFINITE"),
    ("c1.wav|me|en|One.\nagain.flac|me|en|Two.\n", "DATA_TOO_SHORT", "holds 4.0 s in 1 of 2 clips"),
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
    assert [clip.id for clip in read(folder, GOOD, max_seconds=9.0)[0]] == ["c0.wav", "c1.wav"]


def test_most_seconds_that_leave_too_little(folder: Path) -> None:
    with pytest.raises(DataError, match=r"Only 4.0 s of 'prepared' fit into 7 s.*at least 5 s") as caught:
        read(folder, GOOD, max_seconds=7.0)
    assert caught.value.code == "DATA_TOO_SHORT"
    for seconds in (0.0, -1.0, float("nan")):
        with pytest.raises(ConfigError, match="max_seconds is") as refused:
            read(folder, GOOD, max_seconds=seconds)
        assert refused.value.code == "PARAM_RANGE"


def test_a_single_clip_is_held_out_too(folder: Path) -> None:
    soundfile.write(folder / "six.wav", torch.randn(6 * RATE).numpy() * 0.1, RATE)
    clips, _ = read(folder, "six.wav|me|en|One.\n")
    assert [(clip.id, clip.split) for clip in clips] == [("six.wav", "train"), (AGAIN, "valid")]


def test_the_report_names_every_clip_that_is_left_out(folder: Path) -> None:
    rows = f"damaged.wav|me|en|One.\n{GOOD}short.wav|me|en|Four.\nagain.flac|me|en|Five.\nlong.wav|me|en|\n"
    found, said = read_all(folder, rows)
    assert [one.path for one in found.left_out] == ["damaged.wav", "short.wav", "again.flac", "long.wav"]
    assert [one.reason.partition(":")[0] for one in found.left_out] == [
        "AUDIO_FORMAT", "DATA_TOO_SHORT", "DATA_DUPLICATE", "DATA_TOO_LONG",
    ]  # fmt: skip
    assert said == [f"left out: {one.path}: {one.reason}" for one in found.left_out]
    assert found.seconds == 12.0 and found.transcribed
    found, _ = read_all(folder, GOOD.replace("Two.", ""))
    assert found.left_out == [LeftOut("c1.wav", "no text, and the other clips have one")]
    found, _ = read_all(folder, GOOD.replace("Two.", "").replace("Three.", ""))
    assert found.left_out == [] and not found.transcribed


def test_clips_of_the_same_name_in_two_folders_keep_their_texts(folder: Path) -> None:
    """Names of clips are keys of a store, under which the texts are kept, too."""
    for name in ("a", "b"):
        (folder / name).mkdir()
        (folder / ("c0.wav" if name == "a" else "c1.wav")).rename(folder / name / "one.wav")
    clips, _ = read(folder, "a/one.wav|me|en|We walk.\nb/one.wav|me|en|They sing a song.\n")
    assert [clip.id for clip in clips] == ["a/one.wav", "b/one.wav"]
    store = ClipStore.pack(folder / "store", clips, decoded, RATE)
    add_texts(store)
    assert len(store.track("spelling", 0)) < len(store.track("spelling", 1))


def test_a_clip_that_nobody_prepared_is_its_own_origin(folder: Path) -> None:
    found, _ = read_all(folder, GOOD)
    first = found.origins[0]
    assert (first.utterance, first.corpus, first.source) == ("c0", "prepared", "")
    assert [one.hash for one in found.origins] == [clip_hash(folder / f"c{n}.wav") for n in range(3)]
    assert [clip.speaker for clip in found.clips] == ["me"] * 3


def test_prepared_clips_name_the_recording_that_they_were_cut_from(tmp_path: Path, sample: Path) -> None:
    """Its name, its folder and its hash; the clip's own hash is that of the levelled slice."""
    spoken = soundfile.read(sample, dtype="int16")[0]
    for folder, name, take in (("chapter 7", "LJ007-0001.wav", spoken[: 16000 * 12]), ("other", "b.flac", spoken)):
        (tmp_path / "corpus" / folder).mkdir(parents=True)
        soundfile.write(tmp_path / "corpus" / folder / name, take, 16000)
    prepare([tmp_path / "corpus"], tmp_path / "p")
    found = read_clips(tmp_path / "p", 1000.0)
    files = [tmp_path / "corpus" / "chapter 7" / "LJ007-0001.wav", tmp_path / "corpus" / "other" / "b.flac"]
    hashes = {(path.stem, path.parent.name): clip_hash(path) for path in files}
    assert {(one.utterance, one.corpus) for one in found.origins} == hashes.keys()
    for clip, one in zip(found.clips, found.origins, strict=True):
        assert one.source == hashes[one.utterance, one.corpus]
        assert one.hash == clip_hash(clip.path) != one.source and clip.id.startswith(f"slices/{one.utterance}_")
    # A report of a version that kept no hashes, and one that cannot be read.
    report = json.loads((tmp_path / "p" / "report.json").read_text(encoding="utf-8"))
    for piece in report["slices"]:
        del piece["corpus"], piece["source_hash"]
    (tmp_path / "p" / "report.json").write_text(json.dumps(report), encoding="utf-8")
    older = read_clips(tmp_path / "p", 1000.0).origins
    assert [(one.utterance, one.corpus, one.source) for one in older] == [(o.utterance, "", "") for o in found.origins]
    (tmp_path / "p" / "report.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_clips(tmp_path / "p", 1000.0)
    assert caught.value.code == "DATA_REPORT"


def decoded(path: Path) -> np.ndarray:
    samples: np.ndarray = audio.read(path).samples.numpy()
    return samples


def test_a_store_leaves_out_what_cannot_be_decoded(folder: Path, tmp_path: Path) -> None:
    names = ("c0", "damaged", "c1", "empty")
    clips = [Clip(name, folder / f"{name}.wav", "me", "en", name) for name in names]
    with pytest.warns(UserWarning) as seen:
        store = ClipStore.pack(tmp_path / "store", clips, decoded, RATE)
    assert [row.id for row in store.rows] == ["c0", "c1"] and len(store.wave(1)) == 4 * RATE
    assert np.abs(store.wave(1) - decoded(folder / "c1.wav")).max() < 1e-4
    said = [str(one.message) for one in seen]
    assert [line.split(": ")[1:3] for line in said] == [["damaged.wav", "AUDIO_FORMAT"], ["empty.wav", "AUDIO_FORMAT"]]
    with pytest.raises(AudioError), pytest.warns(UserWarning):
        ClipStore.pack(tmp_path / "none", [clips[1]], decoded, RATE)
