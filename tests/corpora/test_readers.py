"""Every corpus layout, written small, read back."""

from __future__ import annotations

import warnings
from pathlib import Path

import pytest

from gsv_lab.corpora.readers import read
from gsv_lab.errors import DataError


def put(path: Path, text: str = "sound") -> Path:
    """A file; readers look only whether there is something in it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def ljspeech(root: Path) -> None:
    put(root / "metadata.csv", "LJ001-0001|Dr. No|Doctor No\nLJ001-0002|a|b\n")
    put(root / "wavs" / "LJ001-0001.wav")
    put(root / "wavs" / "LJ001-0002.wav")


def vctk(root: Path) -> None:
    put(root / "txt/p225/p225_001.txt", "Please call Stella.")
    put(root / "wav48_silence_trimmed/p225/p225_001_mic1.flac")
    put(root / "txt/p225/p225_002.txt", "No recording of this.")


def librispeech(root: Path) -> None:
    put(root / "train/84/121/84-121-0000.flac")
    put(root / "train/84/121/84-121.trans.txt", "84-121-0000 GO DO YOU HEAR\n")


def libritts(root: Path) -> None:
    put(root / "train/84/121/84_121_000001_000000.wav")
    put(root / "train/84/121/84_121_000001_000000.normalized.txt", "Go! Do you hear?")


def aishell3(root: Path) -> None:
    put(root / "train/wav/SSB0005/SSB00050001.wav")
    put(root / "train/content.txt", "SSB00050001.wav\t广 guang3 州 zhou1\n")


def table(root: Path) -> None:
    put(root / "a/x.opus")
    head = "path|speaker|language|text|seconds|sample_rate|corpus|gender|split\n"
    put(root / "metadata.csv", head + 'a/x.opus|a|zh|他说"好"|1.2|16000|made|F|valid\n')


@pytest.mark.parametrize(
    ("layout", "speaker", "language", "text", "ending"),
    [
        (ljspeech, "LJ", "en", "Doctor No", "wavs/LJ001-0001.wav"),
        (vctk, "p225", "en", "Please call Stella.", "p225_001_mic1.flac"),
        (librispeech, "84", "en", "go do you hear", "84-121-0000.flac"),
        (libritts, "84", "en", "Go! Do you hear?", "84_121_000001_000000.wav"),
        (aishell3, "SSB0005", "zh", "广州", "wav/SSB0005/SSB00050001.wav"),
        (table, "a", "zh", '他说"好"', "a/x.opus"),
    ],
)
def test_layout(tmp_path: Path, layout, speaker: str, language: str, text: str, ending: str) -> None:  # noqa: ANN001
    layout(tmp_path)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # VCTK's has a text too many
        clip = read(tmp_path)[0]
    assert (clip.speaker, clip.language, clip.text) == (speaker, language, text)
    assert clip.path.as_posix().endswith(ending)
    assert clip.split == ("valid" if layout is table else "train")


def test_a_vctk_text_without_recording_is_left_out(tmp_path: Path) -> None:
    vctk(tmp_path)
    with pytest.warns(UserWarning, match="DATA_MISSING: 1 of 2 .*p225/p225_002_mic1.flac"):
        assert [clip.text for clip in read(tmp_path)] == ["Please call Stella."]


def test_unknown_layout_and_missing_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="layout of no known corpus"):
        read(tmp_path)
    with pytest.raises(DataError, match="No corpus at"):
        read(tmp_path / "nowhere")


def test_prepared_corpus(shared: Path) -> None:
    clips = read(shared / "speech_train")
    assert len(clips) == 5751
    assert all(clip.path.is_file() for clip in clips[::200])
