"""What a recogniser hears, as a track of a store; it is pretended, and the real one where its weights are."""

from __future__ import annotations

import types
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gsv_lab.audio import read, whisper
from gsv_lab.corpora.readers import Clip
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.teacher import (
    TRACK,
    add_heard_phones,
    add_teacher,
    add_teacher_fit,
    phones_of,
    teacher_frames,
    warn_of_unfit,
)
from gsv_lab.errors import CheckpointError, DataError
from gsv_lab.extensions.teacher_head import TeacherHead
from gsv_lab.system import extras
from gsv_lab.system.environment import whisper_dir

RATE = 16000


class Loudness:
    """Stands for a `WhisperModel`: its encoder hears how loud a frame is, in three channels."""

    heard: list[int] = []
    stop_at = 0

    def __init__(self, folder: str, **options: Any) -> None:
        assert options["local_files_only"] and options["compute_type"] == "int8"
        self.feature_extractor = type("Extractor", (), {"sampling_rate": RATE, "__call__": staticmethod(self.mel)})()

    @staticmethod
    def mel(wave: np.ndarray, padding: int) -> np.ndarray:
        padded = np.pad(wave, (0, padding))
        frames = len(padded) // 160
        return np.abs(padded[: frames * 160]).reshape(1, frames, 160).mean(2).repeat(4, 0).astype(np.float64)

    def encode(self, mel: np.ndarray) -> np.ndarray:
        assert mel.shape[0] == 4 and mel.shape[1] % 2 == 0 and mel.dtype == np.float32
        if len(Loudness.heard) == Loudness.stop_at > 0:
            raise KeyboardInterrupt
        Loudness.heard.append(mel.shape[1] // 2)
        return mel[:3].reshape(1, 3, -1, 2).mean(3).transpose(0, 2, 1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that the pretended faster-whisper takes for `base`."""
    monkeypatch.setattr(Loudness, "heard", [])
    monkeypatch.setattr(Loudness, "stop_at", 0)
    monkeypatch.setattr(whisper, "require", lambda *names: types.SimpleNamespace(WhisperModel=Loudness))
    place = tmp_path / "models" / "base"
    place.mkdir(parents=True)
    for name in whisper.FILES:
        (place / name).write_bytes(b"x")
    return place


def head_of(classes: int) -> TeacherHead:
    """A head that hears in each channel the phone of its number."""
    head = TeacherHead(classes, teacher_dim=classes, width=classes, layers=0, dim=classes)
    with torch.no_grad():
        for layer in (head.in_proj, head.bottleneck[1], head.classify):
            layer.weight.copy_(torch.eye(classes)[:, :, None] * 4)
            layer.bias.zero_()
    return head


def packed(place: Path, *seconds: float, rate: int = RATE) -> ClipStore:
    """Clips of noise that grows louder."""
    random = np.random.default_rng(0)
    lengths = [round(length * rate) for length in seconds]
    waves = [(random.normal(0, 0.1, n) * np.linspace(0.1, 1, n)).astype(np.float32) for n in lengths]
    rows = [Clip(f"c{i}", Path(str(i)), "s", "en", "we walk home now", "train", "made") for i in range(len(waves))]
    return ClipStore.pack(place, rows, lambda path: waves[int(str(path))], rate)


def test_the_track_has_fifty_frames_a_second_each_of_its_own_sound(tmp_path: Path, folder: Path) -> None:
    store = packed(tmp_path / "store", 1.0, 2.53, 0.71)
    add_teacher(store, folder)
    for index, row in enumerate(store.rows):
        heard = store.track(TRACK, index)
        frames = row.samples * 50 // RATE
        loudness = np.abs(store.wave(index)[: frames * 320]).reshape(frames, 320).mean(1)
        assert heard.shape == (frames, 3) and heard.dtype == np.float16
        np.testing.assert_allclose(heard, np.repeat(loudness[:, None], 3, 1), rtol=2e-3)
        assert teacher_frames(store, index).shape == (3, frames)
    assert store.track_info(TRACK)["settings"] == {"model": "base"}
    heard = list(Loudness.heard)
    add_teacher(store, folder)
    assert Loudness.heard == heard, "a whole track is left alone"


def test_killed_it_goes_on_at_the_next_clip(tmp_path: Path, folder: Path) -> None:
    stores = [packed(tmp_path / name, 1.0, 1.2, 1.4, 1.6) for name in ("straight", "killed")]
    add_teacher(stores[0], folder)
    Loudness.heard.clear()
    Loudness.stop_at = 3  # the first sound is the silence that tells the width
    with pytest.raises(KeyboardInterrupt):
        add_teacher(stores[1], folder)
    assert not stores[1].has_track(TRACK)
    Loudness.heard.clear()
    Loudness.stop_at = 0
    add_teacher(stores[1], folder)
    assert Loudness.heard[1:] == [70, 80]
    for index in range(4):
        assert np.array_equal(*(store.track(TRACK, index) for store in stores))


def test_what_is_too_long_or_nothing_has_no_frames(tmp_path: Path, folder: Path) -> None:
    store = packed(tmp_path / "store", 30.02, 1.0, 30.0, 0.01)
    add_teacher(store, folder)
    assert [len(store.track(TRACK, index)) for index in range(4)] == [0, 50, 1500, 0]
    failed = store.track_info(TRACK)["failed"]
    assert list(failed) == ["c0", "c3"] and "30.02 s" in failed["c0"] and "0.02 to 30 s" in failed["c3"]


def test_without_a_folder_the_variable_names_it(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = packed(tmp_path / "store", 1.0)
    monkeypatch.delenv("GSV_LAB_WHISPER", raising=False)
    with pytest.raises(CheckpointError, match="data.init_args.whisper=DIR, or GSV_LAB_WHISPER") as caught:
        add_teacher(store)
    assert caught.value.code == "CKPT_MISSING"
    monkeypatch.setenv("GSV_LAB_WHISPER", str(folder.parent))
    add_teacher(store)
    assert store.has_track(TRACK)


def test_another_rate_is_refused(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(DataError, match="8000 Hz. Expected 16000 Hz") as caught:
        add_teacher(packed(tmp_path / "store", 1.0, rate=8000), folder)
    assert caught.value.code == "CACHE_STALE"


def test_texts_that_do_not_fit_are_named(tmp_path: Path) -> None:
    """Eight phones, each its own channel, are heard as they are written; one clip has another text, one is unheard."""
    store = packed(tmp_path / "store", 1.6, 1.6, 1.6)
    spoken = np.arange(1, 9).repeat(10)
    heard = [np.eye(9, dtype=np.float16)[spoken], np.eye(9, dtype=np.float16)[spoken], np.zeros((0, 9), np.float16)]
    store.add_track(TRACK, heard)
    texts = [list(range(1, 9)), [8, 7, 6, 5, 4, 3, 2, 1], list(range(1, 9))]
    store.add_track("phones", (np.array(text, np.int16) for text in texts))
    head = head_of(9)
    track = add_teacher_fit(store, head)
    fits = [float(store.track(track, index)[0]) for index in range(3)]
    assert -0.5 < fits[0] <= 0 and -99 < fits[1] < -2.5 and fits[2] == -99
    assert head.training
    with pytest.warns(UserWarning, match=r"2 of 3 texts do not fit .*c2 \(-99.0\), c1 \(-\d+\.\d\)$"):
        warn_of_unfit(store, track, -2.5)
    with torch.no_grad():
        head.classify.weight.neg_()
    assert add_teacher_fit(store, head) != track, "another head, another track"


def test_clips_without_a_text_get_the_phones_that_are_heard(tmp_path: Path) -> None:
    """They fit what they were heard in; a text that is there is never replaced, and silence is no phone."""
    store = packed(tmp_path / "store", 1.6, 1.6, 1.6)
    spoken = np.array([3, 0, 5, 5, 0, 5, 7, 1]).repeat(10)
    store.add_track(TRACK, [np.eye(9, dtype=np.float16)[spoken]] * 2 + [np.zeros((0, 9), np.float16)])
    store.add_track("phones", [np.array([8, 2], np.int16), *[np.zeros(0, np.int16)] * 2])
    head = head_of(9)
    heard = add_heard_phones(store, head)
    assert [phones_of(store, index, heard).tolist() for index in range(3)] == [[8, 2], [3, 5, 5, 7, 1], []]
    assert [len(phones_of(store, index)) for index in range(3)] == [2, 0, 0]
    track = add_teacher_fit(store, head, heard)
    fits = [float(store.track(track, index)[0]) for index in range(3)]
    assert -99 < fits[0] < -2.5 and -0.5 < fits[1] <= 0 and fits[2] == -99
    assert head.training


def test_the_real_encoder_hears_when_something_is_said(tmp_path: Path, sample: Path) -> None:
    """A fifth of a second of silence before a recording moves what is heard by ten frames."""
    pytest.importorskip("faster_whisper", reason="faster-whisper is in the extra [asr]")
    models = whisper_dir()
    if models is None or not (models / "base").is_dir():
        pytest.skip("GSV_LAB_WHISPER names no folder with `base`")
    wave = read(sample, RATE).samples.numpy()[: 3 * RATE]
    waves = [wave, np.pad(wave, (RATE // 5, 0))]
    rows = [Clip(str(i), Path(str(i)), "s", "en", "", "train", "made") for i in range(2)]
    store = ClipStore.pack(tmp_path / "store", rows, lambda path: waves[int(str(path))], RATE)
    add_teacher(store)
    plain, later = (teacher_frames(store, index) for index in range(2))
    assert plain.shape == (512, len(wave) * 50 // RATE) and later.shape[1] == plain.shape[1] + 10
    alike = {
        lag: float(torch.cosine_similarity(plain, later[:, lag : lag + plain.shape[1]], 0).mean()) for lag in range(11)
    }
    assert max(alike, key=lambda lag: alike[lag]) == 10 and alike[10] > 0.8 > alike[0]


def test_without_the_package_the_extra_is_named(tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> None:
        raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    monkeypatch.setattr(whisper, "require", extras.require)
    monkeypatch.setattr(extras.importlib, "import_module", absent)
    with pytest.raises(Exception, match=r"faster_whisper.*\[asr\].*pip install"):
        add_teacher(packed(tmp_path / "store", 1.0), folder)
