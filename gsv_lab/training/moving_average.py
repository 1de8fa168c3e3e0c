"""An exponential moving average of weights, which hides the noise of single batches.

Source: Polyak and Juditsky 1992, SIAM J. Control Optim. 30(4), in its exponential form.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn


class MovingAverage:
    """The averaged tensors of a module.

    Args:
        decay: share of the average that a step keeps.
        warm_up: follow closely in the first steps: after n of them the share is at most (1 + n) / (10 + n).
    """

    def __init__(self, decay: float = 0.999, warm_up: bool = True) -> None:
        self.decay = decay
        self.warm_up = warm_up
        self.tensors: dict[str, Tensor] = {}
        self.steps = 0

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Move the average towards the module's tensors."""
        self.steps += 1
        decay = self.decay
        if self.warm_up:
            decay = min(decay, (1 + self.steps) / (10 + self.steps))
        for name, value in module.state_dict().items():
            known = self.tensors.get(name)
            if known is None or not value.is_floating_point():
                self.tensors[name] = value.detach().clone()
            else:
                # A resumed average lies where it was loaded to; it moves once to where the weights are.
                self.tensors[name] = known.to(value.device).lerp_(value, 1 - decay)

    @contextmanager
    def applied(self, module: nn.Module) -> Iterator[None]:
        """The module with averaged tensors inside the block."""
        own = {name: value.clone() for name, value in module.state_dict().items()}
        if self.tensors:
            module.load_state_dict(self.tensors)
        try:
            yield
        finally:
            module.load_state_dict(own)

    def state_dict(self) -> dict[str, Any]:
        """Averaged tensors and steps so far."""
        return {"average": self.tensors, "updates": self.steps}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on averaging."""
        self.tensors = state["average"]
        self.steps = state["updates"]
