"""The networks of many voices on one loaded base: each shares all tensors with it but those that are its own.

Nothing is copied or loaded when another voice speaks, and no voice changes what another one hears: a voice has modules
of its own, which cost about a megabyte, around the tensors of the base.
Letters: R rows that have an update each, or 1 for all; B batch, r rank, K kernel.
"""

from __future__ import annotations

import copy
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from gsv_lab.inference.adapters import Adaptable, LowRank, by_layer, weight_shape
from gsv_lab.inference.synthesizer import Synthesizer
from gsv_lab.inference.voice import Voice

MOST = 64
"""Voices that are kept at most, however little they hold."""

Network = TypeVar("Network", bound=nn.Module)


class Update:
    """A forward hook that adds low-rank updates to what a layer gives: W x + B A x.

    Weight norm of the layer stays as it is.
    Source: Hu et al. 2021, arXiv:2106.09685, eq. 3.

    Args:
        down: A of each row (R, r, in) or (R, r, in, K).
        up: B of each row (R, out, r).
    """

    def __init__(self, down: Tensor, up: Tensor) -> None:
        self.down, self.up = down, up

    def __call__(self, layer: Adaptable, inputs: tuple[Tensor], output: Tensor) -> Tensor:
        """The output (B, ...) of a layer with its updates; R is B or 1."""
        (x,) = inputs
        if isinstance(layer, nn.Linear):
            steps = x.reshape(len(x), -1, x.shape[-1])
            inner = steps @ self.down.transpose(1, 2)
            added = inner @ self.up.transpose(1, 2)
            return output + added.reshape(len(added), *output.shape[1:])
        # A convolution in groups: one for each row where rows differ.
        rows = len(self.down)
        side_by_side = x.reshape(-1, rows * x.shape[1], x.shape[2])
        inner = functional.conv1d(
            side_by_side,
            self.down.flatten(0, 1),
            stride=layer.stride,
            padding=layer.padding,
            dilation=layer.dilation,
            groups=rows,
        )
        up = self.up.flatten(0, 1)
        added = functional.conv1d(inner, up[..., None], groups=rows)
        return output + added.reshape(output.shape)

    def select(self, rows: Sequence[int]) -> None:
        """Keep only these rows."""
        self.down, self.up = self.down[rows], self.up[rows]


def sharing(network: Network) -> Network:
    """A copy of a network around the very same tensors."""
    tensors: list[Tensor] = [*network.parameters(), *network.buffers()]
    return copy.deepcopy(network, {id(one): one for one in tensors})


def add_updates(network: nn.Module, adapters: Sequence[Mapping[str, Tensor]]) -> dict[str, Update]:
    """Let low-rank updates work in a network.

    Args:
        network: a copy of its own, see `sharing`.
        adapters: of each row of a batch, or one for all rows; rows without an update of some layer leave it as it is.

    Returns:
        layer name -> its updates.
    """
    rows = [by_layer(one) for one in adapters]
    updates = {}
    for name in sorted(set().union(*rows)):
        layer: Any = network.get_submodule(name)
        own = [row.get(name) for row in rows]
        updates[name] = _stacked(layer, own)
        layer.register_forward_hook(updates[name])
    return updates


def _stacked(layer: Adaptable, rows: Sequence[LowRank | None]) -> Update:
    """The updates of some rows on the layer's device, of the largest rank; what is not there is zero."""
    out, *inner = weight_shape(layer)
    like = next(layer.parameters())
    ranks = [0 if row is None else len(row.down) for row in rows]
    down = like.new_zeros(len(rows), max(ranks), *inner)
    up = like.new_zeros(len(rows), out, max(ranks))
    for number, row in enumerate(rows):
        if row is not None:
            rank = ranks[number]
            down[number, :rank] = row.down
            up[number, :, :rank] = row.up.flatten(1)
    return Update(down, up)


@torch.no_grad()
def with_own(base: Network, changed: Mapping[str, Tensor], adapters: Mapping[str, Tensor]) -> Network:
    """A base network with the tensors and the updates of a voice; see `gsv_lab.inference.voice.Voice`."""
    made = sharing(base)
    tensors = base.state_dict(keep_vars=True)
    for name, value in changed.items():
        place, _, own = name.rpartition(".")
        put = value.to(tensors[name])
        if isinstance(tensors[name], nn.Parameter):
            put = nn.Parameter(put, requires_grad=False)
        setattr(made.get_submodule(place), own, put)
    add_updates(made, [adapters])
    return made.eval()


class Kept(NamedTuple):
    """A voice, its networks, and the bytes of the tensors that are its own."""

    voice: Voice
    networks: Synthesizer
    size: int


class VoiceNetworks:
    """The networks of voices; those of the ones that spoke last are kept.

    Their own tensors take no more bytes together than the base, unless a single voice does.

    Args:
        base: the base networks.
    """

    def __init__(self, base: Synthesizer) -> None:
        self.base = base
        self.limit = sum(one.nbytes for one in base.parameters())
        self._kept: OrderedDict[int, Kept] = OrderedDict()

    def of(self, voice: Voice) -> Synthesizer:
        """The networks of a voice, which are those of the base where it has none of its own.

        Raises:
            CheckpointError: CKPT_KEYS, CKPT_SHAPE, CKPT_RANGE, see `Voice.check_fit`.
        """
        found = self._kept.get(id(voice))
        if found is not None:
            self._kept.move_to_end(id(voice))
            return found.networks
        voice.check_fit(self.base)
        if not voice.tuned:
            return self.base
        networks = with_own(self.base, voice.changed, voice.adapters)
        own = [*voice.changed.values(), *voice.adapters.values()]
        # The voice is kept with them, so that no other one can get its identity.
        self._kept[id(voice)] = Kept(voice, networks, sum(one.nbytes for one in own))
        while len(self._kept) > 1 and self.full:
            self._kept.popitem(last=False)
        return networks

    @property
    def full(self) -> bool:
        """Whether more is kept than there is room for."""
        return len(self._kept) > MOST or self.size > self.limit

    @property
    def size(self) -> int:
        """Bytes of the own tensors of all voices that are kept."""
        return sum(one.size for one in self._kept.values())
