"""From the spec of a weight file to a network: what it may name, whether it fits its constructors, what it would cost.

Nothing is made before all of it is checked, and the first time it is made without memory.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from gsv_lab.errors import CheckpointError, ConfigError, LabError
from gsv_lab.system.config import build
from gsv_lab.system.registry import PARTS, check_classes, resolve
from gsv_lab.system.schema import misfit_arguments

LARGEST_TABLES = 10**7
"""Elements of filter banks, windows and other tables that a network computes and no file holds."""

MOST_VALUES = 5000
"""Values in a spec; each can stand for a layer, which takes time to be made even without memory."""

COUNTS = {"layers", "n_layers", "couplings", "n_books"}
"""Arguments that say how many parts with tensors of their own there are."""

MISFITS = {"CONFIG_INCONSISTENT", "CONFIG_RANGE"}
"""Codes of errors in which parts or sizes refuse each other, which in a file is the file's fault."""


class CannotBuild(CheckpointError):
    """The spec of a file makes no network."""


def check_role(spec: Any, role: Any, source: str) -> None:
    """Refuse weights of another part than the one that is wanted; nothing is made.

    Args:
        spec: of the file.
        role: a class, or a tuple of them.
        source: name of the file.

    Raises:
        CheckpointError: CKPT_FORMAT. ConfigError: those of `resolve`.
    """
    if not isinstance(spec, Mapping) or "class_path" not in spec:
        raise CheckpointError("CKPT_FORMAT", f"{source} names no network", "weights of one component")
    cls = resolve(spec["class_path"], PARTS)
    roles = role if isinstance(role, tuple) else (role,)
    if not issubclass(cls, roles):
        wanted = " or ".join(f"a {one.__name__}" for one in roles)
        raise CheckpointError("CKPT_FORMAT", f"{source} holds a {cls.__name__}", wanted, "Are two files swapped?")


def network_of(spec: Mapping[str, Any], source: str, n_tensors: int = 0) -> nn.Module:
    """The network of a spec; one for so many tensors is hollow: shapes without memory.

    Raises:
        CheckpointError: CKPT_FORMAT, it makes no network; CKPT_KEYS, it counts more parts than there are tensors;
            CKPT_TOO_LARGE. ConfigError: it names something that is not allowed.
    """
    check_classes(spec, PARTS)
    check_role(spec, nn.Module, source)
    if _count(spec) > MOST_VALUES:
        raise CheckpointError("CKPT_TOO_LARGE", f"The spec of {source} has more than {MOST_VALUES} values")
    if n_tensors:
        _check_counts(spec, n_tensors, source)
    problem = misfit_arguments(resolve(spec["class_path"], PARTS), spec.get("init_args"))
    if problem:
        raise CannotBuild("CKPT_FORMAT", f"{source} describes no network that can be built: {problem}")
    try:
        with torch.device("meta") if n_tensors else nullcontext():
            made: nn.Module = build(spec, PARTS)
    except ConfigError as error:
        if error.code not in MISFITS:
            raise
        raise _no_network(source, error) from error
    except LabError:
        raise
    # Constructors meet sizes here that nobody chose, and fail in any way.
    except Exception as error:
        raise _no_network(source, error) from error
    return made


def check_fit(spec: Mapping[str, Any], tensors: Mapping[str, Tensor], source: str) -> None:
    """Every tensor has its place and every place its tensor; the network is built without memory.

    Raises:
        CheckpointError: CKPT_KEYS, CKPT_SHAPE, CKPT_FORMAT, CKPT_TOO_LARGE.
    """
    component = network_of(spec, source, n_tensors=len(tensors))
    load_into(component, {name: value.to("meta") for name, value in tensors.items()}, source)
    tables = sum(value.numel() for name, value in component.named_buffers() if name not in tensors)
    if tables > LARGEST_TABLES:
        raise CheckpointError(
            "CKPT_TOO_LARGE", f"{source} asks for tables of {tables} elements", f"at most {LARGEST_TABLES}"
        )


def load_into(component: nn.Module, tensors: Mapping[str, Tensor], source: str) -> None:
    """Strict loading with errors for people; `source` names the file.

    Raises:
        CheckpointError: CKPT_KEYS, CKPT_SHAPE; the first three are named.
    """
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


def _no_network(source: str, error: Exception) -> CannotBuild:
    why = (str(error).splitlines() or [type(error).__name__])[0][:160]
    return CannotBuild("CKPT_FORMAT", f"{source} describes no network that can be built ({why})", "sizes that fit")


def _count(spec: Any) -> int:
    """Values in a spec, all levels together."""
    if isinstance(spec, Mapping):
        return 1 + sum(_count(value) for value in spec.values())
    if isinstance(spec, (list, tuple)):
        return 1 + sum(_count(value) for value in spec)
    return 1


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
