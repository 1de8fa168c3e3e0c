"""Runs notebooks in kernels of their own and says what their checks found."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import nbformat
from nbclient import NotebookClient

from gsv_lab.teaching.exercises.notebook import build, read_source, sources, to_bytes

NOTEBOOKS = Path(__file__).resolve().parents[2] / "notebooks"
SOURCES = sources(NOTEBOOKS)
LONGEST_CELL = 60
"""Seconds."""


def made(source: Path, with_solutions: bool) -> Any:
    """The notebook of a source."""
    cells = read_source(source.read_text(encoding="utf-8"), source.name)
    return nbformat.reads(to_bytes(build(cells, with_solutions)).decode(), as_version=4)


def run(notebook: Any, folder: Path) -> Any:
    """Run every cell in a new kernel, which starts in `folder`; an exception in a cell is raised here."""
    client = NotebookClient(
        notebook, timeout=LONGEST_CELL, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def outputs(notebook: Any, tag: str = "") -> list[Any]:
    """All outputs of the code cells that carry a tag."""
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [out for cell in cells if not tag or tag in cell.metadata.get("tags", []) for out in cell.outputs]


def shown(found: list[Any], kind: str) -> list[str]:
    """What outputs show in one MIME type."""
    return [out.data[kind] for out in found if "data" in out and kind in out.data]


def pngs(found: list[Any]) -> list[str]:
    """Every picture of some outputs, base64: shown as such, or inside HTML beside its sounds."""
    inside = [re.findall(r'src="data:image/png;base64,([^"]+)"', page) for page in shown(found, "text/html")]
    return [*shown(found, "image/png"), *(png for page in inside for png in page)]


def cards(notebook: Any) -> list[str]:
    """The text of every card of a check, `passed | ...` or `not yet | ...`."""
    texts = [text.strip() for text in shown(outputs(notebook, "exercise"), "text/plain")]
    return [text for text in texts if text.startswith(("passed |", "not yet |"))]
