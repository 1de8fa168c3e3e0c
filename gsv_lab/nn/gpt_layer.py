"""The transformer block of the SemanticGPT: positions, attention, feed-forward, and the cache of keys and values.

x (B, S, D) -> (B, S, D)

Post-norm blocks as in the first transformer, a packed query-key-value projection, sines with one learned scale. The
same modules serve teacher forcing (no cache) and decoding (a `Cache` is handed in), so that taps fire in both.
Letters: B batch, S steps of the joint sequence (phones first, then codes), K keys seen, H heads, D width.
Does not know phones, codes, or which step may see which: masks come from `semantic_gpt.py`.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.extensions.monotonic_alignment import Choose, Walk
from gsv_lab.hooks.tap import Component, Tap


class SinePosition(nn.Module):
    """Sine positions with a learned scale: x + scale * table[position].

    (B, S, D) -> (B, S, D)

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.5; even columns are sines, odd ones cosines.
    Differs from the paper: one learned scalar multiplies the table and the embedding is not multiplied by sqrt(D).
    The table grows on demand and is never saved.

    Args:
        dim: width D, even.
        size: rows made at once.
    """

    def __init__(self, dim: int, size: int = 512) -> None:
        super().__init__()
        self.dim = dim
        self.scale = nn.Parameter(torch.ones(1))
        self.table: Tensor
        self.register_buffer("table", sine_table(size, dim), persistent=False)

    def forward(self, x: Tensor, start: int = 0, skip: Tensor | None = None) -> Tensor:
        """`start` is the column of x[:, 0]; `skip` (B,) counts padding columns on the left, which take no position."""
        end = start + x.shape[1]
        if end > len(self.table):
            grown = sine_table(max(end, 2 * len(self.table)), self.dim)
            self.table = grown.to(device=self.table.device, dtype=self.table.dtype)
        if skip is None:
            rows = self.table[start:end]
        else:
            columns = torch.arange(start, end, device=x.device) - skip[:, None]
            rows = self.table[columns.clamp(min=0)]
        return x + self.scale * rows


def sine_table(size: int, dim: int) -> Tensor:
    """Sines and cosines of positions 0 to `size` - 1, interleaved: (size, dim)."""
    rate = torch.exp(torch.arange(0, dim, 2, dtype=torch.float32) * (-math.log(10000.0) / dim))
    angle = torch.arange(size, dtype=torch.float32)[:, None] * rate
    return torch.stack([angle.sin(), angle.cos()], dim=-1).flatten(1)


class LayerCache:
    """Keys and values of one layer, (2, B, H, room, D / H), written into room made in advance.

    Growing by half instead of concatenating at every step keeps a decode of N steps from copying N^2 values.
    """

    __slots__ = ("length", "store")

    def __init__(self) -> None:
        self.length = 0
        self.store: Tensor | None = None

    def extend(self, pair: Tensor) -> Tensor:
        """Appends keys and values (2, B, H, S, D / H) along the steps; gives back all so far, as a view."""
        start, end = self.length, self.length + pair.shape[3]
        if self.store is None or end > self.store.shape[3]:
            room = pair.new_empty(*pair.shape[:3], end + max(end // 2, 128), pair.shape[4])
            if self.store is not None:
                room[:, :, :, :start] = self.store[:, :, :, :start]
            self.store = room
        self.store[:, :, :, start:end] = pair
        self.length = end
        return self.store[:, :, :, :end]

    def select(self, rows: Tensor) -> None:
        """Keeps only these rows of the batch."""
        if self.store is not None:
            self.store = self.store[:, rows]


class Cache:
    """What decoding remembers of one batch: keys and values per layer, hidden columns, counts.

    A new, empty one is handed to `SemanticGPT.forward`, then the same one to every `SemanticGPT.step`. Written under
    `torch.no_grad()` only.
    """

    def __init__(self) -> None:
        self.layers: list[LayerCache] = []
        self.n_codes = 0
        self.hidden: Tensor | None = None
        """(B, K) added to the scores of the first K keys: -inf at padding. None: nothing is padded."""
        self.skip: Tensor | None = None
        """(B,) padding columns left of the first code. None: nothing is padded."""
        self.speaker: Tensor | None = None
        """(B, 1, D) what the speaker adds to every embedding, or None."""
        self.walk: Walk | None = None
        """Where a network with a pointer stands in the text."""
        self.choose: Choose | None = None
        """How such a network chooses its moves; set before the decode starts. None takes the likeliest."""

    def begin(self, n_codes: int, speaker: Tensor | None, hidden: Tensor | None, code_skip: Tensor | None) -> None:
        """What the first pass over text and prompt knows; `code_skip` (B,) counts padding before each prompt.

        Raises:
            ValueError: the cache has been used.
        """
        if self.layers:
            raise ValueError("the cache has been used; a new decode needs a new one")
        self.n_codes, self.speaker, self.hidden = n_codes, speaker, hidden
        self.skip = code_skip if code_skip is not None and bool(code_skip.any()) else None

    def layer(self, index: int) -> LayerCache:
        """The store of layer `index`, made on first use."""
        while len(self.layers) <= index:
            self.layers.append(LayerCache())
        return self.layers[index]

    def mask(self, dtype: torch.dtype) -> Tensor | None:
        """Scores to add for one new step: (B, 1, 1, K + 1), or None where nothing is hidden."""
        if self.hidden is None:
            return None
        room = self.layers[0].length + 1
        return functional.pad(self.hidden, (0, room - self.hidden.shape[1])).to(dtype)[:, None, None]

    def select(self, rows: Tensor) -> None:
        """Keeps only these rows of the batch (the others have finished)."""
        for layer in self.layers:
            layer.select(rows)
        self.hidden = None if self.hidden is None else self.hidden[rows]
        self.skip = None if self.skip is None else self.skip[rows]
        self.speaker = None if self.speaker is None else self.speaker[rows]
        if self.walk is not None:
            self.walk.select(rows)


class SelfAttention(Component):
    """Multi-head self-attention with a packed projection (rows: queries, keys, values).

    x (B, S, D), mask (B or 1, 1, S, K) added to the scores -> (B, S, D)

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2. The fused kernel is used unless `pattern` is watched.

    Args:
        dim: width D.
        n_heads: heads H, a divisor of D.
        dropout: share of attention weights dropped in training.

    Raises:
        ValueError: `n_heads` does not divide `dim`.
    """

    pattern = Tap("batch head query key", meaning="attention weights over phones, then codes")
    mix = Tap("batch head query dim", meaning="values mixed by each head, before the heads are joined")

    def __init__(self, dim: int, n_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if dim % n_heads:
            raise ValueError(f"dim {dim} is not a multiple of n_heads {n_heads}")
        self.n_heads, self.dropout = n_heads, dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.output.bias)

    def forward(self, x: Tensor, mask: Tensor | None = None, cache: LayerCache | None = None) -> Tensor:
        """With a `cache`, x holds only the new steps and the keys are all steps so far."""
        batch, steps, dim = x.shape
        packed = self.qkv(x).view(batch, steps, 3, self.n_heads, dim // self.n_heads)
        packed = packed.permute(2, 0, 3, 1, 4)
        query = packed[0]
        key, value = (packed[1:] if cache is None else cache.extend(packed[1:])).unbind(0)
        if mask is not None and mask.dtype != query.dtype:
            mask = mask.to(query.dtype)
        dropout = self.dropout if self.training else 0.0
        if self.pattern.live is None:
            mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=mask, dropout_p=dropout)
        else:
            scores = (query @ key.transpose(-1, -2)) * (query.shape[-1] ** -0.5)
            weights = self.pattern((scores if mask is None else scores + mask).softmax(-1))
            mixed = functional.dropout(weights, dropout, self.training) @ value
        mixed = self.mix(mixed)
        return self.output(mixed.transpose(1, 2).reshape(batch, steps, dim))


class GPTLayer(Component):
    """Post-norm transformer block: attention, then a two-layer perceptron, each added and normalised.

    (B, S, D) -> (B, S, D):  x = norm(x + attention(x));  x = norm(x + contract(relu(expand(x))))

    Source: Vaswani et al. 2017, arXiv:1706.03762, sections 3.1 and 3.3 (equation 2).

    Args:
        dim: width D.
        n_heads: heads of the attention.
        ffn_dim: inner width of the perceptron.
        dropout: share dropped in training after the attention, inside and after the perceptron.
        attention_dropout: share of attention weights dropped in training.
    """

    mlp = Tap("batch step dim", meaning="what the perceptron adds to the stream")
    residual = Tap("batch step dim", meaning="stream after the block")

    def __init__(
        self, dim: int, n_heads: int, ffn_dim: int, dropout: float = 0.0, attention_dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention = SelfAttention(dim, n_heads, attention_dropout)
        self.attention_norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, ffn_dim)
        self.contract = nn.Linear(ffn_dim, dim)
        self.mlp_norm = nn.LayerNorm(dim)

    def forward(self, x: Tensor, mask: Tensor | None = None, cache: LayerCache | None = None) -> Tensor:
        """See `SelfAttention.forward` for `mask` and `cache`."""
        x = self.attention_norm(x + self._drop(self.attention(x, mask, cache)))
        inner = self.contract(self._drop(functional.relu(self.expand(x))))
        return self.residual(self.mlp_norm(x + self._drop(self.mlp(inner))))

    def _drop(self, x: Tensor) -> Tensor:
        # Without this test every decode step would pay three calls a layer for nothing.
        return functional.dropout(x, self.dropout) if self.training and self.dropout else x
