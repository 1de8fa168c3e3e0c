"""What a large recogniser hears in a store's clips: the last layer of Whisper's encoder, computed once.

A content encoder of two million weights that learns phones from ten hours of text guesses half of them for voices that
it never met. Whisper has heard hundreds of thousands of hours. It teaches here and nowhere else: nothing of it is
needed for speech.
Letters: F frames at 50 Hz, C channels of the encoder.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from gsv_lab.corpora.store import ClipStore
from gsv_lab.errors import DataError, LabError

TRACK = "teacher"
LONGEST = 1500
"""Frames: the encoder knows no later position than 30 s."""
PADDING = 400
"""Samples of silence behind a clip, so that its last frame is whole."""


def add_teacher(store: ClipStore, folder: str | Path) -> None:
    """`teacher` (F, C) half precision, clip by clip; killed, the same call goes on. A track that is whole stays.

    A clip is read at its own length, without silence up to 30 s, which Whisper's encoder was trained with: a tenth of
    the time for a clip of three seconds. Clips over 30 s have no frames.

    Args:
        store: clips at 16 kHz.
        folder: a Whisper model as faster-whisper reads it, for example of `base`.

    Raises:
        LabError: EXTRA_MISSING, faster-whisper is not installed; SAVE_FAILED.
        DataError: DATA_MISSING, the folder holds no such model; CACHE_STALE, the store has another rate.
    """
    if store.has_track(TRACK):
        return
    model, log_mel = _loaded(folder)
    if store.sample_rate != log_mel.sampling_rate:
        problem = f"The store {store.folder} holds {store.sample_rate} Hz"
        raise DataError("CACHE_STALE", problem, f"{log_mel.sampling_rate} Hz, which Whisper reads")
    from ctranslate2 import StorageView

    def make(index: int) -> np.ndarray:
        wave = store.wave(index)
        frames = len(wave) * 50 // store.sample_rate
        if frames > LONGEST:
            raise LabError("AUDIO_TOO_LONG", f"{store.rows[index].id} lasts {frames / 50:.1f} s", "30 s at most")
        mel = log_mel(wave, padding=PADDING)[:, : 2 * frames]
        encoded = model.encode(StorageView.from_array(np.ascontiguousarray(mel[None], np.float32)), to_cpu=True)
        return np.array(encoded)[0]

    store.grow_track(TRACK, make, shape=(channels(model),), model=Path(folder).name)


def channels(model: object) -> int:
    """Width of a model's encoder: of what it makes of a tenth of a second."""
    from ctranslate2 import StorageView

    silence = StorageView.from_array(np.zeros((1, model.n_mels, 10), np.float32))
    return int(np.array(model.encode(silence, to_cpu=True)).shape[-1])


def _loaded(folder: str | Path) -> tuple:
    """Encoder and log-mel of a Whisper model."""
    from faster_whisper import WhisperModel

    model = WhisperModel(str(folder), device="cpu", compute_type="int8", cpu_threads=1, local_files_only=True)
    return model.model, model.feature_extractor
