"""What cached decoding keeps: keys and values of every layer, hidden columns, counts.

Letters: A rows still running, S steps, K keys seen, H heads, D width.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from gsv_lab.nn.interfaces import DecodingCache


class LayerCache:
    """Keys and values of one layer, (2, A, H, room, D / H), written into room made in advance.

    Growing by half instead of concatenating at every step keeps a decode of N steps from copying N^2 values.
    """

    __slots__ = ("length", "store")

    def __init__(self) -> None:
        self.length = 0
        self.store: Tensor | None = None

    def extend(self, pair: Tensor) -> Tensor:
        """Append keys and values (2, A, H, S, D / H) along the steps; gives back all so far, as a view."""
        start, end = self.length, self.length + pair.shape[3]
        if self.store is None or end > self.store.shape[3]:
            self.store = self._grown(pair, end + max(end // 2, 128))
        self.store[:, :, :, start:end] = pair
        self.length = end
        return self.store[:, :, :, :end]

    def _grown(self, pair: Tensor, room: int) -> Tensor:
        grown = pair.new_empty(*pair.shape[:3], room, pair.shape[4])
        if self.store is not None:
            grown[:, :, :, : self.length] = self.store[:, :, :, : self.length]
        return grown

    def select(self, rows: Tensor) -> None:
        """Keep only these rows of the batch."""
        if self.store is not None:
            self.store = self.store[:, rows]


class KVCache(DecodingCache):
    """The cache of one decode of a transformer.

    An empty one is handed to `SemanticGPT.forward`, then the same one to every `SemanticGPT.step`. Written under
    `torch.no_grad()` only.
    """

    def __init__(self) -> None:
        self.layers: list[LayerCache] = []
        self.n_codes = 0
        self.hidden: Tensor | None = None
        """(A, K) added to the scores of the first K keys: -inf at padding. None: nothing is padded."""
        self.skip: Tensor | None = None
        """(A,) padding columns left of the first code. None: nothing is padded."""
        self.speaker: Tensor | None = None
        """(A, 1, D) what the speaker adds to every embedding, or None."""

    def begin(
        self,
        n_codes: int,
        speaker: Tensor | None,
        hidden: Tensor | None,
        skip: Tensor | None,
    ) -> None:
        """What the first pass over text and prompt finds out; `skip` (A,) counts padding before each prompt.

        Raises:
            ValueError: the cache has been used.
        """
        if self.layers:
            raise ValueError("the cache has been used; a new decode needs a new one")
        self.n_codes = n_codes
        self.speaker = speaker
        self.hidden = hidden
        self.skip = skip if skip is not None and bool(skip.any()) else None

    def layer(self, index: int) -> LayerCache:
        """The store of layer `index`, made on first use."""
        while len(self.layers) <= index:
            self.layers.append(LayerCache())
        return self.layers[index]

    def mask(self, dtype: torch.dtype) -> Tensor | None:
        """Scores to add for one new step: (A, 1, 1, K + 1), or None where nothing is hidden."""
        if self.hidden is None:
            return None
        new_columns = self.layers[0].length + 1 - self.hidden.shape[1]
        scores = functional.pad(self.hidden, (0, new_columns))
        return scores.to(dtype)[:, None, None]

    def select(self, rows: Tensor) -> None:
        """Keep only these rows of the batch (the others have finished)."""
        for layer in self.layers:
            layer.select(rows)
        if self.hidden is not None:
            self.hidden = self.hidden[rows]
        if self.skip is not None:
            self.skip = self.skip[rows]
        if self.speaker is not None:
            self.speaker = self.speaker[rows]
