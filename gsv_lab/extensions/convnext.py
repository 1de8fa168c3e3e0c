"""ConvNeXt blocks over time: the cheap workhorse of the small networks.

Letters: B batch, C channels, F frames. Does not know what the frames are.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, layer norm, two-layer perceptron, residual.

    (B, C, F) -> (B, C, F)

    Why: a wide receptive field for few multiplications, which counts on a CPU.
    Source: Liu et al. 2022, arXiv:2201.03545, figure 4; in one dimension as in Siuzdak 2023, arXiv:2306.00814, 3.2.
    Differs from the paper: an optional condition shifts and scales the normalised frames (adaptive layer norm).

    Args:
        width: channels C.
        kernel: frames seen by the depthwise convolution, odd.
        expansion: inner width of the perceptron in multiples of C.
        condition: width G of a condition vector (B, G, 1); 0 for none.
        dropout: share of residual values dropped in training.
    """

    def __init__(
        self, width: int, kernel: int = 7, expansion: int = 3, condition: int = 0, dropout: float = 0.0
    ) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, expansion * width)
        self.contract = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))
        self.condition = nn.Linear(condition, 2 * width) if condition else None
        self.dropout = nn.Dropout(dropout)
        if self.condition is not None:
            nn.init.zeros_(self.condition.weight)
            nn.init.zeros_(self.condition.bias)

    def forward(self, x: Tensor, mask: Tensor | None = None, condition: Tensor | None = None) -> Tensor:
        """`mask` (B, 1, F), 1 = valid, keeps padding from leaking into the convolution; `condition` (B, G, 1)."""
        inner = self.depthwise(x if mask is None else x * mask).transpose(1, 2)
        inner = self.norm(inner)
        if self.condition is not None and condition is not None:
            shift, gain = self.condition(condition.transpose(1, 2)).chunk(2, dim=-1)
            inner = inner * (1 + gain) + shift
        inner = self.contract(nn.functional.gelu(self.expand(inner))) * self.scale
        return x + self.dropout(inner).transpose(1, 2)
