"""The transformer block of the SemanticGPT: positions, attention, feed-forward.

x (B, S, D) -> (B, S, D)

Post-norm blocks as in the first transformer, a packed query-key-value projection, sines with one learned scale. The
same modules serve teacher forcing (no cache) and decoding (with a `LayerCache`), so that taps fire in both.
Masks come from `semantic_gpt.py`.
Letters: B batch, S steps of the joint sequence (phones first, then codes), K keys seen, H heads, D width.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Component, Tap
from gsv_lab.nn.kv_cache import LayerCache


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

    table: Tensor

    def __init__(self, dim: int, size: int = 512) -> None:
        super().__init__()
        self.dim = dim
        self.scale = nn.Parameter(torch.ones(1))
        self.register_buffer("table", sine_table(size, dim), persistent=False)

    def forward(self, x: Tensor, start: int = 0, skip: Tensor | None = None) -> Tensor:
        """`start` is the column of x[:, 0]; `skip` (B,) counts padding columns on the left, which take no position."""
        end = start + x.shape[1]
        if end > len(self.table):
            size = max(end, 2 * len(self.table))
            self.table = sine_table(size, self.dim).to(self.table)
        if skip is None:
            return x + self.scale * self.table[start:end]
        columns = torch.arange(start, end, device=x.device)
        positions = columns - skip[:, None]
        return x + self.scale * self.table[positions.clamp(min=0)]


def sine_table(size: int, dim: int) -> Tensor:
    """Sines and cosines of positions 0 to `size` - 1, interleaved: (size, dim)."""
    columns = torch.arange(0, dim, 2, dtype=torch.float32)
    rates = torch.exp(columns * (-math.log(10000.0) / dim))
    positions = torch.arange(size, dtype=torch.float32)
    angles = positions[:, None] * rates
    pairs = torch.stack([angles.sin(), angles.cos()], dim=-1)
    return pairs.flatten(1)


class SelfAttention(Component):
    """Multi-head self-attention with a packed projection (rows: queries, keys, values).

    x (B, S, D), mask (B or 1, 1, S, K) added to the scores -> (B, S, D)

    Source: Vaswani et al. 2017, arXiv:1706.03762, section 3.2. The fused kernel is used unless `pattern` is watched.

    Args:
        dim: width D.
        n_heads: heads H, a divisor of D.
        dropout: share of attention weights dropped in training.

    Raises:
        ConfigError: `n_heads` does not divide `dim`.
    """

    pattern = Tap("batch head query key", meaning="attention weights over phones, then codes")
    mix = Tap("batch head query dim", meaning="values mixed by each head, before the heads are joined")

    def __init__(self, dim: int, n_heads: int, dropout: float = 0.0) -> None:
        super().__init__()
        if dim % n_heads:
            problem = f"dim is {dim}, which is no multiple of n_heads {n_heads}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "a dim that is a multiple of n_heads")
        self.n_heads = n_heads
        self.dropout = dropout
        self.qkv = nn.Linear(dim, 3 * dim)
        self.output = nn.Linear(dim, dim)
        nn.init.xavier_uniform_(self.qkv.weight)
        nn.init.zeros_(self.qkv.bias)
        nn.init.zeros_(self.output.bias)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """With a `cache`, x holds only the new steps and the keys are all steps so far."""
        batch, steps, dim = x.shape
        packed = self.qkv(x).view(batch, steps, 3, self.n_heads, dim // self.n_heads)
        packed = packed.permute(2, 0, 3, 1, 4)
        query = packed[0]
        pair = packed[1:]
        if cache is not None:
            pair = cache.extend(pair)
        key, value = pair.unbind(0)
        if mask is not None:
            mask = mask.to(query.dtype)
        if not self.pattern.live():
            dropout = self.dropout if self.training else 0.0
            mixed = functional.scaled_dot_product_attention(query, key, value, mask, dropout)
        else:
            mixed = self._watched(query, key, value, mask)
        joined = self.mix(mixed).transpose(1, 2).reshape(batch, steps, dim)
        return self.output(joined)

    def _watched(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        mask: Tensor | None,
    ) -> Tensor:
        scores = (query @ key.transpose(-1, -2)) * (query.shape[-1] ** -0.5)
        if mask is not None:
            scores = scores + mask
        weights = self.pattern(scores.softmax(-1))
        return functional.dropout(weights, self.dropout, self.training) @ value


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
        self,
        dim: int,
        n_heads: int,
        ffn_dim: int,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.dropout = dropout
        self.attention = SelfAttention(dim, n_heads, attention_dropout)
        self.attention_norm = nn.LayerNorm(dim)
        self.expand = nn.Linear(dim, ffn_dim)
        self.contract = nn.Linear(ffn_dim, dim)
        self.mlp_norm = nn.LayerNorm(dim)

    def forward(
        self,
        x: Tensor,
        mask: Tensor | None = None,
        cache: LayerCache | None = None,
    ) -> Tensor:
        """See `SelfAttention.forward` for `mask` and `cache`."""
        attended = self._drop(self.attention(x, mask, cache))
        x = self.attention_norm(x + attended)
        inner = functional.relu(self.expand(x))
        added = self.mlp(self.contract(self._drop(inner)))
        return self.residual(self.mlp_norm(x + self._drop(added)))

    def _drop(self, x: Tensor) -> Tensor:
        # Without this test every decode step would pay three calls a layer for nothing.
        if self.training and self.dropout:
            return functional.dropout(x, self.dropout)
        return x
