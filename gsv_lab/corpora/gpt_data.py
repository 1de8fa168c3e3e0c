"""Batches for SemanticGPT: phones with context features, and the codes of the recording.

Half of the items are two clips of one speaker, one after the other, as a prompt and its continuation are in synthesis.
Letters: B batch, P phones, C context features, F25 codes, G speaker width.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from tqdm.auto import tqdm

from gsv_lab.checkpoint import file_fingerprint, load_component
from gsv_lab.corpora.data import SpeechData, Splits, padded
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.texts import add_texts
from gsv_lab.errors import ConfigError
from gsv_lab.nn.sovits import SoVITS
from gsv_lab.system.environment import in_cache
from gsv_lab.system.ranges import ClosedUnitInterval, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt

JOINED = ("phones", "context", "codes")
"""Entries of an item that stand side by side where two clips are joined."""


class GPTBatch(NamedTuple):
    """Padded on the right: `phones` (B, P), `phone_lengths` (B,), `context` (B, C, P), `codes` (B, F25),
    `code_lengths` (B,), `positions` (B, F25) phone of each code, -1 where it is not known, `languages` per item; where
    the task needs it `speaker` (B, G, 1), the speaker vector of another clip of the speaker.
    """

    phones: Tensor
    phone_lengths: Tensor
    context: Tensor
    codes: Tensor
    code_lengths: Tensor
    positions: Tensor
    languages: list[str]
    speaker: Tensor | None = None


class GPTData(SpeechData):
    """See `SpeechData`.

    Args:
        prompted: share of items with a prompt clip of the same speaker in front.
        longest_joined: seconds that prompt and target may have together.
        worst_fit, codebook: see `SoVITSData`.
        speaker_file: weights of a SoVITS whose frontend and speaker encoder make one vector a clip, for a SemanticGPT
            with `speaker_dim`; a relative path lies below the cache folder.
    """

    def __init__(
        self,
        store: str,
        train: Splits = ("train",),
        valid: Sequence[str] = ("valid",),
        batch_seconds: PositiveFloat = 120.0,
        longest: PositiveFloat = 17.0,
        prompted: ClosedUnitInterval = 0.5,
        longest_joined: PositiveFloat = 24.0,
        worst_fit: float = -4.0,
        codebook: str = "",
        speaker_file: str = "",
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
            longest=longest,
            exclude=exclude,
            boost=boost,
            valid_batches=valid_batches,
            seed=seed,
        )
        self.prompted = prompted
        self.longest_joined = longest_joined
        self.worst_fit: float | None = worst_fit
        self.codebook = codebook
        self.speaker_file = speaker_file

    def missing(self, field: str) -> str:
        """Speaker vectors need a network that makes them; the phones of codes are a track of the store."""
        if field == "positions":
            return ""
        if field != "speaker":
            return super().missing(field)
        return "" if self.speaker_file else "speaker_file of the data: the weights of a SoVITS"

    def make_tracks(self) -> None:
        """`context` (P, C): context features of each clip's text; speaker vectors where the task needs them."""
        self.make_context()
        if "speaker" in self.needs:
            self.speaker_track = add_speakers(self.store, in_cache(self.speaker_file))

    def make_context(self) -> None:
        """The track `context` (P, C), from the clips' texts."""
        if not self.store.has_track("context"):
            add_texts(self.store)

    def find_context(self) -> str:
        """The track of the context features that the task's network reads.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, none has the width that it reads, or several have.
        """
        width = 0 if self._task is None else self._task.context_dim()
        names = self.store.variants("context")
        widths = [int(self.store.track_info(name)["shape"][0]) for name in names]
        fitting = [name for name, found in zip(names, widths, strict=True) if found == width or not width]
        if len(fitting) == 1:
            return fitting[0]
        there = ", ".join(f"{name} of {found}" for name, found in zip(names, widths, strict=True))
        problem = f"SemanticGPT reads {width} context features of a phone; the store {self.store_folder} has {there}"
        advice = self.command() or "Choose another store, or change the task"
        raise ConfigError("CONFIG_INCONSISTENT", problem, "one track of that width", advice)

    def setup(self, stage: str = "fit") -> None:
        """Adds the tracks that there are and the clips of each speaker.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, the store is not aligned and the task needs that; those of `find_context`,
                `check_ids` and `SpeechData`.
            DataError: those of `SpeechData`.
        """
        super().setup(stage)
        self.find_codes(self.codebook)
        self.check_ids()
        self.context_name = self.find_context()
        self.has_positions = self.store.has_track("positions")
        if "positions" in self.needs and not self.has_positions:
            problem = f"The task needs the phone of each code, and the store {self.store_folder} is not aligned"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "a SemanticGPT without monotonic alignment or guide")
        self.mates = self.by_speaker(self.chosen["train"])
        self.valid_mates = self.by_speaker(self.chosen["valid"])

    def collate(self, indices: Sequence[int], n: int | None) -> GPTBatch:
        """See `SpeechData.collate`."""
        random = np.random.default_rng((self.seed, 5, n or 0))
        items = []
        for index in indices:
            item = self.item(index)
            mates = self._others(self.mates, index)
            if n is not None and mates and random.random() < self.prompted:
                prompt = int(random.choice(mates))
                if self.seconds(prompt) + self.seconds(index) <= self.longest_joined:
                    item = join(self.item(prompt), item)
            items.append(item)
        return GPTBatch(
            phones=padded(items, "phones"),
            phone_lengths=torch.tensor([len(item["phones"]) for item in items]),
            context=padded(items, "context", 0.0).transpose(1, 2),
            codes=padded(items, "codes"),
            code_lengths=torch.tensor([len(item["codes"]) for item in items]),
            positions=padded(items, "positions", -1),
            languages=[self.store.rows[i].language for i in indices],
            speaker=self.speakers(indices, n) if "speaker" in self.needs else None,
        )

    def item(self, index: int) -> dict[str, Tensor]:
        """One clip: phones (P,), context (P, C), codes (F25,), positions (F25,)."""
        codes = self.codes(index)
        phones = self.store.track("symbols", index).astype(np.int64)
        context = self.store.track(self.context_name, index).astype(np.float32)
        by_code = np.full(len(codes), -1)
        if self.has_positions:
            by_frame = self.store.track("positions", index).astype(np.int64)
            by_code = by_frame[1 : 2 * len(codes) : 2].copy()
        return {
            "phones": torch.from_numpy(phones),
            "context": torch.from_numpy(context),
            "codes": torch.from_numpy(codes),
            "positions": torch.from_numpy(by_code),
        }

    def speakers(self, indices: Sequence[int], n: int | None) -> Tensor:
        """Speaker vectors (B, G, 1), each of another clip of the item's speaker where there is one.

        A vector of the clip itself would also hold what is said in it. In validation it is always the same other clip.
        """
        random = np.random.default_rng((self.seed, 8, n or 0))
        vectors = []
        for index in indices:
            others = self._others(self.valid_mates if n is None else self.mates, index)
            if others:
                index = others[0] if n is None else int(random.choice(others))
            vectors.append(torch.from_numpy(self.store.track(self.speaker_track, index).copy()))
        return torch.stack(vectors).transpose(1, 2)

    def _others(self, mates: Mapping[str, list[int]], index: int) -> list[int]:
        same = mates.get(self.store.rows[index].speaker, [])
        return [i for i in same if i != index]


