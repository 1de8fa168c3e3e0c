"""What is wrong with a configuration, said before anything is made of it: old and misspelt names, ranges, sizes.

`check_names` comes before the parser, `check_values` compares the numbers of what the parser made with the types of the
constructors' arguments.
"""

from __future__ import annotations

import inspect
import math
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from enum import Enum
from functools import cache
from pathlib import PurePath
from types import UnionType
from typing import Annotated, Any, Union, get_args, get_origin, get_type_hints

from gsv_lab.errors import ConfigError
from gsv_lab.system.migration import ARGUMENTS, LOSSES, renamed
from gsv_lab.system.parser_errors import unknown_key
from gsv_lab.system.ranges import NonNegativeInt, Range
from gsv_lab.system.registry import resolve


def check_names(node: Any) -> None:
    """Refuse class paths that may not be named, before any library imports them, and names of earlier versions.

    Raises:
        ConfigError: CONFIG_UNKNOWN_COMPONENT; CONFIG_RENAMED with the new name; CONFIG_UNKNOWN_KEY, something beside
            `class_path` and `init_args`, or a class path in a dotted key; CONFIG_TYPE, arguments that are no table, or
            a text in the place of an object.
    """
    if isinstance(node, (list, tuple)):
        for value in node:
            check_names(value)
    if not isinstance(node, Mapping):
        return
    if "class_path" in node:
        cls = resolve(node["class_path"])
        for key in node.keys() - {"class_path", "init_args"}:
            raise unknown_key(cls.__name__, str(key), ["init_args"])
        arguments = node.get("init_args", {})
        if not isinstance(arguments, Mapping):
            raise ConfigError("CONFIG_TYPE", f"init_args of {cls.__name__} is {str(arguments)[:60]}", "a table")
        check_arguments(cls, arguments)
        types = argument_types(cls)
        for key, value in arguments.items():
            if "." in str(key):
                raise ConfigError("CONFIG_UNKNOWN_KEY", f"'{key}' is one key with dots in it", "tables in each other")
            _check_objects(value, types.get(key, Any), f"{key} of {cls.__name__}")
    for key, value in node.items():
        if str(key).endswith(".class_path"):
            raise ConfigError("CONFIG_UNKNOWN_KEY", f"'{key}' is one key with dots in it", "class_path in its table")
        if key == "weights" and isinstance(value, Mapping):
            for old in LOSSES.keys() & value.keys():
                raise renamed(f"weights.{old}", f"weights.{LOSSES[old]}")
        check_names(value)


def check_tables(tables: Mapping[str, Any], known: Mapping[str, Any]) -> None:
    """Refuse entries at the top that are none, and texts in the place of tables, which the parser would take for files.

    Raises:
        ConfigError: CONFIG_UNKNOWN_KEY with the nearest name; CONFIG_TYPE.
    """
    for key, value in tables.items():
        if key not in known:
            raise unknown_key("", str(key), known)
        takes_text = known[key] in (str, NonNegativeInt) or str in get_args(known[key])
        if isinstance(value, str) and not takes_text:
            raise ConfigError("CONFIG_TYPE", f"{key} is '{value[:60]}'", "a table")


def _check_objects(value: Any, hint: Any, path: str) -> None:
    """Refuse a text where an object is wanted: the parser would take it for a class path, a file, or more YAML."""
    if isinstance(value, str):
        if _wants_object(hint) and not _is_number(value):
            raise ConfigError("CONFIG_TYPE", f"{path} is '{value[:60]}'", "a table with class_path and init_args")
    elif isinstance(value, (list, tuple)):
        for item in value:
            _check_objects(item, hint, path)
    elif isinstance(value, Mapping) and "class_path" not in value:
        for item in value.values():
            _check_objects(item, hint, path)


