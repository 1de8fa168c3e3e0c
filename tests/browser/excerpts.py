"""The shortest notebook in which a widget works: the cells with its tag, and those that make what they need."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from gsv_lab.teaching.exercises.notebook import Cell, build, read_source, to_bytes


def names(source: str) -> tuple[set[str], set[str]]:
    """Names that some code reads, and those that it binds at the top level."""
    read: set[str] = set()
    bound: set[str] = set()
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            (bound if isinstance(node.ctx, ast.Store) else read).add(node.id)
        elif isinstance(node, ast.Import | ast.ImportFrom):
            bound.update((alias.asname or alias.name).split(".")[0] for alias in node.names)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            bound.add(node.name)
    return read, bound


def needed(cells: Sequence[Cell], tags: Sequence[str]) -> Iterator[int]:
    """Numbers of the code cells that carry one of the tags, and of all that bind a name that those read, and so on."""
    parts = {n: names(cell.source) for n, cell in enumerate(cells) if cell.kind == "code"}
    wanted = [n for n in parts if set(cells[n].tags) & set(tags)]
    found: set[int] = set()
    while wanted:
        number = wanted.pop()
        if number in found:
            continue
        found.add(number)
        wanted += [n for n in parts if n < number and parts[n][1] & parts[number][0]]
    yield from sorted(found)


def write(source: Path, folder: Path, tags: Sequence[str] = ()) -> str:
    """Write the solved form of a notebook into a folder, whole or (with tags) only what cells with them need.

    Returns:
        name of the file.
    """
    cells = read_source(source.read_text(encoding="utf-8"), source.name)
    chosen = [cells[n] for n in needed(cells, tags)] if tags else cells
    notebook = build(chosen, True, source.name)
    name = f"{source.stem}{'_widgets' if tags else ''}.ipynb"
    (folder / name).write_bytes(to_bytes(notebook))
    assert json.loads((folder / name).read_text(encoding="utf-8"))["cells"]
    return name