def join(prompt: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A prompt and its continuation as one item."""
    joined = {name: torch.cat([prompt[name], target[name]]) for name in JOINED}
    shifted = target["positions"] + len(prompt["phones"])
    positions = torch.where(target["positions"] >= 0, shifted, -1)
    joined["positions"] = torch.cat([prompt["positions"], positions])
    return joined


@torch.no_grad()
def add_speakers(store: ClipStore, file: Path) -> str:
    """The speaker vector of every clip as a track (1, G), computed once for each weight file.

    Args:
        store: the clips; their pitch is read from the track `pitch` where there is one.
        file: weights of a SoVITS.

    Returns:
        name of the track, with the file's fingerprint in it.

    Raises:
        CheckpointError: CKPT_MISSING, there is no such file.
    """
    name = f"speaker-{file_fingerprint(file)[:16]}"
    if store.has_track(name):
        return name
    sovits = load_component(file, SoVITS)

    def vectors() -> Iterator[np.ndarray]:
        for index in tqdm(range(len(store)), "speaker vectors"):
            wave = torch.from_numpy(store.wave(index))[None, None]
            log_f0, voicing = _pitch(store, index)
            features = sovits.frontend.reference(wave, log_f0, voicing)
            yield sovits.speaker_encoder(features)[..., 0].numpy().astype(np.float32)

    store.add_track(name, vectors(), source=str(file))
    return name


def _pitch(store: ClipStore, index: int) -> tuple[Tensor | None, Tensor | None]:
    """Log-F0 and voicing of a clip, two (1, 1, F100); None where the store has not measured them."""
    if not store.has_track("pitch"):
        return None, None
    pitch = torch.from_numpy(store.track("pitch", index).astype(np.float32))
    return pitch[None, None, :, 0], pitch[None, None, :, 1]
