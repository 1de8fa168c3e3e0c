"""Which classes a specification may name: those of the package, and those that a user registered in this process.

A name comes from a file that nobody vouches for. So its module is compared with the names of the package's own files
before anything is imported, and the class with `Configurable` before anything is made of it.
"""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import inspect
import pkgutil
import sys
from abc import ABC
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from gsv_lab.errors import ConfigError
from gsv_lab.system.migration import CLASSES, renamed

PARTS = ("nn", "extensions", "released")
"""Folders of the package whose classes a weight file may name."""

FOLDERS = (*PARTS, "training", "training.finetuning", "corpora")
"""Folders whose classes a configuration may name that a user passes."""

PACKAGE = Path(__file__).resolve().parent.parent


class Configurable:
    """Base of the package's classes that a specification may name.

    Networks have it through `gsv_lab.hooks.tap.Component`; tasks, data, synthetic corpora, augmentations, schedules and
    callbacks name it themselves. A class of the user's own is registered and needs no base.
    """


_REGISTERED: dict[str, type] = {}


def register(cls: type | None = None) -> type:
    """Allow a class of the user's own in specifications of this process; a decorator without parentheses.

    Raises:
        ConfigError: CONFIG_PARTS, it is no class.
    """
    if not isinstance(cls, type):
        raise ConfigError("CONFIG_PARTS", f"{cls} is registered and is no class", "@gsv_lab.register above a class")
    _REGISTERED[f"{cls.__module__}.{cls.__qualname__}"] = cls
    return cls


def load_parts(path: str | Path) -> ModuleType:
    """Import a Python file of the user's own, which registers its parts; its classes are named `FILE_STEM.Class`.

    A file that is imported already is not run again. A file with the parts is given wherever weights name them: weight
    and voice files hold class paths, never the place of a file.

    Raises:
        ConfigError: CONFIG_MISSING, there is no such file; CONFIG_PARTS, it cannot be imported, its name belongs to
            another module, or it registers nothing.
    """
    path = Path(path).expanduser()
    if path.suffix != ".py" or not path.is_file():
        raise ConfigError("CONFIG_MISSING", f"There is no Python file {path}", "a file FILE.py with the parts")
    name = path.stem
    if not name.isidentifier():
        raise ConfigError("CONFIG_PARTS", f"'{name}' is no name of a module", "a file name such as my_parts.py")
    if _origin(name) not in (None, path.resolve()):
        raise ConfigError("CONFIG_PARTS", f"The name '{name}' belongs to another module", "another file name")
    module = sys.modules.get(name) or _run(name, path)
    registered = set(_REGISTERED.values())
    if not any(isinstance(value, type) and value in registered for value in vars(module).values()):
        _forget(name)
        problem = f"{path.name} registers no part"
        raise ConfigError("CONFIG_PARTS", problem, "a class with the decorator @gsv_lab.register")
    return module


def _origin(name: str) -> Path | None:
    """File of the module that has this name already; None if there is no such module."""
    try:
        spec = importlib.util.find_spec(name)
    except ValueError:  # a module without a specification, for example __main__
        return Path(name)
    if spec is None:
        return None
    return Path(spec.origin or name).resolve()


def _run(name: str, path: Path) -> ModuleType:
    """Import a file under a name."""
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None and spec.loader is not None, "a .py file always has a loader"
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except (Exception, SystemExit) as error:
        _forget(name)
        lines = str(error).splitlines() or [""]
        problem = f"{path.name} cannot be imported: {type(error).__name__}: {lines[0][:200]}"
        raise ConfigError("CONFIG_PARTS", problem, "a file that Python can run") from error
    return module


def _forget(name: str) -> None:
    """Drop a module that is of no use, so that the mended file can be read, and what it registered."""
    del sys.modules[name]
    for class_path in list(_REGISTERED):
        if class_path.startswith(f"{name}."):
            del _REGISTERED[class_path]


@cache
def modules(folders: tuple[str, ...]) -> frozenset[str]:
    """Names of all modules in some folders of the package, read from the names of files; nothing is imported."""
    found = set()
    for folder in folders:
        for module in pkgutil.iter_modules([str(PACKAGE.joinpath(*folder.split(".")))]):
            found.add(f"gsv_lab.{folder}.{module.name}")
    return frozenset(found)


