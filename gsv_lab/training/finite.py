"""Numbers of a training that are NaN or infinite: it stops at once, before anything is saved.

Each check waits for the device once; the names are looked for when something is wrong.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import torch
from torch import Tensor, nn

from gsv_lab.errors import LabError


def check_losses(terms: Mapping[str, Tensor], total: Tensor, batch: int) -> None:
    """Refuse a loss that is not finite.

    Args:
        terms: its scalar terms by name.
        total: their weighted sum.
        batch: number of the batch.

    Raises:
        LabError: TRAIN_NONFINITE, with the term and the batch.
    """
    if bool(torch.isfinite(total)):
        return
    for name, value in terms.items():
        if not bool(torch.isfinite(value)):
            raise not_finite(f"The loss '{name}' is {float(value)}", batch)
    raise not_finite(f"The sum of the losses {', '.join(terms)} is {float(total)}", batch)


def check_gradient(norm: Tensor, name: str, batch: int) -> None:
    """Refuse a gradient whose norm is not finite; `name` says whose gradient it is.

    Raises:
        LabError: TRAIN_NONFINITE, with the name and the batch.
    """
    if not bool(torch.isfinite(norm)):
        raise not_finite(f"The norm of the gradient of '{name}' is {float(norm)}", batch)


def check_weights(parameters: Iterable[tuple[str, nn.Parameter]], batch: int) -> None:
    """Refuse weights that are not finite.

    Raises:
        LabError: TRAIN_NONFINITE, with the first tensor and the batch.
    """
    for name, value in parameters:
        if not bool(torch.isfinite(value).all()):
            raise not_finite(f"The weights '{name}' hold NaN or infinity", batch)


def not_finite(what: str, batch: int) -> LabError:
    """The error for a number of a batch that is not finite, TRAIN_NONFINITE."""
    advice = "Lower the learning rate, or train with precision 32; what was saved before is as it was"
    return LabError("TRAIN_NONFINITE", f"{what} at batch {batch}", "finite numbers", advice)
