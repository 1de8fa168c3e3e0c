"""Low-rank updates of layers: what a voice that was tuned with LoRA holds in place of changed tensors.

    W' = W + B A

A layer's update is a pair of tensors, `NAME.lora_A` and `NAME.lora_B`, under the layer's name in the base networks; the
factor alpha / r is in B already. Of a linear layer they are (r, in) and (out, r), of a convolution (r, in, K) and
(out, r, 1). Here updates are merged into weights; `gsv_lab.inference.networks` has them beside the weights.
Source: Hu et al. 2021, arXiv:2106.09685, eq. 3. Letters: r rank, K kernel.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple, TypeGuard, cast

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from gsv_lab.errors import CheckpointError

DOWN, UP = ".lora_A", ".lora_B"
Adaptable = nn.Linear | nn.Conv1d
"""Classes of layers that can have an update, see `can_adapt`."""


class LowRank(NamedTuple):
    """The update of one layer: `down` (r, in) or (r, in, K), `up` (out, r) or (out, r, 1)."""

    down: Tensor
    up: Tensor

    @property
    def product(self) -> Tensor:
        """What is added to the weight: (out, in) or (out, in, K)."""
        flat = self.up.flatten(1) @ self.down.flatten(1)
        return flat.reshape(len(self.up), *self.down.shape[1:])


def by_layer(adapters: Mapping[str, Tensor]) -> dict[str, LowRank]:
    """Layer name -> update. Pairs are whole and fit, see `check_adapters`."""
    names = sorted({name.removesuffix(DOWN).removesuffix(UP) for name in adapters})
    return {name: LowRank(adapters[name + DOWN], adapters[name + UP]) for name in names}


def can_adapt(layer: nn.Module) -> TypeGuard[Adaptable]:
    """Whether a layer can have an update: linear ones, and convolutions that join all channels and pad with zeros.

    Transposed ones cannot.
    """
    if isinstance(layer, nn.Conv1d):
        return layer.groups == 1 and layer.padding_mode == "zeros"
    return isinstance(layer, nn.Linear)


def fold_weight_norm(network: nn.Module, layers: Iterable[str]) -> None:
    """Some layers of a network get their weight as one tensor; outputs stay the same.

    The layers are replaced: torch's own `remove_parametrizations` would also break every copy of them, since copies
    share the class that it takes the weight from.
    """
    for name in layers:
        layer = network.get_submodule(name)
        if parametrize.is_parametrized(layer, "weight"):
            parent, _, own = name.rpartition(".")
            setattr(network.get_submodule(parent), own, _folded(cast(Adaptable, layer)))


@torch.no_grad()
def _folded(layer: Adaptable) -> Adaptable:
    bias = layer.bias is not None
    made: Adaptable
    if isinstance(layer, nn.Linear):
        made = nn.Linear(layer.in_features, layer.out_features, bias)
    else:
        made = nn.Conv1d(
            layer.in_channels,
            layer.out_channels,
            layer.kernel_size[0],
            stride=layer.stride[0],
            padding=cast(Any, layer.padding),
            dilation=layer.dilation[0],
            bias=bias,
        )
    made.weight.copy_(layer.weight)
    if made.bias is not None and layer.bias is not None:
        made.bias.copy_(layer.bias)
    return made.to(layer.weight).train(layer.training)


@torch.no_grad()
def merge(network: nn.Module, adapters: Mapping[str, Tensor]) -> None:
    """Add the updates to the weights of a network, in place."""
    updates = by_layer(adapters)
    fold_weight_norm(network, updates)
    for name, update in updates.items():
        weight = network.get_submodule(name).weight
        assert isinstance(weight, Tensor)
        weight += update.product.to(weight)


def check_adapters(network: nn.Module, adapters: Mapping[str, Tensor], voice: str) -> None:
    """Refuse updates that a network does not have the layers for.

    Raises:
        CheckpointError: CKPT_KEYS, half of a pair, or no layer of this name that can have one; CKPT_SHAPE.
    """
    expected = "pairs lora_A, lora_B of linear layers and convolutions"
    stems = {name.removesuffix(DOWN).removesuffix(UP) for name in adapters}
    paired = {stem + end for stem in stems for end in (DOWN, UP)}
    layers = {name: layer for name, layer in network.named_modules() if can_adapt(layer)}
    unknown = sorted(stems - layers.keys())
    if unknown:
        problem = f"{voice} updates {unknown[:3]}, which the base has no such layers for"
        raise CheckpointError("CKPT_KEYS", problem, expected)
    odd = sorted(paired ^ adapters.keys())
    if odd:
        raise CheckpointError("CKPT_KEYS", f"{voice} has updates that are no pairs: {odd[:3]}", expected)
    for name, update in by_layer(adapters).items():
        shape = weight_shape(layers[name])
        if not fits(update, shape):
            shapes = f"{tuple(update.up.shape)} and {tuple(update.down.shape)}"
            problem = f"{voice} updates {name} by {shapes} of {update.up.dtype} and {update.down.dtype}"
            expected = f"a low-rank pair in floating point for a weight of {shape}"
            raise CheckpointError("CKPT_SHAPE", problem, expected)


def fits(update: LowRank, shape: Sequence[int]) -> bool:
    """Whether the product is of the shape of a weight, (out, in) or (out, in, K)."""
    down, up = update
    if not (down.is_floating_point() and up.is_floating_point()):
        return False
    if down.dim() != len(shape) or up.dim() != len(shape):
        return False
    rank = down.shape[0]
    wanted_down = (rank, *shape[1:])
    wanted_up = (shape[0], rank, 1)[: len(shape)]
    return rank > 0 and tuple(down.shape) == wanted_down and tuple(up.shape) == wanted_up


def weight_shape(layer: Adaptable) -> tuple[int, ...]:
    """(out, in) or (out, in, K), without making the weight, which weight norm would do at each call."""
    if isinstance(layer, nn.Linear):
        return layer.out_features, layer.in_features
    return layer.out_channels, layer.in_channels, layer.kernel_size[0]
