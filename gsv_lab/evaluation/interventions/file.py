"""Intervention files: YAML that names a model, a voice, texts, edits and what to measure.

The edits are those of `gsv_lab.hooks`; a name among them stands for a recipe.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

import yaml

from gsv_lab.errors import ConfigError, HookError
from gsv_lab.evaluation.interventions.measures import MEASURES
from gsv_lab.hooks import Edit
from gsv_lab.hooks.edits import RECIPES
from gsv_lab.system.config import LARGEST
from gsv_lab.system.files import read_file, why_unreadable
from gsv_lab.system.shipped import shipped


@dataclass(frozen=True)
class Intervention:
    """What an intervention file says.

    Args:
        name: of the experiment.
        texts: what to say.
        edits: name of a variant -> its edits.
        model: base model; empty for the default.
        voice: voice file; empty: see `reference`.
        reference: recording to clone; empty, without a voice: the shipped sample.
        reference_text: what is said in it.
        language: of the texts.
        seed: of everything random, the same for clean and edited.
        options: of `Lab.speak`, such as `temperature`.
        measures: names out of `MEASURES`.
        watch: globs of taps whose records are compared.
    """

    name: str
    texts: tuple[str, ...]
    edits: Mapping[str, tuple[Edit, ...]]
    model: str = ""
    voice: str = ""
    reference: str = ""
    reference_text: str = ""
    language: str = "auto"
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)
    measures: tuple[str, ...] = MEASURES
    watch: tuple[str, ...] = ()


def recipe(name: str) -> list[Edit]:
    """The edits of a named recipe, see `gsv_lab.hooks.edits.RECIPES`.

    Raises:
        HookError: RECIPE_UNKNOWN, with the names there are.
    """
    if name not in RECIPES:
        raise HookError("RECIPE_UNKNOWN", f"There is no recipe '{name}'", " or ".join(RECIPES))
    return list(RECIPES[name])


def read_intervention(path: str | Path) -> Intervention:
    """Read and check an intervention file; paths in it are relative to it.

    Raises:
        ConfigError: CONFIG_MISSING, CONFIG_UNSAFE (no YAML), CONFIG_UNKNOWN_KEY (with the nearest), CONFIG_TYPE.
        HookError: RECIPE_UNKNOWN, EDIT_KIND, EDIT_VALUE.
    """
    path = Path(path)
    given = {"name": path.stem, **_content(path)}
    given["texts"] = _strings(path, "texts", given.get("texts"))
    for key in ("measures", "watch"):
        if key in given:
            given[key] = _strings(path, key, given[key])
    for key in ("voice", "reference"):
        if given.get(key):
            given[key] = str(path.parent / str(given[key]))
    for name in given.get("measures", ()):
        if name not in MEASURES:
            raise ConfigError("CONFIG_TYPE", f"There is no measure '{name}'", " or ".join(MEASURES))
    if not isinstance(given.get("options", {}), dict) or not isinstance(given.get("seed", 0), int):
        raise ConfigError("CONFIG_TYPE", f"options or seed of {path.name}", "a mapping and a whole number")
    given["edits"] = _variants(path, given.get("edits"))
    return Intervention(**given)


def _content(path: Path) -> dict[str, Any]:
    """The mapping in a file, with known keys only."""
    try:
        content = yaml.safe_load(read_file(shipped(path), LARGEST).decode("utf-8-sig"))
    except (OSError, UnicodeDecodeError) as error:
        problem = f"Cannot read {path}: {why_unreadable(error)}"
        raise ConfigError("CONFIG_MISSING", problem, "a YAML file in UTF-8") from error
    except yaml.YAMLError as error:
        first = str(error).splitlines()[0]
        raise ConfigError("CONFIG_UNSAFE", f"{path.name} is not plain YAML: {first}") from error
    known = [entry.name for entry in fields(Intervention)]
    if not isinstance(content, dict):
        raise ConfigError("CONFIG_TYPE", f"{path.name} holds no mapping", f"keys such as {', '.join(known[:3])}")
    for key in content:
        if key not in known:
            near = difflib.get_close_matches(str(key), known, 1, 0.3) or known
            raise ConfigError("CONFIG_UNKNOWN_KEY", f"{path.name} has the key '{key}'", f"'{near[0]}' perhaps")
    return content


def _strings(path: Path, key: str, value: Any) -> tuple[str, ...]:
    items = [value] if isinstance(value, str) else value
    if isinstance(items, list) and items and all(isinstance(item, str) and item.strip() for item in items):
        return tuple(items)
    raise ConfigError("CONFIG_TYPE", f"{key} of {path.name} is {value!r}", "one or more strings")


def _variants(path: Path, value: Any) -> dict[str, tuple[Edit, ...]]:
    variants = value if isinstance(value, dict) else {"edited": value}
    if not value or not all(isinstance(edits, (list, str)) for edits in variants.values()):
        problem = f"edits of {path.name} are {value!r}"
        raise ConfigError("CONFIG_TYPE", problem, "a list of edits and recipes, or a mapping of names to such lists")
    return {str(name): tuple(_edits(path, edits)) for name, edits in variants.items()}


def _edits(path: Path, rows: list[Any] | str) -> list[Edit]:
    found: list[Edit] = []
    for row in [rows] if isinstance(rows, str) else rows:
        if isinstance(row, str):
            found += recipe(row)
        else:
            found.append(_edit(path, row))
    return found


def _edit(path: Path, row: Any) -> Edit:
    expected = "a mapping with kind, target and what the kind needs"
    if not isinstance(row, dict) or not isinstance(row.get("where", {}), dict):
        raise HookError("EDIT_VALUE", f"{row!r} in {path.name} is no edit", expected)
    arguments = dict(row)
    if isinstance(row.get("source"), str):
        arguments["source"] = path.parent / row["source"]
    try:
        return Edit(**arguments)
    except HookError:  # it says already what is wrong
        raise
    except (TypeError, ValueError) as error:
        raise HookError("EDIT_VALUE", f"{row!r} in {path.name} is no edit: {error}", expected) from error
