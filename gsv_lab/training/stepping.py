"""From losses to steps, for every task: rates, accumulated gradients, loss scales, clipping.

Tasks step their optimizers by hand, which has traps in Lightning, met here: gradients are clipped and learning rates
set by hand; Lightning's `global_step` counts all optimizers, so everything here counts batches; each optimizer has a
loss scale of its own, since a shared one would move between the batches of which another one adds up gradients; and
gradients are computed outside of autocast, which would otherwise make the gradient of a spectrum in half precision.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn, optim
from torch.amp.grad_scaler import GradScaler
from torch.utils._pytree import tree_map

from gsv_lab.errors import ConfigError
from gsv_lab.system.rows import Rows
from gsv_lab.system.settings import Recipe
from gsv_lab.training.finite import check_gradient, not_finite
from gsv_lab.training.ranks import Ranks, some_rows
from gsv_lab.training.schedules import Cosine, Schedule

LOG = logging.getLogger(__name__)
HALF = "16-mixed"
"""Lightning's name of the precision that needs loss scales."""
LEAST_SCALE = 2.0**-8
"""A loss scale below this means that gradients are infinite whatever they are scaled by."""


class Stepping(pl.LightningModule):
    """A LightningModule that makes its steps by itself.

    A step follows every `accumulate` batches; gradients that wait for it are part of a training's state.

    Args:
        learning_rate: peak, per step.
        warm_up: batches of linear warm-up.
        weight_decay: of AdamW, on tensors with more than one axis.
        gradient_clip: largest norm of the gradient; 0 for no limit.
    """

    own_schedule = False
    """Whether the task's schedule is part of what it is, so that no recipe replaces it."""
    averaged = True
    """Whether a step takes the mean of the gradients of its batches; else it takes their sum."""
    is_shared = False
    """Whether several processes can train it together: batches can be cut into rows, and losses are means."""

    def __init__(self, learning_rate: float, warm_up: int, weight_decay: float, gradient_clip: float) -> None:
        super().__init__()
        self.automatic_optimization = False
        self.learning_rate = learning_rate
        self.warm_up = warm_up
        self.weight_decay = weight_decay
        self.gradient_clip = gradient_clip
        self.schedule: Schedule = Cosine()
        self.accumulate = 1
        self.rates: dict[str, float] = {}
        self.weight_warm_up: dict[str, int] = {}
        self.progress = 0.0
        self.batches = 0
        """Number of the batch that is under way, counted over all resumptions."""
        self.batches_per_epoch = 0
        """Batches of one pass over the data; 0 where the data do not say."""
        self.moving = ""
        """Name of the optimizer that makes a step."""
        self.ranks: Ranks | None = None
        """The processes that train together; None for one that trains alone."""
        self.rows: Rows | None = None
        """What this process has of the batch, where several share it."""
        self.ended = False
        """Whether this process has been told to end."""
        self._norm: Tensor | None = None
        self._scalers: list[GradScaler] = []
        self._loaded: dict[str, Any] = {}

    def rated_modules(self) -> dict[str, Sequence[nn.Module]]:
        """What may have a learning rate of its own, by name."""
        raise NotImplementedError

    def adopt(self, recipe: Recipe) -> None:
        """Take over what a recipe says.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, a part is not there, or the task's schedule is an argument of its own;
                CONFIG_TYPE, the schedule is none.
        """
        if recipe.schedule is not None:
            if self.own_schedule:
                problem = f"{type(self).__name__} counts its learning rate in steps of its own"
                raise ConfigError("CONFIG_INCONSISTENT", problem, "its schedule in task.init_args.schedule")
            if not isinstance(recipe.schedule, Schedule):
                given = type(recipe.schedule).__name__
                raise ConfigError("CONFIG_TYPE", f"recipe.schedule is {given}", "a class of gsv_lab.training.schedules")
            self.schedule = recipe.schedule
        self.accumulate = recipe.accumulate or self.accumulate
        self.rates |= recipe.rates
        self.weight_warm_up |= recipe.weight_warm_up
        self._factors()

    def rate(self) -> float:
        """Share of the peak learning rate for the coming step."""
        warm = min(1.0, (self.batches + 1) / max(1, self.warm_up))
        per_epoch = self.batches_per_epoch // self.accumulate
        return warm * self.schedule.rate(self.updates, per_epoch, self.progress)

    def rise(self, loss: str) -> float:
        """Share of a loss's weight that counts at this batch.

        Source: of the KL term, Bowman et al. 2016, arXiv:1511.06349, 3.1, there along a sigmoid.
        """
        batches = self.weight_warm_up.get(loss, 0)
        return min(1.0, self.batches / batches) if batches else 1.0

    def due(self, batch: int) -> bool:
        """Whether a step follows this batch of the training, counted from 0."""
        return (batch + 1) % self.accumulate == 0

    @property
    def updates(self) -> int:
        """Steps before this batch."""
        return self.batches // self.accumulate

    def optimizer_for(
        self,
        *modules: nn.Module,
        betas: tuple[float, float] = (0.9, 0.98),
        eps: float = 1e-8,
        decay_vectors: bool = False,
    ) -> optim.Optimizer:
        """AdamW over the trainable parameters of some modules, in groups by weight decay and factor on the rate.

        Args:
            modules: what is moved.
            betas: of AdamW.
            eps: of AdamW.
            decay_vectors: decay tensors with one axis, too.
        """
        factors = self._factors()
        groups: dict[tuple[float, bool], list[nn.Parameter]] = {}
        for parameter in (p for module in modules for p in module.parameters() if p.requires_grad):
            key = (factors.get(id(parameter), 1.0), decay_vectors or parameter.dim() > 1)
            groups.setdefault(key, []).append(parameter)
        made = []
        for factor, decays in sorted(groups, key=lambda key: (-key[0], not key[1])):
            scale = {} if factor == 1 else {"scale": factor}
            decay = self.weight_decay if decays else 0.0
            made.append({"params": groups[factor, decays], "weight_decay": decay, **scale})
        return optim.AdamW(made, lr=self.learning_rate * self.rate(), betas=betas, eps=eps)

    def step(self, number: int, loss: Tensor, name: str) -> None:
        """Backward; where a step is due also clip and step.

        Args:
            number: of the optimizer.
            loss: its share of the mean over the batches of a step.
            name: of the optimizer in logs.

        Raises:
            LabError: TRAIN_NONFINITE.
        """
        optimizers: Any = self.optimizers()
        optimizer = optimizers[number] if isinstance(optimizers, list) else optimizers
        scaler = self._scalers[number] if self._scalers else GradScaler(loss.device.type, enabled=False)
        with torch.autocast(loss.device.type, enabled=False):
            self.manual_backward(scaler.scale(loss))
            due = self.due(self.batches)
            if self.ranks is not None:
                # What waits for a step waits with the first process, which saves it.
                self.ranks.add((p for group in optimizer.param_groups for p in group["params"]), everywhere=due)
            if not due:
                return
            self.moving = name
            self._norm = None
            scaler.unscale_(optimizer)
            scaler.step(optimizer)  # by way of `on_before_optimizer_step`, and not where a gradient is infinite
            scaler.update()
            optimizer.zero_grad()
        if self._norm is not None:
            self.log(f"grad_norm/{name}", self._norm, batch_size=1)
        if scaler.is_enabled():
            self.log(f"loss_scale/{name}", scaler.get_scale(), batch_size=1)
            if scaler.get_scale() < LEAST_SCALE:
                what = f"The gradient of '{name}' is infinite at a loss scale of {LEAST_SCALE:g}"
                raise not_finite(what, self.batches)

    def on_before_optimizer_step(self, optimizer: optim.Optimizer) -> None:
        """Clip the gradient by its norm; callbacks have seen the whole one.

        Raises:
            LabError: TRAIN_NONFINITE, the norm is not finite.
        """
        parameters = []
        for group in optimizer.param_groups:
            parameters += [p for p in group["params"] if p.grad is not None]
        limit = self.gradient_clip or float("inf")
        # Logged in the step: what a hook logs in the first batch drops what the step has logged by then.
        self._norm = nn.utils.clip_grad_norm_(parameters, limit)
        check_gradient(self._norm, self.moving, self.batches)

    def own_rows(self, batch: Any) -> Any:
        """Of a batch that several processes train on, the rows of this one; any other batch as it is."""
        if self.ranks is None or not self.trainer.training:
            return batch
        self.rows = self.ranks.rows(len(batch[0]))
        return some_rows(batch, self.rows)

    def on_train_batch_start(self, batch: Any, batch_idx: int) -> int | None:
        """No batch more where this process has been told to end."""
        return -1 if self.ended else None

    def on_validation_model_zero_grad(self) -> None:
        """Gradients that wait for the next step stay: by itself Lightning drops them before each validation."""

    def on_save_checkpoint(self, checkpoint: dict[str, Any]) -> None:
        """The gradients that wait for the next step, and the loss scales."""
        waiting = {name: p.grad for name, p in self.named_parameters() if p.grad is not None}
        checkpoint["gradients"] = waiting
        checkpoint["loss_scales"] = [scaler.state_dict() for scaler in self._scalers]

    def on_load_checkpoint(self, checkpoint: Mapping[str, Any]) -> None:
        """Keep both until the training starts: until then Lightning takes the gradients away."""
        self._loaded = {name: checkpoint[name] for name in ("gradients", "loss_scales") if name in checkpoint}

    def on_train_start(self) -> None:
        """Go on adding and scaling."""
        loaded, self._loaded = self._loaded, {}
        for name, parameter in self.named_parameters():
            if name in loaded.get("gradients", {}):
                parameter.grad = loaded["gradients"][name].to(parameter.device)
        if self.trainer.precision == HALF:
            self._scalers = [GradScaler(self.device.type) for _ in self.trainer.optimizers]
        for scaler, state in zip(self._scalers, loaded.get("loss_scales", []), strict=False):
            scaler.load_state_dict(state)

    def shared_state(self, optimizers: Sequence[optim.Optimizer]) -> dict[str, Any]:
        """All that another process needs to go on with this training, on the CPU."""
        state: dict[str, Any] = {"weights": self.state_dict(), "optimizers": [one.state_dict() for one in optimizers]}
        self.on_save_checkpoint(state)
        return tree_map(lambda value: value.cpu() if isinstance(value, Tensor) else value, state)

    def take_over(self, state: Mapping[str, Any], optimizers: Sequence[optim.Optimizer]) -> None:
        """Go on with the training of another process."""
        self.load_state_dict(state["weights"])
        for optimizer, own in zip(optimizers, state["optimizers"], strict=True):
            optimizer.load_state_dict(own)
        self.on_load_checkpoint({"loss_scales": state["loss_scales"]})  # what waits is with that one
        self.on_train_start()

    def _factors(self) -> dict[int, float]:
        """Factors on the rates of parameters, by identity.

        Raises:
            ConfigError: CONFIG_INCONSISTENT, there is no such part.
        """
        known = self.rated_modules() if self.rates else {}
        factors: dict[int, float] = {}
        for name, rate in self.rates.items():
            if name not in known:
                problem = f"There is no part '{name}' that could have a learning rate of its own"
                raise ConfigError("CONFIG_INCONSISTENT", problem, ", ".join(known) or "none in this task")
            learning = {id(p) for module in known[name] for p in module.parameters() if p.requires_grad}
            if not learning:
                LOG.warning("Nothing of the part '%s' learns: what `rates` says of it does nothing", name)
            factors |= {key: factors.get(key, 1.0) * rate for key in learning}
        return factors


@contextmanager
def still(module: nn.Module) -> Iterator[None]:
    """Context in which gradients pass through a module and leave none in it.

    A generator's loss passes the discriminators, whose own gradients may be waiting for a step.
    """
    learning = [p for p in module.parameters() if p.requires_grad]
    for parameter in learning:
        parameter.requires_grad_(False)
    try:
        yield
    finally:
        for parameter in learning:
            parameter.requires_grad_(True)
