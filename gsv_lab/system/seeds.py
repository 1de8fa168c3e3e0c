"""Seeds of random numbers: any whole number is one, and nothing else is."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

from gsv_lab.errors import ConfigError

if TYPE_CHECKING:
    import torch


def check_seed(seed: Any) -> int:
    """The number from 0 to 2**64 - 1 that generators are seeded with, for a whole number of any size; others fold over.

    Raises:
        ConfigError: PARAM_RANGE, something else: a truth value, a fraction, a text.

    >>> check_seed(3), check_seed(2**64 + 3), check_seed(-1) == 2**64 - 1
    (3, 3, True)
    """
    try:
        if isinstance(seed, bool):
            raise TypeError
        return operator.index(seed) % 2**64
    except TypeError:
        raise ConfigError("PARAM_RANGE", f"seed is {seed!r:.80}", "a whole number", "Choose another seed") from None


def seeded(seed: Any) -> torch.Generator:
    """A generator of torch, on the CPU, with a seed as in `check_seed`."""
    import torch

    return torch.Generator().manual_seed(check_seed(seed))
