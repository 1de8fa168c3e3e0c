"""The messages of jsonargparse, made into one sentence with the path of the argument."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping

from gsv_lab.errors import ConfigError

_KEY = re.compile(r'Parser key "([^"]+)": ')
_CLASS = re.compile(r"class_path '([^']+)'")
_UNKNOWN_OPTION = re.compile(r"unrecognized arguments: --([^ =]+)")
_UNKNOWN_KEY = re.compile(r"[Oo]ption '([^']+)' is not accepted|Group '([^']+)' does not accept option '([^']+)'")
_MISSING = re.compile(r"arguments are required: (\w+)|Key \"(\w+)\" is required")
_OTHER_ROLE = re.compile(r"Import path (\S+) does not correspond to a subclass of (\w+)")
_AROUND = re.compile(r"Does not validate against any of the Union subtypes Subtypes: \[.*?\] Errors: - ")
_BEHIND = re.compile(r" Given value type:| Subclass types expect| - Expected a <class 'NoneType'>")


def parser_error(
    message: str,
    known: Mapping[str, Iterable[str]],
    arguments_of: Callable[[str], Iterable[str]],
) -> ConfigError:
    """The error for a message of the parser.

    Args:
        message: the parser's words.
        known: names by group; the empty group is the top of the file.
        arguments_of: class path -> names of its arguments.
    """
    words = " ".join(message.split())
    if found := _UNKNOWN_OPTION.search(words):
        group, _, name = found[1].partition(".")
        if name and group in known:
            return unknown_key(group, name, known[group])
        return unknown_key("", group, known[""])
    if found := _UNKNOWN_KEY.search(words):
        name = (found[3] or found[1]).split(".")[0]
        classes = _CLASS.findall(words[: found.start()])
        if classes:
            return unknown_key(classes[-1].rpartition(".")[2], name, arguments_of(classes[-1]))
        group = found[2] or ""
        return unknown_key(group, name, known.get(group, known[""]))
    if found := _MISSING.search(words):
        classes = _CLASS.findall(words[: found.start()])
        place = classes[-1].rpartition(".")[2] if classes else "the configuration"
        problem = f"{place} lacks the argument '{found[1] or found[2]}'"
        return ConfigError("CONFIG_UNKNOWN_KEY", problem, "it in init_args" if classes else "it at the top")
    return _wrong_value(words)


def unknown_key(place: str, name: str, names: Iterable[str]) -> ConfigError:
    """The error for a name that is not known, with the nearest one that is.

    Args:
        place: class or group; empty for the top of the file.
        name: what was written.
        names: what is known there.
    """
    near = difflib.get_close_matches(name, list(names), 1, 0.3)
    expected = f"'{near[0]}' perhaps" if near else "one of " + ", ".join(sorted(names)[:12])
    return ConfigError("CONFIG_UNKNOWN_KEY", f"{place or 'the configuration'} has no argument '{name}'", expected)


def _wrong_value(words: str) -> ConfigError:
    """A value of another kind than the argument takes."""
    path = ".init_args.".join(_KEY.findall(words))
    problem = _AROUND.sub("", _KEY.split(words)[-1])
    problem = re.sub(r"<class '(?:\w+\.)*(\w+)'>", r"\1", _BEHIND.split(problem)[0])
    if found := _OTHER_ROLE.search(problem):
        return ConfigError("CONFIG_TYPE", f"{path} is {found[1]}", f"a class that is a {found[2]}")
    return ConfigError("CONFIG_TYPE", f"{path}: {problem[:400]}" if path else problem[:400])
