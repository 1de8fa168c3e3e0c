"""Training material in test lists: found by name and by hash, refused, or warned of where it served choices."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import soundfile

from gsv_lab.corpora.clip_lists import ListedClip, clip_hash, read_list, write_list
from gsv_lab.errors import AudioError, DataError
from gsv_lab.evaluation.items import Clip, Item, TestList
from gsv_lab.evaluation.lists import read_list as read_test_list
from gsv_lab.evaluation.overlap import refuse_overlap, refuse_tuning_overlap
from gsv_lab.inference.family import Family
from gsv_lab.inference.loading import load_family
from gsv_lab.inference.voice_checks import TunedClip
from source import ROOT
from tiny import make_family

from .makers import RATE, tone


def clip(path: Path, hertz: float = 200.0) -> Clip:
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, (tone(hertz, 0.2) * 32767).astype("int16"), RATE)
    return Clip(path, path.name, "ann", "en", "one")


def listed(*clips: Clip, references: bool = False) -> TestList:
    """A list with the clips as targets or references."""
    items = []
    for number, each in enumerate(clips):
        items.append(Item(f"i{number}", "ann", "en", "one", **{"reference" if references else "target": each}))
    return TestList("some.csv", "0", tuple(items))


def training(folder: Path, *rows: tuple[str, str, str, str]) -> Path:
    """A training list of (clip, corpus, split, hash)."""
    full = [ListedClip(name, corpus, "s", "en", split, 1.0, sound) for name, corpus, split, sound in rows]
    return write_list(folder / "train.csv", full)


def outcome(test_list: TestList, *paths: Path) -> str:
    """`refused`, `warned` or `passed`."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            refuse_overlap(test_list, paths)
        except DataError as error:
            assert error.code == "DATA_LEAK"
            return "refused"
    return "warned" if any("DATA_LEAK" in str(warning.message) for warning in caught) else "passed"


@pytest.mark.parametrize("references", [False, True])
@pytest.mark.parametrize(
    ("split", "expected"),
    [("train", "refused"), ("valid", "warned"), ("dev_speaker", "warned"), ("valid_speaker", "passed")],
)
def test_names_and_hashes_by_split(tmp_path: Path, split: str, expected: str, references: bool) -> None:
    named = clip(tmp_path / "84-121123-0001.flac")
    copied = clip(tmp_path / "renamed.wav", 300.0)
    other = clip(tmp_path / "other.wav", 400.0)
    by_name = training(tmp_path, ("84-121123-0001", "librispeech", split, "file:00"))
    assert outcome(listed(other, named, references=references), by_name) == expected
    assert outcome(listed(other, copied, references=references), by_name) == "passed"
    by_hash = training(tmp_path, ("x", "librispeech", split, clip_hash(copied.path)))
    assert outcome(listed(other, copied, references=references), by_hash) == expected
    assert outcome(listed(other, named, references=references), by_hash) == "passed"


def test_the_same_samples_in_another_container_are_found(tmp_path: Path) -> None:
    wave = clip(tmp_path / "a.wav")
    flac = clip(tmp_path / "b.flac")
    path = training(tmp_path, ("x", "c", "train", clip_hash(wave.path)))
    assert outcome(listed(flac), path) == "refused"
    lossy = clip(tmp_path / "c.ogg")
    moved = Path(shutil.copy(lossy.path, tmp_path / "d.ogg"))
    path = training(tmp_path, ("x", "c", "train", clip_hash(lossy.path)))
    assert outcome(listed(Clip(moved, "d.ogg", "ann", "en", "one")), path) == "refused"


def test_names_that_are_numbers_need_their_corpus(tmp_path: Path) -> None:
    path = training(tmp_path, ("000240031", "speechocean", "train", "file:00"))
    assert outcome(listed(clip(tmp_path / "mine" / "000240031.wav")), path) == "passed"
    assert outcome(listed(clip(tmp_path / "SpeechOcean762" / "000240031.WAV")), path) == "refused"


def test_the_error_counts_and_names(tmp_path: Path) -> None:
    clips = [clip(tmp_path / f"u-{number}.wav", 200 + number) for number in range(7)]
    path = training(tmp_path, *((f"U-{number}", "c", "train", "file:00") for number in range(7)))
    with pytest.raises(DataError, match=r"7 clips \(u-0.wav, .*, u-4.wav \.\.\.\) of 'some.csv' trained the model"):
        refuse_overlap(listed(*clips, clips[0]), path)


def test_lossless_clips_are_decoded_only_where_it_may_help(tmp_path: Path) -> None:
    broken = tmp_path / "broken.wav"
    broken.write_bytes(b"RIFF")
    given = listed(Clip(broken, "broken.wav", "ann", "en", "one"))
    assert outcome(given, training(tmp_path, ("x", "c", "train", "file:00"))) == "passed"
    with pytest.raises(AudioError) as refused:
        refuse_overlap(given, training(tmp_path, ("x", "c", "train", "pcm:00")))
    assert refused.value.code == "AUDIO_FORMAT"


