"""A YAML text as it was written, where `no` is not yet False: its traps, and single values in it.

`check_text` looks at the nodes of a text before anything is made of them; `read_text` and `read_value` make it.
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.system.references import refuse_references

LARGEST_TEXT = 1_000_000
MOST_NODES = 10_000
DEEPEST = 40

_TAG = "tag:yaml.org,2002:"
_PLAIN = {_TAG + kind for kind in ("null", "bool", "int", "float", "str", "seq", "map", "merge", "timestamp")}
_FLOAT = re.compile(r"[-+]?(\d[\d_]*\.?\d*|\.\d+)[eE][-+]?\d+$")

_WORDS = {"true", "false"}
_KINDS: tuple[tuple[tuple[type, ...], str], ...] = (
    ((bool,), "true or false"),
    ((int, float), "a number"),
    ((str,), "a text"),
    ((list,), "a list"),
    ((dict,), "a table"),
)


def check_text(text: str, source: str, traps: bool = True) -> None:
    """Refuse what reads as something else than what it looks like; without `traps` only what is harmful.

    Raises:
        ConfigError: CONFIG_TOO_DEEP, too large, nested too deep, or repeating itself by aliases; CONFIG_UNSAFE, no
            plain YAML; CONFIG_TYPE, a word or number that YAML changes (`no`, `010`, `1:30`, a date);
            CONFIG_UNKNOWN_KEY, one name twice.
    """
    import yaml

    if len(text) > LARGEST_TEXT:
        raise _too_deep(source)
    try:
        root = yaml.compose(text, yaml.SafeLoader)
        if root is not None:
            _count(root, source, 0, {}, traps)
    except yaml.YAMLError as error:
        words = " ".join(str(error).split())[:160]
        raise ConfigError("CONFIG_UNSAFE", f"{source} is not plain YAML: {words}") from error
    except RecursionError as error:
        raise _too_deep(source) from error


def _count(node: Any, source: str, depth: int, sizes: dict[int, int], traps: bool) -> int:
    """Check a node and all below it once, and count how many it stands for when aliases are written out."""
    if id(node) in sizes:
        return sizes[id(node)]
    if depth > DEEPEST:
        raise _too_deep(source)
    if node.tag not in _PLAIN:
        raise ConfigError("CONFIG_UNSAFE", f"{source} is not plain YAML: {node.tag[:80]}{_where(node)}")
    total = 1
    if isinstance(node.value, str):
        if traps:
            _check_scalar(node, source)
    else:
        _check_repeated(node.value, source)
        for item in node.value:
            for part in item if isinstance(item, tuple) else (item,):
                total += _count(part, source, depth + 1, sizes, traps)
    if total > MOST_NODES:
        raise _too_deep(source)
    sizes[id(node)] = total
    return total


def _check_repeated(items: list[Any], source: str) -> None:
    """A table names every key once; the items of a list are no pairs and are passed over."""
    names: set[str] = set()
    for item in items:
        key = item[0] if isinstance(item, tuple) else None
        if key is None or not isinstance(key.value, str):
            continue
        if key.value in names:
            raise ConfigError("CONFIG_UNKNOWN_KEY", f"{source} says '{key.value}' twice{_where(key)}", "once")
        names.add(key.value)


def _check_scalar(node: Any, source: str) -> None:
    kind = node.tag.rpartition(":")[2]
    text = node.value
    changed = {
        "bool": text.lower() not in _WORDS,
        "int": ":" in text or re.fullmatch(r"[-+]?0[0-9_]+", text) is not None,
        "float": ":" in text,
        "timestamp": True,
    }
    if node.style is None and changed.get(kind, False):
        raise ConfigError(
            "CONFIG_TYPE",
            f"YAML reads {text!r} in {source}{_where(node)} as a {kind}",
            f"true, false, a number or '{text}'",
            "Write the value that is meant, or put it in quotes",
        )


def _where(node: Any) -> str:
    return f" (line {node.start_mark.line + 1})"


def _too_deep(source: str) -> ConfigError:
    return ConfigError("CONFIG_TOO_DEEP", f"{source} is too large, too deep or repeats itself", "a plain configuration")


def read_text(text: str, source: str) -> Any:
    """The plain values of a text that `check_text` has passed. Dates stay texts, and 1e-4 is a number.

    Raises:
        ConfigError: CONFIG_UNSAFE, a value that is not what its tag says.
    """
    import yaml

    try:
        return yaml.load(text, _classes()[0])
    except (yaml.YAMLError, ValueError, TypeError, RecursionError) as error:
        words = " ".join(str(error).split())[:160]
        raise ConfigError("CONFIG_UNSAFE", f"{source} is not plain YAML: {words}") from error


def write_text(value: Any) -> str:
    """YAML of plain values in which every text is quoted, so that it is read as a text again."""
    import yaml

    return yaml.dump(value, Dumper=_classes()[1])


@cache
def _classes() -> tuple[Any, Any]:
    """A loader and a dumper of PyYAML's, changed as `read_text` and `write_text` say."""
    import yaml

    class _Loader(yaml.SafeLoader):
        yaml_implicit_resolvers = {
            first: [(tag, pattern) for tag, pattern in found if tag != _TAG + "timestamp"]
            for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
        }

    class _Dumper(yaml.SafeDumper):
        def ignore_aliases(self, data: Any) -> bool:
            return True

    _Loader.add_implicit_resolver(_TAG + "float", _FLOAT, list("-+.0123456789"))
    _Dumper.add_representer(str, lambda dumper, text: dumper.represent_scalar(_TAG + "str", text, style='"'))
    return _Loader, _Dumper


def read_value(path: str, text: str, before: Any) -> Any:
    """The value that a text in the place of `before` means.

    Raises:
        ConfigError: those of `check_text` and `refuse_references`; CONFIG_TYPE, it is of another kind than what stood
            there.
    """
    refuse_references(text, path)
    if isinstance(before, str) and text != "null" and not text.startswith('"'):
        return text
    check_text(text, path, traps=False)
    try:
        value = json.loads(text)
    except ValueError:  # words without quotes
        check_text(text, path)
        value = read_text(text, path)
    for kind, name in _KINDS:
        if isinstance(before, kind):
            if value is not None and not _is_of(value, kind):
                raise ConfigError("CONFIG_TYPE", f"{path} is {text[:60]!r}", name)
            break
    return value


def _is_of(value: Any, kind: tuple[type, ...]) -> bool:
    """Whether a value is of a kind; true and false are no numbers."""
    return isinstance(value, kind) and (bool in kind or not isinstance(value, bool))
