"""Batches for an evaluation recogniser: band levels and phones of one language.

Letters: B batch, M bands, F frames at 100 Hz, P phone labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple, cast

import numpy as np
import torch
from scipy.fft import dct
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader
from tqdm.auto import tqdm

from gsv_lab.corpora.augmentation import SpectralMask
from gsv_lab.corpora.content_data import add_phones, augment, pad_frames
from gsv_lab.corpora.data import SpeechData
from gsv_lab.corpora.first_alignment import first_alignment
from gsv_lab.corpora.store import Row
from gsv_lab.extensions.phone_recogniser import BandLevels, normalise_bands
from gsv_lab.system.ranges import NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt
from gsv_lab.text import CTC_SYMBOLS

if TYPE_CHECKING:
    from gsv_lab.training.recogniser_task import RecogniserTask

TRACK = "erb_levels"


class RecogniserBatch(NamedTuple):
    """`levels` (B, M, F) normalised, `frames` (B,) valid ones, `labels` (B, P) and `label_lengths` (B,).

    `sounding` (B, F / stride) says which label sounds in each step by the first alignment: 0 silence, -1 unknown.
    """

    levels: Tensor
    frames: Tensor
    labels: Tensor
    label_lengths: Tensor
    sounding: Tensor


class RecogniserData(SpeechData):
    """See `SpeechData`. Language and alphabet are those of the task's recogniser; other clips are left out.

    Args:
        stretch: largest change of tempo and of formants in training, as a logarithm.
        masks: masks along the bands; there is one mask along time for each second and a half.
    """

    def __init__(
        self,
        store: str,
        corpora: Sequence[str] = (),
        train: Sequence[str] = ("train",),
        valid: Sequence[str] = ("valid",),
        batch_seconds: PositiveFloat = 40.0,
        longest: PositiveFloat = 17.0,
        exclude: Sequence[str] = (),
        boost: Mapping[str, NonNegativeFloat] | None = None,
        valid_batches: PositiveInt = 8,
        stretch: NonNegativeFloat = 0.14,
        masks: NonNegativeInt = 2,
        seed: NonNegativeInt = 4321,
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
        self.sounding: dict[int, np.ndarray] = {}

    def make_tracks(self) -> None:
        """`erb_levels` (F, M) half precision at 100 Hz for clips of all languages; `phones`, see `add_phones`."""
        self.recogniser = cast("RecogniserTask", self._task).recogniser
        names = {name: number for number, name in enumerate(self.recogniser.phone_names, start=1)}
        self._own = np.array([names.get(name, 0) for name in CTC_SYMBOLS])
        if not self.store.has_track(TRACK):
            self._measure(self.recogniser.levels)
        add_phones(self.store)

    def _measure(self, levels: BandLevels) -> None:
        def frames() -> Iterator[np.ndarray]:
            for index in tqdm(range(len(self.store)), "band levels"):
                wave = torch.from_numpy(self.store.wave(index))
                with torch.no_grad():
                    found = levels(wave[None])
                yield found[0].T.numpy().astype(np.float16)

        self.store.add_track(TRACK, frames(), rate=100, bands=levels.bands)

    def train_dataloader(self) -> DataLoader:
        """See `SpeechData`. While the task still learns from the first alignment, that is made now."""
        task = cast("RecogniserTask", self._task)
        if not self.sounding and self._start() < task.flat_start:
            self.sounding = self._aligned(self.chosen["train"])
        return super().train_dataloader()

    def _aligned(self, chosen: Sequence[int]) -> dict[int, np.ndarray]:
        """The first alignment of some clips, by index."""
        stride = self.recogniser.stride
        clips = [normalise_bands(self.raw(index)).numpy() for index in chosen]
        loudness = [clip[:, ::stride].mean(0) for clip in clips]
        labels = [self.labels(index) for index in chosen]
        found = first_alignment(cepstra(clips, stride), loudness, labels)
        return dict(zip(chosen, found, strict=True))

    def raw(self, index: int) -> Tensor:
        """Levels (M, F) of a clip as they were measured."""
        return torch.from_numpy(self.store.track(TRACK, index).astype(np.float32)).T

    def labels(self, index: int) -> np.ndarray:
        """Phones of a clip in the recogniser's own numbers; 0 for one that is not in its alphabet."""
        return self._own[self.store.track("phones", index)]

    def usable(self, index: int, row: Row) -> bool:
        """Clips of the recogniser's language and alphabet, with room for all their phones."""
        if row.language != self.recogniser.language or not super().usable(index, row):
            return False
        labels = self.labels(index)
        room = self.seconds(index) * self.recogniser.frame_rate
        return len(labels) >= 2 and labels.min() > 0 and len(labels) * 1.2 < room

    def collate(self, indices: Sequence[int], n: int | None) -> RecogniserBatch:
        """See `SpeechData.collate`."""
        random = np.random.default_rng((self.seed, 7, n or 0))
        clips = [self.levels(index, None if n is None else random) for index in indices]
        labels = [torch.from_numpy(self.labels(index).astype(np.int64)) for index in indices]
        sounding = []
        for index, clip in zip(indices, clips, strict=True):
            steps = int(self.recogniser.steps(torch.tensor(clip.shape[1])))
            sounding.append(self.stretched(index, steps))
        return RecogniserBatch(
            levels=pad_frames(clips),
            frames=torch.tensor([clip.shape[1] for clip in clips]),
            labels=pad_sequence(labels, batch_first=True),
            label_lengths=torch.tensor([len(row) for row in labels]),
            sounding=pad_sequence(sounding, batch_first=True, padding_value=-1),
        )

    def stretched(self, index: int, steps: int) -> Tensor:
        """The first alignment of a clip at another tempo: (steps,); all -1 where there is none."""
        known = self.sounding.get(index)
        if known is None:
            return torch.full((steps,), -1)
        nearest = np.linspace(0, len(known) - 1, steps).round().astype(int)
        return torch.from_numpy(known[nearest].astype(np.int64))

    def levels(self, index: int, random: np.random.Generator | None) -> Tensor:
        """Normalised levels (M, F) of a clip; with a generator those of another voice, room and tempo, masked."""
        levels = self.raw(index)
        if random is None:
            return normalise_bands(levels)
        levels = normalise_bands(augment(levels, random, self.stretch, masks=0))
        bands, frames = levels.shape
        widest = bands // 6
        for _ in range(self.masks):
            SpectralMask.draw(random, 0, widest, bands - widest).fill(levels, 0.0)
        for _ in range(frames // 150):
            SpectralMask.draw(random, 1, 13, frames).fill(levels, 0.0)
        return levels


def cepstra(clips: Sequence[np.ndarray], stride: int, coefficients: int = 13) -> list[np.ndarray]:
    """Cepstral coefficients and their slope over 70 ms at every `stride`-th frame, of like scale: (M, F) -> (F', 2 C).

    A cosine transform makes neighbouring bands nearly independent, as a Gaussian with one variance a feature wants.
    """
    found = []
    for clip in clips:
        cepstrum = dct(clip, axis=0, norm="ortho")[:coefficients]
        last = clip.shape[1] - 1
        centre = np.arange(0, clip.shape[1], stride)
        near = [cepstrum[:, np.clip(centre + shift, 0, last)] for shift in (-3, -1, 0, 1, 3)]
        level = (near[1] + near[2] + near[3]) / 3
        slope = near[4] - near[0]
        found.append(np.concatenate([level, slope]).T)
    scale = np.concatenate(found).std(0)
    return [(clip / scale).astype(np.float32) for clip in found]
