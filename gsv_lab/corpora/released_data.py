"""Batches for the released families, from the stores that `gsv-lab store` makes: whole clips with all their phones.

Clips of like length come together, so many that the longest times their number is within `batch_seconds`. The released
trainers instead sort clips into fixed ranges of length and repeat a list of fewer than 100 clips, which batches that
follow from their number make needless. Letters: see `gsv_lab.corpora.sovits_data`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

from gsv_lab.corpora.augmentation import Alteration, SpeedAndEQAugmentation
from gsv_lab.corpora.gpt_data import GPTData
from gsv_lab.corpora.released_clips import LONGEST, SHORTEST
from gsv_lab.corpora.sovits_data import SoVITSItems
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt


class ReleasedGPTData(GPTData):
    """See `GPTData`; clips of 0.6 to 54 s.

    Args:
        store: see `SpeechData`.
        family: released family that the store must have been made for; empty for any store.
        train, valid, batch_seconds, exclude, boost, valid_batches, seed: see `SpeechData`.
        prompted, longest_joined, codebook: see `GPTData`.
    """

    def __init__(
        self,
        store: str,
        family: str = "",
        train: Sequence[str] = ("train",),
        valid: Sequence[str] = ("valid",),
        batch_seconds: PositiveFloat = 80.0,
        prompted: ClosedUnitInterval = 0.0,
        longest_joined: PositiveFloat = LONGEST,
        codebook: str = "",
        exclude: Sequence[str] = (),
        boost: Mapping[str, NonNegativeFloat] | None = None,
        valid_batches: PositiveInt = 6,
        seed: NonNegativeInt = 1234,
    ) -> None:
        super().__init__(
            store,
            train=train,
            valid=valid,
            batch_seconds=batch_seconds,
            longest=LONGEST,
            prompted=prompted,
            longest_joined=longest_joined,
            codebook=codebook,
            exclude=exclude,
            boost=boost,
            valid_batches=valid_batches,
            seed=seed,
        )
        self.family = family
        self.shortest = SHORTEST


class ReleasedSoVITSData(SoVITSItems):
    """See `SpeechData`; items are whole clips of 0.6 to 54 s.

    The reference is the target clip itself unless `other_clip` says otherwise.

    Args:
        store: see `SpeechData`.
        family: released family that the store must have been made for; empty for any store.
        train, valid, batch_seconds, exclude, boost, valid_batches, seed: see `SpeechData`.
        other_clip, augmentation, codebook: see `SoVITSData`.
    """

    def __init__(
        self,
        store: str,
        family: str = "",
        train: Sequence[str] = ("train",),
        valid: Sequence[str] = ("valid",),
        batch_seconds: PositiveFloat = 128.0,
        other_clip: ClosedUnitInterval = 0.0,
        augmentation: SpeedAndEQAugmentation | None = None,
        codebook: str = "",
        exclude: Sequence[str] = (),
        boost: Mapping[str, NonNegativeFloat] | None = None,
        valid_batches: PositiveInt = 3,
        seed: NonNegativeInt = 1234,
    ) -> None:
        super().__init__(
            store,
            train=train,
            valid=valid,
            batch_seconds=batch_seconds,
            longest=LONGEST,
            shortest=SHORTEST,
            exclude=exclude,
            boost=boost,
            valid_batches=valid_batches,
            seed=seed,
        )
        self.family = family
        self.other_clip = other_clip
        self.augmentation = augmentation
        self.codebook = codebook

    def window(self, index: int, random: np.random.Generator, alteration: Alteration) -> dict[str, Tensor]:
        """A whole clip with everything that belongs to it, unpadded, altered."""
        codes = self.codes(index)
        frames, hop = len(codes) * 2, self.store.hop
        source = self.other(index, random)
        length = self.store.rows[source].samples // (2 * hop) * 2
        clip = {
            "wave": alteration.wave(self.store.wave(index, 0, frames * hop), frames, hop),
            "codes": alteration.frames(codes),
            "phones": torch.from_numpy(self.store.track("symbols", index).astype(np.int64)),
            **self.reference(source, 0, length, alteration),
        }
        if self.has_positions:
            positions = self.store.track("positions", index)[:frames].astype(np.int64)
            clip["positions"] = alteration.frames(positions, 2)
        if self.has_pitch:
            clip["pitch"] = alteration.pitch(self.pitch(index, 0, frames))
        if "content" in self.needs:
            clip["content"] = self._content(index, frames, alteration)
        return clip

    def _content(self, index: int, frames: int, alteration: Alteration) -> Tensor:
        """Content (F50, D): frames of their own, or where the store keeps means over codes, those twice."""
        if self.store.has_track("hubert"):
            return alteration.frames(self.store.track("hubert", index)[:frames].astype(np.float32), 2)
        by_code = alteration.frames(self.store.track("content", index)[: frames // 2].astype(np.float32))
        return by_code.repeat_interleave(2, dim=0)
