"""The kit's own weight files: tensors and the spec that rebuilds the component, nothing executable.

Header entry `gsv_lab` is JSON: `{"format": 2, "spec": ..., "info": ..., "versions": ...}`. A file is checked before
anything is built: size of the header, names allowed, shapes, finite numbers.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from gsv_lab.checkpoint.legacy import upgrade_name, upgrade_spec
from gsv_lab.checkpoint.restricted import CODES
from gsv_lab.errors import CheckpointError, ConfigError, LabError
from gsv_lab.system.config import build
from gsv_lab.system.files import save_bytes
from gsv_lab.system.registry import PARTS, resolve

FORMAT = 2
LARGEST_HEADER = 16 * 2**20
LARGEST_ELEMENTS = 10**9
LARGEST_TABLES = 10**7
"""Elements of filter banks, windows and other tables that a network computes and no file holds."""

COUNTS = {"layers", "n_layers", "couplings", "n_books"}
"""Arguments that say how many parts with tensors of their own there are."""


MISFITS = {"CONFIG_INCONSISTENT", "CONFIG_RANGE"}
"""Codes of errors in which parts or sizes refuse each other, which in a file is the file's fault."""


class CannotBuild(CheckpointError):
    """The spec of a file makes no network."""


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

    Files of an older format are read in today's words.

    Raises:
        CheckpointError: CKPT_MISSING, CKPT_FORMAT (no safetensors file, for example a pickle), CKPT_LEGACY (a released
            file), CKPT_CORRUPT, CKPT_TOO_LARGE, CKPT_VERSION (written by a newer gsv_lab).
    """
    path = Path(path)
    if not path.is_file():
        raise CheckpointError("CKPT_MISSING", f"No file {path}", "a .safetensors file")
    size = path.stat().st_size
    with path.open("rb") as file:
        begin = file.read(8)
        length, start = int.from_bytes(begin, "little"), file.read(1)
        if begin[2:4] == b"\x03\x04" and begin[:2].decode("latin-1") in ("PK", *CODES):
            raise CheckpointError(
                "CKPT_LEGACY", f"{path.name} is a released file or another archive of torch", "weights of gsv_lab",
                f"Use the importer: gsv-lab weights import {path.name} --output OUT.safetensors",
            )  # fmt: skip
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
            tensors = {name: _claim(name, item) for name, item in table.items()}
        except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
            raise CheckpointError("CKPT_CORRUPT", f"{path.name} has a damaged header", "a whole file") from error
    if not isinstance(entry, dict):
        raise CheckpointError("CKPT_FORMAT", f"{path.name} was not written by gsv_lab", "a file with a gsv_lab header")
    version = entry.get("format", 0)
    if type(version) is not int or version > FORMAT:
        raise CheckpointError(
            "CKPT_VERSION", f"{path.name} has format {str(version)[:20]}", f"at most {FORMAT}", "Upgrade gsv_lab"
        )
    for name, (_, shape) in tensors.items():
        if math.prod(shape) > LARGEST_ELEMENTS:
            raise CheckpointError("CKPT_TOO_LARGE", f"'{name[:60]}' in {path.name} has {math.prod(shape)} elements")
    if version < FORMAT:
        tensors = {upgrade_name(name): claim for name, claim in tensors.items()}
        if isinstance(entry.get("spec"), dict):
            entry["spec"] = upgrade_spec(entry["spec"], (entry.get("info") or {}).get("audio") or {})
    entry["tensors"] = tensors
    return entry


def _claim(name: str, item: Mapping[str, Any]) -> tuple[str, tuple[int, ...]]:
    """What a header says of one tensor, its type and its shape."""
    shape = tuple(item["shape"])
    if not name.isprintable() or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError("a name is one line, a shape is whole numbers")
    return str(item["dtype"]), shape


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
    except (SafetensorError, ValueError) as error:
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


def load_component(path: str | Path) -> nn.Module:
    """Rebuild a component from its file, in evaluation mode.

    Raises:
        CheckpointError: CKPT_KEYS and CKPT_SHAPE (the first three are named), CKPT_FORMAT when its spec makes no
            network, and those of `read_header` and `load_tensors`.
        ConfigError: the spec names something that is not allowed.
    """
    header, source = read_header(path), Path(path).name
    if not isinstance(header.get("spec"), dict):
        raise CheckpointError("CKPT_FORMAT", f"{source} names no network", "weights of one component")
    claims = {name: torch.empty(shape, device="meta") for name, (_, shape) in header["tensors"].items()}
    # A spec can claim any size: it is compared with what the file holds before memory is taken for it. A class of the
    # user's own may need memory to be built at all; it is met below only.
    with suppress(CannotBuild):
        check_fit(header["spec"], claims, source)
    component = _built(header["spec"], source)
    load_into(component, load_tensors(path), source)
    return component.eval()


def _built(spec: Mapping[str, Any], source: str, n_tensors: int = 0) -> nn.Module:
    """The network of a spec, or why there is none; one for so many tensors is hollow: shapes without memory."""
    _check_classes(spec)
    try:
        if n_tensors:
            _check_counts(spec, n_tensors, source)
        with torch.device("meta") if n_tensors else nullcontext():
            made = build(spec)
    except ConfigError as error:
        if error.code not in MISFITS:
            raise
        raise CannotBuild("CKPT_FORMAT", f"{source} describes no network that can be built ({error})") from error
    except LabError:
        raise
    # Constructors of layers check their sizes with plain ValueErrors and RuntimeErrors.
    except (ValueError, RuntimeError, TypeError, ArithmeticError) as error:
        why = (str(error).splitlines() or [type(error).__name__])[0][:160]
        raise CannotBuild(
            "CKPT_FORMAT", f"{source} describes no network that can be built ({why})", "sizes that fit"
        ) from error
    if not isinstance(made, nn.Module):
        raise CheckpointError("CKPT_FORMAT", f"{source} names no network", "weights of one component")
    return made


def _check_classes(spec: Any) -> None:
    """A weight file names roles and compositions only, and classes that the user registered.

    Raises:
        ConfigError: CONFIG_UNKNOWN_COMPONENT.
    """
    if isinstance(spec, Mapping):
        if "class_path" in spec:
            resolve(spec["class_path"], PARTS)
        for value in spec.values():
            _check_classes(value)
    elif isinstance(spec, (list, tuple)):
        for value in spec:
            _check_classes(value)


def expected_shapes(spec: Mapping[str, Any], n_tensors: int, source: str) -> dict[str, tuple[int, ...]]:
    """Name -> shape of every tensor of a spec's network, which is built without memory.

    Args:
        spec: of the network.
        n_tensors: how many tensors the file holds; a spec of many more layers is refused.
        source: name of the file, for messages.

    Raises:
        CheckpointError: CKPT_KEYS, CKPT_FORMAT. ConfigError: the spec names something that is not allowed.
    """
    return {name: tuple(value.shape) for name, value in _built(spec, source, n_tensors).state_dict().items()}


def check_fit(spec: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> None:
    """Every tensor has its place and every place its tensor; the network is built without memory.

    Raises:
        CheckpointError: CKPT_KEYS, CKPT_SHAPE, CKPT_FORMAT, CKPT_TOO_LARGE.
    """
    component = _built(spec, source, n_tensors=len(tensors))
    load_into(component, {name: value.to("meta") for name, value in tensors.items()}, source)
    tables = sum(value.numel() for name, value in component.named_buffers() if name not in tensors)
    if tables > LARGEST_TABLES:
        raise CheckpointError(
            "CKPT_TOO_LARGE", f"{source} asks for tables of {tables} elements", f"at most {LARGEST_TABLES}"
        )


def _check_counts(spec: Any, n_tensors: int, source: str) -> None:
    """Even without memory every layer takes time to be made; each has a tensor at least."""
    if isinstance(spec, (list, tuple)):
        for item in spec:
            _check_counts(item, n_tensors, source)
    for key, value in spec.items() if isinstance(spec, Mapping) else ():
        counts = value if isinstance(value, (list, tuple)) else [value]
        if key in COUNTS and any(isinstance(count, int) and count > n_tensors for count in counts):
            raise CheckpointError(
                "CKPT_KEYS", f"{source} claims {str(value)[:40]} {key} and holds {n_tensors} tensors", "one for each"
            )
        _check_counts(value, n_tensors, source)


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
