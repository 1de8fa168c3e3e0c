"""The kit's own weight files: tensors and the spec that rebuilds the component, nothing executable.

Header entry `gsv_lab` is JSON: `{"format": 2, "spec": ..., "info": ..., "versions": ...}`. A file is checked before
anything is built: its header (`header`), what its spec names and would cost (`specs`), shapes, finite numbers.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gsv_lab.checkpoint.header import FORMAT, read_header
from gsv_lab.checkpoint.legacy import upgrade_name
from gsv_lab.checkpoint.specs import CannotBuild, check_fit, check_role, load_into, network_of
from gsv_lab.errors import CheckpointError
from gsv_lab.system.files import save_bytes

__all__ = [
    "FORMAT", "check_fit", "check_seal", "file_fingerprint", "fingerprint", "load_component", "load_into",
    "load_tensors", "read_header", "save_component", "save_tensors",
]  # fmt: skip


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
            "CKPT_SPEC", f"{type(component).__name__} has no spec", "one made by gsv_lab.system.config.build"
        )
    return save_tensors(component.state_dict(), path, {"spec": spec, "info": dict(info or {})}, dtype)


def save_tensors(
    tensors: Mapping[str, Tensor],
    path: str | Path,
    header: Mapping[str, Any],
    dtype: torch.dtype = torch.float32,
    sealed: bool = False,
) -> Path:
    """Write tensors with a JSON header entry; see `save_component`.

    Args:
        tensors: by name.
        path: destination.
        header: what JSON can hold, without NaN.
        dtype: of stored floating-point tensors.
        sealed: put a checksum over tensors and header into the header, which `check_seal` compares.
    """
    from safetensors.torch import save

    stored = {}
    for name, value in tensors.items():
        if value.is_floating_point():
            value = value.to(dtype)
            if not bool(torch.isfinite(value).all()):
                problem = f"'{name}' holds NaN or infinity, or more than {dtype} can hold"
                raise CheckpointError("CKPT_NONFINITE", problem, "finite weights")
        stored[name] = value.detach().cpu().contiguous().clone()
    versions = {"torch": torch.__version__.split("+")[0]}
    entry = {"format": FORMAT, **header, "versions": versions}
    try:
        if sealed:
            entry["checksum"] = _checksum(stored, entry)
        text = json.dumps(entry, sort_keys=True, ensure_ascii=False, allow_nan=False)
    except ValueError as error:
        problem = f"The header of {Path(path).name} holds NaN or infinity"
        raise CheckpointError("CKPT_NONFINITE", problem, "finite numbers") from error
    return save_bytes(path, save(stored, {"gsv_lab": text}))


def check_seal(path: str | Path, header: Mapping[str, Any]) -> None:
    """Refuse a file that was changed since it was written; one that carries no checksum passes.

    Args:
        path: the file.
        header: what `read_header` found in it.

    Raises:
        CheckpointError: CKPT_TAMPERED; CKPT_CORRUPT.
    """
    if "checksum" not in header:
        return
    entry = {key: value for key, value in header.items() if key not in ("checksum", "tensors")}
    if header["checksum"] != _checksum(_stored_tensors(path), entry):
        raise CheckpointError(
            "CKPT_TAMPERED", f"{Path(path).name} was changed or damaged after it was written", "the file as written",
            "Take the original, or make it anew",
        )  # fmt: skip


def _checksum(tensors: Mapping[str, Tensor], entry: Mapping[str, Any]) -> str:
    """SHA-256 over tensors as stored and the header beside them."""
    text = json.dumps(entry, sort_keys=True, allow_nan=False)
    return hashlib.sha256(f"{fingerprint(tensors)} {text}".encode()).hexdigest()


def load_tensors(path: str | Path, dtype: torch.dtype | None = torch.float32) -> dict[str, Tensor]:
    """All tensors of a checked file; floating-point ones as `dtype` (None: as stored).

    Raises:
        CheckpointError: as `read_header`, and CKPT_CORRUPT, CKPT_NONFINITE.
    """
    header = read_header(path)
    tensors = _stored_tensors(path)
    if header.get("format", 0) < FORMAT:
        tensors = {upgrade_name(name): value for name, value in tensors.items()}
    for name, value in tensors.items():
        if value.is_floating_point():
            if not bool(torch.isfinite(value).all()):
                raise CheckpointError(
                    "CKPT_NONFINITE", f"'{name}' in {Path(path).name} holds NaN or infinity", "finite weights"
                )
            tensors[name] = value if dtype is None else value.to(dtype)
    return tensors


def _stored_tensors(path: str | Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        tensors: dict[str, Tensor] = load_file(path)
    except (SafetensorError, ValueError, KeyError) as error:
        raise CheckpointError("CKPT_CORRUPT", f"{Path(path).name}: {error}", "a whole file") from error
    return tensors


def file_fingerprint(path: str | Path) -> str:
    """Identity of the tensors of a weight file, under the names that they have in the file; see `fingerprint`.

    So a file of an older format keeps the identity that voices made for it know.
    """
    read_header(path)
    tensors = _stored_tensors(path)
    single = {name: value.float() if value.is_floating_point() else value for name, value in tensors.items()}
    return fingerprint(single)


def load_component(path: str | Path, role: Any = nn.Module) -> Any:
    """Rebuild a component from its file, in evaluation mode.

    Args:
        path: a weight file.
        role: class of which the component must be, or a tuple of classes.

    Raises:
        CheckpointError: CKPT_KEYS and CKPT_SHAPE (the first three are named), CKPT_FORMAT when its spec makes no
            network or one of another role, and those of `read_header` and `load_tensors`.
        ConfigError: the spec names something that is not allowed.
    """
    header, source = read_header(path), Path(path).name
    check_role(header.get("spec"), role, source)
    claims = {name: torch.empty(shape, device="meta") for name, (_, shape) in header["tensors"].items()}
    # A spec can claim any size: it is compared with what the file holds before memory is taken for it. A class of the
    # user's own may need memory to be built at all; it is met below only.
    with suppress(CannotBuild):
        check_fit(header["spec"], claims, source)
    component = network_of(header["spec"], source)
    load_into(component, load_tensors(path), source)
    return component.eval()


def fingerprint(tensors: Mapping[str, Tensor]) -> str:
    """SHA-256 over names, dtypes, shapes and bytes of tensors, sorted by name: their identity."""
    digest = hashlib.sha256()
    for name in sorted(tensors):
        value = tensors[name].detach().cpu().contiguous()
        digest.update(f"{name}|{value.dtype}|{tuple(value.shape)}|".encode())
        digest.update(value.flatten().view(torch.uint8).numpy().tobytes() if value.numel() else b"")
    return digest.hexdigest()
