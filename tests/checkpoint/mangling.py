"""What a hostile or broken file may look like: bytes changed at random, trees of JSON with single values exchanged."""

from __future__ import annotations

import copy
import json
import struct
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

CLASSES = (
    "antigravity.Trick",
    "imaplib.IMAP4",
    "this.s",
    "builtins.eval",
    "os.system",
    "subprocess.Popen",
    "pathlib.Path",
    "gsv_lab.__main__.main",
    "gsv_lab.cli.main",
    "gsv_lab.released.importer.TemporaryDirectory",
    "gsv_lab.training.callbacks.StateSaver",
    "gsv_lab.nn.interfaces.Flow",
    "gsv_lab.nn.flow.IdentityFlow",
    "gsv_lab.nn.flow.CouplingFlow",
    "gsv_lab.extensions.speaker_verifier.SpeakerVerifier",
    "gsv_lab.corpora.synthetic.SyntheticCorpus",
    "gsv_lab.training.content_task.ContentTask",
    "gsv_lab.nn..flow.CouplingFlow",
    "gsv_lab.nn.flow.CouplingFlow.forward",
)
"""Class paths of which a file may name the fewest."""


def nested(depth: int) -> list[Any]:
    """A list in a list in a list."""
    made: list[Any] = []
    for _ in range(depth):
        made = [made]
    return made


VALUES: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 7, 10**6, 10**9, 2**31, 2**63, 10**30, 10**400, -(10**9), 0.5, -0.5, 1e-300, 1e300,
    float("inf"), float("nan"), "", "x", "no", "3", "1e5", "../../x", "/etc/passwd", "a\nb", "\x1b[31m", "\ud800", "é",
    "${oc.env:HOME}", "${sizes.x}", "${name}", "{class_path: imaplib.IMAP4}", "x" * 5000, [], {}, [[]], [1, 2, 3],
    ["x"] * 300, nested(30), nested(300), {"class_path": 3}, {"a": {"b": {}}}, {"init_args": {}}, {"": None},
    {"class_path": "gsv_lab.nn.flow.IdentityFlow", "init_args": None}, list(range(2000)), *CLASSES,
)  # fmt: skip
"""What takes the place of an honest value."""

KEYS = (
    "x",
    "class_path",
    "init_args",
    "config",
    "help",
    "a.b",
    "",
    "__class__",
    "format",
    "kind",
    "checksum",
    "é",
    "\n",
)


def places(tree: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Paths of all values in a tree."""
    yield path
    if len(path) > 30:
        return
    if isinstance(tree, dict):
        for key, value in tree.items():
            yield from places(value, (*path, key))
    elif isinstance(tree, list):
        for number, value in enumerate(tree[:40]):
            yield from places(value, (*path, number))


def edited(tree: Any, draw: Any) -> Any:
    """A copy of a tree with one to three values replaced, removed, added, doubled, or a spec put in their place."""
    tree = copy.deepcopy(tree)
    for _ in range(draw(st.integers(1, 3))):
        found = list(places(tree))
        path = found[draw(st.integers(0, len(found) - 1))]
        if not path:
            continue
        node = tree
        for key in path[:-1]:
            node = node[key]
        last, kind = path[-1], draw(st.sampled_from(("value", "value", "spec", "remove", "add", "wrap", "number")))
        if kind == "remove":
            del node[last]
        elif kind == "spec":
            node[last] = {"class_path": draw(st.sampled_from(CLASSES)), "init_args": {}}
        elif kind == "wrap":
            node[last] = [node[last]] * draw(st.integers(0, 3))
        elif kind == "add" and isinstance(node, dict):
            node[draw(st.sampled_from(KEYS))] = copy.deepcopy(draw(st.sampled_from(VALUES)))
        elif kind == "number" and isinstance(node[last], (int, float)):
            node[last] = node[last] * draw(st.sampled_from((-1, 2, 1000, 10**12))) + draw(st.integers(-1, 1))
        else:
            node[last] = copy.deepcopy(draw(st.sampled_from(VALUES)))
    return tree


def damaged(data: bytes, draw: Any) -> bytes:
    """Bytes with one to four of them, or stretches of them, changed."""
    made = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, max(0, len(made) - 1)))
        kind = draw(st.sampled_from(("flip", "cut", "insert", "set", "head", "drop")))
        if kind == "flip" and made:
            made[place] ^= 1 << draw(st.integers(0, 7))
        elif kind == "cut":
            del made[place:]
        elif kind == "insert":
            made[place:place] = draw(st.binary(min_size=1, max_size=12))
        elif kind == "set" and made:
            made[place] = draw(st.integers(0, 255))
        elif kind == "head":
            made[: min(8, len(made))] = struct.pack("<Q", draw(st.integers(0, 2**64 - 1)))
        elif kind == "drop":
            del made[place : place + draw(st.integers(1, 40))]
    return bytes(made)


def unpacked(data: bytes) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Table of a file of the kit's own, the JSON entry in it, and the bytes of its tensors."""
    length = int.from_bytes(data[:8], "little")
    table = json.loads(data[8 : 8 + length])
    entry = json.loads(table["__metadata__"]["gsv_lab"])
    return table, entry, data[8 + length :]


def packed(table: Any, entry: Any, tensors: bytes) -> bytes:
    """The inverse of `unpacked`."""
    if isinstance(table, dict) and isinstance(table.get("__metadata__"), dict):
        table["__metadata__"]["gsv_lab"] = json.dumps(entry)
    header = json.dumps(table).encode()
    return struct.pack("<Q", len(header)) + header + tensors
