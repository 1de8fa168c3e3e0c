"""Configurations over each other, key by key."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Mapping
from typing import Any

from gsv_lab.system.registry import resolve


def overlay(base: Any, over: Any) -> Any:
    """A plain value with another one over it; neither is changed.

    Tables are joined key by key, `sizes` and `weights` as well as arguments; every other value is replaced. A new
    `class_path` exchanges the part: with `init_args` of its own it replaces the old one as a whole; alone it keeps
    those arguments of the old one that the new class takes too, and a warning names the others.

    Raises:
        ConfigError: CONFIG_UNKNOWN_COMPONENT, CONFIG_RENAMED, where a class has to be asked for its arguments.
    """
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    wanted = over.get("class_path", base.get("class_path"))
    if "class_path" in base and wanted != base["class_path"]:
        return over if "init_args" in over else _exchanged(base, over)
    joined = dict(base)
    for key, value in over.items():
        joined[key] = overlay(base.get(key), value)
    return joined


def _exchanged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """The new class with the arguments of the old one that it takes."""
    known = inspect.signature(resolve(over["class_path"])).parameters
    arguments = base.get("init_args") or {}
    kept = {key: value for key, value in arguments.items() if key in known}
    dropped = [key for key in arguments if key not in known]
    if dropped:
        problem = f"{over['class_path']} does not take {', '.join(dropped)} of {base['class_path']}"
        warnings.warn(f"{problem}; left out", stacklevel=2)
    return {**over, "init_args": kept}


def nested(path: str, value: Any) -> Any:
    """A value under a dotted path, as the tables of a file: `a.b` and 1 are `{a: {b: 1}}`."""
    for key in reversed(path.split(".")):
        value = {key: value}
    return value