def test_other_lists_are_no_training_lists(tmp_path: Path) -> None:
    given = listed(clip(tmp_path / "a.wav"))
    with pytest.raises(DataError) as refused:
        refuse_overlap(given, ROOT / "data" / "dev_list.csv")
    assert refused.value.code == "DATA_ROW" and "no training list" in str(refused.value)
    with pytest.raises(DataError) as refused:
        refuse_overlap(given, tmp_path / "absent.csv")
    assert refused.value.code == "DATA_MISSING"


def test_by_default_nanos_own_lists_are_heeded(tmp_path: Path) -> None:
    rows = [row for row in read_list(ROOT / "data" / "nano_train.csv") if isinstance(row, ListedClip)]
    named = {row.split: row for row in rows if row.corpus in ("librispeech", "aishell3")}
    for split, expected in (("train", "refused"), ("valid", "warned"), ("valid_speaker", "passed")):
        assert outcome(listed(clip(tmp_path / f"{named[split].clip}.flac"))) == expected
    development = read_list(ROOT / "data" / "dev_list.csv")[0]
    for name in (development.target, development.reference):
        assert outcome(listed(clip(tmp_path / f"{name}.flac"))) == "warned"


def tuned(*clips: TunedClip) -> dict[str, Sequence[TunedClip]]:
    return {"ann": clips}


def test_what_tuned_a_voice_is_no_target(tmp_path: Path) -> None:
    """Known by the hash of the clip, by that of the recording that it was cut from, or by the name of its utterance."""
    first, second = clip(tmp_path / "a.wav"), clip(tmp_path / "b.wav", 300.0)
    copied = clip_hash(clip(tmp_path / "c.flac").path)
    ways = {
        "clip": TunedClip("x", "c", copied),
        "source": TunedClip("x", "c", "pcm:00", copied),
        "name": TunedClip("A", "c", "pcm:00", "pcm:01"),
    }
    for way in ways.values():
        with pytest.raises(DataError, match=r"1 clip \(a.wav\) of 'some.csv' tuned the voice") as refused:
            refuse_tuning_overlap(listed(second, first), tuned(TunedClip("y", "c", "pcm:02"), way))
        assert refused.value.code == "DATA_LEAK"
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            refuse_tuning_overlap(listed(second), tuned(way))
            refuse_tuning_overlap(listed(first, references=True), tuned(way))
            refuse_tuning_overlap(listed(first), {"bob": (way,)})  # who speaks none of the targets


@pytest.mark.parametrize(("corpus", "leaks"), [("SPEAKER24", True), ("mine", False)])
def test_tuned_utterances_that_are_numbers_need_their_folder(corpus: str, leaks: bool, tmp_path: Path) -> None:
    target = listed(clip(tmp_path / "Speaker24" / "000240031.wav"))
    voice = tuned(TunedClip("000240031", corpus, "pcm:00"))
    if leaks:
        with pytest.raises(DataError, match="tuned the voice"):
            refuse_tuning_overlap(target, voice)
    else:
        refuse_tuning_overlap(target, voice)


def test_a_lossy_copy_of_what_tuned_a_voice_is_found(tmp_path: Path) -> None:
    target = clip(tmp_path / "a.ogg")
    with pytest.raises(DataError, match="tuned the voice"):
        refuse_tuning_overlap(listed(target), tuned(TunedClip("x", "c", "pcm:00", clip_hash(target.path))))


def test_a_voice_that_does_not_say_what_tuned_it_is_warned_of(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="DATA_LEAK: The voices of ann do not say which clips tuned them"):
        refuse_tuning_overlap(listed(clip(tmp_path / "a.wav")), {**tuned(), "bob": ()})


def test_a_family_names_its_lists(tmp_path: Path) -> None:
    """In its card: a file beside it goes before one that comes with the kit."""
    family = Family("own-1", tmp_path, **dict.fromkeys(("synthesizer", "sampling"), Any), noise_scale=0.0,
                    max_codes_per_phone=1.0, card={"training_lists": ["nano_train.csv", "../train.csv"]})  # fmt: skip
    own = training(tmp_path, ("u-1", "c", "train", "file:00"))
    assert family.training_lists == [ROOT / "data" / "nano_train.csv", own]
    assert outcome(listed(clip(tmp_path / "u-1.wav")), *family.training_lists) == "refused"
    assert load_family("nano").training_lists == [ROOT / "data" / name for name in ("nano_train.csv", "dev_list.csv")]
    assert load_family(str(make_family(tmp_path / "tiny"))).training_lists == []


def test_the_lists_of_the_project_against_nano(shared: Path, tmp_path: Path) -> None:
    assert outcome(read_test_list(shared / "speech" / "evaluation_list.csv")) == "passed"
    assert outcome(read_test_list(shared / "speech" / "dev_list.csv")) == "warned"
    row = next(row for row in read_list(ROOT / "data" / "nano_train.csv") if isinstance(row, ListedClip))
    (found,) = (shared / "speech_train").rglob(f"{row.clip}.*")
    renamed = Path(shutil.copy(found, tmp_path / f"mine{found.suffix}"))
    assert outcome(listed(Clip(renamed, "mine", "ann", "zh", "x"))) == "refused"
