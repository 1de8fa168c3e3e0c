"""YAML to objects: one function for the command line and for notebooks.

A spec is a dictionary `{class_path: dotted.path.Class, init_args: {...}}`, nested as deep as the constructor asks.
`load_experiment` reads files, fills references, checks names, types and ranges against the constructors (jsonargparse)
and gives back plain resolved dictionaries; `build` turns such a dictionary into objects and needs no library at all.
Every built object keeps its resolved spec in `.spec`; checkpoints carry it.
"""

from __future__ import annotations

import difflib
import inspect
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.system.config_checks import check_arguments, check_names, check_tables, check_values
from gsv_lab.system.files import check_folder_name, read_file, why_unreadable
from gsv_lab.system.overlay import nested, overlay
from gsv_lab.system.parser_errors import parser_error
from gsv_lab.system.ranges import NonNegativeInt
from gsv_lab.system.references import fill
from gsv_lab.system.registry import FOLDERS, check_classes, resolve
from gsv_lab.system.settings import Recipe, TrainerSettings
from gsv_lab.system.shipped import shipped
from gsv_lab.system.yaml_text import check_text, read_text, read_value, write_text

SEED = 1234
LARGEST = 2**20
"""Bytes of a configuration."""

TABLES: dict[str, Any] = {"trainer": TrainerSettings, "recipe": Recipe}
"""Entries of an experiment that are plain tables, and may be left out."""

TOP = {
    "name": str,
    "seed": NonNegativeInt,
    "sizes": dict[str, Any],
    "start_from": str | list[str],
    "task": Any,
    "data": Any,
    **TABLES,
}
"""Entries of an experiment and their types."""


def build(spec: Any, folders: tuple[str, ...] = FOLDERS) -> Any:
    """Objects from a resolved spec; lists and dictionaries are walked, plain values given back.

    Every class in it is checked before the first object is made.

    Args:
        spec: plain dictionaries.
        folders: folders of the package that it may name, see `gsv_lab.system.registry.resolve`.

    Raises:
        ConfigError: CONFIG_UNKNOWN_KEY (with the nearest name), CONFIG_UNKNOWN_COMPONENT, CONFIG_RENAMED.
    """
    check_classes(spec, folders)
    return _built(spec, folders)


def _built(spec: Any, folders: tuple[str, ...]) -> Any:
    if isinstance(spec, (list, tuple)):
        return [_built(item, folders) for item in spec]
    if not isinstance(spec, Mapping):
        return spec
    if "class_path" not in spec:
        return {key: _built(value, folders) for key, value in spec.items()}
    extra = set(spec) - {"class_path", "init_args"}
    if extra:
        raise ConfigError("CONFIG_UNKNOWN_KEY", f"'{sorted(extra)[0]}' beside class_path", "init_args only")
    cls = resolve(spec["class_path"], folders)
    given = spec.get("init_args") or {}
    if not isinstance(given, Mapping):
        raise ConfigError("CONFIG_TYPE", f"init_args of {cls.__name__} is {str(given)[:60]}", "a table")
    arguments = {key: _built(value, folders) for key, value in given.items()}
    _check_signature(cls, arguments)
    built = cls(**arguments)
    built.spec = {"class_path": spec["class_path"], "init_args": _plain(given)}
    return built


