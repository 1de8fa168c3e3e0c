"""What the files of a configuration stand for: results of other cells, stores of a grid, or files with their content.

Every text of a task or of data that names a file is written twice: as a cell is called to train with it, and as its key
has it, where not the place counts but what lies there.

| written | in the key | is |
| --- | --- | --- |
| `cell:KEY/PATH` | the same | a file in the folder of another cell; `cell:self` is the cell's own |
| `store:HASH` | the same | the store of a synthetic corpus with the codes of one content encoder |
| an absolute path | `file:DIGEST`, `clips:DIGEST` | a file, a store of recordings |
| a name | `model:DIGEST` | the base model of a fine-tuning |
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from gsv_lab.corpora.identity import clip_digests, store_identity
from gsv_lab.corpora.readers import read
from gsv_lab.corpora.store import ClipStore
from gsv_lab.corpora.store_files import TABLE
from gsv_lab.errors import CheckpointError
from gsv_lab.evaluation.identity import identity_of
from gsv_lab.inference.loading import locate
from gsv_lab.system.environment import in_cache

SELF = "self"
FAMILY = "the-family-of-this-grid"
"""First part of paths in the settings of a family's stages."""
WEIGHTS = ".safetensors"
MADE = ("content", "codes", "context", "phones", "speaker", "spelling", "symbols", "teacher")
"""Beginnings of the names of tracks that a training makes where they are missing: they are no part of what the data
are, else the first training would change the key of the second.
"""


@dataclass(frozen=True)
class Links:
    """Cells whose results a training reads.

    Args:
        runs: name of a stage's experiment -> key of its cell.
        stages: name of a stage -> key of its cell.
        content: key of the cell that makes store and codebook of a family; empty where there is none.
    """

    runs: Mapping[str, str] = field(default_factory=dict)
    stages: Mapping[str, str] = field(default_factory=dict)
    content: str = SELF


@dataclass
class Located:
    """An experiment as it is called and as its key has it, and the cells that it needs."""

    called: Any
    identity: Any
    needs: set[str]


def located(experiment: Mapping[str, Any], links: Links) -> Located:
    """Write out the files of an experiment; see the head of this file.

    Raises:
        CheckpointError: CKPT_MISSING, weights that are not there.
    """
    needs: set[str] = set()
    called: dict[str, Any] = {}
    identity: dict[str, Any] = {}
    for name in ("task", "data", "start_from", "recipe"):
        called[name], identity[name] = _both(experiment.get(name), name, links, needs)
    arguments = identity["data"]["init_args"]
    if "corpus" in arguments:
        # A corpus that is made on the spot: its store is shared by all that read the codes of the same content encoder.
        same = [arguments.get(name) for name in ("corpus", "valid_speakers", "content_file")]
        store = f"store:{identity_of(same)}"
        called["data"]["init_args"]["store"] = arguments["store"] = store
    return Located({**experiment, **called}, identity, needs)


def placed(value: Any, root: Path, key: str) -> Any:
    """An experiment with the paths of a machine in it: of the grid's folder `root`, for the cell `key`."""
    if isinstance(value, Mapping):
        return {name: placed(item, root, key) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [placed(item, root, key) for item in value]
    if isinstance(value, str) and value.startswith("cell:"):
        cell, _, path = value.removeprefix("cell:").partition("/")
        return str(root / "cells" / (key if cell == SELF else cell) / path)
    if isinstance(value, str) and value.startswith("store:"):
        return str(root / "stores" / value.removeprefix("store:"))
    return value


def _both(value: Any, path: str, links: Links, needs: set[str]) -> tuple[Any, Any]:
    """A value as it is called, and its identity."""
    if isinstance(value, Mapping):
        pairs = {name: _both(item, f"{path}.{name}", links, needs) for name, item in value.items()}
        return {name: pair[0] for name, pair in pairs.items()}, {name: pair[1] for name, pair in pairs.items()}
    if isinstance(value, (list, tuple)):
        items = [_both(item, path, links, needs) for item in value]
        return [item[0] for item in items], [item[1] for item in items]
    if not isinstance(value, str) or path.endswith("class_path"):
        return value, value
    linked = _linked(value, links, needs)
    return (linked, linked) if linked else _file(value, path)


def _linked(text: str, links: Links, needs: set[str]) -> str:
    """The result of another cell that a text names; empty where it names none."""
    parts = Path(text).parts
    key, rest = "", parts[2:]
    if len(parts) > 3 and parts[0] == "runs" and parts[1] in links.runs:
        key, rest = links.runs[parts[1]], ("run", *rest)
    elif parts[:1] == (FAMILY,) and parts[1] in links.stages:
        key, rest = links.stages[parts[1]], ("run", *rest)
    elif parts[:1] == (FAMILY,):
        key, rest = links.content, parts[1:]
    if not key:
        return ""
    if key != SELF:
        needs.add(key)
    return f"cell:{key}/{'/'.join(rest)}"


def _file(text: str, path: str) -> tuple[str, str]:
    """An existing file, store, corpus or base model, and what is in it."""
    if path == "task.init_args.base" and "/" not in text:
        return text, f"model:{folder_digest(locate(text))}"
    if path.startswith("data.init_args.corpora"):
        return str(Path(text).absolute()), f"clips:{identity_of(clip_digests(read(text)))}"
    if "/" not in text and not text.endswith(WEIGHTS):
        return text, text
    place = Path(text) if (Path(text) / TABLE).is_file() else in_cache(text)
    if place.is_file():
        return str(place.absolute()), f"file:{_digest(place, place.stat().st_mtime_ns)}"
    if (place / TABLE).is_file():
        return str(place.absolute()), f"clips:{clips_digest(place)}"
    if (place / "model.json").is_file():
        return str(place.absolute()), f"model:{folder_digest(place)}"
    if text.endswith(WEIGHTS):
        action = "Train what makes it first (gsv-lab fit), or give the folder of all stages as base"
        raise CheckpointError("CKPT_MISSING", f"{path} names {text}, which is not there", "weights", action)
    return text, text


def clips_digest(folder: Path) -> str:
    """Of a store: its table, samples of its recordings, and the tracks that no training makes."""
    found = store_identity(ClipStore(folder))
    kept = {name: value for name, value in found.items() if not name.removeprefix("the track '").startswith(MADE)}
    return identity_of(kept)


def folder_digest(folder: Path) -> str:
    """Of a model: all of its files."""
    files = sorted(path for path in folder.iterdir() if path.is_file())
    return identity_of([[path.name, _digest(path, path.stat().st_mtime_ns)] for path in files])


@cache
def _digest(path: Path, changed: int) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()[:16]
