"""Plain values of a file compared with types: what JSON says, and what the code expects of it.

The types are those of dataclasses and of constructors, ranges included (`gsv_lab.system.ranges`), so that what a file
may say is written once, where it is used.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, fields, is_dataclass
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from gsv_lab.errors import printable
from gsv_lab.system.config_checks import argument_types
from gsv_lab.system.ranges import Range
from gsv_lab.system.registry import Configurable, resolve

WORDS: dict[Any, str] = {
    str: "a text",
    bool: "true or false",
    int: "a whole number",
    float: "a finite number",
    NoneType: "nothing",
}


def misfit(value: Any, hint: Any, path: str) -> str:
    """What is wrong with a value, in words; empty where it fits.

    Args:
        value: numbers, texts, lists and tables, as from JSON.
        hint: a type: text, number, `list[...]`, `dict[str, ...]`, `X | None`, `Literal[...]`, a range, a dataclass (a
            table of its fields, of which those with defaults may be absent), a class that a specification may name (a
            table with `class_path` and `init_args`). Any other type is not looked into.
        path: where the value stands.

    Raises:
        ConfigError: those of `resolve`.
    """
    origin = get_origin(hint)
    inner = get_args(hint)
    if hint in WORDS:
        return "" if _is_plain(value, hint) else _wrong(path, value, WORDS[hint])
    if origin is Annotated:
        return misfit(value, inner[0], path) or _outside(value, inner[1:], path)
    if origin in (Union, UnionType):
        found = [misfit(value, choice, path) for choice in inner]
        # Of several types that do not fit, the first is the one that is meant; the others are None and the like.
        return "" if "" in found else found[0]
    if origin is Literal:
        return "" if value in inner else _wrong(path, value, " or ".join(map(str, inner)))
    if is_dataclass(hint):
        return _table(value, hint, path)
    if isinstance(hint, type) and issubclass(hint, Configurable):
        return _object(value, hint, path)
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return _entries(value, inner, path)
    if isinstance(origin, type) and issubclass(origin, Sequence):
        return _items(value, inner, path)
    return ""


def misfit_arguments(cls: type, arguments: Any) -> str:
    """What is wrong with the arguments that a spec has for a class, in words; empty where they fit."""
    if arguments is None:
        return ""
    if not isinstance(arguments, dict):
        return _wrong(f"init_args of {cls.__name__}", arguments, "a table")
    types = argument_types(cls)
    for name, value in arguments.items():
        problem = misfit(value, types.get(name, Any), f"{printable(name)[:40]} of {cls.__name__}")
        if problem:
            return problem
    return ""


def _object(value: Any, wanted: type, path: str) -> str:
    """A spec in the place of an object."""
    if not isinstance(value, dict) or "class_path" not in value:
        return _wrong(path, value, f"a table with the class_path of a {wanted.__name__}")
    cls = resolve(value["class_path"])
    if not issubclass(cls, wanted):
        return f"{path} is a {cls.__name__}, not a {wanted.__name__}"
    return misfit_arguments(cls, value.get("init_args"))


def _is_plain(value: Any, kind: type) -> bool:
    """Whether a value is of one of the plain types; true and false are no numbers, whole numbers are numbers too."""
    if kind is float:
        return type(value) in (int, float) and -math.inf < value < math.inf
    return type(value) is kind


def _outside(value: Any, marks: Sequence[Any], path: str) -> str:
    for mark in marks:
        if isinstance(mark, Range) and not mark.holds(value):
            return f"{path} is {shown(value)}, not {mark}"
    return ""


def _table(value: Any, hint: Any, path: str) -> str:
    """A table of the fields of a dataclass."""
    if not isinstance(value, dict):
        return _wrong(path, value, "a table")
    hints = get_type_hints(hint, include_extras=True)
    known = {field.name: field for field in fields(hint)}
    for name in value:
        if name not in known:
            return f"{path} has an entry '{printable(str(name))[:40]}', which is none of {', '.join(known)}"
    for name, field in known.items():
        if name in value:
            problem = misfit(value[name], hints[name], f"{path}.{name}")
            if problem:
                return problem
        elif field.default is MISSING and field.default_factory is MISSING:
            return f"{path} lacks '{name}'"
    return ""


def _entries(value: Any, inner: tuple[Any, ...], path: str) -> str:
    if not isinstance(value, dict):
        return _wrong(path, value, "a table")
    for key, item in value.items():
        problem = misfit(item, inner[-1], f"{path}.{printable(str(key))[:40]}")
        if problem:
            return problem
    return ""


def _items(value: Any, inner: tuple[Any, ...], path: str) -> str:
    if not isinstance(value, (list, tuple)):
        return _wrong(path, value, "a list")
    kinds = [kind for kind in inner if kind is not Ellipsis]
    for number, item in enumerate(value):
        problem = misfit(item, kinds[min(number, len(kinds) - 1)], f"{path}[{number}]")
        if problem:
            return problem
    return ""


def _wrong(path: str, value: Any, expected: str) -> str:
    return f"{path} is {shown(value)}, not {expected}"


def shown(value: Any) -> str:
    """The beginning of a value, for an error."""
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, (list, tuple)):
        return "a list"
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**20 else "a very large number"
    return text if len(text) <= 50 else f"{text[:50]}..."
