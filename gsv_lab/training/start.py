"""Starting a training from earlier weights: which file is for which network, and what in it does not fit.

A file belongs to the network of the task that shares most names of tensors with it. Nothing is loaded before all files
have been compared.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from torch import Tensor, nn

from gsv_lab.checkpoint import read_header
from gsv_lab.checkpoint.native import load_tensors
from gsv_lab.errors import CheckpointError
from gsv_lab.training.task import Task

SHARED = 0.5
"""Share of the names of the smaller of file and network that both must have."""


class Misfit(NamedTuple):
    """Names of tensors that a file lacks, that the network lacks, and, with both shapes, that have another shape."""

    missing: list[str]
    unknown: list[str]
    reshaped: list[str]

    def __str__(self) -> str:
        kinds = ((self.missing, "missing"), (self.unknown, "unknown"), (self.reshaped, "of another shape"))
        said = []
        for names, kind in kinds:
            if names:
                said.append(f"{len(names)} {kind}: {', '.join(names)}")
        return "; ".join(said)


def start_from(task: Task, files: Sequence[str | Path], partial: bool = False) -> None:
    """Load earlier weights into the networks of a task.

    Args:
        task: its networks; tensors that it takes from elsewhere (`Task.filled_later`) are left alone.
        files: native weights, at most one for each network.
        partial: let a network keep its own start where a tensor is missing or has another shape, and say so in a
            warning.

    Raises:
        CheckpointError: CKPT_KEYS, CKPT_SHAPE, tensors that do not fit; CKPT_MISPLACED, a file for none of the
            networks, or two for one; CKPT_MISSING, CKPT_FORMAT, CKPT_LEGACY and the others of `read_header`.
    """
    task.start_files = belongings(task, files)
    loaded: dict[str, dict[str, Tensor]] = {}
    for name, file in task.start_files.items():
        component = task.components()[name]
        misfit = compare(component, read_header(file)["tensors"], task.filled_later(name))
        if any(misfit):
            if not partial:
                raise _refused(name, component, file, misfit)
            warnings.warn(f"{name} keeps its own start where {Path(file).name} does not fit ({misfit})", stacklevel=2)
        loaded[name] = _fitting(component, load_tensors(file), task.filled_later(name))
    for name, tensors in loaded.items():
        component = task.components()[name]
        component.load_state_dict({**component.state_dict(), **tensors})


def belongings(task: Task, files: Sequence[str | Path]) -> dict[str, Path]:
    """Component name -> the file that is for it; see the module.

    Raises:
        CheckpointError: CKPT_MISPLACED and those of `read_header`.
    """
    components = task.components()
    found: dict[str, Path] = {}
    for file in map(Path, files):
        header = read_header(file)
        shares = {name: _share(component, header["tensors"]) for name, component in components.items()}
        name = max(shares, key=lambda key: shares[key])
        if shares[name] < SHARED:
            trained = " and ".join(f"{key} ({type(module).__name__})" for key, module in components.items())
            problem = f"{file.name} holds {_kind(header)}, and what is trained is {trained}"
            raise CheckpointError("CKPT_MISPLACED", problem, "start weights of a network that is trained")
        if name in found:
            problem = f"{found[name].name} and {file.name} are both for {name}"
            raise CheckpointError("CKPT_MISPLACED", problem, "one file for each network")
        found[name] = file
    return found


def compare(component: nn.Module, claims: Mapping[str, Any], filled_later: str) -> Misfit:
    """What in a file does not fit a network.

    Args:
        component: the network.
        claims: name -> (dtype, shape), of the file.
        filled_later: beginning of the names that are not compared; empty for none.
    """
    own = _compared(component.state_dict(), filled_later)
    given = _compared(claims, filled_later)
    reshaped = []
    for name in sorted(own.keys() & given.keys()):
        shape = tuple(given[name][1])
        if shape != tuple(own[name].shape):
            reshaped.append(f"{name} {shape} for {tuple(own[name].shape)}")
    return Misfit(sorted(own.keys() - given.keys()), sorted(given.keys() - own.keys()), reshaped)


def _compared(tensors: Mapping[str, Any], filled_later: str) -> dict[str, Any]:
    return {name: value for name, value in tensors.items() if not filled_later or not name.startswith(filled_later)}


def _fitting(component: nn.Module, tensors: Mapping[str, Tensor], filled_later: str) -> dict[str, Tensor]:
    own = component.state_dict()
    fitting = {}
    for name, value in _compared(tensors, filled_later).items():
        if name in own and own[name].shape == value.shape:
            fitting[name] = value
    return fitting


def _share(component: nn.Module, names: Mapping[str, Any]) -> float:
    own = component.state_dict().keys()
    return len(own & names.keys()) / max(1, min(len(own), len(names)))


def _kind(header: Mapping[str, Any]) -> str:
    """The class of a file's network, and the family where it was imported from one."""
    spec, info = header.get("spec"), header.get("info")
    name = str(spec.get("class_path", "")).rpartition(".")[2] if isinstance(spec, dict) else ""
    family = str(info.get("family", "")) if isinstance(info, dict) else ""
    return (name or "no network") + (f" of {family}" if family else "")


def _refused(name: str, component: nn.Module, file: Path, misfit: Misfit) -> CheckpointError:
    code = "CKPT_KEYS" if misfit.missing or misfit.unknown else "CKPT_SHAPE"
    held = _kind(read_header(file))
    problem = f"{file.name} ({held}) does not fit {name} ({type(component).__name__}), tensors {misfit}"
    advice = "Start from weights of this version and size, or let --partial keep the network's own start there"
    return CheckpointError(code, problem, f"exactly the tensors of {name}", advice)
