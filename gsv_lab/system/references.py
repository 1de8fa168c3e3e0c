"""References in a configuration: `${sizes.width}` stands for the value at this place of the same configuration.

That is all that `${` can mean. A resolver, which would read an environment variable or run something else, has a colon
in it and is refused; so a configuration says the same on every machine and takes nothing of the machine along.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from gsv_lab.errors import ConfigError

MOST_VALUES = 10_000
LONGEST_TEXT = 10_000
DEEPEST = 40

_REFERENCE = re.compile(r"\$\{(\w+(?:\.\w+)*)\}")


def fill(tables: Any, root: Mapping[str, Any], path: str = "") -> Any:
    """Plain tables with every reference replaced by what it stands for.

    Args:
        tables: what may hold references.
        root: the configuration that they point into.
        path: where the tables stand in it, for errors.

    Raises:
        ConfigError: CONFIG_UNSAFE, a `${` that is no plain reference; CONFIG_TYPE, one to a place where nothing
            stands, or to a table or list within a text; CONFIG_TOO_DEEP, one that leads back to itself, or
            references that multiply beyond what a configuration can hold.
    """
    return _Filler(root).fill(tables, path, 0)


def refuse_references(text: str, path: str) -> None:
    """Refuse a text with a `${` where nothing fills it.

    Raises:
        ConfigError: CONFIG_UNSAFE.
    """
    if "${" in text:
        raise _unsafe(text, path, "a plain value")


class _Filler:
    """Fills references and counts what it makes, for a few lines can stand for any number of values."""

    def __init__(self, root: Mapping[str, Any]) -> None:
        self.root = root
        self.values = 0

    def fill(self, node: Any, path: str, depth: int) -> Any:
        """A value with all below it; `path` is its place, for errors."""
        self.values += 1
        if depth > DEEPEST or self.values > MOST_VALUES:
            raise _too_deep(path)
        if isinstance(node, Mapping):
            return {key: self.fill(value, f"{path}.{key}".lstrip("."), depth + 1) for key, value in node.items()}
        if isinstance(node, (list, tuple)):
            return [self.fill(value, f"{path}[{number}]", depth + 1) for number, value in enumerate(node)]
        if isinstance(node, str) and "${" in node:
            return self._text(node, path, depth)
        return node

    def _text(self, text: str, path: str, depth: int) -> Any:
        if "${" in _REFERENCE.sub("", text):
            raise _unsafe(text, path, "a reference such as ${sizes.width}, and nothing else in the braces")
        whole = _REFERENCE.fullmatch(text)
        if whole:
            return self._value(whole[1], path, depth)
        filled = text
        for found in _REFERENCE.finditer(text):
            value = self._value(found[1], path, depth)
            if isinstance(value, (dict, list)):
                raise ConfigError("CONFIG_TYPE", f"{path}: {found[0]} is no single value", "one within a text")
            filled = filled.replace(found[0], str(value))
            if len(filled) > LONGEST_TEXT:
                raise _too_deep(path)
        return filled

    def _value(self, reference: str, path: str, depth: int) -> Any:
        node: Any = self.root
        for key in reference.split("."):
            if not isinstance(node, Mapping) or key not in node:
                problem = f"{path} refers to '{reference}', which is nowhere in the configuration"
                raise ConfigError("CONFIG_TYPE", problem, "a place that is there")
            node = node[key]
        return self.fill(node, path, depth + 1)


def _unsafe(text: str, path: str, expected: str) -> ConfigError:
    action = "Environment variables and other resolvers are not read; write the value"
    return ConfigError("CONFIG_UNSAFE", f"{path} is '{text[:80]}'", expected, action)


def _too_deep(path: str) -> ConfigError:
    problem = f"The references at {path[:120]} lead back to themselves or make too many values"
    return ConfigError("CONFIG_TOO_DEEP", problem, "a plain configuration")
