"""Batches for SemanticGPT: phones with context features, and the codes of the recording.

Half of the items are two clips of one speaker, one after the other, as a prompt and its continuation are in synthesis.
Letters: B batch, P phones, C context features, F25 codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from gsv_lab.corpora.data import SpeechData
from gsv_lab.corpora.texts import add_texts


class GPTBatch(NamedTuple):
    """Padded on the right: `phones` (B, P), `phone_lengths` (B,), `context` (B, C, P), `codes` (B, F25),
    `code_lengths` (B,), `positions` (B, F25) phone of each code or -1, `languages` per item.
    """

    phones: Tensor
    phone_lengths: Tensor
    context: Tensor
    codes: Tensor
    code_lengths: Tensor
    positions: Tensor
    languages: list[str]


class GPTData(SpeechData):
    """See `SpeechData`.

    Args:
        prompted: share of items with a prompt clip of the same speaker in front.
        longest_joined: seconds that prompt and target may have together.
        worst_fit: see `SoVITSData`.
    """

    def __init__(
        self,
        store: str,
        corpora: Sequence[str] = (),
        train: Sequence[str] = ("train",),
        valid: Sequence[str] = ("valid",),
        batch_seconds: float = 120.0,
        longest: float = 17.0,
        prompted: float = 0.5,
        longest_joined: float = 24.0,
        worst_fit: float = -4.0,
        exclude: Sequence[str] = (),
        boost: Mapping[str, float] | None = None,
        valid_batches: int = 6,
        seed: int = 1234,
    ) -> None:
        super().__init__(store, corpora, train, valid, batch_seconds, longest, 1.0, exclude, boost, valid_batches, seed)
        self.prompted, self.longest_joined, self.worst_fit = prompted, longest_joined, worst_fit

    def make_tracks(self) -> None:
        """`context` (P, C): context features of each clip's text, computed once."""
        add_texts(self.store)

    def setup(self, stage: str = "fit") -> None:
        """Adds the clips of each speaker."""
        super().setup(stage)
        self.mates = self.by_speaker(self.chosen["train"])

    def collate(self, indices: Sequence[int], n: int | None) -> GPTBatch:
        """See `SpeechData.collate`."""
        random = np.random.default_rng((self.seed, 5, n or 0))
        items = []
        for index in indices:
            item = self.item(index)
            mates = [i for i in self.mates.get(self.store.rows[index].speaker, ()) if i != index]
            if n is not None and mates and random.random() < self.prompted:
                prompt = int(random.choice(mates))
                if self._seconds(prompt) + self._seconds(index) <= self.longest_joined:
                    item = join(self.item(prompt), item)
            items.append(item)
        padded = {
            name: torch.nn.utils.rnn.pad_sequence([i[name] for i in items], batch_first=True, padding_value=fill)
            for name, fill in (("phones", 0), ("context", 0.0), ("codes", 0), ("positions", -1))
        }
        return GPTBatch(
            phones=padded["phones"],
            phone_lengths=torch.tensor([len(i["phones"]) for i in items]),
            context=padded["context"].transpose(1, 2),
            codes=padded["codes"],
            code_lengths=torch.tensor([len(i["codes"]) for i in items]),
            positions=padded["positions"],
            languages=[self.store.rows[i].language for i in indices],
        )

    def item(self, index: int) -> dict[str, Tensor]:
        """One clip: phones (P,), context (P, C), codes (F25,), positions (F25,)."""
        codes = torch.from_numpy(self.store.track("codes", index).astype(np.int64))
        positions = self.store.track("positions", index).astype(np.int64)
        return {
            "phones": torch.from_numpy(self.store.track("symbols", index).astype(np.int64)),
            "context": torch.from_numpy(self.store.track("context", index).astype(np.float32)),
            "codes": codes,
            "positions": torch.from_numpy(positions[1 : 2 * len(codes) : 2].copy()),
        }


def join(prompt: Mapping[str, Tensor], target: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A prompt and its continuation as one item."""
    shifted = torch.where(target["positions"] >= 0, target["positions"] + len(prompt["phones"]), -1)
    return {
        **{name: torch.cat([prompt[name], target[name]]) for name in ("phones", "context", "codes")},
        "positions": torch.cat([prompt["positions"], shifted]),
    }
