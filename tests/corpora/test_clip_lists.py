"""Clip lists: no texts, no audio, honest hashes, and the same bytes again from the same material."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile

from gsv_lab.corpora.clip_lists import (
    HELD_OUT_CORPORA,
    ListedClip,
    ListedTarget,
    clip_hash,
    find,
    read_list,
    target_rows,
    training_rows,
    write_list,
)
from gsv_lab.errors import DataError


def test_lossless_files_have_the_hash_of_their_samples(tmp_path: Path) -> None:
    samples = (np.sin(np.arange(1600) / 5) * 9000).astype(np.int16)
    for name in ("a.wav", "a.flac"):
        soundfile.write(tmp_path / name, samples, 16000, subtype="PCM_16")
    assert clip_hash(tmp_path / "a.wav") == clip_hash(tmp_path / "a.flac")
    assert clip_hash(tmp_path / "a.wav").startswith("pcm:") and len(clip_hash(tmp_path / "a.wav")) == 20
    soundfile.write(tmp_path / "b.wav", samples + 1, 16000, subtype="PCM_16")
    assert clip_hash(tmp_path / "a.wav") != clip_hash(tmp_path / "b.wav")
    soundfile.write(tmp_path / "a.opus", samples / 32768, 16000, format="OGG", subtype="OPUS")
    assert clip_hash(tmp_path / "a.opus").startswith("file:")


def test_a_list_comes_back_as_written(tmp_path: Path) -> None:
    rows = [
        ListedClip("u1", "corpus", "s", "en", "train", 1.25, "pcm:00"),
        ListedClip("u2", "c", "s", "zh", "valid", 2, "file:1"),
    ]
    assert read_list(write_list(tmp_path / "list.csv", rows)) == rows
    with pytest.raises(DataError, match="Line 3 of 'list.csv' has 2 columns"):
        (tmp_path / "list.csv").write_text(
            "|".join(ListedClip._fields) + "\na|b|c|en|train|1|pcm:0\na|b\n", encoding="utf-8"
        )
        read_list(tmp_path / "list.csv")
    with pytest.raises(DataError, match="no clip list"):
        (tmp_path / "list.csv").write_text("path|text\na|b\n", encoding="utf-8")
        read_list(tmp_path / "list.csv")


def test_clips_are_found_by_name_in_any_layout(tmp_path: Path) -> None:
    rows = [ListedClip(name, "c", "s", "en", "train", 1.0, "") for name in ("u1", "u2", "u3")]
    for place in ("LibriSpeech/19/198/u1.flac", "other/wav48/u2.WAV", "other/u3.txt"):
        (tmp_path / place).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / place).touch()
    found, missing = find(rows, tmp_path)
    assert [path.name for path in found.values()] == ["u1.flac", "u2.WAV"] and missing == rows[2:]


def test_the_shipped_lists_keep_evaluation_and_training_apart(root: Path) -> None:
    training = read_list(root / "data" / "nano_train.csv")
    evaluated = read_list(root / "data" / "evaluation_list.csv")
    chosen = read_list(root / "data" / "dev_list.csv")
    assert all(isinstance(row, ListedClip) for row in training)
    assert all(isinstance(row, ListedTarget) for row in [*evaluated, *chosen])
    trained = {row.clip for row in training if row.split == "train"}
    assert len(trained) == 5014 and not {row.corpus for row in training} & set(HELD_OUT_CORPORA)
    speakers = {row.speaker for row in training if row.split == "train"}
    for row in [*evaluated, *chosen]:
        assert row.speaker not in speakers and not {row.target, row.reference} & trained
        assert row.target != row.reference
    assert not {row.speaker for row in evaluated} & {row.speaker for row in chosen}
    assert len(evaluated) == 106 and len(chosen) == 78


def test_the_shipped_lists_are_small_and_hold_no_text(root: Path) -> None:
    for name in ("nano_train.csv", "evaluation_list.csv", "dev_list.csv"):
        content = (root / "data" / name).read_text(encoding="utf-8")
        assert len(content) < 600_000 and content.isascii() and " " not in content


def test_the_shipped_lists_fit_the_prepared_material(root: Path, shared: Path) -> None:
    for name in ("evaluation_list.csv", "dev_list.csv"):
        assert target_rows(shared / "speech" / name, shared) == read_list(root / "data" / name)


def test_training_rows_leave_out_what_claims_are_about(tmp_path: Path) -> None:
    header = "path|speaker|language|text|seconds|sample_rate|corpus|gender|split\n"
    for corpus in ("librispeech", "vctk"):
        (tmp_path / corpus).mkdir()
        (tmp_path / corpus / "u.opus").write_bytes(corpus.encode())
    lines = [f'{corpus}/u.opus|s|en|He said "no|1.5|16000|{corpus}|F|train\n' for corpus in ("librispeech", "vctk")]
    (tmp_path / "metadata.csv").write_text(header + "".join(lines), encoding="utf-8")
    rows = training_rows(tmp_path)
    assert [row.corpus for row in rows] == ["librispeech"] and rows[0].hash == clip_hash(
        tmp_path / "librispeech/u.opus"
    )
    (tmp_path / "librispeech" / "u.opus").unlink()
    with pytest.raises(DataError, match="u.opus"):
        training_rows(tmp_path)
