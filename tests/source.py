"""The package's source as syntax trees, for the tests that judge style and structure."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "gsv_lab"

Function = ast.FunctionDef | ast.AsyncFunctionDef


def package_files() -> list[Path]:
    """Every Python file of the package."""
    return sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    """Path relative to the project, for messages and test ids."""
    return path.relative_to(ROOT).as_posix()


def module_of(path: Path) -> str:
    """Dotted module name: `gsv_lab/nn/__init__.py` is `gsv_lab.nn`."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@cache
def tree(path: Path) -> ast.Module:
    """The file, parsed once."""
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def functions(node: ast.AST, public: bool = True, within: str = "") -> Iterator[tuple[str, Function, bool]]:
    """All functions and methods with dotted names, and whether a reader of the package can reach them."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, Function):
            reachable = public and not child.name.startswith("_")
            yield f"{within}{child.name}", child, reachable
            yield from functions(child, False, f"{within}{child.name}.")
        elif isinstance(child, ast.ClassDef):
            yield from functions(child, public and not child.name.startswith("_"), f"{within}{child.name}.")
        else:
            yield from functions(child, public, within)


def classes(node: ast.AST) -> list[ast.ClassDef]:
    """All classes, nested ones too."""
    return [child for child in ast.walk(node) if isinstance(child, ast.ClassDef)]


def length(node: Function | ast.ClassDef) -> int:
    """Lines from the definition to its end, decorators and the docstring not counted."""
    assert node.end_lineno is not None
    documented = ast.get_docstring(node, clean=False) is not None
    prose = (node.body[0].end_lineno or 0) - node.body[0].lineno + 1 if documented else 0
    return node.end_lineno - node.lineno + 1 - prose


def code_lines(path: Path) -> int:
    """Lines that hold code: neither blank, nor comment, nor part of a docstring."""
    silent = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(path.read_text(encoding="utf-8")).readline):
        if token.type not in silent:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines - _docstring_lines(path))


def _docstring_lines(path: Path) -> set[int]:
    # Every bare string statement counts as documentation: the ones under module constants are docstrings as well.
    found: set[int] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            found.update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return found


@cache
def imports(path: Path) -> list[tuple[str, bool]]:
    """Modules that a file imports, with `True` where that happens at import time.

    `from a.b import c` gives `a.b.c` if that is a module of the package, else `a.b`. Imports for type checkers only
    (`if TYPE_CHECKING:`) are left out.
    """
    return list(_imports(tree(path), module_of(path), path.name == "__init__.py", True))


def _imports(node: ast.AST, module: str, is_package: bool, eager: bool) -> Iterator[tuple[str, bool]]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import):
            yield from ((alias.name, eager) for alias in child.names)
        elif isinstance(child, ast.ImportFrom):
            base = child.module or ""
            if child.level:
                parents = module.split(".")
                base = ".".join([*parents[: len(parents) - child.level + is_package], *filter(None, [child.module])])
            for alias in child.names:
                yield f"{base}.{alias.name}" if _is_module(f"{base}.{alias.name}") else base, eager
        elif isinstance(child, ast.stmt | ast.ExceptHandler | ast.match_case):
            for_checkers = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
            if not for_checkers:
                yield from _imports(child, module, is_package, eager and not isinstance(child, Function))


@cache
def _is_module(dotted: str) -> bool:
    place = ROOT.joinpath(*dotted.split("."))
    return dotted.startswith("gsv_lab") and (place.is_dir() or place.with_suffix(".py").is_file())
