"""Plain weight files: an archive as `torch.save` writes it that holds a table of tensors and nothing around it.

Companion networks come that way. The same walls as before released files stand here (`restricted`); knows no network.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from gsv_lab.checkpoint.restricted import _bytes, _check_archive, _check_sizes, _load
from gsv_lab.errors import CheckpointError


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Tensors by name, floating-point ones in single precision.

    Raises:
        CheckpointError: as `restricted.read_released`; CKPT_FORMAT, there is something else in it.
    """
    path = Path(path)
    data, _ = _bytes(path)
    _check_archive(data, path.name)
    claimed = _load(data, path.name, "meta")
    if not isinstance(claimed, dict) or not claimed:
        raise CheckpointError("CKPT_FORMAT", f"{path.name} holds no table of tensors", "a state dict")
    _check_sizes(claimed, len(data), path.name)
    state = _load(data, path.name, "cpu")
    for key, value in state.items():
        if value.is_floating_point():
            if not bool(torch.isfinite(value).all()):
                raise CheckpointError(
                    "CKPT_NONFINITE", f"'{key}' in {path.name} holds NaN or infinity", "finite weights"
                )
            state[key] = value.float()
    return dict(state)
