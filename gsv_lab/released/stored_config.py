"""The configuration inside a released file: as JSON and back without loss, and safe reading of single settings.

The tree mixes plain dictionaries with objects of the one class that `restricted` reads; JSON has only dictionaries and
would lose kinds, tuples and the order of names. So a container becomes `{"kind": [entries]}`.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from gsv_lab.checkpoint.restricted import HParams
from gsv_lab.errors import CheckpointError

LARGEST_TREE = 100_000
DEEPEST_TREE = 20


def to_json(tree: Any) -> Any:
    """A configuration tree as what JSON can hold; see the module.

    Raises:
        CheckpointError: CKPT_FORMAT, something in it is no setting; CKPT_TOO_LARGE, it is deeper or larger than any
            honest one (a few bytes of a pickle can stand for an endless tree).
    """
    return _Encoder().encode(tree, 0)


class _Encoder:
    """Encodes a tree and counts its nodes."""

    def __init__(self) -> None:
        self.nodes = 0

    def encode(self, node: Any, depth: int) -> Any:
        """One node and all below it as plain JSON; refuses trees that are too deep or too large."""
        self.nodes += 1
        if depth > DEEPEST_TREE or self.nodes > LARGEST_TREE:
            raise CheckpointError("CKPT_TOO_LARGE", "The stored configuration is too deep or too large")
        if node is None or type(node) in (bool, int, float, str):
            return node
        if isinstance(node, HParams):
            return {"hparams": self._pairs(node.__dict__, depth)}
        if type(node) is OrderedDict:
            return {"ordered": self._pairs(node, depth)}
        if type(node) is dict:
            return {"dict": self._pairs(node, depth)}
        if type(node) in (list, tuple, set):
            kind = type(node).__name__
            return {kind: [self.encode(item, depth + 1) for item in node]}
        raise CheckpointError(
            "CKPT_FORMAT", f"The stored configuration holds a {type(node).__name__}", "names, numbers and lists"
        )

    def _pairs(self, table: dict[Any, Any], depth: int) -> list[list[Any]]:
        return [[self.encode(key, depth + 1), self.encode(value, depth + 1)] for key, value in table.items()]


def from_json(node: Any) -> Any:
    """The inverse of `to_json`.

    Raises:
        CheckpointError: CKPT_CORRUPT, no such tree.
    """
    if not isinstance(node, dict):
        return node
    kind, entries = next(iter(node.items())) if len(node) == 1 else ("", [])
    simple = {"list": list, "tuple": tuple, "set": set}
    if kind in simple and isinstance(entries, list):
        return simple[kind](from_json(item) for item in entries)
    if kind not in ("hparams", "ordered", "dict") or not isinstance(entries, list):
        raise CheckpointError("CKPT_CORRUPT", f"'{kind[:40]}' is no part of a configuration", "an imported file")
    pairs = [(from_json(key), from_json(value)) for key, value in entries]
    if kind == "hparams":
        made = HParams()
        made.__setstate__(dict(pairs))
        return made
    return OrderedDict(pairs) if kind == "ordered" else dict(pairs)


def carried_config(header: Mapping[str, Any]) -> Any:
    """The configuration of the released file that a weight file descends from, as `to_json` wrote it; None without one.

    Args:
        header: of `native.read_header`; of an imported file, or of one that was trained from it.

    Raises:
        CheckpointError: CKPT_CORRUPT.
    """
    info, kept = header.get("info"), header.get("reference")
    if isinstance(kept, Mapping):
        root = from_json(kept.get("content"))
        return to_json(root.get("config")) if isinstance(root, dict) else None
    return info.get("released_config") if isinstance(info, Mapping) else None


def setting(config: Any, path: str) -> Any:
    """The value at `group.name`, whichever kind of container holds it; None where there is none."""
    for name in path.split("."):
        config = config.__dict__ if isinstance(config, HParams) else config
        config = config.get(name) if isinstance(config, dict) else None
    return config


def whole(config: Any, path: str, default: int, largest: int = 10**6) -> int:
    """A whole number from 1 on; `default` where the file does not say.

    Raises:
        CheckpointError: CKPT_FORMAT, something else stands there.
    """
    value = setting(config, path)
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, int) or not 1 <= value <= largest:
        raise CheckpointError("CKPT_FORMAT", f"{path} is {str(value)[:40]!r}", f"a whole number from 1 to {largest}")
    return value


def share(config: Any, path: str, default: float) -> float:
    """A number from 0 to 1; else as `whole`."""
    value = setting(config, path)
    value = default if value is None else value
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        raise CheckpointError("CKPT_FORMAT", f"{path} is {str(value)[:40]!r}", "a number from 0 to 1")
    return float(value)


def wholes(config: Any, path: str, default: Sequence[int]) -> list[int]:
    """A list of up to 16 whole numbers from 1 to 1000; else as `whole`."""
    value = setting(config, path)
    value = list(default) if value is None else value
    fits = isinstance(value, (list, tuple)) and len(value) <= 16
    if not fits or not all(type(item) is int and 1 <= item <= 1000 for item in value):
        raise CheckpointError("CKPT_FORMAT", f"{path} is {str(value)[:60]!r}", "a few whole numbers from 1 to 1000")
    return list(value)
