"""Which source files a training rests on: those of its classes, and all that these import, directly or not.

They are read and not run. Comments and docstrings do not count, and neither do pictures (`gsv_lab.figures`), which take
no part in a result. A commit would say more than is meant: it changes with a page of documentation.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

from gsv_lab.evaluation.identity import DIGITS, plain_code
from gsv_lab.system.registry import PACKAGE

LEFT_OUT = "gsv_lab.figures"


def source_digests(modules: Iterable[str]) -> dict[str, str]:
    """Module -> digest of its code, for some modules of the kit and all of the kit's that they import, sorted."""
    found: dict[str, str] = {}
    queue = list(modules)
    while queue:
        module = queue.pop()
        path = _path(module)
        if path is None or module in found or module.startswith(LEFT_OUT):
            continue
        changed = path.stat().st_mtime_ns
        found[module] = _digest(path, changed)
        queue += _imported(path, module, changed)
    return dict(sorted(found.items()))


def code_digest(source: str) -> str:
    """Digest of a Python text, comments and docstrings left out."""
    return hashlib.sha256(plain_code(source).encode()).hexdigest()[:DIGITS]


def _path(module: str) -> Path | None:
    """File of a module of the kit; None for a name in a module, and for what is not of the kit."""
    head, *below = module.split(".")
    place = PACKAGE.joinpath(*below)
    if head != PACKAGE.name:
        return None
    if place.is_dir():
        return place / "__init__.py"
    file = place.with_suffix(".py")
    return file if below and file.is_file() else None


@cache
def _digest(path: Path, changed: int) -> str:
    return code_digest(path.read_text(encoding="utf-8"))


@cache
def _imported(path: Path, module: str, changed: int) -> tuple[str, ...]:
    """Modules of the kit that a file imports, or may import from."""
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]
    return tuple(_imports(ast.parse(path.read_text(encoding="utf-8")), package))


def _imports(node: ast.AST, package: str) -> Iterator[str]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from (alias.name for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - child.level + 1] if child.level else []
            base = ".".join([*above, *filter(None, [child.module])])
            yield base
            # A module, or a name in one: of which there is no file.
            yield from (f"{base}.{alias.name}" for alias in child.names)
        else:
            yield from _imports(child, package)
