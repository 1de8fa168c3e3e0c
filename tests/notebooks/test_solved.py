"""The teachers' form with the shipped weights: it runs offline, every check is green, every picture is there."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest

from .kernels import SOURCES, cards, made, outputs, pngs, run, shown

pytest.importorskip("ipykernel", reason="kernels are in the extra [dev]")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_solved_form_passes_every_check(
    source: Path, offline_kernels: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GSV_LAB_GRADING", "1")
    monkeypatch.delenv("GSV_LAB_SPEECH", raising=False)
    notebook = run(made(source, with_solutions=True), tmp_path)
    exercises = [cell for cell in notebook.cells if "exercise" in cell.metadata.get("tags", [])]
    found = cards(notebook)
    assert len(found) == len(exercises) >= 5
    assert all(card.startswith("passed |") for card in found)
    pictures = [base64.b64decode(png) for png in pngs(outputs(notebook, "figure"))]
    figures = [cell for cell in notebook.cells if "figure" in cell.metadata.get("tags", [])]
    assert len(pictures) >= len(figures) >= 1
    assert all(png.startswith(b"\x89PNG") and len(png) > 5000 for png in pictures)
    assert len(shown(outputs(notebook, "widget"), "application/vnd.jupyter.widget-view+json")) >= 1
    # What a reader keeps should stay small: whole utterances, but no long recording and no large picture.
    assert len(str(outputs(notebook))) < 2e7
