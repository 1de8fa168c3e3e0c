"""Batches for the content encoder: normalised log-mels, altered so that voices blur and phones stay.

Letters: B batch, M mel bands, F frames at 100 Hz, P phone labels.
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

from gsv_lab.corpora.augmentation import SpectralMask
from gsv_lab.corpora.data import SpeechData
from gsv_lab.corpora.store import ClipStore, Row
from gsv_lab.corpora.teacher import TRACK, add_teacher
from gsv_lab.corpora.texts import add_texts, labels
from gsv_lab.extensions.phone_content_encoder import normalise
from gsv_lab.nn.spectral import LogMel
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

if TYPE_CHECKING:
    from gsv_lab.training.content_task import ContentTask

MEL = "content_mel"


class ContentBatch(NamedTuple):
    """`mel` (B, M, F), `frames` (B,) valid ones, `labels` (B, P), `label_lengths` (B,), `languages` of each clip.

    None where the task does not need it: `teacher` (B, C, F / 2), what the teacher hears in the unaltered clip.
    """

    mel: Tensor
    frames: Tensor
    labels: Tensor
    label_lengths: Tensor
    languages: list[str]
    teacher: Tensor | None = None


class ContentData(SpeechData):
    """See `SpeechData`; needs a store only, mels and phones are computed once.

    Args:
        stretch: largest tempo and formant change, for example 0.12 for factors between 0.88 and 1.14.
        masks: time and frequency masks a clip.
        whisper: folder of the Whisper model that teaches, see `gsv_lab.corpora.teacher`; read where the store has not
            heard it yet.
    """

    def __init__(
        self,
        store: str,
        corpora: Sequence[str] = (),
        train: Sequence[str] = ("train",),
        valid: Sequence[str] = ("valid",),
        batch_seconds: PositiveFloat = 96.0,
        longest: PositiveFloat = 17.0,
        exclude: Sequence[str] = (),
        boost: dict[str, NonNegativeFloat] | None = None,
        valid_batches: PositiveInt = 8,
        stretch: NonNegativeFloat = 0.12,
        masks: NonNegativeInt = 2,
        whisper: str = "",
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

    def make_tracks(self) -> None:
        """`content_mel` (F, M) half precision at 100 Hz, raw log-mel; `phones` (P,) recogniser classes."""
        if not self.store.has_track(MEL):
            log_mel = LogMel(16000, n_fft=640, hop_length=160, n_mels=80)

            def mels() -> Iterator[np.ndarray]:
                for index in tqdm(range(len(self.store)), "log-mels"):
                    wave = torch.from_numpy(self.store.wave(index))
                    with torch.no_grad():
                        mel = log_mel(wave[None])
                    yield mel[0].T.numpy().astype(np.float16)

            bands = log_mel.filters.shape[0]
            self.store.add_track(MEL, mels(), rate=100, bands=bands)
        add_phones(self.store)
        if "teacher" in self.needs:
            add_teacher(self.store, self.whisper)

    def missing(self, field: str) -> str:
        """What the teacher hears is a track of the store."""
        return "" if field == "teacher" else super().missing(field)

    def usable(self, index: int, row: Row) -> bool:
        """Labels must fit into the frames at 50 Hz with room for repeats."""
        labels = self.store.track("phones", index)
        frames = row.samples * 50 // self.store.sample_rate
        fits = 2 <= len(labels) and len(labels) * 1.3 < frames
        return fits and super().usable(index, row)

    def collate(self, indices: Sequence[int], n: int | None) -> ContentBatch:
        """See `SpeechData.collate`."""
        random = np.random.default_rng((self.seed, 2, n or 0))
        mels, teacher = [], []
        for index in indices:
            mel = torch.from_numpy(self.store.track(MEL, index).astype(np.float32)).T
            if n is not None:
                mel = augment(mel, random, self.stretch, self.masks)
            even = mel.shape[1] // 2 * 2
            mels.append(normalise(mel[None, :, :even])[0])
            if "teacher" in self.needs:
                heard = torch.from_numpy(self.store.track(TRACK, index).astype(np.float32)).T
                teacher.append(functional.interpolate(heard[None], even // 2, mode="linear")[0])
        labels = [torch.from_numpy(self.store.track("phones", i).astype(np.int64)) for i in indices]
        return ContentBatch(
            mel=pad_frames(mels),
            frames=torch.tensor([mel.shape[1] for mel in mels]),
            labels=pad_sequence(labels, batch_first=True),
            label_lengths=torch.tensor([len(row) for row in labels]),
            languages=[self.store.rows[i].language for i in indices],
            teacher=pad_frames(teacher) if teacher else None,
        )


def pad_frames(rows: Sequence[Tensor]) -> Tensor:
    """Spectrograms of different length, (M, F_i) each, padded with zeros on the right: (B, M, F)."""
    longest = max(row.shape[1] for row in rows)
    return torch.stack([functional.pad(row, (0, longest - row.shape[1])) for row in rows])


def add_phones(store: ClipStore) -> None:
    """Write the track `phones` (P,), recogniser classes of each clip's text, if it is not there yet."""
    if store.has_track("phones"):
        return
    add_texts(store)
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
