"""YAML to objects: one function for the command line and for notebooks.

A spec is a dictionary `{class_path: dotted.path.Class, init_args: {...}}`, nested as deep as the constructor asks.
`load_experiment` reads files, checks names and types against the constructors (jsonargparse, with `${...}` from
OmegaConf) and gives back plain resolved dictionaries; `build` turns such a dictionary into objects and needs no
library at all. Every built object keeps its resolved spec in `.spec`; checkpoints carry it. This file knows no
component by name.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.system.config_checks import check_text, check_values, read_value, unknown_key
from gsv_lab.system.registry import resolve

_TOP = ("name", "seed", "sizes", "task", "data", "trainer")


@dataclass
class TrainerSettings:
    """How long and how a training runs. Time is the budget, so that slow and fast machines both finish their schedule.

    Args:
        minutes: wall-clock budget of the whole training, over all resumptions.
        max_batches: stop after this many batches instead; 0 for the time budget alone.
        precision: `32`, `bf16`, or `auto` (bf16 where the processor or GPU has it).
        validate_every: batches between validations.
        save_every_minutes: minutes between states saved for resuming.
        log_every: batches between log entries.
        workers: processes that prepare batches; 0 prepares them in the training process.
    """

    minutes: float = 60.0
    max_batches: int = 0
    precision: str = "auto"
    validate_every: int = 500
    save_every_minutes: float = 3.0
    log_every: int = 20
    workers: int = 0


def build(spec: Any) -> Any:
    """Objects from a resolved spec; lists and dictionaries are walked, plain values given back.

    Raises:
        ConfigError: CONFIG_UNKNOWN_KEY (with the nearest name), CONFIG_UNKNOWN_COMPONENT.
    """
    if isinstance(spec, (list, tuple)):
        return [build(item) for item in spec]
    if not isinstance(spec, Mapping):
        return spec
    if "class_path" not in spec:
        return {key: build(value) for key, value in spec.items()}
    extra = set(spec) - {"class_path", "init_args"}
    if extra:
        raise ConfigError("CONFIG_UNKNOWN_KEY", f"'{sorted(extra)[0]}' beside class_path", "init_args only")
    cls = resolve(spec["class_path"])
    arguments = {key: build(value) for key, value in (spec.get("init_args") or {}).items()}
    known = inspect.signature(cls).parameters
    for key in arguments:
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.3) or list(known)
            raise ConfigError("CONFIG_UNKNOWN_KEY", f"{cls.__name__} has no argument '{key}'", f"'{near[0]}' perhaps")
    missing = [
        key for key, value in known.items() if value.default is inspect.Parameter.empty and key not in arguments
        and value.kind in (inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    ]  # fmt: skip
    if missing:
        raise ConfigError("CONFIG_UNKNOWN_KEY", f"{cls.__name__} lacks the argument '{missing[0]}'", "it in init_args")
    built = cls(**arguments)
    built.spec = {"class_path": spec["class_path"], "init_args": _plain(spec.get("init_args") or {})}
    return built


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    return value.as_posix() if isinstance(value, Path) else value


def _check_paths(node: Any) -> None:
    """Refuse a class path before any library imports it."""
    if isinstance(node, Mapping):
        if "class_path" in node:
            resolve(node["class_path"])
        for value in node.values():
            _check_paths(value)
    elif isinstance(node, list):
        for value in node:
            _check_paths(value)


def _read_yaml(path: Path) -> Any:
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is no text in UTF-8"
        raise ConfigError("CONFIG_MISSING", f"Cannot read {path}", "a YAML file", str(why)) from error
    check_text(text, path.name)
    return yaml.safe_load(text)


def load_experiment(paths: Sequence[str | Path], overrides: Sequence[str] = ()) -> dict[str, Any]:
    """Read, overlay and check configuration files.

    Args:
        paths: YAML files; later ones override earlier ones key by key.
        overrides: `key.sub_key=value` strings, applied last.

    Returns:
        Plain dictionaries: name, seed, sizes, task, data, trainer, with every default filled in.

    Raises:
        ConfigError: CONFIG_UNKNOWN_KEY with the nearest name; CONFIG_TYPE with the parser's own words; CONFIG_RANGE,
            CONFIG_INCONSISTENT, CONFIG_TOO_DEEP, CONFIG_UNSAFE, CONFIG_UNKNOWN_COMPONENT, CONFIG_MISSING.
    """
    import jsonargparse
    import pytorch_lightning as pl
    import yaml

    for path in paths:
        _check_paths(_read_yaml(Path(path)))
    told = dict(item.removeprefix("--").partition("=")[::2] for item in overrides)
    for key, text in told.items():
        check_text(text, key, traps=False)
        _check_paths({key.rpartition(".")[2]: yaml.safe_load(text)})
    parser = jsonargparse.ArgumentParser(parser_mode="omegaconf+", exit_on_error=False)
    parser.add_argument("--config", action="config")
    parser.add_argument("--name", type=str)
    parser.add_argument("--seed", type=int, default=1234)
    parser.add_argument("--sizes", type=dict[str, Any], default={})
    parser.add_subclass_arguments(pl.LightningModule, "task")
    parser.add_subclass_arguments(pl.LightningDataModule, "data")
    parser.add_argument("--trainer", type=TrainerSettings, default=TrainerSettings())
    arguments = [item for path in paths for item in ("--config", str(path))]
    arguments += [item if item.startswith("--") else f"--{item}" for item in overrides]
    try:
        parsed = parser.parse_args(arguments)
    except (jsonargparse.ArgumentError, ValueError, TypeError) as error:
        words = " ".join(str(error).split())
        known = {"": _TOP, "trainer": [field.name for field in fields(TrainerSettings)]}
        named = unknown_key(words, known, lambda path: inspect.signature(resolve(path)).parameters)
        raise (named or ConfigError("CONFIG_TYPE", words[:600])) from error
    resolved = _plain(parsed.as_dict())
    resolved.pop("config", None)
    for key, text in told.items():
        if not isinstance(_at(resolved, key), str):
            check_text(text, key)
    check_values(resolved)
    return resolved


def _at(node: Any, path: str) -> Any:
    for key in path.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node


def override(experiment: Mapping[str, Any], overrides: Sequence[str]) -> dict[str, Any]:
    """A resolved experiment with `key.sub_key=value` put in, where nothing but PyYAML is installed.

    Keys must be there, and what stands there tells the type; constructors are not asked, as `load_experiment` does.

    Raises:
        ConfigError: CONFIG_UNKNOWN_KEY with the nearest key; CONFIG_TYPE, CONFIG_RANGE, CONFIG_INCONSISTENT and the
            others of `load_experiment`, as if the value stood in a file.
    """
    result: dict[str, Any] = _plain(experiment)
    for item in overrides:
        path, _, value = item.partition("=")
        *parents, last = path.split(".")
        node = result
        for depth, key in enumerate([*parents, last]):
            if not isinstance(node, dict) or key not in node:
                near = difflib.get_close_matches(key, node, 1, 0.3) if isinstance(node, dict) else []
                raise ConfigError(
                    "CONFIG_UNKNOWN_KEY", f"There is no '{path}'", near[0] if near else "a key of the file"
                )
            if depth < len(parents):
                node = node[key]
        node[last] = read_value(path, value, node[last])
    check_values(result)
    _check_paths(result)
    return result
