"""What a large recogniser hears in a store's clips: the last layer of Whisper's encoder, computed once.

A content encoder of two million weights that learns phones from ten hours of text guesses half of them for voices that
it never met. Whisper has heard hundreds of thousands of hours. It teaches here and nowhere else: nothing of it is
needed for speech.
Letters: T samples, F frames at 50 Hz, C channels of the encoder.
"""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from gsv_lab.audio.alignment import align, frame_level, greedy
from gsv_lab.audio.whisper import HOW_TO_GET, load_whisper
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.texts import PATIENCE
from gsv_lab.corpora.tracks import identity
from gsv_lab.errors import AudioError, CheckpointError, DataError, LabError
from gsv_lab.extensions.teacher_head import TeacherHead
from gsv_lab.system.environment import whisper_dir

TRACK = "teacher"
LONGEST = 1500
"""Frames: the encoder knows no later position than 30 s."""
PADDING = 400
"""Samples of silence behind a clip, so that its last frame is whole."""
NAMED = 20
"""Most clips that one warning names."""


def add_teacher(store: ClipStore, folder: str | Path = "") -> None:
    """`teacher` (F, C) half precision, clip by clip; killed, the same call goes on. A track that is whole stays.

    A clip is read at its own length, without the silence up to 30 s that Whisper's encoder was trained with: a tenth of
    the time for a clip of three seconds. A clip that is longer than 30 s or shorter than a frame has no frames.

    Args:
        store: clips at Whisper's rate, 16 kHz.
        folder: a Whisper model in CTranslate2's layout; empty for `base` in the folder `GSV_LAB_WHISPER`.

    Raises:
        LabError: EXTRA_MISSING, faster-whisper is not installed; SAVE_FAILED.
        CheckpointError: CKPT_MISSING, no folder is named, or it lacks a file; CKPT_CORRUPT.
        DataError: CACHE_STALE, the store has another rate.
    """
    if store.has_track(TRACK):
        return
    folder = _model_folder(folder)
    # Whole numbers of 8 bits take half the time; what they change is far below what a phone head learns from.
    model = load_whisper(folder, "int8")
    rate = model.feature_extractor.sampling_rate
    if store.sample_rate != rate:
        problem = f"The store {store.folder} holds {store.sample_rate} Hz"
        raise DataError("CACHE_STALE", problem, f"{rate} Hz, which Whisper reads")

    def make(index: int) -> np.ndarray:
        wave = store.wave(index)
        frames = len(wave) * 50 // rate
        if not 0 < frames <= LONGEST:
            code = "AUDIO_TOO_LONG" if frames else "AUDIO_EMPTY"
            raise AudioError(code, f"{store.rows[index].id} lasts {len(wave) / rate:.2f} s", "0.02 to 30 s")
        return _heard(model, wave, frames)

    width = _heard(model, np.zeros(rate // 10, np.float32), 5).shape[1]
    store.grow_track(TRACK, make, shape=(width,), model=folder.name)


def _model_folder(folder: str | Path) -> Path:
    """The folder of the model that teaches, see `add_teacher`."""
    if str(folder):
        return Path(folder)
    models = whisper_dir()
    if models is None:
        expected = "data.init_args.whisper=DIR, or GSV_LAB_WHISPER"
        raise CheckpointError("CKPT_MISSING", "No folder of a Whisper model is named", expected, HOW_TO_GET)
    return models / "base"


def _heard(model: Any, wave: np.ndarray, frames: int) -> np.ndarray:
    """(T,) -> (F, C)."""
    mel = model.feature_extractor(wave, padding=PADDING)[:, : 2 * frames]
    return np.array(model.encode(mel.astype(np.float32)))[0]


def teacher_frames(store: ClipStore, index: int) -> Tensor:
    """The track `teacher` of a clip as a network reads it: (C, F), single precision."""
    return torch.from_numpy(store.track(TRACK, index).astype(np.float32)).T


@torch.no_grad()
def add_heard_phones(store: ClipStore, head: TeacherHead) -> str:
    """What the teacher hears in clips of which nobody says what is spoken: (P,) recogniser classes, greedily; nothing
    where there is a text.

    So speech of any language teaches how voices differ, in the phones that come nearest.

    Args:
        store: with the tracks `teacher` and `phones`.
        head: trained; its mode stays what it was.

    Returns:
        the track's name, `heard_phones-<identity of the head>`.
    """
    name = f"heard_phones-{identity(head.state_dict())}"

    def heard(index: int) -> np.ndarray:
        if len(store.track("phones", index)) or not len(store.track(TRACK, index)):
            return np.zeros(0, np.int16)
        return greedy(_scores(store, head, index)).ids.astype(np.int16)

    if not store.has_track(name):
        with _at_work(head):
            store.add_track(name, (heard(index) for index in tqdm(range(len(store)), "phones heard", delay=PATIENCE)))
    return name


def phones_of(store: ClipStore, index: int, heard: str = "") -> np.ndarray:
    """Recogniser classes of a clip's phones (P,): those of its text, else those of a track of `add_heard_phones`."""
    written = store.track("phones", index)
    return written if len(written) or not heard else store.track(heard, index)


@torch.no_grad()
def add_teacher_fit(store: ClipStore, head: TeacherHead, heard: str = "") -> str:
    """How well the phones of each clip fit what the teacher hears in it, as the track `fit` says it by the content
    encoder: (1,) mean alignment score in nats, -99 where the clip cannot be aligned.

    Args:
        store: with the tracks `teacher` and `phones`.
        head: trained; its mode stays what it was.
        heard: track with the phones of clips without a text, see `phones_of`.

    Returns:
        the track's name, `teacher_fit-<identity of the head>`.
    """
    name = f"teacher_fit-{identity(head.state_dict())}"

    def fit(index: int) -> np.ndarray:
        if not len(store.track(TRACK, index)):
            return np.array([-99.0], np.float32)
        scores = _scores(store, head, index)
        level = frame_level(store.wave(index), store.sample_rate, 50.0, len(scores))
        try:
            quality = align(scores, phones_of(store, index, heard).tolist(), level=level).quality
        except LabError:
            quality = -99.0
        return np.array([quality], np.float32)

    if not store.has_track(name):
        with _at_work(head):
            store.add_track(name, (fit(index) for index in tqdm(range(len(store)), "fit of texts")))
    return name


def _scores(store: ClipStore, head: TeacherHead, index: int) -> Tensor:
    """CTC log-probabilities of a clip (F, V)."""
    device = next(head.parameters()).device
    return head.phone_scores(head.encode(teacher_frames(store, index)[None].to(device)))[0].T


@contextmanager
def _at_work(head: TeacherHead) -> Iterator[None]:
    """The head without dropout, and without learning what is usual; then in the mode that it was in."""
    training = head.training
    head.eval()
    try:
        yield
    finally:
        head.train(training)


def warn_of_unfit(store: ClipStore, track: str, worst_fit: float) -> None:
    """One warning that names the clips whose text is not trusted, the worst first."""
    fits = {row.id: float(store.track(track, index)[0]) for index, row in enumerate(store.rows)}
    unfit = sorted((fit, name) for name, fit in fits.items() if fit <= worst_fit)
    if unfit:
        named = ", ".join(f"{name} ({fit:.1f})" for fit, name in unfit[:NAMED])
        more = ", ..." if len(unfit) > NAMED else ""
        problem = f"{len(unfit)} of {len(fits)} texts do not fit what the teacher hears and are left out"
        warnings.warn(f"{problem} (track {track}, nats): {named}{more}", stacklevel=2)
