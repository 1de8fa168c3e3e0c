"""The kit's own weight files: tensors and the spec that rebuilds the component, nothing executable.

Header entry `gsv_lab` is JSON: `{"format": 1, "spec": ..., "info": ..., "versions": ...}`. A file is checked before
anything is
built: size of the header, names allowed, shapes, finite numbers.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gsv_lab.config import build
from gsv_lab.errors import CheckpointError
from gsv_lab.files import save_bytes

FORMAT = 1
LARGEST_HEADER = 16 * 2**20
LARGEST_ELEMENTS = 10**9


def save_component(
    component: nn.Module, path: str | Path, info: Mapping[str, Any] | None = None, dtype: torch.dtype = torch.float32
) -> Path:
    """Write a component that was built from a spec; floating-point tensors are stored as `dtype`.

    Raises:
        CheckpointError: CKPT_NONFINITE when a weight is NaN or infinite, CKPT_SPEC when the component has no spec.
        LabError: SAVE_FAILED; the old file is intact.
    """
    spec = getattr(component, "spec", None)
    if spec is None:
        raise CheckpointError(
            "CKPT_SPEC", f"{type(component).__name__} has no spec", "one made by gsv_lab.config.build"
        )
    return save_tensors(component.state_dict(), path, {"spec": spec, "info": dict(info or {})}, dtype)


def save_tensors(
    tensors: Mapping[str, Tensor], path: str | Path, header: Mapping[str, Any], dtype: torch.dtype = torch.float32
) -> Path:
    """Write tensors with a JSON header entry; see `save_component`."""
    from safetensors.torch import save

    stored = {}
    for name, value in tensors.items():
        if value.is_floating_point():
            if not bool(torch.isfinite(value).all()):
                raise CheckpointError("CKPT_NONFINITE", f"'{name}' holds NaN or infinity", "finite weights")
            value = value.to(dtype)
        stored[name] = value.detach().cpu().contiguous().clone()
    versions = {"torch": torch.__version__.split("+")[0]}
    entry = {"format": FORMAT, **header, "versions": versions}
    return save_bytes(path, save(stored, {"gsv_lab": json.dumps(entry, sort_keys=True, ensure_ascii=False)}))


def read_header(path: str | Path) -> dict[str, Any]:
    """The JSON entry of a weight or voice file, with `tensors`: name -> (dtype, shape). Loads no tensor.

    Raises:
        CheckpointError: CKPT_MISSING, CKPT_FORMAT (no safetensors file, for example a pickle), CKPT_CORRUPT,
            CKPT_TOO_LARGE, CKPT_VERSION (written by a newer gsv_lab).
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError("CKPT_MISSING", f"No file {path}", "a .safetensors file")
    size = path.stat().st_size
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        start = file.read(1)
        if size < 9 or start != b"{":
            raise CheckpointError(
                "CKPT_FORMAT", f"{path.name} is no safetensors file", "weights or a voice written by gsv_lab",
                "Files of the released GPT-SoVITS come in through `gsv-lab weights import`",
            )  # fmt: skip
        if length > min(LARGEST_HEADER, size - 8):
            raise CheckpointError("CKPT_CORRUPT", f"{path.name} claims a header of {length} bytes", "a whole file")
        try:
            table = json.loads(start + file.read(length - 1))
            entry = json.loads(table.pop("__metadata__", {}).get("gsv_lab", "null"))
        except (ValueError, AttributeError) as error:
            raise CheckpointError("CKPT_CORRUPT", f"{path.name} has a damaged header", "a whole file") from error
    if not isinstance(entry, dict):
        raise CheckpointError("CKPT_FORMAT", f"{path.name} was not written by gsv_lab", "a file with a gsv_lab header")
    if entry.get("format", 0) > FORMAT:
        raise CheckpointError(
            "CKPT_VERSION", f"{path.name} has format {entry['format']}", f"at most {FORMAT}", "Upgrade gsv_lab"
        )
    for name, item in table.items():
        if math.prod(item["shape"]) > LARGEST_ELEMENTS:
            raise CheckpointError("CKPT_TOO_LARGE", f"'{name}' in {path.name} has {math.prod(item['shape'])} elements")
    entry["tensors"] = {name: (item["dtype"], tuple(item["shape"])) for name, item in table.items()}
    return entry


def load_tensors(path: str | Path, dtype: torch.dtype | None = torch.float32) -> dict[str, Tensor]:
    """All tensors of a checked file; floating-point ones as `dtype` (None: as stored).

    Raises:
        CheckpointError: as `read_header`, and CKPT_CORRUPT, CKPT_NONFINITE.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    read_header(path)
    try:
        tensors = load_file(path)
    except (SafetensorError, ValueError) as error:
        raise CheckpointError("CKPT_CORRUPT", f"{Path(path).name}: {error}", "a whole file") from error
    for name, value in tensors.items():
        if value.is_floating_point():
            if not bool(torch.isfinite(value).all()):
                raise CheckpointError(
                    "CKPT_NONFINITE", f"'{name}' in {Path(path).name} holds NaN or infinity", "finite weights"
                )
            tensors[name] = value if dtype is None else value.to(dtype)
    return tensors


def load_component(path: str | Path) -> nn.Module:
    """Rebuild a component from its file, in evaluation mode.

    Raises:
        CheckpointError: CKPT_KEYS and CKPT_SHAPE (the first three are named), and those of `read_header` and
            `load_tensors`.
        ConfigError: the spec names something that is not allowed.
    """
    component = build(read_header(path)["spec"])
    load_into(component, load_tensors(path), Path(path).name)
    return component.eval()


def load_into(component: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Strict loading with errors for people; `source` names the file."""
    known = component.state_dict()
    missing, unknown = sorted(known.keys() - tensors.keys()), sorted(tensors.keys() - known.keys())
    if missing or unknown:
        raise CheckpointError(
            "CKPT_KEYS",
            f"{source}: {len(missing)} tensors missing {missing[:3]}, {len(unknown)} unknown {unknown[:3]}",
            f"exactly those of {type(component).__name__}",
        )
    wrong = [name for name, value in known.items() if value.shape != tensors[name].shape]
    if wrong:
        shapes = "; ".join(f"{n}: {tuple(tensors[n].shape)} for {tuple(known[n].shape)}" for n in wrong[:3])
        raise CheckpointError("CKPT_SHAPE", f"{source}: {shapes}", f"the shapes of {type(component).__name__}")
    component.load_state_dict(dict(tensors))


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of tensors, sorted by name: their identity."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{value.dtype}|{tuple(value.shape)}|".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()
