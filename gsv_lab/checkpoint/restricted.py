"""The released `.pth` and `.ckpt` files: an archive of tensors, and beside them objects of one class, `utils.HParams`.

The class belongs to the project that wrote the files; a stub with its name takes its place, in reading and in writing.
"""

from __future__ import annotations

import io
import sys
import threading
import types
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gsv_lab.checkpoint.archive import CODES, read_archive
from gsv_lab.errors import CheckpointError

__all__ = ["CODES", "HParams", "Released", "read_released", "released_bytes"]

_LOCK = threading.Lock()


class HParams:
    """Stands for the class of the stored configuration: attributes in their order, and no behaviour."""

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        self.__dict__.update(state)


HParams.__module__, HParams.__qualname__ = "utils", "HParams"


class Released(NamedTuple):
    """A file as it was: its first two bytes, the whole dictionary, and where in it the tensors are.

    Exports and base files have them under `weight`; states of a training (`G_*.pth`, `D_*.pth`) under `model`.
    """

    code: str
    content: dict[str, Any]
    key: str = "weight"

    @property
    def weight(self) -> dict[str, Tensor]:
        """Tensors by name."""
        return self.content[self.key]


def read_released(path: str | Path) -> Released:
    """Read a checked file; tensors keep their types.

    Raises:
        CheckpointError: as `read_archive`; CKPT_FORMAT, no weights in it.
    """
    name = Path(path).name
    code, content = read_archive(path, lambda found: found[_place(found, name)], {"utils.HParams": HParams})
    return Released(code, content, _place(content, name))


def _place(content: Any, name: str) -> str:
    """Under which key the tensors are."""
    table = content if isinstance(content, dict) else {type(content).__name__: None}
    for key in ("weight", "model"):
        if isinstance(table.get(key), dict):
            return key
    keys = ", ".join(sorted(map(str, table))[:4])[:80] or "nothing"
    raise CheckpointError("CKPT_FORMAT", f"{name} holds {keys} in place of weights", "weight, config and info")


def released_bytes(released: Released) -> bytes:
    """The inverse of `read_released`: a file that the project that wrote the original reads."""
    buffer = io.BytesIO()
    # A pickle notes a class by the module in which it is found.
    stand_in = types.ModuleType("utils")
    vars(stand_in)["HParams"] = HParams
    with _LOCK:
        before = sys.modules.get("utils")
        sys.modules["utils"] = stand_in
        try:
            torch.save(released.content, buffer)
        finally:
            del sys.modules["utils"]
            if before is not None:
                sys.modules["utils"] = before
    return released.code.encode("ascii") + buffer.getvalue()[2:]
