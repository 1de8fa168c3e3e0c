"""How many threads torch calculates with: one for small networks, all for large ones, unless somebody has decided.

Idea: threads meet after every layer. In networks of nano's size a layer takes less time than the meeting, and two
sleeping threads take about twice as long as one (measured: docs/training.md, "What hardware it takes").
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache

import torch
from torch import nn

from gsv_lab.system.environment import threads_are_chosen

LARGE = 40_000_000
"""Parameters from which networks get several threads: between nano's 14 M, which lose by them, and the 53 M and more of
each released network, whose layers gain. Nothing in between was measured."""
_held = ContextVar("_held", default=False)


@cache
def given_threads() -> int:
    """Threads that torch began with: the cores of the machine, or what the environment says."""
    return torch.get_num_threads()


def settle_threads(*networks: nn.Module) -> None:
    """Let torch calculate with the threads that suit these networks.

    Nothing changes within `threads`, where the environment says a number (`threads_are_chosen`), or where
    `torch.set_num_threads` has set one that is not of this function.
    """
    many = given_threads()
    if _held.get() or threads_are_chosen() or torch.get_num_threads() not in (1, many):
        return
    parameters = sum(parameter.numel() for network in networks for parameter in network.parameters())
    torch.set_num_threads(many if parameters >= LARGE else 1)


@contextmanager
def threads(count: int) -> Iterator[None]:
    """So many threads of torch for a while, whatever `settle_threads` would choose."""
    given_threads()
    before, held = torch.get_num_threads(), _held.set(True)
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
        _held.reset(held)
