"""Which classes a specification may name: those of the package, and those that a user registered in this process."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.system.migration import CLASSES

PARTS = ("nn", "extensions", "released")
"""Folders of the package whose classes a weight or voice file may name."""

_REGISTERED: dict[str, type] = {}


def register(cls: type) -> type:
    """Allow a class of the user's own in specifications of this process (usable as a decorator)."""
    _REGISTERED[f"{cls.__module__}.{cls.__qualname__}"] = cls
    return cls


def load_parts(path: str | Path) -> ModuleType:
    """Import a Python file of the user's own, which registers its parts; its classes are named `FILE_STEM.Class`.

    Raises:
        ConfigError: CONFIG_MISSING, there is no such file; CONFIG_PARTS, it cannot be imported, or registers nothing.
    """
    path = Path(path)
    if path.suffix != ".py" or not path.is_file():
        raise ConfigError("CONFIG_MISSING", f"There is no Python file {path}", "a file FILE.py with the parts")
    before = set(_REGISTERED)
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(spec)
    known = sys.modules.get(path.stem)
    if known is not None and _origin(known) != path.resolve():
        raise ConfigError("CONFIG_PARTS", f"The name '{path.stem}' belongs to another module", "another file name")
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[path.stem]
        why = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise ConfigError(
            "CONFIG_PARTS", f"{path.name} cannot be imported: {why}", "a file that Python runs"
        ) from error
    if not any(name.startswith(f"{path.stem}.") for name in _REGISTERED):
        raise ConfigError(
            "CONFIG_PARTS",
            f"{path.name} registers no part",
            "a class with the decorator gsv_lab.register",
        )
    for name in set(_REGISTERED) - before:
        _REGISTERED[name].__module__ = path.stem
    return module


def _origin(module: ModuleType) -> Path | None:
    return Path(module.__file__).resolve() if module.__file__ else None


def resolve(class_path: str, folders: tuple[str, ...] = ()) -> type:
    """The class named by a dotted path, if specifications may name it.

    Args:
        class_path: for example `gsv_lab.nn.flow.CouplingFlow`.
        folders: folders of the package that may be named; empty for all.

    Raises:
        ConfigError: CONFIG_UNKNOWN_COMPONENT when the path is not allowed or names nothing; CONFIG_RENAMED when it is
            the old name of a class.
    """
    class_path = str(class_path)
    if class_path in _REGISTERED:
        return _REGISTERED[class_path]
    if class_path in CLASSES:
        raise ConfigError(
            "CONFIG_RENAMED",
            f"'{class_path}' has another name now",
            f"'{CLASSES[class_path]}'",
            "docs/migration.md lists all old names",
        )
    allowed = [f"gsv_lab.{folder}." for folder in folders] or ["gsv_lab."]
    if not class_path.startswith(tuple(allowed)):
        raise ConfigError(
            "CONFIG_UNKNOWN_COMPONENT",
            f"'{class_path}' is no component of gsv_lab",
            f"a class path that starts with {' or '.join(allowed)}",
            "Register a class of your own with gsv_lab.register first",
        )
    module_name, _, name = class_path.rpartition(".")
    try:
        module = importlib.import_module(module_name)
    except ModuleNotFoundError as error:
        raise ConfigError("CONFIG_UNKNOWN_COMPONENT", f"No module '{module_name}'", "", str(error)) from error
    found = vars(module).get(name)
    if not isinstance(found, type) or found.__module__ != module_name:
        classes = [n for n, v in vars(module).items() if isinstance(v, type) and v.__module__ == module_name]
        near = difflib.get_close_matches(name, classes, 3, 0.4) or classes
        raise ConfigError("CONFIG_UNKNOWN_COMPONENT", f"{module_name} has no class '{name}'", " or ".join(near))
    return found


def available(role: type) -> dict[str, type]:
    """Every class of a role that can be built: dotted path (as in a `class_path`) -> class, sorted.

    Classes typed in a notebook are found too, under `__main__`.
    """
    for folder in PARTS:
        package = importlib.import_module(f"gsv_lab.{folder}")
        for module in pkgutil.iter_modules(package.__path__):
            importlib.import_module(f"gsv_lab.{folder}.{module.name}")
    found: dict[str, type] = {}
    queue: list[Any] = [role]
    while queue:
        cls = queue.pop()
        queue += cls.__subclasses__()
        if not inspect.isabstract(cls):
            found[f"{cls.__module__}.{cls.__qualname__}"] = cls
    return dict(sorted(found.items()))


def givers(quantity: str) -> list[str]:
    """Class paths of the parts that give a quantity (see `gsv_lab.nn.interfaces.Role`), sorted."""
    role = importlib.import_module("gsv_lab.nn.interfaces").Role
    return [path for path, cls in available(role).items() if quantity in vars(cls).get("gives", ())]
