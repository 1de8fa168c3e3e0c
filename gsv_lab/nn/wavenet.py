"""The gated convolution stack that posterior and flow are made of.

Letters: B batch, C channels, F frames, G width of the condition (a speaker vector).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import weight_norm

from gsv_lab.hooks.tap import Component, Tap


class WaveNet(Component):
    """Dilated convolutions with tanh-sigmoid gates; every layer adds to the residual stream and to the output.

    (B, C, F), mask (B, 1, F), condition (B, G, 1) -> (B, C, F)

    Why: many frames of context at a constant width, and a condition that can close any gate.
    Source: van den Oord et al. 2016, arXiv:1609.03499, eq. 3 and figure 4, not causal, as in WaveGlow, Prenger et al.
    2018, arXiv:1811.00002, 2.2. Weight norm: Salimans and Kingma 2016, arXiv:1602.07868.

    Args:
        width: channels C.
        layers: number of layers.
        kernel: frames seen by a layer, odd.
        condition: width G of the condition; 0 for none.
        dilation: layer i looks `dilation ** i` frames apart.
        dropout: share of gated values dropped in training.
    """

    output = Tap("batch dim frame", meaning="sum of what the layers contribute")

    def __init__(
        self,
        width: int,
        layers: int,
        kernel: int = 5,
        condition: int = 0,
        dilation: int = 1,
        dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.width = width
        self.gates = nn.ModuleList()
        self.outs = nn.ModuleList()
        for index in range(layers):
            step = dilation**index
            padding = step * (kernel // 2)
            gate = nn.Conv1d(width, 2 * width, kernel, dilation=step, padding=padding)
            self.gates.append(weight_norm(gate))
            # The last layer has no residual stream to feed.
            is_last = index == layers - 1
            out = nn.Conv1d(width, width if is_last else 2 * width, 1)
            self.outs.append(weight_norm(out))
        self.condition: nn.Module | None = None
        if condition:
            self.condition = weight_norm(nn.Conv1d(condition, 2 * width * layers, 1))
        self.dropout = nn.Dropout(dropout)

    def forward(self, x: Tensor, mask: Tensor, condition: Tensor | None = None) -> Tensor:
        """See the class; without `condition` the gates get no offset."""
        offsets = self._offsets(condition)
        total = torch.zeros_like(x)
        for gate, out, offset in zip(self.gates, self.outs, offsets, strict=True):
            gated = gate(x)
            if offset is not None:
                gated = gated + offset
            values, openings = gated.chunk(2, dim=1)
            inner = torch.tanh(values) * torch.sigmoid(openings)
            inner = out(self.dropout(inner))
            if inner.shape[1] > self.width:
                step, inner = inner.chunk(2, dim=1)
                x = (x + step) * mask
            total = total + inner
        return self.output(total * mask)

    def _offsets(self, condition: Tensor | None) -> list[Tensor | None]:
        """What the condition adds in each layer before its gates: (B, 2 C, 1) each."""
        n_layers = len(self.gates)
        if condition is None or self.condition is None:
            return [None] * n_layers
        return list(self.condition(condition).chunk(n_layers, dim=1))
