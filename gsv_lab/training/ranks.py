"""Several processes that train one task: each has some rows of every batch, and all make the same steps.

What one process would do with the whole batch is what they do together, up to rounding: every loss is weighted by the
share of what it is a mean over, gradients are added, and random numbers are drawn for the whole batch, of which each
process takes those of its rows. Only the first one (rank 0) writes.

A part that takes something of the next clip of a batch, as the exchange of content in `AlignedPrior`, gets that of the
whole batch, too, where no gradient passes there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from typing import Any

import pytorch_lightning as pl
import torch
import torch.distributed as dist
from pytorch_lightning.callbacks import Callback
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from gsv_lab.errors import ConfigError
from gsv_lab.system.rows import Rows, sharing

Share = tuple[dict[str, Tensor], dict[str, float]]
"""Joint values of losses by name, and the share of this process in each."""


class Ranks:
    """This process among those that train together.

    Args:
        rank: its number; 0 is the one that writes.
        count: of all.
        device: where the task is.
    """

    def __init__(self, rank: int, count: int, device: torch.device) -> None:
        self.rank, self.count, self.device = rank, count, device
        # Small values go by way of the CPU; gradients on GPUs have a group of their own.
        if device.type == "cuda":
            torch.cuda.set_device(device)
        self._gradients = dist.new_group(backend="nccl") if device.type == "cuda" else dist.group.WORLD

    def tell(self, value: Any = None) -> Any:
        """What rank 0 gives here, in every process."""
        box = [value]
        dist.broadcast_object_list(box, src=0)
        return box[0]

    def gathered(self, rows: Tensor, size: int) -> Tensor:
        """A tensor of the whole batch of `size` clips of those of each process, without gradients."""
        told: list[Any] = [None] * self.count
        dist.all_gather_object(told, rows.detach().cpu())
        joined = told[0].new_empty(size, *rows.shape[1:])
        for rank, own in enumerate(told):
            joined[rank :: self.count] = own[: len(range(rank, size, self.count))]
        return joined.to(rows.device)

    def rows(self, size: int) -> Rows:
        """The rows of a batch that this process has."""
        return Rows(size, self.rank, self.count)

    def share(self, losses: Mapping[str, Tensor], counts: Mapping[str, float]) -> Share:
        """What the losses of all processes are together.

        Args:
            losses: means of this process.
            counts: over how much they are means.
        """
        own = {name: (counts[name], float(value.detach()) * counts[name] if counts[name] else 0.0)
               for name, value in losses.items()}  # fmt: skip
        told: list[Any] = [None] * self.count
        dist.all_gather_object(told, own)
        joint, shares = {}, {}
        for name in {name: None for one in told for name in one}:
            count = sum(one[name][0] for one in told if name in one)
            total = sum(one[name][1] for one in told if name in one)
            joint[name] = torch.tensor(total / count if count else 0.0)
            shares[name] = own[name][0] / count if count and name in own else 0.0
        return joint, shares

    def add(self, parameters: Iterable[nn.Parameter], everywhere: bool) -> None:
        """Add up the gradients of all processes; a parameter that none has a gradient for keeps none.

        Args:
            parameters: the same ones in all processes.
            everywhere: all of them get the sum; else rank 0 does, and the others keep no gradient.
        """
        owned = list(parameters)
        if not owned:
            return
        there = torch.tensor([float(p.grad is not None) for p in owned], device=self.device)
        parts = [there] + [(torch.zeros_like(p) if p.grad is None else p.grad).flatten().float() for p in owned]
        joined = torch.cat(parts)
        dist.all_reduce(joined, group=self._gradients)
        place = len(owned)
        for parameter, count in zip(owned, joined[:place].tolist(), strict=True):
            size = parameter.numel()
            if not everywhere and self.rank:
                parameter.grad = None
            elif count:
                parameter.grad = joined[place : place + size].view_as(parameter).to(parameter.dtype)
            place += size


def some_rows(batch: Any, rows: Rows) -> Any:
    """A batch of the rows that this process has; padding stays. Where there is none it is the first row, of weight 0.

    Args:
        batch: a tuple of tensors and lists with a row for each clip, or None.
        rows: see `Rows`.
    """
    own = rows.own() or [0]
    taken: list[Any] = []
    for track in batch:
        if track is None or isinstance(track, Tensor):
            taken.append(track if track is None else track[own])
        else:
            taken.append([track[row] for row in own])
    return type(batch)(*taken)


class WholeBatch(TorchFunctionMode):
    """Random numbers are drawn for the whole batch, and those of the rows at hand are taken.

    They are told by the first axis of what is drawn: as many rows as are at hand, or as were counted by `first_rows`.
    Clips that are moved to the next place of the batch come from all processes.

    Args:
        rows: at hand.
        gathered: the rows of all processes as one tensor, see `Ranks.gathered`.
    """

    def __init__(self, rows: Rows, gathered: Callable[[Tensor, int], Tensor]) -> None:
        super().__init__()
        self.rows, self.gathered = rows, gathered

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """See the class."""
        kwargs = kwargs or {}
        if func in (torch.rand, torch.randn):
            return self._shaped(func, args, kwargs)
        if func in (torch.rand_like, torch.randn_like, torch.randint_like):
            return self._taken(args[0], lambda like: func(like, *args[1:], **kwargs))
        if func is Tensor.roll and args[2:] == (0,) and self.rows.whole(len(args[0])) == self.rows.size:
            return self._moved(*args)
        if func is functional.dropout:
            return self._dropped(*args, **kwargs)
        if func is functional.scaled_dot_product_attention and _attention_dropout(*args, **kwargs):
            problem = "Attention weights are dropped in a kernel that cannot be shared by several processes"
            raise ConfigError("STRATEGY_UNAVAILABLE", problem, "attention_dropout: 0", "Or take one process")
        return func(*args, **kwargs)

    def _shaped(self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: Any) -> Any:
        """Of a shape, given as one argument or as several."""
        shape = tuple(args[0]) if args and not isinstance(args[0], int) else args
        whole = self.rows.whole(shape[0]) if shape else 0
        if not whole:
            return func(*args, **kwargs)
        return func((whole, *shape[1:]), **kwargs)[self._own(whole)]

    def _taken(self, like: Tensor, draw: Callable[[Tensor], Tensor]) -> Tensor:
        """Of a tensor's shape; memory is laid out as there, since random numbers are drawn in its order."""
        whole = self.rows.whole(like.shape[0]) if like.dim() else 0
        if not whole:
            return draw(like)
        shape = (whole, *like.shape[1:])
        full = torch.empty_permuted(shape, like.dim_order(), dtype=like.dtype, device=like.device)
        return draw(full.fill_(1))[self._own(whole)]

    def _dropped(self, x: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
        if not training or not p:
            return x
        return x * self._taken(x, lambda ones: functional.dropout(ones, p, True))

    def _moved(self, x: Tensor, places: int, axis: int) -> Tensor:
        if x.requires_grad:
            problem = "A part exchanges what is learnt between the clips of a batch"
            raise ConfigError("STRATEGY_UNAVAILABLE", problem, "one process")
        return self.gathered(x, self.rows.size).roll(places, axis)[self._own(self.rows.size)]

    def _own(self, whole: int) -> list[int]:
        return self.rows.own(whole) or [0]


def _attention_dropout(query: Any, key: Any, value: Any, mask: Any = None, dropout_p: float = 0.0, **_: Any) -> bool:
    return dropout_p > 0


class Sharing(Callback):
    """While a batch is trained on, only the rows of this process are at hand.

    Args:
        ranks: the processes.
    """

    def __init__(self, ranks: Ranks) -> None:
        self.ranks = ranks
        self._stack = ExitStack()

    def begin(self, rows: Rows) -> None:
        """From here on."""
        self._stack.enter_context(sharing(rows))
        self._stack.enter_context(WholeBatch(rows, self.ranks.gathered))

    def on_train_batch_end(self, trainer: pl.Trainer, task: Any, *_: Any) -> None:
        """Until here."""
        self._stack.close()

    def on_exception(self, trainer: pl.Trainer, task: Any, exception: BaseException) -> None:  # type: ignore[override]
        """Or until here."""
        self._stack.close()
