"""Multi-head attention with optional relative positions, and the transformer stack of VITS made of it.

The stack serves content, text and the two together.
Letters: B batch, C channels, F frames (or phones), H heads, Q queries, K keys. Channel-first at the border.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.errors import ConfigError
from gsv_lab.hooks.tap import Component, Tap

BLOCKED = -1e4
"""Added to the score of a masked key. Finite, so that an item without any valid key gives numbers."""


class AttentionCore(Component):
    """Scaled dot-product attention with several heads, for classes that wrap other layers around it.

    attend: query (B, C, Q), context (B, C, K), mask of keys (B, 1, K) -> (B, C, Q)

    Why: every frame chooses for itself what else to look at. Distances enter, if `window` is set, by two learned
    tables over the distances -window .. window, shared by all heads; beyond the window distance counts for nothing.
    Source: Vaswani et al. 2017, arXiv:1706.03762, eq. 1; tables: Shaw et al. 2018, arXiv:1803.02155, eqs. 3-5.
    Differs from the paper: beyond the window there is no clipping to the outermost entry, but nothing is added.

    Args:
        width: channels C, a multiple of `heads`.
        heads: number of heads H.
        window: greatest distance with an entry in the tables; None for attention without positions.
        dropout: share of weights dropped in training.
        scale: factor on the scores; one over the root of a head's width if None.

    Raises:
        ConfigError: `width` is not a multiple of `heads`.
    """

    pattern = Tap("batch head query key", meaning="attention weights")

    def __init__(
        self,
        width: int,
        heads: int,
        window: int | None = None,
        dropout: float = 0.0,
        scale: float | None = None,
    ) -> None:
        super().__init__()
        if width % heads:
            problem = f"width is {width} and heads is {heads}"
            raise ConfigError("CONFIG_INCONSISTENT", problem, "a width that is a multiple of heads")
        head_width = width // heads
        self.heads = heads
        self.window = window or 0
        self.dropout = dropout
        self.scale = head_width**-0.5 if scale is None else scale
        self.query = nn.Conv1d(width, width, 1)
        self.key = nn.Conv1d(width, width, 1)
        self.value = nn.Conv1d(width, width, 1)
        self.out = nn.Conv1d(width, width, 1)
        for layer in (self.query, self.key, self.value):
            nn.init.xavier_uniform_(layer.weight)
        self.relative_keys = None if window is None else _distance_table(window, head_width)
        self.relative_values = None if window is None else _distance_table(window, head_width)

    def attend(self, query: Tensor, context: Tensor, mask: Tensor | None) -> Tensor:
        """See the class; `mask` is true for the keys that may be looked at."""
        # Written out also where a fused kernel would do: a sentence has some hundred frames, where the kernel saves
        # nothing, and a watched pass then gives the very same samples as an unwatched one.
        q = self._split(self.query(query)) * self.scale
        k = self._split(self.key(context))
        v = self._split(self.value(context))
        scores = q @ k.transpose(2, 3)
        if self.relative_keys is not None:
            scores = scores + self._by_key(q @ self.relative_keys.transpose(1, 2))
        if mask is not None:
            blocked = (1 - mask.to(q.dtype)) * BLOCKED
            scores = scores + blocked[:, :, None]
        weights = self.pattern(scores.softmax(-1))
        weights = functional.dropout(weights, self.dropout, self.training)
        mixed = weights @ v
        if self.relative_values is not None:
            mixed = mixed + self._by_distance(weights) @ self.relative_values
        return self.out(mixed.transpose(2, 3).flatten(1, 2))

    def _split(self, x: Tensor) -> Tensor:
        # (B, C, F) -> (B, H, F, C / H)
        return x.unflatten(1, (self.heads, -1)).transpose(2, 3)

    def _diagonals(self, like: Tensor) -> Tensor:
        # (B, H, F, 2 w + 1): where the keys at distances -w .. w of every query stand, counted in a row padded by w on
        # both sides.
        queries = torch.arange(like.shape[2], device=like.device)
        distances = torch.arange(2 * self.window + 1, device=like.device)
        columns = queries[:, None] + distances
        return columns.expand(*like.shape[:2], -1, -1)

    def _by_key(self, by_distance: Tensor) -> Tensor:
        # (B, H, F, 2 w + 1) by distance -> (B, H, F, F) by key, zero beyond the window.
        n_frames = by_distance.shape[2]
        padded = by_distance.new_zeros(*by_distance.shape[:3], n_frames + 2 * self.window)
        padded = padded.scatter(-1, self._diagonals(by_distance), by_distance)
        return padded[..., self.window : self.window + n_frames]

    def _by_distance(self, by_key: Tensor) -> Tensor:
        # The inverse of `_by_key`: (B, H, F, F) by key -> (B, H, F, 2 w + 1) by distance.
        padded = functional.pad(by_key, (self.window, self.window))
        return padded.gather(-1, self._diagonals(by_key))


def _distance_table(window: int, head_width: int) -> nn.Parameter:
    return nn.Parameter(torch.randn(1, 2 * window + 1, head_width) * head_width**-0.5)


class MultiHeadAttention(AttentionCore):
    """Attention and nothing else: query (B, C, Q), context (B, C, K), mask of keys (B, 1, K) -> (B, C, Q).

    Args: see `AttentionCore`.
    """

    def forward(self, query: Tensor, context: Tensor, mask: Tensor | None = None) -> Tensor:
        """See the class; `mask` is true for the keys that may be looked at."""
        return self.attend(query, context, mask)


class ChannelNorm(nn.LayerNorm):
    """Layer norm over the channels of every frame: (B, C, F) -> (B, C, F)."""

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        normalised = super().forward(x.transpose(1, 2))
        return normalised.transpose(1, 2)


class EncoderLayer(Component):
    """Self-attention, then a two-layer convolution; after each the residual is added and normalised.

    (B, C, F), mask (B, 1, F) -> (B, C, F)

    Source: the text encoder of VITS, Kim et al. 2021, arXiv:2106.06103, appendix B, after Ren et al. 2019,
    arXiv:1905.09263, 3.1.

    Args:
        width: channels C.
        filter_width: channels between the two convolutions.
        heads: attention heads.
        kernel: frames seen by each convolution, odd.
        dropout: share dropped in training.
        window: greatest distance in the tables of relative positions.
    """

    residual = Tap("batch dim frame", meaning="frames after the layer")

    def __init__(
        self,
        width: int,
        filter_width: int,
        heads: int,
        kernel: int = 3,
        dropout: float = 0.1,
        window: int | None = 4,
    ) -> None:
        super().__init__()
        self.attention = MultiHeadAttention(width, heads, window, dropout)
        self.expand = nn.Conv1d(width, filter_width, kernel, padding=kernel // 2)
        self.contract = nn.Conv1d(filter_width, width, kernel, padding=kernel // 2)
        self.norm_attention = ChannelNorm(width)
        self.norm_filter = ChannelNorm(width)
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """See the class."""
        attended = self.attention(x, x, mask)
        x = self.norm_attention(x + self.dropout(attended))
        inner = torch.relu(self.expand(x * mask))
        inner = self.dropout(inner)
        inner = self.contract(inner * mask) * mask
        return self.residual(self.norm_filter(x + self.dropout(inner)))


class EncoderStack(Component):
    """Several `EncoderLayer`s: (B, C, F), mask (B, 1, F) -> (B, C, F), zero where the mask is.

    Args:
        layers: number of layers.
        width, filter_width, heads, kernel, dropout, window: see `EncoderLayer`.
    """

    def __init__(
        self,
        layers: int,
        width: int,
        filter_width: int,
        heads: int,
        kernel: int = 3,
        dropout: float = 0.1,
        window: int | None = 4,
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList()
        for _ in range(layers):
            self.layers.append(EncoderLayer(width, filter_width, heads, kernel, dropout, window))

    def forward(self, x: Tensor, mask: Tensor) -> Tensor:
        """See the class."""
        x = x * mask
        for layer in self.layers:
            x = layer(x, mask)
        return x * mask
