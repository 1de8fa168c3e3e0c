"""From a source to notebooks: `notebooks/src/NN_name.py` (percent format) -> `notebooks/NN_name.ipynb`.

    python -m gsv_lab.teaching.exercises.notebook build                 the students' notebooks, in place
    python -m gsv_lab.teaching.exercises.notebook build --solved DIR    the solved ones for teachers, into a folder

A source is plain Python: `# %%` begins a code cell, `# %% [markdown]` a text cell whose lines are comments,
`tags=["widget"]` on the same line gives tags. jupytext reads the same files. What a student is to write stands between

    # BEGIN SOLUTION: frames = None
    frames = wave.numel() // hop
    # END SOLUTION

and becomes the text after the colon (`...` without one) in the students' form. The built files hold no outputs, and ids
of cells come from their text, so that the same source always gives the same bytes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gsv_lab.errors import DataError
from gsv_lab.system.files import make_folder, save_bytes
from gsv_lab.system.shipped import shipped_folder

FOLDER = shipped_folder("notebooks")
"""Where the notebooks and their sources lie."""
YOUR_TURN = "  # <- your answer"
_HEAD = re.compile(r"# %%(?P<markdown>\s*\[markdown\])?(?:\s*tags=(?P<tags>\[.*\]))?\s*")
_BEGIN = re.compile(r"(?P<indent>\s*)# BEGIN SOLUTION(?::\s*(?P<starter>.*\S))?\s*")
_END = re.compile(r"\s*# END SOLUTION\s*")


@dataclass(frozen=True)
class Cell:
    """One cell of a source: `kind` is `code` or `markdown`; `source` still has the marks of solutions."""

    kind: str
    source: str
    tags: tuple[str, ...] = ()


def read_source(text: str, name: str = "the source") -> list[Cell]:
    """Percent-format text to cells.

    Raises:
        DataError: NOTEBOOK_SOURCE, with the line.
    """
    cells: list[tuple[str, tuple[str, ...], list[str]]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("# %%"):
            head = _HEAD.fullmatch(line)
            if head is None:
                raise _bad(name, number, line, '# %%, # %% [markdown], and tags=["..."] after it')
            cells.append(("markdown" if head["markdown"] else "code", tuple(json.loads(head["tags"] or "[]")), []))
        elif cells:
            cells[-1][2].append(_uncommented(line, name, number) if cells[-1][0] == "markdown" else line)
        elif line.strip():
            raise _bad(name, number, line, "# %% before anything else")
    return [Cell(kind, "\n".join(lines).strip("\n"), tags) for kind, tags, lines in cells]


def _uncommented(line: str, name: str, number: int) -> str:
    if line.strip() and not re.match(r"#( |$)", line):
        raise _bad(name, number, line, "lines of a text cell to begin with '# '")
    return line[2:]


def _bad(name: str, number: int, line: str, expected: str) -> DataError:
    return DataError("NOTEBOOK_SOURCE", f"{name}, line {number}: {line.strip()!r}", expected)


def starter(source: str, name: str = "the source") -> str:
    """Code without its solutions.

    Raises:
        DataError: NOTEBOOK_SOURCE, a mark without its partner.
    """
    lines: list[str] = []
    inside = False
    for number, line in enumerate(source.splitlines(), 1):
        begin, end = _BEGIN.fullmatch(line), _END.fullmatch(line)
        if (begin and inside) or (end and not inside):
            raise _bad(name, number, line, "BEGIN and END SOLUTION in turns")
        if begin:
            lines.append(f"{begin['indent']}{begin['starter'] or '...'}{YOUR_TURN}")
        elif not inside and not end:
            lines.append(line)
        inside = bool(begin) or (inside and not end)
    if inside:
        raise _bad(name, len(source.splitlines()), "", "an END SOLUTION")
    return "\n".join(lines)


def solved(source: str) -> str:
    """Code with its solutions, without the marks."""
    kept = [line for line in source.splitlines() if not _BEGIN.fullmatch(line) and not _END.fullmatch(line)]
    return "\n".join(kept)


def solution_of(check: str, folder: Path = FOLDER) -> str:
    """The solution of one exercise: what stands between the marks in the cell that calls its check.

    Args:
        check: module and name, such as `timbre.pool`.
        folder: holds `src/`.

    Raises:
        DataError: NOTEBOOK_SOURCE, no notebook calls this check.
    """
    module, name = check.split(".")
    imported = re.compile(rf"^from gsv_lab\.teaching\.exercises import {module} as (\w+)", re.MULTILINE)
    for path in sources(folder):
        text = path.read_text(encoding="utf-8")
        if found := imported.search(text):
            for cell in read_source(text, path.name):
                if cell.kind == "code" and f"{found[1]}.{name}(" in cell.source:
                    return answers(cell.source)
    raise DataError("NOTEBOOK_SOURCE", f"No notebook has an exercise {check}", "a check that a notebook calls")


def answers(source: str) -> str:
    """What stands between the marks of solutions in a cell, each with the line above it that names its function."""
    kept: list[str] = []
    inside, head = False, ""
    for line in source.splitlines():
        if _BEGIN.fullmatch(line):
            inside = True
            kept += [head] if head and line.startswith(" ") else []
        elif _END.fullmatch(line):
            inside, head = False, ""
        elif inside:
            kept.append(line)
        elif line.startswith("def "):
            head = line
    return "\n".join(kept)


def build(cells: Sequence[Cell], with_solutions: bool = False, name: str = "the source") -> dict[str, Any]:
    """Cells to a notebook of format 4.5, without outputs.

    Args:
        cells: of one source.
        with_solutions: the teachers' form.
        name: of the source, for errors.
    """
    seen: Counter[str] = Counter()
    made = []
    for cell in cells:
        # Solutions count too, so that a cell has one id in both forms.
        digest = hashlib.sha256(f"{cell.kind}\n{cell.source}".encode()).hexdigest()[:12]
        seen[digest] += 1
        source = cell.source
        if cell.kind == "code":
            source = solved(source) if with_solutions else starter(source, name)
        row: dict[str, Any] = {
            "cell_type": cell.kind,
            "id": digest if seen[digest] == 1 else f"{digest}-{seen[digest]}",
            "metadata": {"tags": list(cell.tags)} if cell.tags else {},
            "source": source.splitlines(keepends=True),
        }
        made.append(row | ({"execution_count": None, "outputs": []} if cell.kind == "code" else {}))
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    return {"cells": made, "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def to_bytes(notebook: dict[str, Any]) -> bytes:
    """The file as Jupyter itself would write it: sorted keys, one space of indent."""
    return (json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def sources(folder: Path = FOLDER) -> list[Path]:
    """The sources of the notebooks in a folder, in their order.

    Raises:
        DataError: NOTEBOOK_SOURCE, there is none.
    """
    found = sorted((folder / "src").glob("[0-9][0-9]_*.py"))
    if not found:
        raise DataError("NOTEBOOK_SOURCE", f"No notebook in {folder.name}/src", "files called NN_name.py")
    return found


def build_all(folder: Path = FOLDER, solved_into: Path | None = None) -> list[Path]:
    """Build every notebook of a folder; gives the files written.

    Args:
        folder: holds `src/`; the students' form is written here.
        solved_into: write the teachers' form there, and nothing here; the folder is made if it is missing.
    """
    target = folder if solved_into is None else solved_into
    make_folder(target)
    written = []
    for path in sources(folder):
        cells = read_source(path.read_text(encoding="utf-8"), path.name)
        notebook = build(cells, solved_into is not None, path.name)
        written.append(save_bytes(target / f"{path.stem}.ipynb", to_bytes(notebook)))
    return written


def main(arguments: Sequence[str] | None = None) -> int:
    """`python -m gsv_lab.teaching.exercises.notebook build [--solved DIR] [--notebooks DIR]`."""
    parser = argparse.ArgumentParser(
        prog="python -m gsv_lab.teaching.exercises.notebook", description="Build the notebooks."
    )
    command = parser.add_subparsers(required=True).add_parser("build", help="sources to .ipynb")
    command.add_argument("--solved", type=Path, metavar="DIR", help="write the notebooks with solutions there")
    command.add_argument("--notebooks", type=Path, default=FOLDER, metavar="DIR", help="the folder that holds src/")
    options = parser.parse_args(arguments)
    for path in build_all(options.notebooks, options.solved):
        sys.stdout.write(f"{path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
