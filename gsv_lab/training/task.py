"""What every training task shares: named losses, weights by the same names, a schedule that follows the budget."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytorch_lightning as pl
from torch import Tensor, nn, optim

from gsv_lab.checkpoint import read_header
from gsv_lab.checkpoint.native import load_tensors


def start_from(module: nn.Module, file: str | Path, own_part: str | None = None) -> None:
    """Go on from earlier weights of a module.

    Args:
        module: keeps its own start wherever the file has no tensor of the same name and shape.
        file: native weights.
        own_part: a part of it that keeps its own start altogether.

    Raises:
        CheckpointError: CKPT_MISSING, CKPT_FORMAT.
    """
    read_header(file)
    own = module.state_dict()
    found = load_tensors(file)
    if own_part is not None:
        found = {name: value for name, value in found.items() if not name.startswith(f"{own_part}.")}
    fitting = {name: value for name, value in found.items() if name in own and own[name].shape == value.shape}
    module.load_state_dict({**own, **fitting})


class Task(pl.LightningModule):
    """A LightningModule that is handed its networks and creates none.

    Subclasses return a dictionary of unweighted scalar losses; its keys are the keys of `weights` and, behind
    `train/` and `valid/`, the names in TensorBoard. `progress` runs from 0 to 1 with the budget (set by the `Budget`
    callback),
    and the learning rate follows it: a warm-up counted in batches, then a cosine down to a twentieth.

    Args:
        weights: loss name -> weight; losses without one count 1.
        learning_rate: peak, per step.
        warm_up: batches of linear warm-up.
        weight_decay: of AdamW, on tensors with more than one axis.
        gradient_clip: largest norm of the gradient; 0 for no limit.
    """

    def __init__(
        self,
        weights: Mapping[str, float] | None = None,
        learning_rate: float = 1e-3,
        warm_up: int = 200,
        weight_decay: float = 0.01,
        gradient_clip: float = 1.0,
    ) -> None:
        super().__init__()
        self.weights = dict(weights or {})
        self.learning_rate, self.warm_up, self.weight_decay = learning_rate, warm_up, weight_decay
        self.gradient_clip = gradient_clip
        self.progress = 0.0
        self.batches = 0

    def components(self) -> dict[str, nn.Module]:
        """The networks that this task trains, under the names of their files."""
        raise NotImplementedError

    def total(self, losses: Mapping[str, Tensor], stage: str = "train") -> Tensor:
        """Weighted sum; logs every term unweighted."""
        for name, value in losses.items():
            self.log(
                f"{stage}/{name}", value.detach(), on_step=stage == "train", on_epoch=stage != "train", batch_size=1
            )
        return sum(
            (self.weights.get(name, 1.0) * value for name, value in losses.items()),
            start=next(iter(losses.values())) * 0,
        )

    def rate(self) -> float:
        """Share of the peak learning rate for the coming step."""
        warm = min(1.0, (self.batches + 1) / max(1, self.warm_up))
        return warm * (0.05 + 0.95 * 0.5 * (1 + math.cos(math.pi * min(1.0, self.progress))))

    def optimizer_for(self, *modules: nn.Module, betas: tuple[float, float] = (0.9, 0.98)) -> optim.Optimizer:
        """AdamW over the trainable parameters of some modules; no decay on vectors."""
        parameters = [p for module in modules for p in module.parameters() if p.requires_grad]
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.dim() > 1], "weight_decay": self.weight_decay},
            {"params": [p for p in parameters if p.dim() <= 1], "weight_decay": 0.0},
        ]
        return optim.AdamW([g for g in groups if g["params"]], lr=self.learning_rate, betas=betas, eps=1e-8)

    def configure_gradient_clipping(
        self,
        optimizer: optim.Optimizer,
        gradient_clip_val: float | None = None,
        gradient_clip_algorithm: str | None = None,
    ) -> None:
        """Automatic optimization: clip by norm and log the norm."""
        self.clip(optimizer, "all")

    def clip(self, optimizer: optim.Optimizer, name: str) -> None:
        """Clip the gradient of an optimizer's parameters by its norm; logs the norm as `grad_norm/<name>`."""
        parameters = [p for group in optimizer.param_groups for p in group["params"] if p.grad is not None]
        limit = self.gradient_clip or float("inf")
        self.log(f"grad_norm/{name}", nn.utils.clip_grad_norm_(parameters, limit), batch_size=1)