def resolve(class_path: object, folders: tuple[str, ...] = FOLDERS) -> type:
    """The class named by a dotted path, if specifications may name it.

    Args:
        class_path: for example `gsv_lab.nn.flow.CouplingFlow`.
        folders: folders of the package that may be named.

    Raises:
        ConfigError: CONFIG_UNKNOWN_COMPONENT, the path is not allowed or names nothing that can be made;
            CONFIG_RENAMED, it is the old name of a class.
    """
    if not isinstance(class_path, str):
        raise _unknown(f"A class path is {ascii(class_path)[:60]}", "a text such as gsv_lab.nn.flow.CouplingFlow")
    if class_path in _REGISTERED:
        return _REGISTERED[class_path]
    if class_path in CLASSES:
        raise renamed(f"'{class_path}'", f"'{CLASSES[class_path]}'")
    module_name, _, name = class_path.rpartition(".")
    if module_name not in modules(folders):
        raise _not_allowed(class_path, folders)
    module = importlib.import_module(module_name)
    own = {key: value for key, value in vars(module).items() if _is_own(value, module_name)}
    if name not in own:
        near = difflib.get_close_matches(name, own, 3, 0.4) or list(own)
        raise _unknown(f"{module_name} has no class '{name[:60]}' that can be named", " or ".join(near))
    return own[name]


def _is_own(value: Any, module_name: str) -> bool:
    """Whether a module's value is a class of this module, not one that it imports, and one that can be made."""
    if not isinstance(value, type) or value.__module__ != module_name:
        return False
    abstract = inspect.isabstract(value) or ABC in value.__bases__
    return issubclass(value, Configurable) and not abstract


def _not_allowed(class_path: str, folders: tuple[str, ...]) -> ConfigError:
    """The error for a path that leads to no module of these folders."""
    shown = class_path if len(class_path) <= 120 else f"{class_path[:120]}..."
    problem = f"'{shown}' is neither registered nor a component of gsv_lab"
    near = difflib.get_close_matches(class_path[:200], _REGISTERED, 1, 0.6)
    if near:
        return _unknown(problem, f"'{near[0]}' perhaps")
    places = " or ".join(f"gsv_lab.{folder}" for folder in folders)
    advice = "Give the file that registers it with --parts; in Python, import it or run its cell first"
    return _unknown(problem, f"a class that is registered, or one of a module in {places}", advice)


def _unknown(problem: str, expected: str, action: str = "") -> ConfigError:
    return ConfigError("CONFIG_UNKNOWN_COMPONENT", problem, expected, action)


def check_classes(spec: Any, folders: tuple[str, ...] = FOLDERS) -> None:
    """Refuse a specification, however deep, that names a class which it may not name; nothing is made yet.

    Raises:
        ConfigError: those of `resolve`.
    """
    if isinstance(spec, Mapping):
        if "class_path" in spec:
            resolve(spec["class_path"], folders)
        for value in spec.values():
            check_classes(value, folders)
    elif isinstance(spec, (list, tuple)):
        for value in spec:
            check_classes(value, folders)


def available(role: type) -> dict[str, type]:
    """Every class of a role that a specification may name: dotted path (as in a `class_path`) -> class, sorted.

    Those are the registered classes and the package's, but for what a training or a decode wraps around a part.
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
        path = f"{cls.__module__}.{cls.__qualname__}"
        own = path.startswith("gsv_lab.") and not path.startswith(("gsv_lab.training.", "gsv_lab.inference."))
        if not inspect.isabstract(cls) and (own or path in _REGISTERED):
            found[path] = _REGISTERED.get(path, cls)
    return dict(sorted(found.items()))


def givers(quantity: str, frontends: bool = False) -> list[str]:
    """Class paths of the parts that give a quantity (see `gsv_lab.nn.interfaces.Role`), sorted.

    Args:
        quantity: name of a field of `Conditioning`, `Features` or `Latent`.
        frontends: name the frontends, which measure it of recordings, and no other part; else all others, for in
            synthesis there is no recording.
    """
    interfaces = importlib.import_module("gsv_lab.nn.interfaces")
    found = []
    for path, cls in available(interfaces.Role).items():
        if quantity in vars(cls).get("gives", ()) and issubclass(cls, interfaces.Frontend) == frontends:
            found.append(path)
    return found
