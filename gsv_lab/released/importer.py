"""Released weight files in, the kit's own files out; the way back is in `exporter`.

Which network a file holds is seen from its keys, its widths and depths from its tensors. Only what tensors do not show
(heads, upsampling rates, dilations, dropout, hop, bins) is taken from the stored configuration; where the two disagree
the tensors stand and the report says so. The written file keeps the original configuration, the order of keys and the
first two bytes beside the spec, so that `export_reference` can write the released layout again.
"""

from __future__ import annotations

import os
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import torch
from torch import Tensor

from gsv_lab.checkpoint.native import save_tensors
from gsv_lab.checkpoint.restricted import read_released
from gsv_lab.checkpoint.specs import check_fit
from gsv_lab.errors import CheckpointError, LabError
from gsv_lab.released import reference_keys, reference_keys_gpt
from gsv_lab.released.reference_family import Resolved, resolve_file
from gsv_lab.released.stored_config import setting, to_json
from gsv_lab.system.files import check_output, save_failed

_NORMS = {
    ".parametrizations.weight.original0": ".weight_g",
    ".parametrizations.weight.original1": ".weight_v",
}
"""Newer and older names of a weight-normalised layer's two tensors; both occur in files."""


_OPTIMIZER = "optimizer"
"""Part of a training's state that is no weight and twice as large as all weights."""


class Imported(NamedTuple):
    """What became of one file.

    `role` is semantic_gpt, sovits or discriminators; `family` v1, v2, v2Pro or v2ProPlus; `notes` are sentences about
    what is different in the stored configuration.
    """

    source: Path
    output: Path
    role: str
    family: str
    tensors: int
    parameters: int
    precision: str
    spec: dict[str, Any]
    notes: tuple[str, ...]

    def __str__(self) -> str:
        lines = [
            f"{self.source.name}: {self.role} of {self.family}, {self.tensors} tensors, {self.parameters:,} numbers, "
            f"{self.precision} -> {self.output}"
        ]
        return "\n".join([*lines, *(f"  note: {note}" for note in self.notes)])


class _Converted(NamedTuple):
    resolved: Resolved
    tensors: dict[str, Tensor]
    header: dict[str, Any]
    dtype: torch.dtype


def import_reference(paths: Sequence[str | Path], output: str | Path) -> list[Imported]:
    """Convert released files; nothing is written unless all of them can be.

    One file becomes `output`; of several, each becomes `<stem of output>.<role>.safetensors` in the same folder.

    Raises:
        CheckpointError: see `restricted.read_released`; CKPT_KEYS and CKPT_SHAPE, its tensors are those of no known
            network; CKPT_FORMAT, its configuration contradicts itself, or it is of a family that the kit does not run.
        LabError: INPUT_ROLE, two files of one role; OUTPUT_NAME; SAVE_FAILED.
    """
    output = Path(output)
    check_output(output, ".safetensors")
    if not paths:
        raise LabError("INPUT_ROLE", "There is no file to import", "one or more released files")
    converted = [_convert(Path(path)) for path in paths]
    roles = [one.resolved.role for one in converted]
    if len(set(roles)) < len(roles):
        raise LabError("INPUT_ROLE", f"The files are {', '.join(roles)}", "one file of each role", "Import them singly")
    targets = [output] if len(roles) == 1 else [output.with_name(f"{output.stem}.{r}.safetensors") for r in roles]
    _save_all(converted, targets)
    made = []
    for path, target, one in zip(paths, targets, converted, strict=True):
        count = sum(value.numel() for value in one.tensors.values())
        kind, (role, family, spec, _, notes) = str(one.dtype).removeprefix("torch."), one.resolved
        made.append(Imported(Path(path), target, role, family, len(one.tensors), count, kind, spec, notes))
    return made


def _convert(path: Path) -> _Converted:
    released = read_released(path)
    content = {key: value for key, value in released.content.items() if key != _OPTIMIZER}
    weight: Mapping[str, Tensor] = released.weight
    state = {old_name(key): value for key, value in weight.items()}
    if len(state) < len(weight):
        raise CheckpointError("CKPT_KEYS", f"{path.name} has some weights under two names", "each once")
    resolved = resolve_file(state, content.get("config"), released.code, path.name)
    keys = reference_keys_gpt if resolved.role == "semantic_gpt" else reference_keys
    tensors = keys.from_reference(state)
    check_fit(resolved.spec, tensors, path.name)
    dtype = _widest(weight.values())
    info = {"family": resolved.family, "source": path.name, "audio": resolved.audio}
    if isinstance(setting(content, "info"), (str, int, float)):
        info["note"] = setting(content, "info")
    if len(content) < len(released.content):
        left_out = ("the optimizer's state of this training was left out",)
        resolved = resolved._replace(notes=(*resolved.notes, *left_out))
    root = type(released.content)((key, None if key == released.key else value) for key, value in content.items())
    kept = {
        "code": released.code,
        "content": to_json(root),
        "place": released.key,
        "keys": list(weight),
        "ordered": isinstance(weight, OrderedDict),
        "dtypes": {
            key: str(value.dtype).removeprefix("torch.")
            for key, value in weight.items()
            if value.is_floating_point() and value.dtype != dtype
        },
    }
    return _Converted(resolved, tensors, {"spec": resolved.spec, "info": info, "reference": kept}, dtype)


def _save_all(converted: Sequence[_Converted], targets: Sequence[Path]) -> None:
    """All files or none: none gets its name before the last one is on the disk."""
    for target in targets:
        check_output(target)
    try:
        with TemporaryDirectory(prefix=".import-", dir=targets[0].parent) as stage:
            waiting = [
                save_tensors(one.tensors, Path(stage) / target.name, one.header, one.dtype)
                for one, target in zip(converted, targets, strict=True)
            ]
            for path, target in zip(waiting, targets, strict=True):
                os.replace(path, target)
    except OSError as error:
        raise save_failed(targets[0], error.strerror or str(error)) from error


def old_name(key: str) -> str:
    """A key in the older form of weight norm."""
    for new, old in _NORMS.items():
        if key.endswith(new):
            return key.removesuffix(new) + old
    return key


def _widest(tensors: Any) -> torch.dtype:
    """The one type that keeps every bit: half and single precision go into single and come back unchanged."""
    kinds = {value.dtype for value in tensors if value.is_floating_point()}
    if len(kinds) == 1:
        return kinds.pop()
    return torch.float64 if torch.float64 in kinds else torch.float32
