"""The table in front of a weight or voice file: what it says of its tensors, and the JSON entry of the kit.

It is read before any tensor, and nothing in it is believed: its size, its depth, names, shapes and versions are checked
first.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Any, NoReturn

from gsv_lab.checkpoint.archive import CODES
from gsv_lab.checkpoint.legacy import upgrade_name, upgrade_spec
from gsv_lab.errors import CheckpointError

FORMAT = 2
LARGEST_HEADER = 16 * 2**20
LARGEST_ELEMENTS = 10**9
MOST_AXES = 8
TYPES = {"F64", "F32", "F16", "BF16", "I64", "I32", "I16", "I8", "U8", "BOOL"}
DEEPEST = 100
"""Tables and lists in each other; the configuration of a released file takes three for each of its levels."""


def read_header(path: str | Path) -> dict[str, Any]:
    """The JSON entry of a weight or voice file, with `tensors`: name -> (dtype, shape). Loads no tensor.

    Files of an older format are read in today's words.

    Raises:
        CheckpointError: CKPT_MISSING, CKPT_FORMAT (no safetensors file, for example a pickle), CKPT_LEGACY (a released
            file), CKPT_CORRUPT, CKPT_TOO_LARGE, CKPT_VERSION (written by a newer gsv_lab).
    """
    path = Path(path)
    if not os.path.isfile(path):
        raise CheckpointError("CKPT_MISSING", f"No file {path}", "a .safetensors file")
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            begin, start = file.read(8), file.read(1)
            length = int.from_bytes(begin, "little")
            _check_begin(path.name, begin, start, size)
            text = start + file.read(length - 1)
    except OSError as error:
        raise CheckpointError("CKPT_MISSING", f"Cannot read {path}: {error.strerror}", "a readable file") from error
    try:
        table = json.loads(text, parse_constant=_refuse_constant)
        entry = json.loads(table.pop("__metadata__", {}).get("gsv_lab", "null"), parse_constant=_refuse_constant)
        tensors = {name: _claim(name, item) for name, item in table.items()}
        _check_depth(entry)
    except (ValueError, AttributeError, TypeError, KeyError, RecursionError) as error:
        raise _damaged(path.name) from error
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
    if not isinstance(entry.get("info", {}), dict) or not isinstance(entry.get("spec", {}), (dict, NoneType)):
        raise _damaged(path.name)
    if version < FORMAT:
        _upgrade(entry, path.name)
        tensors = {upgrade_name(name): claim for name, claim in tensors.items()}
    entry["tensors"] = tensors
    return entry


def _check_begin(name: str, begin: bytes, start: bytes, size: int) -> None:
    """The length of the header, and the first mark of it."""
    if begin[2:4] == b"\x03\x04" and begin[:2].decode("latin-1") in ("PK", *CODES):
        raise CheckpointError(
            "CKPT_LEGACY", f"{name} is a released file or another archive of torch", "weights of gsv_lab",
            f"Use the importer: gsv-lab weights import {name} --output OUT.safetensors",
        )  # fmt: skip
    if size < 9 or start != b"{":
        raise CheckpointError(
            "CKPT_FORMAT", f"{name} is no safetensors file", "weights or a voice written by gsv_lab",
            "Files of the released GPT-SoVITS come in through `gsv-lab weights import`",
        )  # fmt: skip
    length = int.from_bytes(begin, "little")
    if length > min(LARGEST_HEADER, size - 8):
        raise CheckpointError("CKPT_CORRUPT", f"{name} claims a header of {length} bytes", "a whole file")


def _upgrade(entry: dict[str, Any], name: str) -> None:
    """The specification of an older file in today's words."""
    if not isinstance(entry.get("spec"), dict):
        return
    try:
        entry["spec"] = upgrade_spec(entry["spec"], entry.get("info", {}).get("audio") or {})
    except (ValueError, AttributeError, TypeError, KeyError) as error:
        raise _damaged(name) from error


def _claim(name: str, item: Mapping[str, Any]) -> tuple[str, tuple[int, ...]]:
    """What a header says of one tensor, its type and its shape."""
    shape = tuple(item["shape"])
    if item["dtype"] not in TYPES:
        raise ValueError("a type that no network here has")
    if not name.isprintable() or len(shape) > MOST_AXES or not all(type(size) is int and size >= 0 for size in shape):
        raise ValueError("a name is one line, a shape is a few whole numbers")
    return str(item["dtype"]), shape


def _check_depth(entry: Any) -> None:
    level = [entry]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for node in level:
            if isinstance(node, dict):
                below += node.values()
            elif isinstance(node, list):
                below += node
        level = below
    if level:
        raise ValueError("tables in each other without end")


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of JSON")


def _damaged(name: str) -> CheckpointError:
    return CheckpointError("CKPT_CORRUPT", f"{name} has a damaged header", "a whole file")
