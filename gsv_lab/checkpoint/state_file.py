"""Plain weight files: an archive as `torch.save` writes it that holds a table of tensors and nothing around it.

Companion networks come that way. The same walls as before released files stand here (`archive`).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from torch import Tensor

from gsv_lab.checkpoint.archive import read_archive
from gsv_lab.errors import CheckpointError


def read_state(path: str | Path) -> dict[str, Tensor]:
    """Tensors by name, floating-point ones in single precision.

    Raises:
        CheckpointError: as `archive.read_archive`; CKPT_FORMAT, there is something else in it.
    """

    def table(content: Any) -> dict[str, Tensor]:
        if not isinstance(content, dict) or not content:
            raise CheckpointError("CKPT_FORMAT", f"{Path(path).name} holds no table of tensors", "a state dict")
        return content

    _, state = read_archive(path, table)
    return {key: value.float() if value.is_floating_point() else value for key, value in state.items()}
