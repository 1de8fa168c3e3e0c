"""A model small enough to predict by hand, with every kind of tap: rates, whole numbers, heads, read-only."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from gsv_lab.hooks import Component, Tap


class Attend(Component):
    """Two heads over frames: (B, 4, F) -> (B, 4, F)."""

    pattern = Tap("batch head query key", meaning="attention weights")
    mixed = Tap("batch dim frame", rate=50.0, meaning="values after mixing")

    def __init__(self) -> None:
        super().__init__()
        self.query = nn.Conv1d(4, 4, 1)

    def forward(self, x: Tensor) -> Tensor:
        q = self.query(x).unflatten(1, (2, 2)).transpose(2, 3)
        v = x.unflatten(1, (2, 2)).transpose(2, 3)
        mixed = self.pattern((q @ q.transpose(2, 3)).softmax(-1)) @ v
        return self.mixed(mixed.transpose(2, 3).flatten(1, 2))


class Layer(Component):
    """Attention with a residual: (B, 4, F) -> (B, 4, F)."""

    residual = Tap("batch dim frame", rate="frame_rate", unit="V", meaning="after the layer")

    def __init__(self, frame_rate: float = 50.0) -> None:
        super().__init__()
        self.frame_rate = frame_rate
        self.attention = Attend()

    def forward(self, x: Tensor) -> Tensor:
        return self.residual(x + self.attention(x))


class Prior(Component):
    """Layers, a score of every frame, whole numbers and a tap whose value is not used: (B, 4, F) -> (B, 4, F)."""

    mean = Tap("batch dim frame", rate=50.0, unit="nat", meaning="what comes out")
    code = Tap("batch token", rate=25.0, meaning="whole numbers")
    aside = Tap("batch frame", rate=50.0, meaning="for looking only", read_only=True)

    def __init__(self, layers: int = 2) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer() for _ in range(layers))

    def forward(self, x: Tensor) -> Tensor:
        for layer in self.layers:
            x = layer(x)
        if self.aside.live():
            self.aside(x.mean(1))
        codes = self.code((x[:, 0, ::2] * 10).long())
        return self.mean(x + 0 * codes.sum())


class Silent(Component):
    """Never called by the lab."""

    nothing = Tap("batch", meaning="nothing")


class Lab:
    """What a loaded lab looks like to a probe: parts under names."""

    def __init__(self, layers: int = 2) -> None:
        torch.manual_seed(0)
        self.prior, self.flow, self.posterior = Prior(layers).eval(), Layer(100.0).eval(), Silent()

    def components(self) -> dict[str, nn.Module]:
        return {"prior": self.prior, "flow": self.flow, "posterior": self.posterior}

    def speak(self, x: Tensor) -> Tensor:
        return self.flow(self.prior(x))


def sound(batch: int = 1, frames: int = 6, seed: int = 1) -> Tensor:
    """(B, 4, F), repeatable."""
    return torch.randn(batch, 4, frames, generator=torch.Generator().manual_seed(seed))