def _wants_object(hint: Any) -> bool:
    """Whether an argument of this type takes something that is made of a table, or a class or function itself."""
    if isinstance(hint, type):
        return hint.__module__ not in ("builtins", "collections.abc") and not issubclass(hint, (PurePath, Enum))
    if get_origin(hint) in (type, Callable):
        return True
    return any(_wants_object(inner) for inner in get_args(hint))


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def check_arguments(cls: type, arguments: Mapping[str, Any]) -> None:
    """Refuse an argument that has another name now; other unknown ones are the business of whoever calls the class.

    Raises:
        ConfigError: CONFIG_RENAMED with the new name.
    """
    known = inspect.signature(cls).parameters
    for base in cls.__mro__:
        old_names = ARGUMENTS.get(f"{base.__module__}.{base.__qualname__}", {})
        for key in arguments:
            if key in old_names and key not in known:
                raise renamed(f"{key} of {cls.__name__}", old_names[key])


def check_values(resolved: Mapping[str, Any], hints: Mapping[str, Any]) -> None:
    """Compare the numbers of a resolved configuration with what the arguments take.

    Args:
        resolved: plain dictionaries.
        hints: types of the entries at the top.

    Raises:
        ConfigError: CONFIG_RANGE, with the path and the bounds; CONFIG_INCONSISTENT, a hop that is not the product of
            the upsampling rates, both numbers named.
    """
    for key, value in resolved.items():
        check_ranges(value, hints.get(key, Any), key)
    _check_hop(resolved, {})


def check_ranges(value: Any, hint: Any, path: str) -> None:
    """Compare the numbers in a value with the type that stands at the argument.

    Args:
        value: a plain value; a table with a `class_path` is compared with the constructor of that class.
        hint: type of the argument, for example `list[PositiveInt] | None`.
        path: where the value stands, for the error.

    Raises:
        ConfigError: CONFIG_RANGE.
    """
    origin = get_origin(hint)
    inner = get_args(hint)
    if isinstance(value, Mapping) and "class_path" in value:
        _check_each(value.get("init_args") or {}, argument_types(resolve(value["class_path"])), f"{path}.init_args")
    elif origin in (Union, UnionType):
        for choice in inner:
            check_ranges(value, choice, path)
    elif origin is Annotated:
        _check_number(value, inner[1:], path)
    elif isinstance(value, Mapping):
        types = argument_types(hint) if is_dataclass(hint) else dict.fromkeys(value, inner[-1] if inner else Any)
        _check_each(value, types, path)
    elif isinstance(value, (list, tuple)):
        types_of_items = [item for item in inner if item is not Ellipsis] or [Any]
        for number, item in enumerate(value):
            check_ranges(item, types_of_items[min(number, len(types_of_items) - 1)], path)


def argument_types(cls: Any) -> dict[str, Any]:
    """Types of a constructor's arguments, ranges included; none where they name what only a type checker imports."""
    return _hints(cls.__init__)


@cache
def _hints(function: Any) -> dict[str, Any]:
    try:
        return get_type_hints(function, include_extras=True)
    except NameError:
        return {}


def _check_each(values: Mapping[str, Any], types: Mapping[str, Any], path: str) -> None:
    for key, value in values.items():
        check_ranges(value, types.get(key, Any), f"{path}.{key}")


def _check_number(value: Any, marks: tuple[Any, ...], path: str) -> None:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return
    for mark in marks:
        if isinstance(mark, Range) and not mark.holds(value):
            raise ConfigError("CONFIG_RANGE", f"{path} is {value}", str(mark))


def _check_hop(node: Any, stated: Mapping[str, int]) -> None:
    """A hop stated beside or above upsampling rates is their product."""
    if isinstance(node, (list, tuple)):
        for item in node:
            _check_hop(item, stated)
    if not isinstance(node, Mapping):
        return
    sizes = node.get("sizes")
    for table in (sizes if isinstance(sizes, Mapping) else {}, node):
        hops = {key: table[key] for key in ("hop", "hop_length") if isinstance(table.get(key), int)}
        stated = {**stated, **hops}
    rates = node.get("upsample_rates")
    if isinstance(rates, (list, tuple)):
        product = math.prod(rates)
        for name, hop in stated.items():
            if hop != product:
                problem = f"{name} is {hop} and the product of upsample_rates is {product}"
                raise ConfigError("CONFIG_INCONSISTENT", problem, "the same number", "Change one of them")
    for key, value in node.items():
        _check_hop(value, {} if key == "quantizer" else stated)
