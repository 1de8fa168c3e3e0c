"""Classes of the user's own in a grid: where one belongs in the base, and what its source says.

A class that was registered by a file (`--parts FILE.py`) travels with that file. One that was typed into a notebook
cell exists in this process alone: its cells train here, and its text is its identity.
"""

from __future__ import annotations

import inspect
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.evaluation.grids.sources import code_digest
from gsv_lab.system.overlay import nested
from gsv_lab.system.registry import register, resolve


def overlay_of(cls: type, experiment: Mapping[str, Any]) -> dict[str, Any]:
    """The overlay that puts a class in the place of the part of its role; it keeps the arguments that it takes, too.

    Raises:
        ConfigError: GRID_PART, it has no name or role, or the base has no part of that role, or several.
    """
    if "<" in cls.__qualname__:
        problem = f"The class {cls.__name__} stands inside a function, where no name leads to it"
        raise ConfigError("GRID_PART", problem, "a class at the top of a cell or file")
    register(cls)
    roles = [base for base in cls.__mro__[1:] if inspect.isabstract(base)]
    if not roles:
        expected = "a subclass of a role of gsv_lab.nn.interfaces, such as Flow or Vocoder"
        raise ConfigError("GRID_PART", f"The class {cls.__name__} has no role", expected)
    found = list(_places(experiment.get("task", {}), roles[0], "task"))
    if len(found) != 1:
        problem = f"The base has {len(found) or 'no'} parts that are a {roles[0].__name__}"
        expected = "one, or an overlay that says which"
        raise ConfigError("GRID_PART", problem, expected, f"{cls.__name__} goes in the place of one")
    return nested(f"{found[0]}.class_path", f"{cls.__module__}.{cls.__qualname__}")


def _places(spec: Any, role: type, path: str) -> Iterator[str]:
    """Dotted paths of the outermost parts of a role."""
    if not isinstance(spec, Mapping) or "class_path" not in spec:
        return
    if issubclass(resolve(spec["class_path"]), role):
        yield path
        return
    for name, value in (spec.get("init_args") or {}).items():
        yield from _places(value, role, f"{path}.init_args.{name}")


def own_classes(spec: Any) -> dict[str, type]:
    """Class path -> class, of the classes in a specification that are not the kit's."""
    found: dict[str, type] = {}
    if isinstance(spec, Mapping):
        path = str(spec.get("class_path", "gsv_lab."))
        if not path.startswith("gsv_lab."):
            found[path] = resolve(path)
        for value in spec.values():
            found |= own_classes(value)
    elif isinstance(spec, (list, tuple)):
        for value in spec:
            found |= own_classes(value)
    return found


def file_of(cls: type, parts: Sequence[Path]) -> Path | None:
    """Which of the files of parts registered a class; None for one of a cell."""
    file = getattr(sys.modules.get(cls.__module__), "__file__", None)
    return next((part for part in parts if file and Path(file).resolve() == part.resolve()), None)


def own_digests(classes: Mapping[str, type], parts: Sequence[Path]) -> dict[str, str]:
    """Class path -> digest: of the whole file that registered it, or of the class's own text.

    Raises:
        ConfigError: GRID_PART, the text of a class is not known.
    """
    found = {}
    for path, cls in classes.items():
        file = file_of(cls, parts)
        try:
            text = inspect.getsource(cls) if file is None else file.read_text(encoding="utf-8")
        except (OSError, TypeError) as error:
            problem = f"The source of {path} cannot be read"
            raise ConfigError("GRID_PART", problem, "a class of a cell or of a file given with --parts") from error
        found[path] = code_digest(textwrap.dedent(text))
    return found
