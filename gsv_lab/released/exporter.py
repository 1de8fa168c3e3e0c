"""The kit's own weights out, in the released layout.

A file that was imported is written back as it was. For trained weights the layout is made from their spec: released
names, half precision, the configuration that the released program reads, a note, and the first two bytes of the
version. A network that the layout cannot describe is refused, since the released program would build another one.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from gsv_lab.checkpoint.native import load_tensors, read_header
from gsv_lab.checkpoint.restricted import CODES, Released, released_bytes
from gsv_lab.errors import CheckpointError
from gsv_lab.released import reference_keys, reference_keys_gpt
from gsv_lab.released.importer import old_name
from gsv_lab.released.reference_config import complete, differences, gpt_config, sovits_config
from gsv_lab.released.reference_family import Resolved, family_of, resolve_file
from gsv_lab.released.stored_config import from_json
from gsv_lab.system.files import save_bytes

ROLES = {"SemanticGPT": "semantic_gpt", "SoVITS": "sovits"}
ROLES |= dict.fromkeys(("MultiPeriodDiscriminator", "CombinedDiscriminator"), "discriminators")
"""Classes of `gsv_lab.nn` that the released layout has a place for, and their roles."""

FIRST_BYTES = {"v2Pro": "05", "v2ProPlus": "06"}
"""Of exported SoVITS files; all others begin as any archive, with PK."""

POSTERIOR = "enc_q."
DISCRIMINATORS = "gsv_lab.nn.discriminators"


def export_reference(
    path: str | Path, output: str | Path, *, without_posterior: bool = False, note: str | None = None
) -> Path:
    """Write weights in the released layout.

    Imported files come back with their keys in their order, types and bits, configuration, note and first bytes.

    Args:
        path: weights that `gsv-lab weights import` or `gsv-lab fit` wrote.
        output: the file to write.
        without_posterior: leave out what only training needs, as the released program does when it exports a SoVITS.
        note: free text in the file; by default that of the imported file, or how long the weights were trained.

    Raises:
        CheckpointError: CKPT_FORMAT, the released layout has no place for this network; CKPT_KEYS; CKPT_NONFINITE, a
            weight is too large for half precision; those of `native.load_tensors`.
        LabError: SAVE_FAILED.
    """
    path = Path(path)
    header = read_header(path)
    tensors = load_tensors(path, dtype=None)
    make = _imported if isinstance(header.get("reference"), dict) else _trained
    released = make(path.name, header, tensors)
    if without_posterior:
        weight = released.weight
        for key in [key for key in weight if key.startswith(POSTERIOR)]:
            del weight[key]
    if note is not None:
        released.content["info"] = note
    return save_bytes(output, released_bytes(released))


def _imported(name: str, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Released:
    """The file as it was when it was imported."""
    kept = header["reference"]
    code, order, root = kept.get("code"), kept.get("keys"), from_json(kept.get("content"))
    place = kept.get("place", "weight")
    if code not in ("PK", *CODES) or not isinstance(order, list) or not isinstance(root, dict) or place not in root:
        raise CheckpointError("CKPT_CORRUPT", f"{name} lacks what was kept of the released file", "a whole file")
    if any(key.startswith(reference_keys_gpt.PREFIX) for key in order):
        state = reference_keys_gpt.to_reference(tensors, reference_keys_gpt.PREFIX)
    elif _class_of(header) == "SemanticGPT":
        state = reference_keys_gpt.to_reference(tensors)
    else:
        state = reference_keys.to_reference(tensors)
    old = {key: old_name(key) for key in order}
    if sorted(old.values()) != sorted(state):
        raise CheckpointError("CKPT_KEYS", f"{name} has other tensors than when it was imported", "the same ones")
    types = kept.get("dtypes", {})
    weight = ((key, _typed(state[known], types.get(key))) for key, known in old.items())
    root[place] = OrderedDict(weight) if kept.get("ordered") else dict(weight)
    return Released(code, root, place)


def _trained(name: str, header: Mapping[str, Any], tensors: Mapping[str, Tensor]) -> Released:
    """The released layout of a network that was trained here."""
    role = ROLES.get(_class_of(header), "")
    if not role or not str(header["spec"]["class_path"]).startswith("gsv_lab.nn."):
        raise CheckpointError(
            "CKPT_FORMAT", f"{name} holds a {_class_of(header) or 'file without a network'}",
            f"a network of the released families: {', '.join(ROLES)}",
        )  # fmt: skip
    spec, info = complete(header["spec"]), header.get("info") or {}
    gpt = role == "semantic_gpt"
    state = reference_keys_gpt.to_reference(tensors) if gpt else reference_keys.to_reference(tensors)
    family = family_of({key: tuple(value.shape) for key, value in tensors.items()})
    config = _config(role, spec, family, from_json(info.get("released_config")))
    resolved = resolve_file(state, config, "PK", name)
    _check_told(name, spec, resolved)
    prefix = reference_keys_gpt.PREFIX if gpt else ""
    weight = OrderedDict((prefix + key, _half(key, value, name)) for key, value in state.items())
    content = OrderedDict({"weight": weight, "config": config, "info": _note(role, info)})
    code = FIRST_BYTES.get(family, "PK") if role == "sovits" else "PK"
    return Released(code, content)


def _config(role: str, spec: Mapping[str, Any], family: str, carried: Any) -> Any:
    if role == "semantic_gpt":
        return gpt_config(spec, carried)
    return sovits_config(spec, family, carried) if role == "sovits" else carried or {}


def _check_told(name: str, spec: Mapping[str, Any], resolved: Resolved) -> None:
    """Refuse what would be read back as another network.

    Raises:
        CheckpointError: CKPT_FORMAT, with the first three settings that the layout cannot say.
    """
    if _last(spec["class_path"]) == "MultiPeriodDiscriminator":
        parts: list[dict[str, Any]] = [{"class_path": f"{DISCRIMINATORS}.ScaleDiscriminator"}]
        for period in spec["init_args"]["periods"]:
            own = {"period": period}
            parts.append({"class_path": f"{DISCRIMINATORS}.PeriodDiscriminator", "init_args": own})
        spec = complete({"class_path": resolved.spec["class_path"], "init_args": {"discriminators": parts}})
    told = differences(spec, complete(resolved.spec))
    if told:
        raise CheckpointError(
            "CKPT_FORMAT", f"The released layout cannot say of {name}: {'; '.join(told[:3])}",
            "a network as the configurations of the released families build it",
        )  # fmt: skip


def _note(role: str, info: Mapping[str, Any]) -> str:
    """How long the weights were trained, in the released program's words."""
    epochs, batches = info.get("epochs", 0), info.get("batches", 0)
    return f"GPT-e{epochs}" if role == "semantic_gpt" else f"{epochs}epoch_{batches}iteration"


def _half(key: str, value: Tensor, name: str) -> Tensor:
    """A tensor in half precision, with its own memory."""
    half = value.half().contiguous().clone()
    if not bool(torch.isfinite(half).all()):
        raise CheckpointError(
            "CKPT_NONFINITE", f"'{key}' in {name} has numbers up to {float(value.abs().max()):.3g}",
            "numbers within 65504, the largest of half precision",
        )  # fmt: skip
    return half


def _typed(value: Tensor, kind: str | None) -> Tensor:
    """A tensor in its original type, with its own memory."""
    known = {"float16": torch.float16, "bfloat16": torch.bfloat16, "float32": torch.float32}
    return value.to(known.get(kind or "", value.dtype)).contiguous().clone()


def _class_of(header: Mapping[str, Any]) -> str:
    spec = header.get("spec")
    return _last(spec.get("class_path", "")) if isinstance(spec, Mapping) else ""


def _last(class_path: str) -> str:
    return str(class_path).rpartition(".")[2]
