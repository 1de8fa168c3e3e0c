"""ConvNeXt blocks over time, of which most of the small networks are made.

Letters: B batch, C channels, F frames, G speaker width.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional


class ConvNeXtBlock(nn.Module):
    """Depthwise convolution, layer norm, two-layer perceptron, residual.

    (B, C, F) -> (B, C, F)

    Why: a wide receptive field for few multiplications, which counts on a CPU.
    Source: Liu et al. 2022, arXiv:2201.03545, figure 4; in one dimension as in Siuzdak 2023, arXiv:2306.00814, 3.2.

    Args:
        width: channels C.
        kernel: frames seen by the depthwise convolution, odd.
        expansion: inner width of the perceptron in multiples of C.
        dropout: share of residual values dropped in training.
    """

    def __init__(
        self,
        width: int,
        kernel: int = 7,
        expansion: int = 3,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.depthwise = nn.Conv1d(width, width, kernel, padding=kernel // 2, groups=width)
        self.norm = nn.LayerNorm(width)
        self.expand = nn.Linear(width, expansion * width)
        self.contract = nn.Linear(expansion * width, width)
        self.scale = nn.Parameter(torch.full((width,), 0.1))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor) -> Tensor:
        """See the class."""
        inner = self.depthwise(x).transpose(1, 2)
        inner = self.expand(self.norm(inner))
        inner = self.contract(functional.gelu(inner))
        inner = self.dropout(inner * self.scale)
        return x + inner.transpose(1, 2)


class ConvNeXtStack(nn.Module):
    """ConvNeXt blocks at the rate of spectral frames: latents (B, C, F), speaker (B, G, 1) -> (B, width, rate * F).

    Args:
        in_dim: C.
        speaker_dim: G; added once, after the first layer. 0 for none.
        width, layers, kernel, expansion: of the blocks.
        rate: frames made of one frame, each with its own weights.
    """

    def __init__(
        self,
        in_dim: int,
        speaker_dim: int,
        width: int,
        layers: int,
        kernel: int,
        expansion: int,
        rate: int,
    ) -> None:
        super().__init__()
        self.rate = rate
        self.in_proj = nn.Conv1d(in_dim, width * rate, 3, padding=1)
        self.condition = nn.Conv1d(speaker_dim, width, 1) if speaker_dim else None
        self.norm_in = nn.LayerNorm(width)
        self.norm_out = nn.LayerNorm(width)
        self.blocks = nn.ModuleList()
        for _ in range(layers):
            self.blocks.append(ConvNeXtBlock(width, kernel, expansion))

    def forward(self, z: Tensor, speaker: Tensor | None, offset: Tensor | None = None) -> Tensor:
        """See the class; `offset` (B, width, rate * F) is added before the first block."""
        x = self.in_proj(z).unflatten(1, (self.rate, -1))
        x = x.permute(0, 2, 3, 1).flatten(2)
        if speaker is not None and self.condition is not None:
            x = x + self.condition(speaker)
        if offset is not None:
            x = x + offset
        x = self._normalised(self.norm_in, x)
        for block in self.blocks:
            x = block(x)
        return self._normalised(self.norm_out, x)

    @staticmethod
    def _normalised(norm: nn.Module, x: Tensor) -> Tensor:
        return norm(x.transpose(1, 2)).transpose(1, 2)
