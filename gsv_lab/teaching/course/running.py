"""Runs a notebook in a kernel of its own, for the book: with or without solutions, widgets as still pictures."""

from __future__ import annotations

import ast
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

from gsv_lab.errors import LabError
from gsv_lab.system.environment import surroundings
from gsv_lab.teaching.course.chapters import Chapter
from gsv_lab.teaching.exercises.notebook import build
from gsv_lab.teaching.page import Page
from gsv_lab.teaching.widgets.player import picture_html

LONGEST_CELL = 300
"""Seconds; the slowest takes about ten, on two cores that do nothing else."""
_STILL = "from gsv_lab.teaching.course.running import still as _still\n\n_still({widget})"


def still(explorer: Any) -> Page:
    """What an explorer shows at first, without its controls."""
    shown = explorer.snapshot()
    return Page(shown if isinstance(shown, str) else picture_html(shown), "a widget, as it begins")


def without_widget(source: str) -> str:
    """A cell whose last line is `explorer.view`, with what the explorer shows in its place."""
    last = ast.parse(source).body[-1:]
    match last:
        case [ast.Expr(value=ast.Attribute(value=widget, attr="view"))]:
            lines = source.splitlines()[: last[0].lineno - 1]
            return "\n".join([*lines, _STILL.format(widget=ast.unparse(widget))])
    return source


def run_chapter(chapter: Chapter, folder: Path, with_solutions: bool, progress: Callable[[float, str], None]) -> Any:
    """The executed notebook, an `nbformat` notebook.

    Args:
        chapter: what is run.
        folder: where its kernel starts.
        with_solutions: run the teachers' form.
        progress: called with the share of the cells that are done, and a word on it.

    Raises:
        LabError: BOOK_CELL, a cell raised, took longer than `LONGEST_CELL`, or its kernel died.
    """
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellControlSignal, CellExecutionError, DeadKernelError

    notebook = nbformat.reads(json.dumps(build(chapter.cells, with_solutions, chapter.stem)), as_version=4)
    for cell in notebook.cells:
        if "widget" in cell.metadata.get("tags", []):
            cell.source = without_widget(cell.source)
    client = NotebookClient(
        notebook,
        timeout=LONGEST_CELL,
        coalesce_streams=True,
        kernel_name="python3",
        resources={"metadata": {"path": str(folder)}},
    )
    # Recordings of a reader are no part of a book, and a wrong answer is a card.
    environment = surroundings(GSV_LAB_SPEECH=None, GSV_LAB_GRADING=None)
    number = 0
    try:
        # Cell by cell: `client.execute` keeps Ctrl-C for itself, also after it is done. What a kernel says beside its
        # answers, such as on its transport, is not for the reader of a progress bar.
        with client.setup_kernel(env=environment, stderr=subprocess.DEVNULL):
            for number, cell in enumerate(notebook.cells):
                progress(number / len(notebook.cells), f"{chapter.stem}, cell {number + 1} of {len(notebook.cells)}")
                client.execute_cell(cell, number)
        return notebook
    except CellExecutionError as error:
        why = f"{error.ename}: {error.evalue}"
    except (CellControlSignal, DeadKernelError) as error:
        why = str(error)
    problem = f"Notebook {chapter.stem}, cell {number + 1}: {why}"
    raise LabError("BOOK_CELL", problem, "", "Mend the cell and call again; pages that were finished are kept")
