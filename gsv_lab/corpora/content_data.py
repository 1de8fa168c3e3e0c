"""Batches for the content encoder: normalised log-mels, pulled about so that voices blur and phones stay.

Letters: B batch, M mel bands, F frames at 100 Hz, P phone labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.corpora.data import SpeechData
from gsv_lab.corpora.store import ClipStore, Row
from gsv_lab.corpora.texts import add_texts, labels


class ContentBatch(NamedTuple):
    """`mel` (B, M, F), `frames` (B,) valid ones, `labels` (B, P), `label_lengths` (B,), `languages` of each clip."""

    mel: Tensor
    frames: Tensor
    labels: Tensor
    label_lengths: Tensor
    languages: list[str]


class ContentData(SpeechData):
    """See `SpeechData`; needs a store only, mels and phones are computed once.

    Args:
        stretch: largest tempo and formant change, for example 0.12 for factors between 0.88 and 1.14.
        masks: time and frequency masks a clip.
    """

    def __init__(
        self,
        store: str,
        corpora: Sequence[str] = (),
        train: Sequence[str] = ("train",),
        valid: Sequence[str] = ("valid",),
        batch_seconds: float = 96.0,
        longest: float = 17.0,
        exclude: Sequence[str] = (),
        boost: dict[str, float] | None = None,
        valid_batches: int = 8,
        stretch: float = 0.12,
        masks: int = 2,
        seed: int = 1234,
    ) -> None:
        super().__init__(store, corpora, train, valid, batch_seconds, longest, 1.0, exclude, boost, valid_batches, seed)
        self.stretch, self.masks = stretch, masks

    def make_tracks(self) -> None:
        """`content_mel` (F, M) half precision at 100 Hz, raw log-mel; `phones` (P,) recogniser classes."""
        from tqdm.auto import tqdm

        if not self.store.has_track("content_mel"):
            log_mel = self._task.content_encoder.log_mel

            def mels() -> Iterator[np.ndarray]:
                for i in tqdm(range(len(self.store)), "log-mels"):
                    with torch.no_grad():
                        mel = log_mel(torch.from_numpy(self.store.wave(i))[None])
                    yield mel[0].T.numpy().astype(np.float16)

            self.store.add_track("content_mel", mels(), rate=100, bands=log_mel.n_mels)
        add_phones(self.store)

    def usable(self, index: int, row: Row) -> bool:
        """Labels must fit into the frames at 50 Hz with room for repeats."""
        labels = self.store.track("phones", index)
        frames = row.samples * 50 // self.store.sample_rate
        return super().usable(index, row) and 2 <= len(labels) and len(labels) * 1.3 < frames

    def collate(self, indices: Sequence[int], n: int | None) -> ContentBatch:
        """See `SpeechData.collate`."""
        random = np.random.default_rng((self.seed, 2, n or 0))
        mels = []
        for index in indices:
            mel = torch.from_numpy(self.store.track("content_mel", index).astype(np.float32)).T
            mels.append(mel if n is None else augment(mel, random, self.stretch, self.masks))
        mels = [normal(mel[:, : mel.shape[1] // 2 * 2]) for mel in mels]
        labels = [torch.from_numpy(self.store.track("phones", i).astype(np.int64)) for i in indices]
        frames = max(m.shape[1] for m in mels)
        return ContentBatch(
            mel=torch.stack([functional.pad(m, (0, frames - m.shape[1])) for m in mels]),
            frames=torch.tensor([m.shape[1] for m in mels]),
            labels=torch.nn.utils.rnn.pad_sequence(labels, batch_first=True),
            label_lengths=torch.tensor([len(row) for row in labels]),
            languages=[self.store.rows[i].language for i in indices],
        )


def add_phones(store: ClipStore) -> None:
    """Write the track `phones` (P,), recogniser classes of each clip's text, if it is not there yet."""
    if store.has_track("phones"):
        return
    add_texts(store)
    store.add_track("phones", (labels(store.track("spelling", i)).astype(np.int16) for i in range(len(store))))


def normal(mel: Tensor) -> Tensor:
    """One clip's (M, F) log-mel through the content encoder's own normalisation."""
    from gsv_lab.extensions.phone_content_encoder import normalise

    return normalise(mel[None])[0]


def augment(mel: Tensor, random: np.random.Generator, stretch: float, masks: int) -> Tensor:
    """Another speaker, room and tempo for the same phones: (M, F) log-mel -> (M, F').

    Tempo and formants are changed by resampling the picture along time and along the mel axis (near enough to a
    change of tract length above 1 kHz, where the axis is logarithmic); then a tilt, a slow ripple of the microphone,
    a noise floor, and masks (Park et al. 2019, arXiv:1904.08779).
    """
    bands, frames = mel.shape
    tempo, formant = np.exp(random.uniform(-stretch, stretch, 2))
    new_frames = max(8, int(frames * tempo))
    rows = torch.linspace(-1, 1, bands) * formant + (formant - 1)
    columns = torch.linspace(-1, 1, new_frames)
    grid = torch.stack(torch.meshgrid(rows, columns, indexing="ij"), dim=-1).flip(-1)[None]
    out = functional.grid_sample(mel[None, None], grid, padding_mode="border", align_corners=True)[0, 0]
    position = torch.linspace(-1, 1, bands)
    tilt, ripple, phase = random.normal(0, 0.5), random.normal(0, 0.2), random.uniform(0, 6.28)
    out = out + (tilt * position + ripple * torch.sin(4 * position + phase))[:, None]
    if random.random() < 0.4:
        floor = float(out.amax()) - random.uniform(5.0, 9.0)
        noise = torch.from_numpy(random.normal(floor, 0.5, out.shape).astype(np.float32))
        out = torch.logaddexp(out, noise - 0.5 * random.random() * position[:, None])
    mean = out.mean()
    for _ in range(masks):
        width, start = random.integers(0, 9), random.integers(0, bands - 9)
        out[start : start + width] = mean
        width, start = random.integers(0, 13), random.integers(0, max(1, new_frames - 13))
        out[:, start : start + width] = mean
    return out