def _check_signature(cls: type, arguments: Mapping[str, Any]) -> None:
    """Arguments are those of the constructor, and none that it needs is missing."""
    check_arguments(cls, arguments)
    known = inspect.signature(cls).parameters
    for key in arguments:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.3) or list(known)
            raise ConfigError("CONFIG_UNKNOWN_KEY", f"{cls.__name__} has no argument '{key}'", f"'{near[0]}' perhaps")
    named = (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    for key, value in known.items():
        needed = value.default is inspect.Parameter.empty and value.kind in named
        if needed and key not in arguments:
            raise ConfigError("CONFIG_UNKNOWN_KEY", f"{cls.__name__} lacks the argument '{key}'", "it in init_args")


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.as_posix() if isinstance(value, Path) else value


def load_experiment(
    paths: Sequence[str | Path], overrides: Sequence[str] = (), idle_files: bool = False
) -> dict[str, Any]:
    """Read, overlay and check configuration files.

    Args:
        paths: YAML files; later ones lie over earlier ones key by key, see `gsv_lab.system.overlay.overlay`. One that
            changes nothing is named in a warning.
        overrides: `key.sub_key=value` strings, applied last.
        idle_files: nobody has to be told of a file that changes nothing, which takes as long again to find out.

    Returns:
        Plain dictionaries: name, seed, sizes, start_from, task, data, trainer, recipe, with every default filled in.

    Raises:
        ConfigError: CONFIG_UNKNOWN_KEY with the nearest name; CONFIG_RENAMED with the new one; CONFIG_TYPE with the
            parser's own words; CONFIG_RANGE, CONFIG_INCONSISTENT, CONFIG_TOO_DEEP, CONFIG_UNSAFE,
            CONFIG_UNKNOWN_COMPONENT, CONFIG_MISSING; CONFIG_PATH, the name is no plain folder name.
    """
    files = [_read_file(Path(path)) for path in paths]
    settings = dict(item.removeprefix("--").partition("=")[::2] for item in overrides)
    resolved = _resolved(files, settings)
    check_folder_name(resolved["name"], "name")
    check_values(resolved, TOP)
    for number in () if idle_files else range(1, len(files)):
        if _is_idle(files, number, settings, resolved):
            warnings.warn(f"{paths[number]} changes nothing: without it the training is the same", stacklevel=2)
    return resolved


def _read_file(path: Path) -> Any:
    """The tables of a file, `${...}` as it stands there; keys with dots at the top are written out."""
    try:
        text = read_file(shipped(path), LARGEST).decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError("CONFIG_MISSING", f"Cannot read {path}", "a YAML file", why_unreadable(error)) from error
    check_text(text, path.name)
    read = read_text(text, path.name)
    read = {} if read is None else read
    if not isinstance(read, dict):
        kind = "a list" if isinstance(read, list) else "a single value"
        raise ConfigError("CONFIG_TYPE", f"{path.name} is {kind}", "a table of " + ", ".join(TOP))
    tables: Any = {}
    for key, value in read.items():
        tables = overlay(tables, nested(str(key), value))
    return tables


def _resolved(files: Sequence[Any], settings: Mapping[str, str]) -> dict[str, Any]:
    """Files over each other, and single settings over them, as the parser understands them."""
    merged: Any = {}
    for tables in files:
        merged = overlay(merged, tables)
    # Settings that the parser gets one by one, since it knows which of them are texts.
    single = {}
    for key, text in settings.items():
        # The parser would drop the arguments of an exchanged class, and take null for the name of one.
        if key.endswith("class_path") or text == "null":
            merged = overlay(merged, nested(key, None if text == "null" else text))
        else:
            single[key] = text
    whole: Any = {"seed": SEED, **{name: asdict(kind()) for name, kind in TABLES.items()}}
    whole = overlay(whole, merged)
    for key, text in settings.items():
        check_text(text, key, traps=False)
        whole = overlay(whole, nested(key, text if isinstance(_at(merged, key), str) else read_text(text, key)))
    filled = fill(whole, whole)
    check_tables(filled, TOP)
    check_names(filled)
    arguments = [f"--config={write_text(fill(merged, whole))}"]
    for key, text in single.items():
        value = fill(text, whole, key)
        arguments.append(f"--{key}={value if isinstance(value, str) else write_text(value)}")
    resolved = _parse(arguments)
    for key, text in settings.items():
        if not isinstance(_at(resolved, key), str):
            check_text(text, key)
    return resolved


def _parse(arguments: Sequence[str]) -> dict[str, Any]:
    """What jsonargparse makes of its arguments, as plain dictionaries."""
    import jsonargparse
    import pytorch_lightning as pl

    parser = jsonargparse.ArgumentParser(parser_mode="yaml", exit_on_error=False, allow_abbrev=False)
    parser.add_argument("--config", action="config")
    parser.add_argument("--name", type=str, required=True)
    parser.add_argument("--seed", type=int, default=SEED)
    parser.add_argument("--sizes", type=dict[str, Any], default={})
    parser.add_argument("--start_from", type=list[str] | str, default=[])
    parser.add_subclass_arguments(pl.LightningModule, "task", required=True)
    parser.add_subclass_arguments(pl.LightningDataModule, "data", required=True)
    for name, kind in TABLES.items():
        parser.add_argument(f"--{name}", type=kind, default=kind())
    try:
        parsed = parser.parse_args(arguments)
    except (jsonargparse.ArgumentError, ValueError, TypeError) as error:
        known = {"": TOP, **{name: [field.name for field in fields(kind)] for name, kind in TABLES.items()}}
        raise parser_error(str(error), known, lambda path: inspect.signature(resolve(path)).parameters) from error
    resolved = _plain(parsed.as_dict())
    resolved.pop("config", None)
    return resolved


def _is_idle(
    files: Sequence[Any],
    number: int,
    settings: Mapping[str, str],
    resolved: Mapping[str, Any],
) -> bool:
    """Whether the experiment is the same without one of its files.

    Its name makes no difference, nor does a size that nobody refers to.
    """
    others = [tables for place, tables in enumerate(files) if place != number]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            without = _resolved(others, settings)
    except ConfigError:
        return False
    ignored = {"name": "", "sizes": None}
    return {**without, **ignored} == {**resolved, **ignored}


def _at(node: Any, path: str) -> Any:
    for key in path.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node


def override(experiment: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A resolved experiment with `key.sub_key=value` put in, where nothing but PyYAML is installed.

    Keys must be there, and what stands there tells the type; constructors are asked for ranges only.

    Raises:
        ConfigError: CONFIG_UNKNOWN_KEY with the nearest key; CONFIG_RENAMED, CONFIG_TYPE, CONFIG_RANGE,
            CONFIG_INCONSISTENT and the others of `load_experiment`, as if the value stood in a file.
    """
    result: dict[str, Any] = _plain(experiment)
    for item in overrides:
        path, _, text = item.partition("=")
        *parents, last = path.split(".")
        if last != "class_path":
            check_names(overlay(result, nested(path, text)))
        node = result
        for key in parents:
            node = _entry(node, key, path)
        value = read_value(path, text, _entry(node, last, path))
        if last == "class_path":
            exchanged = overlay(node, {last: value})
            node.clear()
            node.update(exchanged)
        else:
            node[last] = value
    check_names(result)
    if "name" in result:
        check_folder_name(result["name"], "name")
    check_values(result, TOP)
    return result


def _entry(node: Any, key: str, path: str) -> Any:
    """An entry of a table.

    Raises:
        ConfigError: CONFIG_UNKNOWN_KEY with the nearest key.
    """
    if isinstance(node, dict) and key in node:
        return node[key]
    near = difflib.get_close_matches(key, node, 1, 0.3) if isinstance(node, dict) else []
    raise ConfigError("CONFIG_UNKNOWN_KEY", f"There is no '{path}'", near[0] if near else "a key of the file")
