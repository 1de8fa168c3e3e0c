"""Batches for the content encoder: normalised log-mels, altered so that voices blur and phones stay.

Letters: B batch, M mel bands, F frames at 50 Hz, P phone labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from tqdm.auto import tqdm

from gsv_lab.audio.alignment import frame_level
from gsv_lab.corpora.augmentation import SpectralMask
from gsv_lab.corpora.data import SpeechData, Splits
from gsv_lab.corpora.store import ClipStore, Row
from gsv_lab.corpora.teacher import (
    TRACK,
    add_heard_phones,
    add_teacher,
    add_teacher_fit,
    phones_of,
    teacher_frames,
    warn_of_unfit,
)
from gsv_lab.corpora.texts import LABELS, add_texts, labels
from gsv_lab.extensions.phone_content_encoder import normalise
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

if TYPE_CHECKING:
    from gsv_lab.training.content_task import ContentTask, PhoneTask

MEL = "content_mel"
UNKNOWN = -1
"""Class of a frame of which nobody says what it is."""


class ContentBatch(NamedTuple):
    """One batch, padded on the right.

    `frames` (B,) valid ones at 50 Hz, `level` (B, F) dB of the recording in each, `labels` (B, P), `label_lengths`
    (B,), `languages` of each clip.
    None where the task does not need it: `mel` (B, M, 2 F), normalised and in training altered, in its tempo too;
    `teacher` (B, C, F'), what the teacher hears in the unaltered clip, `teacher_frames` (B,) valid ones of it (without
    mels they are `frames`); `aligned` (B, F'), the class of each of these by the alignment of the store, see
    `frame_classes`, None too where the store has none.
    """

    frames: Tensor
    level: Tensor
    labels: Tensor
    label_lengths: Tensor
    languages: list[str]
    mel: Tensor | None = None
    teacher: Tensor | None = None
    teacher_frames: Tensor | None = None
    aligned: Tensor | None = None


class ContentData(SpeechData):
    """See `SpeechData`; needs a store only, mels and phones are computed once.

    Args:
        stretch: largest tempo and formant change, for example 0.12 for factors between 0.88 and 1.14.
            None shows the clips of training as they were recorded, without tilt, noise and masks either.
        masks: time and frequency masks a clip.
        whisper: folder of the Whisper model that teaches, see `gsv_lab.corpora.teacher.add_teacher`; read where the
            store has no track `teacher` yet.
        worst_fit: mean alignment score (nats) by the task's teacher below which a clip's text is not trusted.
    """

    def __init__(
        self,
        store: str,
        corpora: Sequence[str] = (),
        train: Splits = ("train",),
        valid: Sequence[str] = ("valid",),
        batch_seconds: PositiveFloat = 96.0,
        longest: PositiveFloat = 17.0,
        exclude: Sequence[str] = (),
        boost: dict[str, NonNegativeFloat] | None = None,
        valid_batches: PositiveInt = 8,
        stretch: NonNegativeFloat | None = 0.12,
        masks: NonNegativeInt = 2,
        whisper: str = "",
        worst_fit: float = -2.5,
        seed: NonNegativeInt = 1234,
    ) -> None:
        super().__init__(
            store,
            corpora,
            train,
            valid,
            batch_seconds,
            longest,
            exclude=exclude,
            boost=boost,
            valid_batches=valid_batches,
            seed=seed,
        )
        self.stretch = stretch
        self.masks = masks
        self.whisper = whisper
        self.worst_by_teacher = worst_fit
        self.heard = ""
        """Track with the phones of clips without a text, where there is a teacher that hears them."""

    def make_tracks(self) -> None:
        """`content_mel` (2 F, M) half precision at 100 Hz, raw log-mel, and `teacher`, where the task needs them;
        `phones` (P,) recogniser classes; with a trained teacher, what it hears where there is no text, and how well
        each text fits.
        """
        add_phones(self.store)
        if "mel" in self.needs and not self.store.has_track(MEL):
            self.add_mels()
        if "teacher" in self.needs:
            add_teacher(self.store, self.whisper)
            teacher = cast("PhoneTask", self._task).teacher
            if teacher is not None:
                self.heard = add_heard_phones(self.store, teacher)
                self.worst_fit, self.fit_name = self.worst_by_teacher, add_teacher_fit(self.store, teacher, self.heard)
                warn_of_unfit(self.store, self.fit_name, self.worst_fit)

    def add_mels(self) -> None:
        """Write the track `content_mel`."""
        log_mel = cast("ContentTask", self._task).content_encoder.log_mel

        def mels() -> Iterator[np.ndarray]:
            for index in tqdm(range(len(self.store)), "log-mels"):
                wave = torch.from_numpy(self.store.wave(index))
                with torch.no_grad():
                    mel = log_mel(wave[None])
                yield mel[0].T.numpy().astype(np.float16)

        self.store.add_track(MEL, mels(), rate=100, bands=log_mel.filters.shape[0])

    def missing(self, field: str) -> str:
        """Mels and what the teacher hears are tracks of the store; without an alignment the task does without."""
        return "" if field in ("mel", "teacher", "aligned") else super().missing(field)

    def usable(self, index: int, row: Row) -> bool:
        """Labels must fit into the frames at 50 Hz with room for repeats, and the teacher must have heard the clip."""
        labels = phones_of(self.store, index, self.heard)
        frames = row.samples * 50 // self.store.sample_rate
        fits = 2 <= len(labels) and len(labels) * 1.3 < frames
        heard = "teacher" not in self.needs or len(self.store.track(TRACK, index)) > 0
        return fits and heard and super().usable(index, row)

    def collate(self, indices: Sequence[int], n: int | None) -> ContentBatch:
        """See `SpeechData.collate`."""
        random = np.random.default_rng((self.seed, 2, n or 0))
        clips = [self.clip(index, random if n is not None and self.stretch is not None else None) for index in indices]
        labels = [torch.from_numpy(phones_of(self.store, i, self.heard).astype(np.int64)) for i in indices]
        optional: dict[str, Tensor] = {}
        for name in clips[0].keys() & {"mel", "teacher"}:
            optional[name] = pad_frames([clip[name] for clip in clips])
        if "teacher" in optional:
            optional["teacher_frames"] = torch.tensor([clip["teacher"].shape[1] for clip in clips])
        if "aligned" in clips[0]:
            classes = [clip["aligned"] for clip in clips]
            optional["aligned"] = pad_sequence(classes, batch_first=True, padding_value=UNKNOWN)
        return ContentBatch(
            frames=torch.tensor([clip["level"].shape[1] for clip in clips]),
            level=pad_frames([clip["level"] for clip in clips])[:, 0],
            labels=pad_sequence(labels, batch_first=True),
            label_lengths=torch.tensor([len(row) for row in labels]),
            languages=[self.store.rows[i].language for i in indices],
            **optional,
        )

    def clip(self, index: int, random: np.random.Generator | None) -> dict[str, Tensor]:
        """`level` (1, F), and as the task needs them `mel` (M, 2 F), altered where there is a `random`, `teacher`
        (C, F') and `aligned` (F',).
        """
        found = {}
        frames = self.store.rows[index].samples * 50 // self.store.sample_rate
        level = frame_level(self.store.wave(index), self.store.sample_rate, 50.0, frames)
        if "teacher" in self.needs:
            # Never in another tempo: neighbouring frames of Whisper have so little in common that none stands for what
            # lies between two.
            found["teacher"] = teacher_frames(self.store, index)
            frames = found["teacher"].shape[1]
        if "aligned" in self.needs and self.store.has_track("positions"):
            found["aligned"] = frame_classes(self.store, index, frames)
        if "mel" in self.needs:
            mel = torch.from_numpy(self.store.track(MEL, index).astype(np.float32)).T
            if random is not None and self.stretch is not None:
                mel = augment(mel, random, self.stretch, self.masks)
            frames = mel.shape[1] // 2
            found["mel"] = normalise(mel[None, :, : 2 * frames])[0]
        found["level"] = stretched(torch.from_numpy(level.astype(np.float32))[None], frames)
        return found


def frame_classes(store: ClipStore, index: int, frames: int) -> Tensor:
    """Recogniser class of each frame by the alignment of the store, its tracks `symbols` and `positions`: (F,) int64; 0
    in silence, `UNKNOWN` in a clip that could not be aligned and behind the last aligned frame.
    """
    symbols = store.track("symbols", index).tolist()
    positions = store.track("positions", index)[:frames].astype(np.int64)
    found = np.full(frames, UNKNOWN)
    if (positions >= 0).any():
        classes = np.array([LABELS[symbol] or 0 for symbol in symbols] + [0])  # the last is that of position -1
        found[: len(positions)] = classes[positions]
    return torch.from_numpy(found)


def stretched(rows: Tensor, frames: int) -> Tensor:
    """Another number of frames, by straight lines between the old ones: (C, F) -> (C, `frames`)."""
    return functional.interpolate(rows[None], frames, mode="linear")[0]


def pad_frames(rows: Sequence[Tensor]) -> Tensor:
    """Spectrograms of different length, (M, F_i) each, padded with zeros on the right: (B, M, F)."""
    longest = max(row.shape[1] for row in rows)
    return torch.stack([functional.pad(row, (0, longest - row.shape[1])) for row in rows])


def add_phones(store: ClipStore) -> None:
    """Write the track `phones` (P,), recogniser classes of each clip's text, if it is not there yet.

    Texts that nobody has read are read with places for pauses, which the later stages of a family expect.
    """
    if store.has_track("phones"):
        return
    add_texts(store, pauses=True)
    found = (labels(store.track("spelling", index)) for index in range(len(store)))
    store.add_track("phones", (row.astype(np.int16) for row in found))


def augment(mel: Tensor, random: np.random.Generator, stretch: float, masks: int) -> Tensor:
    """Another speaker, room and tempo for the same phones: (M, F) log-mel -> (M, F').

    Tempo and formants are changed by resampling the picture along time and along the mel axis (near enough to a
    change of tract length above 1 kHz, where the axis is logarithmic); then a tilt, a slow ripple of the microphone,
    a noise floor, and spectral masks.
    """
    bands, frames = mel.shape
    tempo, formant = np.exp(random.uniform(-stretch, stretch, 2))
    new_frames = max(8, int(frames * tempo))
    out = _resampled(mel, new_frames, float(formant))
    position = torch.linspace(-1, 1, bands)
    tilt = random.normal(0, 0.5)
    ripple = random.normal(0, 0.2)
    phase = random.uniform(0, 6.28)
    response = tilt * position + ripple * torch.sin(4 * position + phase)
    out = out + response[:, None]
    if random.random() < 0.4:
        out = _with_noise(out, random, position)
    mean = out.mean()
    for _ in range(masks):
        SpectralMask.draw(random, 0, 9, bands - 9).fill(out, mean)
        SpectralMask.draw(random, 1, 13, max(1, new_frames - 13)).fill(out, mean)
    return out


def _resampled(mel: Tensor, frames: int, formant: float) -> Tensor:
    """Another length, and formants moved by a factor: (M, F) -> (M, `frames`)."""
    rows = torch.linspace(-1, 1, len(mel)) * formant + (formant - 1)
    columns = torch.linspace(-1, 1, frames)
    row, column = torch.meshgrid(rows, columns, indexing="ij")
    grid = torch.stack([column, row], dim=-1)
    return functional.grid_sample(mel[None, None], grid[None], padding_mode="border", align_corners=True)[0, 0]


def _with_noise(mel: Tensor, random: np.random.Generator, position: Tensor) -> Tensor:
    """A steady noise under the speech, 5 to 9 nat below its peak and tilted at random."""
    floor = float(mel.amax()) - random.uniform(5.0, 9.0)
    noise = torch.from_numpy(random.normal(floor, 0.5, mel.shape).astype(np.float32))
    tilt = 0.5 * random.random() * position
    return torch.logaddexp(mel, noise - tilt[:, None])
