"""ScaledAdam: Adam whose steps are proportional to the size of each parameter tensor, and which learns that size.

Letters: p a parameter tensor, g its gradient, r(p) its root mean square, n the step from 0. Learning rates are set from
outside (`gsv_lab.training.schedules`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class ScaledAdam(torch.optim.Optimizer):
    """Adam with updates scaled by r(p), and a second Adam for the logarithm of each tensor's size.

    Why: tensors of very different size train with one learning rate; the released autoregressive model was made so.
    Source: Yao et al. 2023, arXiv:2310.11230 (Zipformer), section 3.5, equations 2-6, with the details of the icefall
    toolkit, listed here because the paper leaves them out:

    - momentum is kept in the step, not in the gradient: delta = b1 * delta + (1 - b1) * step;
    - r(p) is measured anew every `size_period` steps, and only then is the size moved, by the sum of p . g since;
    - tensors of one element take plain Adam steps at `lr * scalar_rate` and are kept within `scalar_max`;
    - gradients are clipped together: the norm of all g * r(p) is held against `clipping_scale` times its median over
      the last `clipping_period` steps. Nothing is clipped before the first period is full.

    Args:
        params: parameters or groups.
        lr: relative step; 0.01 changes a tensor by about 1 % of its size a step.
        betas: decay of the step's momentum, and of the squared gradients.
        eps: added to the root of the squared gradients.
        clipping_scale: multiple of the median norm that is let through; None: never clip.
        clipping_period: steps between two medians.
        scalar_rate: factor on `lr` for one-element tensors and for sizes.
        min_rms: sizes below are not shrunk, and steps are not made smaller than for this size.
        max_rms: sizes are not grown beyond.
        scalar_max: bound of one-element tensors.
        size_period: steps between two moves of the sizes.
        clip_sizes_only: clipping reaches only the sizes, while the steps see the whole gradient, as in the released
            trainer; False: it reaches both.

    Raises:
        ValueError: `lr`, `betas` or a period outside its range.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float = 0.03,
        betas: tuple[float, float] = (0.9, 0.98),
        eps: float = 1e-8,
        clipping_scale: float | None = None,
        clipping_period: int = 100,
        scalar_rate: float = 0.1,
        min_rms: float = 1e-5,
        max_rms: float = 3.0,
        scalar_max: float = 10.0,
        size_period: int = 4,
        clip_sizes_only: bool = False,
    ) -> None:
        in_range = [0 <= beta < 1 for beta in betas]
        if lr < 0 or not all(in_range):
            raise ValueError(f"lr {lr} must be 0 or more, betas {betas} in [0, 1)")
        if clipping_period < 1 or size_period < 1:
            raise ValueError(f"clipping_period {clipping_period} and size_period {size_period} must be 1 or more")
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "clipping_scale": clipping_scale,
            "clipping_period": clipping_period,
            "scalar_rate": scalar_rate,
            "min_rms": min_rms,
            "max_rms": max_rms,
            "scalar_max": scalar_max,
            "size_period": size_period,
            "clip_sizes_only": clip_sizes_only,
        }
        super().__init__(params, defaults)

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:  # type: ignore[override]
        """One update of all parameters that have a gradient."""
        loss = None
        if closure is not None:
            with torch.enable_grad():
                loss = closure()
        for group in self.param_groups:
            self._step_group(group)
        return loss

    def _step_group(self, group: dict[str, Any]) -> None:
        params = [p for p in group["params"] if p.grad is not None]
        for p in params:
            if not self.state[p]:
                self._begin(p, group)
        clip = self._clip(params, group)
        step_clip = 1.0 if group["clip_sizes_only"] else clip
        for p in params:
            if p.numel() == 1:
                self._step_scalar(p, group, step_clip)
            else:
                self._step_tensor(p, group, step_clip, clip)
            self.state[p]["step"] += 1

    def _begin(self, p: Tensor, group: dict[str, Any]) -> None:
        state = self.state[p]
        state["step"] = 0
        state["delta"] = torch.zeros_like(p)
        state["square"] = torch.zeros_like(p)
        if p.numel() > 1:
            state["rms"] = p.square().mean().sqrt()
            state["size_square"] = torch.zeros_like(state["rms"])
            state["size_grads"] = p.new_zeros(group["size_period"])

    def _clip(self, params: list[Tensor], group: dict[str, Any]) -> float:
        """Factor on all gradients of this step. The history of norms is kept with the group's first parameter."""
        if group["clipping_scale"] is None or not params:
            return 1.0
        state = self.state[params[0]]
        period = group["clipping_period"]
        n = state["step"]
        if n == 0:
            return 1.0
        norm = self._scaled_norm(params)
        norms = state.setdefault("norms", norm.new_zeros(period))
        norms[n % period] = norm
        if n % period == 0:
            middle = min(period - 1, period // 4 * 2)
            median = norms.sort().values[middle]
            state["threshold"] = group["clipping_scale"] * median
        if n < period or "threshold" not in state:
            return 1.0
        factor = float(state["threshold"] / (norm + 1e-20))
        return min(1.0, factor)

    def _scaled_norm(self, params: list[Tensor]) -> Tensor:
        """Norm of all g * r(p); the gradients of one-element tensors count as they are."""
        squares = []
        for p in params:
            scaled = p.grad
            if p.numel() > 1:
                scaled = p.grad * self.state[p]["rms"]
            squares.append(scaled.square().sum())
        return torch.stack(squares).sum().sqrt()

    def _step_tensor(self, p: Tensor, group: dict[str, Any], clip: float, size_clip: float) -> None:
        """Adam's step times r(p); `clip` is for the step, `size_clip` for the move of the size."""
        state = self.state[p]
        b1, b2 = group["betas"]
        n = state["step"]
        period = group["size_period"]
        grad = _times(p.grad, clip)
        delta = state["delta"]
        delta.mul_(b1)
        state["size_grads"][n % period] = (p * p.grad).sum() * size_clip
        if n % period == period - 1:
            state["rms"].copy_(p.square().mean().sqrt())
            if n > 0:
                growth = p * self._size_step(state, group)
                delta.add_(growth, alpha=1 - b1)
        square = state["square"]
        square.mul_(b2)
        square.addcmul_(grad, grad, value=1 - b2)
        correction = 1 - b2 ** (n + 1)
        # The correction is left out once it is within a hundredth of one: it would only cost time.
        corrected = square / correction if correction < 0.99 else square
        root = corrected.sqrt().add_(group["eps"])
        size = state["rms"].clamp(min=group["min_rms"])
        rate = -group["lr"] * (1 - b1) * size
        delta.add_(grad / root * rate)
        p.add_(delta)

    def _size_step(self, state: dict[str, Any], group: dict[str, Any]) -> Tensor:
        """Relative change of a tensor's size: an Adam step on its logarithm, whose gradient is p . g."""
        period = group["size_period"]
        decay = group["betas"][1] ** period
        grads = state["size_grads"]
        rms = state["rms"]
        square = state["size_square"]
        square.mul_(decay)
        square.add_(grads.square().mean(), alpha=1 - decay)
        moves = (state["step"] + 1) // period
        correction = 1 - decay**moves
        rate = -group["lr"] * group["scalar_rate"] * correction**0.5
        step = rate * grads.sum() / (square.sqrt() + group["eps"])
        step = torch.where(rms < group["min_rms"], torch.zeros_like(step), step)
        return torch.minimum(step, (group["max_rms"] - rms) / rms)

    def _step_scalar(self, p: Tensor, group: dict[str, Any], clip: float) -> None:
        state = self.state[p]
        b1, b2 = group["betas"]
        grad = _times(p.grad, clip)
        square = state["square"]
        square.mul_(b2)
        square.addcmul_(grad, grad, value=1 - b2)
        corrected = square / (1 - b2 ** (state["step"] + 1))
        root = corrected.sqrt() + group["eps"]
        rate = -group["lr"] * group["scalar_rate"] * (1 - b1)
        delta = state["delta"]
        delta.mul_(b1)
        delta.add_(grad / root, alpha=rate)
        p.clamp_(-group["scalar_max"], group["scalar_max"])
        p.add_(delta)


def _times(grad: Tensor | None, factor: float) -> Tensor:
    assert grad is not None
    return grad if factor == 1.0 else grad * factor
